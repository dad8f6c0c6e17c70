//! Second floor: the ports made real.

pub mod admin;
pub mod breached_passwords;
#[cfg(test)]
pub(crate) mod contract;
mod embedded;
mod endings;
pub mod inspect;
mod outbox;
pub mod places;
mod record_cipher;
pub mod redis;
pub mod settings;
pub mod sql;
pub mod system;
#[cfg(test)]
mod tests;
mod unreadable;
pub mod vault;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use admin::counts::SessionSample;
use breached_passwords::NamedList;
use embedded::Embedded;
use outbox::SealedOutbox;
use places::FilePlaces;
use record_cipher::RecordCipher;
use settings::{KeySettings, StateSettings, StoreSettings};
pub use sql::Audit;
use sql::Database;
use system::{OsEntropy, SystemClock};

use crate::flow::ports::{
    Answer, Clock, Entropy, Ledger, OneTimeCodes, Ports, Quotas, Sessions, StoreError, Sweep, Throttle, Transient, View,
};

/// The stores of one process, opened.
pub struct Stores {
    /// As the flows use them.
    pub ports: Ports,
    /// The audit trail, for the edge to write what happened.
    pub audit: Audit,
    /// The vault again, as the one that knows its keys.
    pub ring: Arc<vault::KeyRing>,
    /// Redis, for its numbers, where state is kept there.
    pub redis: Option<Arc<redis::Redis>>,
    /// What is known of addresses: nothing, until it is given tables.
    pub places: Arc<FilePlaces>,
    /// The file of the master key, where opening has made one.
    pub made_key: Option<PathBuf>,
    database: Database,
    state: Arc<dyn Probe>,
}

/// The state ports of one store.
pub(crate) struct State {
    pub(crate) sessions: Arc<dyn Sessions>,
    pub(crate) transient: Arc<dyn Transient>,
    pub(crate) sweep: Arc<dyn Sweep>,
    pub(crate) codes: Arc<dyn OneTimeCodes>,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) throttle: Arc<dyn Throttle>,
    pub(crate) quotas: Arc<dyn Quotas>,
    pub(crate) probe: Arc<dyn Probe>,
}

/// A store that can be asked whether it answers.
#[async_trait]
pub(crate) trait Probe: Send + Sync {
    /// Its name in logs and on the readiness page.
    fn name(&self) -> &'static str;
    /// What is wrong, if something is.
    async fn probe(&self) -> Answer<()>;
    /// How many sessions it holds, about, and a few of them.
    async fn session_sample(&self) -> Answer<SessionSample>;
}

impl Stores {
    /// Opens every store that the settings name and brings the schema up to date. The database must
    /// answer; Redis may come later (the gateway starts and fails closed until it does).
    ///
    /// # Errors
    /// The database is unreachable, the key ring is unusable.
    pub async fn open(settings: &StoreSettings) -> Answer<Self> {
        Self::open_with(settings, Arc::new(SystemClock), Arc::new(OsEntropy)).await
    }

