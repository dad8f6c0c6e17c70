//! From a path to settings, or to everything that is wrong.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::candidate;
use super::report::{Problem, Problems, Severity, render};
use super::schema;
use super::sections::app::{self, AppContext};
use super::sections::checker::{Checker, READABLE, world_readable};
use super::sections::listen::ListenContext;
use super::sections::require::Strengths;
use super::sections::root::Root;
use super::sections::{
    enroll, factors, limits, listen, mail, passkeys, portal, recovery, risk, secrets, session, signup, sms, state, tls,
    users,
};
use super::settings::{Report, Settings};
use super::yaml::collect::{Removed, collect, collect_items};
use super::yaml::tree::Node;
use super::yaml::{Span, Spanned, parse, placeholder};
use crate::auth::policy::Policy;
use crate::auth::time::Timestamp;
use crate::flow::settings::FlowSettings;
use crate::notify::settings::NotifySettings;
use crate::portal::settings::PortalHost;
use crate::proxy::settings::{ClientLimits, ProxySettings};
use crate::store::settings::StoreSettings;

/// What came of a configuration file.
pub struct Loaded {
    /// The settings, unless there is an error.
    pub settings: Option<Settings>,
    /// Every error and warning, in the order of the file.
    pub problems: Vec<Problem>,
}

impl Loaded {
    /// How many problems of this kind there are.
    pub fn count(&self, severity: Severity) -> usize {
        self.problems.iter().filter(|p| p.severity == severity).count()
    }

    /// One line for people: `FILE: ok, 3 apps, 14 rules, 0 warnings`, or how many errors there are.
    pub fn summary(&self, path: &Path) -> String {
        let many = |n: usize, word: &str| if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") };
        let warnings = many(self.count(Severity::Warning), "warning");
        match &self.settings {
            None => format!("{}: {}, {warnings}", path.display(), many(self.count(Severity::Error), "error")),
            Some(settings) => {
                let apps = settings.policy.apps().count();
                let rules = settings.policy.apps().map(|a| a.rules.len()).sum();
                format!("{}: ok, {}, {}, {warnings}", path.display(), many(apps, "app"), many(rules, "rule"))
            }
        }
    }

    /// Everything for a machine: `{"file", "ok", "apps", "rules", "errors", "warnings", "accent", "problems": [{"severity",
    /// "file", "line", "column", "message", "fix", "snippet"}]}`.
    pub fn json(&self, path: &Path) -> serde_json::Value {
        let policy = self.settings.as_ref().map(|s| &s.policy);
        let accent = self.settings.as_ref().and_then(|s| s.portal.accent);
        serde_json::json!({
            "file": path.display().to_string(),
            "ok": self.settings.is_some(),
            "apps": policy.map(|p| p.apps().count()),
            "rules": policy.map(|p| p.apps().map(|a| a.rules.len()).sum::<usize>()),
            "errors": self.count(Severity::Error),
            "warnings": self.count(Severity::Warning),
            "accent": accent.map(|a| serde_json::json!({ "light": a.light().to_string(), "dark": a.dark().to_string() })),
            "problems": self.problems,
        })
    }

    /// What the process exits with: 0, or 78 (`EX_CONFIG`).
    pub const fn exit_code(&self) -> u8 {
        if self.settings.is_some() { 0 } else { 78 }
    }

    /// Takes the settings back: they cannot be used, for a reason that no line of the file shows.
    pub fn refuse(&mut self, path: &Path, message: String) {
        let mut problems = Problems::new(&path.display().to_string(), "", schema::tree());
        problems.error(Span::default(), message, "");
        self.settings = None;
        self.problems.extend(problems.into_problems());
    }

    /// Every problem as a workflow command of GitHub.
    pub fn github(&self) -> String {
        self.problems.iter().map(render::github).collect()
    }

    /// Every problem for a terminal of 80 columns.
    pub fn text(&self, colour: bool) -> String {
        render::all(self.problems.iter(), colour)
    }
}

/// Loads a configuration file.
///
/// # Errors
/// Every problem of the file at once.
pub fn load(path: &Path) -> Result<Settings, Report> {
    let Loaded { settings, problems } = inspect(path, None);
    settings.ok_or_else(|| Report { text: render::all(problems.iter(), false), count: errors(&problems) })
}

fn errors(problems: &[Problem]) -> usize {
    problems.iter().filter(|p| p.severity == Severity::Error).count()
}

/// As [`inspect`], for a process that serves: a pipe, which could keep it waiting for ever, is an error.
pub fn inspect_again(path: &Path, now: Option<Timestamp>) -> Loaded {
    match std::fs::metadata(path) {
        Ok(meta) if !meta.is_file() && !meta.is_dir() => {
            failed(path, "this is not a regular file".to_owned(), "only `check` and a start read a pipe")
        }
        _ => inspect(path, now),
    }
}

fn failed(path: &Path, message: String, fix: &str) -> Loaded {
    let mut problems = Problems::new(&path.display().to_string(), "", schema::tree());
    problems.error(Span::default(), message, fix);
    Loaded { settings: None, problems: problems.into_problems() }
}

