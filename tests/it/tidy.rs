//! The plan of the house, kept: which room names which, which package has its door where, how long files are.
//! Reads the source as text; needs no dependency.

use std::fs;
use std::path::{Path, PathBuf};

/// The longest file, in lines.
const MAX_LINES: usize = 400;

/// Room → what it may name after `crate::`. A room may always name itself; `app` and `cli` may name all.
const FLOORS: [(&str, &[&str]); 8] = [
    ("auth", &[]),
    ("risk", &["auth"]),
    ("flow", &["auth", "risk"]),
    ("store", &["auth", "risk", "flow::ports"]),
    // Letters are worded by the same catalogue as pages.
    ("notify", &["auth", "flow::ports", "portal::format", "portal::messages"]),
    ("portal", &["auth", "flow"]),
    ("proxy", &["auth", "flow", "portal"]),
    (
        "config",
        &[
            "auth",
            "risk::settings",
            "flow::settings",
            "notify::settings",
            "store::settings",
            "store::places",
            "store::breached_passwords",
            "portal::settings",
            "proxy::settings",
            "proxy::pem",
            "store::vault",
            "store::inspect",
        ],
    ),
];

/// Package → the modules that may name it (and what lies below them). Packages not listed are everybody's.
const DOORS: &[(&str, &[&str])] = &[
    ("pingora_core", &["proxy"]),
    ("pingora_proxy", &["proxy"]),
    ("pingora_http", &["proxy"]),
    ("pingora_error", &["proxy"]),
    ("h2", &["proxy"]),
    // Tests of TLS to Redis install the provider that `main` installs.
    ("rustls", &["proxy", "main", "store::redis::tests"]),
    ("rustls_pki_types", &["proxy"]),
    ("tokio_rustls", &["proxy"]),
    ("x509_parser", &["proxy"]),
    ("prometheus", &["proxy"]),
    ("socket2", &["proxy::upstream", "proxy::client::listener_close", "proxy::tests"]),
    ("nix", &["proxy::client::listener_close"]),
    ("memchr", &["proxy::client::h1_framing"]),
    ("axum", &["portal", "cli::demo::sample"]),
    ("tower", &["portal", "cli::demo::sample"]),
    ("tower_http", &["portal"]),
    ("askama", &["portal"]),
    ("utoipa", &["portal"]),
    ("fluent_bundle", &["portal::messages"]),
    ("fluent_syntax", &["portal::messages"]),
    ("fast_qr", &["portal::qr"]),
    ("utoipa_axum", &["portal::router"]),
    ("png", &["portal"]),
    ("flate2", &["portal::assets"]),
    ("sqlx", &["store::sql", "store::embedded", "store::contract"]),
    ("redis", &["store::redis"]), // written `::redis` there, beside the module of that name
    ("moka", &["store::redis", "store::embedded", "flow"]),
    ("totp_rs", &["auth::factor::totp"]),
    ("phonenumber", &["auth::address::phone_number"]),
    ("argon2", &["auth::factor::password", "auth::factor::backup_codes"]),
    ("rustix", &["flow::hashing"]),
    ("zxcvbn", &["auth::factor::password::rule"]),
    ("jsonwebtoken", &["auth::assertion"]),
    ("aws_lc_rs", &["auth::assertion", "proxy::websocket", "auth::factor::passkey::testing"]),
    ("webauthn_rs_core", &["auth::factor::passkey::library"]),
    ("chacha20poly1305", &["store::vault"]),
    ("maxminddb", &["store::places::geo_database"]),
    ("sha1", &["store::breached_passwords"]),
    ("serde_saphyr", &["config"]),
    ("psl", &["config"]),
    ("schemars", &["config"]),
    ("strsim", &["auth::text::similar"]),
    ("time", &["auth::time"]),
    ("humantime", &["config", "cli"]),
    ("bytesize", &["config"]),
    ("clap", &["cli"]),
    ("csv", &["cli::risk"]),
    ("rpassword", &["cli"]),
    ("tracing_subscriber", &["cli"]),
    ("lettre", &["notify::mail"]),
    ("reqwest", &["notify::sms"]),
    ("httpdate", &["notify::sms::answer"]),
    ("hyper", &["cli::demo::sample"]),
    ("hyper_util", &["cli::demo::sample"]),
    ("httparse", &["cli::demo::sample"]),
    ("tokio_tungstenite", &["cli::demo::sample"]),
    ("mimalloc", &["main"]),
    ("sd_notify", &["app::service_manager"]),
];

