//! Each request of a live session is compared with where and with what the session was opened. Where all is the same, nothing
//! is looked up, stored or allocated.

use std::net::IpAddr;
use std::sync::Arc;

use super::SignInGoal;
use super::reassessment::{RequestRisk, SessionAssessment};
use super::record::Judged;
use crate::auth::proof::{Changed, Risk, RiskAction, RiskLevel};
use crate::auth::session::{AgentDigest, Channel, Pinned, Session};
use crate::auth::time::Timestamp;
use crate::flow::Flows;
use crate::flow::ports::{Answer, StoreError};
use crate::flow::reply::Client;
use crate::flow::settings::RiskSettings;
use crate::risk::settings::{Mode, OnFault};
use crate::risk::{Agent, BrowserFamily, ClientHints, Device, DeviceClass, Place, Signals, Velocity, assess};

/// What a request shows of who sends it; asked only for what is needed.
pub trait Seen: Sync {
    fn address(&self) -> IpAddr;
    /// `User-Agent`.
    fn agent(&self) -> Option<&str>;
    /// `Sec-CH-UA`, `Sec-CH-UA-Mobile`, `Sec-CH-UA-Platform`.
    fn hints(&self) -> [Option<&str>; 3];
    /// Whether the browser carries the mark of this name.
    fn carries(&self, device: &str) -> bool;
}

/// What a request shows, and the places and families that follow from it.
struct Looked {
    place: Place,
    agent: Agent,
    /// Whether the mark is there that the session was opened with.
    device: Device,
}

impl Flows {
    /// What is known of the risk of a live session at a request. A level that has risen since the session was opened
    /// counts for what changes something; what a rule says of a change counts for all.
    ///
    /// # Errors
    /// The session is used from elsewhere, the profile of its person cannot be read, and nobody is to pass then.
    pub async fn risk_of(
        &self,
        session: &Session,
        seen: &dyn Seen,
        is_safe: bool,
        now: Timestamp,
    ) -> Answer<RequestRisk> {
        let Some(settings) = &self.settings.risk else { return Ok(RequestRisk::plain(Risk::none())) };
        let adopted;
        let pinned = match &session.pinned {
            Some(pinned) => pinned,
            None => {
                adopted = self.adopted(session, seen, now);
                &*adopted
            }
        };
        let quiet = Risk { level: pinned.level, since: pinned.at, ..Risk::none() };
        let carries = pinned.device.as_deref().is_none_or(|device| seen.carries(device));
        if carries && pinned.is_same(seen.address(), seen.agent()) {
            return Ok(RequestRisk::plain(quiet));
        }
        let looked = Looked {
            place: self.ports.places.place(seen.address()),
            agent: agent_of(seen),
            device: if carries { Device::Known } else { Device::Absent },
        };
        let changed = changed(pinned, &looked);
        if carries && changed.is_nothing() {
            return Ok(RequestRisk::plain(quiet));
        }
        let (assessed, unjudged) = match is_safe {
            true => (None, RiskAction::Permit),
            false => match self.assessed_now(settings, session, seen.address(), &looked, now).await {
                Ok(assessed) => (Some(assessed), RiskAction::Permit),
                Err(fault) => (None, on_fault(settings, fault)?),
            },
        };
        let level = assessed.as_ref().map_or(pinned.level, |assessed| assessed.level);
        let level = if level >= RiskLevel::Medium { level.max(pinned.level) } else { pinned.level };
        // What was proved when the session was opened says nothing about what changed since.
        let later = !changed.is_nothing() || level != pinned.level || unjudged != RiskAction::Permit;
        let since = if later { pinned.at.plus(std::time::Duration::from_millis(1)) } else { pinned.at };
        Ok(RequestRisk { risk: Risk { level, changed, since, unjudged }, assessed })
    }

    /// What was known of a session's risk when it was opened or last rose, where risk decides.
    pub(in crate::flow) fn risk_at_opening(&self, session: &Session) -> Risk {
        let enforced = self.settings.risk.as_ref().is_some_and(|settings| settings.model.mode == Mode::Enforce);
        match session.pinned.as_ref().filter(|_| enforced) {
            Some(pinned) => Risk { level: pinned.level, since: pinned.at, ..Risk::none() },
            None => Risk::none(),
        }
    }

    /// What is known of the risk of a live session at a request, where risk decides and is not only counted.
    ///
    /// # Errors
    /// As [`Self::risk_of`].
    pub async fn enforced_risk(&self, session: &Session, seen: &dyn Seen, is_safe: bool) -> Answer<Risk> {
        match &self.settings.risk {
            Some(settings) if settings.model.mode == Mode::Enforce => {
                Ok(self.risk_of(session, seen, is_safe, self.now()).await?.risk)
            }
            _ => Ok(Risk::none()),
        }
    }

