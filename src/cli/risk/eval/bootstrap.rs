//! Intervals by resampling people: sign-ins of one person are alike, so a person is drawn with all of theirs.

use serde::Serialize;

use super::measures::{Placed, Scored, cumulated, measure, quantile};
use crate::cli::risk::random::Random;

/// Of fewer people there is no interval: each resample would be the workload itself.
pub(crate) const FEWEST: usize = 2;

/// Scores of one model: own sign-ins, sorted, and attacks by attacker.
pub(crate) struct Ranked {
    pub(crate) own: Vec<Scored>,
    pub(crate) attacks: Vec<Vec<Placed>>,
}

/// Between which values 95 % of resamples lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Interval {
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Interval {
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_unstable_by(f64::total_cmp);
        Some(Self { low: quantile(&values, 0.025)?, high: quantile(&values, 0.975)? })
    }

    /// Whether it lies on one side of nothing.
    pub(crate) fn excludes_zero(&self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }
}

/// The four figures of [`super::measures::Measures`].
pub(crate) type Intervals = [Option<Interval>; 4];

/// Of one attacker: the figures of each model, and of the first less the second.
#[derive(Clone, Debug)]
pub(crate) struct Resampled {
    pub(crate) figures: Vec<Intervals>,
    pub(crate) difference: Option<Intervals>,
}

/// One resample: by attacker and model.
type Draw = Vec<Vec<Option<[f64; 4]>>>;

/// Draws people `count` times, on all processors; the draws depend on the seed alone. Nothing is drawn of one person.
pub(crate) fn resample(
    models: &[Ranked],
    users: usize,
    count: u64,
    seed: u64,
    progress: &(impl Fn() + Sync),
) -> Vec<Resampled> {
    let mut here = vec![false; users];
    let rows = models.first().map(|model| model.own.as_slice()).unwrap_or_default();
    for (_, user) in rows {
        if let Some(seen) = here.get_mut(*user as usize) {
            *seen = true;
        }
    }
    let people: Vec<usize> = here.iter().enumerate().filter(|(_, here)| **here).map(|(user, _)| user).collect();
    let count = if people.len() < FEWEST { 0 } else { count };
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let work = |first: u64| {
        let mine = (first..count).step_by(threads as usize);
        mine.map(|number| {
            progress();
            draw(models, &people, users, &mut Random::new(seed).fork(number))
        })
        .collect::<Vec<Draw>>()
    };
    let draws: Vec<Draw> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|first| scope.spawn(move || work(first))).collect();
        running.into_iter().filter_map(|thread| thread.join().ok()).flatten().collect()
    });
    let attackers = models.first().map_or(0, |model| model.attacks.len());
    (0..attackers).map(|attacker| summary(&draws, attacker, models.len())).collect()
}

fn draw(models: &[Ranked], people: &[usize], users: usize, random: &mut Random) -> Draw {
    let mut weights = vec![0.0; users];
    for _ in people {
        if let Some(weight) = random.pick(people).and_then(|user| weights.get_mut(*user)) {
            *weight += 1.0;
        }
    }
    let attackers = models.first().map_or(0, |model| model.attacks.len());
    let mut drawn: Draw = vec![Vec::new(); attackers];
    for model in models {
        let own = cumulated(&model.own, &weights);
        for (into, attacks) in drawn.iter_mut().zip(&model.attacks) {
            into.push(measure(&own, attacks, &weights).map(|figures| figures.values()));
        }
    }
    drawn
}

fn summary(draws: &[Draw], attacker: usize, models: usize) -> Resampled {
    let figures = |model: usize| draws.iter().filter_map(move |draw| *draw.get(attacker)?.get(model)?);
    let column = |rows: &[[f64; 4]]| {
        [0, 1, 2, 3].map(|at| Interval::of(rows.iter().filter_map(|row| row.get(at).copied()).collect()))
    };
    let of_model = |model: usize| column(&figures(model).collect::<Vec<_>>());
    let differences = || {
        let pair = |draw: &Draw| {
            let both = draw.get(attacker)?;
            let (one, other) = ((*both.first()?)?, (*both.get(1)?)?);
            let mut less = one;
            less.iter_mut().zip(other).for_each(|(one, other)| *one -= other);
            Some(less)
        };
        column(&draws.iter().filter_map(pair).collect::<Vec<_>>())
    };
    Resampled { figures: (0..models).map(of_model).collect(), difference: (models > 1).then(differences) }
}
