//! The decision: only [`decide`] makes a [`Permit`], and without a permit there is no upstream.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use crate::auth::origin::Opener;
use crate::auth::policy::rule::{Access, Rule};
use crate::auth::proof::{
    Binding, Lack, MethodSet, PresentedSlip, Proofs, Requirement, Risk, RiskAction, Shortfall, Strength,
};
use crate::auth::session::Session;
use crate::auth::time::Timestamp;

/// What becomes of a request.
#[derive(Debug)]
#[must_use]
pub enum Decision {
    /// It may go to the app.
    Permit(Permit),
    /// Something is missing that the person can give.
    Challenge(Challenged),
    /// It may not go to the app, whatever the person proves.
    Refuse(Refusal),
}

impl Decision {
    /// The decision about a handshake for a WebSocket: what a page of another origin opens with somebody's cookies is
    /// refused, where the rule asks who somebody is.
    pub(super) fn of_handshake(self, opener: &Opener) -> Self {
        let (rule, subject) = match &self {
            Self::Permit(permit) if permit.subject.is_some() => (&permit.rule, &permit.subject),
            Self::Challenge(challenged) => (&challenged.rule, &challenged.subject),
            Self::Refuse(Refusal { rule: Some(rule), reason: RefusalReason::OutOfReach(_), subject }) => {
                (rule, subject)
            }
            Self::Permit(_) | Self::Refuse(_) => return self,
        };
        if opener.may_open(&rule.cors.origins) {
            return self;
        }
        let reason = RefusalReason::ForeignOrigin;
        Self::Refuse(Refusal { rule: Some(rule.clone()), reason, subject: subject.clone() })
    }

    /// The decision where no other methods can be proved than these: who is signed in, and could not meet the rule with
    /// all of them, is refused. Signing in again changes nothing about it.
    pub(super) fn within(self, served: MethodSet) -> Self {
        let Self::Challenge(Challenged { rule, requirement, subject: Some(session), .. }) = &self else { return self };
        if requirement.is_within(session.proofs.methods().or(served)) {
            return self;
        }
        let reason = RefusalReason::OutOfReach(*requirement);
        Self::Refuse(Refusal { rule: Some(rule.clone()), reason, subject: Some(session.clone()) })
    }

    /// The word for logs and metrics.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Permit(_) => "permit",
            Self::Challenge(_) => "challenge",
            Self::Refuse(_) => "refuse",
        }
    }

    /// The stable word for why.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Permit(_) => "permitted",
            Self::Challenge(challenged) => challenged.shortfall.lack.code(),
            Self::Refuse(refusal) => refusal.reason.code(),
        }
    }

    /// The rule that decided; `None` if no rule covers the request.
    pub const fn rule(&self) -> Option<&Arc<Rule>> {
        match self {
            Self::Permit(permit) => Some(&permit.rule),
            Self::Challenge(challenged) => Some(&challenged.rule),
            Self::Refuse(refusal) => refusal.rule.as_ref(),
        }
    }

    /// The decision about a path: below `/.well-known/` (RFC 8615) ask programs that look whether something is there.
    /// None of them can sign in, and a page of ours, or a way to it, would be taken for what they look for.
    pub(super) fn at(self, path: &str) -> Self {
        let (rule, subject) = match &self {
            Self::Challenge(challenged) => (Some(challenged.rule.clone()), &challenged.subject),
            Self::Refuse(refusal) => (refusal.rule.clone(), &refusal.subject),
            Self::Permit(_) => return self,
        };
        if !path.starts_with(WELL_KNOWN) {
            return self;
        }
        Self::Refuse(Refusal { rule, reason: RefusalReason::WellKnown, subject: subject.clone() })
    }
}

/// Where sites keep what programs look for (RFC 8615).
const WELL_KNOWN: &str = "/.well-known/";

/// Leave to forward one request. Made only by [`decide`]; not `Clone`.
#[derive(Debug)]
pub struct Permit {
    subject: Option<Arc<Session>>,
    rule: Arc<Rule>,
}

impl Permit {
    /// For whom; `None` on public rules.
    pub fn subject(&self) -> Option<&Arc<Session>> {
        self.subject.as_ref()
    }

    /// The rule that permitted it.
    pub fn rule(&self) -> &Arc<Rule> {
        &self.rule
    }
}

/// A challenge: what is missing, for which rule.
#[derive(Clone, Debug)]
pub struct Challenged {
    /// The rule that asks.
    pub rule: Arc<Rule>,
    /// What it asks.
    pub requirement: Requirement,
    /// What is missing.
    pub shortfall: Shortfall,
    /// Who is signed in, if anybody.
    pub subject: Option<Arc<Session>>,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalReason {
    /// No rule covers the request.
    NoRule,
    /// The rule denies everybody.
    DenyRule,
    /// The person is not of the rule's audience.
    NotInAudience,
    /// The rule asks for this, which nobody can prove here.
    OutOfReach(Requirement),
    /// The network or the device is not recognised, and the rule admits nobody then.
    Unrecognised,
    /// A page of another origin opens a WebSocket.
    ForeignOrigin,
    /// An address below `/.well-known/` that is not open: told as if there were nothing.
    WellKnown,
}

impl RefusalReason {
    /// Every one, for tables.
    pub const ALL: [Self; 7] = [
        Self::NoRule,
        Self::DenyRule,
        Self::NotInAudience,
        Self::OutOfReach(Requirement::of(Strength::OneFactor)),
        Self::Unrecognised,
        Self::ForeignOrigin,
        Self::WellKnown,
    ];

