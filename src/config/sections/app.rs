//! `apps`: hosts, servers, rules.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::hold::{self, HoldOptions};
use super::identity::{self, IdentityOptions};
use super::registrable_domain::registrable_domain;
use super::require::Strengths;
use super::rules::{self, RuleOptions, TransactionPlace};
use super::scripts::{self, DialectOption};
use super::tls::Coverage;
use super::upstream::{self, UpstreamOptions};
use crate::auth::held_request::FormType;
use crate::auth::policy::AppPolicy;
use crate::auth::policy::rule::{Access, Rule};
use crate::auth::proof::Offer;
use crate::auth::resource::Tolerances;
use crate::config::sections::checker::Checker;
use crate::config::sections::rules::unreachable;
use crate::config::sections::scalars::SizeLimit;
use crate::config::sections::switch::Switch;
use crate::config::yaml::{Span, Spanned};
use crate::flow::settings::FlowSettings;
use crate::portal::settings::ScriptSettings;
use crate::proxy::settings::{AppSettings, CookieSettings, Listen, SameSite, Server};

/// One app.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AppOptions {
    /// The host that people type, without port.
    host: Option<Spanned<String>>,
    /// Its servers: a URL, or a mapping.
    upstream: Option<Spanned<UpstreamOptions>>,
    /// Who the app is told is asking. Default: nobody.
    identity: Option<IdentityOptions>,
    /// What this app's URLs need although parsers read it differently. Default: nothing.
    tolerate: Option<Vec<Spanned<Tolerance>>>,
    /// The largest request body, or unlimited. Default: 100MiB.
    max_body: Option<SizeLimit>,
    /// Whether Location, Content-Location, Refresh and cookie domains of answers that name the app's own address are
    /// rewritten to what the browser asked; with host_header, Origin and Referer of requests the other way round.
    /// Default: on.
    rewrite: Option<bool>,
    /// Whether people sign in at `portal.host`, where there is one; off: on the app's own host. Default: on.
    portal: Option<bool>,
    /// What is added to the app's cookies where they do not say so themselves.
    cookies: Option<CookieOptions>,
    /// Which forms are kept while somebody signs in or proves more, and sent once after that: off, or how. Default: all that
    /// are no larger than 256KiB.
    hold: Option<Switch<HoldOptions>>,
    /// Libraries whose requests are answered in their own way, as [htmx]. Default: none.
    dialects: Option<Spanned<Vec<Spanned<DialectOption>>>>,
    /// Whether `/.stepgate/step-up.js` is served, by which scripts of the app ask for what a 401 lacks. Default: off.
    step_up_script: Option<bool>,
    /// The rules, first match wins.
    rules: Option<Spanned<Vec<Spanned<RuleOptions>>>>,
}

/// What is added to the cookies of an app.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CookieOptions {
    /// Secure, over https. Default: true.
    secure: Option<bool>,
    /// SameSite, to cookies that say none. Default: nothing is added.
    same_site: Option<Spanned<SameSiteOption>>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum SameSiteOption {
    /// Sent with navigations from other sites.
    Lax,
    /// Sent with nothing from other sites.
    Strict,
    /// Sent with everything from other sites; needs Secure.
    None,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Tolerance {
    /// `;name=value` inside segments.
    PathParameters,
    /// `%2F` and `%5C` inside segments.
    EncodedSlashes,
    /// `//`.
    DoubleSlashes,
    /// Octets that are no UTF-8 (`%E9`), of apps from before it.
    Latin1,
}

/// What an app needs to know of the rest of the file.
pub(crate) struct AppContext<'a> {
    /// The strengths that rules may name.
    pub(crate) strengths: &'a Strengths,
    /// What people prove themselves with.
    pub(crate) flow: &'a FlowSettings,
    /// What the certificates are good for.
    pub(crate) coverage: Option<&'a Coverage>,
    /// Where the gateway itself listens.
    pub(crate) listen: &'a Listen,
    /// `portal.host`.
    pub(crate) portal: Option<&'a Spanned<String>>,
}

/// What our pages know of the apps.
#[derive(Default)]
pub(crate) struct Pages {
    /// The hosts of those that keep their sign-in to themselves.
    pub(crate) without: BTreeSet<String>,
    /// What scripts get, by host.
    pub(crate) scripts: BTreeMap<String, ScriptSettings>,
}

/// Every app's settings and rules, and what our pages know of them.
pub(crate) type Apps = (Vec<AppSettings>, Vec<AppPolicy>, Pages);

const LARGEST_BODY: u64 = 100 * 1024 * 1024;

/// The hosts of all apps, as far as they are some.
pub(crate) fn hosts(options: Option<&Spanned<Vec<Spanned<AppOptions>>>>) -> Vec<String> {
    named(options, |_| true)
}

/// The hosts of the apps that keep their sign-in to themselves.
pub(crate) fn alone(options: Option<&Spanned<Vec<Spanned<AppOptions>>>>) -> Vec<String> {
    named(options, |app| app.portal == Some(false))
}

