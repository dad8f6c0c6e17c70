//! What an operator may set about places and lists.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::address_list::AddressList;

/// Which files say where addresses are used, and what stands on lists.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaceSettings {
    /// Country and location.
    pub city: Option<PathBuf>,
    /// Autonomous system.
    pub asn: Option<PathBuf>,
    /// Country alone; it comes before what `city` says.
    pub country: Option<PathBuf>,
    /// From which age on a database says nothing. Default: 60 d.
    pub max_age: Duration,
    /// Names are unique.
    pub lists: Vec<ListSettings>,
    /// Whether the databases are asked for private addresses, too: those of a demo. Default: no.
    pub private: bool,
}

impl Default for PlaceSettings {
    fn default() -> Self {
        let max_age = Duration::from_secs(60 * 24 * 3600);
        Self { city: None, asn: None, country: None, max_age, lists: Vec::new(), private: false }
    }
}

/// A list of the operator's.
#[derive(Clone, Debug, PartialEq)]
pub struct ListSettings {
    pub name: Arc<str>,
    pub source: ListSource,
    /// What standing on it adds to the score.
    pub weight: f64,
}

/// What stands on a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListSource {
    File(PathBuf),
    Given(Arc<AddressList>),
}

/// What a database is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DatabaseRole {
    City,
    Asn,
    Country,
}

impl DatabaseRole {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::City, Self::Asn, Self::Country];

    /// Its key in the configuration, and its label in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::City => "city",
            Self::Asn => "asn",
            Self::Country => "country",
        }
    }
}

impl fmt::Display for DatabaseRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl PlaceSettings {
    pub(super) fn path(&self, role: DatabaseRole) -> Option<&PathBuf> {
        match role {
            DatabaseRole::City => self.city.as_ref(),
            DatabaseRole::Asn => self.asn.as_ref(),
            DatabaseRole::Country => self.country.as_ref(),
        }
    }
}
