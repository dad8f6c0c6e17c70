//! A profile as bytes: one version byte, the head, then the fields. Reading is total: what is not a profile is `None`.

use super::keys::FieldKey;
use super::path::Level;
use super::profile::{Field, MAX_FIELDS, Node, Pin, PinReason, Profile};
use crate::auth::time::Timestamp;

const VERSION: u8 = 1;
/// Bits beside the level: which counts of the node are written.
const HAS_BELOW: u8 = 0x10;
const HAS_DEVICES: u8 = 0x20;

impl Profile {
    /// At most 2 KB.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend(self.sign_ins.to_be_bytes());
        out.extend(self.last.map_or(u64::MAX, Timestamp::as_millis).to_be_bytes());
        out.push(self.pinned.map_or(0, |pin| reason(pin.why)));
        out.extend(self.pinned.map_or(0, |pin| pin.since.as_millis()).to_be_bytes());
        for root in [&self.network, &self.agent] {
            write_node(&mut out, root, HAS_BELOW | HAS_DEVICES);
        }
        for field in self.fields.iter().take(MAX_FIELDS) {
            let node = &field.node;
            let below = if node.below > 0.0 || node.distinct > 0.0 { HAS_BELOW } else { 0 };
            let devices = if node.known > 0.0 || node.absent > 0.0 { HAS_DEVICES } else { 0 };
            out.push(field.level as u8 | below | devices);
            out.extend(field.key.0);
            write_node(&mut out, node, below | devices);
        }
        out
    }

    /// Reads what [`Self::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut input = Input(bytes);
        let [version] = input.take()?;
        if version != VERSION {
            return None;
        }
        let sign_ins = u32::from_be_bytes(input.take()?);
        let last = u64::from_be_bytes(input.take()?);
        let [why] = input.take()?;
        let since = Timestamp::from_millis(u64::from_be_bytes(input.take()?));
        let mut profile = Self {
            sign_ins,
            last: (last != u64::MAX).then(|| Timestamp::from_millis(last)),
            pinned: if why == 0 { None } else { Some(Pin { why: reason_of(why)?, since }) },
            network: input.node(HAS_BELOW | HAS_DEVICES)?,
            agent: input.node(HAS_BELOW | HAS_DEVICES)?,
            fields: Vec::new(),
        };
        while !input.0.is_empty() {
            let [kind] = input.take()?;
            let field = Field {
                level: level_of(kind & !(HAS_BELOW | HAS_DEVICES))?,
                key: FieldKey(input.take()?),
                node: input.node(kind)?,
            };
            profile.fields.push(field);
        }
        (profile.fields.len() <= MAX_FIELDS).then_some(profile)
    }
}

fn write_node(out: &mut Vec<u8>, node: &Node, kind: u8) {
    let mut put = |count: f32| out.extend(count.to_be_bytes());
    put(node.weight);
    if kind & HAS_BELOW != 0 {
        put(node.below);
        put(node.distinct);
    }
    if kind & HAS_DEVICES != 0 {
        put(node.known);
        put(node.absent);
    }
}

struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }

    /// A count; no profile has negative or infinite ones.
    fn count(&mut self) -> Option<f32> {
        Some(f32::from_be_bytes(self.take()?)).filter(|count| count.is_finite() && *count >= 0.0)
    }

    fn node(&mut self, kind: u8) -> Option<Node> {
        let mut node = Node { weight: self.count()?, ..Node::default() };
        if kind & HAS_BELOW != 0 {
            (node.below, node.distinct) = (self.count()?, self.count()?);
        }
        if kind & HAS_DEVICES != 0 {
            (node.known, node.absent) = (self.count()?, self.count()?);
        }
        Some(node)
    }
}

const fn reason(why: PinReason) -> u8 {
    match why {
        PinReason::Disowned => 1,
        PinReason::Reported => 2,
        PinReason::BreachedPassword => 3,
    }
}

const fn reason_of(byte: u8) -> Option<PinReason> {
    match byte {
        1 => Some(PinReason::Disowned),
        2 => Some(PinReason::Reported),
        3 => Some(PinReason::BreachedPassword),
        _ => None,
    }
}

const fn level_of(byte: u8) -> Option<Level> {
    match byte {
        0 => Some(Level::Country),
        1 => Some(Level::Network),
        2 => Some(Level::Prefix),
        3 => Some(Level::Address),
        4 => Some(Level::Class),
        5 => Some(Level::Browser),
        _ => None,
    }
}