fn named(options: Option<&Spanned<Vec<Spanned<AppOptions>>>>, which: impl Fn(&AppOptions) -> bool) -> Vec<String> {
    let apps = options.iter().flat_map(|list| &list.value).filter(|app| which(&app.value));
    let hosts = apps.filter_map(|app| app.value.host.as_ref());
    hosts.filter_map(|host| crate::auth::host::from_operator(host.value.trim())).collect()
}

pub(crate) fn validate(
    options: Option<Spanned<Vec<Spanned<AppOptions>>>>,
    context: &AppContext<'_>,
    cx: &mut Checker,
) -> Apps {
    const FIX: &str = "write `apps:` and below it `- host: …`, `upstream: …`, `rules: …`";
    let given = options.is_some();
    let Spanned { value: list, at } = options.unwrap_or(Spanned { value: Vec::new(), at: Span::default() });
    if !given && !cx.was_removed_anywhere("apps") {
        cx.error(at, "`apps` is missing: what is protected?", FIX);
    } else if given && list.is_empty() && !cx.has_removed_items(at) {
        cx.error(at, "there is no app to protect", FIX);
    }
    let (mut hosts, mut audiences) = (HashMap::new(), HashMap::new());
    let mut pages = Pages::default();
    let mut one = |mut app: Spanned<AppOptions>| {
        let off = app.value.portal == Some(false);
        let scripts = scripts::validate(app.value.dialects.take(), app.value.step_up_script, cx);
        let (settings, policy) = one(app, &mut hosts, &mut audiences, context, cx)?;
        pages.without.extend(off.then(|| settings.host.clone()));
        pages.scripts.extend(scripts.map(|scripts| (settings.host.clone(), scripts)));
        Some((settings, policy))
    };
    let (settings, policies) = list.into_iter().filter_map(&mut one).unzip();
    (settings, policies, pages)
}

fn one(
    app: Spanned<AppOptions>,
    hosts: &mut HashMap<String, usize>,
    audiences: &mut identity::Audiences,
    context: &AppContext<'_>,
    cx: &mut Checker,
) -> Option<(AppSettings, AppPolicy)> {
    let Spanned { value: app, at } = app;
    let named = cx.need(app.host, at, "host", "add `host: app.example.com`");
    let host_at = named.as_ref().map_or(at, |host| host.at);
    let host = named.and_then(|h| host(&h, hosts, context, cx));
    let signs_in_there = app.portal.unwrap_or(true);
    if let (Some(host), Some(portal)) = (&host, context.portal) {
        beside_portal(&Spanned { value: host, at: host_at }, signs_in_there, portal, cx);
    }
    let upstream = cx.need(app.upstream, at, "upstream", "add `upstream: http://10.0.0.5:8080`");
    let upstream_at = upstream.as_ref().map_or(at, |u| u.at);
    let upstream = upstream.and_then(|u| upstream::validate(u, cx));
    if let Some(server) = upstream.iter().flat_map(|u| &u.servers).find(|s| is_own(s, host.as_deref(), context.listen))
    {
        let message =
            format!("{}:{} is an address of this gateway itself: requests would go round", server.host, server.port);
        cx.warn(upstream_at, message, "name the address that the app listens on");
    }
    let identity = identity::validate(
        app.identity,
        (host.as_deref().unwrap_or_default(), at),
        context.flow.risk.as_ref(),
        audiences,
        cx,
    );
    let mut tolerate = Tolerances::default();
    for entry in app.tolerate.into_iter().flatten() {
        match entry.value {
            Tolerance::PathParameters => tolerate.path_parameters = true,
            Tolerance::EncodedSlashes => tolerate.encoded_slashes = true,
            Tolerance::DoubleSlashes => tolerate.double_slashes = true,
            Tolerance::Latin1 => tolerate.latin1 = true,
        }
    }
    let fix = "add `rules:` and below it `- { path: /**, require: two_factor }`";
    let rules = cx.need(app.rules, at, "rules", fix);
    let (rules_at, errors) = (rules.as_ref().map(|r| r.at), cx.problems.errors());
    if let Some(list) = rules.as_ref().filter(|r| r.value.is_empty() && !cx.has_removed_items(r.at)) {
        cx.error(list.at, "without a rule everything is refused", fix);
    }
    let max_body = app.max_body.map_or(Some(LARGEST_BODY), |c| c.0);
    let hold = hold::validate(app.hold, max_body, cx);
    let has_fields = hold.as_ref().is_some_and(|terms| terms.types.iter().any(|kind| *kind != FormType::Text));
    let elsewhere = context.portal.is_some() && signs_in_there;
    let place = TransactionPlace { has_fields, holds: hold.is_some(), elsewhere };
    let risk = context.flow.risk.as_ref();
    let (rules, spots) =
        rules.map(|r| rules::validate(r.value, context.strengths, risk, place, cx)).unwrap_or_default();
    let (rewrite, cookies) = (app.rewrite.unwrap_or(true), cookies(app.cookies, cx));
    let enforced = |rule: &Arc<Rule>| !rule.shadow;
    if let Some(at) = rules_at.filter(|_| !rules.is_empty() && !rules.iter().any(enforced)) {
        let fix = "nothing is permitted: leave `mode: shadow` out of one, as of `{ path: /**, require: two_factor }`";
        cx.warn(at, "every rule of this app is only tried", fix);
    }
    let all_public = rules.iter().any(enforced)
        && rules.iter().filter(|rule| enforced(rule)).all(|rule| matches!(rule.access, Access::Public));
    if let Some(at) = rules_at.filter(|_| all_public && cx.problems.errors() == errors) {
        let fix = "nobody is ever asked to sign in; guard what needs it: `{ path: /**, require: two_factor }`";
        cx.warn(at, "every rule of this app is public", fix);
    }
    let name = host.clone().unwrap_or_default();
    // What can be proved is a matter of where people sign in.
    let place = context.portal.filter(|_| signs_in_there).map_or(&name, |portal| &portal.value);
    let offer = context.flow.offer_at(place);
    let offer = Offer { relying_party: offer.relying_party && *place == name, ..offer };
    unreachable::warn(&rules, tolerate, &spots, cx);
    let policy = AppPolicy { host: name, tolerate, offer, rules: rules.into() };
    let host = host?;
    Some((AppSettings { host, upstream: upstream?, identity, max_body, rewrite, cookies, hold }, policy))
}

