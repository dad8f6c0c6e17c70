//! What is known of addresses at a moment: the databases and lists as they were read last.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::address_list::AddressList;
use super::geo_database::GeoDatabase;
use super::settings::{DatabaseRole, ListSource, PlaceSettings};
use super::shares::AddressShares;
use super::watched_file::{self, FileLook};
use crate::auth::network::is_public;
use crate::auth::time::Timestamp;
use crate::flow::ports::Clock;
use crate::risk::{Country, Evidence, Place};

/// Why a file is not used, for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {cause}", path.display())]
pub struct UnusableFile {
    pub path: PathBuf,
    pub cause: String,
}

/// A file and what was read from it.
#[derive(Debug)]
pub(super) struct Watched<T> {
    pub(super) path: PathBuf,
    /// As the file was when it was read last.
    seen: FileLook,
    /// What holds: `None` where there was no file.
    pub(super) value: Option<Arc<T>>,
    /// Why what was read last was not taken.
    pub(super) refused: Option<String>,
}

/// Everything at a moment.
#[derive(Clone, Debug, Default)]
pub struct PlaceTables {
    pub(super) settings: Arc<PlaceSettings>,
    pub(super) databases: Vec<(DatabaseRole, Watched<GeoDatabase>)>,
    /// In the order of the settings; `None` for what is given in the configuration.
    pub(super) lists: Vec<Option<Watched<AddressList>>>,
    shares: Arc<AddressShares>,
}

impl<T> Clone for Watched<T> {
    fn clone(&self) -> Self {
        let Self { path, seen, value, refused } = self;
        Self { path: path.clone(), seen: seen.clone(), value: value.clone(), refused: refused.clone() }
    }
}

type Parse<T> = fn(Vec<u8>, &dyn Clock) -> Result<T, String>;

impl<T> Watched<T> {
    /// Reads the file. That there is none is no error.
    fn open(path: &Path, parse: Parse<T>, clock: &dyn Clock) -> Result<Self, UnusableFile> {
        let fault = |cause: String| UnusableFile { path: path.to_owned(), cause };
        let seen = FileLook::of(path);
        let value = match &seen {
            FileLook::Absent => None,
            FileLook::There(_) => Some(read(path, parse, clock).map_err(fault)?),
            FileLook::Hidden(cause) => return Err(fault(cause.clone())),
        };
        Ok(Self { path: path.to_owned(), seen, value: value.map(Arc::new), refused: None })
    }

    /// Looks at the file. `Some` if it is another than it was, and the same as at the look before: nobody writes it at
    /// present. What cannot be read leaves what holds.
    fn renewed(&self, last: &FileLook, parse: Parse<T>, clock: &dyn Clock) -> Option<Self> {
        let now = FileLook::of(&self.path);
        if now == self.seen || now != *last {
            return None;
        }
        let path = self.path.clone();
        let read = match &now {
            FileLook::Absent => Ok(None),
            FileLook::There(_) => read(&path, parse, clock).map(Some),
            FileLook::Hidden(cause) => Err(cause.clone()),
        };
        // It changed while it was read: the next look says more.
        if FileLook::of(&path) != now {
            return None;
        }
        Some(match read {
            Ok(value) => Self { path, seen: now, value: value.map(Arc::new), refused: None },
            Err(cause) => Self { path, seen: now, value: self.value.clone(), refused: Some(cause) },
        })
    }
}

fn read<T>(path: &Path, parse: Parse<T>, clock: &dyn Clock) -> Result<T, String> {
    let bytes = watched_file::read(path).map_err(|cause| cause.to_string())?;
    parse(bytes, clock)
}

/// A database of which every record was looked at.
fn database(bytes: Vec<u8>, clock: &dyn Clock) -> Result<GeoDatabase, String> {
    let database = GeoDatabase::open(bytes).map_err(|cause| cause.to_string())?;
    database.survey(usize::MAX, clock, |_, _| {}).map_err(|cause| cause.to_string())?;
    Ok(database)
}

