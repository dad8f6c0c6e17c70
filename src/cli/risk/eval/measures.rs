//! What a model is worth against one attacker: one walk from the highest score to the lowest, people counted by weight, so
//! that the same walk serves the workload and its resamples.

/// A score and whose it is.
pub(crate) type Scored = (f64, u32);

/// The share of own sign-ins that may be taken for attacks.
const FALSE_POSITIVES: f64 = 0.01;

/// Figures for one attacker.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Measures {
    /// Share of attacks found where 1 % of own sign-ins are prompted.
    pub(crate) recall: f64,
    /// Share of own sign-ins prompted where 90 % of attacks are found.
    pub(crate) prompts_90: f64,
    /// The same at 99 %.
    pub(crate) prompts_99: f64,
    pub(crate) auc: f64,
    /// From which score on that is prompted.
    pub(crate) threshold_99: f64,
}

/// Highest first.
pub(crate) fn sort(scores: &mut [Scored]) {
    scores.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
}

/// Measures sorted scores; `weight` says how often a person counts. `None` if nothing is left to measure.
pub(crate) fn measure(own: &[Scored], attacks: &[Scored], weight: &impl Fn(u32) -> f64) -> Option<Measures> {
    let whole = |scores: &[Scored]| scores.iter().map(|(_, user)| weight(*user)).sum::<f64>();
    let (all_own, all_attacks) = (whole(own), whole(attacks));
    if all_own <= 0.0 || all_attacks <= 0.0 {
        return None;
    }
    let mut figures = Measures { prompts_90: 1.0, prompts_99: 1.0, ..Measures::default() };
    let (mut found, mut prompted, mut area) = (0.0, 0.0, 0.0);
    let (mut at_90, mut at_99) = (false, false);
    let (mut own, mut attacks) = (own.iter().peekable(), attacks.iter().peekable());
    while let Some(score) = highest(own.peek(), attacks.peek()) {
        let (mut more_found, mut more_prompted) = (0.0, 0.0);
        while let Some((_, user)) = attacks.next_if(|(s, _)| *s >= score) {
            more_found += weight(*user);
        }
        while let Some((_, user)) = own.next_if(|(s, _)| *s >= score) {
            more_prompted += weight(*user);
        }
        area += more_prompted * (found + more_found / 2.0);
        found += more_found;
        prompted += more_prompted;
        let (found, prompted) = (found / all_attacks, prompted / all_own);
        if prompted <= FALSE_POSITIVES {
            figures.recall = found;
        }
        if !at_90 && found >= 0.9 {
            (at_90, figures.prompts_90) = (true, prompted);
        }
        if !at_99 && found >= 0.99 {
            (at_99, figures.prompts_99, figures.threshold_99) = (true, prompted, score);
        }
    }
    figures.auc = area / (all_own * all_attacks);
    Some(figures)
}

fn highest(a: Option<&&Scored>, b: Option<&&Scored>) -> Option<f64> {
    match (a, b) {
        (Some((a, _)), Some((b, _))) => Some(a.max(*b)),
        (one, other) => one.or(other).map(|(score, _)| *score),
    }
}

/// From which score on at most this share is prompted.
pub(crate) fn threshold(own: &[Scored], share: f64) -> f64 {
    let most = (own.len() as f64 * share) as usize;
    let mut threshold = f64::INFINITY;
    for (at, (score, _)) in own.iter().enumerate() {
        let next = own.get(at + 1).map(|(next, _)| *next);
        if next == Some(*score) {
            continue;
        }
        if at + 1 > most {
            break;
        }
        threshold = *score;
    }
    threshold
}

/// The middle value, or of two the mean; `values` must be sorted.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)? as f64;
    let (low, high) = ((last * share).floor(), (last * share).ceil());
    let (a, b) = (sorted.get(low as usize)?, sorted.get(high as usize)?);
    Some(a + (b - a) * (last * share - low))
}
