//! What an operator may set of the risk engine.

use std::time::Duration;

/// Whether risk decides, or is only counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Assessed, recorded and counted; decides nothing.
    Shadow,
    #[default]
    Enforce,
}

/// What becomes of a sign-in whose profile cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFault {
    #[default]
    StepUp,
    Allow,
    Deny,
}

/// From which score on a level holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    pub medium: f64,
    pub high: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { medium: 2.0, high: 4.0 }
    }
}

/// Which share of people's own sign-ins may be prompted; thresholds follow from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TargetRate {
    pub medium: f64,
    pub high: f64,
}

/// How much of an address a profile counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IpStore {
    #[default]
    Full,
    /// The /24 or /48 alone.
    Prefix,
}

/// The settings of the model and of what surrounds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub mode: Mode,
    pub thresholds: Thresholds,
    /// In place of thresholds; those stand until enough was seen.
    pub target: Option<TargetRate>,
    /// After how long a sign-in counts half.
    pub half_life: Duration,
    /// After how long without a sign-in a profile is deleted.
    pub retention: Duration,
    pub fail: OnFault,
    pub ip_store: IpStore,
    /// How long the hashes of one key are written.
    pub key_rotation: Duration,
    /// From how many sign-ins on a person is scored.
    pub minimum: u32,
}

const DAY: Duration = Duration::from_secs(86_400);

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            thresholds: Thresholds::default(),
            target: None,
            half_life: DAY.saturating_mul(60),
            retention: DAY.saturating_mul(180),
            fail: OnFault::default(),
            ip_store: IpStore::default(),
            key_rotation: DAY.saturating_mul(90),
            minimum: 3,
        }
    }
}
