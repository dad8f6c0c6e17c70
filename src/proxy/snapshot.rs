//! What requests are judged and served by: all that the configuration says, at one moment.
//!
//! A request takes the snapshot in force at its first hook and keeps it to its end. A reload builds another one beside
//! it, and puts it in force whole or not at all. Servers, their health, connections to them and counters outlive both.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{Mutex, watch};

use super::client::certificates::{CertificateTable, Certificates};
use super::client::limits::ConnectionLimits;
use super::observe::metrics::{Metrics, NO_RULE};
use super::parts::BuildError;
use super::request::site::{Site, Sites};
use super::settings::{AppSettings, ClientLimits, Listen, ProxySettings};
use super::upstream::identity_headers::IdentityHeaders;
use super::upstream::pool::Pool;
use super::upstream::pool_registry::PoolRegistry;
use super::upstream::rewrite::Rewriting;
use crate::auth::network::Networks;
use crate::auth::policy::trial::Tried;
use crate::auth::policy::{AppPolicy, Policy};
use crate::auth::time::Timestamp;
use crate::flow::Flows;
use crate::flow::ports::Answer;
use crate::portal::Portal;

/// All that a request sees of the configuration.
pub(crate) struct Snapshot {
    pub(crate) sites: Sites,
    pub(crate) flows: Arc<Flows>,
    pub(crate) portal: Arc<Portal>,
    pub(crate) limits: ClientLimits,
    pub(crate) trusted: Networks,
    pub(crate) https_port: u16,
    pub(crate) listen: Listen,
    pub(crate) shutdown_grace: Duration,
}

/// A snapshot that wants its flows and its pages, which cannot fail.
pub struct SnapshotBuilder {
    sites: Sites,
    certificates: Option<CertificateTable>,
    limits: ClientLimits,
    trusted: Networks,
    https_port: u16,
    listen: Listen,
    shutdown_grace: Duration,
}

impl SnapshotBuilder {
    /// Builds everything that can be wrong: certificates, authorities, names, headers. Opens no connection, and changes
    /// nothing: this is also how a configuration is checked.
    ///
    /// # Errors
    /// The first thing that cannot be used.
    pub(crate) fn new(settings: &ProxySettings, policy: &Policy, pools: &PoolRegistry) -> Result<Self, BuildError> {
        let certificates = match settings.certificates.as_slice() {
            [] if settings.listen.https.is_empty() => None,
            files => Some(CertificateTable::load(files.to_vec())?),
        };
        let mut limits = settings.limits;
        limits.fit(None);
        Ok(Self {
            sites: sites(settings, policy, pools)?,
            certificates,
            limits,
            trusted: settings.trusted_proxies.clone(),
            listen: settings.listen.clone(),
            https_port: settings.listen.https.first().map_or(443, std::net::SocketAddr::port),
            shutdown_grace: settings.shutdown_grace,
        })
    }

    /// Completes it with flows and pages over the same policy.
    pub fn build(self, flows: Arc<Flows>, portal: Arc<Portal>) -> NewSnapshot {
        let Self { sites, certificates, limits, trusted, https_port, listen, shutdown_grace } = self;
        let snapshot = Snapshot { sites, flows, portal, limits, trusted, https_port, listen, shutdown_grace };
        NewSnapshot { snapshot, certificates }
    }
}

/// A snapshot that is not in force yet.
pub struct NewSnapshot {
    pub(super) snapshot: Snapshot,
    pub(super) certificates: Option<CertificateTable>,
}

/// Sees whether everything that these settings name can be used, as `check` does.
///
/// # Errors
/// The first thing that cannot be used.
pub(crate) fn verify(settings: &ProxySettings, policy: &Policy) -> Result<(), BuildError> {
    let pools = PoolRegistry::new(Arc::new(Metrics::new(Timestamp::default())?));
    SnapshotBuilder::new(settings, policy, &pools).map(drop)
}

/// The snapshot in force, and what outlives it.
pub struct ActiveSnapshot {
    snapshot: ArcSwap<Snapshot>,
    pub(super) pools: PoolRegistry,
    pub(super) certificates: Option<Arc<Certificates>>,
    pub(super) connections: Arc<ConnectionLimits>,
    metrics: Arc<Metrics>,
    /// One change at a time.
    changing: Mutex<()>,
    /// Counts them.
    changes: watch::Sender<u64>,
}

