//! What becomes of a CORS preflight.

use std::net::IpAddr;
use std::sync::Arc;

use super::AppPolicy;
use super::cors::{Allowances, Forbidden, Preflight, Preflights};
use super::rule::{Access, Rule};
use crate::auth::resource::Resource;

/// What becomes of one preflight.
#[derive(Clone, Debug)]
pub enum Preflighted<'a> {
    /// It is a request like any other.
    Judged,
    /// It goes to the app, by this rule.
    Passed(&'a Arc<Rule>),
    /// This rule grants it.
    Granted(&'a Arc<Rule>, &'a Allowances),
    /// This rule does not.
    Forbidden(&'a Arc<Rule>, Forbidden),
}

impl AppPolicy {
    /// What becomes of a preflight: the rule for the method that it asks for says so. Where servers could read the
    /// path in ways that lead to several rules, or nobody may pass anyway, it is a request like any other.
    ///
    /// A rule that denies OPTIONS by name is obeyed, whatever the other one says.
    pub fn preflighted<'a>(&'a self, resource: &Resource, client: IpAddr, asked: &Preflight<'_>) -> Preflighted<'a> {
        let Some(to_come) = resource.asked_by(asked.method) else { return Preflighted::Judged };
        let mut judged = self.judged(&to_come, client);
        let (Some(Some(rule)), None) = (judged.next(), judged.next()) else { return Preflighted::Judged };
        let denied = |rule: &Arc<Rule>| matches!(rule.access, Access::Deny);
        let forbidden = |rule: &Arc<Rule>| denied(rule) && rule.names("OPTIONS");
        if denied(rule) || self.judged(resource, client).flatten().any(forbidden) {
            return Preflighted::Judged;
        }
        match &rule.cors.preflights {
            Preflights::Judged => Preflighted::Judged,
            Preflights::Passed => Preflighted::Passed(rule),
            Preflights::Answered(allowed) => match rule.cors.judge(allowed, asked) {
                Ok(()) => Preflighted::Granted(rule, allowed),
                Err(why) => Preflighted::Forbidden(rule, why),
            },
        }
    }
}

#[cfg(test)]
mod tests;
