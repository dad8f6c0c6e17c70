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
use super::client::listen::{AcceptContext, ListenerKind, ServeConnection, accept};
use super::client::protocol_error::ProtocolErrors;
use super::gateway::Gateway;
use super::http2::server;
use super::live::LiveRequests;
use super::observe::admin::{Admin, AdminServer};
use super::observe::metrics::Metrics;
use super::observe::store_metrics::{self, StoreMetrics};
use super::parts::{AuditSink, BuildError, Probe, Signer};
use super::request::site::{Site, Sites};
use super::settings::{ClientLimits, ProxySettings};
use super::upstream::identity_headers::IdentityHeaders;
use super::upstream::pool::Pool;
use super::upstream::rewrite::Rewriting;
use crate::auth::network::Networks;
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
    /// The flows.
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
    sites: Arc<Sites>,
    certificates: Option<Arc<Certificates>>,
    metrics: Arc<Metrics>,
    settings: ProxySettings,
    protocol_errors: Arc<ProtocolErrors>,
    flows: Arc<Flows>,
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
        let settings = parts.settings;
        let certificates = match settings.certificates.as_slice() {
            [] if settings.listen.https.is_empty() => None,
            files => Some(Certificates::load(files)?),
        };
        let sites = Arc::new(sites(&settings, &parts.policy, &metrics)?);
        let protocol_errors = Arc::new(ProtocolErrors {
            flows: parts.flows.clone(),
            portal: parts.portal.clone(),
            metrics: metrics.clone(),
        });
        let flows = parts.flows.clone();
        let gateway = Gateway {
            sites: sites.clone(),
            flows: parts.flows,
            portal: parts.portal,
            signer: parts.signer,
            audit: parts.audit,
            metrics: metrics.clone(),
            trusted: settings.trusted_proxies.clone(),
            limits: settings.limits,
            https_port: settings.listen.https.first().map_or(443, std::net::SocketAddr::port),
        };
        let app = pingora(gateway);
        let (probe, store_metrics) = (parts.probe, parts.store_metrics);
        Ok(Self { app, sites, certificates, metrics, settings, protocol_errors, flows, probe, store_metrics })
    }

    /// Serves on bound listeners until `shutdown` becomes true (or its sender is gone); then accepts nothing
    /// more and lets requests finish for at most `shutdown_grace`.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub async fn serve(self, bound: Bound, shutdown: watch::Receiver<bool>) -> Result<(), BuildError> {
        let mut background = tokio::task::JoinSet::new();
        let pools: Vec<Arc<Pool>> = self.sites.values().map(|site| site.pool.clone()).collect();
        futures_util::future::join_all(pools.iter().map(|pool| pool.resolve())).await;
        for pool in pools {
            background.spawn(pool.watch(shutdown.clone()));
        }
        let acceptor = self.certificates.as_ref().map(Certificates::acceptor).transpose()?.map(Arc::new);
        if let Some(certificates) = self.certificates {
            background.spawn(certificates.watch(self.metrics.clone()));
        }
        let app = Arc::new(self.app);
        let mut limits = self.settings.limits;
        limits.fit(None);
        let unbound = |limit: Option<usize>| limit.unwrap_or(usize::MAX);
        let connections = ConnectionLimits::new(unbound(limits.connections), unbound(limits.connections_per_client));
        background.spawn(count_connections(connections.clone(), self.metrics.clone()));
        background.spawn(store_metrics::count(self.store_metrics.clone(), self.metrics.clone()));
        let live = Arc::new(LiveRequests::default());
        background.spawn(live.clone().watch(self.flows));
        let (alive, mut over) = mpsc::channel::<()>(1);
        let front = Arc::new(AcceptContext {
            connections,
            trusted: self.settings.trusted_proxies,
            metrics: self.metrics.clone(),
            refusals: LogSampler::default(),
            limits,
            app: Arc::new(ClientConnections(
                app.clone(),
                server::Http2Config::new(&limits, self.metrics.clone(), live.clone()),
            )),
            protocol_errors: Some(self.protocol_errors),
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
            let admin = Admin {
                metrics: self.metrics,
                probe: self.probe,
                store_metrics: self.store_metrics,
                stopping: shutdown.clone(),
            };
            background.spawn(watched(listener, limits, admin));
        }
        let mut stop = shutdown.clone();
        // A sender that is gone can never say stop; that is a stop too.
        let _ = stop.wait_for(|stop| *stop).await;
        while doors.join_next().await.is_some() {}
        app.http_cleanup().await;
        drop(front);
        if tokio::time::timeout(self.settings.shutdown_grace, over.recv()).await.is_err() {
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
    let (trusted, metrics, refusals) = (Networks::default(), admin.metrics.clone(), LogSampler::default());
    let app = Arc::new(AdminServer(Arc::new(HttpServer::new_app(admin))));
    let connections = ConnectionLimits::new(64, 64);
    let live = Arc::default();
    let context = AcceptContext {
        connections,
        trusted,
        metrics,
        refusals,
        limits,
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
struct ClientConnections(Arc<HttpProxy<Gateway>>, server::Http2Config);

#[async_trait]
impl ServeConnection for ClientConnections {
    async fn serve(&self, stream: Stream, shutdown: &watch::Receiver<bool>) {
        if stream.selected_alpn_proto() == Some(ALPN::H2) {
            return server::serve(stream, &self.0, &self.1, shutdown).await;
        }
        self.0.process_new(stream, shutdown).await;
    }
}

fn sites(settings: &ProxySettings, policy: &Policy, metrics: &Arc<Metrics>) -> Result<Sites, BuildError> {
    let hosts: Vec<&str> = settings.apps.iter().map(|app| app.host.as_str()).collect();
    let site = |app: &super::settings::AppSettings| {
        let rules = policy.app(&app.host).ok_or_else(|| BuildError(format!("{}: no rules", app.host)))?;
        let site = Site {
            host: app.host.clone(),
            policy: rules.clone(),
            pool: Arc::new(Pool::new(app, settings.limits.tunnel_idle, metrics.clone())?),
            identity_headers: IdentityHeaders::new(&app.identity)?,
            rewriting: Rewriting::new(app, &hosts),
            settings: app.clone(),
            metrics: metrics.site(rules),
        };
        Ok((app.host.clone(), Arc::new(site)))
    };
    settings.apps.iter().map(site).collect()
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
