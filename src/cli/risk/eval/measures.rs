//! What a model is worth against one attacker. Ranks are found once; people count by weight, so that the same walk serves
//! the workload and its resamples.

use serde::Serialize;

/// A score and whose it is.
pub(crate) type Scored = (f64, u32);

/// The share of own sign-ins that may be taken for attacks.
pub(crate) const FALSE_POSITIVES: f64 = 0.01;

/// An attack among the own sign-ins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed {
    pub(crate) score: f64,
    pub(crate) user: u32,
    /// How many own sign-ins score higher, and how many at least as high.
    above: u32,
    from: u32,
}

/// Figures for one attacker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Measures {
    /// Share of attacks found where 1 % of own sign-ins are prompted.
    pub(crate) recall: f64,
    /// Share of own sign-ins prompted where 90 % of attacks are found.
    pub(crate) prompts_90: f64,
    /// The same at 99 %.
    pub(crate) prompts_99: f64,
    pub(crate) auc: f64,
}

impl Measures {
    pub(crate) const fn values(self) -> [f64; 4] {
        [self.recall, self.prompts_90, self.prompts_99, self.auc]
    }
}

/// Highest first.
pub(crate) fn sort(scores: &mut [Scored]) {
    scores.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
}

/// Attacks, highest first, each with its place among own sign-ins, which are sorted.
pub(crate) fn place(own: &[Scored], mut attacks: Vec<Scored>) -> Vec<Placed> {
    sort(&mut attacks);
    let placed = attacks.into_iter().map(|(score, user)| Placed {
        score,
        user,
        above: own.partition_point(|(own, _)| *own > score) as u32,
        from: own.partition_point(|(own, _)| *own >= score) as u32,
    });
    placed.collect()
}

/// The weight of the first n own sign-ins, for every n.
pub(crate) fn cumulated(own: &[Scored], weights: &[f64]) -> Vec<f64> {
    let mut sum = 0.0;
    let sums = own.iter().map(|(_, user)| {
        sum += weight(weights, *user);
        sum
    });
    std::iter::once(0.0).chain(sums).collect()
}

fn weight(weights: &[f64], user: u32) -> f64 {
    weights.get(user as usize).copied().unwrap_or_default()
}

/// Measures attacks against cumulated own sign-ins. `None` if nothing is left to measure.
pub(crate) fn measure(cumulated: &[f64], attacks: &[Placed], weights: &[f64]) -> Option<Measures> {
    let own = cumulated.last().copied().filter(|sum| *sum > 0.0)?;
    let all: f64 = attacks.iter().map(|attack| weight(weights, attack.user)).sum();
    if all <= 0.0 {
        return None;
    }
    let prompted = |rank: u32| cumulated.get(rank as usize).copied().unwrap_or(own) / own;
    let mut figures = Measures { prompts_90: 1.0, prompts_99: 1.0, ..Measures::default() };
    let (mut found, mut at_90, mut at_99) = (0.0, false, false);
    for attack in attacks {
        let weight = weight(weights, attack.user) / all;
        let share = prompted(attack.from);
        found += weight;
        figures.auc += weight * (1.0 - f64::midpoint(prompted(attack.above), share));
        if share <= FALSE_POSITIVES {
            figures.recall = found;
        }
        if !at_90 && found >= 0.9 - 1e-12 {
            (at_90, figures.prompts_90) = (true, share);
        }
        if !at_99 && found >= 0.99 - 1e-12 {
            (at_99, figures.prompts_99) = (true, share);
        }
    }
    Some(figures)
}

/// From which score on this share of attacks is found.
pub(crate) fn score_at(attacks: &[Placed], share: f64) -> Option<f64> {
    let count = (attacks.len() as f64 * share - 1e-9).ceil() as usize;
    attacks.get(count.checked_sub(1)?).map(|attack| attack.score)
}

/// From which score on at most this share of own sign-ins is prompted.
pub(crate) fn threshold(own: &[Scored], share: f64) -> f64 {
    let most = (own.len() as f64 * share) as usize;
    // The first that must not be prompted; all that score as high are spared too.
    let Some((spared, _)) = own.get(most) else { return f64::NEG_INFINITY };
    let count = own.partition_point(|(score, _)| score > spared);
    count.checked_sub(1).and_then(|last| own.get(last)).map_or(f64::INFINITY, |(score, _)| *score)
}

/// The share of attacks found where at most this share of own sign-ins is prompted.
pub(crate) fn found_at(own: usize, attacks: &[Placed], share: f64) -> f64 {
    let found = attacks.partition_point(|attack| f64::from(attack.from) <= share * own as f64);
    found as f64 / attacks.len().max(1) as f64
}

/// The value at this share, between two in proportion; `sorted` must be.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)? as f64;
    let (low, high) = ((last * share).floor(), (last * share).ceil());
    let (a, b) = (sorted.get(low as usize)?, sorted.get(high as usize)?);
    Some(a + (b - a) * (last * share - low))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONCE: [f64; 4] = [1.0; 4];

    fn figures(own: &[f64], attacks: &[f64], weights: &[f64]) -> Measures {
        let people = |scores: &[f64]| scores.iter().copied().zip((0..4).cycle()).collect::<Vec<Scored>>();
        let mut own = people(own);
        sort(&mut own);
        let placed = place(&own, people(attacks));
        measure(&cumulated(&own, weights), &placed, weights).unwrap()
    }

    #[test]
    fn a_perfect_model_a_blind_one_and_a_wrong_one() {
        let low: Vec<f64> = (0..100).map(f64::from).collect();
        let high: Vec<f64> = (200..300).map(f64::from).collect();
        let perfect = Measures { recall: 1.0, prompts_90: 0.0, prompts_99: 0.0, auc: 1.0 };
        assert_eq!(figures(&low, &high, &ONCE).values().map(|v| (v * 1e9).round()), perfect.values().map(|v| v * 1e9));
        let blind = figures(&[1.0; 100], &[1.0; 50], &ONCE);
        assert_eq!((blind.recall, blind.prompts_90, blind.prompts_99), (0.0, 1.0, 1.0));
        assert!((blind.auc - 0.5).abs() < 1e-9);
        assert!(figures(&high, &low, &ONCE).auc < 1e-9);
    }

    #[test]
    fn one_in_a_hundred_may_be_prompted_and_not_two() {
        let own: Vec<f64> = (0..100).map(f64::from).collect();
        // Above 99 nothing is prompted, above 98 one in a hundred, above 97 two.
        let some = figures(&own, &[99.5, 98.5, 97.5, 97.4], &ONCE);
        assert_eq!(some.recall, 0.5);
        assert_eq!(some.prompts_99, 0.02);
        let own: Vec<Scored> = own.into_iter().rev().map(|score| (score, 0)).collect();
        assert_eq!(threshold(&own, 0.01), 99.0);
        assert_eq!(threshold(&own, 0.001), f64::INFINITY);
    }

    #[test]
    fn a_person_drawn_twice_counts_as_two() {
        // The figures with weights are those of the rows written out as often.
        let (own, attacks) = ([4.0, 1.0, 3.0, 0.0], [5.0, 2.0, 3.0, 3.5]);
        let weighted = figures(&own, &attacks, &[2.0, 0.0, 1.0, 1.0]);
        let written = figures(&[4.0, 4.0, 3.0, 0.0], &[5.0, 5.0, 3.0, 3.5], &ONCE);
        assert_eq!(weighted.values().map(|v| (v * 1e9).round()), written.values().map(|v| (v * 1e9).round()));
    }
}