/// What only the evaluator names: where pages or commands walked rules, they would decide a second time. The demo writes
/// its rules as the configuration does.
const RULES: [&str; 4] = ["Policy", "AppPolicy", "Rule", "Access"];
const WITHOUT_RULES: [&str; 2] = ["portal", "cli"];
const WRITES_RULES: &str = "cli::demo::settings";

/// What the ground floor never says.
const NOT_ON_THE_GROUND: [&str; 6] = ["async fn", "async move", ".await", "tokio::", "tracing::", "axum::"];

/// What those files never name that say what a request is: the library that received it, and sockets.
const NOT_IN_REQUEST: [&str; 2] = ["pingora", "tokio"];

/// Everything wrong with a source tree, as `file:line: what`.
fn faults(src: &Path) -> Vec<String> {
    let mut files = Vec::new();
    walk(src, &mut files);
    files.sort();
    let mut faults = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let shown = file.strip_prefix(src).unwrap().display().to_string();
        let module = shown.trim_end_matches(".rs").trim_end_matches("/mod").replace('/', "::");
        let count = text.lines().count();
        if count > MAX_LINES {
            faults.push(format!("{shown}:{count}: longer than {MAX_LINES} lines"));
        }
        let shadowed: Vec<&str> = DOORS.iter().map(|(p, _)| *p).filter(|p| shadows(&text, p)).collect();
        for (number, line) in text.lines().enumerate() {
            let code = code(line);
            for what in judge(&module, &code, &shadowed) {
                faults.push(format!("{shown}:{}: {what}", number + 1));
            }
        }
        for path in imports(&text) {
            if let Some(what) = floor(&module, &path) {
                faults.push(format!("{shown}: {what}"));
            }
        }
    }
    faults
}

pub(crate) fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

/// A line without its comment and without what stands in quotes.
fn code(line: &str) -> String {
    let mut code = String::new();
    for (i, part) in line.split('"').enumerate() {
        if i % 2 == 0 {
            if let Some((before, _)) = part.split_once("//") {
                code.push_str(before);
                break;
            }
            code.push_str(part);
        }
    }
    code
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Where `word` stands as a whole name.
fn names<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |at| !code[..*at].ends_with(is_name) && !code[at + word.len()..].starts_with(is_name))
}

fn within(module: &str, room: &str) -> bool {
    module == room || module.strip_prefix(room).is_some_and(|rest| rest.starts_with("::"))
}

/// Whether a package's name means a module in this file: one of ours (`pub mod redis;`), or another package's,
/// imported (`use rustls::crypto::aws_lc_rs;`).
fn shadows(text: &str, package: &str) -> bool {
    let ours = format!("mod {package};");
    text.lines().any(|line| {
        let brought = || {
            line.split_once("::")
                .is_some_and(|(_, rest)| names(rest, package).any(|at| !rest[at + package.len()..].starts_with("::")))
        };
        line.trim_start_matches("pub ") == ours || (line.starts_with("use ") && brought())
    })
}

