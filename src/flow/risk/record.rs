//! An assessment as the trail keeps it: all that judging it again by another policy needs, and nothing that tells from where.

use super::SignInGoal;
use crate::auth::event::{RiskRecord, RiskTerm};
use crate::auth::proof::RiskAction;
use crate::risk::{Assessment, Cohort, Profile, Signals};

/// What was judged, and for what.
pub(super) struct Judged<'a> {
    pub(super) signals: &'a Signals,
    pub(super) profile: &'a Profile,
    pub(super) assessment: &'a Assessment,
    pub(super) goal: &'a SignInGoal,
}

impl Judged<'_> {
    pub(super) fn record(&self, action: RiskAction, shadow: bool) -> RiskRecord {
        let Self { signals, profile, assessment, goal } = self;
        let terms = assessment.terms.iter().map(|term| RiskTerm {
            signal: term.signal.name(),
            evidence: term.evidence.into(),
            text: term.sentence(),
        });
        RiskRecord {
            score: assessment.score.into(),
            action: action.name(),
            shadow,
            terms: terms.collect(),
            sign_ins: profile.sign_ins,
            pinned: profile.pinned.is_some(),
            dormant: signals.is_dormant,
            cohorts: Cohort::of(signals, profile, assessment).into_iter().map(Cohort::name).collect(),
            required: goal.requirement.map(|requirement| requirement.strength.name()),
            guards: goal.guards.clone(),
            changed: Vec::new(),
            recognised: false,
        }
    }
}
