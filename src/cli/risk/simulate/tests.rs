//! What a workload must be like to measure anything with it.

use std::collections::HashSet;

use super::*;

fn made(seed: u64, parameters: &Parameters) -> String {
    let mut out = Vec::new();
    write(&Size { seed, people: 30, attacked: 0.3, cohorts: false }, parameters, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The user, the time and the kind of each row.
fn rows(text: &str) -> Vec<(&str, &str, &str)> {
    text.lines()
        .skip(1)
        .map(|line| {
            let mut cells = line.split(',');
            let (user, time) = (cells.next().unwrap(), cells.next().unwrap());
            (user, time, line.rsplit(',').next().unwrap())
        })
        .collect()
}

#[test]
fn a_seed_makes_one_workload() {
    assert_eq!(made(7, &FIRST), made(7, &FIRST));
    assert_ne!(made(7, &FIRST), made(8, &FIRST));
    assert_ne!(made(7, &FIRST), made(7, &SECOND));
}

#[test]
fn every_attack_takes_the_slot_of_a_later_sign_in() {
    for parameters in [&FIRST, &SECOND] {
        let text = made(7, parameters);
        let rows = rows(&text);
        let own: HashSet<(&str, &str)> = rows.iter().filter(|row| row.2 == "legit").map(|row| (row.0, row.1)).collect();
        let mut met: HashSet<&str> = HashSet::new();
        for (user, time, kind) in &rows {
            assert!(own.contains(&(*user, *time)), "{kind} at {time}");
            // Nobody is attacked before they have signed in.
            assert!(!met.insert(user) || *kind == "legit", "{kind} first of {user}");
        }
        let kinds: HashSet<&str> = rows.iter().map(|row| row.2).collect();
        assert!(Attacker::ALL.iter().all(|attacker| kinds.contains(attacker.name())));
    }
}

#[test]
fn half_of_the_second_world_has_ipv6_and_the_first_none() {
    let share = |parameters| {
        let text = made(7, parameters);
        let addresses: Vec<&str> = text.lines().skip(1).filter_map(|line| line.split(',').nth(2)).collect();
        addresses.iter().filter(|address| address.contains(':')).count() as f64 / addresses.len() as f64
    };
    assert_eq!(share(&FIRST), 0.0);
    assert!((0.2..0.8).contains(&share(&SECOND)));
}
