//! What is usual, what is new, and what says nothing.

use super::*;
use crate::auth::proof::RiskLevel;

fn evidence(assessment: &Assessment, signal: Signal) -> f64 {
    assessment.terms.iter().filter(|term| term.signal == signal).map(|term| term.evidence).sum()
}

#[test]
fn home_is_low_and_abroad_is_high() {
    let home = judge(&signals(20, "NO", 2119, "84.208.20.7"), &at_home());
    assert_eq!(home.level, RiskLevel::Low);
    let mut abroad = signals(20, "RO", 8708, "86.120.1.1");
    (abroad.device, abroad.agent) = (Device::Absent, browser(IPHONE));
    let abroad = judge(&abroad, &at_home());
    assert_eq!(abroad.level, RiskLevel::High, "{abroad:?}");
    let reasons: Vec<String> = abroad.terms.iter().map(Term::sentence).collect();
    assert!(reasons.iter().any(|r| r.starts_with("Country RO was never seen for this person (+")), "{reasons:?}");
}

#[test]
fn two_sign_ins_are_too_few_and_three_are_not() {
    let mut profile = Profile::default();
    for day in 0..3 {
        let here = signals(day, "NO", 2119, "84.208.20.7");
        assert_eq!(judge(&here, &profile).level, RiskLevel::Unscored, "{day}");
        profile.learn(&here, &keys(), Settings::default().half_life, 1.0);
    }
    assert_eq!(judge(&signals(3, "NO", 2119, "84.208.20.7"), &profile).level, RiskLevel::Low);
}

#[test]
fn what_is_not_known_says_nothing() {
    let mut dark = signals(20, "NO", 2119, "10.1.2.3");
    dark.place = Place::default();
    dark.agent = Agent::default();
    let terms = judge(&dark, &at_home()).terms;
    assert!(terms.iter().all(|term| term.signal == Signal::DeviceCookie), "{terms:?}");
}

/// Whatever database goes away and comes back: the network says nothing meanwhile, nothing is learnt of it, and home is home again.
#[test]
fn a_database_that_is_away_makes_nobody_unusual() {
    let network = [Signal::Country, Signal::Network, Signal::Prefix, Signal::Address];
    for lost in [(true, true), (true, false), (false, true)] {
        let away = |day| {
            let mut seen = signals(day, "NO", 2119, "84.208.20.7");
            let Place { country, asn, .. } = seen.place;
            let (country, asn) = (country.filter(|_| !lost.0), asn.filter(|_| !lost.1));
            seen.place = Place { country, asn, is_partial: true, ..Place::default() };
            seen
        };
        let mut profile = at_home();
        for day in 20..25 {
            let terms = judge(&away(day), &profile).terms;
            assert!(terms.iter().all(|term| !network.contains(&term.signal)), "{lost:?}: {terms:?}");
            profile.learn(&away(day), &keys(), Settings::default().half_life, 1.0);
        }
        let back = judge(&signals(25, "NO", 2119, "84.208.20.7"), &profile);
        assert!(back.level == RiskLevel::Low && evidence(&back, Signal::Network) < 0.0, "{lost:?}: {back:?}");
        // What no database says of an address, while all can be asked, is new as ever.
        let mut unmapped = away(25);
        unmapped.place.is_partial = false;
        assert!(judge(&unmapped, &profile).score > back.score);
    }
}

#[test]
fn the_last_half_of_an_ipv6_address_says_nothing() {
    let mut profile = Profile::default();
    for day in 0..20 {
        let address = format!("2a02:2121:80:1:{day}::1");
        profile.learn(&signals(day, "NO", 2119, &address), &keys(), Settings::default().half_life, 1.0);
    }
    let same = judge(&signals(20, "NO", 2119, "2a02:2121:80:1:ffff::1"), &profile);
    let other = judge(&signals(20, "NO", 2119, "2a02:2121:80:2:ffff::1"), &profile);
    assert!(evidence(&same, Signal::Address) < 0.0, "{same:?}");
    assert!(evidence(&other, Signal::Address) > evidence(&same, Signal::Address) + 2.0);
}

#[test]
fn a_copied_cookie_does_not_outweigh_a_new_network() {
    let new = judge(&signals(20, "NO", 64500, "185.1.1.1"), &at_home());
    assert!(evidence(&new, Signal::DeviceCookie) >= -0.7, "{new:?}");
    let usual = judge(&signals(20, "NO", 2119, "84.208.20.7"), &at_home());
    assert!(evidence(&usual, Signal::DeviceCookie) < -2.0, "{usual:?}");
}

#[test]
fn who_changes_every_day_is_not_suspected_for_it() {
    let (mut wanderer, mut settled) = (Profile::default(), Profile::default());
    for day in 0..30 {
        let moving = format!("84.{}.{}.7", day, day * 3);
        wanderer.learn(&signals(day, "NO", 2119, &moving), &keys(), Settings::default().half_life, 1.0);
        settled.learn(&signals(day, "NO", 2119, "84.208.20.7"), &keys(), Settings::default().half_life, 1.0);
    }
    let new = signals(30, "NO", 2119, "84.250.1.1");
    assert!(judge(&new, &wanderer).score + 1.0 < judge(&new, &settled).score);
}

