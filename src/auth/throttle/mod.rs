//! How many attempts are evaluated. Counters are charged before anything is looked up.

mod keys;

use std::time::Duration;

use super::time::Timestamp;

pub use keys::{Counter, SendCounter, account_of_name, network_charges, newcomer_charges};

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
    /// Names the counter, canonical: `totp:account:<digest of the name>`, `password:network:203.0.113.0/24`.
    pub key: String,
    pub limit: Limit,
}

/// The answer of a throttle: every counter was charged, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Charged {
    /// Every counter had room, and was charged; their new states, by which one attempt can be given back.
    Go(Vec<Timestamp>),
    /// One was full, and none was charged: an attempt that is not evaluated costs nothing.
    Wait {
        /// The one of the charges that has room last.
        index: usize,
        /// How long until it has room.
        retry_after: Duration,
    },
}

impl Charged {
    /// Whether the attempt may be evaluated.
    pub const fn is_go(&self) -> bool {
        matches!(self, Self::Go(_))
    }
}

impl Limit {
    /// Never more than `most` in any stretch of time as long as `within`, spread so that half of them, or a few, are had at
    /// once: what is had at once and what comes back in that time are `most` together.
    #[must_use]
    pub const fn at_most(most: u32, within: Duration) -> Self {
        // So many come back in that time, the last of them when it is over.
        let parts = if most < 6 { 1 } else { most / 2 };
        let refill = Duration::from_millis(within.as_millis() as u64 / parts as u64 + 1);
        Self { tries: most - (parts - 1), refill }
    }

    /// A limit of so many times the attempts, at so many times the pace: for what holds many such counters.
    #[must_use]
    pub fn times(self, factor: u32) -> Self {
        let refill = self.refill.checked_div(factor).unwrap_or(self.refill);
        Self { tries: self.tries.saturating_mul(factor), refill }
    }

    /// Half the attempts, at half the pace; one at least.
    #[must_use]
    pub fn halved(self) -> Self {
        Self { tries: (self.tries / 2).max(1), refill: self.refill.saturating_mul(2) }
    }
}

/// What a counter answers to one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Taken {
    /// There was room; this is the counter's new state, of no more use after that moment.
    Go(Timestamp),
    /// There was none; the state stays as it was.
    Full {
        /// How long until there is room.
        retry_after: Duration,
    },
}

/// Charges one counter (GCRA, the virtual scheduling algorithm of ITU-T I.371).
///
/// `state` is the theoretical arrival time that the last [`Taken::Go`] told; `None` if there is none.
/// A state further ahead than a full counter can be (a clock was set back) counts as full, no more.
pub fn take(state: Option<Timestamp>, limit: Limit, now: Timestamp) -> Taken {
    if limit.tries == 0 {
        return Taken::Full { retry_after: limit.refill };
    }
    let arrival = state.unwrap_or(now).max(now).min(used_up(limit, now));
    let ahead = arrival.since(now);
    let allowed = limit.refill.saturating_mul(limit.tries - 1);
    if ahead > allowed {
        Taken::Full { retry_after: ahead.saturating_sub(allowed) }
    } else {
        Taken::Go(arrival.plus(limit.refill))
    }
}

/// Charges all counters in these states, or none: their new states, or which has room last and when.
///
/// # Errors
/// The index of the full counter that has room last, and how long until then.
pub fn take_all(
    states: impl IntoIterator<Item = Option<Timestamp>>,
    charges: &[Charge],
    now: Timestamp,
) -> Result<Vec<Timestamp>, (usize, Duration)> {
    let mut taken = Vec::with_capacity(charges.len());
    let mut full: Option<(usize, Duration)> = None;
    for (index, (state, charge)) in states.into_iter().zip(charges).enumerate() {
        match take(state, charge.limit, now) {
            Taken::Go(next) => taken.push(next),
            Taken::Full { retry_after } if full.is_none_or(|(_, longest)| retry_after > longest) => {
                full = Some((index, retry_after));
            }
            Taken::Full { .. } => {}
        }
    }
    full.map_or(Ok(taken), Err)
}

/// Gives one attempt back that brought a counter to `until`: as much of it as has not drained since. The counter's state
/// after that; `None` if it is full again.
pub fn give_back(state: Timestamp, until: Timestamp, limit: Limit, now: Timestamp) -> Option<Timestamp> {
    let rest = until.since(now).min(limit.refill);
    let left = state.min(used_up(limit, now)).minus(rest);
    (left > now).then_some(left)
}

/// How far apart the clocks of two nodes may be before a counter is thought to be damaged, in whole.
pub const CLOCKS_DIFFER: Duration = Duration::from_secs(24 * 3600);

/// The state of a counter that has just been used up. Whatever stands where a state should and is none counts as this:
/// it gives no attempt away, and has room again after one refill.
pub fn used_up(limit: Limit, now: Timestamp) -> Timestamp {
    now.plus(limit.refill.saturating_mul(limit.tries))
}

