//! `apps[].upstream`: the servers of an app, as a URL or a mapping.

use schemars::JsonSchema;

use super::tls::PEM_BYTES;
use crate::config::sections::checker::Checker;
use crate::config::sections::one_or::{Detailed, OneOr};
use crate::config::sections::scalars::HumanDuration;
use crate::config::yaml::suggest::short;
use crate::config::yaml::{Span, Spanned};
use crate::proxy::pem;
use crate::proxy::settings::{Server, UpstreamSettings};

/// The URL of one server, or a mapping that says more.
pub(crate) type UpstreamOptions = OneOr<String, UpstreamMore>;

impl Detailed for UpstreamMore {
    const EXPECTED: &'static str = "a URL or a mapping";
    const SCHEMA: &'static str = "UpstreamOptions";
}

/// The servers of an app, and how to speak to them.
#[derive(serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpstreamMore {
    /// URLs of the servers, as http://10.0.0.5:8080.
    servers: Option<Spanned<Vec<Spanned<String>>>>,
    /// How requests are spread. Default, and the only one: round_robin.
    #[serde(default, rename = "balance")]
    _balance: Option<Balance>,
    /// Health checks. Default: a TCP connect every 5s.
    health: Option<HealthOptions>,
    /// TLS to the servers.
    tls: Option<UpstreamTlsOptions>,
    /// Default: 3s.
    connect_timeout: Option<HumanDuration>,
    /// Default: 60s.
    read_timeout: Option<HumanDuration>,
    /// Default: 60s.
    write_timeout: Option<HumanDuration>,
    /// How long an unused connection is kept. Default: 30s.
    idle_timeout: Option<HumanDuration>,
    /// Speak HTTP/2 even without TLS, as gRPC needs. Default: false.
    http2: Option<bool>,
    /// Between two look-ups of names. Default: 30s.
    resolve_interval: Option<HumanDuration>,
    /// Send this Host instead of the client's.
    host_header: Option<Spanned<String>>,
}

/// How requests are spread.
#[derive(serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Balance {
    /// Each server in turn.
    RoundRobin,
}

/// Health checks of the servers.
#[derive(serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct HealthOptions {
    /// The path that answers 200 to 399. Default: a TCP connect.
    path: Option<Spanned<String>>,
    /// Between two checks. Default: 5s.
    interval: Option<HumanDuration>,
}

/// TLS to the servers.
#[derive(serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct UpstreamTlsOptions {
    /// A PEM file of the only authorities to trust. Default: the system's.
    ca: Option<Spanned<String>>,
    /// The name to ask for and to check. Default: the server's host.
    sni: Option<Spanned<String>>,
    /// Do not verify. For tests. Default: false.
    insecure: Option<Spanned<bool>>,
}

/// Judges one upstream.
pub(crate) fn validate(options: Spanned<UpstreamOptions>, cx: &mut Checker) -> Option<UpstreamSettings> {
    let at = options.at;
    let more = match options.value {
        OneOr::One(url) => {
            let server = server(&Spanned { value: url, at }, cx)?;
            nameable(&server, at, cx);
            return Some(UpstreamSettings::new(vec![server]));
        }
        OneOr::More(more) => *more,
    };
    let servers = cx.need(more.servers, at, "servers", "write `servers: [ \"http://10.0.0.5:8080\" ]`");
    if let Some(none) = servers.as_ref().filter(|s| s.value.is_empty() && !cx.has_removed_items(s.at)) {
        cx.error(none.at, "an upstream needs at least one server", "write `servers: [ \"http://10.0.0.5:8080\" ]`");
    }
    let sni = more.tls.as_ref().is_some_and(|tls| tls.sni.is_some());
    let mut parsed: Vec<Server> = Vec::new();
    for url in servers.iter().flat_map(|s| &s.value) {
        match server(url, cx) {
            Some(s) if parsed.contains(&s) => cx.error(url.at, "this server is here twice", "keep one of them"),
            Some(s) => {
                if !sni {
                    nameable(&s, url.at, cx);
                }
                parsed.push(s);
            }
            None => {}
        }
    }
    let mut settings = UpstreamSettings::new(parsed);
    if let Some(health) = more.health {
        settings.health_path = health.path.and_then(|p| origin_path(p, cx));
        settings.health_interval = health.interval.map_or(settings.health_interval, |t| t.0);
    }
    if let Some(tls) = more.tls {
        validate_tls(tls, &mut settings, at, cx);
    }
    settings.connect_timeout = more.connect_timeout.map_or(settings.connect_timeout, |t| t.0);
    settings.read_timeout = more.read_timeout.map_or(settings.read_timeout, |t| t.0);
    settings.write_timeout = more.write_timeout.map_or(settings.write_timeout, |t| t.0);
    settings.idle_timeout = more.idle_timeout.map_or(settings.idle_timeout, |t| t.0);
    settings.resolve_interval = more.resolve_interval.map_or(settings.resolve_interval, |t| t.0);
    settings.http2 = more.http2.unwrap_or_default();
    settings.host_header = more.host_header.and_then(|h| {
        // the URL parser mends much that no server would take
        let plain = h.value.bytes().all(|b| b.is_ascii_graphic() && !b"/?#@\\".contains(&b)) && !h.value.ends_with(':');
        let fits = plain && url::Url::parse(&format!("http://{}/", h.value)).is_ok_and(|u| u.host_str().is_some());
        if !fits {
            cx.error(h.at, "not a host", "write a name, with a port if it needs one");
        }
        fits.then_some(h.value)
    });
    Some(settings)
}

