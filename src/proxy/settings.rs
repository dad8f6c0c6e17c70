//! What an operator may set about listeners, limits and apps, with the defaults.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::auth::held_request::HoldTerms;
use crate::auth::network::Networks;
use crate::auth::secret::SecretText;

#[derive(Clone)]
pub struct ProxySettings {
    pub listen: Listen,
    /// Certificate and key files, chosen by SNI; the first is served where no name matches.
    pub certificates: Vec<CertificateFiles>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Networks,
    /// Limits against slow or greedy clients.
    pub limits: ClientLimits,
    pub apps: Vec<AppSettings>,
    /// A host of our pages without an app.
    pub portal_host: Option<String>,
    /// How long a stopping process lets requests finish. Default: 30 s.
    pub shutdown_grace: Duration,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listen {
    /// TLS.
    pub https: Vec<SocketAddr>,
    /// Plain HTTP that only redirects to https.
    pub http: Vec<SocketAddr>,
    /// Plain HTTP that serves: localhost, or behind a TLS terminator in `trusted_proxies`.
    pub plain: Vec<SocketAddr>,
    /// Metrics and probes.
    pub admin: Option<SocketAddr>,
}

impl Listen {
    /// The origin of a host's pages by what is configured alone. Plain HTTP is served on this machine alone, or behind what ends
    /// TLS.
    pub fn origin_of(&self, host: &str) -> String {
        let loopback = host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback());
        let local = loopback || host == "localhost" || host.ends_with(".localhost");
        match (self.https.first(), self.plain.first()) {
            (Some(https), _) if https.port() != 443 && local => format!("https://{host}:{}", https.port()),
            (None, Some(plain)) if local => format!("http://{host}:{}", plain.port()),
            _ => format!("https://{host}"),
        }
    }

    /// Whether pages are served on this port by this scheme.
    pub(crate) fn serves(&self, https: bool, port: u16) -> bool {
        let served = if https { &self.https } else { &self.plain };
        served.iter().any(|address| address.port() == port)
    }
}

impl std::fmt::Display for Listen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kinds = [("https", self.https.as_slice()), ("http", &self.http), ("plain", &self.plain)];
        let served = kinds.into_iter().flat_map(|(kind, all)| all.iter().map(move |one| (kind, one)));
        let mut gap = "";
        for (kind, address) in served.chain(self.admin.iter().map(|one| ("admin", one))) {
            write!(f, "{gap}{kind} {address}")?;
            gap = ", ";
        }
        Ok(())
    }
}

/// A certificate chain and its key, PEM, re-read when the files change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The chain, leaf first.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Limits against slow or greedy clients. Every number can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientLimits {
    /// Connections at once. `None`: as many as the machine bears, see [`Self::fit`].
    pub connections: Option<usize>,
    /// Connections at once from one address. `None`: as above.
    pub connections_per_client: Option<usize>,
    /// For the TLS handshake. Default: 10 s.
    pub handshake_timeout: Duration,
    /// For the whole head of a request. Default: 15 s.
    pub header_timeout: Duration,
    /// Between two pieces of a body. Default: 30 s.
    pub body_timeout: Duration,
    /// Between two pieces of an answer that the client reads. Default: 60 s.
    pub write_timeout: Duration,
    /// Bytes per second that a body or an answer must reach in the long run; 0: any. Default: 240.
    pub min_rate: u32,
    /// Idle between two requests. Default: 75 s.
    pub keepalive: Duration,
    /// Idle inside a WebSocket. Default: 1 h.
    pub tunnel_idle: Duration,
    /// Bytes of a request head. Default: 64 KiB.
    pub header_bytes: usize,
    /// HTTP/2 streams at once on a connection. Default: 100.
    pub streams: u32,
    /// Bytes of a body under the reserved prefix. Default: 64 KiB.
    pub portal_body: usize,
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            connections: None,
            connections_per_client: None,
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(15),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(60),
            min_rate: 240,
            keepalive: Duration::from_secs(75),
            tunnel_idle: Duration::from_secs(3600),
            header_bytes: 64 * 1024,
            streams: 100,
            portal_body: 64 * 1024,
        }
    }
}

/// What a connection takes at worst: its client reads nothing of a large answer. Measured: docs/limits.md.
const AT_WORST: u64 = 440 * 1024;
/// More connections are seldom meant, however much memory there is.
const MOST_CONNECTIONS: usize = 10_000;
/// Fewer serve nobody, however little there is.
const LEAST_CONNECTIONS: usize = 100;

impl ClientLimits {
    /// Sets what is not set to what so many bytes of memory bear: connections at their worst may take half of it. One
    /// client gets a quarter of them, and no more than 1000.
    pub fn fit(&mut self, memory: Option<u64>) {
        let bearable = memory.map_or(usize::MAX, |bytes| usize::try_from(bytes / 2 / AT_WORST).unwrap_or(usize::MAX));
        let all = *self.connections.get_or_insert_with(|| bearable.clamp(LEAST_CONNECTIONS, MOST_CONNECTIONS));
        self.connections_per_client.get_or_insert_with(|| (all / 4).clamp(1, 1000));
    }
}

impl ClientLimits {
    /// [`Self::connections`], once fitted.
    pub(crate) fn most(&self) -> usize {
        self.connections.unwrap_or(usize::MAX)
    }

    /// [`Self::connections_per_client`], once fitted.
    pub(crate) fn most_per_client(&self) -> usize {
        self.connections_per_client.unwrap_or(usize::MAX)
    }
}

