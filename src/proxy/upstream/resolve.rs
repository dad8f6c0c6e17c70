//! Names to addresses: asked asynchronously, asked again, and kept while nobody answers.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::pool::Pool;
use super::target::Target;
use crate::proxy::clock;

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

    /// Looks every server up once.
    pub(crate) async fn resolve(&self) {
        let looking = self.templates.iter().map(|template| look_up(&template.server.host, template.server.port));
        self.settle(futures_util::future::join_all(looking).await);
    }

    /// Takes what was found for each server. Addresses that stay keep their health and their connections; a name that
    /// cannot be looked up keeps its addresses.
    fn settle(&self, found: Vec<io::Result<Vec<SocketAddr>>>) {
        let old = self.targets.load_full();
        let mut targets: Vec<Arc<Target>> = Vec::new();
        for (server, (found, template)) in found.into_iter().zip(&self.templates).enumerate() {
            let known = |address: &SocketAddr| old.iter().find(|t| t.server == server && t.address == *address);
            match found {
                Ok(addresses) => {
                    if template.failures.clear() {
                        tracing::info!(target: "proxy", app = %self.app, server = %template.server.host, "looked up again");
                    }
                    let target = |a| known(a).cloned().unwrap_or_else(|| Arc::new(template.target(server, *a)));
                    targets.extend(addresses.iter().map(target));
                }
                Err(cause) => {
                    let cause = cause.to_string();
                    if template.failures.is_due(&cause, clock::now()) {
                        tracing::warn!(target: "proxy", app = %self.app, server = %template.server.host, cause, "cannot look up");
                    }
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

async fn look_up(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let looked = tokio::time::timeout(LOOK_UP_TIME, tokio::net::lookup_host((host, port))).await;
    let mut found: Vec<_> = looked.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??.collect();
    found.sort_unstable();
    found.dedup();
    if found.is_empty() { Err(io::Error::other("no address")) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::auth::time::Timestamp;
    use crate::proxy::observe::metrics::Metrics;
    use crate::proxy::settings::{AppSettings, IdentitySettings, Server, UpstreamSettings};

    fn address(last: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, last], 80))
    }

    #[test]
    fn a_name_that_moves_is_followed_and_what_stays_is_kept() {
        let servers = ["a.test", "b.test"].map(|host| Server { host: host.to_owned(), port: 80, tls: false });
        let app = AppSettings {
            host: "app.test".to_owned(),
            upstream: UpstreamSettings::new(servers.to_vec()),
            identity: IdentitySettings::default(),
            max_body: None,
            rewrite: true,
            cookies: crate::proxy::settings::CookieSettings::default(),
            hold: None,
        };
        let metrics = Arc::new(Metrics::new(Timestamp::default()).unwrap());
        let pool = Pool::new(&app, Duration::from_secs(60), metrics).unwrap();
        let settle = |found: [Option<&[u8]>; 2]| {
            let looked = found.map(|found| found.map(|last| last.iter().copied().map(address).collect()));
            pool.settle(looked.map(|looked| looked.ok_or_else(|| io::Error::other("no such name"))).into());
            pool.targets.load_full().iter().map(|target| target.address).collect::<Vec<_>>()
        };
        let chosen = |tried: &[SocketAddr]| pool.choose(tried).map(|target| target.address);
        assert_eq!(settle([None, None]), []);
        assert_eq!(chosen(&[]), None);
        assert_eq!(settle([Some(&[1, 2]), None]), [address(1), address(2)]);
        pool.choose(&[address(2)]).unwrap().healthy.store(false, Ordering::Relaxed);
        assert_eq!(settle([Some(&[1, 3]), Some(&[4])]), [address(1), address(3), address(4)]);
        assert_eq!(chosen(&[address(3), address(4)]), None, "1 stayed, and is still not well");
        assert_eq!(
            settle([None, Some(&[5])]),
            [address(1), address(3), address(5)],
            "a name that is gone keeps its own"
        );
        assert_eq!(chosen(&[address(3)]), Some(address(5)));
        assert_eq!(settle([Some(&[3]), Some(&[5])]), [address(3), address(5)]);
        assert_eq!(settle([Some(&[1, 3]), Some(&[5])]).len(), 3);
        assert_eq!(chosen(&[address(3), address(5)]), Some(address(1)), "who comes back is given another chance");
    }
}
