//! The requests of this node that last, by the session that they were permitted to.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use super::grant::Grant;
use crate::auth::policy::AppPolicy;
use crate::auth::session::{Channel, Session, SessionKey};
use crate::flow::ports::EndReason as WhyEnded;
use crate::proxy::cancellation::{Cancellation, EndReason, LastingRequests};

/// Names a session on one host among those that something lasts of.
pub(super) type LiveId = u64;

/// What a task that takes requests asks of the one that watches over sessions.
#[derive(Clone, Copy, Debug)]
pub(super) enum Errand {
    /// To see whether a session stands.
    Look(LiveId),
    /// To note that it is used.
    NoteUse(LiveId),
}

/// Everything on this node that lasts.
pub(crate) struct LiveRequests {
    registry: Mutex<Registry>,
    errands: UnboundedSender<Errand>,
    received: Mutex<Option<UnboundedReceiver<Errand>>>,
}

#[derive(Default)]
pub(super) struct Registry {
    next: u64,
    pub(super) sessions: HashMap<LiveId, LiveSession>,
    /// A session has a row for each host that shares it.
    by_id: HashMap<String, Vec<LiveId>>,
    /// When which session is to be looked at.
    agenda: BTreeSet<(Instant, LiveId)>,
}

/// A session, on one host, and what lasts of it.
pub(super) struct LiveSession {
    /// Under which it stands, as far as is known; a step-up gives it another one.
    pub(super) key: SessionKey,
    pub(super) session: Arc<Session>,
    requests: HashMap<u64, LiveRequest>,
    look_at: Option<Instant>,
    /// It is being looked up.
    pub(super) looking: bool,
    /// Something became of it meanwhile: what is found counts no more.
    pub(super) again: bool,
    /// A use is to be noted.
    pub(super) used: bool,
}

struct LiveRequest {
    of: Arc<Cancellation>,
    round: u32,
    grant: Grant,
}

impl LiveRequest {
    fn cancel(self) {
        self.of.cancel(self.round, EndReason::Session);
    }
}

/// A request among those that last, until dropped.
pub(crate) struct Registration {
    live: Arc<LiveRequests>,
    session: LiveId,
    request: u64,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.live.lock().remove(self.session, self.request);
    }
}

impl Default for LiveRequests {
    fn default() -> Self {
        let (errands, received) = unbounded_channel();
        Self { registry: Mutex::default(), errands, received: Mutex::new(Some(received)) }
    }
}

impl LiveRequests {
    pub(super) fn lock(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For the one task that does them.
    pub(super) fn errands(&self) -> Option<UnboundedReceiver<Errand>> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn send(&self, errand: Errand) {
        // Nobody watches once the gateway stops.
        let _ = self.errands.send(errand);
    }
}

impl LastingRequests for Arc<LiveRequests> {
    type Entry = Registration;

    fn enter(&self, of: &Arc<Cancellation>, round: u32, grant: Grant) -> Registration {
        let request = LiveRequest { of: of.clone(), round, grant };
        let (session, request, unknown) = self.lock().add(request);
        if unknown {
            // What became of it since the request began was heard by nobody.
            self.send(Errand::Look(session));
        }
        of.watch_use(round);
        Registration { live: self.clone(), session, request }
    }

    fn used(&self, entry: &Registration) {
        self.send(Errand::NoteUse(entry.session));
    }
}

impl Registry {
    /// Answers the names of session and request, and whether the session is to be looked up.
    fn add(&mut self, request: LiveRequest) -> (LiveId, u64, bool) {
        self.next += 1;
        let name = self.next;
        let (key, session) = (request.grant.key, request.grant.session.clone());
        let known = self.rows(&session.id).find(|(_, row)| row.is(&session.host, session.channel)).map(|(id, _)| id);
        let id = known.unwrap_or(name);
        if known.is_none() {
            self.by_id.entry(session.id.clone()).or_default().push(id);
        }
        let row = self.sessions.entry(id).or_insert_with(|| LiveSession::new(key, session));
        let unknown = known.is_none() || row.key != key;
        (row.key, row.again) = (key, row.again || unknown);
        row.requests.insert(name, request);
        (id, name, unknown)
    }

