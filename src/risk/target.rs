//! Thresholds by how often people may be prompted: set so that of their learnt sign-ins no larger share scores as high.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use super::settings::{TargetRate, Thresholds};
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;

/// Sign-ins of this long are looked at, and at most so many.
pub const LOOKED_AT: Duration = Duration::from_secs(30 * 86_400);
const MOST: usize = 200_000;
/// One person counts once in this time: who signs in by a script moves nothing.
const COUNTED_ONCE_IN: u64 = 86_400;
/// One of so many prompts may be one person's: who makes themselves unusual each day does not set what is usual for all.
const PROMPTS_OF_ONE: usize = 4;
/// A threshold is set once so many prompts would be expected.
const FEWEST_PROMPTS: f64 = 3.0;

/// Between which scores the thresholds stay, whatever the sign-ins say.
pub const MEDIUM: (f64, f64) = (1.0, 5.0);
pub const HIGH: (f64, f64) = (4.0, 8.0);
/// How far `high` stays above `medium`.
const APART: f64 = 1.0;

#[derive(Clone, Copy, Debug)]
struct LearntScore {
    at: Timestamp,
    /// Tells people apart.
    person: u64,
    score: f32,
}

/// The scores of everybody's learnt sign-ins, oldest first.
#[derive(Clone, Debug, Default)]
pub struct LearntScores {
    scores: VecDeque<LearntScore>,
    /// The people of the day that is counted.
    day: u64,
    people: HashSet<u64>,
}

impl LearntScores {
    /// Counts a sign-in that was learnt; they come in the order of time.
    pub fn add(&mut self, at: Timestamp, user: &UserId, score: f64) {
        let day = at.as_secs() / COUNTED_ONCE_IN;
        if day != self.day {
            self.people.clear();
            self.day = day;
        }
        let person = person(user);
        if score.is_finite() && self.people.insert(person) {
            self.scores.push_back(LearntScore { at, person, score: score as f32 });
        }
        while self.scores.len() > MOST || self.scores.front().is_some_and(|first| at.since(first.at) > LOOKED_AT) {
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
        let mut scores: Vec<LearntScore> = self.scores.iter().copied().collect();
        scores.sort_unstable_by(|a, b| b.score.total_cmp(&a.score));
        let default = Thresholds::default();
        let medium = from(&scores, rate.medium).unwrap_or(default.medium).clamp(MEDIUM.0, MEDIUM.1);
        let high = from(&scores, rate.high).unwrap_or(default.high).clamp(HIGH.0, HIGH.1);
        Thresholds { medium, high: high.max(medium + APART) }
    }
}

fn person(user: &UserId) -> u64 {
    let mut hasher = DefaultHasher::new();
    user.0.hash(&mut hasher);
    hasher.finish()
}

/// From which score on at most this share of the scores, highest first, lies: a tenth above the first that is spared. Of one
/// person no more than a part of the prompts is counted.
fn from(scores: &[LearntScore], share: f64) -> Option<f64> {
    let count = scores.len() as f64;
    if count * share < FEWEST_PROMPTS {
        return None;
    }
    let prompts = (count * share + 1e-9) as usize;
    let most = (prompts / PROMPTS_OF_ONE).max(1);
    let mut prompted: HashMap<u64, usize> = HashMap::new();
    let mut counted = scores.iter().filter(|score| {
        let times = prompted.entry(score.person).or_default();
        *times += 1;
        *times <= most
    });
    let spared = f64::from(counted.nth(prompts)?.score);
    Some((spared * 10.0 + 1e-6).floor() / 10.0 + 0.1)
}