    /// How unusual this is for the person. Never more than medium, unless they are pinned: who was here a moment ago and is
    /// elsewhere now may show that it is them.
    async fn assessed_now(
        &self,
        settings: &RiskSettings,
        session: &Session,
        address: IpAddr,
        looked: &Looked,
        now: Timestamp,
    ) -> Answer<SessionAssessment> {
        let profile = self.remembered_profile(&session.identity.id, now).await?;
        let signals = self.risk.unless_shared(Signals {
            address,
            ip_store: settings.model.ip_store,
            place: looked.place.clone(),
            agent: looked.agent,
            device: looked.device,
            evidence: self.ports.places.evidence(address),
            velocity: Velocity::default(),
            previous: None,
            is_dormant: false,
            at: now,
        });
        let model = &self.model_in_force(&settings.model);
        let keys = self.hash_keys(model, now);
        let assessment = self.risk.of_all(model, now, |all| assess(&signals, &profile, all, &keys, model));
        let most = if profile.pinned.is_some() { RiskLevel::High } else { RiskLevel::Medium };
        let goal = &SignInGoal::default();
        let judged = Judged { signals: &signals, profile: &profile, assessment: &assessment, goal };
        let record = judged.record(RiskAction::Permit, model.mode == Mode::Shadow);
        Ok(SessionAssessment { level: assessment.level.min(most), record })
    }

    /// Whether a request comes from where and with what its session was proved; true of one that was never compared.
    pub(super) fn is_where_pinned(&self, session: &Session, seen: &dyn Seen) -> bool {
        let Some(pinned) = &session.pinned else { return true };
        let (place, agent) = (self.ports.places.place(seen.address()), agent_of(seen));
        let carries = pinned.device.as_deref().is_none_or(|device| seen.carries(device));
        carries && changed(pinned, &Looked { place, agent, device: Device::Known }).is_nothing()
    }

    /// Whether what a session does here does not speak for who does it: it is unusual, was elsewhere before, or is used from
    /// elsewhere.
    pub(in crate::flow) fn is_strange(&self, session: &Session, seen: &dyn Seen) -> bool {
        let unusual = |pinned: &Pinned| pinned.level >= RiskLevel::Medium || !pinned.before.is_empty();
        self.settings.risk.is_some()
            && (session.pinned.as_ref().is_some_and(unusual) || !self.is_where_pinned(session, seen))
    }

    /// What a session is compared with that was opened before anything was: where it is seen first.
    fn adopted(&self, session: &Session, seen: &dyn Seen, now: Timestamp) -> Arc<Pinned> {
        self.risk.adopted.get(&session.id).unwrap_or_else(|| {
            let pinned = Arc::new(self.pinned_to(seen, RiskLevel::Low, now));
            self.risk.adopted.put(session.id.clone(), pinned.clone());
            pinned
        })
    }

    /// What a session is pinned to that is opened, or rises, at this moment.
    pub(in crate::flow) fn pin(&self, seen: &dyn Seen, level: RiskLevel, now: Timestamp) -> Option<Pinned> {
        self.settings.risk.as_ref().map(|_| self.pinned_to(seen, level, now))
    }

    fn pinned_to(&self, seen: &dyn Seen, level: RiskLevel, now: Timestamp) -> Pinned {
        let place = self.ports.places.place(seen.address());
        Pinned {
            address: seen.address(),
            agent: AgentDigest::of(seen.agent()),
            device: None,
            network: place.asn,
            country: place.country.map(|country| country.to_string()),
            family: family(&agent_of(seen)),
            level,
            at: now,
            before: Vec::new(),
        }
    }
}

/// What is asked at least where a session is used from elsewhere and nothing can be compared.
fn on_fault(settings: &RiskSettings, fault: StoreError) -> Answer<RiskAction> {
    match of_fault(settings.model.fail) {
        _ if settings.model.mode == Mode::Shadow => Ok(RiskAction::Permit),
        RiskAction::Deny => Err(fault),
        action => Ok(action),
    }
}

/// What becomes of who cannot be compared, as an operator wrote it.
pub(super) const fn of_fault(fail: OnFault) -> RiskAction {
    match fail {
        OnFault::Allow => RiskAction::Permit,
        OnFault::StepUp => RiskAction::StepUp,
        OnFault::Deny => RiskAction::Deny,
    }
}

/// What is not as it was.
fn changed(pinned: &Pinned, looked: &Looked) -> Changed {
    let country = looked.place.country.map(|country| country.to_string());
    pinned.changed(looked.place.asn, country.as_deref(), family(&looked.agent).as_deref())
}

pub(super) fn agent_of(seen: &dyn Seen) -> Agent {
    let [brands, mobile, platform] = seen.hints();
    Agent::of(seen.agent(), ClientHints { brands, mobile, platform })
}

/// The family in one word; `None` where nothing is known of it.
fn family(agent: &Agent) -> Option<String> {
    let is_known = agent.class != DeviceClass::Unknown || agent.family != BrowserFamily::Unknown;
    is_known.then(|| format!("{:?} {:?} {:?}", agent.class, agent.os, agent.family))
}

impl Seen for Client {
    fn address(&self) -> IpAddr {
        self.ip
    }

    fn agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }

    fn hints(&self) -> [Option<&str>; 3] {
        self.hints.each_ref().map(Option::as_deref)
    }

    fn carries(&self, device: &str) -> bool {
        self.channel == Channel::Bearer || self.device.as_ref().is_some_and(|marks| marks.expose().contains(device))
    }
}
