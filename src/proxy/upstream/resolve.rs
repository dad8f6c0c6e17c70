//! Names to addresses: asked asynchronously, asked again, and kept while nobody answers.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::{Pool, Target};

/// For one name.
const LOOK_UP_TIME: Duration = Duration::from_secs(5);
/// Between two attempts while no address is known at all.
const HURRY: Duration = Duration::from_secs(1);

impl Pool {
    pub(super) async fn watch_names(&self) {
        loop {
            let wait = if self.len() == 0 { HURRY } else { self.settings.resolve_interval };
            tokio::time::sleep(wait).await;
            self.resolve().await;
        }
    }

    /// Looks every server up once. Addresses that stay keep their health; a name that cannot be looked up
    /// keeps its addresses.
    pub(crate) async fn resolve(&self) {
        let looking = self.templates.iter().map(|template| look_up(&template.server.host, template.server.port));
        let found = futures_util::future::join_all(looking).await;
        let old = self.targets.load_full();
        let mut targets: Vec<Arc<Target>> = Vec::new();
        for (server, (found, template)) in found.into_iter().zip(&self.templates).enumerate() {
            let known = |address: &SocketAddr| old.iter().find(|t| t.server == server && t.address == *address);
            match found {
                Ok(addresses) => targets.extend(
                    addresses
                        .iter()
                        .map(|a| known(a).cloned().unwrap_or_else(|| Arc::new(template.target(server, *a)))),
                ),
                Err(cause) => {
                    tracing::warn!(target: "proxy", app = %self.app, server = %template.server.host, %cause, "cannot look up");
                    targets.extend(old.iter().filter(|t| t.server == server).cloned());
                }
            }
        }
        let same = targets.len() == old.len() && targets.iter().zip(old.iter()).all(|(a, b)| Arc::ptr_eq(a, b));
        if !same {
            self.targets.store(Arc::new(targets));
        }
    }
}

async fn look_up(host: &str, port: u16) -> std::io::Result<Vec<SocketAddr>> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let looked = tokio::time::timeout(LOOK_UP_TIME, tokio::net::lookup_host((host, port))).await;
    let mut found: Vec<_> = looked.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??.collect();
    found.sort_unstable();
    found.dedup();
    if found.is_empty() { Err(std::io::Error::other("no address")) } else { Ok(found) }
}
