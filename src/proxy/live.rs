//! Requests that last end with the session that they were permitted to: event streams, long answers and uploads,
//! WebSockets.
//!
//! One task looks at all of them. A request that is over before two looks costs nothing but the counting of rounds:
//! only of one that lasts the session is asked for, and then looked up at each look.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures_util::StreamExt;

use super::cancellation::{Cancellation, EndReason, SessionGuard};
use super::context::Ctx;
use super::snapshot::ActiveSnapshot;
use crate::auth::session::SessionKey;
use crate::flow::Flows;

/// Between two looks. A request is looked up from its second look on, so that with what a look-up may take it ends
/// within 5 s of its session.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Sessions looked up at once.
const AT_ONCE: usize = 64;

/// Everything on this node that takes requests.
#[derive(Debug, Default)]
pub(crate) struct LiveRequests(Mutex<Vec<Tracked>>);

/// One that takes requests, and what was at work there when last looked at.
#[derive(Debug)]
struct Tracked {
    of: Weak<Cancellation>,
    round: u32,
    asked: bool,
}

/// A request that lasts.
type LongRequest = (Arc<Cancellation>, u32, SessionGuard);

impl LiveRequests {
    /// For a task that takes requests.
    pub(crate) fn track(&self) -> Arc<Cancellation> {
        let new = Cancellation::new();
        let seen = Tracked { of: Arc::downgrade(&new), round: 0, asked: false };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
        new
    }

    /// The requests that were at work at the last look too and that were permitted to somebody. Asks those that have
    /// not told so far.
    fn look(&self) -> Vec<LongRequest> {
        let mut lasting = Vec::new();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain_mut(|seen| {
            let Some(of) = seen.of.upgrade() else { return false };
            let round = of.round();
            let lasts = round % 2 == 1 && round == seen.round;
            if lasts {
                match of.guarded(round) {
                    Some(guarded) => lasting.push((of, round, guarded)),
                    None if !seen.asked => {
                        seen.asked = true;
                        of.want(round);
                    }
                    None => {}
                }
            } else if round != seen.round {
                (seen.round, seen.asked) = (round, false);
            }
            true
        });
        lasting
    }

    /// Looks after the requests of this node.
    pub(crate) async fn watch(self: Arc<Self>, active: Arc<ActiveSnapshot>) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let flows = &active.load().flows;
            // A page may hold many streams open; its session is looked up once.
            let mut by_session: HashMap<SessionKey, Vec<LongRequest>> = HashMap::new();
            for one in self.look() {
                by_session.entry(one.2.key).or_default().push(one);
            }
            futures_util::stream::iter(by_session).for_each_concurrent(AT_ONCE, |(_, all)| settle(flows, all)).await;
        }
    }
}

/// Ends the requests of a session if it has ended. A store that does not answer ends nothing: what was permitted stays so
/// until it is known to be over. A step-up gives a session another token, which is followed.
async fn settle(flows: &Flows, requests: Vec<LongRequest>) {
    let Some((_, _, SessionGuard { key, session })) = requests.first() else { return };
    let Ok(stands) = flows.current_key(key, session).await else { return };
    for (of, round, SessionGuard { key: known, session }) in requests {
        match stands {
            None => of.cancel(round, EndReason::Session),
            Some(key) if key != known => of.keep(round, Some(SessionGuard { key, session })),
            Some(_) => {}
        }
    }
}

impl Ctx {
    /// Who the request was permitted to; `None`: it needs nobody.
    fn guarded(&self) -> Option<SessionGuard> {
        let (permit, (token, _)) = self.judgement.permit().zip(self.judgement.credential.token())?;
        let session = permit.subject()?.clone();
        Some(SessionGuard { key: token.key(), session })
    }

    /// Notes from the start who the request was permitted to, where nobody could be asked later.
    pub(crate) fn guard(&self) {
        if let Some(cancellation) = &self.cancellation {
            cancellation.guard(self.guarded());
        }
    }

    /// A part of the request that may last: who it was permitted to is told when that is asked for.
    pub(crate) async fn guarding<F: Future>(&self, part: F) -> F::Output {
        let mut part = pin!(part);
        poll_fn(|cx| {
            if let Some(cancellation) = self.cancellation.as_ref().filter(|one| one.is_wanted()) {
                cancellation.guard(self.guarded());
            }
            part.as_mut().poll(cx)
        })
        .await
    }

    /// Why the request was ended by us, if it was.
    pub(crate) fn cut(&self) -> Option<EndReason> {
        self.cancellation.as_ref()?.end()
    }
}
