//! What an operator may set about the stores.

use std::path::PathBuf;
use std::time::Duration;

use super::breached_passwords::BreachedList;
use super::places::settings::PlaceSettings;
use super::vault::MasterKeys;
use crate::auth::secret::SecretText;

/// Where accounts and state live. URLs may hold passwords and are secrets.
#[derive(Clone)]
pub struct StoreSettings {
    /// `sqlite:///path` or `postgres://…`.
    pub database: SecretText,
    pub state: StateSettings,
    /// The master key ring, newest first.
    pub keys: KeySettings,
    /// What is known of addresses.
    pub places: PlaceSettings,
    /// The list of passwords that became known, if there is one.
    pub breached_passwords: Option<BreachedList>,
}

/// Where sessions, ceremonies, marks and counters live.
#[derive(Clone)]
pub enum StateSettings {
    /// In a SQLite file beside the accounts (for one machine): the database's own file, or this one.
    Embedded(Option<PathBuf>),
    /// `redis://…` or `rediss://…`.
    Redis {
        /// The URL, with password and database number.
        url: SecretText,
        /// A CA file for `rediss://`.
        ca: Option<PathBuf>,
        /// How long a command may take. Default: 250 ms.
        timeout: Duration,
        /// Prefix of every key. Default: `stepgate:`.
        prefix: String,
    },
}

/// The master key ring.
#[derive(Clone)]
pub enum KeySettings {
    /// Keys read from a file by the config: 32 bytes each, newest first.
    Ring(MasterKeys),
    /// Make one beside the SQLite file on first start, mode 0600.
    Beside(PathBuf),
}
