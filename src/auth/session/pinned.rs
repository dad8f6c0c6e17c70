//! Where and with what a session was opened, or rose last; every later request is compared with it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::auth::proof::{Changed, RiskLevel};
use crate::auth::time::Timestamp;

/// Stands for the text by which a browser names itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AgentDigest(u64);

impl AgentDigest {
    pub fn of(text: Option<&str>) -> Self {
        let Some(text) = text else { return Self(0) };
        let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        Self(digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }
}

/// Where and with what. What is not known is absent, and never differs from anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    pub address: IpAddr,
    pub agent: AgentDigest,
    /// What names the mark of the browser, where it keeps one.
    pub device: Option<String>,
    /// The number of the autonomous system.
    pub network: Option<u32>,
    /// Its two letters.
    pub country: Option<String>,
    /// Kind of device and family of browser.
    pub family: Option<String>,
    /// How unusual the sign-in was.
    pub level: RiskLevel,
    /// From when on a proof speaks for it.
    pub at: Timestamp,
    /// Where it was pinned before, the latest first: who goes back there is asked for nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<PinnedPlace>,
}

/// How many earlier places of a session are kept.
const KEPT: usize = 2;

/// Where and with what a session was proved to be its person's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedPlace {
    pub network: Option<u32>,
    pub country: Option<String>,
    pub family: Option<String>,
}

impl Pinned {
    /// Whether address and agent are the same, letter by letter.
    pub fn is_same(&self, address: IpAddr, agent: Option<&str>) -> bool {
        self.address == address && self.agent == AgentDigest::of(agent)
    }

    /// What differs, of what is known now and was then. Nothing does in a place where it was pinned before, in every part:
    /// what was not known there speaks for no other place. A browser that no longer names itself is another one.
    pub fn changed(&self, network: Option<u32>, country: Option<&str>, family: Option<&str>) -> Changed {
        let is_here = |place: &PinnedPlace| {
            (place.network, place.country.as_deref(), place.family.as_deref()) == (network, country, family)
        };
        if self.before.iter().any(is_here) {
            return Changed::default();
        }
        Changed {
            network: differ(self.network, network),
            country: differ(self.country.as_deref(), country),
            browser: self.family.is_some() && self.family.as_deref() != family,
        }
    }

    /// Where it is pinned.
    pub fn place(&self) -> PinnedPlace {
        PinnedPlace { network: self.network, country: self.country.clone(), family: self.family.clone() }
    }

    /// The same, in a session that was pinned to `old` until then.
    #[must_use]
    pub fn after(self, old: &Self) -> Self {
        let here = self.place();
        let all = std::iter::once(old.place()).chain(old.before.iter().cloned());
        let before = all.filter(|place| *place != here).take(KEPT).collect();
        Self { before, ..self }
    }
}

fn differ<T: PartialEq>(then: Option<T>, now: Option<T>) -> bool {
    then.zip(now).is_some_and(|(then, now)| then != now)
}