/// What is wrong with one line.
fn judge(module: &str, code: &str, shadowed: &[&str]) -> Vec<String> {
    let mut wrong = Vec::new();
    if code.contains("super::super") {
        wrong.push("`super::super`: name it from `crate`".to_owned());
    }
    if names(code, "unsafe").next().is_some() {
        wrong.push("`unsafe`".to_owned());
    }
    if within(module, "auth") || within(module, "risk") {
        wrong.extend(
            NOT_ON_THE_GROUND.iter().filter(|w| code.contains(**w)).map(|w| format!("the ground floor says `{w}`")),
        );
    }
    let is_test = module.split("::").any(|part| part == "tests");
    if WITHOUT_RULES.iter().any(|room| within(module, room)) && !is_test && module != WRITES_RULES {
        let named = RULES.iter().filter(|name| names(code, name).next().is_some());
        wrong.extend(named.map(|name| format!("`{name}`: rules are walked by the evaluator")));
    }
    if within(module, "proxy::request") {
        wrong.extend(NOT_IN_REQUEST.iter().filter(|w| code.contains(**w)).map(|w| format!("a request knows no `{w}`")));
    }
    // In the first file of a room, `super` is the crate.
    let others = FLOORS.iter().map(|(room, _)| *room).chain(["app", "cli"]).filter(|room| *room != module);
    for room in others.filter(|_| FLOORS.iter().any(|(first, _)| *first == module)) {
        if code.contains(&format!("super::{room}::")) && floor(module, room).is_some() {
            wrong.push(format!("`{module}` names `crate::{room}` by `super`"));
        }
    }
    for (package, doors) in DOORS {
        let outside = !doors.iter().any(|door| within(module, door));
        let named = names(code, package).any(|at| {
            let before = code[..at].trim_end();
            let path = code[at + package.len()..].starts_with("::");
            let import = (before == "use" || before.ends_with(" use")) && !path;
            match before.strip_suffix("::") {
                // `::redis::…` is the package, `crate::store::redis::…` a module.
                Some(left) => !left.ends_with(is_name),
                None => (path || import) && !shadowed.contains(package),
            }
        });
        if named && outside {
            wrong.push(format!("`{package}` has its door at {}", doors.join(", ")));
        }
    }
    wrong
}

/// Every path named from `crate::`, with groups in braces taken apart.
fn imports(text: &str) -> Vec<String> {
    let code: String = text.lines().map(|l| code(l) + "\n").collect();
    let mut paths = Vec::new();
    for at in names(&code, "crate") {
        if let Some(rest) = code[at..].strip_prefix("crate::") {
            expand("", rest, &mut paths);
        }
    }
    paths
}

/// Adds the paths that begin at `rest` under `prefix`; returns what follows.
fn expand<'a>(prefix: &str, rest: &'a str, paths: &mut Vec<String>) -> &'a str {
    let rest = rest.trim_start();
    if let Some(mut inner) = rest.strip_prefix('{') {
        loop {
            inner = expand(prefix, inner, paths).trim_start();
            match inner.strip_prefix(',') {
                Some(next) if !next.trim_start().starts_with('}') => inner = next,
                Some(next) => return next.trim_start().trim_start_matches('}'),
                None => return inner.strip_prefix('}').unwrap_or(inner),
            }
        }
    }
    let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
    let path = if prefix.is_empty() { rest[..end].to_owned() } else { format!("{prefix}::{}", &rest[..end]) };
    match rest[end..].strip_prefix("::") {
        Some(deeper) => expand(&path, deeper, paths),
        None => {
            paths.push(path);
            &rest[end..]
        }
    }
}

