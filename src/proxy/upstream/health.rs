//! Active health checks: a path that must answer 200 to 399, or a TCP connect.

use std::sync::atomic::Ordering;
use std::time::Duration;

use pingora_core::protocols::l4::socket::SocketAddr as PeerAddr;
use pingora_error::{Error, ErrorType};
use pingora_http::RequestHeader;
use pingora_load_balancing::Backend;
use pingora_load_balancing::health_check::{HealthCheck, HttpHealthCheck};

use super::peer::Template;
use super::{Pool, Target};

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
        let name = self.templates.get(target.server).map(|t| format!("{}:{}", t.server.host, t.server.port));
        let labels = [self.app.as_str(), name.as_deref().unwrap_or_default()];
        self.metrics.upstream_up.with_label_values(&labels).set(i64::from(well));
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
