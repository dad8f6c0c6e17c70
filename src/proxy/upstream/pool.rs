//! The servers of an app: who is there, who is well, whose turn it is.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::peer::Template;
use super::target::Target;
use crate::proxy::clock;
use crate::proxy::observe::metrics::Metrics;
use crate::proxy::parts::BuildError;
use crate::proxy::settings::{AppSettings, UpstreamSettings};

/// Between two looks at unused connections.
const SWEEP: Duration = Duration::from_secs(5);

/// The servers of one app.
pub(crate) struct Pool {
    pub(super) app: String,
    pub(super) settings: UpstreamSettings,
    pub(super) templates: Vec<Template>,
    pub(super) targets: ArcSwap<Vec<Arc<Target>>>,
    pub(super) turn: AtomicUsize,
    /// A server that was offered both by TLS chose HTTP/1.1 the last time.
    pub(super) chose_http1: AtomicBool,
    pub(super) metrics: Arc<Metrics>,
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
        let (targets, turn, chose_http1) = (ArcSwap::default(), AtomicUsize::new(0), AtomicBool::new(false));
        Ok(Self { app: app.host.clone(), settings, templates, targets, turn, chose_http1, metrics })
    }

    /// Whether a pool of these settings would be the same.
    pub(super) fn has_same_settings(&self, other: &Self) -> bool {
        let same = |(a, b): (&Template, &Template)| a.has_same_settings(b);
        self.settings == other.settings && self.templates.iter().zip(&other.templates).all(same)
    }

    /// Takes over what was found out about addresses that are the same.
    pub(super) fn adopt_health(&self, other: &Self) {
        let (mine, known) = (self.targets.load(), other.targets.load());
        for target in mine.iter() {
            let same = known.iter().find(|known| known.address == target.address);
            if same.is_some_and(|known| !known.healthy.load(Ordering::Relaxed)) {
                target.healthy.store(false, Ordering::Relaxed);
            }
        }
    }

    /// The servers as metrics name them.
    pub(super) fn server_names(&self) -> impl Iterator<Item = String> {
        self.templates.iter().map(|template| template.server.to_string())
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

    /// The server at an address, if it is well and was not tried yet.
    pub(crate) fn at(&self, address: SocketAddr, tried: &[SocketAddr]) -> Option<Arc<Target>> {
        let targets = self.targets.load();
        let fit = |target: &&Arc<Target>| target.address == address && target.healthy.load(Ordering::Relaxed);
        targets.iter().find(fit).filter(|_| !tried.contains(&address)).cloned()
    }

    /// Whether the server at this address is spoken to by TLS; as long as none was chosen, the first one.
    pub(crate) fn is_tls(&self, address: Option<&SocketAddr>) -> bool {
        let targets = self.targets.load();
        let chosen = targets.iter().find(|target| Some(&target.address) == address);
        let server = chosen.map_or(0, |target| target.server);
        self.templates.get(server).is_some_and(|template| template.server.tls)
    }

    /// Closes connections that nobody needs.
    async fn watch_kept(&self) {
        loop {
            tokio::time::sleep(SWEEP).await;
            for target in self.targets.load().iter() {
                target.kept.sweep(clock::now(), self.settings.idle_timeout);
            }
        }
    }

    /// How many addresses there are.
    pub(crate) fn len(&self) -> usize {
        self.targets.load().len()
    }

    /// Looks names up, watches over health and over unused connections until the shutdown.
    pub(crate) async fn watch(self: Arc<Self>, mut shutdown: watch::Receiver<bool>) {
        tokio::select! {
            _ = shutdown.wait_for(|stop| *stop) => {}
            () = self.watch_names() => {}
            () = self.watch_health() => {}
            () = self.watch_kept() => {}
        }
    }
}
