//! Each request of a live session is compared with where and with what the session was opened. Where all is the same, nothing
//! is looked up, stored or allocated.

use std::net::IpAddr;
use std::sync::Arc;

use crate::auth::proof::{Changed, Risk, RiskLevel};
use crate::auth::session::{AgentDigest, Channel, Pinned, Session};
use crate::auth::time::Timestamp;
use crate::flow::Flows;
use crate::flow::reply::Client;
use crate::flow::settings::RiskSettings;
use crate::risk::settings::Mode;
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
    pub fn risk_of(&self, session: &Session, seen: &dyn Seen, is_safe: bool, now: Timestamp) -> Risk {
        let Some(settings) = &self.settings.risk else { return Risk::none() };
        let adopted;
        let pinned = match &session.pinned {
            Some(pinned) => pinned,
            None => {
                adopted = self.adopted(session, seen, now);
                &*adopted
            }
        };
        let quiet = Risk { level: pinned.level, changed: Changed::default(), since: pinned.at };
        let carries = pinned.device.as_deref().is_none_or(|device| seen.carries(device));
        if carries && pinned.is_same(seen.address(), seen.agent()) {
            return quiet;
        }
        let looked = Looked {
            place: self.ports.places.place(seen.address()),
            agent: agent_of(seen),
            device: if carries { Device::Known } else { Device::Absent },
        };
        let changed = changed(pinned, &looked);
        if carries && changed.is_nothing() {
            return quiet;
        }
        let level = match is_safe {
            true => pinned.level,
            false => self.level_now(settings, session, seen.address(), &looked, now).unwrap_or(pinned.level),
        };
        let level = if level >= RiskLevel::Medium { level.max(pinned.level) } else { pinned.level };
        // What was proved when the session was opened says nothing about what changed since.
        let later = !changed.is_nothing() || level != pinned.level;
        let since = if later { pinned.at.plus(std::time::Duration::from_millis(1)) } else { pinned.at };
        Risk { level, changed, since }
    }

    /// What was known of a session's risk when it was opened or last rose, where risk decides.
    pub(in crate::flow) fn risk_at_opening(&self, session: &Session) -> Risk {
        let enforced = self.settings.risk.as_ref().is_some_and(|settings| settings.model.mode == Mode::Enforce);
        match session.pinned.as_ref().filter(|_| enforced) {
            Some(pinned) => Risk { level: pinned.level, changed: Changed::default(), since: pinned.at },
            None => Risk::none(),
        }
    }

    /// The same, where risk decides and is not only counted.
    pub fn enforced_risk(&self, session: &Session, seen: &dyn Seen, is_safe: bool) -> Risk {
        match &self.settings.risk {
            Some(settings) if settings.model.mode == Mode::Enforce => self.risk_of(session, seen, is_safe, self.now()),
            _ => Risk::none(),
        }
    }

    /// How unusual this is for the person, by what this node remembers of them. Never more than medium: who was here a
    /// moment ago and is elsewhere now may show that it is them.
    fn level_now(
        &self,
        settings: &RiskSettings,
        session: &Session,
        address: IpAddr,
        looked: &Looked,
        now: Timestamp,
    ) -> Option<RiskLevel> {
        let profile = self.risk.profiles.get(&session.identity.id)?;
        let signals = Signals {
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
        };
        let (model, keys) = (&self.model_in_force(&settings.model), self.hash_keys(now));
        let assessed = self.risk.of_all(model, now, |all| assess(&signals, &profile, all, &keys, model));
        Some(assessed.level.min(RiskLevel::Medium))
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
        }
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
