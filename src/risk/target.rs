//! Thresholds by how often people may be prompted: set so that of their learnt sign-ins no larger share scores as high.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use super::settings::{TargetRate, Thresholds};
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;

/// Sign-ins of this long are looked at, and at most so many.
pub const LOOKED_AT: Duration = Duration::from_secs(30 * 86_400);
const MOST: usize = 200_000;
/// One person counts once in this time: who signs in by a script moves nothing.
const COUNTED_ONCE_IN: u64 = 3600;
/// A threshold is set once so many prompts would be expected.
const FEWEST_PROMPTS: f64 = 3.0;

/// Between which scores the thresholds stay, whatever the sign-ins say.
pub const MEDIUM: (f64, f64) = (1.0, 5.0);
pub const HIGH: (f64, f64) = (4.0, 8.0);
/// How far `high` stays above `medium`.
const APART: f64 = 1.0;

/// The scores of everybody's learnt sign-ins, oldest first.
#[derive(Clone, Debug, Default)]
pub struct LearntScores {
    scores: VecDeque<(Timestamp, f32)>,
    /// The people of the hour that is counted.
    hour: u64,
    people: HashSet<UserId>,
}

impl LearntScores {
    /// Counts a sign-in that was learnt; they come in the order of time.
    pub fn add(&mut self, at: Timestamp, user: &UserId, score: f64) {
        let hour = at.as_secs() / COUNTED_ONCE_IN;
        if hour != self.hour {
            self.people.clear();
            self.hour = hour;
        }
        if score.is_finite() && self.people.insert(user.clone()) {
            self.scores.push_back((at, score as f32));
        }
        while self.scores.len() > MOST || self.scores.front().is_some_and(|(then, _)| at.since(*then) > LOOKED_AT) {
            self.scores.pop_front();
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.scores.len()
    }

    pub fn is_empty(&self) -> bool {
        self.scores.is_empty()
    }

    /// The thresholds by which no larger share is prompted; the default ones where too few signed in yet.
    pub fn thresholds(&self, rate: &TargetRate) -> Thresholds {
        let mut scores: Vec<f64> = self.scores.iter().map(|(_, score)| f64::from(*score)).collect();
        scores.sort_unstable_by(|a, b| b.total_cmp(a));
        let default = Thresholds::default();
        let medium = from(&scores, rate.medium).unwrap_or(default.medium).clamp(MEDIUM.0, MEDIUM.1);
        let high = from(&scores, rate.high).unwrap_or(default.high).clamp(HIGH.0, HIGH.1);
        Thresholds { medium, high: high.max(medium + APART) }
    }
}

/// From which score on at most this share of the scores, highest first, lies: a tenth above the first that is spared.
fn from(scores: &[f64], share: f64) -> Option<f64> {
    let count = scores.len() as f64;
    if count * share < FEWEST_PROMPTS {
        return None;
    }
    let spared = scores.get((count * share + 1e-9) as usize)?;
    Some((spared * 10.0 + 1e-6).floor() / 10.0 + 0.1)
}
