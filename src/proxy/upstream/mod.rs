//! The servers of an app: who is there, who is well, whose turn it is.

mod carriage;
mod courteous;
mod health;
mod peer;
mod resolve;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use pingora_core::upstreams::peer::HttpPeer;
use tokio::sync::watch;

use super::metrics::Metrics;
use super::serve::BuildError;
use super::settings::{AppSettings, UpstreamSettings};
pub(crate) use carriage::Carriage;
use peer::Template;

/// One address of one server.
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    server: usize,
    /// Cloned for each request: no strings are made then (an SNI apart).
    usual: HttpPeer,
    /// The same for WebSockets, which need HTTP/1.1 and patience.
    tunnel: HttpPeer,
    healthy: AtomicBool,
}

/// The servers of one app.
pub(crate) struct Pool {
    app: String,
    settings: UpstreamSettings,
    templates: Vec<Template>,
    targets: ArcSwap<Vec<Arc<Target>>>,
    turn: AtomicUsize,
    metrics: Arc<Metrics>,
}

impl Pool {
    /// Prepares the servers of an app: reads its authorities, checks its names. Nothing is looked up yet.
    ///
    /// # Errors
    /// Names the file or the value at fault.
    pub(crate) fn new(app: &AppSettings, tunnel_idle: Duration, metrics: Arc<Metrics>) -> Result<Self, BuildError> {
        let settings = app.upstream.clone();
        let templates = settings
            .servers
            .iter()
            .map(|server| Template::new(&app.host, server, &settings, tunnel_idle))
            .collect::<Result<Vec<_>, _>>()?;
        if templates.is_empty() {
            return Err(BuildError(format!("{}: no upstream server", app.host)));
        }
        let (targets, turn) = (ArcSwap::default(), AtomicUsize::new(0));
        Ok(Self { app: app.host.clone(), settings, templates, targets, turn, metrics })
    }

    /// The next well server in turn that was not tried yet.
    pub(crate) fn choose(&self, tried: &[SocketAddr]) -> Option<Arc<Target>> {
        let targets = self.targets.load();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % targets.len().max(1);
        let (after, before) = targets.split_at_checked(turn).map(|(b, a)| (a, b))?;
        after
            .iter()
            .chain(before)
            .find(|target| target.healthy.load(Ordering::Relaxed) && !tried.contains(&target.address))
            .cloned()
    }

    /// How many addresses there are.
    pub(crate) fn len(&self) -> usize {
        self.targets.load().len()
    }

    /// Looks names up and watches over health until the shutdown.
    pub(crate) async fn watch(self: Arc<Self>, shutdown: watch::Receiver<bool>) {
        let (mut stop, mut stop_too) = (shutdown.clone(), shutdown);
        let (me, too) = (self.clone(), self);
        tokio::join!(
            async {
                tokio::select! { _ = stop.wait_for(|s| *s) => {}, () = me.watch_names() => {} }
            },
            async {
                tokio::select! { _ = stop_too.wait_for(|s| *s) => {}, () = too.watch_health() => {} }
            },
        );
    }
}