/// Whether `state` can be the state of a counter: no further ahead than one that is used up, on whatever clock.
pub fn credible(state: Timestamp, limit: Limit, now: Timestamp) -> bool {
    state <= used_up(limit, now).plus(CLOCKS_DIFFER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(limit: Limit, times: &[u64]) -> Vec<u64> {
        let mut state = None;
        let mut went = Vec::new();
        for at in times {
            if let Taken::Go(next) = take(state, limit, Timestamp::from_millis(*at)) {
                state = Some(next);
                went.push(*at);
            }
        }
        went
    }

    proptest! {
        #[test]
        fn no_window_sees_more_than_the_limit(
            tries in 1_u32..8, refill in 1_u64..100_000, steps in proptest::collection::vec(0_u64..5000, 1..400), width in 1_u64..400_000,
        ) {
            let mut now = 1_000_000;
            let times: Vec<u64> = steps.iter().map(|s| { now += s; now }).collect();
            let went = run(Limit { tries, refill: Duration::from_millis(refill) }, &times);
            for start in &went {
                let seen = went.iter().filter(|t| *t >= start && **t < start + width).count() as u64;
                prop_assert!(seen <= u64::from(tries) + width / refill, "{seen} in {width}");
            }
        }

        #[test]
        fn the_wait_told_is_exact(tries in 1_u32..8, refill in 1_u64..100_000, flood in 1_usize..50) {
            let limit = Limit { tries, refill: Duration::from_millis(refill) };
            let start = Timestamp::from_millis(5_000_000);
            let mut state = None;
            for _ in 0..flood {
                if let Taken::Go(next) = take(state, limit, start) { state = Some(next); }
            }
            if let Taken::Full { retry_after } = take(state, limit, start) {
                prop_assert!(retry_after > Duration::ZERO);
                let early = start.plus(retry_after.saturating_sub(Duration::from_millis(1)));
                let (before, then) = (take(state, limit, early), take(state, limit, start.plus(retry_after)));
                prop_assert!(!matches!(before, Taken::Go(_)) && matches!(then, Taken::Go(_)));
            }
        }

        #[test]
        fn a_clock_set_back_neither_frees_nor_locks_for_long(back in 0_u64..10_000_000, tries in 1_u32..8) {
            let limit = Limit { tries, refill: Duration::from_secs(30) };
            let start = Timestamp::from_millis(20_000_000);
            let mut state = None;
            while let Taken::Go(next) = take(state, limit, start) { state = Some(next); }
            let earlier = Timestamp::from_millis(20_000_000 - back);
            let Taken::Full { retry_after } = take(state, limit, earlier) else {
                return Err(TestCaseError::fail("freed"));
            };
            prop_assert!(retry_after <= Duration::from_secs(30));
        }

        #[test]
        fn what_is_used_up_gives_nothing_away_and_has_room_after_one_refill(
            tries in 1_u32..8, refill in 1_u64..100_000, at in 0_u64..u64::from(u32::MAX), off in -86_400_000_i64..=86_400_000,
        ) {
            let limit = Limit { tries, refill: Duration::from_millis(refill) };
            let now = Timestamp::from_millis(at);
            let state = used_up(limit, now);
            prop_assert_eq!(take(Some(state), limit, now), Taken::Full { retry_after: limit.refill });
            prop_assert!(matches!(take(Some(state), limit, now.plus(limit.refill)), Taken::Go(_)));
            // Another node's clock makes no counter incredible.
            let there = Timestamp::from_millis(at.saturating_add_signed(off));
            prop_assert!(credible(used_up(limit, there), limit, now));
            prop_assert!(!credible(state.plus(CLOCKS_DIFFER).plus(Duration::from_millis(1)), limit, now));
        }

        #[test]
        fn what_is_given_back_is_at_most_what_was_taken(
            tries in 1_u32..8, refill in 1_u64..1000, steps in proptest::collection::vec((0_u64..1500, any::<bool>()), 1..60),
        ) {
            // Some attempts are given back at the next one: what is left never falls below what the others alone leave.
            let limit = Limit { tries, refill: Duration::from_millis(refill) };
            let (mut state, mut others, mut right) = (None, None, None);
            let mut now = 5_000_000;
            for (step, is_right) in steps {
                now += step;
                let at = Timestamp::from_millis(now);
                if let Some(until) = right.take() {
                    state = state.and_then(|state| give_back(state, until, limit, at));
                }
                if let Taken::Go(next) = take(state, limit, at) {
                    state = Some(next);
                    if is_right {
                        right = Some(next);
                    } else if let Taken::Go(next) = take(others, limit, at) {
                        others = Some(next);
                    }
                }
                let level = |state: Option<Timestamp>| state.map_or(Duration::ZERO, |state| state.since(at));
                prop_assert!(level(state) >= level(others), "{:?} {:?}", state, others);
            }
        }

        #[test]
        fn who_is_always_right_never_waits(tries in 1_u32..8, gaps in proptest::collection::vec(0_u64..50, 1..200)) {
            let limit = Limit { tries, refill: Duration::from_secs(1) };
            let (mut state, mut now) = (None, 5_000_000);
            for gap in gaps {
                let Taken::Go(next) = take(state, limit, Timestamp::from_millis(now)) else {
                    return Err(TestCaseError::fail("waits"));
                };
                now += gap;
                state = give_back(next, next, limit, Timestamp::from_millis(now));
            }
        }
    }

    #[test]
    fn no_tries_means_never() {
        let never = Limit { tries: 0, refill: Duration::from_secs(1) };
        assert!(matches!(take(None, never, Timestamp::from_secs(9)), Taken::Full { .. }));
    }

    #[test]
    fn all_are_charged_or_none() {
        let limit = |tries| Limit { tries, refill: Duration::from_secs(10) };
        let charges = [3, 1, 2].map(|tries| Charge { key: tries.to_string(), limit: limit(tries) });
        let now = Timestamp::from_secs(1000);
        let first = take_all([None, None, None], &charges, now).unwrap();
        assert_eq!(first, vec![now.plus(Duration::from_secs(10)); 3]);
        let again = take_all(first.into_iter().map(Some), &charges, now);
        assert_eq!(again, Err((1, Duration::from_secs(10))));
    }
}