/// What a file is read for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FileRole {
    /// To be put in force.
    Whole,
    /// To try its rules.
    Candidate,
}

/// Loads a configuration file; returns errors and warnings alike. With `now`, expired certificates are warned of.
pub fn inspect(path: &Path, now: Option<Timestamp>) -> Loaded {
    inspect_as(path, now, FileRole::Whole)
}

pub(super) fn inspect_as(path: &Path, now: Option<Timestamp>, role: FileRole) -> Loaded {
    let file = path.display().to_string();
    let dir = home(path);
    let failed = |message: String, fix: &str| failed(path, message, fix);
    match std::fs::metadata(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return failed("there is no such file".to_owned(), "name the configuration file with -c FILE");
        }
        Err(e) => return failed(format!("cannot read this file: {e}"), READABLE),
        Ok(meta) if meta.is_dir() => return failed("this is a directory".to_owned(), "name the file in it"),
        Ok(meta) if meta.len() > parse::MAX_BYTES as u64 => {
            return failed(too_large(meta.len()), "is this the right file? Serve some hosts by another gateway");
        }
        Ok(_) => {}
    }
    // What has no length, as a pipe, may have no end either.
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(parse::MAX_BYTES as u64 + 1).read_to_end(&mut bytes));
    if let Err(e) = read {
        return failed(format!("cannot read this file: {e}"), READABLE);
    }
    from_bytes_as(&file, &dir, &bytes, now, (role, world_readable(path)))
}

/// The message about a file of so many bytes.
fn too_large(bytes: u64) -> String {
    format!("this file has {bytes} bytes, more than the {} (16 MiB) that are read", parse::MAX_BYTES)
}

/// The directory of a file, absolute wherever the working directory is known: other paths start there.
pub(crate) fn home(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.parent().map_or_else(|| PathBuf::from("/"), Path::to_owned)
}

/// Loads a configuration from bytes; `dir` is where its relative paths start. `open_to_all`: everybody may read it.
#[cfg(test)]
pub(crate) fn from_bytes(file: &str, dir: &Path, bytes: &[u8], now: Option<Timestamp>, open_to_all: bool) -> Loaded {
    from_bytes_as(file, dir, bytes, now, (FileRole::Whole, open_to_all))
}

fn from_bytes_as(
    file: &str,
    dir: &Path,
    bytes: &[u8],
    now: Option<Timestamp>,
    (role, open_to_all): (FileRole, bool),
) -> Loaded {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(e) => {
            let lossy = String::from_utf8_lossy(bytes);
            let mut problems = Problems::new(file, &lossy, schema::tree());
            let at = Span { start: e.valid_up_to(), end: e.valid_up_to() };
            problems.error(at, "this byte is not UTF-8", "save the file as UTF-8");
            return Loaded { settings: None, problems: problems.into_problems() };
        }
    };
    let mut problems = Problems::new(file, text, schema::tree());
    if bytes.len() > parse::MAX_BYTES {
        problems.error(Span::default(), too_large(bytes.len() as u64), "is this the right file?");
        return Loaded { settings: None, problems: problems.into_problems() };
    }
    let Some(mut root) = parse::parse(text, &mut problems) else {
        return Loaded { settings: None, problems: problems.into_problems() };
    };
    problems.mark(&root);
    let declared: Vec<String> =
        root.get("strengths").map(|s| s.keys().map(str::to_owned).collect()).unwrap_or_default();
    let mut removed = Removed::new(placeholder::remove_placeholders(&mut root, &mut problems));
    let apps = root.take_items("apps");
    let options = collect::<Root>(&mut root, &mut problems, &mut removed).and_then(|mut options| {
        if let Some(list) = options.apps.as_mut().filter(|_| !apps.is_empty()) {
            list.value = collect_items(list.at, apps, &mut problems, &mut removed)?;
        }
        Some(options)
    });
    let Some(mut options) = options else {
        return Loaded { settings: None, problems: problems.into_problems() };
    };
    let mut cx = Checker::new(dir, now, problems, removed.places);
    cx.open_to_all = open_to_all;
    let tried = options.policy.take().and_then(|policy| policy.value.candidate);
    let settings = validate(options, declared, &root, &mut cx);
    let (settings, of_candidate) = match tried {
        None => (settings, Vec::new()),
        Some(key) if role == FileRole::Candidate => {
            cx.error(key.at, "a candidate has no candidate of its own", "leave it out of this file");
            (settings, Vec::new())
        }
        Some(key) => match candidate::path(&key, &mut cx) {
            None => (settings, Vec::new()),
            Some(path) => {
                let Loaded { settings: candidate, mut problems } = inspect_as(&path, now, FileRole::Candidate);
                problems.retain(|problem| problem.severity == Severity::Error);
                (candidate::beside(settings, candidate, &key, &mut cx), problems)
            }
        },
    };
    let errors = cx.problems.errors();
    let problems: Vec<Problem> = cx.problems.into_problems().into_iter().chain(of_candidate).collect();
    let settings = settings.filter(|_| errors == 0).map(|mut settings| {
        settings.warnings = problems.iter().map(|p| render::problem(p, false)).collect();
        settings
    });
    Loaded { settings, problems }
}

