//! A sign-in is assessed after its first proof, before it is settled what it must reach; so a step-up for risk is one more
//! step of it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::compare::{agent_of, of_fault};
use super::pins::pin_person;
use super::record::Judged;
use super::{RangeVelocity, SignInGoal};
use crate::auth::ceremony::{Assessed, Ceremony};
use crate::auth::event::{RiskRecord, What};
use crate::auth::proof::{Factor, Method, Requirement, RiskAction, RiskLevel, Strength};
use crate::auth::session::{Pinned, Session};
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ports::{Account, Answer};
use crate::flow::reply::Client;
use crate::risk::settings::Mode;
use crate::risk::{Device, PinReason, Previous, Profile, Signals, Velocity, assess};

/// In which time wrong proofs are counted, and how many at most.
const RECENT: Duration = Duration::from_secs(3600);
const FAILURES: u32 = 50;

const DAY: Duration = Duration::from_secs(86_400);

impl Flows {
    /// Assesses the sign-in of somebody who has proved something, and raises what it must reach if that is unusual.
    pub(in crate::flow) async fn assess(
        &self,
        attempt: &mut Attempt<'_>,
        account: &Account,
        ceremony: Ceremony,
        goal: &SignInGoal,
    ) -> Answer<Ceremony> {
        let Some(settings) = &self.settings.risk else { return Ok(ceremony) };
        let (model, user, now) = (&self.model_in_force(&settings.model), &account.identity.id, attempt.now);
        let (level, action) = match self.compared(attempt, account, &ceremony, model.retention).await {
            Ok((profile, signals)) => {
                let keys = self.hash_keys(model, attempt.now);
                let assessed = |profile: &Profile| {
                    self.risk.of_all(model, now, |all| assess(&signals, profile, all, &keys, model))
                };
                let is_shadow = model.mode == Mode::Shadow;
                let mut assessment = assessed(&profile);
                if attempt.breached && assessment.level >= RiskLevel::Medium && profile.pinned.is_none() && !is_shadow {
                    let pin = pin_person(&self.ports, user, PinReason::BreachedPassword).await?;
                    attempt.record(What::RiskPinned);
                    assessment = assessed(&profile.clone().with_pin(Some(pin)));
                }
                let action = goal.on_risk.unwrap_or(settings.on_risk).of(assessment.level);
                let judged = Judged { signals: &signals, profile: &profile, assessment: &assessment, goal };
                let record = Arc::new(judged.record(action, is_shadow));
                attempt.record_risk(What::SignInAssessed { level: assessment.level }, record);
                (assessment.level, if is_shadow { RiskAction::Permit } else { action })
            }
            Err(fault) => {
                let (action, shadow) = (of_fault(model.fail), model.mode == Mode::Shadow);
                let record = RiskRecord { action: action.name(), shadow, ..RiskRecord::default() };
                attempt.record_risk(What::SignInUnassessed, Arc::new(record));
                match action {
                    _ if shadow => (RiskLevel::Unscored, RiskAction::Permit),
                    RiskAction::Deny => return Err(fault),
                    action => (RiskLevel::Unscored, action),
                }
            }
        };
        Ok(ceremony.assessed(Assessed { level, action }, attempt.now))
    }

    /// What is usual for a person, and what is seen of their sign-in. Who is pinned is at the highest level by that alone.
    async fn compared(
        &self,
        attempt: &Attempt<'_>,
        account: &Account,
        ceremony: &Ceremony,
        retention: Duration,
    ) -> Answer<(Profile, Signals)> {
        let profile = self.profile(&account.identity.id, attempt.now).await?;
        match self.circumstances(attempt, account, ceremony, retention).await {
            Err(_) if profile.pinned.is_some() => Ok((profile, self.signals(attempt))),
            signals => Ok((profile, signals?)),
        }
    }

