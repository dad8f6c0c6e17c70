//! Risk: a sign-in is compared with what is usual for its person, and each request of a session with where it was opened.
//! What differs raises what rules ask; it never lowers it, and nobody is signed out for one changed address.

mod compare;
mod goal;
mod learning;
mod pins;
mod profiles;
mod range;
mod reassessment;
mod record;
mod sign_in;
mod target;
mod unusual_use;
mod velocity;
mod watch;

pub use compare::Seen;
pub use goal::SignInGoal;
pub(in crate::flow) use pins::clear_older_pin;
pub use pins::{Disowned, clear_pin, forget_person, pin_person};
pub use profiles::{ProfileSummary, erase_profile, profile_summary};
pub(super) use range::RangeVelocity;
use reassessment::RecordedAssessments;
pub(super) use reassessment::done_for_risk;
pub use reassessment::{RequestRisk, SessionAssessment};

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use super::bounded_map::BoundedMap;
use crate::auth::session::Pinned;
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::risk::settings::Settings;
use crate::risk::{Origins, Place, Population, Profile, Signals};
use target::{FollowedTrail, FoundThresholds};
use unusual_use::RecordedUses;
pub(super) use unusual_use::UnusualUse;
use watch::Watch;

/// How many people and sessions a node remembers for this.
const REMEMBERED: usize = 20_000;

/// What this node remembers. Nothing of it is needed to decide rightly: what is forgotten abstains.
pub(super) struct RiskMemory {
    /// Everybody's sign-ins on this node; public base rates stand in for what it has not seen.
    population: Mutex<Option<Population>>,
    /// The trail, where thresholds follow it.
    trail: Mutex<FollowedTrail>,
    /// The thresholds that follow from it.
    thresholds: Mutex<FoundThresholds>,
    /// Profiles, and when each was read.
    profiles: BoundedMap<UserId, (Timestamp, Arc<Profile>)>,
    /// Where people came from.
    origins: Mutex<Origins>,
    /// What sessions are compared with that were opened before anything was, by their id: where they were seen first.
    adopted: BoundedMap<String, Arc<Pinned>>,
    /// What the trail has of assessments of sessions, by their id.
    assessments: BoundedMap<String, RecordedAssessments>,
    /// What the trail has of unusual uses of sessions, by their id.
    uses: BoundedMap<String, RecordedUses>,
    /// Sessions that were used from elsewhere, by their id.
    watches: BoundedMap<String, Watch>,
    /// Until then, some session is watched: milliseconds.
    watching_until: AtomicU64,
}

impl RiskMemory {
    pub(super) fn new() -> Self {
        Self {
            population: Mutex::new(None),
            trail: Mutex::default(),
            thresholds: Mutex::default(),
            profiles: BoundedMap::new(REMEMBERED),
            origins: Mutex::new(Origins::default()),
            adopted: BoundedMap::new(REMEMBERED),
            assessments: BoundedMap::new(REMEMBERED),
            uses: BoundedMap::new(REMEMBERED),
            watches: BoundedMap::new(REMEMBERED),
            watching_until: AtomicU64::new(0),
        }
    }

    /// What `with` makes of everybody's sign-ins.
    fn of_all<T>(&self, settings: &Settings, now: Timestamp, with: impl FnOnce(&mut Population) -> T) -> T {
        let mut population = self.population.lock().unwrap_or_else(PoisonError::into_inner);
        with(population.get_or_insert_with(|| Population::new(settings.half_life, now)))
    }

    /// What `with` makes of where people came from.
    fn of_origins<T>(&self, with: impl FnOnce(&mut Origins) -> T) -> T {
        with(&mut self.origins.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What an address says: nothing, where all people come from it.
    fn unless_shared(&self, signals: Signals) -> Signals {
        if !self.of_origins(|origins| origins.is_shared(signals.address)) {
            return signals;
        }
        let (address, place) = (IpAddr::V4(Ipv4Addr::UNSPECIFIED), Place::default());
        Signals { address, place, evidence: Vec::new(), previous: None, ..signals }
    }

    /// Counts a sign-in among all.
    fn count(&self, settings: &Settings, signals: &Signals, weight: f64) {
        self.of_all(settings, signals.at, |population| population.add(signals, weight));
    }
}
