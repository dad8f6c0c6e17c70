//! Composition root: settings to stores to flows to portal to proxy.

mod memory;
mod numbers;

use std::sync::Arc;

use futures_util::FutureExt;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use numbers::Numbers;

use crate::auth::event::Event;
use crate::auth::time::Timestamp;
use crate::config::Settings;
use crate::flow::Flows;
use crate::flow::assertions::{REFRESH_EVERY, Signer};
use crate::flow::ports::StoreError;
use crate::portal::Portal;
use crate::proxy::settings::Listen;
use crate::proxy::{AuditSink, BuildError, Listeners, Parts, Probe, Proxy};
use crate::store::admin::key_usage::KeyUsage;
use crate::store::{Audit, Stores};

/// Audit events that wait to be written; more are only logged.
const WAITING_EVENTS: usize = 10_000;
/// Audit events written at once.
const EVENTS_AT_ONCE: usize = 100;

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
    pub made_key: Option<std::path::PathBuf>,
}

/// Serves until SIGTERM or SIGHUP (requests finish) or SIGINT (they do not). `ready` is told once it serves.
///
/// # Errors
/// The stores, the settings or the ports are unusable.
pub async fn serve(mut settings: Settings, ready: impl FnOnce(&Running) + Send) -> Result<(), Fault> {
    settings.proxy.limits.fit(memory::limit());
    let listen = settings.proxy.listen.clone();
    let stores = Arc::new(Stores::open(&settings.store).await.map_err(Fault::Store)?);
    let mut background = JoinSet::new();
    let signer = Arc::new(Signer::new(stores.ports.clone()));
    signer.refresh(stores.ports.clock.now()).await.map_err(Fault::Store)?;
    background.spawn(refresh(signer.clone(), stores.clone()));
    background.spawn(look_around(stores.clone()));
    let (audit, trail) = audit(&stores);
    let proxy = build(settings, &stores, signer, audit).map_err(|fault| Fault::Settings(fault.to_string()))?;
    // All or nothing, and before anything is said: a taken port ends it here.
    let bound = Listeners::bind(&listen).await.map_err(|fault| Fault::Serve(fault.to_string()))?;
    let addresses = bound.addresses().map_err(|fault| Fault::Serve(fault.to_string()))?;
    // Before anybody is told that it serves: who then stops it must be heard.
    let signals = Signals::listen()?;
    let (stop, stopping) = watch::channel(false);
    let served = tokio::spawn(proxy.serve(bound, stopping));
    ready(&Running { addresses, made_key: stores.made_key.clone() });
    let ended = until_stopped(stop, served, signals).await;
    background.shutdown().await;
    trail.finish().await;
    ended
}

/// Builds everything that serving needs and opens no connection, as `check` does.
///
/// # Errors
/// The first thing that cannot be used: a certificate, an authority, a name.
pub fn build(
    settings: Settings,
    stores: &Arc<Stores>,
    signer: Arc<Signer>,
    audit: AuditSink,
) -> Result<Proxy, BuildError> {
    let flows = Arc::new(Flows::new(stores.ports.clone(), settings.flow));
    let policy = Arc::new(settings.policy);
    let published = signer.clone();
    let portal =
        Portal::new(flows.clone(), policy.clone(), settings.portal).with_jwks(Arc::new(move || published.jwks()));
    let clock = stores.ports.clock.clone();
    let sign: crate::proxy::Signer = Arc::new(move |session, jwt| {
        let issuer = format!("https://{}", session.host);
        signer.assertion(session, &jwt.audience, &issuer, jwt.lifetime, clock.now())
    });
    let probed = stores.clone();
    let probe: Probe = Arc::new(move || {
        let stores = probed.clone();
        async move { stores.probe().await }.boxed()
    });
    Proxy::build(Parts {
        settings: settings.proxy,
        policy,
        flows,
        portal: Arc::new(portal),
        signer: sign,
        audit,
        probe,
        outside: Arc::new(Numbers(stores.clone())),
    })
}

/// What an operator says to the process.
struct Signals {
    interrupt: Signal,
    ending: Ending,
}

