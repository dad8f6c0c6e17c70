//! Where addresses are used, and on which lists of the operator's they stand: from files, in memory, read again when they
//! change. What is missing or stale abstains and says so; what cannot be read is refused, and what was read before stays.

mod address_list;
mod geo_database;
pub mod mmdb;
mod notices;
mod record;
mod sample;
pub mod settings;
mod shares;
mod tables;
#[cfg(test)]
mod tests;
mod watched_file;

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

pub use address_list::{AddressList, ListEntry, ListFault};
pub use geo_database::{GeoDatabase, UnusableDatabase};
use notices::Notice;
pub use sample::{DatabaseSample, sample};
use settings::{DatabaseRole, ListSettings, ListSource};
use tables::Watched;
pub use tables::{PlaceTables, UnusableFile};
use watched_file::FileLook;

use crate::auth::time::Timestamp;
use crate::flow::ports::{Clock, Places};
use crate::risk::{Evidence, Place};

/// Between two looks at the files. What has changed is read when it looks the same twice.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How each file looked.
type Looks = Vec<FileLook>;

/// The places at this moment.
pub struct FilePlaces {
    clock: Arc<dyn Clock>,
    tables: ArcSwap<PlaceTables>,
}

/// How one database is, for metrics and `check`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeoStatus {
    pub role: DatabaseRole,
    /// What it calls itself; `None` where there is no file.
    pub kind: Option<String>,
    pub built: Option<Timestamp>,
    /// Whether it is asked.
    pub used: bool,
    /// Whether the file as it is now was refused.
    pub refused: bool,
}

/// How one list is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListStatus {
    pub name: Arc<str>,
    /// `None` where there is no file.
    pub entries: Option<usize>,
    pub refused: bool,
}

impl FilePlaces {
    /// Knows nothing of any address, until it is given tables.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, tables: ArcSwap::default() }
    }

    /// Asks these from now on.
    pub fn replace(&self, tables: PlaceTables) {
        self.tables.store(Arc::new(tables));
    }

    /// Looks at the files until the end of the task, and tells what becomes of them.
    pub async fn watch(self: Arc<Self>) {
        let (mut last, mut told) = (Looks::new(), HashSet::new());
        loop {
            let notices = notices::all(&self.tables.load(), self.clock.now());
            notices.iter().filter(|notice| !told.contains(*notice)).for_each(Notice::log);
            told = notices.into_iter().collect();
            tokio::time::sleep(LOOK_EVERY).await;
            let me = self.clone();
            let look = tokio::task::spawn_blocking(move || me.look(&last)).await;
            last = look.unwrap_or_default();
        }
    }

    /// One look: what has changed since the last and stands still takes effect. Answers how the files look now.
    fn look(&self, last: &[FileLook]) -> Looks {
        let known = self.tables.load_full();
        let seen = known.look();
        if let Some(new) = known.renewed(last, self.clock.as_ref()) {
            // Unless the configuration was read again meanwhile.
            self.tables.compare_and_swap(&known, Arc::new(new));
        }
        seen
    }

    /// How the databases are.
    pub fn databases(&self) -> Vec<GeoStatus> {
        let (tables, now) = (self.tables.load(), self.clock.now());
        let status = |(role, watched): &(DatabaseRole, Watched<GeoDatabase>)| GeoStatus {
            role: *role,
            kind: watched.value.as_ref().map(|database| database.kind.clone()),
            built: watched.value.as_ref().map(|database| database.built),
            used: watched.value.as_ref().is_some_and(|database| tables.is_fresh(database, now)),
            refused: watched.refused.is_some(),
        };
        tables.databases.iter().map(status).collect()
    }

    /// How the lists are.
    pub fn lists(&self) -> Vec<ListStatus> {
        let tables = self.tables.load();
        let status = |(list, watched): (&ListSettings, &Option<Watched<AddressList>>)| ListStatus {
            name: list.name.clone(),
            entries: match &list.source {
                ListSource::Given(list) => Some(list.entries),
                ListSource::File(_) => watched.as_ref().and_then(|w| w.value.as_ref()).map(|list| list.entries),
            },
            refused: watched.as_ref().is_some_and(|watched| watched.refused.is_some()),
        };
        tables.settings.lists.iter().zip(&tables.lists).map(status).collect()
    }
}

impl Places for FilePlaces {
    fn place(&self, address: IpAddr) -> Place {
        self.tables.load().place(address, self.clock.now())
    }

    fn network_owner(&self, address: IpAddr) -> Option<String> {
        self.tables.load().network_owner(address, self.clock.now())
    }

    fn evidence(&self, address: IpAddr) -> Vec<Evidence> {
        self.tables.load().evidence(address, self.clock.now())
    }
}
