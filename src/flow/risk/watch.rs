//! Sessions that look stolen: used at once from another network by another family of browsers, or here, there and here again
//! within minutes. Where somebody was asked who they are and did not show it, such a session ends.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::RiskMemory;
use crate::auth::proof::Risk;
use crate::auth::session::Session;
use crate::auth::time::Timestamp;

/// Back within this time, where a session had gone elsewhere, is a pattern of theft.
const TURNS: Duration = Duration::from_secs(600);
/// How long somebody has who was asked.
const ABANDONED: Duration = Duration::from_secs(900);
/// How long a session is watched.
const WATCHED: Duration = Duration::from_secs(3600);

/// A session that was used from elsewhere, and was asked for a step-up there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    asked_at: Timestamp,
    away_at: Timestamp,
    looks_stolen: bool,
}

impl RiskMemory {
    /// Notes that a step-up is asked of a session that is used from elsewhere.
    pub(in crate::flow) fn asked(&self, session: &Session, risk: &Risk, now: Timestamp) {
        if risk.changed.is_nothing() {
            return;
        }
        let before = self.watches.get(&session.id).filter(|watch| is_open(watch, session, now));
        let both = risk.changed.network && risk.changed.browser;
        let watch = Watch {
            asked_at: before.map_or(now, |watch| watch.asked_at),
            away_at: now,
            looks_stolen: both || before.is_some_and(|watch| watch.looks_stolen),
        };
        self.watches.put(session.id.clone(), watch);
        self.watching_until.fetch_max(now.plus(WATCHED).as_millis(), Relaxed);
    }

    /// Whether a session looks stolen and nobody has shown since that it is theirs.
    pub(in crate::flow) fn is_abandoned(&self, session: &Session, risk: &Risk, now: Timestamp) -> bool {
        // The way of a warm request: nobody is watched.
        if now.as_millis() >= self.watching_until.load(Relaxed) {
            return false;
        }
        let Some(mut watch) = self.watches.get(&session.id) else { return false };
        if !is_open(&watch, session, now) {
            self.watches.forget(&session.id);
            return false;
        }
        if !watch.looks_stolen && risk.changed.is_nothing() && now.since(watch.away_at) <= TURNS {
            watch.looks_stolen = true;
            self.watches.put(session.id.clone(), watch);
        }
        watch.looks_stolen && now.since(watch.asked_at) >= ABANDONED
    }
}

/// Whether what was asked was not answered yet: a step-up pins the session anew.
fn is_open(watch: &Watch, session: &Session, now: Timestamp) -> bool {
    let answered = session.pinned.as_ref().is_some_and(|pinned| pinned.at > watch.asked_at);
    !answered && now.since(watch.asked_at) < WATCHED
}
