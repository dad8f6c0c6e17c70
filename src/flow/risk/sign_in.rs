//! A sign-in is assessed after its first proof, before it is settled what it must reach; so a step-up for risk is one more
//! step of it. What met its policy is learnt.

use std::sync::Arc;
use std::time::Duration;

use super::compare::{Seen, agent_of};
use crate::auth::ceremony::{Assessed, Ceremony};
use crate::auth::event::{RiskRecord, RiskTerm, What};
use crate::auth::proof::{Factor, Method, MethodSet, OnRisk, Requirement, RiskAction, RiskLevel, Strength};
use crate::auth::session::{Pinned, Session};
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ports::{Account, Answer};
use crate::flow::reply::Client;
use crate::flow::settings::RiskSettings;
use crate::risk::settings::{Mode, OnFault};
use crate::risk::{Device, Signals, Velocity, assess};

/// In which time wrong proofs are counted, and how many at most.
const RECENT: Duration = Duration::from_secs(3600);
const FAILURES: u32 = 50;

const DAY: Duration = Duration::from_secs(86_400);

/// What a sign-in is for: what the destination requires, and what it does by risk.
#[derive(Clone, Copy, Debug, Default)]
pub struct SignInGoal {
    /// `None`: the most that the factors of the account can prove.
    pub requirement: Option<Requirement>,
    /// `None`: as rules do by default.
    pub on_risk: Option<OnRisk>,
}

impl From<Option<Requirement>> for SignInGoal {
    fn from(requirement: Option<Requirement>) -> Self {
        Self { requirement, on_risk: None }
    }
}

impl Flows {
    /// Assesses the sign-in of somebody who has proved something, and raises what it must reach if that is unusual.
    pub(in crate::flow) async fn assess(
        &self,
        attempt: &mut Attempt<'_>,
        account: &Account,
        ceremony: Ceremony,
        on_risk: Option<OnRisk>,
    ) -> Answer<Ceremony> {
        let Some(settings) = &self.settings.risk else { return Ok(ceremony) };
        let user = &account.identity.id;
        let (level, action) = match self.profile(user).await {
            Ok(profile) => {
                let signals = self.signals(attempt, user).await?;
                let (model, keys) = (&settings.model, self.hash_keys(attempt.now));
                let assessment =
                    self.risk.of_all(model, attempt.now, |all| assess(&signals, &profile, all, &keys, model));
                let terms = assessment.terms.iter().map(|term| RiskTerm {
                    signal: term.signal.name(),
                    evidence: term.evidence.into(),
                    text: term.sentence(),
                });
                let is_shadow = model.mode == Mode::Shadow;
                let (level, action) = (assessment.level, on_risk.unwrap_or(settings.on_risk).of(assessment.level));
                let record = RiskRecord {
                    score: assessment.score.into(),
                    action: action.name(),
                    shadow: is_shadow,
                    terms: terms.collect(),
                };
                attempt.record_risk(What::SignInAssessed { level }, Arc::new(record));
                (level, if is_shadow { RiskAction::Permit } else { action })
            }
            Err(_) if settings.model.mode == Mode::Shadow => (RiskLevel::Unscored, RiskAction::Permit),
            Err(fault) => match settings.model.fail {
                OnFault::Deny => return Err(fault),
                OnFault::StepUp => (RiskLevel::Unscored, RiskAction::StepUp),
                OnFault::Allow => (RiskLevel::Unscored, RiskAction::Permit),
            },
        };
        Ok(ceremony.assessed(Assessed { level, action }, attempt.now))
    }

    /// What is seen of a sign-in.
    async fn signals(&self, attempt: &Attempt<'_>, user: &UserId) -> Answer<Signals> {
        let client = attempt.client;
        let failures = self.ports.history.failures(user, attempt.now.minus(RECENT), FAILURES).await?;
        let device = match (&attempt.device, &client.device) {
            (Some(_), _) => Device::Known,
            (None, Some(_)) => Device::Unknown,
            (None, None) => Device::Absent,
        };
        Ok(Signals {
            address: client.ip,
            place: self.ports.places.place(client.ip),
            agent: agent_of(client),
            device,
            evidence: self.ports.places.evidence(client.ip),
            velocity: Velocity {
                failures_of_person: failures.len().try_into().unwrap_or(FAILURES),
                ..Velocity::default()
            },
            previous: None,
            at: attempt.now,
        })
    }

    /// What somebody must prove before they set anything up in a session that is unusual, or is used from elsewhere.
    pub(in crate::flow) fn before_enrolling(
        &self,
        session: &Session,
        client: &Client,
        now: Timestamp,
    ) -> Option<Requirement> {
        let risk = self.enforced_risk(session, client, false);
        let unusual = risk.level >= RiskLevel::Medium || !risk.changed.is_nothing();
        unusual.then(|| Requirement::of(Strength::TwoFactor).raised(risk.since, now))
    }

    /// Learns a sign-in that met what its destination asks, for half where it was unusual. One that a rule turns away is
    /// never learnt, nor an unusual one that `proved` less than two factors: a password may be anybody's. Nothing is
    /// refused because it cannot be learnt.
    pub(in crate::flow) async fn learn_sign_in(
        &self,
        attempt: &Attempt<'_>,
        user: &UserId,
        assessed: Assessed,
        proved: MethodSet,
    ) {
        let Some(settings) = &self.settings.risk else { return };
        let unusual = assessed.level >= RiskLevel::Medium;
        let weak = Strength::of(proved) < Some(Strength::TwoFactor);
        if assessed.action == RiskAction::Deny || (unusual && weak) {
            return;
        }
        let weight = if unusual { 0.5 } else { 1.0 };
        self.try_learn(settings, attempt, user, weight).await;
    }

    async fn try_learn(&self, settings: &RiskSettings, attempt: &Attempt<'_>, user: &UserId, weight: f64) {
        if let Ok(signals) = self.signals(attempt, user).await {
            // Without it, the next sign-in from here is as unusual as this one.
            let _ = self.learn(settings, user, &signals, weight).await;
        }
    }

    /// Learns one sign-in a day from here, up to now: for who is known to have been here, before anything was compared.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn learn_usual(&self, user: &UserId, seen: &dyn Seen, days: u32) -> Answer<()> {
        let Some(settings) = &self.settings.risk else { return Ok(()) };
        let (now, model) = (self.now(), &settings.model);
        let mut profile = self.profile(user).await?;
        for day in (1..=days).rev() {
            let signals = Signals {
                address: seen.address(),
                place: self.ports.places.place(seen.address()),
                agent: agent_of(seen),
                device: Device::Absent,
                evidence: Vec::new(),
                velocity: Velocity::default(),
                previous: None,
                at: now.minus(DAY * day),
            };
            profile.learn(&signals, &self.hash_keys(now), model.half_life, 1.0);
            self.risk.count(model, &signals, 1.0);
        }
        self.keep_profile(user, &profile, model.retention).await
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
        let pinned = self.pin(attempt.client, level, attempt.now);
        let moved = |a: &Pinned, b: &Pinned| (&a.network, &a.country, &a.family) != (&b.network, &b.country, &b.family);
        if session.pinned.as_ref().zip(pinned.as_ref()).is_some_and(|(old, new)| moved(old, new)) {
            self.try_learn(settings, attempt, &session.identity.id, 0.5).await;
        }
        pinned
    }
}