/// Judges the host of a server as a name to ask for by TLS.
fn nameable(server: &Server, at: Span, cx: &mut Checker) {
    if server.tls && !pem::is_tls_name(&server.host) {
        cx.error(at, "TLS cannot ask for this host", "give a name that it can ask for: `tls: { sni: erp.internal }`");
    }
}

fn origin_path(path: Spanned<String>, cx: &mut Checker) -> Option<String> {
    let fits = path.value.starts_with('/') && path.value.bytes().all(|b| b.is_ascii_graphic() && b != b'#');
    if !fits {
        cx.error(path.at, "not a path", "it begins with `/` and has neither spaces nor `#`");
    }
    fits.then_some(path.value)
}

fn validate_tls(tls: UpstreamTlsOptions, settings: &mut UpstreamSettings, at: Span, cx: &mut Checker) {
    if !settings.servers.is_empty() && settings.servers.iter().all(|s| !s.tls) {
        let at = tls.ca.as_ref().or(tls.sni.as_ref()).map_or(at, |p| p.at);
        cx.error(at, "`tls` is of use only for `https://` servers", "write the servers with `https://`");
    }
    if let Some(ca) = tls.ca {
        if let Some(Err(why)) = cx.read(&ca, PEM_BYTES).map(|b| pem::authorities(&b)) {
            cx.error(ca.at, why, "the file must hold PEM certificates");
        }
        settings.tls.ca = Some(cx.path(&ca.value));
    }
    if let Some(sni) = tls.sni {
        if !pem::is_tls_name(&sni.value) {
            cx.error(sni.at, "not a host name", "write it like erp.internal, without scheme and port");
        }
        settings.tls.sni = Some(sni.value);
    }
    if let Some(insecure) = tls.insecure.filter(|i| i.value) {
        cx.warn(insecure.at, "anybody between here and the app can read and change everything", "give `ca` instead");
        settings.tls.insecure = true;
    }
}

/// Judges the URL of one server. It may hold no path, no password, no query.
fn server(text: &Spanned<String>, cx: &mut Checker) -> Option<Server> {
    const FIX: &str = "write scheme, host and port only, as http://10.0.0.5:8080 or https://erp.internal:8443";
    let at = text.at;
    let value = text.value.trim();
    if value.starts_with("unix:") || value.starts_with("http+unix:") || value.starts_with('/') {
        let fix = "let the app listen on an address of this machine, and write it as http://127.0.0.1:8080";
        cx.error(at, "apps are reached over TCP, not by a socket in the file system", fix);
        return None;
    }
    if !value.contains("://") {
        cx.error(at, "a server needs a scheme", format!("write `http://{}`", short(value)));
        return None;
    }
    let Ok(url) = url::Url::parse(value) else {
        cx.error(at, "not a URL", FIX);
        return None;
    };
    let tls = match url.scheme() {
        "http" => false,
        "https" => true,
        scheme => {
            cx.error(at, format!("`{}` is no scheme of an app", short(scheme)), FIX);
            return None;
        }
    };
    let extra = if url.path() != "/" || value.matches('/').count() > 3 {
        Some("a path")
    } else if url.query().is_some() || url.fragment().is_some() {
        Some("a query or a fragment")
    } else if !url.username().is_empty() || url.password().is_some() {
        Some("a password (see `identity.basic_auth`)")
    } else {
        None
    };
    if let Some(extra) = extra {
        cx.error(at, format!("the URL of a server cannot have {extra}"), FIX);
        return None;
    }
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        cx.error(at, "this URL names no server", FIX);
        return None;
    };
    if port == 0 {
        cx.error(at, "0 is no port to connect to", FIX);
        return None;
    }
    // brackets belong to the URL, not to the address
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    Some(Server { host, port, tls })
}
