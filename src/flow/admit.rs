//! Admission: one request, one decision.

use std::sync::Arc;

use super::Flows;
use super::ports::Answer;
use super::risk::{RequestRisk, RiskMemory, Seen, SessionAssessment, UnusualUse, done_for_risk};
use crate::auth::event::{Event, What};
use crate::auth::policy::AppPolicy;
use crate::auth::policy::rule::{Access, Rule};
use crate::auth::proof::comparison::{Difference, compare, depend_on_subject};
use crate::auth::proof::decision::{Challenged, Decision};
use crate::auth::proof::evaluation::{Circumstances, evaluate};
use crate::auth::proof::{Lack, Risk, RiskAction};
use crate::auth::resource::Resource;
use crate::auth::session::{Channel, Session, SessionToken};
use crate::auth::time::Timestamp;
use crate::risk::settings::Mode;

/// A decision, and what is to be told beside it.
#[derive(Debug)]
pub struct Admission {
    pub decision: Decision,
    /// What was known of the risk of who asks, where anything was.
    pub risk: Option<Risk>,
    /// What risk would have done, where it is only counted.
    pub shadow: Option<RiskAction>,
    /// How the session was assessed at this request, where it was.
    pub assessed: Option<Arc<SessionAssessment>>,
    pub events: Vec<Event>,
    pub compared: Compared,
}

/// What rules that are tried would decide otherwise.
#[derive(Debug)]
pub enum Compared {
    Now(Vec<Difference>),
    /// The decision needed nobody's session and the comparison does: [`Flows::compare_later`] looks it up, which no answer
    /// waits for.
    Later,
}

impl Compared {
    /// Nothing is tried, or it would decide the same.
    pub const fn alike() -> Self {
        Self::Now(Vec::new())
    }
}

impl Flows {
    /// Decides about one request: every reading of it is judged, the strictest decision wins.
    /// A public rule never touches the store. Rules are found before anybody asks who is there.
    ///
    /// # Errors
    /// A session was needed and the store did not answer: nothing is permitted.
    pub async fn admit(
        &self,
        app: &AppPolicy,
        resource: &Resource,
        circumstances: &Circumstances,
        presented: Option<(&SessionToken, Channel)>,
        seen: &dyn Seen,
    ) -> Answer<Admission> {
        let open = |rule: &Option<&Arc<Rule>>| rule.is_some_and(|rule| matches!(rule.access, Access::Public));
        let judged: Vec<_> = app.judged(resource, circumstances.client).collect();
        let all_open = judged.iter().all(open);
        let now = self.now();
        let session = match presented {
            Some((token, channel)) if !all_open => self.session_at(now, token, channel, &app.host, false).await?,
            _ => None,
        };
        let decide = |risk: Risk, who: Option<&Arc<Session>>| {
            let circumstances = Circumstances { risk, ..circumstances.clone() };
            evaluate(&judged, app.offer.served, resource, &circumstances, who, now)
        };
        let compared = |decision: &Decision, risk: Risk, who: Option<&Arc<Session>>| match app.rules.trials() {
            [] => Compared::alike(),
            trials if all_open && presented.is_some() && depend_on_subject(trials, resource, circumstances) => {
                Compared::Later
            }
            trials => {
                let circumstances = Circumstances { risk, ..circumstances.clone() };
                Compared::Now(compare(trials, decision, app.offer.served, resource, &circumstances, who, now))
            }
        };
        let plain = |risk: Risk, who: Option<&Arc<Session>>| {
            let decision = decide(risk, who);
            let compared = compared(&decision, risk, who);
            Admission { decision, risk: None, shadow: None, assessed: None, events: Vec::new(), compared }
        };
        let (Some(settings), Some(who)) = (&self.settings.risk, &session) else {
            return Ok(plain(Risk::none(), session.as_ref()));
        };
        let RequestRisk { risk, assessed } = self.risk_of(who, seen, is_safe(resource), now).await?;
        let counted_only = settings.model.mode == Mode::Shadow;
        if !counted_only && let (true, Some((token, _))) = (self.risk.is_abandoned(who, &risk, now), presented) {
            self.end_family(&token.key(), who).await?;
            let events = vec![abandoned(who, circumstances)];
            return Ok(Admission { risk: Some(risk), events, ..plain(Risk::none(), None) });
        }
        let enforced = if counted_only { Risk::none() } else { risk };
        let mut admission = Admission { risk: Some(risk), ..plain(enforced, Some(who)) };
        let permits = matches!(admission.decision, Decision::Permit(_));
        if counted_only && permits {
            admission.shadow = match decide(risk, Some(who)) {
                Decision::Permit(_) => None,
                Decision::Challenge(_) => Some(RiskAction::StepUp),
                Decision::Refuse(_) => Some(RiskAction::Deny),
            };
        }
        if matches!(&admission.decision, Decision::Challenge(Challenged { shortfall, .. }) if shortfall.lack == Lack::Recognition)
        {
            self.risk.asked(who, &risk, now);
        }
        // Risk only adds to what is asked: what is permitted with it is permitted without.
        let permits_without =
            || permits || (!counted_only && matches!(decide(Risk::none(), Some(who)), Decision::Permit(_)));
        if RiskMemory::is_unusual(&risk) && permits_without() {
            let assessed = assessed.as_ref();
            let action = admission.shadow.unwrap_or_else(|| done_for_risk(&admission.decision));
            let unusual =
                UnusualUse { host: &app.host, rules: &judged, risk: &risk, assessed, action, shadow: counted_only };
            admission.events.extend(self.unusual_use(unusual, (who, circumstances), now));
        }
        Ok(self.with_assessment(admission, assessed, (who, circumstances), now))
    }

