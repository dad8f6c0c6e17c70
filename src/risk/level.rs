//! Which level a score is: at a sign-in, and again where a recorded one is judged by other thresholds.

use super::assessment::Signal;
use super::settings::Thresholds;
use crate::auth::proof::RiskLevel;

impl Thresholds {
    const fn of(&self, score: f64) -> RiskLevel {
        match score {
            s if s >= self.high => RiskLevel::High,
            s if s >= self.medium => RiskLevel::Medium,
            _ => RiskLevel::Low,
        }
    }
}

/// What a level follows from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LevelBasis {
    pub score: f64,
    /// The part of the score that holds for everybody: lists, and rejected proofs.
    pub general: f64,
    /// The part of it that strangers can raise: rejected proofs.
    pub velocity: f64,
    /// How many sign-ins of the person were learnt.
    pub sign_ins: u32,
    /// The person is held at the highest level.
    pub is_pinned: bool,
    /// Nobody signed in for longer than profiles are kept, and its owner can show that it is them.
    pub is_dormant: bool,
}

impl LevelBasis {
    /// Whether a term holds for everybody.
    pub const fn is_general(signal: Signal) -> bool {
        matches!(signal, Signal::List | Signal::Velocity)
    }

    /// The level of a score: never high where it would be low but for what strangers do.
    fn bounded(&self, thresholds: &Thresholds, score: f64) -> RiskLevel {
        match thresholds.of(score - self.velocity.max(0.0)) {
            RiskLevel::Unscored | RiskLevel::Low => thresholds.of(score).min(RiskLevel::Medium),
            RiskLevel::Medium | RiskLevel::High => thresholds.of(score),
        }
    }

    /// The level by these thresholds, for who has signed in `minimum` times.
    pub fn level(&self, thresholds: &Thresholds, minimum: u32) -> RiskLevel {
        if self.is_pinned {
            return RiskLevel::High;
        }
        if self.sign_ins >= minimum {
            return self.bounded(thresholds, self.score);
        }
        // With nothing to compare with, what holds for everybody still holds.
        match self.bounded(thresholds, self.general) {
            RiskLevel::High => RiskLevel::High,
            _ if self.is_dormant => RiskLevel::Medium,
            _ => RiskLevel::Unscored,
        }
    }
}
