//! What rules that are only tried would have decided otherwise: counted always, logged once per person, rule and hour.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::metrics::{Metrics, NO_RULE};
use crate::auth::policy::rule::Rule;
use crate::auth::proof::comparison::Difference;
use crate::auth::session::Session;
use crate::auth::time::Timestamp;

/// How many people and rules are remembered in an hour; what comes beyond is counted and not logged.
const REMEMBERED: usize = 10_000;
const HOUR: u64 = 3600;
/// Comparisons that wait for a session at once: whoever presents a token to a public rule starts one.
const WAITING: usize = 64;

/// The request that was decided otherwise; nothing that the access log would not tell.
pub(crate) struct ComparedRequest<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) host: &'a str,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) who: Option<&'a Session>,
    /// The rule that decided.
    pub(crate) decided_by: Option<&'a Rule>,
}

/// Who was told of in which hour, by digests that need no more memory than their number.
pub(crate) struct ShadowLog {
    metrics: Arc<Metrics>,
    hasher: RandomState,
    told: Mutex<(u64, HashSet<u64>)>,
    waiting: Arc<Semaphore>,
}

impl ShadowLog {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        let waiting = Arc::new(Semaphore::new(WAITING));
        Self { metrics, hasher: RandomState::new(), told: Mutex::default(), waiting }
    }

    /// Room for one more comparison that waits, or it is counted that there is none.
    pub(crate) fn place(&self) -> Option<OwnedSemaphorePermit> {
        let place = self.waiting.clone().try_acquire_owned().ok();
        if place.is_none() {
            self.metrics.trials.uncompared.inc();
        }
        place
    }

    /// Counts each difference, and logs those that were not logged in this hour.
    pub(crate) fn tell(&self, differences: &[Difference], request: &ComparedRequest<'_>, now: Timestamp) {
        for difference in differences {
            let rule = difference.rule.as_ref().map_or(NO_RULE, |rule| &rule.id.0);
            self.metrics.trials.count(rule, difference.from, difference.to);
            let person = request.who.map(|who| &who.identity.id);
            if !self.is_first((person, request.host, rule, difference.candidate), now) {
                continue;
            }
            tracing::info!(
                target: "shadow",
                request_id = request.request_id,
                host = request.host,
                method = request.method,
                path = request.path,
                user = request.who.map(|who| who.identity.username.as_str()),
                tried = if difference.candidate { "candidate" } else { "rule" },
                rule,
                from = difference.from,
                to = difference.to,
                reason = difference.reason,
                decided_by = request.decided_by.map(|rule| &*rule.id.0),
                "would be decided otherwise"
            );
        }
    }

    fn is_first(&self, what: impl std::hash::Hash, now: Timestamp) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let hour = now.as_secs() / HOUR;
        if told.0 != hour {
            *told = (hour, HashSet::new());
        }
        told.1.len() < REMEMBERED && told.1.insert(self.hasher.hash_one(what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_told_once_an_hour_and_memory_is_bounded() {
        let log = ShadowLog::new(Arc::new(Metrics::new(Timestamp::default()).unwrap()));
        let at = |seconds| Timestamp::from_secs(HOUR * 1000 + seconds);
        assert!(log.is_first(("ann", "admin"), at(0)));
        assert!(!log.is_first(("ann", "admin"), at(3599)), "in the same hour");
        assert!(log.is_first(("bob", "admin"), at(0)) && log.is_first(("ann", "other"), at(0)));
        assert!(log.is_first(("ann", "admin"), at(3600)), "in the next one");
        let first = (0..100_000).filter(|number| log.is_first(*number, at(3601))).count();
        assert_eq!(first, REMEMBERED - 1);
    }

    #[test]
    fn few_comparisons_wait_at_once_and_what_is_left_out_is_counted() {
        let log = ShadowLog::new(Arc::new(Metrics::new(Timestamp::default()).unwrap()));
        let mut waiting: Vec<_> = (0..100).filter_map(|_| log.place()).collect();
        assert_eq!((waiting.len(), log.metrics.trials.uncompared.get()), (WAITING, 100 - WAITING as u64));
        waiting.pop();
        assert!(log.place().is_some(), "one has ended");
    }
}