    /// The event of a request that is unusual for its session.
    fn unusual_use(
        &self,
        unusual: UnusualUse<'_>,
        (who, circumstances): (&Session, &Circumstances),
        now: Timestamp,
    ) -> Option<Event> {
        let event = self.risk.record_use(unusual, who, now)?;
        Some(Event { client_ip: Some(circumstances.client), ..event })
    }

    /// An admission with how its session was assessed, for the trail and whoever explains it.
    fn with_assessment(
        &self,
        mut admission: Admission,
        assessed: Option<SessionAssessment>,
        (who, circumstances): (&Session, &Circumstances),
        now: Timestamp,
    ) -> Admission {
        let Some(assessed) = assessed else { return admission };
        let action = admission.shadow.unwrap_or_else(|| done_for_risk(&admission.decision));
        let (assessed, event) = self.risk.record_assessment(assessed, action, (who, circumstances.client), now);
        admission.assessed = Some(assessed);
        admission.events.extend(event);
        admission
    }

    /// What rules that are tried would decide otherwise than rules that ask nobody who they are. The session is looked at
    /// without being used, and returned; where it cannot be, nothing is compared.
    pub async fn compare_later(
        &self,
        app: &AppPolicy,
        resource: &Resource,
        circumstances: &Circumstances,
        (token, channel): (&SessionToken, Channel),
    ) -> (Vec<Difference>, Option<Arc<Session>>) {
        let now = self.now();
        let Ok(who) = self.session_at(now, token, channel, &app.host, true).await else { return (Vec::new(), None) };
        let risk = who.as_ref().map_or_else(Risk::none, |who| self.risk_at_opening(who));
        let circumstances = Circumstances { risk, ..circumstances.clone() };
        let judged: Vec<_> = app.judged(resource, circumstances.client).collect();
        let decision = evaluate(&judged, app.offer.served, resource, &circumstances, None, now);
        (compare(app.rules.trials(), &decision, app.offer.served, resource, &circumstances, who.as_ref(), now), who)
    }

    /// Whether these rules would have permitted a request, to whom and when another decision did. Asks nobody.
    pub fn would_permit(
        app: &AppPolicy,
        resource: &Resource,
        circumstances: &Circumstances,
        who: &Arc<Session>,
        at: Timestamp,
    ) -> bool {
        let judged: Vec<_> = app.judged(resource, circumstances.client).collect();
        matches!(evaluate(&judged, app.offer.served, resource, circumstances, Some(who), at), Decision::Permit(_))
    }
}

/// Whether a request changes nothing, by whatever method it may be taken for (RFC 9110 §9.2.1).
fn is_safe(resource: &Resource) -> bool {
    resource.methods().all(|method| matches!(method, "GET" | "HEAD" | "OPTIONS"))
}

fn abandoned(session: &Session, circumstances: &Circumstances) -> Event {
    let (client_ip, session_id) = (Some(circumstances.client), Some(session.id.clone()));
    Event { client_ip, session: session_id, ..Event::of(What::SessionAbandoned, Some(&session.identity)) }
}
