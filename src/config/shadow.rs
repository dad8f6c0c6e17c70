//! Warns of rules that can never match: an earlier one covers all that they cover, or no request gets there.

use super::checker::Checker;
use super::node::At;
use crate::auth::policy::dead::dead;
use crate::auth::policy::{AppPolicy, shadowed};

/// Warns of every rule that no request can reach. `spots`: where each rule stands.
pub(super) fn warn(app: &AppPolicy, spots: &[At], cx: &mut Checker) {
    for (rule, at) in app.rules.iter().zip(spots) {
        if let Some(why) = dead(rule, app.tolerate) {
            let fix = "remove it, or write what requests look like; `stepgate explain` tries one";
            cx.warn(*at, format!("rule `{}` can never match: {why}", rule.id.0), fix);
        }
    }
    for (later, earlier) in shadowed(app) {
        let (Some(hidden), Some(first)) = (app.rules.get(later), app.rules.get(earlier)) else { continue };
        let (Some(at), Some(above)) = (spots.get(later), spots.get(earlier)) else { continue };
        let line = cx.problems.line_of(*above);
        let reason = format!("rule `{}` can never match: `{}` in line {line} comes first", hidden.id.0, first.id.0);
        cx.warn(*at, reason, "move it up, or remove it");
    }
}
