//! How many attempts are evaluated. Counters are charged before anything is looked up.

use std::net::IpAddr;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};

use super::network::client_network;
use super::proof::Method;
use super::time::Timestamp;
use super::user::Username;

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

/// Names the account a counter belongs to before anybody looked whether it exists: names nobody has are
/// limited like all others, and an alias of a name is the name.
pub fn account_of_name(typed: &str) -> String {
    let canonical = Username::parse(typed).map(|n| n.as_str().to_owned());
    let text = canonical.unwrap_or_else(|| typed.trim().to_lowercase());
    let digest = Sha256::digest(text.as_bytes());
    BASE64URL_NOPAD.encode(digest.get(..16).unwrap_or_default())
}

/// Names the counter of one factor of one account, from unknown browsers.
pub fn account_key(method: Method, account: &str) -> String {
    format!("{}:account:{account}", method.name())
}

/// Names the counter of failures in a row.
pub fn lockout_key(method: Method, account: &str) -> String {
    format!("{}:lockout:{account}", method.name())
}

/// Names the counter of one factor of one account from one known browser.
pub fn device_key(method: Method, account: &str, device: &str) -> String {
    format!("{}:device:{account}:{device}", method.name())
}

/// Names the counter of one factor from one client network.
pub fn network_key(method: Method, ip: IpAddr) -> String {
    format!("{}:network:{}", method.name(), client_network(ip))
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
        fn aliases_share_a_counter(name in "[a-z]{1,12}") {
            let key = account_of_name(&name);
            prop_assert_eq!(&key, &account_of_name(&name.to_uppercase()));
            prop_assert_eq!(&key, &account_of_name(&format!("  {name}\t")));
            let wide: String = name.chars().filter_map(|c| char::from_u32(u32::from(c) - 0x21 + 0xff01)).collect();
            prop_assert_eq!(&key, &account_of_name(&wide));
        }
    }

    #[test]
    fn no_tries_means_never() {
        let never = Limit { tries: 0, refill: Duration::from_secs(1) };
        assert!(matches!(take(None, never, Timestamp::from_secs(9)), Taken::Full { .. }));
    }

    #[test]
    fn one_network_is_one_client() {
        let key = |ip: &str| network_key(Method::Totp, ip.parse().unwrap());
        assert_eq!(key("203.0.113.7"), "totp:network:203.0.113.0/24");
        assert_eq!(key("::ffff:203.0.113.9"), key("203.0.113.200"));
        assert_eq!(key("2001:db8:1:2:3:4:5:6"), key("2001:db8:1:2::1"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
    }
}
