//! A session that is used from elsewhere is assessed anew where a request changes something: what came of it is told as that
//! of a sign-in is.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::RiskMemory;
use crate::auth::event::{Event, RiskRecord, What};
use crate::auth::proof::decision::{Decision, RefusalReason};
use crate::auth::proof::{Lack, Risk, RiskAction, RiskLevel};
use crate::auth::session::Session;
use crate::auth::time::Timestamp;

/// How many assessments of one session the trail takes in this time: as many as tell how it went on.
const MOST: u32 = 10;
const WITHIN: Duration = Duration::from_secs(600);

/// What is known of the risk of a request.
#[derive(Clone, Debug)]
pub struct RequestRisk {
    pub risk: Risk,
    /// The assessment that this rests on, where one was made.
    pub assessed: Option<SessionAssessment>,
}

impl RequestRisk {
    pub(super) const fn plain(risk: Risk) -> Self {
        Self { risk, assessed: None }
    }
}

/// How a session was assessed at a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionAssessment {
    /// As it counted: never more than medium, unless the person is pinned.
    pub level: RiskLevel,
    pub record: RiskRecord,
}

/// What the trail has of one session of late.
#[derive(Clone, Copy)]
pub(super) struct RecordedAssessments {
    since: Timestamp,
    count: u32,
    last: (RiskLevel, &'static str),
}

impl RiskMemory {
    /// How a session was assessed, with what was done for it; and the event of it, where the trail takes one more.
    pub(in crate::flow) fn record_assessment(
        &self,
        SessionAssessment { level, record }: SessionAssessment,
        action: RiskAction,
        (who, client): (&Session, IpAddr),
        now: Timestamp,
    ) -> (Arc<SessionAssessment>, Option<Event>) {
        let record = RiskRecord { action: action.name(), ..record };
        let event = self.takes_assessment(&who.id, (level, record.action), now).then(|| {
            let what = What::SessionAssessed { level };
            let (session, risk) = (Some(who.id.clone()), Some(Arc::new(record.clone())));
            Event { client_ip: Some(client), session, risk, ..Event::of(what, Some(&who.identity)) }
        });
        (Arc::new(SessionAssessment { level, record }), event)
    }

    /// Whether the trail takes one more: what it has not yet, of each session a few.
    fn takes_assessment(&self, session: &str, what: (RiskLevel, &'static str), now: Timestamp) -> bool {
        let session = session.to_owned();
        let before = self.assessments.get(&session).filter(|before| now.since(before.since) < WITHIN);
        if before.is_some_and(|before| before.last == what || before.count >= MOST) {
            return false;
        }
        let (since, count) = before.map_or((now, 0), |before| (before.since, before.count));
        self.assessments.put(session, RecordedAssessments { since, count: count + 1, last: what });
        true
    }
}

/// What was done for risk.
pub(in crate::flow) const fn done_for_risk(decision: &Decision) -> RiskAction {
    match decision {
        Decision::Challenge(challenged) if matches!(challenged.shortfall.lack, Lack::Recognition) => RiskAction::StepUp,
        Decision::Refuse(refusal) if matches!(refusal.reason, RefusalReason::Unrecognised) => RiskAction::Deny,
        Decision::Permit(_) | Decision::Challenge(_) | Decision::Refuse(_) => RiskAction::Permit,
    }
}