/// One app: its host, its servers, what it is told.
#[derive(Clone)]
pub struct AppSettings {
    /// The canonical host.
    pub host: String,
    /// Its servers.
    pub upstream: UpstreamSettings,
    /// Who it is told is asking.
    pub identity: IdentitySettings,
    /// The largest request body, in bytes. Default: 100 MiB. `None`: no limit.
    pub max_body: Option<u64>,
    /// Whether answers that name the app's own address are rewritten. Default: yes.
    pub rewrite: bool,
    /// What is added to its cookies.
    pub cookies: CookieSettings,
    /// Which forms are kept while somebody signs in; `None`: none. Default: all up to 256 KiB.
    pub hold: Option<HoldTerms>,
}

/// What is added to the cookies of an app where it does not say so itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CookieSettings {
    /// `Secure`, over https. Default: yes.
    pub secure: bool,
    /// `SameSite`. Default: nothing is added.
    pub same_site: Option<SameSite>,
}

impl Default for CookieSettings {
    fn default() -> Self {
        Self { secure: true, same_site: None }
    }
}

/// To which requests of other sites a browser adds a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// To navigations.
    Lax,
    /// To none.
    Strict,
    /// To all.
    None,
}

impl SameSite {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Lax, Self::Strict, Self::None];

    /// As cookies say it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Lax => "Lax",
            Self::Strict => "Strict",
            Self::None => "None",
        }
    }
}

/// The servers of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamSettings {
    /// At least one.
    pub servers: Vec<Server>,
    /// Active health checks: the path that answers 200..=399; `None`: a TCP connect.
    pub health_path: Option<String>,
    /// Between two checks. Default: 5 s.
    pub health_interval: Duration,
    /// TLS to the servers.
    pub tls: UpstreamTls,
    /// Default: 3 s.
    pub connect_timeout: Duration,
    /// Default: 60 s.
    pub read_timeout: Duration,
    /// Default: 60 s.
    pub write_timeout: Duration,
    /// How long an unused connection is kept. Default: 30 s.
    pub idle_timeout: Duration,
    /// Speak HTTP/2 (h2c where not TLS), as gRPC needs. Default: by ALPN on TLS, HTTP/1.1 else.
    pub http2: bool,
    /// Between two look-ups of names. Default: 30 s.
    pub resolve_interval: Duration,
    /// Send this `Host` instead of the client's.
    pub host_header: Option<String>,
}

/// One server of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// A name or an address.
    pub host: String,
    pub port: u16,
    /// Whether it speaks TLS.
    pub tls: bool,
}

impl std::fmt::Display for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// TLS towards the servers of an app.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpstreamTls {
    /// Trust only these authorities (PEM file) instead of the system's.
    pub ca: Option<PathBuf>,
    /// The name to ask for and to check; default: the server's host.
    pub sni: Option<String>,
    /// Do not verify. For tests of an operator; `check` warns.
    pub insecure: bool,
}

/// Who the app is told is asking.
#[derive(Clone, Default)]
pub struct IdentitySettings {
    /// Header for the user name.
    pub user: Option<String>,
    /// Header for the groups, comma-separated.
    pub groups: Option<String>,
    /// Header for the mail address.
    pub email: Option<String>,
    /// Header for the display name.
    pub name: Option<String>,
    /// A signed assertion.
    pub jwt: Option<JwtSettings>,
    /// A fixed credential for apps that know only that.
    pub basic_auth: Option<BasicAuth>,
    /// Names of other gates that the app gets from its clients as they come.
    pub pass: Vec<String>,
}

/// A signed assertion for an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwtSettings {
    /// The header. Default: `X-Stepgate-Assertion`.
    pub header: String,
    /// The `aud` claim. Default: the app's host.
    pub audience: String,
    /// How long it is valid, at most 60 s. Default: 60 s.
    pub lifetime: Duration,
    /// Whether it says how unusual a request is for its person. Default: no.
    pub risk: bool,
}

/// A configured credential.
#[derive(Clone)]
pub struct BasicAuth {
    /// The user name.
    pub username: String,
    pub password: SecretText,
    /// Replace an `Authorization` that the client sent. Default: no.
    pub override_client: bool,
}

impl UpstreamSettings {
    /// The defaults, for these servers.
    pub fn new(servers: Vec<Server>) -> Self {
        Self {
            servers,
            health_path: None,
            health_interval: Duration::from_secs(5),
            tls: UpstreamTls::default(),
            connect_timeout: Duration::from_secs(3),
            read_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(30),
            http2: false,
            resolve_interval: Duration::from_secs(30),
            host_header: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_follow_the_memory_unless_they_are_set() {
        const GIB: u64 = 1 << 30;
        for (memory, set, expected) in [
            (None, (None, None), (10_000, 1000)),
            (Some(64 * GIB), (None, None), (10_000, 1000)),
            (Some(4 * GIB), (None, None), (4766, 1000)),
            (Some(GIB), (None, None), (1191, 297)),
            (Some(GIB / 4), (None, None), (297, 74)),
            (Some(1), (None, None), (100, 25)),
            (Some(GIB), (Some(50_000), None), (50_000, 1000)),
            (Some(GIB), (None, Some(3)), (1191, 3)),
            (Some(1), (Some(2), Some(9)), (2, 9)),
            (Some(1), (Some(2), None), (2, 1)),
        ] {
            let (connections, connections_per_client) = set;
            let mut limits = ClientLimits { connections, connections_per_client, ..ClientLimits::default() };
            limits.fit(memory);
            let fitted = (limits.connections.unwrap(), limits.connections_per_client.unwrap());
            assert_eq!(fitted, expected, "{memory:?} {set:?}");
            // All of them at their worst leave half of the memory, where it bears the least number at all.
            if set.0.is_none() && memory.is_some_and(|bytes| bytes > GIB / 4) {
                assert!(fitted.0 as u64 * AT_WORST <= memory.unwrap() / 2);
            }
        }
    }
}
