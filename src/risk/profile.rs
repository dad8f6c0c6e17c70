//! What is usual for one person: counts under keyed hashes, older ones for less.

use std::time::Duration;

use super::keys::{FieldKey, HashKeys};
use super::path::{self, Level, Step};
use super::signals::{Device, Place, Signals};
use crate::auth::time::Timestamp;

/// More fields than this are not kept; the rarest go first.
pub(super) const MAX_FIELDS: usize = 64;

/// Why a profile is held at the highest level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinReason {
    /// The person said of a sign-in that it was not theirs.
    Disowned,
    /// An administrator, or another system, said so.
    Reported,
    /// The password is known to be breached.
    BreachedPassword,
}

impl PinReason {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disowned => "disowned",
            Self::Reported => "reported",
            Self::BreachedPassword => "breached_password",
        }
    }
}

/// Holds a profile at the highest level until recovery or an administrator takes it away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin {
    pub why: PinReason,
    pub since: Timestamp,
}

/// One step of a chain: how often it was taken, and what was seen below it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Node {
    pub(super) weight: f32,
    /// The weight of all steps below.
    pub(super) below: f32,
    /// How many different steps were seen below; kept when those are dropped, so that who changes every day stays known
    /// as such.
    pub(super) distinct: f32,
    /// Sign-ins with a known device cookie, and without, once there could be one.
    pub(super) known: f32,
    pub(super) absent: f32,
}

impl Node {
    fn scale(&mut self, by: f32) {
        for count in [&mut self.weight, &mut self.below, &mut self.distinct, &mut self.known, &mut self.absent] {
            *count *= by;
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) key: FieldKey,
    pub(super) level: Level,
    pub(super) node: Node,
}

/// What is usual for one person. It holds no address, no place and no browser, only hashes under a key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// How many sign-ins were learnt, ever.
    pub sign_ins: u32,
    /// When the last of them was; all weights are those of this moment.
    pub last: Option<Timestamp>,
    pub pinned: Option<Pin>,
    pub(super) network: Node,
    pub(super) agent: Node,
    pub(super) fields: Vec<Field>,
}

impl Profile {
    /// The same, pinned or not.
    #[must_use]
    pub fn with_pin(self, pinned: Option<Pin>) -> Self {
        Self { pinned, ..self }
    }

    /// How many fields it has.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether nothing was learnt yet.
    pub const fn is_empty(&self) -> bool {
        self.sign_ins == 0
    }

    /// What a weight of the last sign-in is worth at this moment.
    pub(super) fn decay(&self, at: Timestamp, half_life: Duration) -> f64 {
        let age = self.last.map_or(0.0, |last| at.since(last).as_secs_f64());
        (-age / half_life.as_secs_f64().max(1.0)).exp2()
    }

    /// Whether a network can be compared with what is usual: not where a database is away by which that was learnt, for what
    /// stands below a country or a network is another name without it.
    pub(super) fn compares(&self, place: &Place) -> bool {
        let has = |level| self.fields.iter().any(|field| field.level == level);
        let lost = |level, known: bool| !known && has(level);
        let is_lost = lost(Level::Country, place.country.is_some()) || lost(Level::Network, place.asn.is_some());
        !(place.is_partial && is_lost)
    }

    /// The node of a step, under any of the keys.
    pub(super) fn node(&self, step: &Step, keys: &HashKeys) -> Option<&Node> {
        let found = self.find(step.field(&keys.current));
        let earlier = || keys.previous.iter().find_map(|key| self.find(step.field(key)));
        found.or_else(earlier).map(|field| &field.node)
    }

    fn find(&self, key: FieldKey) -> Option<&Field> {
        self.fields.iter().find(|field| field.key == key)
    }

    /// Learns a sign-in that met its policy: weight 1, and less where it was risky.
    pub fn learn(&mut self, signals: &Signals, keys: &HashKeys, half_life: Duration, weight: f64) {
        let weight = if weight.is_finite() { weight.clamp(0.0, 1.0) as f32 } else { 0.0 };
        self.count(signals.at, half_life);
        if self.compares(&signals.place) {
            self.learn_chain(&path::network(signals), keys, weight, None);
        }
        self.learn_chain(&path::agent(&signals.agent), keys, weight, Some(signals.device == Device::Known));
        self.trim();
    }

    /// Counts a sign-in of which nothing else is learnt yet.
    pub fn count(&mut self, at: Timestamp, half_life: Duration) {
        let decay = self.decay(at, half_life) as f32;
        self.fields.iter_mut().map(|field| &mut field.node).for_each(|node| node.scale(decay));
        self.network.scale(decay);
        self.agent.scale(decay);
        self.last = self.last.max(Some(at));
        self.sign_ins = self.sign_ins.saturating_add(1);
    }

    fn learn_chain(&mut self, steps: &[Step], keys: &HashKeys, weight: f32, known: Option<bool>) {
        let is_network = known.is_none();
        let mut parent: Option<usize> = None;
        for step in steps {
            let (at, is_new) = self.place(step, keys);
            let root = if is_network { &mut self.network } else { &mut self.agent };
            let above = parent.and_then(|at| self.fields.get_mut(at)).map_or(root, |field| &mut field.node);
            above.below += weight;
            above.distinct += if is_new { weight } else { 0.0 };
            if let Some(field) = self.fields.get_mut(at) {
                field.node.weight += weight;
                match known {
                    Some(true) => field.node.known += weight,
                    // Nobody has a cookie at the first sign-in with a browser.
                    Some(false) if !is_new => field.node.absent += weight,
                    _ => {}
                }
            }
            parent = Some(at);
        }
        if let (Some(known), false) = (known, self.sign_ins <= 1) {
            *(if known { &mut self.agent.known } else { &mut self.agent.absent }) += weight;
        }
    }

    /// Where the field of a step is, under the key in force; a new one if there is none.
    fn place(&mut self, step: &Step, keys: &HashKeys) -> (usize, bool) {
        let key = step.field(&keys.current);
        let at = |key: FieldKey| self.fields.iter().position(|field| field.key == key);
        let found = at(key).or_else(|| keys.previous.iter().find_map(|earlier| at(step.field(earlier))));
        if let Some(field) = found.and_then(|at| self.fields.get_mut(at)) {
            field.key = key;
        }
        let is_new = found.is_none();
        let at = found.unwrap_or_else(|| {
            self.fields.push(Field { key, level: step.level, node: Node::default() });
            self.fields.len() - 1
        });
        (at, is_new)
    }

    /// Drops the lightest, and of equals the finest, which were learnt first.
    fn trim(&mut self) {
        while self.fields.len() > MAX_FIELDS {
            let order = |(_, a): &(usize, &Field), (_, b): &(usize, &Field)| {
                a.node.weight.total_cmp(&b.node.weight).then(b.level.cmp(&a.level))
            };
            let Some(lightest) = self.fields.iter().enumerate().min_by(order).map(|(at, _)| at) else { return };
            self.fields.remove(lightest);
        }
    }
}
