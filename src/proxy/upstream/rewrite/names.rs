//! By which names an app may know itself.

use super::reference::{Reference, default_port, port_of, spelling, split_port};
use crate::proxy::request::head::Authority;
use crate::proxy::settings::UpstreamSettings;

/// The public origin of an app, as the browser of this request sees it.
#[derive(Clone, Copy)]
pub(crate) struct Public<'a> {
    pub(crate) https: bool,
    pub(crate) authority: &'a Authority,
}

impl Public<'_> {
    fn port(&self) -> u16 {
        self.authority.port.unwrap_or_else(|| default_port(self.https))
    }

    /// Whether a reference leads there, and nowhere else.
    pub(super) fn is(&self, reference: &Reference<'_>, host: &str) -> bool {
        host == self.authority.host
            && reference.is_https(self.https) == self.https
            && reference.effective_port(self.https) == self.port()
    }

    /// Writes the authority as browsers write it.
    pub(super) fn write_authority(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.authority.host.as_bytes());
        if self.port() != default_port(self.https) {
            out.extend_from_slice(format!(":{}", self.port()).as_bytes());
        }
    }
}

/// The names of one app within.
pub(super) struct Names {
    servers: Vec<Named>,
    /// Of `host_header`: its host, and its port where it names one.
    header: Option<(String, Option<u16>)>,
}

struct Named {
    host: String,
    port: u16,
    tls: bool,
    /// Whether it is also named without its port: a name that no app is served by. An address may have other servers.
    alone: bool,
}

impl Names {
    /// Of an app with these servers; `hosts` are those that apps are served by.
    pub(super) fn new(upstream: &UpstreamSettings, hosts: &[&str]) -> Self {
        let named = |server: &crate::proxy::settings::Server| {
            let text = if server.host.contains(':') { format!("[{}]", server.host) } else { server.host.clone() };
            let host = spelling(text.as_bytes())?.into_owned();
            let alone = !is_address(&host) && !hosts.contains(&host.as_str());
            Some(Named { host, port: server.port, tls: server.tls, alone })
        };
        let header = upstream.host_header.as_deref().and_then(|header| {
            let (host, port) = split_port(header.as_bytes())?;
            Some((spelling(host)?.into_owned(), port_of(port)?))
        });
        Self { servers: upstream.servers.iter().filter_map(named).collect(), header }
    }

    /// Whether a reference leads to the app past us: to one of its servers, to its `host_header`, or to the public host
    /// by a server's port or scheme.
    pub(super) fn are_meant(&self, reference: &Reference<'_>, host: &str, public: Public<'_>) -> bool {
        if public.is(reference, host) {
            return false;
        }
        let port = reference.effective_port(public.https);
        let is_default = port == default_port(reference.is_https(public.https));
        let a_servers = self.servers.iter().any(|server| server.port == port);
        let server = |named: &Named| named.host == host && (named.port == port || (named.alone && is_default));
        let header = |(name, own): &(String, Option<u16>)| {
            name == host && (*own == Some(port) || (*name != public.authority.host && (is_default || a_servers)))
        };
        let by_scheme = || {
            let spoken = self.servers.iter().any(|server| server.tls == reference.is_https(public.https));
            spoken && (is_default || port == public.port())
        };
        self.servers.iter().any(server)
            || self.header.as_ref().is_some_and(header)
            || (host == public.authority.host && (a_servers || by_scheme()))
    }

    /// Whether a cookie of this domain is meant for the app, though its name without is no matter of browsers'.
    pub(super) fn are_domain(&self, domain: &[u8], public: &Authority) -> bool {
        let domain = domain.strip_prefix(b".").unwrap_or(domain);
        let Some((host, port)) = split_port(domain) else { return false };
        let Some(host) = spelling(host) else { return false };
        if covers(&host, &public.host) {
            return !port.is_empty() && host == public.host; // which no browser understands
        }
        self.hosts().any(|own| covers(&host, own))
    }

    /// Whether the app takes this host for its own, because we tell it so.
    pub(super) fn are_told(&self, host: &str) -> bool {
        self.header.as_ref().is_some_and(|(own, _)| own == host)
    }

    fn hosts(&self) -> impl Iterator<Item = &str> {
        let header = self.header.iter().map(|(host, _)| host);
        self.servers.iter().map(|server| &server.host).chain(header).map(String::as_str)
    }
}

fn is_address(host: &str) -> bool {
    host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok()
}

/// Whether a cookie of `domain` goes to `host` (RFC 6265 §5.1.3).
fn covers(domain: &str, host: &str) -> bool {
    let above = || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')) && !is_address(host);
    domain == host || above()
}
