//! The model: for every step of a chain, how much likelier it is for anybody than for this person.
//!
//! A person's share of a step is the Pitman–Yor predictive: what was seen counts, and what was never seen has the share
//! that this person's habit of new things gives it. Everybody's share leaves the person out.

use super::assessment::{Assessment, Signal, Term};
use super::circumstances;
use super::keys::HashKeys;
use super::level::LevelBasis;
use super::path::{self, Level, Step};
use super::population::{Population, PopulationKey};
use super::profile::{Node, Profile};
use super::settings::Settings;
use super::signals::{Device, Place, Signals};

/// A term never says more than this, either way.
const CAP: f64 = 6.0;
/// How many sign-ins the public base rate weighs against those of everybody else.
const BASE_WEIGHT: f64 = 20.0;
/// A known device cookie says no more than this in a network that is new to the person: it can be copied.
const COOKIE_IN_NEW_NETWORK: f64 = -0.7;

/// How many sign-ins with and without a device cookie a person begins with, and how much a person's share weighs where
/// one browser is looked at.
const COOKIES: (f64, f64) = (4.0, 1.0);
const COOKIE_WEIGHT: f64 = 2.0;

/// How much the trust in a prefix or an address grows by a sign-in, before the logarithm.
const TRUST: f64 = 2.0;

/// How readily a person takes new steps before anything is known, and how much each new one raises it.
struct Habit {
    concentration: f64,
    discount: f64,
}

const fn habit(level: Level) -> Habit {
    let (concentration, discount) = match level {
        Level::Country => (0.3, 0.1),
        Level::Network => (0.5, 0.3),
        Level::Prefix | Level::Address => (0.8, 0.4),
        Level::Class => (0.4, 0.1),
        Level::Browser => (0.4, 0.2),
    };
    Habit { concentration, discount }
}

/// The share of a step among strangers: half of them come from where everybody is, half from anywhere there is. So a
/// network in which nobody works counts for more than one that is merely new to the person.
fn stranger(level: Level, anybody: f64) -> f64 {
    match level {
        Level::Country => anybody.midpoint(0.005),
        Level::Network => anybody.midpoint(0.01),
        Level::Prefix | Level::Address | Level::Class | Level::Browser => anybody,
    }
}

/// How far a step may speak for a sign-in. An address is rare among strangers: had one visit its whole weight, whoever got in
/// once would be at home.
fn trust(level: Level, count: f64) -> f64 {
    match level {
        Level::Prefix | Level::Address => count.mul_add(TRUST, 1.0).ln().min(CAP),
        Level::Country | Level::Network | Level::Class | Level::Browser => CAP,
    }
}

const fn signal(level: Level) -> Signal {
    match level {
        Level::Country => Signal::Country,
        Level::Network => Signal::Network,
        Level::Prefix => Signal::Prefix,
        Level::Address => Signal::Address,
        Level::Class => Signal::DeviceClass,
        Level::Browser => Signal::Browser,
    }
}

/// Judges a sign-in against what is usual for its person and for all. Total: the score is finite for every input.
pub fn assess(
    signals: &Signals,
    profile: &Profile,
    population: &Population,
    keys: &HashKeys,
    settings: &Settings,
) -> Assessment {
    let scene = Scene { signals, profile, population, keys, decay: profile.decay(signals.at, settings.half_life) };
    let mut terms = Vec::with_capacity(10);
    let network = if profile.compares(&signals.place) { path::network(signals) } else { Vec::new() };
    let knows_network = scene.chain(&network, &profile.network, &mut terms);
    let agent = path::agent(&signals.agent);
    scene.chain(&agent, &profile.agent, &mut terms);
    terms.extend(scene.device(agent.last(), knows_network));
    circumstances::add(signals, knows_network, &mut terms);
    let sum = |terms: &mut dyn Iterator<Item = &Term>| terms.map(|term| term.evidence).sum::<f64>();
    let score = sum(&mut terms.iter());
    let basis = LevelBasis {
        score,
        general: sum(&mut terms.iter().filter(|term| LevelBasis::is_general(term.signal))),
        velocity: sum(&mut terms.iter().filter(|term| term.signal == Signal::Velocity)),
        sign_ins: profile.sign_ins,
        is_pinned: profile.pinned.is_some(),
        is_dormant: signals.is_dormant,
    };
    Assessment { level: basis.level(&settings.thresholds, settings.minimum), score, terms }
}

struct Scene<'a> {
    signals: &'a Signals,
    profile: &'a Profile,
    population: &'a Population,
    keys: &'a HashKeys,
    decay: f64,
}