#[test]
fn a_pin_holds_the_highest_level_and_leaves_the_score() {
    let mut profile = at_home();
    let before = judge(&signals(20, "NO", 2119, "84.208.20.7"), &profile);
    profile.pinned = Some(Pin { why: PinReason::Disowned, since: Timestamp::from_secs(START) });
    let after = judge(&signals(20, "NO", 2119, "84.208.20.7"), &profile);
    assert_eq!(after.level, RiskLevel::High);
    assert_eq!(after.score, before.score);
}

#[test]
fn both_keys_are_read_while_one_takes_over() {
    let old = at_home();
    let rotated = HashKeys { current: HashKey::new([8; 32]), previous: vec![HashKey::new([7; 32])] };
    let here = signals(20, "NO", 2119, "84.208.20.7");
    let settings = Settings::default();
    let score = |profile: &Profile, keys: &HashKeys| assess(&here, profile, &nobody_else(), keys, &settings).score;
    assert_eq!(score(&old, &rotated), score(&old, &keys()));
    let mut renewed = old.clone();
    renewed.learn(&here, &rotated, settings.half_life, 1.0);
    assert_eq!(renewed.len(), old.len());
    let alone = HashKeys::one(HashKey::new([8; 32]));
    assert!(score(&renewed, &alone) < score(&Profile::default(), &alone));
}

#[test]
fn impossible_travel_counts_from_a_new_network_without_a_known_device() {
    let mut far = signals(20, "BR", 26599, "177.1.1.1");
    far.device = Device::Absent;
    far.place.location = Some(Location { latitude: -23.5, longitude: -46.6, radius_km: 50.0 });
    let oslo = Location { latitude: 59.9, longitude: 10.7, radius_km: 20.0 };
    far.previous = Some(Previous { location: oslo, at: far.at.minus(Duration::from_secs(3600)) });
    assert_eq!(evidence(&judge(&far, &at_home()), Signal::Travel), 2.5);
    far.previous = Some(Previous { location: oslo, at: far.at.minus(Duration::from_secs(20 * 3600)) });
    assert_eq!(evidence(&judge(&far, &at_home()), Signal::Travel), 0.0);
}

#[test]
fn who_comes_back_is_believed_slowly() {
    // A sign-in that met a step-up is learnt for half: after one of them the place is not yet what home is.
    let (mut profile, mut population, settings) = (at_home(), nobody_else(), Settings::default());
    (0..200).for_each(|n| population.add(&signals(n / 10, "NO", 2119, "84.208.20.8"), 1.0));
    let mut stranger = |day: u64| {
        let mut seen = signals(day, "NO", 64500, "185.1.1.1");
        seen.device = Device::Absent;
        let judged = assess(&seen, &profile, &population, &keys(), &settings);
        profile.learn(&seen, &keys(), settings.half_life, 0.5);
        judged
    };
    let judged: Vec<Assessment> = (20..24).map(&mut stranger).collect();
    assert!(judged[0].level >= RiskLevel::Medium, "{judged:?}");
    let trust = evidence(&judged[1], Signal::Prefix) + evidence(&judged[1], Signal::Address);
    assert!((-2.0..0.0).contains(&trust), "{judged:?}");
    assert!(judged.windows(2).all(|pair| pair[1].score < pair[0].score), "{judged:?}");
}

/// Rejected proofs are strangers' doing: alone they bring nobody to high, whoever is known and whoever is new.
#[test]
fn what_strangers_do_never_makes_high_alone() {
    let velocity = Velocity { failures_of_person: 60, failures_of_prefix: 60, people_of_prefix: 60 };
    let (home, known, new) = (signals(20, "NO", 2119, "84.208.20.7"), at_home(), Profile::default());
    // How unusual it is without what they do; 4.4 more by it.
    for (profile, score, without, with) in [
        (&known, -3.0, RiskLevel::Low, RiskLevel::Low),
        (&known, 1.9, RiskLevel::Low, RiskLevel::Medium),
        (&known, 2.1, RiskLevel::Medium, RiskLevel::High),
        (&new, 0.0, RiskLevel::Unscored, RiskLevel::Unscored),
        (&new, 1.9, RiskLevel::Unscored, RiskLevel::Unscored),
        (&new, 2.1, RiskLevel::Unscored, RiskLevel::High),
    ] {
        // Of who is new, nothing else counts.
        let weight = if profile.is_empty() { score } else { score - judge(&home, profile).score };
        let evidence = vec![Evidence { list: "mine".into(), weight: weight / 4.0 }; 4];
        let quiet = Signals { evidence, ..home.clone() };
        let loud = Signals { velocity, ..quiet.clone() };
        let level = |seen: &Signals| judge(seen, profile).level;
        assert_eq!((level(&quiet), level(&loud)), (without, with), "{score}");
    }
}
