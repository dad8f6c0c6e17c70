//! Warns of rules that can never match because an earlier one covers all that they cover.

use super::checker::Checker;
use super::node::At;
use crate::auth::policy::{AppPolicy, shadowed};

/// Warns of every rule that an earlier one hides. `spots`: where each rule stands.
pub(super) fn warn(app: &AppPolicy, spots: &[At], cx: &mut Checker) {
    for (later, earlier) in shadowed(app) {
        let (Some(hidden), Some(first)) = (app.rules.get(later), app.rules.get(earlier)) else { continue };
        let (Some(at), Some(above)) = (spots.get(later), spots.get(earlier)) else { continue };
        let line = cx.problems.line_of(*above);
        let reason = format!("rule `{}` can never match: `{}` in line {line} comes first", hidden.id.0, first.id.0);
        cx.warn(*at, reason, "move it up, or remove it");
    }
}
