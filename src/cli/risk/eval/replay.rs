//! The workload, judged row by row: own sign-ins are scored and then learnt, attacks are scored against the state before
//! them and never learnt. What happens at one moment is judged before any of it is learnt.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use super::rows::{LEGIT, Row, Workload};
use crate::auth::proof::RiskLevel;
use crate::auth::time::Timestamp;
use crate::risk::freeman::{Freeman, Observation};
use crate::risk::settings::Settings;
use crate::risk::{
    Agent, BrowserFamily, ClientHints, Country, Device, DeviceClass, HashKey, HashKeys, Place, Population, Profile,
    SHOWN_WITHIN, Signals, Surroundings, Velocity, assess, days_to_show,
};

/// A row with its scores. Both are there once the person has signed in before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowScores {
    pub(crate) row: usize,
    pub(crate) user: u32,
    pub(crate) kind: u32,
    /// How many of the person's sign-ins came before.
    pub(crate) before: u32,
    pub(crate) stepgate: f64,
    pub(crate) freeman: f64,
    pub(crate) level: RiskLevel,
}

/// Days since the epoch.
type Days = Vec<u64>;

/// The state of both models.
pub(crate) struct Replay<'a> {
    workload: &'a Workload,
    settings: Settings,
    keys: HashKeys,
    profiles: Vec<Profile>,
    population: Population,
    cookies: HashSet<(u32, u32)>,
    agents: HashMap<(u32, u32, u32), (Agent, u64)>,
    freeman: Freeman,
    /// On which days somebody showed that it is them, by person and place; `None`: nothing waits.
    waiting: Option<HashMap<(u32, Vec<u8>), Days>>,
}

/// Judges all rows; `progress` is told how many are done.
/// `as_gateway`: what was unusual waits until it was so on several days.
pub(crate) fn replay(
    workload: &Workload,
    settings: Settings,
    as_gateway: bool,
    mut progress: impl FnMut(usize),
) -> Vec<RowScores> {
    let epoch = workload.rows.first().map_or(0, |row| row.time);
    let mut replay = Replay {
        workload,
        keys: HashKeys::one(HashKey::new([0; 32])),
        profiles: vec![Profile::default(); workload.users.len()],
        population: Population::new(settings.half_life, Timestamp::from_secs(epoch)),
        settings,
        cookies: HashSet::new(),
        agents: HashMap::new(),
        freeman: Freeman::default(),
        waiting: as_gateway.then(HashMap::new),
    };
    let legit = workload.kinds.find(LEGIT);
    let mut outcomes = Vec::with_capacity(workload.rows.len());
    let mut done = 0;
    for moment in workload.rows.chunk_by(|a, b| a.time == b.time) {
        // Attacks first: they are judged by what was known before this moment.
        for own in [false, true] {
            for (at, row) in (done..).zip(moment).filter(|(_, row)| (Some(row.kind) == legit) == own) {
                outcomes.push(replay.judge(at, row, own));
            }
        }
        done += moment.len();
        progress(done);
    }
    outcomes
}

impl Replay<'_> {
    fn judge(&mut self, at: usize, row: &Row, learn: bool) -> RowScores {
        let (signals, seen) = self.see(row);
        let nobody = Profile::default();
        let profile = self.profiles.get(row.user as usize).unwrap_or(&nobody);
        let assessment = assess(&signals, profile, &self.population, &self.keys, &self.settings);
        let outcome = RowScores {
            row: at,
            user: row.user,
            kind: row.kind,
            before: profile.sign_ins,
            stepgate: assessment.score,
            freeman: self.freeman.score(&seen).map_or(0.0, f64::ln),
            level: assessment.level,
        };
        if learn && self.waits(row, &signals, assessment.level) {
            self.freeman.learn(&seen);
            if let Some(profile) = self.profiles.get_mut(row.user as usize) {
                profile.count(signals.at, self.settings.half_life);
            }
        } else if learn {
            let weight = if assessment.level >= RiskLevel::Medium { 0.5 } else { 1.0 };
            if let Some(profile) = self.profiles.get_mut(row.user as usize) {
                profile.learn(&signals, &self.keys, self.settings.half_life, weight);
            }
            self.population.add(&signals, weight);
            self.freeman.learn(&seen);
            if row.cookie != 0 {
                self.cookies.insert((row.user, row.cookie));
            }
        }
        outcome
    }

    /// Whether a sign-in is not learnt yet, where and with what nobody knows the person; this day counts.
    fn waits(&mut self, row: &Row, signals: &Signals, level: RiskLevel) -> bool {
        let (Some(waiting), Some(profile)) = (&mut self.waiting, self.profiles.get(row.user as usize)) else {
            return false;
        };
        let is_new = profile.sign_ins < self.settings.minimum;
        if level < RiskLevel::Medium || is_new || profile.knows(signals, &self.keys) {
            return false;
        }
        let day = row.time / 86_400;
        let days = waiting.entry((row.user, Surroundings::of(signals).bytes())).or_default();
        days.retain(|then| *then != day && day.saturating_sub(*then) < SHOWN_WITHIN.as_secs() / 86_400);
        days.push(day);
        days.len() < days_to_show(level) as usize
    }

    fn see(&mut self, row: &Row) -> (Signals, Observation) {
        let texts = &self.workload.texts;
        let (agent, os) = *self.agents.entry((row.agent, row.device, row.browser)).or_insert_with(|| {
            let agent = texts.get(row.agent);
            (agent_of(agent, texts.get(row.device), texts.get(row.browser)), hash(os_version(agent).as_bytes()))
        });
        let device = match row.cookie {
            0 => Device::Absent,
            cookie if self.cookies.contains(&(row.user, cookie)) => Device::Known,
            _ => Device::Unknown,
        };
        let signals = Signals {
            address: row.address,
            ip_store: Default::default(),
            place: Place { country: Country::parse(texts.get(row.country)), asn: row.asn, ..Place::default() },
            agent,
            device,
            evidence: Vec::new(),
            velocity: Velocity::default(),
            previous: None,
            is_dormant: false,
            at: Timestamp::from_secs(row.time),
        };
        let address = match row.address {
            IpAddr::V4(v4) => u64::from(v4.to_bits()),
            IpAddr::V6(v6) => hash(&v6.octets()),
        };
        let os = if row.os == 0 { os } else { u64::from(row.os) };
        let observation = Observation {
            user: row.user,
            address: [address, u64::from(row.asn.unwrap_or_default()), u64::from(row.country)],
            browser: [u64::from(row.agent), u64::from(row.browser), os, u64::from(row.device)],
        };
        (signals, observation)
    }
}

/// The text is believed first, then what the columns say.
fn agent_of(text: &str, device: &str, browser: &str) -> Agent {
    let read = Agent::of(Some(text), ClientHints::default());
    let class = match read.class {
        DeviceClass::Unknown => DeviceClass::of(device).unwrap_or_default(),
        class => class,
    };
    let family = match (read.family, BrowserFamily::of(browser)) {
        (BrowserFamily::Other(_) | BrowserFamily::Unknown, Some(named)) => named,
        (family, _) => family,
    };
    Agent { class, family, ..read }
}

/// The operating system with its version, as the text has it.
fn os_version(agent: &str) -> &str {
    let words = ["Windows NT ", "Android ", "iPhone OS ", "CPU OS ", "Mac OS X ", "CrOS ", "Linux"];
    let begin = words.iter().find_map(|word| agent.find(word)).and_then(|at| agent.get(at..)).unwrap_or_default();
    begin.split([';', ')', ',']).next().unwrap_or_default()
}

/// FNV-1a, 64 bits.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
