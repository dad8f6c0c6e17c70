//! The words that `expect` may use beside those of its own: names of rules, and reasons.

use crate::auth::text::similar::nearest;
use crate::config::report::Problems;
use crate::config::yaml::Spanned;

/// What the rules and their evaluator can answer.
pub struct KnownWords<'a> {
    /// The names of the rules in force, of all hosts.
    pub rules: Vec<&'a str>,
    /// Those that are only tried.
    pub tried: Vec<&'a str>,
    pub reasons: Vec<&'static str>,
    /// Whether anything is compared with what is usual; else no risk can be given.
    pub risk: bool,
}

impl KnownWords<'_> {
    /// Tells what nothing can answer: such a case would fail whatever is decided.
    pub(super) fn check(
        &self,
        rule: Option<&Spanned<String>>,
        reason: Option<&Spanned<String>>,
        problems: &mut Problems,
    ) {
        if let Some(rule) = rule.filter(|rule| !self.rules.contains(&rule.value.as_str())) {
            let name = rule.value.as_str();
            if self.tried.contains(&name) {
                let message = format!("rule `{name}` is only tried (`mode: shadow`): it decides no request");
                problems.error(rule.at, message, "name the rule that decides; `stepgate explain` tells what is tried");
            } else {
                problems.error(rule.at, format!("there is no rule `{name}`"), or_all(name, &self.rules));
            }
        }
        if let Some(reason) = reason.filter(|reason| !self.reasons.contains(&reason.value.as_str())) {
            let name = reason.value.as_str();
            problems.error(reason.at, format!("there is no reason `{name}`"), or_all(name, &self.reasons));
        }
    }
}

/// The word that was meant, or all that are known.
fn or_all(word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known are {}", known.join(", ")),
    }
}
