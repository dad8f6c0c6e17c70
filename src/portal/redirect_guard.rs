//! How often a browser was sent to one destination and challenged there again, so that nobody is sent round for ever.
//!
//! The count lives in the browser, for seconds: no node keeps anything, and a forged count shows a page to its forger. A
//! challenge writes into the address of our page how often the browser had been sent there by then. So a page that is
//! loaded again, or another tab that was challenged before somebody signed in, counts nothing: only a browser that was
//! sent to a destination and came back from it has taken a turn.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use super::assets::fingerprint;
use super::cookies;
use super::goal::Goal;
use crate::auth::time::Timestamp;

/// After so many turns the next one is not taken.
pub(crate) const MOST: u8 = 3;
/// How long a turn counts: two codes are half a minute apart.
pub(crate) const COUNTS: Duration = Duration::from_secs(90);
/// How many destinations are counted at once, the latest first: a browser may open many tabs at its start.
const PLACES: usize = 12;

/// How often a browser was sent to one destination, and until when that counts.
struct Turn {
    count: u8,
    place: String,
    until: u64,
}

impl Turn {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (count, place, until) = (parts.next()?, parts.next()?, parts.next()?);
        let (count, until) = (count.parse().ok()?, u64::from_str_radix(until, 16).ok()?);
        parts.next().is_none().then(|| Self { count, place: place.to_owned(), until })
    }

    fn written(&self) -> String {
        format!("{}.{}.{:x}", self.count, self.place, self.until)
    }
}

/// How often this browser was sent to this destination lately.
pub(crate) fn taken(headers: &HeaderMap, goal: &Goal, now: Timestamp) -> u8 {
    let place = mark(goal);
    counted(headers, now).find(|turn| turn.place == place).map_or(0, |turn| turn.count)
}

/// Whether the next turn would be one too many: the browser was sent there so often, and was challenged again after
/// the last time.
pub(crate) fn too_many(headers: &HeaderMap, goal: &Goal, now: Timestamp) -> bool {
    leaves(goal) && goal.turn >= MOST && taken(headers, goal, now) >= MOST
}

/// `Set-Cookie` that counts a turn, for as long as it counts. None where the way leads to a page of ours, and none
/// where the browser was sent there by another tab since this one was challenged.
pub(crate) fn one_more(headers: &HeaderMap, goal: &Goal, counts: Duration, now: Timestamp) -> Option<HeaderValue> {
    let before = taken(headers, goal, now);
    if !leaves(goal) || counts < Duration::from_secs(1) || before > goal.turn {
        return None;
    }
    let place = mark(goal);
    let others = counted(headers, now).filter(|turn| turn.place != place).take(PLACES - 1);
    let turn = Turn { count: before.saturating_add(1), until: now.plus(counts).as_secs(), place: place.clone() };
    let all: Vec<Turn> = std::iter::once(turn).chain(others).collect();
    keep(&all, now)
}

/// `Set-Cookie` that forgets this destination, so that whoever tries once more can.
pub(crate) fn forget(headers: &HeaderMap, goal: &Goal, now: Timestamp) -> Option<HeaderValue> {
    let place = mark(goal);
    let others: Vec<Turn> = counted(headers, now).filter(|turn| turn.place != place).collect();
    if others.is_empty() { cookies::forget_turns() } else { keep(&others, now) }
}

fn keep(turns: &[Turn], now: Timestamp) -> Option<HeaderValue> {
    let last = turns.iter().map(|turn| turn.until).max()?;
    let text: Vec<String> = turns.iter().map(Turn::written).collect();
    cookies::keep_turns(&text.join("~"), Duration::from_secs(last.saturating_sub(now.as_secs())))
}

/// What the cookie says, as far as it still counts.
fn counted(headers: &HeaderMap, now: Timestamp) -> impl Iterator<Item = Turn> {
    let text = cookies::turns(headers).unwrap_or_default();
    let turns: Vec<Turn> = text.split('~').take(PLACES).filter_map(Turn::parse).collect();
    turns.into_iter().filter(move |turn| turn.until > now.as_secs())
}

/// Whether the way leads to the app.
fn leaves(goal: &Goal) -> bool {
    goal.given && goal.first.is_none()
}

/// Stands for a destination; two of the same mark would only be counted together.
fn mark(goal: &Goal) -> String {
    let [.., a, b, c, d] = fingerprint(format!("{} {}", goal.method, goal.landing().as_str()).as_bytes()).to_be_bytes();
    format!("{:08x}", u32::from_be_bytes([a, b, c, d]))
}
