//! What somebody has proved, and when. Strength and freshness are derived from this, never stored.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::method::{Method, MethodSet};
use super::strength::Strength;
use crate::auth::time::Timestamp;

/// What somebody proved in a session and when. It only grows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proofs(Vec<(Method, Timestamp)>);

impl Proofs {
    /// Nothing proved yet.
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// These proofs and one more; a method proved again counts from the later moment.
    #[must_use]
    pub fn with(mut self, method: Method, at: Timestamp) -> Self {
        match self.0.iter_mut().find(|(m, _)| *m == method) {
            Some((_, when)) => *when = at.max(*when),
            None => self.0.push((method, at)),
        }
        self
    }

    /// Every method proved so far.
    pub fn methods(&self) -> MethodSet {
        self.0.iter().map(|(m, _)| *m).collect::<MethodSet>().closed()
    }

    /// The methods proved at most `max_age` before `now`.
    pub fn fresh(&self, max_age: Duration, now: Timestamp) -> MethodSet {
        let fresh = self.0.iter().filter(|(_, at)| now.since(*at) <= max_age);
        fresh.map(|(m, _)| *m).collect::<MethodSet>().closed()
    }

    /// When the latest proof was given (`auth_time` of OpenID Connect).
    pub fn latest(&self) -> Option<Timestamp> {
        self.0.iter().map(|(_, at)| *at).max()
    }

    /// When `method` was proved last.
    pub fn when(&self, method: Method) -> Option<Timestamp> {
        self.0.iter().find(|(m, _)| *m == method).map(|(_, at)| *at)
    }

    /// The `amr` claim: sorted, without repeats, with `mfa` once two factors are proved.
    pub fn amr(&self) -> Vec<&'static str> {
        let mut all: Vec<&'static str> = self.0.iter().flat_map(|(m, _)| m.amr()).copied().collect();
        if Strength::of(self.methods()) >= Some(Strength::TwoFactor) {
            all.push("mfa");
        }
        all.sort_unstable();
        all.dedup();
        all
    }
}
