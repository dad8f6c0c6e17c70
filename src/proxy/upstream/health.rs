//! Active health checks: a path that must answer 200 to 399, or a TCP connect.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pingora_core::protocols::l4::socket::SocketAddr as PeerAddr;
use pingora_error::{Error, ErrorType};
use pingora_http::RequestHeader;
use pingora_load_balancing::Backend;
use pingora_load_balancing::health_check::{HealthCheck, HttpHealthCheck};

use super::peer::Template;
use super::pool::{Pool, Target};

/// Between two looks while a server is down: people wait for it to come back.
const HURRY: Duration = Duration::from_secs(1);

impl Pool {
    pub(super) async fn watch_health(&self) {
        let check = |template| self.settings.health_path.as_deref().and_then(|path| self.http_check(template, path));
        // Each server has a scheme and a name of its own.
        let checks: Vec<_> = self.templates.iter().map(check).collect();
        loop {
            let targets = self.targets.load_full();
            let check = |target: &Target| checks.get(target.server).and_then(Option::as_ref);
            futures_util::future::join_all(targets.iter().map(|target| self.look_after(target, check(target)))).await;
            self.tell_health(&targets);
            let well = targets.iter().all(|target| target.healthy.load(Ordering::Relaxed));
            let pause = self.settings.health_interval;
            tokio::time::sleep(if well { pause } else { pause.min(HURRY) }).await;
        }
    }

    async fn look_after(&self, target: &Target, check: Option<&HttpHealthCheck>) {
        let well = match check {
            Some(check) => self.answers(target, check).await,
            None => self.connects(target).await,
        };
        if target.healthy.swap(well, Ordering::Relaxed) != well {
            tracing::warn!(target: "proxy", app = %self.app, server = %target.address, well, "health changed");
        }
    }

    /// A server is up while one of its addresses is well; one without an address is not.
    fn tell_health(&self, targets: &[Arc<Target>]) {
        let mut up: BTreeMap<String, bool> = BTreeMap::new();
        for (number, Template { server, .. }) in self.templates.iter().enumerate() {
            let well = |target: &Arc<Target>| target.server == number && target.healthy.load(Ordering::Relaxed);
            *up.entry(format!("{}:{}", server.host, server.port)).or_default() |= targets.iter().any(well);
        }
        for (name, up) in up {
            self.metrics.upstream_up.with_label_values(&[self.app.as_str(), &name]).set(i64::from(up));
        }
    }

    async fn connects(&self, target: &Target) -> bool {
        let connecting = tokio::net::TcpStream::connect(target.address);
        matches!(tokio::time::timeout(self.settings.connect_timeout, connecting).await, Ok(Ok(_)))
    }

    async fn answers(&self, target: &Target, check: &HttpHealthCheck) -> bool {
        let backend = Backend { addr: PeerAddr::Inet(target.address), weight: 1, ext: http::Extensions::new() };
        check.check(&backend).await.is_ok()
    }

    fn http_check(&self, template: &Template, path: &str) -> Option<HttpHealthCheck> {
        let host = self.settings.host_header.as_deref().unwrap_or(&self.app);
        let mut check = HttpHealthCheck::new(host, template.server.tls);
        let mut request = RequestHeader::build("GET", path.as_bytes(), Some(2)).ok()?;
        request.insert_header("Host", host).ok()?;
        request.insert_header("User-Agent", "stepgate-health").ok()?;
        check.req = request;
        check.peer_template = template.target(0, std::net::SocketAddr::from(([0, 0, 0, 0], 1))).usual;
        check.peer_template.options.read_timeout = Some(self.settings.connect_timeout);
        check.validator = Some(Box::new(|answer| {
            if (200..400).contains(&answer.status.as_u16()) {
                Ok(())
            } else {
                Error::e_explain(ErrorType::HTTPStatus(answer.status.as_u16()), "health check")
            }
        }));
        Some(check)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::auth::time::Timestamp;
    use crate::proxy::observe::metrics::Metrics;
    use crate::proxy::settings::{Server, UpstreamSettings};

    /// Every way in which the addresses of two servers can be well or not.
    #[test]
    fn a_server_is_up_while_one_of_its_addresses_is() {
        let servers = ["a.test", "b.test"].map(|host| Server { host: host.to_owned(), port: 80, tls: false });
        let any = SocketAddr::from(([127, 0, 0, 1], 1));
        let mut app = crate::proxy::tests::settings(&[any]).apps.remove(0);
        app.upstream = UpstreamSettings::new(servers.to_vec());
        let metrics = Arc::new(Metrics::new(Timestamp::default()).unwrap());
        let pool = Pool::new(&app, Duration::from_secs(60), metrics.clone()).unwrap();
        for first in [&[][..], &[false], &[true], &[true, false], &[false, true], &[false, false], &[true, true]] {
            for second in [&[][..], &[false], &[true, false]] {
                let of = |number: usize, well: &[bool]| -> Vec<Arc<Target>> {
                    let target = |(at, well): (usize, &bool)| {
                        let address = SocketAddr::from(([192, 0, 2, u8::try_from(at + 1).unwrap()], 80));
                        let target = pool.templates[number].target(number, address);
                        target.healthy.store(*well, Ordering::Relaxed);
                        Arc::new(target)
                    };
                    well.iter().enumerate().map(target).collect()
                };
                pool.tell_health(&[of(0, first), of(1, second)].concat());
                let up = |name: &str| metrics.upstream_up.with_label_values(&["app.test", name]).get();
                let any = |well: &[bool]| i64::from(well.contains(&true));
                assert_eq!([up("a.test:80"), up("b.test:80")], [any(first), any(second)], "{first:?} {second:?}");
            }
        }
    }
}
