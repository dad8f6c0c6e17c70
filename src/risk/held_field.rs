//! What a profile holds, for whom it is about: every count, and hashes in place of what was seen.

use super::keys::FieldKey;
use super::path::Level;
use super::profile::{Node, Profile};

/// One count of a profile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeldField {
    /// What it counts: `country`, or `all_networks` for the sum of a chain.
    pub name: &'static str,
    /// What was seen, as a keyed hash; `None` for a sum.
    pub hash: Option<FieldKey>,
    /// How many sign-ins it is worth, at the moment of the last one.
    pub weight: f32,
    /// The weight of what was seen below it, and of how many different things.
    pub below: f32,
    pub distinct: f32,
    /// Sign-ins with a known device cookie, and without.
    pub known: f32,
    pub absent: f32,
}

impl Profile {
    /// All that it holds beside its head: the sums of both chains, then the fields.
    pub fn held(&self) -> Vec<HeldField> {
        let sums = [("all_networks", &self.network), ("all_agents", &self.agent)];
        let sums = sums.into_iter().map(|(name, node)| held(name, None, node));
        sums.chain(self.fields.iter().map(|field| held(name(field.level), Some(field.key), &field.node))).collect()
    }
}

const fn held(name: &'static str, hash: Option<FieldKey>, node: &Node) -> HeldField {
    let Node { weight, below, distinct, known, absent } = *node;
    HeldField { name, hash, weight, below, distinct, known, absent }
}

const fn name(level: Level) -> &'static str {
    match level {
        Level::Country => "country",
        Level::Network => "network",
        Level::Prefix => "prefix",
        Level::Address => "address",
        Level::Class => "device_class",
        Level::Browser => "browser",
    }
}
