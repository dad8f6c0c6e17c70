//! The clock and the randomness of the machine. Nobody else reads them.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::auth::time::Timestamp;
use crate::flow::ports::{Answer, Clock, Entropy, StoreError};

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one reader of the clock")]
    fn now(&self) -> Timestamp {
        // A clock before 1970 reads as 1970: nothing signed or kept then counts for long.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

/// The machine's random number generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    #[expect(clippy::disallowed_methods, reason = "the one reader of randomness")]
    fn fill(&self, buffer: &mut [u8]) -> Answer<()> {
        getrandom::fill(buffer).map_err(|e| StoreError::new("entropy", e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_of_this_century_and_does_not_stand_at_zero() {
        assert!(SystemClock.now() > Timestamp::from_secs(1_700_000_000));
    }

    #[test]
    fn two_draws_differ() {
        let (mut a, mut b) = ([0; 32], [0; 32]);
        OsEntropy.fill(&mut a).unwrap();
        OsEntropy.fill(&mut b).unwrap();
        assert_ne!(a, b);
        assert_ne!(a, [0; 32]);
    }
}
