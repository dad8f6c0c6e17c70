//! SIGHUP: the configuration is read again, and put in force whole or not at all.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{Notify, watch};

use super::{memory, service_manager};
use crate::config::{self, Settings, Severity};
use crate::flow::Flows;
use crate::flow::destination::Destinations;
use crate::notify::{ActiveProviders, Providers};
use crate::portal::{Jwks, Portal};
use crate::proxy::ActiveSnapshot;
use crate::proxy::settings::Listen;
use crate::proxy::snapshot::NewSnapshot;
use crate::store::places::{FilePlaces, PlaceTables};
use crate::store::settings::{KeySettings, StateSettings, StoreSettings};

/// Reads the configuration again when it is asked to.
pub(super) struct Reloader {
    pub(super) file: PathBuf,
    pub(super) fixed: Arc<Fixed>,
    /// Whose counters and queues go on.
    pub(super) flows: Arc<Flows>,
    pub(super) jwks: Jwks,
    pub(super) active: Arc<ActiveSnapshot>,
    pub(super) providers: Arc<ActiveProviders>,
    pub(super) places: Arc<FilePlaces>,
    /// True once requests are to finish.
    pub(super) stopping: watch::Receiver<bool>,
}

/// What takes effect at a start and not before.
pub(super) struct Fixed {
    listen: Listen,
    store: StoreSettings,
}

/// What came of reading the file.
enum Read {
    Good { new: Box<NewSnapshot>, providers: Box<Providers>, places: Box<PlaceTables>, summary: String },
    Bad { errors: usize },
}

impl Reloader {
    /// Goes on until the process stops. What is asked for while it reads is one more reading.
    pub(super) async fn run(self, asked: Arc<Notify>) {
        let mut stopping = self.stopping.clone();
        let this = Arc::new(self);
        loop {
            asked.notified().await;
            if *stopping.borrow() {
                return;
            }
            service_manager::reloading();
            // A process that stops is not ready any more, whatever it reads.
            let outcome = tokio::select! {
                biased;
                _ = stopping.wait_for(|stopping| *stopping) => return,
                outcome = this.reload() => outcome,
            };
            service_manager::ready(&outcome);
        }
    }

    /// Tells what came of it.
    async fn reload(self: &Arc<Self>) -> String {
        let me = self.clone();
        // Reads files and builds what may be large: not on a thread that serves.
        let read = tokio::task::spawn_blocking(move || me.read()).await;
        let file = self.file.display();
        match read {
            Ok(Read::Good { new, providers, places, summary }) => {
                self.providers.replace(*providers);
                self.places.replace(*places);
                self.active.replace(*new).await;
                tracing::info!(target: "config", %file, "reloaded: {summary}");
                format!("serving; reloaded: {summary}")
            }
            Ok(Read::Bad { errors }) => {
                self.active.refused();
                tracing::error!(target: "config", %file, errors, "not reloaded: what was in force stays in force");
                format!("serving; not reloaded, {errors} errors: the log says where")
            }
            Err(cause) => {
                self.active.refused();
                tracing::error!(target: "config", %file, %cause, "not reloaded: what was in force stays in force");
                "serving; not reloaded: see the log".to_owned()
            }
        }
    }

    fn read(&self) -> Read {
        let loaded = config::inspect_again(&self.file, Some(self.flows.ports.clock.now()));
        for problem in &loaded.problems {
            match problem.severity {
                Severity::Error => tracing::error!(target: "config", "{}", problem.text()),
                Severity::Warning => tracing::warn!(target: "config", "{}", problem.text()),
            }
        }
        let errors = loaded.count(Severity::Error);
        let (summary, settings) = (loaded.summary(&self.file), loaded.settings);
        let Some(settings) = settings else { return Read::Bad { errors } };
        let providers = Providers::new(settings.notify.clone(), self.flows.ports.clock.clone());
        let places = PlaceTables::load(settings.store.places.clone(), self.flows.ports.clock.as_ref());
        let places = places.map_err(|cause| cause.to_string());
        let built = self.build(settings).map_err(|cause| cause.to_string());
        match built.and_then(|new| Ok((new, providers?, places?))) {
            Ok((new, providers, places)) => {
                let (new, providers, places) = (Box::new(new), Box::new(providers), Box::new(places));
                Read::Good { new, providers, places, summary }
            }
            Err(cause) => {
                tracing::error!(target: "config", "{}: error: {cause}", self.file.display());
                Read::Bad { errors: 1 }
            }
        }
    }

    fn build(&self, mut settings: Settings) -> Result<NewSnapshot, crate::proxy::BuildError> {
        for key in self.fixed.changed(&Fixed::of(&settings)) {
            tracing::warn!(target: "config", key, "changed, which needs a restart: it stays as it was");
        }
        settings.proxy.listen = self.fixed.listen.clone();
        settings.proxy.limits.fit(memory::limit());
        let builder = self.active.builder(&settings.proxy, &settings.policy)?;
        let flows = Arc::new(self.flows.with_settings(settings.flow));
        let portal = Portal::new(flows.clone(), Destinations::new(Arc::new(settings.policy)), settings.portal);
        Ok(builder.build(flows, Arc::new(portal.with_jwks(self.jwks.clone()))))
    }
}

impl Fixed {
    pub(super) fn of(settings: &Settings) -> Self {
        Self { listen: settings.proxy.listen.clone(), store: settings.store.clone() }
    }

    /// The keys of the configuration under which something else stands in `other`.
    fn changed(&self, other: &Self) -> impl Iterator<Item = &'static str> {
        let (store, new) = (&self.store, &other.store);
        [
            ("listen", self.listen != other.listen),
            ("users.database", store.database.expose() != new.database.expose()),
            ("state", !same_state(&store.state, &new.state)),
            ("secrets", !same_keys(&store.keys, &new.keys)),
        ]
        .into_iter()
        .filter_map(|(key, changed)| changed.then_some(key))
    }
}

fn same_state(one: &StateSettings, other: &StateSettings) -> bool {
    use StateSettings::{Embedded, Redis};
    match (one, other) {
        (Embedded(one), Embedded(other)) => one == other,
        (
            Redis { url, ca, timeout, prefix },
            Redis { url: other_url, ca: other_ca, timeout: other_timeout, prefix: other_prefix },
        ) => url.expose() == other_url.expose() && (ca, timeout, prefix) == (other_ca, other_timeout, other_prefix),
        _ => false,
    }
}

fn same_keys(one: &KeySettings, other: &KeySettings) -> bool {
    match (one, other) {
        // Beside the database, which is told of by itself.
        (KeySettings::Beside(_), KeySettings::Beside(_)) => true,
        (KeySettings::Ring(one), KeySettings::Ring(other)) => one.is_same_as(other),
        _ => false,
    }
}