/// Requests may finish, and then it is over.
struct Ending {
    terminate: Signal,
    /// The terminal was closed; `None` if whoever started us said that this does not matter (`nohup`).
    hangup: Option<Signal>,
}

impl Signals {
    fn listen() -> Result<Self, Fault> {
        let to = |kind| signal(kind).map_err(|fault| Fault::Serve(format!("cannot listen for signals: {fault}")));
        let hangup = (!ignores_hangup()).then(|| to(SignalKind::hangup())).transpose()?;
        let ending = Ending { terminate: to(SignalKind::terminate())?, hangup };
        Ok(Self { interrupt: to(SignalKind::interrupt())?, ending })
    }
}

impl Ending {
    async fn recv(&mut self) {
        let Some(hangup) = &mut self.hangup else {
            self.terminate.recv().await;
            return;
        };
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

/// Whether SIGHUP was ignored when we were started: bit 0 of the mask that Linux tells.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

/// Waits for a signal, then for the proxy to end. A second signal, or SIGINT, does not wait.
async fn until_stopped(
    stop: watch::Sender<bool>,
    mut served: tokio::task::JoinHandle<Result<(), BuildError>>,
    Signals { mut interrupt, mut ending }: Signals,
) -> Result<(), Fault> {
    let outcome = tokio::select! {
        ended = &mut served => Some(ended),
        _ = interrupt.recv() => None,
        () = ending.recv() => {
            tracing::info!(target: "stepgate", "stopping: requests may finish");
            let _ = stop.send(true);
            tokio::select! {
                ended = &mut served => Some(ended),
                () = ending.recv() => None,
                _ = interrupt.recv() => None,
            }
        }
    };
    match outcome {
        Some(Ok(Ok(()))) => Ok(()),
        Some(Ok(Err(fault))) => Err(Fault::Settings(fault.to_string())),
        Some(Err(fault)) => Err(Fault::Serve(fault.to_string())),
        None => {
            tracing::info!(target: "stepgate", "stopping at once");
            served.abort();
            let _ = served.await;
            Ok(())
        }
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

/// What writes audit events.
struct Trail {
    enough: watch::Sender<bool>,
    writer: tokio::task::JoinHandle<()>,
}

impl Trail {
    /// Writes what waits. Connections that are not over yet may tell more; nobody waits for them.
    async fn finish(self) {
        self.enough.send_replace(true);
        // A writer that failed has said so.
        let _ = self.writer.await;
    }
}

/// A sink that never blocks, and what writes what it takes. The log has every event, always.
fn audit(stores: &Arc<Stores>) -> (AuditSink, Trail) {
    let (send, waiting) = mpsc::channel(WAITING_EVENTS);
    let (enough, stop) = watch::channel(false);
    let clock = stores.ports.clock.clone();
    let sink: AuditSink = Arc::new(move |events: &[Event], request: &str| {
        for event in events {
            let line = (clock.now(), (!request.is_empty()).then(|| request.to_owned()), event.clone());
            if send.try_send(line).is_err() {
                tracing::error!(target: "stepgate", request_id = request, "an audit event is only in the log");
            }
        }
    });
    let writer = tokio::spawn(write(stores.audit.clone(), waiting, stop));
    (sink, Trail { enough, writer })
}

async fn write(
    trail: Audit,
    mut waiting: mpsc::Receiver<(Timestamp, Option<String>, Event)>,
    mut stop: watch::Receiver<bool>,
) {
    let mut lines = Vec::with_capacity(EVENTS_AT_ONCE);
    loop {
        let open = !waiting.is_closed();
        let taken = tokio::select! {
            taken = waiting.recv_many(&mut lines, EVENTS_AT_ONCE) => taken,
            _ = stop.wait_for(|stop| *stop), if open => {
                // What waits is still handed out.
                waiting.close();
                continue;
            }
        };
        if taken == 0 {
            return;
        }
        if let Err(fault) = trail.append(&lines).await {
            tracing::error!(target: "stepgate", %fault, events = lines.len(), "audit events are only in the log");
        }
        lines.clear();
    }
}
