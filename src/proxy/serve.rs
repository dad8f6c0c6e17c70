//! Building the proxy and serving until told to stop.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora_core::apps::http_app::HttpServer;
use pingora_core::apps::{HttpServerApp, HttpServerOptions, ServerApp};
use pingora_core::protocols::{ALPN, Stream};
use pingora_core::server::configuration::ServerConf;
use pingora_proxy::{HttpProxy, http_proxy};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use super::client::bind::Bound;
use super::client::certificates::Certificates;
use super::client::limits::{ConnectionLimits, LogSampler};
use super::client::listen::{AcceptContext, AcceptSettings, ListenerKind, ServeConnection, accept};
use super::client::protocol_error::ProtocolErrors;
use super::gateway::Gateway;
use super::http2::server;
use super::live::registry::LiveRequests;
use super::observe::admin::{Admin, AdminServer};
use super::observe::metrics::Metrics;
use super::observe::shadow_log::ShadowLog;
use super::observe::store_metrics::{self, StoreMetrics};
use super::observe::trace_log::{self, TraceLog, WaitingTrace};
use super::parts::{AuditSink, BuildError, Probe, Signer};
use super::settings::{ClientLimits, ProxySettings};
use super::snapshot::{ActiveSnapshot, SnapshotBuilder};
use super::upstream::pool_registry::PoolRegistry;
use crate::auth::policy::Policy;
use crate::flow::Flows;
use crate::portal::Portal;

/// Unused connections to apps that are kept.
const POOLED: usize = 512;

/// Everything a proxy is made of.
pub struct Parts {
    /// What the operator set.
    pub settings: ProxySettings,
    /// The rules.
    pub policy: Arc<Policy>,
    pub flows: Arc<Flows>,
    /// Our pages.
    pub portal: Arc<Portal>,
    /// Signs assertions.
    pub signer: Signer,
    /// Receives audit events beside the log.
    pub audit: AuditSink,
    /// Readiness.
    pub probe: Probe,
    /// Numbers of the stores, for the metrics.
    pub store_metrics: Arc<dyn StoreMetrics>,
}

/// A proxy, built and checked, not yet serving.
pub struct Proxy {
    app: HttpProxy<Gateway>,
    waiting_traces: mpsc::Receiver<WaitingTrace>,
    active: Arc<ActiveSnapshot>,
    metrics: Arc<Metrics>,
    probe: Probe,
    store_metrics: Arc<dyn StoreMetrics>,
}

impl Proxy {
    /// Builds everything that serving needs, as `check` does: certificates, authorities, names, headers.
    /// Needs a tokio runtime. Opens no connection.
    ///
    /// # Errors
    /// The first thing that cannot be used.
    pub fn build(parts: Parts) -> Result<Self, BuildError> {
        // Pingora's connectors use the process default; another part may have installed the same one before.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let metrics = Arc::new(Metrics::new(parts.flows.ports.clock.now())?);
        let pools = PoolRegistry::new(metrics.clone());
        let first = SnapshotBuilder::new(&parts.settings, &parts.policy, &pools)?.build(parts.flows, parts.portal);
        let active = Arc::new(ActiveSnapshot::new(first, pools, metrics.clone()));
        let (signer, audit) = (parts.signer, parts.audit);
        let shadow = Arc::new(ShadowLog::new(metrics.clone()));
        let (traces, waiting_traces) = TraceLog::new(metrics.clone());
        let app = pingora(Gateway { active: active.clone(), signer, audit, metrics: metrics.clone(), shadow, traces });
        Ok(Self { app, waiting_traces, active, metrics, probe: parts.probe, store_metrics: parts.store_metrics })
    }

    /// What is in force, to be replaced while it serves.
    pub fn active(&self) -> Arc<ActiveSnapshot> {
        self.active.clone()
    }

