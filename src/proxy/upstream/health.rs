//! Active health checks: a path that must answer 200 to 399, or a TCP connect.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use pingora_core::connectors::http::Connector;
use pingora_error::Result;
use pingora_http::RequestHeader;

use super::peer::Template;
use super::pool::Pool;
use super::target::Target;

/// Between two looks while a server is down: people wait for it to come back.
const HURRY: Duration = Duration::from_secs(1);

/// Connections for looks alone; none is kept.
static CONNECTOR: LazyLock<Connector> = LazyLock::new(|| Connector::new(None));

impl Pool {
    pub(super) async fn watch_health(&self) {
        let request = self.settings.health_path.as_deref().and_then(|path| self.health_request(path).ok());
        loop {
            let targets = self.targets.load_full();
            let looks = targets.iter().map(|target| self.look_after(target, request.as_ref()));
            futures_util::future::join_all(looks).await;
            self.tell_health(&targets);
            let well = targets.iter().all(|target| target.healthy.load(Ordering::Relaxed));
            let pause = self.settings.health_interval;
            tokio::time::sleep(if well { pause } else { pause.min(HURRY) }).await;
        }
    }

    async fn look_after(&self, target: &Target, request: Option<&RequestHeader>) {
        let well = match request {
            Some(request) => self.answers(target, request).await.is_ok_and(|well| well),
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
            *up.entry(server.to_string()).or_default() |= targets.iter().any(well);
        }
        for (name, up) in up {
            self.metrics.upstream_up.with_label_values(&[self.app.as_str(), &name]).set(i64::from(up));
        }
    }

    async fn connects(&self, target: &Target) -> bool {
        let connecting = tokio::net::TcpStream::connect(target.address);
        matches!(tokio::time::timeout(self.settings.connect_timeout, connecting).await, Ok(Ok(_)))
    }

    /// Whether an answer of 200 to 399 comes, whole. Each server has a scheme and a name of its own.
    async fn answers(&self, target: &Target, request: &RequestHeader) -> Result<bool> {
        let mut peer = target.usual.clone();
        peer.options.read_timeout = Some(self.settings.connect_timeout);
        let (mut session, _) = CONNECTOR.get_http_session(&peer).await?;
        session.set_write_timeout(peer.options.write_timeout);
        session.write_request_header(Box::new(request.clone())).await?;
        session.finish_request_body().await?;
        session.set_read_timeout(peer.options.read_timeout);
        session.read_response_header().await?;
        let well = session.response_header().is_some_and(|answer| (200..400).contains(&answer.status.as_u16()));
        while well && session.read_response_body().await?.is_some() {}
        Ok(well)
    }

    fn health_request(&self, path: &str) -> Result<RequestHeader> {
        let host = self.settings.host_header.as_deref().unwrap_or(&self.app);
        let mut request = RequestHeader::build("GET", path.as_bytes(), Some(2))?;
        request.insert_header("Host", host)?;
        request.insert_header("User-Agent", "stepgate-health")?;
        Ok(request)
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