fn list(bytes: Vec<u8>, _: &dyn Clock) -> Result<AddressList, String> {
    AddressList::parse(&bytes).map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

impl PlaceTables {
    /// Reads every file that the settings name; this takes a second where they are large. What is missing abstains.
    ///
    /// # Errors
    /// A file that is there cannot be used.
    pub fn load(settings: PlaceSettings, clock: &dyn Clock) -> Result<Self, UnusableFile> {
        let mut databases = Vec::new();
        for role in DatabaseRole::ALL {
            if let Some(path) = settings.path(role) {
                databases.push((role, Watched::open(path, database, clock)?));
            }
        }
        let open = |source: &ListSource| match source {
            ListSource::File(path) => Watched::open(path, list, clock).map(Some),
            ListSource::Given(_) => Ok(None),
        };
        let lists = settings.lists.iter().map(|list| open(&list.source)).collect::<Result<_, _>>()?;
        let mut tables = Self { settings: Arc::new(settings), databases, lists, shares: Arc::default() };
        tables.count(clock);
        Ok(tables)
    }

    /// What each file looks like now, in the order of [`Self::renewed`].
    pub(super) fn look(&self) -> Vec<FileLook> {
        let lists = self.lists.iter().flatten().map(|list| &list.path);
        let paths = self.databases.iter().map(|(_, database)| &database.path).chain(lists);
        paths.map(|path| FileLook::of(path)).collect()
    }

    /// With those files read again that have changed; `None` if none has. `last`: how they looked before.
    pub(super) fn renewed(&self, last: &[FileLook], clock: &dyn Clock) -> Option<Self> {
        let (mut new, mut last) = (self.clone(), last.iter());
        let (mut places, mut lists) = (false, false);
        for (_, watched) in &mut new.databases {
            if let Some(renewed) = watched.renewed(last.next()?, database, clock) {
                *watched = renewed;
                places = true;
            }
        }
        for watched in new.lists.iter_mut().flatten() {
            if let Some(renewed) = watched.renewed(last.next()?, list, clock) {
                *watched = renewed;
                lists = true;
            }
        }
        if places {
            new.count(clock);
        }
        (places || lists).then_some(new)
    }

    /// Counts how much each country and autonomous system has: by the database of those if there is one.
    fn count(&mut self, clock: &dyn Clock) {
        let of = |role| self.database(role);
        let country = |address| {
            let said = |role| of(role).and_then(|database| database.record(address)).and_then(|found| found.country());
            said(DatabaseRole::Country).or_else(|| said(DatabaseRole::City))
        };
        let first = [DatabaseRole::Asn, DatabaseRole::Country, DatabaseRole::City].into_iter().find_map(of);
        // It was gone through when it was read.
        let counted = first.and_then(|database| AddressShares::count(database, clock, country).ok());
        self.shares = Arc::new(counted.unwrap_or_default());
    }

    fn database(&self, role: DatabaseRole) -> Option<&GeoDatabase> {
        self.databases.iter().find(|(one, _)| *one == role).and_then(|(_, watched)| watched.value.as_deref())
    }

    /// Whether a database may be asked at this moment.
    pub(super) fn is_fresh(&self, database: &GeoDatabase, now: Timestamp) -> bool {
        now.since(database.built) <= self.settings.max_age
    }

    pub(super) fn network_owner(&self, address: IpAddr, now: Timestamp) -> Option<String> {
        let address = address.to_canonical();
        if !(self.settings.private || is_public(address)) {
            return None;
        }
        let fresh = |role| self.database(role).filter(|database| self.is_fresh(database, now));
        DatabaseRole::ALL.into_iter().filter_map(fresh).find_map(|database| database.network_owner(address))
    }

    pub(super) fn place(&self, address: IpAddr, now: Timestamp) -> Place {
        let address = address.to_canonical();
        if self.databases.is_empty() || !(self.settings.private || is_public(address)) {
            return Place::default();
        }
        let record = |role| {
            let database = self.database(role).filter(|database| self.is_fresh(database, now));
            database.and_then(|database| database.record(address)).unwrap_or_default()
        };
        let [city, asn, country] = DatabaseRole::ALL.map(record);
        let is_partial = self
            .databases
            .iter()
            .any(|(_, watched)| watched.value.as_ref().is_none_or(|database| !self.is_fresh(database, now)));
        let code: [Option<Country>; 3] = [country.country(), city.country(), asn.country()];
        let mut place = Place {
            country: code.into_iter().flatten().next(),
            asn: [asn.asn, city.asn, country.asn].into_iter().flatten().next(),
            location: city.location(),
            is_partial,
            ..Place::default()
        };
        self.shares.complete(address, &mut place);
        place
    }

    pub(super) fn evidence(&self, address: IpAddr, now: Timestamp) -> Vec<Evidence> {
        let lists = self.settings.lists.iter().zip(&self.lists).filter_map(|(settings, watched)| {
            let list = match (&settings.source, watched) {
                (ListSource::Given(list), _) => Some(list),
                (ListSource::File(_), watched) => watched.as_ref().and_then(|watched| watched.value.as_ref()),
            };
            Some((settings, list?))
        });
        let lists: Vec<_> = lists.collect();
        let systems = lists.iter().any(|(_, list)| list.has_systems());
        let asn = if systems { self.place(address, now).asn } else { None };
        let stands = lists.into_iter().filter(|(_, list)| list.holds(address, asn));
        stands.map(|(settings, _)| Evidence { list: settings.name.clone(), weight: settings.weight }).collect()
    }
}