    /// Serves on bound listeners until `shutdown` becomes true (or its sender is gone); then accepts nothing
    /// more and lets requests finish for at most `shutdown_grace`.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub async fn serve(self, bound: Bound, shutdown: watch::Receiver<bool>) -> Result<(), BuildError> {
        let mut background = tokio::task::JoinSet::new();
        let Self { app, waiting_traces, active, metrics, probe, store_metrics } = self;
        active.start().await;
        let acceptor = active.certificates.as_ref().map(Certificates::acceptor).transpose()?.map(Arc::new);
        if let Some(certificates) = active.certificates.clone() {
            background.spawn(certificates.watch(metrics.clone()));
        }
        let traces = active.load().flows.ports.traces.clone();
        background.spawn(trace_log::keep(waiting_traces, traces, metrics.clone()));
        let app = Arc::new(app);
        let connections = active.connections.clone();
        background.spawn(count_connections(connections.clone(), metrics.clone()));
        background.spawn(store_metrics::count(store_metrics.clone(), metrics.clone()));
        let live = Arc::new(LiveRequests::default());
        background.spawn(live.clone().watch(active.clone()));
        let (alive, mut over) = mpsc::channel::<()>(1);
        let front = Arc::new(AcceptContext {
            connections,
            settings: AcceptSettings::Active(active.clone()),
            metrics: metrics.clone(),
            refusals: LogSampler::default(),
            app: Arc::new(ClientConnections {
                app: app.clone(),
                metrics: metrics.clone(),
                live: live.clone(),
                refusals: Arc::default(),
            }),
            protocol_errors: Some(Arc::new(ProtocolErrors { active: active.clone(), metrics: metrics.clone() })),
            shutdown: shutdown.clone(),
            overlap: bound.overlap(),
            live,
            alive,
        });
        let mut doors = tokio::task::JoinSet::new();
        if let Some(acceptor) = acceptor {
            for listener in bound.https {
                doors.spawn(accept(listener, ListenerKind::Https(acceptor.clone()), front.clone()));
            }
        }
        for listener in bound.http {
            doors.spawn(accept(listener, ListenerKind::Redirect, front.clone()));
        }
        for listener in bound.plain {
            doors.spawn(accept(listener, ListenerKind::Plain, front.clone()));
        }
        if let Some(listener) = bound.admin {
            let admin = Admin { metrics, probe, store_metrics, stopping: shutdown.clone() };
            background.spawn(watched(listener, active.load().limits, admin));
        }
        let mut stop = shutdown.clone();
        // A sender that is gone can never say stop; that is a stop too.
        let _ = stop.wait_for(|stop| *stop).await;
        active.pools.stop();
        while doors.join_next().await.is_some() {}
        app.http_cleanup().await;
        drop(front);
        if tokio::time::timeout(active.load().shutdown_grace, over.recv()).await.is_err() {
            tracing::warn!(target: "proxy", "requests were cut at the end of the grace period");
        }
        background.shutdown().await;
        Ok(())
    }
}

/// Serves the admin listener until the shutdown: a successor needs its address before requests have finished.
async fn watched(listener: TcpListener, limits: ClientLimits, admin: Admin) {
    // Nobody waits for these connections.
    let (alive, _over) = mpsc::channel(1);
    let shutdown = admin.stopping.clone();
    let (settings, metrics) = (AcceptSettings::Fixed(limits), admin.metrics.clone());
    let app = Arc::new(AdminServer(Arc::new(HttpServer::new_app(admin))));
    let connections = ConnectionLimits::new(64, 64);
    let live = Arc::default();
    let context = AcceptContext {
        connections,
        settings,
        metrics,
        refusals: LogSampler::default(),
        app,
        protocol_errors: None,
        shutdown,
        overlap: Duration::ZERO,
        live,
        alive,
    };
    accept(listener, ListenerKind::Plain, Arc::new(context)).await;
}

/// HTTP/1 is Pingora's; HTTP/2 is accepted by us.
struct ClientConnections {
    app: Arc<HttpProxy<Gateway>>,
    metrics: Arc<Metrics>,
    live: Arc<LiveRequests>,
    refusals: Arc<LogSampler>,
}

#[async_trait]
impl ServeConnection for ClientConnections {
    async fn serve(&self, stream: Stream, limits: &ClientLimits, shutdown: &watch::Receiver<bool>) {
        if stream.selected_alpn_proto() == Some(ALPN::H2) {
            let shared = (self.metrics.clone(), self.live.clone(), self.refusals.clone());
            return server::serve(stream, &self.app, &server::Http2Config::new(limits, shared), shutdown).await;
        }
        self.app.process_new(stream, shutdown).await;
    }
}

fn pingora(gateway: Gateway) -> HttpProxy<Gateway> {
    let conf = ServerConf { upstream_keepalive_pool_size: POOLED, max_retries: 4, threads: 4, ..Default::default() };
    let mut app = http_proxy(&Arc::new(conf), gateway);
    let mut options = HttpServerOptions::default();
    // `site::examine` refuses CONNECT, with a page and an access event; Pingora would say a bare 405.
    options.allow_connect_method_proxying = true;
    app.server_options = Some(options);
    app
}

async fn count_connections(connections: Arc<ConnectionLimits>, metrics: Arc<Metrics>) {
    loop {
        metrics.connections.set(i64::try_from(connections.open()).unwrap_or(i64::MAX));
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
}
