//! Traces of requests that were challenged or refused: handed over without waiting, and kept behind the answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use super::metrics::Metrics;
use crate::auth::time::Timestamp;
use crate::auth::trace::{DecisionTrace, TracedAssessment, TracedRisk, TracedRule, TracedSubject};
use crate::flow::ports::View;
use crate::proxy::context::Ctx;
use crate::proxy::request::judge::{Outcome, OwnAnswer, Verdict};

/// Traces of one node in a second, and how many of these may be of strangers.
const PER_SECOND: u32 = 100;
const OF_STRANGERS_PER_SECOND: u32 = 30;
/// Traces of strangers in an hour, and of who is signed in: neither fills the store, nor takes the place of the other.
const OF_STRANGERS_PER_HOUR: u32 = 10_000;
const OF_SESSIONS_PER_HOUR: u32 = 36_000;
/// Traces of one session in an hour.
const PER_SESSION: u32 = 200;
/// Traces that wait for a store.
const WAITING: usize = 1000;

/// A request's id, and what is kept of it.
pub(crate) type WaitingTrace = (String, DecisionTrace);

/// What takes traces.
pub(crate) struct TraceLog {
    send: mpsc::Sender<WaitingTrace>,
    metrics: Arc<Metrics>,
    budget: Mutex<Budget>,
}

/// How many were taken, in the second and the hour that run.
#[derive(Default)]
struct Budget {
    second: u64,
    in_second: u32,
    of_strangers_in_second: u32,
    hour: u64,
    of_strangers: u32,
    of_sessions: u32,
    /// By a session's id; no more of them than are taken in an hour.
    by_session: HashMap<String, u32>,
}

impl TraceLog {
    /// What takes traces, and what [`keep`] reads.
    pub(crate) fn new(metrics: Arc<Metrics>) -> (Self, mpsc::Receiver<WaitingTrace>) {
        let (send, waiting) = mpsc::channel(WAITING);
        (Self { send, metrics, budget: Mutex::default() }, waiting)
    }

    /// Takes what is known of a request that the rules turned away, if there is room.
    pub(crate) fn note(&self, status: u16, ctx: &Ctx) {
        let judgement = &ctx.judgement;
        let turned_away = matches!(
            &judgement.verdict,
            Verdict::Hold(..)
                | Verdict::Respond(OwnAnswer::Challenge(_) | OwnAnswer::Refusal(_) | OwnAnswer::PreflightForbidden(..))
        );
        if !turned_away {
            return;
        }
        let (Some(site), Some(resource)) = (&judgement.site, &judgement.resource) else { return };
        let (now, session) = (ctx.snapshot.flows.ports.clock.now(), judgement.subject().map(|who| who.id.as_str()));
        let taken = self.budget.lock().unwrap_or_else(PoisonError::into_inner).takes(session, now);
        let trace = || {
            let Outcome { decision, reason } = judgement.outcome();
            DecisionTrace {
                at: now,
                host: site.host.clone(),
                method: resource.method().to_owned(),
                path: DecisionTrace::path_of(resource.path()),
                client_ip: ctx.arrival.client,
                status,
                decision: decision.to_owned(),
                reason: reason.to_owned(),
                rule: judgement.rule().map(|rule| TracedRule::from(&**rule)),
                subject: judgement.subject().map(|who| TracedSubject::from(&**who)),
                risk: judgement.risk.map(TracedRisk::from),
                assessed: judgement.assessed.as_ref().map(|a| TracedAssessment::of(a.level, &a.record)),
            }
        };
        if !taken || self.send.try_send((ctx.arrival.request_id.clone(), trace())).is_err() {
            self.metrics.traces.with_label_values(&["dropped"]).inc();
        }
    }
}

