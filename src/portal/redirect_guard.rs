//! Guards against redirect loops: how often a browser was sent to one destination and challenged there again.
//!
//! The browser keeps the count in a cookie, for seconds. No node stores it, and a forged count shows a page to its forger.
//! A challenge writes into the URL of our page how often the browser had been sent there by then. So a page that is
//! loaded again, or another tab that was challenged before somebody signed in, counts nothing: only a browser that was
//! sent to a destination and came back from it is counted.

use std::time::Duration;

use http::HeaderValue;

use super::assets::fingerprint;
use super::cookies::{self, Cookies};
use super::destination::Destination;
use crate::auth::time::Timestamp;

/// After so many turns the next one is not taken.
pub(crate) const MAX_REDIRECTS: u8 = 3;
/// How long a turn counts: two codes are half a minute apart.
pub(crate) const WINDOW: Duration = Duration::from_secs(90);
/// How many destinations are counted at once, the latest first: a browser may open many tabs at its start.
const MAX_DESTINATIONS: usize = 12;

/// How often a browser was sent to one destination, and until when that counts.
struct RedirectCount {
    count: u8,
    destination: String,
    until: u64,
}

impl RedirectCount {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (count, destination, until) = (parts.next()?, parts.next()?, parts.next()?);
        let (count, until) = (count.parse().ok()?, u64::from_str_radix(until, 16).ok()?);
        parts.next().is_none().then(|| Self { count, destination: destination.to_owned(), until })
    }

    fn encode(&self) -> String {
        format!("{}.{}.{:x}", self.count, self.destination, self.until)
    }
}

/// How often this browser was sent to this destination lately.
pub(crate) fn count(cookies: &Cookies, destination: &Destination, now: Timestamp) -> u8 {
    let this = fingerprint_of(destination);
    read(cookies, now).find(|one| one.destination == this).map_or(0, |one| one.count)
}

/// Whether the next turn would be one too many: the browser was sent there so often, and was challenged again after
/// the last time.
pub(crate) fn is_loop(cookies: &Cookies, destination: &Destination, now: Timestamp) -> bool {
    leads_to_app(destination)
        && destination.redirects >= MAX_REDIRECTS
        && count(cookies, destination, now) >= MAX_REDIRECTS
}

/// `Set-Cookie` that counts a turn, for as long as it counts. None where the way leads to a page of ours, and none
/// where the browser was sent there by another tab since this one was challenged.
pub(crate) fn counting_cookie(
    cookies: &Cookies,
    destination: &Destination,
    counts: Duration,
    now: Timestamp,
) -> Option<HeaderValue> {
    let before = count(cookies, destination, now);
    if !leads_to_app(destination) || counts < Duration::from_secs(1) || before > destination.redirects {
        return None;
    }
    let this = fingerprint_of(destination);
    let others = read(cookies, now).filter(|one| one.destination != this).take(MAX_DESTINATIONS - 1);
    let latest =
        RedirectCount { count: before.saturating_add(1), until: now.plus(counts).as_secs(), destination: this.clone() };
    let all: Vec<RedirectCount> = std::iter::once(latest).chain(others).collect();
    cookie(&all, now)
}

/// `Set-Cookie` that forgets this destination, so that whoever tries once more can.
pub(crate) fn reset_cookie(cookies: &Cookies, destination: &Destination, now: Timestamp) -> Option<HeaderValue> {
    let this = fingerprint_of(destination);
    let others: Vec<RedirectCount> = read(cookies, now).filter(|one| one.destination != this).collect();
    if others.is_empty() { cookies::clear_redirects() } else { cookie(&others, now) }
}

fn cookie(counts: &[RedirectCount], now: Timestamp) -> Option<HeaderValue> {
    let last = counts.iter().map(|one| one.until).max()?;
    let text: Vec<String> = counts.iter().map(RedirectCount::encode).collect();
    cookies::set_redirects(&text.join("~"), Duration::from_secs(last.saturating_sub(now.as_secs())))
}

/// What the cookie says, as far as it still counts.
fn read(cookies: &Cookies, now: Timestamp) -> impl Iterator<Item = RedirectCount> {
    let text = cookies.redirects.as_deref().unwrap_or_default();
    let counts: Vec<RedirectCount> = text.split('~').take(MAX_DESTINATIONS).filter_map(RedirectCount::parse).collect();
    counts.into_iter().filter(move |one| one.until > now.as_secs())
}

/// Whether the way leads to the app. Where people sign in for many, it leads to a page of ours on the app's host, which
/// counts. The window of a script leads nowhere.
fn leads_to_app(destination: &Destination) -> bool {
    let Destination { action, handoff, popup, .. } = destination;
    destination.given && action.is_none() && handoff.is_none() && popup.is_none()
}

/// Stands for a destination; two of the same mark would only be counted together.
fn fingerprint_of(destination: &Destination) -> String {
    let [.., a, b, c, d] =
        fingerprint(format!("{} {}", destination.method, destination.landing().as_str()).as_bytes()).to_be_bytes();
    format!("{:08x}", u32::from_be_bytes([a, b, c, d]))
}