    /// As [`Self::open`], with another clock and other randomness.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_with(settings: &StoreSettings, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Answer<Self> {
        let database = Database::open(settings.database.expose()).await?;
        let made_key = match &settings.keys {
            KeySettings::Beside(path) => (!vault::key_file_exists(path)?).then(|| path.clone()),
            KeySettings::Ring(_) => None,
        };
        let ring = Arc::new(open_ring(&settings.keys, &database, entropy.clone()).await?);
        let (state, redis) = open_state(settings, &database, RecordCipher::new(ring.clone()), clock.clone()).await?;
        let sql = Arc::new(database.clone());
        let outbox = Arc::new(SealedOutbox::new(database.clone(), ring.clone(), entropy.clone()));
        let places = Arc::new(FilePlaces::new(clock.clone()));
        let ports = Ports {
            clock,
            entropy,
            sessions: state.sessions,
            transient: state.transient.clone(),
            sweep: state.sweep,
            ceremonies: View::new(state.transient.clone(), ring.clone()),
            tickets: View::new(state.transient.clone(), ring.clone()),
            challenges: View::new(state.transient.clone(), ring.clone()),
            profiles: View::new(state.transient.clone(), ring.clone()),
            traces: View::new(state.transient.clone(), ring.clone()),
            forms: View::new(state.transient.clone(), ring.clone()),
            slips: View::new(state.transient.clone(), ring.clone()),
            deletions: View::new(state.transient.clone(), ring.clone()),
            sign_in_links: View::new(state.transient.clone(), ring.clone()),
            notice_links: View::new(state.transient.clone(), ring.clone()),
            mailed_codes: View::new(state.transient.clone(), ring.clone()),
            recoveries_granted: View::new(state.transient.clone(), ring.clone()),
            pending_sign_ups: View::new(state.transient.clone(), ring.clone()),
            sign_up_links: View::new(state.transient.clone(), ring.clone()),
            form_owners: View::new(state.transient, ring.clone()),
            quotas: state.quotas,
            codes: state.codes,
            ledger: state.ledger,
            throttle: state.throttle,
            accounts: sql.clone(),
            authenticators: sql.clone(),
            addresses: sql.clone(),
            passkeys: sql.clone(),
            erasures: sql.clone(),
            recoveries: sql.clone(),
            sign_ups: sql.clone(),
            lockouts: sql.clone(),
            history: sql.clone(),
            vault: ring.clone(),
            signing_keys: sql.clone(),
            outbox,
            sealed_rows: sql,
            places: places.clone(),
            breached: Arc::new(NamedList(settings.breached_passwords.clone())),
        };
        let audit = Audit::new(database.clone());
        Ok(Self { ports, audit, ring, redis, places, made_key, database, state: state.probe })
    }

    /// Asks every store whether it answers: its name, and what is wrong if something is.
    pub async fn probe(&self) -> Vec<(&'static str, Answer<()>)> {
        vec![("database", self.database.probe().await), (self.state.name(), self.state.probe().await)]
    }
}

/// Opens the state store that the settings name.
async fn open_state(
    settings: &StoreSettings,
    database: &Database,
    cipher: RecordCipher,
    clock: Arc<dyn Clock>,
) -> Answer<(State, Option<Arc<redis::Redis>>)> {
    match &settings.state {
        StateSettings::Embedded(file) => {
            // Who writes to the accounts' file takes turns with the accounts.
            let (file, write_queue) = match file {
                Some(file) if own_file(settings).is_ok_and(|own| own == *file) => {
                    (file.clone(), database.write_queue())
                }
                Some(file) => (file.clone(), Arc::default()),
                None => (own_file(settings)?, database.write_queue()),
            };
            Ok((State::of(Arc::new(Embedded::open(&file, write_queue, cipher, clock).await?)), None))
        }
        StateSettings::Redis { .. } => {
            let store = redis::open(&settings.state, cipher, clock).await?;
            Ok((State::of(store.clone()), Some(store)))
        }
    }
}

/// The accounts' own file, where there is one.
fn own_file(settings: &StoreSettings) -> Answer<PathBuf> {
    let url = settings.database.expose();
    if !url.starts_with("sqlite:") {
        return Err(StoreError::new("state", "with PostgreSQL, state needs `redis://…` or a file of its own"));
    }
    sql::sqlite_path(url)
}

/// The vault. A key file is made only while nothing in the database was sealed with one that is missing.
async fn open_ring(keys: &KeySettings, database: &Database, entropy: Arc<dyn Entropy>) -> Answer<vault::KeyRing> {
    match keys {
        KeySettings::Ring(keys) => vault::KeyRing::new(keys, entropy),
        KeySettings::Beside(path) => {
            if !vault::key_file_exists(path)? && database.holds_sealed().await? {
                return Err(key_file_is_missing(path));
            }
            let keys = vault::key_file(path, entropy.as_ref())?;
            vault::KeyRing::new(&keys, entropy)
        }
    }
}

fn key_file_is_missing(path: &Path) -> StoreError {
    let text = format!("the key file {} is gone, and the database holds secrets sealed with it", path.display());
    StoreError::new("vault", text)
}

impl State {
    /// Every port of one store.
    pub(crate) fn of<S>(store: Arc<S>) -> Self
    where
        S: Sessions + Transient + Sweep + OneTimeCodes + Ledger + Throttle + Quotas + Probe + 'static,
    {
        Self {
            sessions: store.clone(),
            transient: store.clone(),
            sweep: store.clone(),
            codes: store.clone(),
            ledger: store.clone(),
            throttle: store.clone(),
            quotas: store.clone(),
            probe: store,
        }
    }
}

#[async_trait]
impl Probe for Embedded {
    fn name(&self) -> &'static str {
        "state"
    }

    async fn probe(&self) -> Answer<()> {
        Self::probe(self).await
    }

    async fn session_sample(&self) -> Answer<SessionSample> {
        Self::session_sample(self).await
    }
}
