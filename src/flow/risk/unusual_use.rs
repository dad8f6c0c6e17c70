//! Which rules a session reached while it was unusual, or used from elsewhere: what another policy would ask of it is judged by
//! that.

use std::sync::Arc;
use std::time::Duration;

use super::{RiskMemory, SessionAssessment};
use crate::auth::event::{Event, RiskGuard, RiskRecord, What};
use crate::auth::policy::rule::{Access, Rule};
use crate::auth::proof::{Changed, Requirement, Risk, RiskAction, RiskLevel, Strength};
use crate::auth::session::Session;
use crate::auth::time::Timestamp;

/// How many uses of one session the trail takes in this time.
const MOST: usize = 20;
const WITHIN: Duration = Duration::from_secs(86_400);

/// A use as it is told once: the rules, what changed, the level, and whether its person is recognised.
type Told = (Vec<Arc<str>>, Changed, RiskLevel, bool);

/// What the trail has of one session of late.
#[derive(Clone)]
pub(super) struct RecordedUses {
    since: Timestamp,
    told: Vec<Told>,
}

/// A request of a session that its rules let through, were it not for risk.
pub(in crate::flow) struct UnusualUse<'a> {
    pub(in crate::flow) host: &'a str,
    pub(in crate::flow) rules: &'a [Option<&'a Arc<Rule>>],
    pub(in crate::flow) risk: &'a Risk,
    /// How the session was assessed at it, where it was.
    pub(in crate::flow) assessed: Option<&'a SessionAssessment>,
    /// What was done for risk, or would have been, where it is only counted.
    pub(in crate::flow) action: RiskAction,
    pub(in crate::flow) shadow: bool,
}

impl RiskMemory {
    /// Whether the trail is to hear of a use: sessions that are as usual leave nothing, and cost nothing.
    pub(in crate::flow) fn is_unusual(risk: &Risk) -> bool {
        risk.level >= RiskLevel::Medium || !risk.changed.is_nothing()
    }

    /// The event of an unusual use, where the trail does not have it.
    pub(in crate::flow) fn record_use(&self, of: UnusualUse<'_>, who: &Session, now: Timestamp) -> Option<Event> {
        let UnusualUse { host, rules, risk, assessed, action, shadow } = of;
        let guarding = rules.iter().flatten().filter(|rule| !matches!(rule.access, Access::Public));
        let mut names: Vec<Arc<str>> = guarding.map(|rule| rule.id.0.clone()).collect();
        names.sort();
        names.dedup();
        let raised = Requirement::of(Strength::TwoFactor).raised(risk.since, now);
        let recognised = raised.shortfall(&who.proofs, now).is_none();
        let told = (names, risk.changed, risk.level, recognised);
        if !self.takes_use(&who.id, &told, now) {
            return None;
        }
        let guards = told.0.iter().map(|rule| RiskGuard { host: host.to_owned(), rule: rule.to_string() });
        let record = RiskRecord {
            action: action.name(),
            shadow,
            guards: guards.collect(),
            changed: risk.changed.names(),
            recognised,
            ..assessed.map(|assessed| assessed.record.clone()).unwrap_or_default()
        };
        let what = What::SessionUnusual { level: risk.level };
        let (session, risk) = (Some(who.id.clone()), Some(Arc::new(record)));
        Some(Event { session, risk, ..Event::of(what, Some(&who.identity)) })
    }

    fn takes_use(&self, session: &str, told: &Told, now: Timestamp) -> bool {
        let session = session.to_owned();
        let is_of_late = |uses: &RecordedUses| now.since(uses.since) < WITHIN;
        let refused = |uses: &RecordedUses| uses.told.len() >= MOST || uses.told.contains(told);
        if self.uses.look(&session, |uses| is_of_late(uses) && refused(uses)).unwrap_or(false) {
            return false;
        }
        let before = self.uses.get(&session).filter(is_of_late);
        let mut uses = before.unwrap_or(RecordedUses { since: now, told: Vec::new() });
        uses.told.push(told.clone());
        self.uses.put(session, uses);
        true
    }
}
