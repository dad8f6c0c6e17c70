//! How often a browser was sent to one destination in a row, so that nobody is sent round for ever. The count lives in
//! the browser, for seconds: no node keeps anything, and a forged count shows a page to its forger.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use super::assets::fingerprint;
use super::cookies;
use super::goal::Goal;

/// After so many turns the next one is not taken.
pub(crate) const MOST: u8 = 3;
/// How long a turn counts that the browser took by itself: a chain of redirects takes no longer.
pub(crate) const BY_ITSELF: Duration = Duration::from_secs(10);
/// How long a turn counts that a person took by proving something: two codes are half a minute apart.
pub(crate) const BY_HAND: Duration = Duration::from_secs(90);

/// How many turns this browser took to this destination, one right after the other.
pub(crate) fn taken(headers: &HeaderMap, goal: &Goal) -> u8 {
    let found = cookies::turns(headers).and_then(|text| {
        let (count, place) = text.split_once('.')?;
        (place == mark(goal)).then(|| count.parse::<u8>().ok())?
    });
    found.unwrap_or(0)
}

/// Whether the next turn would be one too many.
pub(crate) fn too_many(headers: &HeaderMap, goal: &Goal) -> bool {
    goal.given && !goal.enroll && taken(headers, goal) >= MOST
}

/// `Set-Cookie` that counts one more turn, for as long as it counts. None where the way leads to a page of ours.
pub(crate) fn one_more(headers: &HeaderMap, goal: &Goal, counts: Duration) -> Option<HeaderValue> {
    let leaves = goal.given && !goal.enroll && counts >= Duration::from_secs(1);
    let count = taken(headers, goal).saturating_add(1);
    if leaves { cookies::keep_turns(&format!("{count}.{}", mark(goal)), counts) } else { None }
}

/// Stands for a destination; two of the same mark would only be counted together.
fn mark(goal: &Goal) -> String {
    format!("{:016x}", fingerprint(format!("{} {}", goal.method, goal.to.as_str()).as_bytes()))
}
