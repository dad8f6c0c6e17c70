//! The admin listener: `/metrics`, `/livez`, `/readyz`. Never on an address that clients reach.

use std::sync::Arc;

use async_trait::async_trait;
use http::{Method, Response, StatusCode};
use pingora_core::apps::ServerApp;
use pingora_core::apps::http_app::{HttpServer, ServeHttp};
use pingora_core::protocols::Stream;
use pingora_core::protocols::http::ServerSession;
use tokio::sync::watch;

use super::metrics::Metrics;
use super::store_metrics::{StoreMetrics, letters_text, places_text, redis_text};
use crate::proxy::client::listen::ServeConnection;
use crate::proxy::parts::Probe;
use crate::proxy::settings::ClientLimits;

/// Answers the admin paths.
pub(crate) struct Admin {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) probe: Probe,
    pub(crate) store_metrics: Arc<dyn StoreMetrics>,
    pub(crate) stopping: watch::Receiver<bool>,
}

/// Drives connections of the admin listener.
pub(crate) struct AdminServer(pub(crate) Arc<HttpServer<Admin>>);

#[async_trait]
impl ServeConnection for AdminServer {
    async fn serve(&self, stream: Stream, _: &ClientLimits, shutdown: &watch::Receiver<bool>) {
        self.0.process_new(stream, shutdown).await;
    }
}

#[async_trait]
impl ServeHttp for Admin {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        let head = session.req_header();
        let path = head.uri.path().to_owned();
        let quiet = head.method == Method::HEAD;
        if !matches!(head.method.as_str(), "GET" | "HEAD") {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "GET only\n".to_owned());
            answer.headers_mut().insert(http::header::ALLOW, http::HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        let mut answer = match path.as_str() {
            "/livez" => text(StatusCode::OK, "ok\n".to_owned()),
            "/readyz" => self.ready().await,
            "/metrics" => self.scrape(),
            _ => text(StatusCode::NOT_FOUND, "/metrics /livez /readyz\n".to_owned()),
        };
        if quiet {
            answer.body_mut().clear();
        }
        answer
    }
}

impl Admin {
    async fn ready(&self) -> Response<Vec<u8>> {
        let mut report = String::new();
        let mut well = !*self.stopping.borrow();
        if !well {
            report.push_str("stopping\n");
        }
        for (name, state) in (self.probe)().await {
            match state {
                Ok(()) => report.push_str(&format!("{name}: ok\n")),
                Err(cause) => {
                    well = false;
                    tracing::warn!(target: "proxy", name, %cause, "not ready");
                    report.push_str(&format!("{name}: down\n"));
                }
            }
        }
        text(if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, report)
    }

    fn scrape(&self) -> Response<Vec<u8>> {
        match self.metrics.text() {
            Ok(mut body) => {
                let redis = self.store_metrics.redis().map(|numbers| redis_text(&numbers)).unwrap_or_default();
                body.extend_from_slice(redis.as_bytes());
                body.extend_from_slice(letters_text(&self.store_metrics.letters()).as_bytes());
                body.extend_from_slice(places_text(&self.store_metrics.places()).as_bytes());
                body.extend_from_slice(process().as_bytes());
                with_type(StatusCode::OK, body, "text/plain; version=0.0.4; charset=utf-8")
            }
            Err(cause) => {
                tracing::error!(target: "proxy", %cause, "cannot write metrics");
                text(StatusCode::INTERNAL_SERVER_ERROR, "cannot write metrics\n".to_owned())
            }
        }
    }
}

fn text(status: StatusCode, body: String) -> Response<Vec<u8>> {
    with_type(status, body.into_bytes(), "text/plain; charset=utf-8")
}

fn with_type(status: StatusCode, body: Vec<u8>, kind: &'static str) -> Response<Vec<u8>> {
    let length = body.len();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
    response.headers_mut().insert(http::header::CONTENT_LENGTH, length.into());
    response.headers_mut().insert(crate::proxy::client::bind::PROCESS, std::process::id().into());
    response
}

/// The usual `process_*` metrics, from `/proc`; whatever the system does not tell is absent.
fn process() -> String {
    let mut told = String::new();
    let mut tell = |name: &str, kind: &str, help: &str, value: Option<f64>| {
        if let Some(value) = value {
            told.push_str(&format!(
                "# HELP process_{name} {help}\n# TYPE process_{name} {kind}\nprocess_{name} {value}\n"
            ));
        }
    };
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(") ").map(|(_, rest)| rest).unwrap_or_default();
    let field = |n: usize| after_name.split(' ').nth(n).and_then(|text| text.parse::<f64>().ok());
    // Clock ticks are a hundredth of a second on every Linux we run on; pages are 4 KiB.
    tell(
        "cpu_seconds_total",
        "counter",
        "User and system CPU time.",
        field(11).zip(field(12)).map(|(user, system)| (user + system) / 100.0),
    );
    tell("virtual_memory_bytes", "gauge", "Virtual memory.", field(20));
    tell("resident_memory_bytes", "gauge", "Resident memory.", field(21).map(|pages| pages * 4096.0));
    tell("threads", "gauge", "Threads of the operating system.", field(17));
    let open = std::fs::read_dir("/proc/self/fd").ok().map(|files| files.count() as f64);
    tell("open_fds", "gauge", "Open file descriptors.", open);
    told
}