impl Scene<'_> {
    /// Adds a term for each step; answers whether the autonomous system, or what is known above it, was seen before.
    fn chain(&self, steps: &[Step], root: &Node, terms: &mut Vec<Term>) -> bool {
        let mut parent = *root;
        let mut knows = true;
        for step in steps {
            let node = self.profile.node(step, self.keys).copied().unwrap_or_default();
            let (count, below) = (f64::from(node.weight) * self.decay, f64::from(parent.below) * self.decay);
            let distinct = f64::from(parent.distinct) * self.decay;
            let anybody = self.anybody(step.level, count, below);
            let habit = habit(step.level);
            let pull = habit.concentration * self.patience();
            let seen = (count - habit.discount).max(0.0);
            let own = (seen + (pull + habit.discount * distinct) * anybody) / (below + pull);
            let evidence = finite((stranger(step.level, anybody) / own).ln()).clamp(-trust(step.level, count), CAP);
            let (is_new, fact) = (count <= 0.0, self.fact(step.level, count));
            terms.push(Term { signal: signal(step.level), evidence, is_new, fact });
            if matches!(step.level, Level::Country | Level::Network) {
                knows &= count > 0.0;
            }
            parent = node;
        }
        knows
    }

    /// New steps are likelier the longer somebody was away.
    fn patience(&self) -> f64 {
        let gap = self.profile.last.map_or(1.0, |last| self.signals.at.since(last).as_secs_f64() / 86_400.0);
        gap.sqrt().clamp(0.15, 3.0)
    }

    /// The share of a step among everybody else, within the step above it.
    fn anybody(&self, level: Level, count: f64, below: f64) -> f64 {
        let Place { country, asn, country_share, asn_share, asn_prefixes, .. } = self.signals.place;
        let share = |known: Option<f64>, otherwise: f64| known.filter(|s| *s > 0.0 && *s <= 1.0).unwrap_or(otherwise);
        let (key, base) = match level {
            Level::Country => (country.map(PopulationKey::Country), share(country_share, 0.01)),
            Level::Network => (asn.map(|asn| PopulationKey::Network(country, asn)), share(asn_share, 0.02)),
            Level::Prefix => (None, share(asn_prefixes.map(|n| f64::from(n).recip()), 0.001)),
            Level::Address => (None, 1.0 / 256.0),
            Level::Class => (Some(PopulationKey::Class(self.signals.agent.class)), 0.5),
            Level::Browser => (Some(PopulationKey::Browser(self.signals.agent)), 0.15),
        };
        let Some(key) = key else { return base };
        let (all, whole) = self.population.share(key, self.signals.at);
        let others = (all - count).max(0.0);
        (others + BASE_WEIGHT * base) / ((whole - below).max(others) + BASE_WEIGHT)
    }

    /// The device cookie, by how often this person has one in this browser.
    fn device(&self, browser: Option<&Step>, knows_network: bool) -> Option<Term> {
        let node = browser.map(|step| self.profile.node(step, self.keys));
        let kept = self.kept(node.flatten());
        // A browser that was never seen here cannot have one: that it has none says half as much.
        let missing = (0.98 / (1.0 - kept)).ln() * if node == Some(None) { 0.5 } else { 1.0 };
        let (evidence, fact) = match self.signals.device {
            Device::Known => {
                let floor = if knows_network { -CAP } else { COOKIE_IN_NEW_NETWORK };
                ((0.02 / kept).ln().max(floor), "The device is known")
            }
            Device::Absent => (missing, "No device cookie was sent"),
            Device::Unknown => (missing, "The device cookie was never seen for this person"),
        };
        let evidence = finite(evidence).clamp(-CAP, CAP);
        let (signal, fact, is_new) = (Signal::DeviceCookie, fact.to_owned(), self.signals.device == Device::Unknown);
        (self.profile.sign_ins > 0).then_some(Term { signal, evidence, is_new, fact })
    }

    /// The share of sign-ins with a device cookie: of the person's, and from there of this browser's.
    fn kept(&self, browser: Option<&Node>) -> f64 {
        let share = |node: &Node, (known, absent): (f64, f64)| {
            let (known, absent) =
                (f64::from(node.known) * self.decay + known, f64::from(node.absent) * self.decay + absent);
            known / (known + absent)
        };
        let person = share(&self.profile.agent, COOKIES);
        browser.map_or(person, |node| share(node, (COOKIE_WEIGHT * person, COOKIE_WEIGHT * (1.0 - person))))
    }

    fn fact(&self, level: Level, count: f64) -> String {
        let Place { country, asn, .. } = self.signals.place;
        let what = match level {
            Level::Country => country.map_or_else(String::new, |country| format!("Country {country}")),
            Level::Network => asn.map_or_else(String::new, |asn| format!("Network AS{asn}")),
            Level::Prefix => "The address range".to_owned(),
            Level::Address => "The address".to_owned(),
            Level::Class => format!("The kind of device ({})", self.signals.agent.class.name()),
            Level::Browser => "The browser".to_owned(),
        };
        let seen = match count {
            c if c <= 0.0 => "was never seen for this person",
            c if c < 3.0 => "is seldom seen for this person",
            _ => "is usual for this person",
        };
        format!("{what} {seen}")
    }
}

fn finite(x: f64) -> f64 {
    if x.is_finite() { x } else { 0.0 }
}