impl Budget {
    /// Whether there is room for a trace of this session, or of a stranger; then it is taken.
    fn takes(&mut self, session: Option<&str>, now: Timestamp) -> bool {
        let (second, hour) = (now.as_secs(), now.as_secs() / 3600);
        if self.hour != hour {
            *self = Self { hour, ..Self::default() };
        }
        if self.second != second {
            (self.second, self.in_second, self.of_strangers_in_second) = (second, 0, 0);
        }
        if self.in_second >= PER_SECOND {
            return false;
        }
        let taken = match session {
            None => {
                self.of_strangers < OF_STRANGERS_PER_HOUR
                    && take(&mut self.of_strangers_in_second, OF_STRANGERS_PER_SECOND)
                    && take(&mut self.of_strangers, OF_STRANGERS_PER_HOUR)
            }
            Some(_) if self.of_sessions >= OF_SESSIONS_PER_HOUR => false,
            Some(session) => {
                let taken = take(self.by_session.entry(session.to_owned()).or_default(), PER_SESSION);
                self.of_sessions += u32::from(taken);
                taken
            }
        };
        self.in_second += u32::from(taken);
        taken
    }
}

/// Takes one more, up to `most`.
const fn take(count: &mut u32, most: u32) -> bool {
    let taken = *count < most;
    if taken {
        *count += 1;
    }
    taken
}

/// Keeps what was taken, one after another, for as long as anybody may hand something over.
pub(crate) async fn keep(
    mut waiting: mpsc::Receiver<WaitingTrace>,
    traces: View<DecisionTrace>,
    metrics: Arc<Metrics>,
) {
    let mut failing = false;
    while let Some((request_id, trace)) = waiting.recv().await {
        let kept = traces.keep(&request_id, &trace).await;
        metrics.traces.with_label_values(&[if kept.is_ok() { "kept" } else { "dropped" }]).inc();
        if let (false, Err(fault)) = (failing, &kept) {
            // Told once until it works again: everybody asks this store, and says so.
            tracing::warn!(target: "stepgate", request_id, %fault, "traces of decisions cannot be kept; the log has them");
        }
        failing = kept.is_err();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Timestamp {
        Timestamp::from_secs(3_600_000 + second)
    }

    fn taken(budget: &mut Budget, session: Option<&str>, second: u64, of: u32) -> usize {
        (0..of).filter(|_| budget.takes(session, at(second))).count()
    }

    #[test]
    fn a_second_and_the_hour_of_strangers_are_bounded() {
        let mut budget = Budget::default();
        assert_eq!(taken(&mut budget, Some("a"), 0, 500), 100);
        assert_eq!(taken(&mut budget, Some("b"), 1, 60), 60);
        assert_eq!(taken(&mut budget, None, 1, 60), 30, "strangers have a part of the second");
        assert_eq!(taken(&mut budget, Some("b"), 1, 60), 10, "all share it");
        let strangers: usize = (2..3600).map(|second| taken(&mut budget, None, second, 100)).sum();
        assert_eq!(strangers, 10_000 - 30);
        assert_eq!(taken(&mut budget, Some("b"), 3599, 100), 100, "who is signed in has room");
        assert_eq!(taken(&mut budget, None, 3600, 100), 30, "the next hour");
    }

    #[test]
    fn a_session_and_the_hour_of_all_sessions_are_bounded() {
        let mut budget = Budget::default();
        let of_one: usize = (0..10).map(|second| taken(&mut budget, Some("a"), second, 100)).sum();
        assert_eq!(of_one, 200);
        assert_eq!(taken(&mut budget, Some("b"), 9, 100), 100, "another session has room");
        let of_many: usize = (10..3600).map(|s| taken(&mut budget, Some(&format!("s{s}")), s, 100)).sum();
        assert_eq!(of_many, 36_000 - 300);
        assert!(budget.by_session.len() <= 36_000, "no session is remembered for which nothing was taken");
        assert_eq!(taken(&mut budget, None, 3599, 100), 30, "strangers have their own");
        assert_eq!(taken(&mut budget, Some("a"), 3600, 100), 100, "the next hour");
    }
}
