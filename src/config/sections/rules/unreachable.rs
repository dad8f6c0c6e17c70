//! Warns of rules that can never match: an earlier one covers all that they cover, or no request gets there; and
//! where HEAD may not be what was expected.

use std::sync::Arc;

use crate::auth::policy::head::{Surprise, surprises};
use crate::auth::policy::rule::Rule;
use crate::auth::policy::shadowed;
use crate::auth::policy::unreachable::unreachable;
use crate::auth::resource::Tolerances;
use crate::config::sections::checker::Checker;
use crate::config::yaml::Span;

/// Warns of every rule that no request can reach, and of HEAD. `spots`: where each rule stands.
pub(crate) fn warn(rules: &[Arc<Rule>], tolerate: Tolerances, spots: &[Span], cx: &mut Checker) {
    for (rule, at) in rules.iter().zip(spots) {
        if let Some(why) = unreachable(rule, tolerate) {
            let fix = "remove it, or write what requests look like; `stepgate explain` tries one";
            cx.warn(*at, format!("{} can never match: {why}", named(rule)), fix);
        }
    }
    for (later, earlier) in shadowed(rules) {
        let (Some(hidden), Some(first)) = (rules.get(later), rules.get(earlier)) else { continue };
        let (Some(at), Some(above)) = (spots.get(later), spots.get(earlier)) else { continue };
        let line = cx.problems.line_of(*above);
        let reason = format!("{} can never match: `{}` in line {line} comes first", named(hidden), first.id.0);
        cx.warn(*at, reason, "move it up, or remove it");
    }
    let in_force = rules.iter().zip(spots).filter(|(rule, _)| !rule.shadow);
    let (in_force, spots): (Vec<Arc<Rule>>, Vec<Span>) = in_force.map(|(rule, at)| (rule.clone(), *at)).unzip();
    for (surprise, rule, other) in surprises(&in_force) {
        let (Some(at), Some(there)) = (spots.get(rule), spots.get(other)) else { continue };
        let (Some(rule), Some(other)) = (in_force.get(rule), in_force.get(other)) else { continue };
        let (name, line, other) = (&rule.id.0, cx.problems.line_of(*there), &other.id.0);
        match surprise {
            Surprise::CoversHead => cx.warn(
                *at,
                format!("rule `{name}` covers HEAD too, which is GET without a body: `{other}` in line {line} never sees it"),
                "write `methods: [GET, HEAD]` if that is meant; else name HEAD in the rule that is to decide about it",
            ),
            Surprise::LaxerThanGet => cx.warn(
                *at,
                format!("rule `{name}` asks for less than `{other}` in line {line} asks for GET, and HEAD runs the same page"),
                "leave HEAD out: a rule for GET covers it",
            ),
        }
    }
}

fn named(rule: &Rule) -> String {
    format!("rule `{}`{}", rule.id.0, if rule.shadow { ", which is only tried," } else { "" })
}
