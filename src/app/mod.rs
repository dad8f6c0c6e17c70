//! Composition root: settings to stores to flows to portal to proxy.

mod audit;
mod lifecycle;
mod memory;
mod numbers;
mod reload;
mod service_manager;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::task::JoinSet;

use audit::AuditWriter;
use lifecycle::Serving;
pub use lifecycle::{Hangup, Signals};
use numbers::Numbers;
use reload::{Fixed, Reloader};

use crate::config::Settings;
use crate::flow::Flows;
use crate::flow::assertions::{REFRESH_EVERY, Signer};
use crate::flow::destination::Destinations;
use crate::flow::erasure;
use crate::flow::ports::StoreError;
use crate::notify::sender::{LetterCounts, LetterSender};
use crate::notify::{ActiveProviders, Providers};
use crate::portal::{Jwks, Portal};
use crate::proxy::settings::Listen;
use crate::proxy::snapshot;
use crate::proxy::{ActiveSnapshot, AuditSink, BuildError, Listeners, Parts, Probe, Proxy};
use crate::store::Stores;
use crate::store::admin::key_usage::KeyUsage;
use crate::store::places::PlaceTables;
use crate::store::settings::StoreSettings;
use crate::store::system::SystemClock;

const TRAIL_READ_EVERY: Duration = Duration::from_secs(60);
/// Between two looks for what is left of accounts that are gone.
const ERASURES_EVERY: Duration = Duration::from_secs(10);

/// Between two looks for invitations that are over.
const INVITATIONS_EVERY: Duration = Duration::from_secs(3600);

/// Why the gateway cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A store does not answer.
    #[error("{0}")]
    Store(StoreError),
    /// The settings name something unusable: a certificate, a key.
    #[error("{0}")]
    Settings(String),
    /// A port is taken, or the like.
    #[error("{0}")]
    Serve(String),
}

/// A gateway that serves.
pub struct Running {
    /// Where it listens, with the ports it was given where the settings said 0.
    pub addresses: Listen,
    /// The file of the master key, where this start has made one.
    pub made_key: Option<PathBuf>,
}

/// Serves until a signal ends it. `ready` is called once it serves. `file` is where the settings came from, to be read
/// again when a signal asks for that.
///
/// # Errors
/// The stores, the settings or the ports are unusable.
pub async fn serve(
    signals: Signals,
    settings: Settings,
    file: Option<PathBuf>,
    ready: impl FnOnce(&Running) + Send,
) -> Result<(), Fault> {
    let (mut background, mut audit) = (JoinSet::new(), None);
    background.spawn(service_manager::keep_alive());
    let ended = lifecycle::live(signals, start(settings, file, &mut background, &mut audit), |running| {
        ready(running);
        service_manager::ready(&format!("serving on {}", running.addresses));
    });
    let ended = ended.await;
    background.shutdown().await;
    if let Some(audit) = audit {
        audit.finish().await;
    }
    ended
}

/// Opens, builds and binds everything, and begins to serve. What is to go on until the end is left with the caller.
async fn start(
    mut settings: Settings,
    file: Option<PathBuf>,
    background: &mut JoinSet<()>,
    audit: &mut Option<AuditWriter>,
) -> Result<(Serving, Running), Fault> {
    settings.proxy.limits.fit(memory::limit());
    let (listen, fixed) = (settings.proxy.listen.clone(), Fixed::of(&settings));
    let stores = Arc::new(Stores::open(&settings.store).await.map_err(Fault::Store)?);
    stores.places.replace(places(&settings.store, &stores).await?);
    background.spawn(stores.places.clone().watch());
    let signer = Arc::new(Signer::new(stores.ports.clone()));
    signer.refresh(stores.ports.clock.now()).await.map_err(Fault::Store)?;
    background.spawn(refresh(signer.clone(), stores.clone()));
    background.spawn(look_around(stores.clone()));
    background.spawn(finish_erasures(stores.clone()));
    background.spawn(drop_invitations(stores.clone()));
    let (sink, writer) = AuditWriter::start(&stores);
    *audit = Some(writer);
    let published = signer.clone();
    let jwks: Jwks = Arc::new(move || published.jwks());
    let flows = Arc::new(Flows::new(stores.ports.clone(), settings.flow.clone()));
    let providers = Providers::new(settings.notify.clone(), stores.ports.clock.clone()).map_err(Fault::Settings)?;
    let (providers, counts) = (Arc::new(ActiveProviders::new(providers)), Arc::default());
    let sender = letter_sender(&stores, &providers, &counts);
    let parts = parts(settings, &stores, (flows.clone(), jwks.clone()), signer, sink, counts);
    let proxy = Proxy::build(parts).map_err(|fault| Fault::Settings(fault.to_string()))?;
    // All or nothing: a taken port ends it here.
    let bound = Listeners::bind(&listen).await.map_err(|fault| Fault::Serve(fault.to_string()))?;
    let addresses = bound.addresses().map_err(|fault| Fault::Serve(fault.to_string()))?;
    let reload = Arc::default();
    let (stop, stopping) = watch::channel(false);
    background.spawn(sender.run(stopping.clone()));
    background.spawn(follow_trail(proxy.active()));
    if let Some(file) = file {
        let (fixed, active) = (Arc::new(fixed), proxy.active());
        let places = stores.places.clone();
        let reloader = Reloader { file, fixed, flows, jwks, active, providers, places, stopping: stopping.clone() };
        background.spawn(reloader.run(Arc::clone(&reload)));
    }
    let served =
        tokio::spawn(
            async move { proxy.serve(bound, stopping).await.map_err(|fault| Fault::Settings(fault.to_string())) },
        );
    let running = Running { addresses, made_key: stores.made_key.clone() };
    Ok((Serving { stop, served, reload }, running))
}

