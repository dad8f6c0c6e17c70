//! What rules that are only tried would decide otherwise, by the one evaluator.

use std::sync::Arc;

use super::MethodSet;
use super::decision::Decision;
use super::evaluation::{Circumstances, evaluate};
use crate::auth::policy::rule::{Access, Rule};
use crate::auth::policy::trial::{Trial, Tried};
use crate::auth::resource::Resource;
use crate::auth::session::Session;
use crate::auth::time::Timestamp;

/// A decision that would be another one.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The rule that is tried; of a candidate the one that would decide, `None` if none of it covers the request.
    pub rule: Option<Arc<Rule>>,
    /// Whether a whole file is tried.
    pub candidate: bool,
    /// What is decided, and what would be: words of [`Decision::word`].
    pub from: &'static str,
    pub to: &'static str,
    /// Why it would be.
    pub reason: &'static str,
}

/// What each trial would decide otherwise, for who asks and in the circumstances of the decision itself. Nothing is spent,
/// learnt or asked by it.
pub fn compare(
    trials: &[Trial],
    decision: &Decision,
    served: MethodSet,
    resource: &Resource,
    circumstances: &Circumstances,
    who: Option<&Arc<Session>>,
    now: Timestamp,
) -> Vec<Difference> {
    let one = |trial: &Trial| {
        let judged: Vec<_> = trial.rules.judged(resource, circumstances.client).collect();
        let would_be = evaluate(&judged, served, resource, circumstances, who, now);
        let (from, to) = (decision.word(), would_be.word());
        let (rule, candidate) = match &trial.tried {
            Tried::Rule(rule) => (Some(rule.clone()), false),
            Tried::Candidate => (would_be.rule().cloned(), true),
        };
        (from != to).then(|| Difference { rule, candidate, from, to, reason: would_be.reason() })
    };
    trials.iter().filter_map(one).collect()
}

/// Whether some trial depends on who asks.
pub fn depend_on_subject(trials: &[Trial], resource: &Resource, circumstances: &Circumstances) -> bool {
    let asks = |rule: Option<&Arc<Rule>>| rule.is_some_and(|rule| matches!(rule.access, Access::Guarded { .. }));
    trials.iter().any(|trial| trial.rules.judged(resource, circumstances.client).any(asks))
}

#[cfg(test)]
mod tests;