/// What is wrong with naming `path` in `module`.
fn floor(module: &str, path: &str) -> Option<String> {
    let room = module.split("::").next().unwrap_or(module);
    let (_, allowed) = FLOORS.iter().find(|(name, _)| *name == room)?;
    let fine = within(path, room) || allowed.iter().any(|a| within(path, a));
    // Macros and items at the root of the crate would be named here too; there are none.
    (!fine).then(|| format!("`{room}` names `crate::{path}`"))
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

#[test]
fn the_house_is_as_drawn() {
    let faults = faults(&source());
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// The faults of a small tree with one planted file.
fn planted(file: &str, text: &str) -> String {
    let tree = tempfile::tempdir().unwrap();
    let path = tree.path().join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    faults(tree.path()).join("\n")
}

#[test]
fn a_wrong_import_is_caught() {
    for (file, line) in [
        ("auth/policy/mod.rs", "use crate::flow::Flows;"),
        ("risk/score.rs", "use crate::flow::ports::Clock;"),
        ("flow/login.rs", "use crate::store::Stores;"),
        ("flow/login.rs", "use crate::auth::{user::UserId, time};\nfn f() { crate::config::load() }"),
        ("store/sql/mod.rs", "use crate::{auth::user::UserId, flow::{ports::Ports, login}};"),
        ("portal/mod.rs", "use crate::{\n    auth::user,\n    proxy::Proxy,\n};"),
        ("proxy/dispatch.rs", "use crate::config::Settings;"),
        ("config/mod.rs", "use crate::flow::Flows;"),
        ("flow/mod.rs", "use super::store::Stores;"),
    ] {
        assert!(planted(file, line).contains("names `crate::"), "{file}: {line}");
    }
}

#[test]
fn a_wrong_door_is_caught() {
    for (file, line) in [
        ("flow/mod.rs", "use pingora_proxy::Session;"),
        ("portal/api.rs", "let x = rustls::ServerConfig::builder();"),
        ("store/mod.rs", "use redis::AsyncCommands;"),
        ("store/mod.rs", "pub mod redis;\nuse ::redis::AsyncCommands;"),
        ("store/redis/mod.rs", "use sqlx::Row;"),
        ("auth/password.rs", "use totp_rs::TOTP;"),
        ("proxy/mod.rs", "use axum;"),
    ] {
        assert!(planted(file, line).contains("has its door"), "{file}: {line}");
    }
}

#[test]
fn a_busy_ground_floor_a_long_file_and_shortcuts_are_caught() {
    assert!(planted("auth/x.rs", "pub async fn f() {}").contains("the ground floor says"));
    assert!(planted("auth/x.rs", "fn f() { tracing::info!(); }").contains("the ground floor says"));
    assert!(planted("risk/x.rs", "async fn f() {}").contains("the ground floor says"));
    assert!(planted("proxy/request/x.rs", "use pingora_http::RequestHeader;").contains("a request knows no `pingora`"));
    assert!(planted("proxy/request/x.rs", "fn f(s: &tokio::net::TcpStream) {}").contains("a request knows no `tokio`"));
    assert!(planted("flow/x.rs", &"\n".repeat(MAX_LINES + 1)).contains("longer than"));
    assert!(planted("flow/x.rs", "use super::super::y;").contains("super::super"));
    assert!(planted("flow/x.rs", "fn f() { unsafe { g() } }").contains("`unsafe`"));
}

#[test]
fn a_second_evaluator_is_caught() {
    for (file, line) in [
        ("portal/browser/login.rs", "use crate::auth::policy::rule::Rule;"),
        ("portal/state.rs", "use crate::auth::policy::{Policy, cors};"),
        ("cli/explain/mod.rs", "let Access::Guarded { requirement, .. } = &rule.access else { return };"),
        ("cli/check.rs", "fn f(app: &AppPolicy) {}"),
    ] {
        assert!(planted(file, line).contains("rules are walked by the evaluator"), "{file}: {line}");
    }
}

#[test]
fn what_is_allowed_is_left_alone() {
    for (file, text) in [
        (
            "store/redis/mod.rs",
            "use redis::Cmd;\nuse crate::flow::ports::{Answer, Sessions};\nuse crate::store::settings::X;",
        ),
        ("store/mod.rs", "mod redis;\nuse self::redis::Redis;\n// use sqlx::Row; unsafe\nlet s = \"axum::Router\";"),
        ("cli/run.rs", "use crate::{app, config::Settings};"),
        (
            "proxy/client/certificates.rs",
            "use rustls::crypto::{CryptoProvider, aws_lc_rs};\nlet x = aws_lc_rs::sign();",
        ),
        ("cli/demo/settings.rs", "use crate::auth::policy::rule::{Access, Rule};"),
        ("cli/explain/tests.rs", "use crate::auth::policy::Policy;"),
        ("portal/browser/login.rs", "use crate::auth::proof::decision::RuleSummary; // no Rule"),
        ("main.rs", "rustls::crypto::aws_lc_rs::default_provider();"),
        ("flow/x.rs", &"\n".repeat(MAX_LINES)),
    ] {
        assert_eq!(planted(file, text), "", "{file}");
    }
}