/// Sees whether everything that the settings name can be used, by the code that a start and a reload go by too.
///
/// # Errors
/// The first thing that cannot be used: a certificate, an authority, a name, a database of places.
pub fn verify(settings: &Settings) -> Result<(), BuildError> {
    snapshot::verify(&settings.proxy, &settings.policy)?;
    let places = PlaceTables::load(settings.store.places.clone(), &SystemClock);
    places.map(drop).map_err(|fault| BuildError(fault.to_string()))
}

/// Reads the databases and lists that the settings name. Large files take a second: not on a thread that serves.
async fn places(settings: &StoreSettings, stores: &Stores) -> Result<PlaceTables, Fault> {
    let (settings, clock) = (settings.places.clone(), stores.ports.clock.clone());
    let read = tokio::task::spawn_blocking(move || PlaceTables::load(settings, clock.as_ref())).await;
    read.map_err(|cause| Fault::Settings(cause.to_string()))?.map_err(|fault| Fault::Settings(fault.to_string()))
}

fn parts(
    settings: Settings,
    stores: &Arc<Stores>,
    (flows, jwks): (Arc<Flows>, Jwks),
    signer: Arc<Signer>,
    audit: AuditSink,
    letters: Arc<LetterCounts>,
) -> Parts {
    let policy = Arc::new(settings.policy);
    let portal = Portal::new(flows.clone(), Destinations::new(policy.clone()), settings.portal).with_jwks(jwks);
    let clock = stores.ports.clock.clone();
    let sign: crate::proxy::Signer = Arc::new(move |session, risk, jwt| {
        let issuer = format!("https://{}", session.host);
        signer.assertion(session, risk, &jwt.audience, &issuer, jwt.lifetime, clock.now())
    });
    let probed = stores.clone();
    let probe: Probe = Arc::new(move || {
        let stores = probed.clone();
        async move { stores.probe().await }.boxed()
    });
    Parts {
        settings: settings.proxy,
        policy,
        flows,
        portal: Arc::new(portal),
        signer: sign,
        audit,
        probe,
        store_metrics: Arc::new(Numbers { stores: stores.clone(), letters }),
    }
}

/// What sends the letters that wait in the outbox.
fn letter_sender(stores: &Stores, providers: &Arc<ActiveProviders>, counts: &Arc<LetterCounts>) -> LetterSender {
    let ports = &stores.ports;
    LetterSender {
        outbox: ports.outbox.clone(),
        clock: ports.clock.clone(),
        entropy: ports.entropy.clone(),
        notifier: providers.clone(),
        counts: counts.clone(),
    }
}

/// Tells what is amiss at the start, and not first where somebody is turned away for it.
async fn look_around(stores: Arc<Stores>) {
    for (name, answer) in stores.probe().await {
        if let Err(fault) = answer {
            tracing::warn!(target: "stepgate", store = name, %fault, "a store does not answer yet; what needs it gets 503");
        }
    }
    match stores.key_usage().await {
        Ok(uses) => {
            uses.iter().filter_map(KeyUsage::missing_key).for_each(|lost| tracing::error!(target: "stepgate", "{lost}"))
        }
        Err(fault) => tracing::warn!(target: "stepgate", %fault, "cannot see whether every master key is there"),
    }
}

/// Takes away what is left of accounts that are gone.
async fn finish_erasures(stores: Arc<Stores>) {
    let mut every = tokio::time::interval(ERASURES_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        every.tick().await;
        let finished = erasure::finish_erasures(&stores.ports).await;
        if let Err(fault) = &finished
            && !failing
        {
            tracing::warn!(target: "stepgate", %fault, "what is left of a deleted account is not gone yet");
        }
        failing = finished.is_err();
    }
}

/// Drops invitations that nobody can accept any more.
async fn drop_invitations(stores: Arc<Stores>) {
    let mut every = tokio::time::interval(INVITATIONS_EVERY);
    loop {
        every.tick().await;
        if let Err(fault) = stores.ports.sign_ups.drop_invitations(stores.ports.clock.now()).await {
            tracing::warn!(target: "stepgate", %fault, "invitations whose time is over are not gone yet");
        }
    }
}

/// Sets thresholds of risk by what the trail says, where they follow a rate.
async fn follow_trail(active: Arc<ActiveSnapshot>) {
    let mut every = tokio::time::interval(TRAIL_READ_EVERY);
    loop {
        every.tick().await;
        if let Err(fault) = active.follow_trail().await {
            tracing::warn!(target: "stepgate", %fault, "the trail cannot be read; thresholds of risk stay what they are");
        }
    }
}

/// Keeps the signing keys fresh.
async fn refresh(signer: Arc<Signer>, stores: Arc<Stores>) {
    let mut every = tokio::time::interval(REFRESH_EVERY);
    // The first tick is at once, and the keys were read a moment ago.
    every.tick().await;
    loop {
        every.tick().await;
        if let Err(fault) = signer.refresh(stores.ports.clock.now()).await {
            tracing::error!(target: "stepgate", %fault, "the signing keys cannot be read; those known stay in use");
        }
    }
}
