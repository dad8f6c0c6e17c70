//! Traces of requests that were challenged or refused: handed over without waiting, and kept behind the answer.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use super::metrics::Metrics;
use crate::auth::time::Timestamp;
use crate::auth::trace::{DecisionTrace, TracedRisk, TracedRule, TracedSubject};
use crate::flow::ports::View;
use crate::proxy::context::Ctx;
use crate::proxy::request::judge::{Outcome, OwnAnswer, Verdict};

/// Traces of one node in a second.
const PER_SECOND: u32 = 100;
/// Traces of strangers in an hour: who is nobody must not fill the store, nor take the place of who is signed in.
const OF_STRANGERS_PER_HOUR: u32 = 10_000;
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
    second: (u64, u32),
    of_strangers: (u64, u32),
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
        let turned_away = match &judgement.verdict {
            Verdict::Hold(..) => true,
            Verdict::Respond(OwnAnswer::Challenge(_) | OwnAnswer::Refusal(_) | OwnAnswer::PreflightForbidden(..)) => {
                true
            }
            _ => false,
        };
        if !turned_away {
            return;
        }
        let (Some(site), Some(resource)) = (&judgement.site, &judgement.resource) else { return };
        let (now, stranger) = (ctx.snapshot.flows.ports.clock.now(), judgement.subject().is_none());
        let taken = self.budget.lock().unwrap_or_else(PoisonError::into_inner).takes(stranger, now);
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
            }
        };
        if !taken || self.send.try_send((ctx.arrival.request_id.clone(), trace())).is_err() {
            self.metrics.traces.with_label_values(&["dropped"]).inc();
        }
    }
}

impl Budget {
    fn takes(&mut self, stranger: bool, now: Timestamp) -> bool {
        let fits = |window: &mut (u64, u32), at: u64, most: u32| {
            if window.0 != at {
                *window = (at, 0);
            }
            window.1 < most
        };
        let taken = fits(&mut self.second, now.as_secs(), PER_SECOND)
            && (!stranger || fits(&mut self.of_strangers, now.as_secs() / 3600, OF_STRANGERS_PER_HOUR));
        if taken {
            self.second.1 += 1;
            self.of_strangers.1 += u32::from(stranger);
        }
        taken
    }
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

    #[test]
    fn a_second_and_the_hour_of_strangers_are_bounded() {
        let at = |second: u64| Timestamp::from_secs(3_600_000 + second);
        let mut budget = Budget::default();
        let taken =
            |budget: &mut Budget, stranger, second, of| (0..of).filter(|_| budget.takes(stranger, at(second))).count();
        assert_eq!(taken(&mut budget, false, 0, 500), 100);
        assert_eq!(taken(&mut budget, false, 1, 60), 60);
        assert_eq!(taken(&mut budget, true, 1, 60), 40, "strangers share the second");
        let strangers: usize = (2..3600).map(|second| taken(&mut budget, true, second, 100)).sum();
        assert_eq!(strangers, 10_000 - 40);
        assert_eq!(taken(&mut budget, false, 3599, 100), 100, "who is signed in has room");
        assert_eq!(taken(&mut budget, true, 3600, 100), 100, "the next hour");
    }
}
