//! Warns of rules that can never match because an earlier one covers all that they cover.

use std::sync::Arc;

use super::checker::Checker;
use super::node::At;
use crate::auth::policy::rule::Rule;

/// Warns of every rule that an earlier one hides. `spots`: where each stands, and whether it is an expression.
///
/// Conservative: it speaks only where it is sure.
pub(super) fn warn(rules: &[Arc<Rule>], spots: &[(At, bool)], cx: &mut Checker) {
    let placed: Vec<(&Arc<Rule>, &(At, bool))> = rules.iter().zip(spots).collect();
    for (i, (later, (at, later_regex))) in placed.iter().enumerate() {
        let hides = |(earlier, (_, regex)): &&(&Arc<Rule>, &(At, bool))| {
            covers_methods(earlier, later)
                && covers_networks(earlier, later)
                && covers_paths((earlier, *regex), (later, *later_regex))
        };
        if let Some((earlier, (first, _))) = placed.iter().take(i).find(hides) {
            let line = cx.problems.line_of(*first);
            cx.warn(
                *at,
                format!("rule `{}` can never match: `{}` in line {line} comes first", later.id.0, earlier.id.0),
                "move it up, or remove it",
            );
        }
    }
}

fn covers_methods(earlier: &Rule, later: &Rule) -> bool {
    earlier.methods.is_empty()
        || (!later.methods.is_empty() && later.methods.iter().all(|m| earlier.methods.contains(m)))
}

fn covers_networks(earlier: &Rule, later: &Rule) -> bool {
    earlier.networks.is_empty()
        || (!later.networks.is_empty() && later.networks.iter().all(|l| earlier.networks.iter().any(|e| e.contains(l))))
}

fn covers_paths((earlier, earlier_regex): (&Rule, bool), (later, later_regex): (&Rule, bool)) -> bool {
    let (wide, narrow) = (earlier.pattern.as_str(), later.pattern.as_str());
    if !earlier_regex && wide == "/**" {
        return true;
    }
    if earlier_regex || later_regex {
        return earlier_regex == later_regex && wide == narrow;
    }
    if wide == narrow {
        return true;
    }
    match wide.strip_suffix("**") {
        Some(prefix) if !prefix.contains('*') && prefix.ends_with('/') => narrow.starts_with(prefix),
        _ => false,
    }
}
