//! What rules that are only tried would have decided otherwise.

use prometheus::core::Collector as _;
use prometheus::{IntCounter, IntCounterVec, Registry};

use super::{counters, fault, named};
use crate::proxy::parts::BuildError;

const LABELS: [&str; 3] = ["rule", "from", "to"];

pub(crate) struct TrialMetrics {
    differences: IntCounterVec,
    /// Requests that were not compared, because too many waited for it.
    pub(crate) uncompared: IntCounter,
}

impl TrialMetrics {
    pub(super) fn new(registry: &Registry) -> Result<Self, BuildError> {
        let help = "Decisions that rules which are only tried would have taken otherwise.";
        let differences = counters(registry, "shadow_total", help, &LABELS)?;
        let help = "Requests not compared with rules which are only tried, because too many waited for it.";
        let uncompared = IntCounter::with_opts(named("shadow_uncompared_total", help)).map_err(fault)?;
        registry.register(Box::new(uncompared.clone())).map_err(fault)?;
        Ok(Self { differences, uncompared })
    }

    /// Counts a decision that would have been another one.
    pub(crate) fn count(&self, rule: &str, from: &str, to: &str) {
        self.differences.with_label_values(&[rule, from, to]).inc();
    }

    /// Drops what was counted for rules that are not tried any more.
    pub(crate) fn keep(&self, known: impl Fn(&str) -> bool) {
        for family in self.differences.collect() {
            for counter in family.get_metric() {
                let value = |name| counter.get_label().iter().find(|label| label.name() == name);
                let labels = LABELS.map(|name| value(name).map_or("", |label| label.value()));
                if !known(labels[0]) {
                    let _ = self.differences.remove_label_values(&labels);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_that_are_not_tried_any_more_are_dropped() {
        let registry = Registry::new();
        let trials = TrialMetrics::new(&registry).unwrap();
        for (rule, to) in [("a", "refuse"), ("a", "challenge"), ("b", "refuse")] {
            trials.count(rule, "permit", to);
        }
        let count = || trials.differences.collect().iter().map(|family| family.get_metric().len()).sum::<usize>();
        assert_eq!(count(), 3);
        trials.keep(|rule| rule == "b");
        assert_eq!(count(), 1);
    }
}
