//! What happened around an account since its owner was here last, and whether it is worth a word to them.
//!
//! A sign-in is strange if it was assessed as unusual and, where it was not assessed or there was nothing to compare it with,
//! if neither its browser nor its network had ever signed in before; a failed attempt, if its network never signed in. So a
//! new phone at home, a known laptop abroad and a mistyped code say nothing, and nobody has to click anything away day by day.

mod activity;
mod assessed;

pub use activity::{Activity, ActivityCursor, ActivityPage};
pub use assessed::{AssessedSignIn, SignInsUnderWay, TrailRow, TrailStep};

use std::collections::HashSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::network::client_network;
use super::proof::{Factor, Method, RiskLevel};
use super::time::Timestamp;

/// A sign-in, as remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// When.
    pub at: Timestamp,
    pub ip: IpAddr,
    /// In which browser, by its tag; `None` for scripts.
    pub browser: Option<String>,
    /// How unusual it was, where that was assessed.
    pub level: Option<RiskLevel>,
    /// The names of browser and system, where they are known.
    pub agent: Option<String>,
}

/// What makes a sign-in strange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StrangeBy {
    /// Neither its browser nor its network had signed in before.
    Marks,
    /// It was assessed as unusual for its person; the marks, where it could not be.
    Risk,
}

/// A proof that was rejected, as remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// When.
    pub at: Timestamp,
    pub ip: IpAddr,
    pub method: Method,
}

/// What is worth a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Since when: the last sign-in in this browser, else from this network, else at all.
    pub since: Timestamp,
    /// Strange sign-ins, newest first.
    pub strange: Vec<SignIn>,
    /// Failed attempts from networks that never signed in, newest first.
    pub failed: Vec<Failure>,
}

impl Notice {
    /// Whether somebody got as far as the second factor, and so knew the password.
    pub fn knew_the_password(&self) -> bool {
        self.failed.iter().any(|f| matches!(f.method.factor(), Factor::Possession | Factor::Both))
    }
}

/// Since when things are news for somebody who signs in `here`, in this browser, and whether the moment itself is.
///
/// By browser first: whoever else signs in cannot make the owner miss what they did.
pub fn since(past: &[SignIn], browser: Option<&str>, here: IpAddr) -> Option<(Timestamp, bool)> {
    let newest = |which: &dyn Fn(&SignIn) -> bool| past.iter().filter(|s| which(s)).map(|s| s.at).max();
    let own = browser.and_then(|own| newest(&|s| s.browser.as_deref() == Some(own)));
    let near = || newest(&|s| client_network(s.ip) == client_network(here));
    own.or_else(near).map(|at| (at, false)).or_else(|| newest(&|_| true).map(|at| (at, true)))
}

/// What is worth a word to somebody who signs in `here`, in this browser. `past`: all sign-ins remembered; `failures`:
/// at least those since then.
pub fn notice(
    past: &[SignIn],
    failures: &[Failure],
    browser: Option<&str>,
    here: IpAddr,
    strange_by: StrangeBy,
) -> Option<Notice> {
    let (since, inclusive) = since(past, browser, here)?;
    let news = |at: Timestamp| at > since || (inclusive && at == since);
    let mut by_time: Vec<&SignIn> = past.iter().collect();
    by_time.sort_by_key(|s| s.at);
    let (mut browsers, mut networks): (HashSet<&str>, HashSet<IpNet>) = (HashSet::new(), HashSet::new());
    let mut trusted = HashSet::from([client_network(here)]);
    let mut strange = Vec::new();
    for sign_in in by_time {
        let network = client_network(sign_in.ip);
        let level = sign_in.level.filter(|level| strange_by == StrangeBy::Risk && *level != RiskLevel::Unscored);
        let known = networks.contains(&network) || sign_in.browser.as_deref().is_some_and(|b| browsers.contains(b));
        // With nothing before it to compare with, the first one is nobody's surprise.
        let is_usual = level.map_or(known || networks.is_empty(), |level| level < RiskLevel::Medium);
        if is_usual || !news(sign_in.at) {
            trusted.insert(network);
        } else {
            strange.push(sign_in.clone());
        }
        networks.insert(network);
        browsers.extend(sign_in.browser.as_deref());
    }
    // Who signed in strangely vouches for no network, even by signing in there twice.
    for sign_in in &strange {
        trusted.remove(&client_network(sign_in.ip));
    }
    trusted.insert(client_network(here));
    strange.retain(|s| client_network(s.ip) != client_network(here));
    let foreign = |f: &&Failure| news(f.at) && !trusted.contains(&client_network(f.ip));
    let mut failed: Vec<Failure> = failures.iter().filter(foreign).cloned().collect();
    strange.sort_by_key(|s| std::cmp::Reverse(s.at));
    failed.sort_by_key(|f| std::cmp::Reverse(f.at));
    (!strange.is_empty() || !failed.is_empty()).then_some(Notice { since, strange, failed })
}

#[cfg(test)]
mod tests;
