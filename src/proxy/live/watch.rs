//! The one task of a node that watches over the sessions of what lasts. It sleeps until it is told something: that a session
//! ended, that some may have, that one is used, that another configuration is in force; or until one would end by itself.

use std::collections::VecDeque;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::{BoxStream, FuturesUnordered};
use tokio::time::Instant;

use super::registry::{Errand, LiveId, LiveRequests, Registry};
use crate::auth::session::{Session, SessionKey};
use crate::flow::Flows;
use crate::flow::ports::{Answer, Ended};
use crate::proxy::clock;
use crate::proxy::snapshot::ActiveSnapshot;

/// Sessions looked up at once, after whatever happened.
const AT_ONCE: usize = 32;
/// Between two tries to look up a session that the store does not answer for.
const AGAIN: Duration = Duration::from_secs(1);
/// A session is looked at so long after it would end unused, by clocks that need not agree to the millisecond.
const LATE: Duration = Duration::from_millis(20);

/// What was found of a session that stood under a key.
struct Look {
    id: LiveId,
    key: SessionKey,
    used: bool,
    found: Answer<Option<(SessionKey, Arc<Session>)>>,
}

type Looking = Pin<Box<dyn Future<Output = Look> + Send>>;

struct Watch {
    live: Arc<LiveRequests>,
    active: Arc<ActiveSnapshot>,
    waiting: VecDeque<LiveId>,
    looks: FuturesUnordered<Looking>,
}

impl LiveRequests {
    /// Watches over the sessions of what lasts on this node.
    pub(crate) async fn watch(self: Arc<Self>, active: Arc<ActiveSnapshot>) {
        let Some(mut errands) = self.errands() else { return };
        let (mut ends, mut changes) = (active.load().flows.ports.sessions.ended(), active.changes());
        let mut watch = Watch { live: self, active, waiting: VecDeque::new(), looks: FuturesUnordered::new() };
        loop {
            let next_look = watch.live.lock().next_look();
            tokio::select! {
                ended = next(&mut ends) => watch.heed(ended),
                Some(errand) = errands.recv() => watch.take(errand),
                Some(look) = watch.looks.next() => watch.settle(look),
                () = until(next_look) => {
                    let due = watch.live.lock().due(clock::now());
                    due.into_iter().for_each(|id| watch.queue(id));
                }
                // Its sender is held by what it tells of.
                Ok(()) = changes.changed() => watch.judge(),
            }
            watch.begin_looks();
        }
    }
}

/// The next end; a store that tells no more has nothing to tell.
async fn next(ends: &mut BoxStream<'static, Ended>) -> Ended {
    match ends.next().await {
        Some(ended) => ended,
        None => pending().await,
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => pending().await,
    }
}

impl Watch {
    fn heed(&mut self, ended: Ended) {
        match ended {
            Ended::One { key, session, why } => {
                let unclear = self.live.lock().ended(key, session.as_deref(), why);
                unclear.into_iter().for_each(|id| self.queue(id));
            }
            Ended::Lost => {
                // Who was disabled meanwhile may have been found in order a moment before.
                self.active.load().flows.doubt_owners();
                self.queue_all();
            }
        }
    }

    fn take(&mut self, errand: Errand) {
        let id = match errand {
            Errand::Look(id) => id,
            Errand::NoteUse(id) => {
                if let Some(row) = self.live.lock().sessions.get_mut(&id) {
                    row.used = true;
                }
                id
            }
        };
        self.queue(id);
    }

    /// Other rules are in force, and other lifetimes.
    fn judge(&mut self) {
        let snapshot = self.active.load();
        self.live.lock().judge(|host| snapshot.sites.apps.get(host).map(|site| &*site.policy));
        self.queue_all();
    }

    fn queue_all(&mut self) {
        let all: Vec<LiveId> = self.live.lock().sessions.keys().copied().collect();
        all.into_iter().for_each(|id| self.queue(id));
    }

    /// Has a session looked up, once more if it is being.
    fn queue(&mut self, id: LiveId) {
        let mut registry = self.live.lock();
        let Some(row) = registry.sessions.get_mut(&id) else { return };
        row.again = true;
        if !std::mem::replace(&mut row.looking, true) {
            self.waiting.push_back(id);
        }
    }

    fn begin_looks(&mut self) {
        while self.looks.len() < AT_ONCE
            && let Some(id) = self.waiting.pop_front()
        {
            let mut registry = self.live.lock();
            let Some(row) = registry.sessions.get_mut(&id) else { continue };
            row.again = false;
            let (key, session, used) = (row.key, row.session.clone(), std::mem::take(&mut row.used));
            let flows = self.active.load().flows.clone();
            self.looks.push(Box::pin(async move {
                let found = flows.follow(&key, &session, used).await;
                Look { id, key, used, found }
            }));
        }
    }

    /// Does what follows from a look. A store that does not answer ends nothing: what was permitted stays so until it is
    /// known to be over.
    fn settle(&mut self, look: Look) {
        let flows = self.active.load().flows.clone();
        let mut registry = self.live.lock();
        let Some(row) = registry.sessions.get_mut(&look.id) else { return };
        row.looking = false;
        let same = row.key == look.key;
        match look.found {
            Ok(None) if same && !row.again => registry.end(look.id),
            Ok(Some((key, session))) if same && key == look.key && !row.again => {
                row.session = session;
                stand(&mut registry, &flows, look.id, look.used);
            }
            Ok(found) => {
                if let Some((key, _)) = found.filter(|_| same) {
                    row.key = key;
                }
                row.used |= look.used;
                drop(registry);
                self.queue(look.id);
            }
            Err(_) => {
                row.used |= look.used;
                registry.plan(look.id, clock::now() + AGAIN);
            }
        }
    }
}

/// A session stands: plans when it would end by itself, and when what passes is its next use.
fn stand(registry: &mut Registry, flows: &Flows, id: LiveId, used: bool) {
    let Some(row) = registry.sessions.get(&id) else { return };
    let (ends_in, touch_after) = flows.lifetime_of(&row.session);
    let now = clock::now();
    if used {
        row.watch_use(now + touch_after);
    }
    registry.plan(id, now + ends_in + LATE);
}
