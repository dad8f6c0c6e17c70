//! How a server of an app is spoken to, prepared once.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use pingora_core::protocols::tls::CaType;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_core::utils::tls::{WrappedX509, parse_x509};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::connector::SocketConnector;
use super::log_throttle::LogThrottle;
use super::pooled_connection::IdleConnections;
use super::target::Target;
use crate::proxy::parts::BuildError;
use crate::proxy::pem::is_tls_name;
use crate::proxy::settings::{Server, UpstreamSettings};

/// HTTP/2 streams at once on a connection to a server.
const STREAMS: usize = 100;

/// How one server is spoken to, but for its address.
pub(super) struct Template {
    pub(super) server: Server,
    pub(super) failures: LogThrottle,
    peer: HttpPeer,
    tunnel_idle: Duration,
}

impl Template {
    pub(super) fn new(
        app: &str,
        server: &Server,
        settings: &UpstreamSettings,
        tunnel_idle: Duration,
    ) -> Result<Self, BuildError> {
        let authorities = match (&settings.tls.ca, server.tls) {
            (Some(path), true) => Some(read_authorities(path)?),
            _ => None,
        };
        let sni =
            if server.tls { settings.tls.sni.clone().unwrap_or_else(|| server.host.clone()) } else { String::new() };
        if server.tls && !is_tls_name(&sni) {
            return Err(BuildError(format!("{app}: {sni}: not a name to ask for by TLS; set `tls.sni`")));
        }
        let placeholder = SocketAddr::from(([0, 0, 0, 0], 1));
        let mut peer = HttpPeer::new(placeholder, server.tls, sni);
        let options = &mut peer.options;
        options.connection_timeout = Some(settings.connect_timeout);
        options.total_connection_timeout = Some(settings.connect_timeout);
        options.read_timeout = Some(settings.read_timeout);
        options.write_timeout = Some(settings.write_timeout);
        options.idle_timeout = Some(settings.idle_timeout);
        options.verify_cert = !settings.tls.insecure;
        options.verify_hostname = !settings.tls.insecure;
        options.max_h2_streams = STREAMS;
        match (settings.http2, server.tls) {
            (true, _) => options.set_http_version(2, 2),
            (false, true) => options.set_http_version(2, 1),
            (false, false) => options.set_http_version(1, 1),
        }
        // Pingora's pool knows connections by address and name, not by authorities or protocol.
        peer.group_key = group_key(app, settings, authorities.as_deref());
        peer.options.ca = authorities;
        peer.options.custom_l4 =
            Some(Arc::new(SocketConnector { connect_timeout: settings.connect_timeout, private: None }));
        Ok(Self { server: server.clone(), failures: LogThrottle::default(), peer, tunnel_idle })
    }

    pub(super) fn has_same_settings(&self, other: &Self) -> bool {
        self.server == other.server
            // Tells of the authorities as they were read.
            && self.peer.group_key == other.peer.group_key
            && self.tunnel_idle == other.tunnel_idle
    }

    pub(super) fn target(&self, server: usize, address: SocketAddr) -> Target {
        let mut usual = self.peer.clone();
        usual._address = pingora_core::protocols::l4::socket::SocketAddr::Inet(address);
        let tunnel_idle = self.tunnel_idle;
        Target { address, server, usual, tunnel_idle, healthy: AtomicBool::new(true), kept: IdleConnections::default() }
    }
}

fn group_key(app: &str, settings: &UpstreamSettings, authorities: Option<&CaType>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (app, &settings.tls.sni, settings.tls.insecure, settings.http2).hash(&mut hasher);
    for authority in authorities.into_iter().flatten() {
        authority.borrow_raw_cert().hash(&mut hasher);
    }
    hasher.finish()
}

/// Reads a PEM file of authorities. Each is parsed here, because Pingora does not survive one that is broken.
fn read_authorities(path: &std::path::Path) -> Result<Arc<CaType>, BuildError> {
    let fault = |cause: String| BuildError(format!("{}: {cause}", path.display()));
    let pem = std::fs::read(path).map_err(|cause| fault(cause.to_string()))?;
    let parse = |der: Result<CertificateDer<'_>, _>| {
        let der = der.map_err(|cause: rustls_pki_types::pem::Error| fault(cause.to_string()))?;
        X509Certificate::from_der(&der).map_err(|cause| fault(format!("not a certificate: {cause}")))?;
        Ok(WrappedX509::new(der.to_vec(), parse_x509))
    };
    let all = CertificateDer::pem_slice_iter(&pem).map(parse).collect::<Result<Vec<_>, BuildError>>()?;
    if all.is_empty() { Err(fault("holds no certificate".to_owned())) } else { Ok(all.into()) }
}
