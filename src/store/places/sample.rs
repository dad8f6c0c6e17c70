//! A quick look at a database, for the configuration that names it.

use super::geo_database::{GeoDatabase, UnusableDatabase};
use super::settings::DatabaseRole;
use crate::auth::time::Timestamp;
use crate::store::system::SystemClock;

/// What a look at the beginning of a database shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseSample {
    /// What it calls itself.
    pub kind: String,
    pub built: Timestamp,
    countries: bool,
    systems: bool,
    /// All of it was looked at.
    whole: bool,
}

impl DatabaseSample {
    /// Whether it can say what it is asked for, as far as was seen.
    pub const fn serves(&self, role: DatabaseRole) -> bool {
        !self.whole
            || match role {
                DatabaseRole::Asn => self.systems,
                DatabaseRole::City | DatabaseRole::Country => self.countries,
            }
    }
}

/// Looks at some networks of a database, without going through it.
///
/// # Errors
/// It cannot be used.
pub fn sample(bytes: Vec<u8>) -> Result<DatabaseSample, UnusableDatabase> {
    const MOST: usize = 20_000;
    let database = GeoDatabase::open(bytes)?;
    let (mut countries, mut systems) = (false, false);
    let whole = database.survey(MOST, &SystemClock, |_, found| {
        countries |= found.country.is_some();
        systems |= found.asn.is_some();
    })?;
    Ok(DatabaseSample { kind: database.kind, built: database.built, countries, systems, whole })
}
