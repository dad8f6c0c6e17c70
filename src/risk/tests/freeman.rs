//! The published scores, reproduced.

use std::collections::HashMap;

use crate::risk::freeman::{Freeman, Observation};

#[test]
fn the_published_scores_come_out_to_the_ninth_place() {
    let vectors: serde_json::Value = serde_json::from_str(include_str!("data/freeman-vectors.json")).unwrap();
    let mut numbers: HashMap<String, u64> = HashMap::new();
    let mut number = |row: &serde_json::Value, column: usize| {
        let next = numbers.len() as u64;
        *numbers.entry(format!("{column} {}", row[column])).or_insert(next)
    };
    let mut expected: HashMap<u64, f64> = HashMap::new();
    for pair in vectors["expected"].as_array().unwrap() {
        expected.insert(pair[0].as_u64().unwrap(), pair[1].as_f64().unwrap());
    }
    let mut model = Freeman::default();
    for (at, row) in (0..).zip(vectors["rows"].as_array().unwrap()) {
        let seen = Observation {
            user: number(row, 0) as u32,
            address: [1, 2, 3].map(|column| number(row, column)),
            browser: [4, 5, 6, 7].map(|column| number(row, column)),
        };
        let score = model.score(&seen);
        match expected.get(&at) {
            Some(expected) => assert!((score.unwrap() / expected - 1.0).abs() < 1e-9, "{at}: {score:?} {expected}"),
            None => assert_eq!(score, None, "{at}"),
        }
        model.learn(&seen);
    }
    assert_eq!(expected.len(), 43);
}
