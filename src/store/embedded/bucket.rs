//! The arithmetic of a token bucket as GCRA: one number per counter, the time at which it is full again.

use std::time::Duration;

use crate::auth::throttle::Limit;
use crate::auth::time::Timestamp;

/// Charges a bucket that is full again at `full_at`: `Ok` when it is full again afterwards, `Err` how long to wait.
///
/// Every attempt moves `full_at` on by one refill; an attempt has room while `full_at` lies at most
/// `tries × refill` ahead. A clock that runs back leaves `full_at` where it is, and so opens nothing.
pub(super) fn charge(full_at: Option<Timestamp>, limit: Limit, now: Timestamp) -> Result<Timestamp, Duration> {
    let next = full_at.map_or(now, |at| at.max(now)).plus(limit.refill);
    let room = limit.refill.saturating_mul(limit.tries);
    let wait = next.minus(room).since(now);
    if wait.is_zero() && (limit.tries > 0 || limit.refill.is_zero()) { Ok(next) } else { Err(wait) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Over any span, no more attempts pass than the bucket holds and the span refills.
        #[test]
        fn never_more_than_the_limit(tries in 1u32..8, refill in 1u64..50, gaps in prop::collection::vec(0u64..60, 1..80)) {
            let limit = Limit { tries, refill: Duration::from_millis(refill) };
            let start = 1_000_000;
            let (mut now, mut full_at, mut passed) = (start, None, 0u64);
            for gap in gaps {
                now += gap;
                match charge(full_at, limit, Timestamp::from_millis(now)) {
                    Ok(next) => (full_at, passed) = (Some(next), passed + 1),
                    Err(wait) => {
                        let ready = Timestamp::from_millis(now).plus(wait);
                        prop_assert!(charge(full_at, limit, ready).is_ok(), "after the wait there is room");
                        prop_assert!(charge(full_at, limit, ready.minus(Duration::from_millis(1))).is_err());
                    }
                }
                prop_assert!(passed <= u64::from(tries) + (now - start) / refill);
            }
        }
    }
}
