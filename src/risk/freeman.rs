//! The published model to compare with: Freeman et al., *Who Are You?*, NDSS 2016, Eq. 7 without attack data, as its
//! authors' notebook computes it (das-group/rba-algorithm, MIT), its quirks included. It judges nothing in production.

use std::collections::{HashMap, HashSet};

/// A value of one level, by a number of the caller's.
type Value = u64;

/// Levels of the address (address, autonomous system, country), finest first, with their weights.
const ADDRESS: [f64; 3] = [0.6, 0.3, 0.1];
/// Levels of the browser (text, browser and version, system and version, device class).
const BROWSER: [f64; 4] =
    [0.538_665_384_055_135_9, 0.268_045_149_862_566_6, 0.188_182_951_001_095_36, 0.005_106_515_081_202_152_5];

/// One sign-in, as the model sees it.
#[derive(Clone, Copy, Debug)]
pub struct Observation {
    pub user: u32,
    pub address: [Value; 3],
    pub browser: [Value; 4],
}

/// The counts of all sign-ins before.
#[derive(Default)]
pub struct Freeman {
    count: f64,
    people: HashMap<u32, f64>,
    address: Feature<3>,
    browser: Feature<4>,
}

impl Freeman {
    /// The score; nothing for somebody's first sign-in.
    pub fn score(&self, seen: &Observation) -> Option<f64> {
        let own = *self.people.get(&seen.user)?;
        let address = self.address.ratio(&ADDRESS, seen.user, &seen.address, own, self.count);
        let browser = self.browser.ratio(&BROWSER, seen.user, &seen.browser, own, self.count);
        let activity = (1.0 / self.people.len() as f64) / (own / self.count);
        Some(address * browser * activity)
    }

    /// Learns a sign-in.
    pub fn learn(&mut self, seen: &Observation) {
        self.count += 1.0;
        *self.people.entry(seen.user).or_default() += 1.0;
        self.address.learn(seen.user, &seen.address);
        self.browser.learn(seen.user, &seen.browser);
    }
}

/// A feature of `L` levels.
struct Feature<const L: usize> {
    all: HashMap<(usize, Value), f64>,
    own: HashMap<(u32, usize, Value), f64>,
    /// How many different values each level has.
    distinct: [f64; L],
    /// Which coarser values were seen with a finest one.
    with: HashSet<(Value, usize, Value)>,
    with_count: HashMap<Value, f64>,
}

impl<const L: usize> Default for Feature<L> {
    fn default() -> Self {
        Self {
            all: HashMap::new(),
            own: HashMap::new(),
            distinct: [0.0; L],
            with: HashSet::new(),
            with_count: HashMap::new(),
        }
    }
}

impl<const L: usize> Feature<L> {
    fn learn(&mut self, user: u32, values: &[Value; L]) {
        let finest = values.first().copied().unwrap_or_default();
        for (level, (value, distinct)) in values.iter().zip(&mut self.distinct).enumerate() {
            let count = self.all.entry((level, *value)).or_default();
            *distinct += if *count == 0.0 { 1.0 } else { 0.0 };
            *count += 1.0;
            *self.own.entry((user, level, *value)).or_default() += 1.0;
            if level > 0 && self.with.insert((finest, level, *value)) {
                *self.with_count.entry(finest).or_default() += 1.0;
            }
        }
    }

    /// How much likelier anybody is to show these values than the person is.
    fn ratio(&self, weights: &[f64; L], user: u32, values: &[Value; L], own: f64, count: f64) -> f64 {
        let (mut local, mut global) = (0.0, 0.0);
        let finest = values.first().copied().unwrap_or_default();
        for (level, (value, weight)) in values.iter().zip(weights).enumerate() {
            let all = self.all.get(&(level, *value)).copied().unwrap_or_default();
            local += weight * self.own.get(&(user, level, *value)).copied().unwrap_or_default() / own;
            global += weight * if level == 0 { self.smoothed(all, finest, count) } else { all / count };
        }
        if local == 0.0 { 4.0 } else { global / local }
    }

    /// The finest level alone leaves a share to what was never seen.
    fn smoothed(&self, all: f64, finest: Value, count: f64) -> f64 {
        let unseen = 1.0 + self.distinct.iter().skip(1).sum::<f64>();
        if all == 0.0 {
            return 1.0 / (count + unseen);
        }
        let within = 1.0 + self.with_count.get(&finest).copied().unwrap_or_default();
        all / (all + within) * all / (count + unseen)
    }
}
