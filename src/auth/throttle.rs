//! How many attempts are evaluated. Counters are charged before anything is looked up.

use std::time::Duration;

/// A token bucket: `tries` at once, then one more every `refill` (GCRA).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Attempts at once.
    pub tries: u32,
    /// Time until one more attempt.
    pub refill: Duration,
}

/// One counter to charge: its key (no secret, no raw address beyond the network) and its limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Names the counter, canonical: `totp:account:<user id>`, `password:network:203.0.113.0/24`.
    pub key: String,
    /// Its limit.
    pub limit: Limit,
}

/// The answer of a throttle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Charged {
    /// Every counter had room, and was charged.
    Go,
    /// The counter at this index was full. Those before it were charged, those after it not.
    Wait {
        /// Which of the charges.
        index: usize,
        /// How long until it has room.
        retry_after: Duration,
    },
}
