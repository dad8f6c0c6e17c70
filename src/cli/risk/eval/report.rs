//! The figures of a workload, as values: what the table, the JSON and the plot show.

use serde::Serialize;

use super::bootstrap::{FEWEST, Interval, Intervals, Ranked, Resampled, resample};
use super::measures::{
    FALSE_POSITIVES, Measures, Scored, cumulated, measure, place, quantile, score_at, sort, threshold,
};
use super::pool::{Judged, Pool};
use crate::cli::args::RiskModel as Model;

impl Model {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Stepgate => "stepgate",
            Self::Freeman => "freeman",
        }
    }

    pub(crate) const fn score(self, row: &Judged) -> f64 {
        match self {
            Self::Stepgate => row.stepgate,
            Self::Freeman => row.freeman,
        }
    }
}

/// A figure with its interval.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Figure {
    pub(crate) value: f64,
    #[serde(flatten)]
    pub(crate) interval: Option<Interval>,
}

/// Four figures.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) recall: Figure,
    pub(crate) prompts_90: Figure,
    pub(crate) prompts_99: Figure,
    pub(crate) auc: Figure,
}

impl Figures {
    fn of(values: [f64; 4], intervals: Option<&Intervals>) -> Self {
        let interval = |at: usize| intervals.and_then(|all| *all.get(at)?);
        let [recall, prompts_90, prompts_99, auc] = values;
        Self {
            recall: Figure { value: recall, interval: interval(0) },
            prompts_90: Figure { value: prompts_90, interval: interval(1) },
            prompts_99: Figure { value: prompts_99, interval: interval(2) },
            auc: Figure { value: auc, interval: interval(3) },
        }
    }
}

/// One attacker.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct AttackerReport {
    pub(crate) attacker: String,
    pub(crate) attacks: usize,
    #[serde(flatten)]
    pub(crate) figures: Figures,
    /// Prompts in the first 12 and 39 scored sign-ins of a person, where 99 % of attacks are found: of people who have as
    /// many, half have at most this.
    pub(crate) median_prompts_12: Option<f64>,
    pub(crate) median_prompts_39: Option<f64>,
    /// The published model on the same rows, and how much higher the figures are than its.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) freeman: Option<Figures>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) difference: Option<Figures>,
    /// Why no figure has an interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) no_interval: Option<&'static str>,
}

/// People of one kind, and how often they are prompted where 1 % of all are.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CohortReport {
    pub(crate) cohort: String,
    pub(crate) people: usize,
    pub(crate) sign_ins: usize,
    pub(crate) prompted: f64,
    /// Against the share of all.
    pub(crate) ratio: f64,
}

/// All of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) model: Model,
    pub(crate) people: usize,
    /// Own sign-ins that are scored, and first ones, which are not.
    pub(crate) sign_ins: usize,
    pub(crate) first_sign_ins: usize,
    pub(crate) skipped: u64,
    pub(crate) resamples: u64,
    /// From which score on 1 % and 0.2 % of own sign-ins are prompted.
    pub(crate) threshold_1_percent: Option<f64>,
    pub(crate) threshold_02_percent: Option<f64>,
    pub(crate) attackers: Vec<AttackerReport>,
    pub(crate) cohorts: Vec<CohortReport>,
}

/// Ranks the scores of a model.
pub(crate) fn rank(pool: &Pool, model: Model) -> Ranked {
    let of = |attacker: Option<usize>| -> Vec<Scored> {
        let rows = pool.scored().filter(|row| row.attacker == attacker);
        rows.map(|row| (model.score(row), row.user)).collect()
    };
    let mut own = of(None);
    sort(&mut own);
    let attacks = (0..pool.attackers.len()).map(|attacker| place(&own, of(Some(attacker)))).collect();
    Ranked { own, attacks }
}

/// Measures a pool; the published model stands beside ours, on the same rows and the same resamples.
pub(crate) fn report(
    pool: &Pool,
    model: Model,
    ranked: &[Ranked],
    resamples: u64,
    progress: &(impl Fn() + Sync),
) -> Option<Report> {
    let first = ranked.first()?;
    let drawn = resample(ranked, pool.people, resamples, pool.seed(), progress);
    let mut attackers = Vec::new();
    for (at, name) in pool.attackers.iter().enumerate() {
        let missing = no_interval(ranked, at, resamples);
        let drawn = drawn.get(at).filter(|_| missing.is_none());
        attackers.extend(
            attacker(pool, model, ranked, (at, name), drawn).map(|one| AttackerReport { no_interval: missing, ..one }),
        );
    }
    let score = |share: f64| Some(threshold(&first.own, share)).filter(|score| score.is_finite());
    let sign_ins = first.own.len();
    Some(Report {
        model,
        people: pool.names.iter().filter(|name| !name.is_empty()).count(),
        sign_ins,
        first_sign_ins: pool.rows.iter().filter(|row| row.attacker.is_none()).count() - sign_ins,
        skipped: pool.skipped,
        resamples,
        threshold_1_percent: score(FALSE_POSITIVES),
        threshold_02_percent: score(0.002),
        attackers,
        cohorts: cohorts(pool, model, threshold(&first.own, FALSE_POSITIVES)),
    })
}