    fn rows(&self, session_id: &str) -> impl Iterator<Item = (LiveId, &LiveSession)> {
        let ids = self.by_id.get(session_id).into_iter().flatten();
        ids.filter_map(|id| Some((*id, self.sessions.get(id)?)))
    }

    fn remove(&mut self, id: LiveId, request: u64) {
        let Some(row) = self.sessions.get_mut(&id) else { return };
        row.requests.remove(&request);
        if row.requests.is_empty() {
            self.forget(id);
        }
    }

    fn forget(&mut self, id: LiveId) -> Option<LiveSession> {
        let row = self.sessions.remove(&id)?;
        if let Some(at) = row.look_at {
            self.agenda.remove(&(at, id));
        }
        if let Some(ids) = self.by_id.get_mut(&row.session.id) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.by_id.remove(&row.session.id);
            }
        }
        Some(row)
    }

    /// Ends all that lasts of a session.
    pub(super) fn end(&mut self, id: LiveId) {
        for request in self.forget(id).into_iter().flat_map(|row| row.requests.into_values()) {
            request.cancel();
        }
    }

    /// The session that stood under a key. Where its id is not told, all are looked through.
    fn under(&self, key: SessionKey, session_id: Option<&str>) -> Option<LiveId> {
        match session_id {
            Some(session_id) => self.rows(session_id).find(|(_, row)| row.key == key).map(|(id, _)| id),
            None => self.sessions.iter().find(|(_, row)| row.key == key).map(|(id, _)| *id),
        }
    }

    /// Heeds that a session ended under its key. Answers which one is to be looked up for that.
    pub(super) fn ended(&mut self, key: SessionKey, session_id: Option<&str>, why: WhyEnded) -> Option<LiveId> {
        let id = self.under(key, session_id)?;
        match why {
            WhyEnded::Revoked => {
                self.end(id);
                return None;
            }
            WhyEnded::Replaced { by } => {
                if let (Some(by), Some(row)) = (by, self.sessions.get_mut(&id)) {
                    row.key = by;
                }
            }
            WhyEnded::Unknown => {}
        }
        Some(id)
    }

    /// Plans when a session is to be looked at.
    pub(super) fn plan(&mut self, id: LiveId, at: Instant) {
        let Some(row) = self.sessions.get_mut(&id) else { return };
        if let Some(before) = row.look_at.replace(at) {
            self.agenda.remove(&(before, id));
        }
        self.agenda.insert((at, id));
    }

    pub(super) fn next_look(&self) -> Option<Instant> {
        self.agenda.first().map(|(at, _)| *at)
    }

    /// Those that are to be looked at by now.
    pub(super) fn due(&mut self, now: Instant) -> Vec<LiveId> {
        let mut due = Vec::new();
        while let Some((_, id)) = self.agenda.first().filter(|(at, _)| *at <= now).copied() {
            self.agenda.pop_first();
            if let Some(row) = self.sessions.get_mut(&id) {
                row.look_at = None;
                due.push(id);
            }
        }
        due
    }

    /// Ends what the rules of its app would not have permitted.
    pub(super) fn judge<'a>(&mut self, rules: impl Fn(&str) -> Option<&'a AppPolicy>) {
        for row in self.sessions.values_mut() {
            let rules = rules(&row.session.host);
            let falls = |request: &LiveRequest| !rules.is_some_and(|rules| request.grant.stands_by(rules));
            for (_, request) in row.requests.extract_if(|_, request| falls(request)) {
                request.cancel();
            }
        }
        let empty: Vec<LiveId> =
            self.sessions.iter().filter(|(_, row)| row.requests.is_empty()).map(|(id, _)| *id).collect();
        for id in empty {
            self.forget(id);
        }
    }
}

impl LiveSession {
    fn new(key: SessionKey, session: Arc<Session>) -> Self {
        let requests = HashMap::new();
        Self { key, session, requests, look_at: None, looking: false, again: false, used: false }
    }

    fn is(&self, host: &str, channel: Channel) -> bool {
        self.session.host == host && self.session.channel == channel
    }

    /// From some time on what passes is another use.
    pub(super) fn watch_use(&self, from: Instant) {
        for request in self.requests.values() {
            request.of.watch_use_from(request.round, from);
        }
    }
}
