//! One MaxMind database, whole in memory: a file that is cut short while it is mapped would end the process. The door of
//! `maxminddb`.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use ipnet::IpNet;
use maxminddb::{Reader, WithinOptions};
use serde::Deserialize;

use super::mmdb::{self, MARKER, MmdbValue};
use super::record::{GeoRecord, Value};
use crate::auth::time::Timestamp;
use crate::flow::ports::Clock;
use crate::risk::Country;

/// A look-up that takes longer than this shows a database that was made to cost time. Unoptimised builds are slow.
const SLOWEST: Duration = Duration::from_millis(if cfg!(debug_assertions) { 2_000 } else { 50 });

/// As far from its end as the metadata of a database begin.
const METADATA_BYTES: usize = 128 * 1024;

/// Why a database is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnusableDatabase(pub(super) String);

/// A database that can be asked.
#[derive(Debug)]
pub struct GeoDatabase {
    reader: Reader<Vec<u8>>,
    /// When it was made.
    pub built: Timestamp,
    /// What it calls itself: `GeoLite2-City`.
    pub kind: String,
}

/// How much is shown of the name of an organisation.
const OWNER_CHARS: usize = 64;

/// Who a record says that a network belongs to.
#[derive(Deserialize)]
struct NetworkOwner {
    #[serde(default, alias = "as_name", alias = "as_organization")]
    autonomous_system_organization: Option<String>,
}

/// What a record says in a few bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Whereabouts {
    pub(super) country: Option<Country>,
    pub(super) asn: Option<u32>,
}

impl GeoDatabase {
    /// Reads the metadata and the layout. Records are looked at by [`Self::survey`].
    ///
    /// # Errors
    /// It is no database of this format.
    pub fn open(bytes: Vec<u8>) -> Result<Self, UnusableDatabase> {
        let reader = match Reader::from_source(bytes.as_slice()) {
            Ok(_) => Reader::from_source(bytes),
            Err(cause) => with_plain_metadata(&bytes).map_or(Err(cause), Reader::from_source),
        };
        let reader = reader.map_err(unusable)?;
        let (built, kind) = (reader.metadata().build_epoch, reader.metadata().database_type.clone());
        Ok(Self { reader, built: Timestamp::from_secs(built), kind })
    }

    #[cfg(test)]
    pub(super) fn nodes(&self) -> u64 {
        self.reader.metadata().node_count.into()
    }

    /// What it says of an address. What it cannot say, it does not know.
    pub(super) fn record(&self, address: IpAddr) -> Option<GeoRecord> {
        self.reader.lookup(address).ok()?.decode().ok()?
    }

    /// The organisation whose network it is, where that is said.
    pub(super) fn network_owner(&self, address: IpAddr) -> Option<String> {
        let named: NetworkOwner = self.reader.lookup(address).ok()?.decode().ok()??;
        let name: String = named.autonomous_system_organization?.chars().filter(|c| !c.is_control()).collect();
        let name: String = name.trim().chars().take(OWNER_CHARS).collect();
        (!name.is_empty()).then_some(name)
    }

    /// Goes through its networks, at most `most` of them, and tells each with what is said of it. Each record is decoded
    /// once. Answers whether that was all of it.
    ///
    /// # Errors
    /// Its tree goes in circles, a record cannot be decoded, or takes too long.
    pub(super) fn survey(
        &self,
        most: usize,
        clock: &dyn Clock,
        mut tell: impl FnMut(IpNet, Whereabouts),
    ) -> Result<bool, UnusableDatabase> {
        // A tree has one leaf more than it has nodes; some writers share a branch.
        let leaves = (self.reader.metadata().node_count as usize).saturating_mul(3).saturating_add(1);
        let mut known = HashMap::new();
        // With those that hold nothing, so that each step of the way is counted.
        let all = WithinOptions::default().include_networks_without_data();
        for (count, found) in self.reader.networks(all).map_err(unusable)?.enumerate() {
            if count == most {
                return Ok(false);
            }
            if count > leaves {
                return Err(UnusableDatabase("its search tree goes in circles".to_owned()));
            }
            let found = found.map_err(unusable)?;
            let Some(at) = found.offset() else { continue };
            let whereabouts = match known.get(&at) {
                Some(known) => *known,
                None => {
                    let record = quick(clock, || found.decode::<GeoRecord>().map_err(unusable))?.unwrap_or_default();
                    let read = Whereabouts { country: record.country(), asn: record.asn };
                    known.insert(at, read);
                    read
                }
            };
            let network = found.network().map_err(unusable)?;
            if let Ok(network) = IpNet::new(network.ip(), network.prefix()) {
                tell(network, whereabouts);
            }
        }
        Ok(true)
    }
}

fn unusable(cause: maxminddb::MaxMindDbError) -> UnusableDatabase {
    UnusableDatabase(cause.to_string())
}

/// What `read` answers, unless it takes too long twice: the machine may have been busy, or its clock set, once.
fn quick<T>(clock: &dyn Clock, read: impl Fn() -> Result<T, UnusableDatabase>) -> Result<T, UnusableDatabase> {
    for _ in 0..2 {
        let began = clock.now();
        let answer = read()?;
        if clock.now().since(began) <= SLOWEST {
            return Ok(answer);
        }
    }
    Err(UnusableDatabase(format!("a look-up takes longer than {} ms", SLOWEST.as_millis())))
}

/// The database with its metadata written for a strict reader: some writers give one language as a text, or numbers of
/// another width. `None` where they cannot be understood.
fn with_plain_metadata(bytes: &[u8]) -> Option<Vec<u8>> {
    let tail = bytes.get(bytes.len().saturating_sub(METADATA_BYTES)..)?;
    let at = bytes.len() - tail.len() + tail.windows(MARKER.len()).rposition(|window| window == MARKER)?;
    let (before, written) = (bytes.get(..at)?, bytes.get(at + MARKER.len()..)?);
    let alone = Reader::from_source(mmdb::of_one_record(written)).ok()?;
    let given: HashMap<String, Value> = alone.lookup(Ipv4Addr::UNSPECIFIED.into()).ok()?.decode().ok()??;
    let number = |key: &str| given.get(key).and_then(Value::unsigned);
    let small = |key: &str| number(key).and_then(|number| u16::try_from(number).ok()).map(MmdbValue::U16);
    let plain = mmdb::metadata(vec![
        ("node_count", MmdbValue::U32(u32::try_from(number("node_count")?).ok()?)),
        ("record_size", small("record_size")?),
        ("ip_version", small("ip_version")?),
        ("database_type", given.get("database_type").and_then(Value::text).map(MmdbValue::text)?),
        ("languages", MmdbValue::List(Vec::new())),
        ("binary_format_major_version", small("binary_format_major_version")?),
        ("binary_format_minor_version", small("binary_format_minor_version")?),
        ("build_epoch", MmdbValue::U64(number("build_epoch")?)),
        ("description", MmdbValue::Map(Vec::new())),
    ]);
    Some([before, &plain].concat())
}