impl ActiveSnapshot {
    /// The first one of a process.
    pub(super) fn new(first: NewSnapshot, pools: PoolRegistry, metrics: Arc<Metrics>) -> Self {
        let NewSnapshot { snapshot, certificates } = first;
        let connections = ConnectionLimits::new(snapshot.limits.most(), snapshot.limits.most_per_client());
        let certificates = certificates.map(|table| Arc::new(Certificates::new(table)));
        Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            pools,
            certificates,
            connections,
            metrics,
            changing: Mutex::default(),
            changes: watch::Sender::new(0),
        }
    }

    /// For one request, connection or round of a task: whoever asks twice may get two.
    pub(crate) fn load(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Tells when another one is in force.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Begins a snapshot of other settings. Servers of unchanged settings are the same.
    ///
    /// # Errors
    /// The first thing that cannot be used.
    pub fn builder(&self, settings: &ProxySettings, policy: &Policy) -> Result<SnapshotBuilder, BuildError> {
        SnapshotBuilder::new(settings, policy, &self.pools)
    }

    /// Looks up the servers of the snapshot in force, and begins to watch over them.
    pub(super) async fn start(&self) {
        let _changing = self.changing.lock().await;
        let snapshot = self.load();
        self.pools.resolve(snapshot.pools()).await;
        self.pools.watch(snapshot.pools()).await;
    }

    /// Puts a snapshot in force. Requests at work keep theirs; what only that one needs is dropped with the last of them.
    pub async fn replace(&self, new: NewSnapshot) {
        let _changing = self.changing.lock().await;
        let NewSnapshot { snapshot, certificates } = new;
        // Before anybody needs them.
        self.pools.resolve(snapshot.pools()).await;
        if let (Some(here), Some(table)) = (&self.certificates, certificates) {
            here.replace(table);
            self.metrics.certificate_reload_successful.set(1);
        }
        self.connections.limit(snapshot.limits.most(), snapshot.limits.most_per_client());
        let new = Arc::new(snapshot);
        let old = self.snapshot.swap(new.clone());
        self.changes.send_modify(|count| *count += 1);
        self.pools.watch(new.pools()).await;
        for (host, site) in &old.sites.apps {
            site.metrics.forget(&self.metrics, new.sites.apps.get(host).map(|site| &site.metrics));
        }
        let tried: HashSet<&str> = new.sites.apps.values().flat_map(|site| tried(&site.policy)).collect();
        self.metrics.trials.keep(|rule| tried.contains(rule));
        self.metrics.keep_answers(|route| new.sites.apps.contains_key(route));
        self.metrics.config_reload_successful.set(1);
        self.metrics.config_read_at(new.flows.ports.clock.now());
    }

    /// Reads on in the audit trail, where thresholds of risk follow it, and publishes them.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn follow_trail(&self) -> Answer<()> {
        let flows = self.load().flows.clone();
        let followed = flows.follow_trail().await;
        self.metrics.risk_threshold.set(flows.risk_thresholds());
        followed
    }

    /// Notes that a configuration was refused.
    pub fn refused(&self) {
        self.metrics.config_reload_successful.set(0);
    }
}

impl Snapshot {
    fn pools(&self) -> impl Iterator<Item = &Arc<Pool>> {
        self.sites.apps.values().map(|site| &site.pool)
    }
}

/// The names by which what is tried beside the rules of an app may be counted.
fn tried(app: &AppPolicy) -> impl Iterator<Item = &str> {
    app.rules.trials().iter().flat_map(|trial| {
        let (one, all) = match &trial.tried {
            Tried::Rule(rule) => (Some(&*rule.id.0), &[][..]),
            Tried::Candidate => (Some(NO_RULE), &*trial.rules),
        };
        all.iter().map(|rule| &*rule.id.0).chain(one)
    })
}

fn sites(settings: &ProxySettings, policy: &Policy, pools: &PoolRegistry) -> Result<Sites, BuildError> {
    let hosts: Vec<&str> = settings.apps.iter().map(|app| app.host.as_str()).collect();
    let site = |app: &AppSettings| {
        let rules = policy.app(&app.host).ok_or_else(|| BuildError(format!("{}: no rules", app.host)))?;
        let site = Site {
            host: app.host.clone(),
            policy: rules.clone(),
            pool: pools.pool(app, settings.limits.tunnel_idle)?,
            identity_headers: IdentityHeaders::new(&app.identity)?,
            rewriting: Rewriting::new(app, &hosts),
            settings: app.clone(),
            metrics: pools.metrics().site(rules),
        };
        Ok((app.host.clone(), Arc::new(site)))
    };
    let apps = settings.apps.iter().map(site).collect::<Result<_, BuildError>>()?;
    Ok(Sites { apps, portal: settings.portal_host.clone() })
}
