//! What is seen of a sign-in, as values. What is not known is absent, and says nothing for or against anybody.

use std::net::IpAddr;
use std::sync::Arc;

use super::agent::Agent;
use super::settings::IpStore;
use crate::auth::time::Timestamp;

/// A country by its two letters (ISO 3166-1 alpha-2), in upper case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

impl Country {
    /// Reads two letters; `ZZ` and `XX` are how databases write that they do not know.
    pub fn parse(text: &str) -> Option<Self> {
        let letters: [u8; 2] = text.as_bytes().try_into().ok()?;
        let upper = letters.map(|c| c.to_ascii_uppercase());
        let known = upper.iter().all(u8::is_ascii_alphanumeric) && !matches!(&upper, b"ZZ" | b"XX");
        known.then_some(Self(upper))
    }

    /// The two letters as bytes.
    pub const fn bytes(self) -> [u8; 2] {
        self.0
    }
}

impl std::fmt::Display for Country {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [a, b] = self.0.map(char::from);
        write!(f, "{a}{b}")
    }
}

/// A point on earth, and how far from it the truth may lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Location {
    /// Degrees, north is positive.
    pub latitude: f64,
    /// Degrees, east is positive.
    pub longitude: f64,
    pub radius_km: f64,
}

/// Where an address is used, as far as the operator's databases know.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    pub country: Option<Country>,
    /// The number of the autonomous system.
    pub asn: Option<u32>,
    pub location: Option<Location>,
    /// The country's share of all public addresses, 0 to 1.
    pub country_share: Option<f64>,
    /// The autonomous system's share of its country's addresses, 0 to 1.
    pub asn_share: Option<f64>,
    /// How many /24 (IPv4) or /48 (IPv6) the autonomous system has.
    pub asn_prefixes: Option<u32>,
    /// A database that the operator named cannot be asked now: what is not known here may have been, and may be again.
    pub is_partial: bool,
}

impl Place {
    /// Whether neither country nor autonomous system is known.
    pub const fn is_unknown(&self) -> bool {
        self.country.is_none() && self.asn.is_none()
    }
}

/// What the device cookie says. It is a copyable thing: a known one is limited evidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Device {
    /// None was sent.
    #[default]
    Absent,
    /// One that this person has signed in with before.
    Known,
    /// One that this person never signed in with.
    Unknown,
}

/// A list of the operator's that the address stands on.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// The name of the list.
    pub list: Arc<str>,
    /// What standing on it adds to the score; negative for what is trusted.
    pub weight: f64,
}

/// How much goes wrong at present, in the window of the caller's counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Velocity {
    /// Rejected proofs of this account.
    pub failures_of_person: u32,
    /// Rejected proofs from this /24 or /48.
    pub failures_of_prefix: u32,
    /// Different accounts tried from this /24 or /48.
    pub people_of_prefix: u32,
}

/// Where and when the person signed in last, for the speed of travel. The profile itself keeps no place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Previous {
    pub location: Location,
    pub at: Timestamp,
}

/// All that is seen of one sign-in.
#[derive(Clone, Debug, PartialEq)]
pub struct Signals {
    pub address: IpAddr,
    /// How much of the address may count.
    pub ip_store: IpStore,
    pub place: Place,
    pub agent: Agent,
    pub device: Device,
    pub evidence: Vec<Evidence>,
    pub velocity: Velocity,
    pub previous: Option<Previous>,
    /// Nobody signed in for longer than profiles are kept, and the person can show by something held that it is them.
    pub is_dormant: bool,
    pub at: Timestamp,
}
