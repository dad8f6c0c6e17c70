//! What is learnt of sign-ins that met what they had to: the usual ones at once; where nobody knew the person, and they had
//! to show that it is them, not before they did so on several days. One code can be phished.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;

use super::compare::{Seen, agent_of};
use crate::auth::ceremony::Assessed;
use crate::auth::proof::{MethodSet, RiskAction, RiskLevel, Strength};
use crate::auth::user::UserId;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ports::{Answer, Quota};
use crate::flow::settings::RiskSettings;
use crate::risk::{Device, SHOWN_WITHIN, Signals, Surroundings, Velocity, days_to_show};

const DAY: Duration = Duration::from_secs(86_400);

/// What an unusual sign-in counts for.
const HALF: f64 = 0.5;

impl Flows {
    /// For how much a sign-in counts that met what its destination asks; `None`: it is not learnt. One that a rule turns away
    /// never is, nor an unusual one that `proved` less than two factors: a password may be anybody's. Half where it was
    /// unusual, and where there was nothing to compare it with and a password alone was proved.
    pub(in crate::flow) fn learnt_for(&self, assessed: Assessed, proved: MethodSet) -> Option<f64> {
        self.settings.risk.as_ref()?;
        let unusual = assessed.level >= RiskLevel::Medium;
        let weak = Strength::of(proved) < Some(Strength::TwoFactor);
        let unknown = assessed.level == RiskLevel::Unscored;
        let never = assessed.action == RiskAction::Deny || (unusual && weak);
        (!never).then_some(if unusual || (unknown && weak) { HALF } else { 1.0 })
    }

    /// Learns a sign-in. Nothing is refused because it cannot be learnt.
    pub(in crate::flow) async fn learn_sign_in(
        &self,
        attempt: &Attempt<'_>,
        user: &UserId,
        assessed: Assessed,
        proved: MethodSet,
    ) {
        if self.settings.risk.is_some() {
            self.risk.of_origins(|origins| origins.note(user, attempt.client.ip));
        }
        let (Some(settings), Some(weight)) = (&self.settings.risk, self.learnt_for(assessed, proved)) else { return };
        let signals = self.signals(attempt);
        // Without it, the next sign-in from here is as unusual as this one.
        let _ = match assessed.level {
            RiskLevel::Medium | RiskLevel::High => self.learn_unusual(settings, user, &signals, assessed.level).await,
            RiskLevel::Unscored | RiskLevel::Low => self.learn(settings, user, &signals, Some(weight)).await,
        };
    }

    /// Learns for half what was unusual and met a step-up: the place and the browser once that was on enough days, and until
    /// then only that there was a sign-in.
    pub(super) async fn learn_unusual(
        &self,
        settings: &RiskSettings,
        user: &UserId,
        signals: &Signals,
        level: RiskLevel,
    ) -> Answer<()> {
        let profile = self.profile(user, signals.at).await?;
        let is_usual = profile.sign_ins < settings.model.minimum
            || profile.knows(signals, &self.hash_keys(&settings.model, signals.at));
        let is_learnt = is_usual || !self.waits(user, signals, level).await?;
        self.learn(settings, user, signals, is_learnt.then_some(HALF)).await
    }

    /// Whether a person has yet to show on other days that it is them, here and with this; this day counts.
    async fn waits(&self, user: &UserId, signals: &Signals, level: RiskLevel) -> Answer<bool> {
        let around = [user.0.as_bytes(), &[0], &Surroundings::of(signals).bytes()].concat();
        let key = format!("risk:met:{}", BASE64URL_NOPAD.encode(&self.ports.vault.digest("risk met", &around)));
        let day = (signals.at.as_secs() / DAY.as_secs()).to_string();
        self.ports.quotas.enter(&[Quota { key, most: days_to_show(level) - 1 }], &day, SHOWN_WITHIN, signals.at).await
    }

    /// Learns a sign-in that met its policy; without a weight, only that there was one.
    async fn learn(
        &self,
        settings: &RiskSettings,
        user: &UserId,
        signals: &Signals,
        weight: Option<f64>,
    ) -> Answer<()> {
        let (model, mut profile) = (&settings.model, self.profile(user, signals.at).await?);
        match weight {
            Some(weight) => {
                profile.learn(signals, &self.hash_keys(model, signals.at), model.half_life, weight);
            }
            None => profile.count(signals.at, model.half_life),
        }
        self.keep_profile(user, &profile, model.retention).await?;
        if let Some(weight) = weight {
            self.risk.count(model, signals, weight);
        }
        Ok(())
    }

    /// Learns one sign-in a day from here, up to now: for who is known to have been here, before anything was compared.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn learn_usual(&self, user: &UserId, seen: &dyn Seen, days: u32) -> Answer<()> {
        let Some(settings) = &self.settings.risk else { return Ok(()) };
        let (now, model) = (self.now(), &settings.model);
        let mut profile = self.profile(user, now).await?;
        for day in (1..=days).rev() {
            let signals = Signals {
                address: seen.address(),
                ip_store: model.ip_store,
                place: self.ports.places.place(seen.address()),
                agent: agent_of(seen),
                device: Device::Absent,
                evidence: Vec::new(),
                velocity: Velocity::default(),
                previous: None,
                is_dormant: false,
                at: now.minus(DAY * day),
            };
            profile.learn(&signals, &self.hash_keys(model, now), model.half_life, 1.0);
            self.risk.count(model, &signals, 1.0);
        }
        self.keep_profile(user, &profile, model.retention).await
    }
}