    /// What is seen of a sign-in, and what goes on around it.
    async fn circumstances(
        &self,
        attempt: &Attempt<'_>,
        account: &Account,
        ceremony: &Ceremony,
        retention: Duration,
    ) -> Answer<Signals> {
        let (user, now) = (&account.identity.id, attempt.now);
        let signals = self.signals(attempt);
        let failures = self.ports.history.failures(user, now.minus(RECENT), FAILURES).await?;
        let failures = failures.len().try_into().unwrap_or(FAILURES);
        let previous = match signals.place.location {
            Some(_) => self.previous(user, now).await?,
            None => None,
        };
        // Who has nothing that would show that it is them is not asked for it.
        let can_show = Strength::of(ceremony.enrolled.or(ceremony.locked)) >= Some(Strength::TwoFactor);
        let used_at = account.last_login_at.unwrap_or(account.created_at);
        let is_dormant = can_show && now.since(used_at) > retention;
        let is_shared = self.risk.of_origins(|origins| origins.is_shared(attempt.client.ip));
        let range = if is_shared { &RangeVelocity::default() } else { &attempt.range };
        let velocity = range.with_failures_of_person(failures)?;
        Ok(Signals { velocity, previous, is_dormant, ..signals })
    }

    /// What is seen of a sign-in.
    pub(super) fn signals(&self, attempt: &Attempt<'_>) -> Signals {
        let client = attempt.client;
        let device = match (&attempt.device, &client.device) {
            (Some(mark), _) if mark.is_familiar() => Device::Known,
            (Some(_), _) | (None, Some(_)) => Device::Unknown,
            (None, None) => Device::Absent,
        };
        self.risk.unless_shared(Signals {
            address: client.ip,
            ip_store: self.ip_store(),
            place: self.ports.places.place(client.ip),
            agent: agent_of(client),
            device,
            evidence: self.ports.places.evidence(client.ip),
            velocity: Velocity::default(),
            previous: None,
            is_dormant: false,
            at: attempt.now,
        })
    }

    /// Where and when the person signed in last, by what the trail keeps: within a day everybody may be anywhere.
    async fn previous(&self, user: &UserId, now: Timestamp) -> Answer<Option<Previous>> {
        let last = self.ports.history.sign_ins(user, now.minus(DAY), 1).await?;
        Ok(last.first().and_then(|last| {
            let location = self.ports.places.place(last.ip).location?;
            Some(Previous { location, at: last.at })
        }))
    }

    /// The address that everybody came from who signed in at this node of late; what it says of networks counts for nothing.
    pub fn shared_address(&self) -> Option<IpAddr> {
        self.risk.of_origins(|origins| origins.shared())
    }

    /// What somebody must prove before they set anything up in a session that is unusual, or is used from elsewhere.
    pub(in crate::flow) async fn before_enrolling(
        &self,
        session: &Session,
        client: &Client,
        now: Timestamp,
    ) -> Answer<Option<Requirement>> {
        let risk = self.enforced_risk(session, client, false).await?;
        let unjudged = risk.unjudged > RiskAction::Permit;
        let unusual = risk.level >= RiskLevel::Medium || !risk.changed.is_nothing() || unjudged;
        Ok(unusual.then(|| Requirement::of(Strength::TwoFactor).raised(risk.since, now)))
    }

    /// What a session is pinned to that rises by `method`. By something held, beside another factor, its person has shown that
    /// it is them, here and with this: that is what counts from now on, and it is learnt for half.
    pub(in crate::flow) async fn pin_risen(
        &self,
        attempt: &Attempt<'_>,
        session: &Session,
        method: Method,
    ) -> Option<Pinned> {
        let held = matches!(method.factor(), Factor::Possession | Factor::Both);
        let settings = self.settings.risk.as_ref();
        let Some(settings) =
            settings.filter(|_| held && Strength::of(session.proofs.methods()) >= Some(Strength::TwoFactor))
        else {
            return session.pinned.clone();
        };
        let level = session.pinned.as_ref().map_or(RiskLevel::Low, |pinned| pinned.level);
        let pinned = self.pin(attempt.client, level, attempt.now)?;
        let Some(old) = &session.pinned else { return Some(pinned) };
        if old.place() != pinned.place() {
            let (user, signals) = (&session.identity.id, self.signals(attempt));
            // Without it, a sign-in from here is as unusual as before.
            let _ = self.learn_unusual(settings, user, &signals, level.max(RiskLevel::Medium)).await;
        }
        Some(pinned.after(old))
    }
}
