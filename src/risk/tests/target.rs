//! Thresholds by a rate of prompts.

use super::*;
use crate::auth::user::UserId;
use crate::risk::settings::{TargetRate, Thresholds};
use crate::risk::target::{HIGH, LearntScores, MEDIUM};
use proptest::prelude::*;

const RATE: TargetRate = TargetRate { medium: 0.01, high: 0.002 };

fn learnt(scores: impl IntoIterator<Item = f64>) -> LearntScores {
    let mut learnt = LearntScores::default();
    for (n, score) in scores.into_iter().enumerate() {
        learnt.add(Timestamp::from_secs(START + n as u64), &UserId(n.to_string()), score);
    }
    learnt
}

/// Of 400 sign-ins, eight score 3.2, of which four may be prompted: none is.
#[test]
fn no_larger_share_is_prompted_than_the_rate() {
    let scores = learnt((0..400).map(|n| if n % 50 == 0 { 3.2 } else { -1.0 }));
    let found = scores.thresholds(&RATE);
    assert!((found.medium - 3.3).abs() < 1e-6, "{found:?}");
    assert!((found.high - 4.3).abs() < 1e-6, "too few for 0.2 %: a point above medium: {found:?}");
    assert_eq!(
        learnt((0..299).map(|_| 9.0)).thresholds(&RATE),
        Thresholds::default(),
        "three prompts are expected of 300"
    );
}

#[test]
fn one_person_counts_once_a_day_and_a_month_ago_counts_no_more() {
    let mut scores = learnt((0..400).map(|_| 2.2));
    let before = scores.thresholds(&RATE);
    for n in 0..1000 {
        scores.add(Timestamp::from_secs(START + DAY + n * 50), &UserId("mallory".into()), 9.0);
    }
    assert_eq!((scores.len(), scores.thresholds(&RATE)), (401, before));
    scores.add(Timestamp::from_secs(START + 32 * DAY), &UserId("ann".into()), 0.0);
    assert_eq!(scores.len(), 1);
}

/// Twenty people once a day, and one of them from ever new places: the thresholds are those of the nineteen.
#[test]
fn one_insider_moves_the_thresholds_of_a_small_place_by_little() {
    let found = |insider: Option<f64>| {
        let mut scores = LearntScores::default();
        for (day, person) in (0..29).flat_map(|day| (0..20).map(move |person| (day, person))) {
            let own = f64::from((day * 7 + person * 3) % 50) / 25.0 - 0.5;
            let score = insider.filter(|_| person == 19).unwrap_or(own);
            scores.add(
                Timestamp::from_secs(START + day as u64 * DAY + person as u64),
                &UserId(person.to_string()),
                score,
            );
        }
        scores.thresholds(&RATE)
    };
    let (own, moved) = (found(None), found(Some(6.9)));
    assert!(moved.medium - own.medium <= 0.2, "{own:?} {moved:?}");
}

proptest! {
    #[test]
    fn thresholds_stay_within_their_bounds(scores in prop::collection::vec(-20.0..20.0f64, 0..2000), medium in 0.001..0.2f64) {
        let rate = TargetRate { medium, high: medium / 5.0 };
        let found = learnt(scores.iter().copied()).thresholds(&rate);
        prop_assert!((MEDIUM.0..=MEDIUM.1).contains(&found.medium), "{found:?}");
        prop_assert!((HIGH.0..=HIGH.1).contains(&found.high) && found.high >= found.medium + 1.0 - 1e-9, "{found:?}");
        let prompted = scores.iter().filter(|score| **score >= found.medium).count() as f64;
        let is_set = scores.len() as f64 * medium >= 3.0 && found.medium < MEDIUM.1;
        prop_assert!(!is_set || prompted <= scores.len() as f64 * medium + 1e-6, "{prompted} of {}: {found:?}", scores.len());
    }
}