fn attacker(
    pool: &Pool,
    model: Model,
    ranked: &[Ranked],
    (at, name): (usize, &str),
    drawn: Option<&Resampled>,
) -> Option<AttackerReport> {
    let ones = vec![1.0; pool.people];
    let of =
        |ranked: &Ranked| measure(&cumulated(&ranked.own, &ones), ranked.attacks.get(at)?, &ones).map(Measures::values);
    let first = ranked.first()?;
    let (values, attacks) = (of(first)?, first.attacks.get(at)?);
    let other = ranked.get(1).and_then(of);
    let mut less = values;
    less.iter_mut().zip(other.unwrap_or_default()).for_each(|(value, other)| *value -= other);
    let from = score_at(attacks, 0.99)?;
    Some(AttackerReport {
        attacker: name.to_owned(),
        attacks: attacks.len(),
        figures: Figures::of(values, drawn.and_then(|drawn| drawn.figures.first())),
        median_prompts_12: median_prompts(pool, model, from, 12),
        median_prompts_39: median_prompts(pool, model, from, 39),
        freeman: other.map(|values| Figures::of(values, drawn.and_then(|drawn| drawn.figures.get(1)))),
        difference: other.map(|_| Figures::of(less, drawn.and_then(|drawn| drawn.difference.as_ref()))),
        no_interval: None,
    })
}

/// Why there is no interval for an attacker: people are drawn, and one is not enough.
fn no_interval(ranked: &[Ranked], at: usize, resamples: u64) -> Option<&'static str> {
    let first = ranked.first()?;
    let people = |users: &mut dyn Iterator<Item = u32>| {
        let mut seen: Vec<u32> = Vec::new();
        while let (true, Some(user)) = (seen.len() < FEWEST, users.next()) {
            if !seen.contains(&user) {
                seen.push(user);
            }
        }
        seen.len()
    };
    if resamples == 0 {
        return Some("no resamples were asked for");
    }
    if people(&mut first.own.iter().map(|(_, user)| *user)) < FEWEST {
        return Some("people are drawn, and only one signs in twice");
    }
    let attacks = first.attacks.get(at)?;
    (people(&mut attacks.iter().map(|attack| attack.user)) < FEWEST)
        .then_some("people are drawn, and only one is attacked")
}

fn median_prompts(pool: &Pool, model: Model, from: f64, first: u32) -> Option<f64> {
    let mut counts = vec![(0u32, 0.0); pool.people];
    for row in pool.scored().filter(|row| row.attacker.is_none() && row.before <= first) {
        if let Some((count, prompts)) = counts.get_mut(row.user as usize) {
            *count += 1;
            *prompts += f64::from(u8::from(model.score(row) >= from));
        }
    }
    let mut prompts: Vec<f64> =
        counts.into_iter().filter(|(count, _)| *count == first).map(|(_, prompts)| prompts).collect();
    prompts.sort_unstable_by(f64::total_cmp);
    quantile(&prompts, 0.5)
}

fn cohorts(pool: &Pool, model: Model, from: f64) -> Vec<CohortReport> {
    let own = || pool.scored().filter(|row| row.attacker.is_none());
    let share = |rows: &[&Judged]| {
        let prompted = rows.iter().filter(|row| model.score(row) >= from).count();
        prompted as f64 / rows.len().max(1) as f64
    };
    let all = share(&own().collect::<Vec<_>>());
    let of = |(name, people): (&String, &Vec<bool>)| {
        let member = |row: &&Judged| people.get(row.user as usize).is_some_and(|member| *member);
        let rows: Vec<&Judged> = own().filter(member).collect();
        let prompted = share(&rows);
        let count = people.iter().filter(|member| **member).count();
        let ratio = if all > 0.0 { prompted / all } else { 0.0 };
        CohortReport { cohort: name.clone(), people: count, sign_ins: rows.len(), prompted, ratio }
    };
    pool.cohorts.iter().map(of).filter(|cohort| cohort.sign_ins > 0).collect()
}