    /// The stable word for logs and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoRule => "no_rule",
            Self::DenyRule => "deny_rule",
            Self::NotInAudience => "not_in_audience",
            Self::OutOfReach(_) => "out_of_reach",
            Self::Unrecognised => "risk",
            Self::ForeignOrigin => "foreign_origin",
            Self::WellKnown => "well_known",
        }
    }
}

/// What answers tell people of a rule.
#[derive(Clone, Copy, Debug)]
pub struct RuleSummary<'a> {
    pub name: &'a str,
    /// Why, in the operator's words.
    pub explanation: Option<&'a str>,
    /// What a refused person can do, in the operator's words.
    pub remediation: Option<&'a str>,
}

impl Rule {
    pub fn summary(&self) -> RuleSummary<'_> {
        let (explanation, remediation) = (self.explanation.as_deref(), self.remediation.as_deref());
        RuleSummary { name: &self.id.0, explanation, remediation }
    }
}

/// A refusal: who asked, by which rule, and why.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The rule; `None` if no rule covers the request.
    pub rule: Option<Arc<Rule>>,
    /// Why.
    pub reason: RefusalReason,
    /// Who is signed in, if anybody.
    pub subject: Option<Arc<Session>>,
}

/// Decides. Total: every request has exactly one outcome, and no rule means refusal. What `risk` asks comes beside what the
/// rule requires, and never in its place; so does what only a `slip` gives.
///
/// `who` is a session whose standing is live; expired ones must be given as `None`.
pub fn decide(
    rule: Option<&Arc<Rule>>,
    who: Option<&Arc<Session>>,
    risk: &Risk,
    slip: Option<&PresentedSlip>,
    now: Timestamp,
) -> Decision {
    let refuse = |reason| Decision::Refuse(Refusal { rule: rule.cloned(), reason, subject: who.cloned() });
    let Some(rule) = rule else { return refuse(RefusalReason::NoRule) };
    let (audience, requirement) = match &rule.access {
        Access::Public => return Decision::Permit(Permit { subject: None, rule: rule.clone() }),
        Access::Deny => return refuse(RefusalReason::DenyRule),
        Access::Guarded { audience, requirement } => (audience, requirement),
    };
    if who.is_some_and(|session| !audience.admits(&session.identity)) {
        return refuse(RefusalReason::NotInAudience);
    }
    let action = if who.is_some() { rule.at_risk(risk) } else { RiskAction::Permit };
    if action == RiskAction::Deny {
        return refuse(RefusalReason::Unrecognised);
    }
    let nobody = Proofs::none();
    let proofs = who.map_or(&nobody, |session| &session.proofs);
    let own = requirement.shortfall(proofs, now);
    let asked = match action {
        RiskAction::StepUp => unrecognised(requirement, own, proofs, risk, now),
        RiskAction::Permit | RiskAction::Deny => None,
    };
    let serves = |who: &Arc<Session>| slip.is_some_and(|slip| slip.serves(who, rule, requirement, now));
    let bound = || if who.is_some_and(serves) { None } else { requirement.missing_for_request() };
    match (asked.or_else(|| own.or_else(bound).map(|short| (*requirement, short))), who) {
        (None, Some(session)) => Decision::Permit(Permit { subject: Some(session.clone()), rule: rule.clone() }),
        (Some((requirement, shortfall)), _) => {
            Decision::Challenge(Challenged { rule: rule.clone(), requirement, shortfall, subject: who.cloned() })
        }
        // No requirement is met by no proofs; should one ever be, nobody is still not somebody.
        (None, None) => refuse(RefusalReason::NotInAudience),
    }
}

/// What is asked of who is not recognised, if it was not proved since. What is missing for the rule itself is told first.
fn unrecognised(
    requirement: &Requirement,
    own: Option<Shortfall>,
    proofs: &Proofs,
    risk: &Risk,
    now: Timestamp,
) -> Option<(Requirement, Shortfall)> {
    let raised = requirement.raised(risk.since, now);
    let shortfall = raised.shortfall(proofs, now)?;
    Some((raised, Shortfall { lack: own.map_or(Lack::Recognition, |own| own.lack), ..shortfall }))
}

/// The strictest of two decisions about readings of one request: refuse, then challenge (by what it
/// asks), then permit for somebody, then public permit. Of two alike, the first.
pub fn strictest(a: Decision, b: Decision) -> Decision {
    if rank(&b) > rank(&a) { b } else { a }
}

/// The place of a decision between the laxest and the strictest.
fn rank(decision: &Decision) -> (u8, Option<Strength>, Option<Reverse<Duration>>, Binding) {
    match decision {
        Decision::Permit(permit) => (u8::from(permit.subject.is_some()), None, None, Binding::Session),
        Decision::Challenge(Challenged { requirement: asked, .. }) => {
            (2, Some(asked.strength), asked.max_age.map(Reverse), asked.binding)
        }
        Decision::Refuse(_) => (3, None, None, Binding::Session),
    }
}