/// Judges every section, however many of them are wrong.
fn validate(options: Root, declared: Vec<String>, root: &Node, cx: &mut Checker) -> Option<Settings> {
    let mut flow = FlowSettings::default();
    let mut clients = ClientLimits::default();
    let given_tls = options.tls.is_some() || cx.was_removed(root.at, "tls");
    let trusted_proxies = listen::trusted(options.trusted_proxies.as_ref(), cx);
    let context = ListenContext { tls: given_tls, trusted: options.trusted_proxies.is_some_and(|t| !t.is_empty()) };
    let listen = listen::validate(options.listen, &context, cx);
    let (certificates, coverage) = tls::validate(options.tls, cx);
    let portal_options = options.portal.map(|p| p.value);
    if let Some(name) = portal_options.as_ref().and_then(|p| p.name.as_ref()) {
        let issuer = Spanned { value: name.value.replace(':', " "), at: name.at };
        factors::set_issuer(&mut flow, &issuer, cx);
    }
    let portal_host = portal_options.as_ref().and_then(|p| p.host.as_ref());
    let portal_host = portal_host.and_then(|host| portal::host(host, coverage.as_ref(), cx));
    let mut portal = portal::validate(portal_options, cx);
    let switched = factors::validate(options.factors, &mut flow, cx);
    session::validate(options.session, &mut flow, cx);
    limits::validate(options.limits, &mut flow.limits, &mut flow.codes.limits, &mut clients, cx);
    let mut users_options = options.users;
    let database = users::database(users_options.as_mut().map(|u| (&mut u.value, u.at)), cx);
    let sign_up = users_options.as_mut().and_then(|u| u.value.signup.take());
    let breached_passwords = users::breached(users_options.as_ref().and_then(|u| u.value.password.as_ref()), cx);
    let min_length = users::min_length(users_options.as_mut().and_then(|u| u.value.password.as_mut()), cx);
    flow.password = users::password(users_options.and_then(|u| u.value.password), cx);
    let state = state::validate(options.state, options.state_file, database.as_ref(), cx);
    let keys = secrets::validate(options.secrets, database.as_ref(), cx);
    let (risk, places) = risk::validate(options.risk, cx);
    flow.risk = risk;
    let given = |key: &str, given: bool| given || cx.was_removed(root.at, key);
    let given_senders = (given("mail", options.mail.is_some()), given("sms", options.sms.is_some()));
    let mail = mail::validate(options.mail, cx);
    flow.mail = mail.is_some();
    flow.enroll = enroll::validate(options.enroll, given_senders.0, cx);
    let (sms, countries) = sms::validate(options.sms, cx);
    flow.codes.countries = countries;
    switched.need_senders(given_senders, cx);
    recovery::validate(options.recovery, given_senders.0, &mut flow, cx);
    flow.sign_up = signup::validate(sign_up, given_senders.0, cx);
    let notify =
        NotifySettings { name: Some(portal.name.clone()).filter(|name| !name.is_empty()), mail, sms, kept: None };
    flow.portal_host = portal_host.as_ref().map(|host| host.value.clone());
    // Where one host signs people in for all, the passkeys are its own.
    let alone = app::alone(options.apps.as_ref());
    let hosts = match flow.portal_host.clone() {
        None => app::hosts(options.apps.as_ref()),
        Some(host) => alone.iter().cloned().chain([host]).collect(),
    };
    if let Some(passkeys) = &mut flow.passkeys {
        passkeys.alone = alone;
    }
    passkeys::settle(switched.relying_party.as_ref(), &hosts, &mut flow, cx);
    let strengths = Strengths::validate(options.strengths, declared, flow.served(), cx);
    let context = AppContext {
        strengths: &strengths,
        flow: &flow,
        coverage: coverage.as_ref(),
        listen: &listen,
        portal: portal_host.as_ref(),
    };
    let (apps, policies, pages) = app::validate(options.apps, &context, cx);
    let portal_host = portal_host.map(|host| host.value);
    let policy = Policy::new(policies);
    let names = policy.apps().map(|app| app.host.as_str()).chain(portal_host.as_deref()).chain([portal.name.as_str()]);
    flow.new_passwords = users::new_passwords(min_length, flow.password.max_bytes, &policy, names);
    portal.scripts = pages.scripts;
    portal.host = portal_host.clone().map(|name| PortalHost { name, without: pages.without });
    let shutdown_grace = options.shutdown_grace.map_or(std::time::Duration::from_secs(30), |t| t.0);
    Some(Settings {
        flow,
        portal,
        notify,
        proxy: ProxySettings {
            listen,
            certificates,
            trusted_proxies,
            limits: clients,
            apps,
            portal_host,
            shutdown_grace,
        },
        store: StoreSettings { database: database?.url, state: state?, keys: keys?, places, breached_passwords },
        policy,
        warnings: Vec::new(),
    })
}