/// Judges a host beside the one where people sign in.
fn beside_portal(host: &Spanned<&String>, signs_in_there: bool, portal: &Spanned<String>, cx: &mut Checker) {
    let (name, line) = (&portal.value, cx.problems.line_of(portal.at));
    if host.value == name {
        let fix = "give `portal.host` a name of its own, as login.example.com";
        cx.error(
            host.at,
            format!("people sign in at this host by `portal.host` in line {line}; no app can stand there"),
            fix,
        );
    } else if signs_in_there && registrable_domain(host.value) != registrable_domain(name) {
        let message = format!(
            "{} and {name}, where people sign in (line {line}), have no registrable domain in common",
            host.value
        );
        let domain = registrable_domain(name).unwrap_or_default();
        let fix =
            format!("give the app a host under {domain}, or add `portal: off`, and people sign in on its own host");
        cx.error(host.at, message, fix);
    }
}

/// Whether a server is a listener of ours.
fn is_own(server: &Server, host: Option<&str>, listen: &Listen) -> bool {
    let ours = listen.https.iter().chain(&listen.http).chain(&listen.plain).chain(&listen.admin);
    let address = match server.host.as_str() {
        "localhost" => Some(IpAddr::from([127, 0, 0, 1])),
        other => other.parse::<IpAddr>().ok().map(|ip| ip.to_canonical()),
    };
    ours.filter(|own| own.port() == server.port).any(|own| {
        let ip = own.ip().to_canonical();
        let here = || address.is_some_and(|address| address.is_loopback() || address.is_unspecified());
        address == Some(ip)
            || (ip.is_unspecified() && here())
            || (address.is_none() && host == Some(server.host.as_str()))
    })
}

/// Judges `cookies`.
fn cookies(options: Option<CookieOptions>, cx: &mut Checker) -> CookieSettings {
    let Some(options) = options else { return CookieSettings::default() };
    let secure = options.secure.unwrap_or(true);
    if let Some(none) = options.same_site.as_ref().filter(|same| !secure && matches!(same.value, SameSiteOption::None))
    {
        cx.error(none.at, "browsers refuse `SameSite=None` without `Secure`", "leave `secure: false` out");
    }
    let same_site = options.same_site.map(|same| match same.value {
        SameSiteOption::Lax => SameSite::Lax,
        SameSiteOption::Strict => SameSite::Strict,
        SameSiteOption::None => SameSite::None,
    });
    CookieSettings { secure, same_site }
}

/// Judges a host and brings it into its canonical form: lower case, without a dot at the end.
fn host(
    text: &Spanned<String>,
    hosts: &mut HashMap<String, usize>,
    context: &AppContext<'_>,
    cx: &mut Checker,
) -> Option<String> {
    let Some(host) = canonical(text.value.trim()) else {
        let fix = if text.value.contains("://") || text.value.contains('/') {
            "write the name alone, as erp.example.com, without scheme and path"
        } else if text.value.contains('*') {
            "each app has one host; name it in full"
        } else if text.value.contains(':') {
            "leave the port out: it belongs to `listen`"
        } else {
            "write it like erp.example.com"
        };
        cx.error(text.at, "not a host", fix);
        return None;
    };
    let line = cx.problems.line_of(text.at);
    if let Some(first) = hosts.insert(host.clone(), line) {
        cx.error(text.at, format!("this host is taken already in line {first}"), "give one app all its rules");
        return None;
    }
    if let Some(coverage) = context.coverage {
        coverage.check(&host, text.at, cx);
    }
    Some(host)
}

fn canonical(text: &str) -> Option<String> {
    let text = text.strip_suffix('.').unwrap_or(text);
    if let Ok(ip) = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        return Some(match ip {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        });
    }
    let url::Host::Domain(name) = url::Host::parse(text).ok()? else { return None };
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    (name.len() <= 253 && name.split('.').all(label)).then(|| name.to_ascii_lowercase())
}
