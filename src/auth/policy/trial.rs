//! Rules that decide nothing: what they would decide is compared with what is decided.

use std::ops::Deref;
use std::sync::Arc;

use super::index::IndexedRules;
use super::rule::Rule;

/// The rules of an app, in the operator's order: those in force, and what is tried beside them.
#[derive(Clone, Debug, Default)]
pub struct AppRules {
    all: Vec<Arc<Rule>>,
    in_force: IndexedRules,
    trials: Vec<Trial>,
}

/// The rules of an app as they might be.
#[derive(Clone, Debug)]
pub struct Trial {
    pub tried: Tried,
    pub rules: IndexedRules,
}

/// What is tried.
#[derive(Clone, Debug)]
pub enum Tried {
    /// One rule, in its place among those in force. Each is tried alone: what is counted for it is what would change if
    /// it alone were enforced.
    Rule(Arc<Rule>),
    /// The rules of another file, in place of all.
    Candidate,
}

impl AppRules {
    /// The rules that decide.
    pub const fn in_force(&self) -> &IndexedRules {
        &self.in_force
    }

    /// Those that decide and those that are tried one by one.
    pub fn all(&self) -> &[Arc<Rule>] {
        &self.all
    }

    /// What is tried beside them; nearly always nothing.
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// The same, with the rules of a candidate beside them.
    #[must_use]
    pub fn beside(mut self, candidate: IndexedRules) -> Self {
        self.trials.push(Trial { tried: Tried::Candidate, rules: candidate });
        self
    }
}

/// Those that say `mode: shadow` are tried.
impl From<Vec<Arc<Rule>>> for AppRules {
    fn from(rules: Vec<Arc<Rule>>) -> Self {
        let with = |tried: Option<&Arc<Rule>>| {
            let is_in = |rule: &&Arc<Rule>| !rule.shadow || tried.is_some_and(|tried| Arc::ptr_eq(tried, rule));
            rules.iter().filter(is_in).cloned().collect::<IndexedRules>()
        };
        let trial = |rule: &Arc<Rule>| Trial { tried: Tried::Rule(rule.clone()), rules: with(Some(rule)) };
        let (in_force, trials) = (with(None), rules.iter().filter(|rule| rule.shadow).map(trial).collect());
        Self { all: rules, in_force, trials }
    }
}

impl FromIterator<Arc<Rule>> for AppRules {
    fn from_iter<T: IntoIterator<Item = Arc<Rule>>>(rules: T) -> Self {
        Self::from(rules.into_iter().collect::<Vec<_>>())
    }
}

impl Deref for AppRules {
    type Target = IndexedRules;

    fn deref(&self) -> &IndexedRules {
        &self.in_force
    }
}
