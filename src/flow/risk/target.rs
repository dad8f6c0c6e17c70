//! Thresholds by a rate of prompts: the trail says hour by hour which sign-ins were learnt, and their scores.

use std::time::Duration;

use super::RiskMemory;
use crate::auth::history::SignInsUnderWay;
use crate::auth::proof::RiskLevel;
use crate::auth::time::Timestamp;
use crate::flow::Flows;
use crate::flow::ports::Answer;
use crate::risk::settings::{Settings, TargetRate, Thresholds};
use crate::risk::target::{LOOKED_AT, LearntScores};

const HOUR: Duration = Duration::from_secs(3600);

/// What a node has read of the trail.
#[derive(Default)]
pub(super) struct FollowedTrail {
    /// Up to this hour.
    until: Option<Timestamp>,
    under_way: SignInsUnderWay,
    learnt: LearntScores,
}

/// The thresholds that follow for a rate.
#[derive(Default)]
pub(super) struct FoundThresholds {
    found: Option<(TargetRate, Thresholds)>,
    /// Up to this hour of the trail.
    until: Option<Timestamp>,
}

impl RiskMemory {
    /// From which scores on levels hold at present: those that were found last, were it for another rate.
    pub(super) fn thresholds(&self, model: &Settings) -> Thresholds {
        match model.target {
            Some(_) => self.found(|last| last.found.map_or(model.thresholds, |(_, thresholds)| thresholds)),
            None => model.thresholds,
        }
    }

    /// Finds the thresholds for a rate, where more was read of the trail. Requests wait for none of it.
    fn find_thresholds(&self, rate: TargetRate) {
        let known = self.found(|last| last.found.filter(|(known, _)| *known == rate).and(last.until));
        let (thresholds, until) = self.followed(|followed| {
            let is_known = followed.until.is_none() || followed.until == known;
            ((!is_known).then(|| followed.learnt.thresholds(&rate)), followed.until)
        });
        if let Some(thresholds) = thresholds {
            self.found(|last| *last = FoundThresholds { found: Some((rate, thresholds)), until });
        }
    }

    fn found<T>(&self, with: impl FnOnce(&mut FoundThresholds) -> T) -> T {
        with(&mut self.thresholds.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn followed<T>(&self, with: impl FnOnce(&mut FollowedTrail) -> T) -> T {
        with(&mut self.trail.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

impl Flows {
    /// The model with the thresholds that hold at present.
    pub(super) fn model_in_force(&self, model: &Settings) -> Settings {
        Settings { thresholds: self.risk.thresholds(model), ..model.clone() }
    }

    /// From which scores on sign-ins are medium, and high, at present; `None`: risk is off.
    pub fn risk_thresholds(&self) -> Option<[(&'static str, f64); 2]> {
        let Thresholds { medium, high } = self.risk.thresholds(&self.settings.risk.as_ref()?.model);
        Some([(RiskLevel::Medium.name(), medium), (RiskLevel::High.name(), high)])
    }

    /// Reads on in the trail, where thresholds follow a rate: whole hours up to now.
    ///
    /// # Errors
    /// The store did not answer: thresholds stay what they are.
    pub async fn follow_trail(&self) -> Answer<()> {
        let Some(rate) = self.settings.risk.as_ref().and_then(|risk| risk.model.target) else { return Ok(()) };
        let read = self.read_trail().await;
        self.risk.find_thresholds(rate);
        read
    }

    async fn read_trail(&self) -> Answer<()> {
        let now = self.now();
        let hour = |at: Timestamp| Timestamp::from_secs(at.as_secs() / 3600 * 3600);
        let mut from = self.risk.followed(|followed| followed.until).unwrap_or_else(|| hour(now.minus(LOOKED_AT)));
        // What is written behind the answer may come a minute later.
        while from.plus(HOUR + HOUR / 60) <= now {
            let until = from.plus(HOUR);
            let rows = self.ports.history.trail(from, until).await?;
            self.risk.followed(|followed| {
                // Two readers at once: the other was first.
                if followed.until.is_some_and(|read| read >= until) {
                    return;
                }
                for sign_in in rows.into_iter().filter_map(|row| followed.under_way.take(row)) {
                    // Who had too few sign-ins was not scored.
                    let is_scored = sign_in.risk.sign_ins.is_some_and(|before| before >= Settings::default().minimum);
                    if sign_in.learnt && is_scored {
                        followed.learnt.add(sign_in.at, &sign_in.user, sign_in.risk.score);
                    }
                }
                followed.under_way.given_up(Some(until));
                followed.until = Some(until);
            });
            from = until;
        }
        Ok(())
    }
}
