//! What holds for every input.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;

fn any_address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<u32>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from(bits))),
        any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from(bits))),
    ]
}

fn any_place() -> impl Strategy<Value = Place> {
    let country = prop::option::of("[A-Z]{2}").prop_map(|text| text.and_then(|text| Country::parse(&text)));
    let location = (any::<f64>(), any::<f64>(), any::<f64>());
    let location = prop::option::of(location.prop_map(|(latitude, longitude, radius_km)| Location {
        latitude,
        longitude,
        radius_km,
    }));
    let shares = (prop::option::of(any::<f64>()), prop::option::of(any::<f64>()), prop::option::of(any::<u32>()));
    (country, prop::option::of(any::<u32>()), location, shares).prop_map(|(country, asn, location, shares)| Place {
        country,
        asn,
        location,
        country_share: shares.0,
        asn_share: shares.1,
        asn_prefixes: shares.2,
        is_partial: false,
    })
}

fn any_signals() -> impl Strategy<Value = Signals> {
    let device = prop::sample::select(vec![Device::Absent, Device::Known, Device::Unknown]);
    let agent = prop::sample::select(vec![WINDOWS, IPHONE, "", "curl/8", "§"]).prop_map(browser);
    let evidence = prop::collection::vec(any::<f64>(), 0..3);
    let counts = (any::<u32>(), any::<u32>(), any::<u32>());
    (any_address(), any_place(), agent, device, evidence, counts, any::<u64>()).prop_map(
        |(address, place, agent, device, weights, counts, at)| Signals {
            address,
            ip_store: Default::default(),
            previous: place.location.map(|location| Previous { location, at: Timestamp::from_millis(at / 2) }),
            is_dormant: at % 2 == 0,
            place,
            agent,
            device,
            evidence: weights.into_iter().map(|weight| Evidence { list: Arc::from("list"), weight }).collect(),
            velocity: Velocity {
                failures_of_person: counts.0,
                failures_of_prefix: counts.1,
                people_of_prefix: counts.2,
            },
            at: Timestamp::from_millis(at),
        },
    )
}

proptest! {
    /// The terms add up to the score, which is finite whatever was learnt; a profile is small and can be read back.
    #[test]
    fn terms_add_up_and_profiles_come_back(
        past in prop::collection::vec((any_signals(), any::<f64>()), 0..90),
        now in any_signals(),
    ) {
        let (mut profile, mut population) = (Profile::default(), nobody_else());
        let settings = Settings::default();
        for (signals, weight) in &past {
            profile.learn(signals, &keys(), settings.half_life, *weight);
            population.add(signals, *weight);
        }
        let assessment = assess(&now, &profile, &population, &keys(), &settings);
        prop_assert!(assessment.score.is_finite());
        prop_assert_eq!(assessment.score, assessment.terms.iter().map(|term| term.evidence).sum::<f64>());
        let encoded = profile.encode();
        prop_assert!(encoded.len() <= 2048, "{}", encoded.len());
        prop_assert!(profile.len() <= 64);
        prop_assert_eq!(Profile::decode(&encoded), Some(profile));
    }

    /// No bytes break the reader, and what it takes is written back the same.
    #[test]
    fn any_bytes_are_a_profile_or_none(bytes in prop::collection::vec(any::<u8>(), 0..300), now in any_signals()) {
        let versioned = [&[1][..], &bytes].concat();
        if let Some(profile) = Profile::decode(&versioned) {
            prop_assert_eq!(Profile::decode(&profile.encode()), Some(profile.clone()));
            prop_assert!(judge(&now, &profile).score.is_finite());
        }
    }

    /// A list, rejected proofs and a cookie that is missing never make a sign-in look better.
    #[test]
    fn what_speaks_against_never_lowers(now in any_signals(), weight in 0.0..20.0f64) {
        let profile = at_home();
        let before = judge(&now, &profile).score;
        let mut listed = now.clone();
        listed.evidence.push(Evidence { list: Arc::from("tor"), weight });
        prop_assert!(judge(&listed, &profile).score >= before - 1e-9);
        let mut tried = now.clone();
        tried.velocity.failures_of_person = tried.velocity.failures_of_person.saturating_add(20);
        prop_assert!(judge(&tried, &profile).score >= before - 1e-9);
        let with = |device| judge(&Signals { device, previous: None, ..now.clone() }, &profile).score;
        prop_assert!(with(Device::Known) <= with(Device::Absent));
        prop_assert!(with(Device::Known) <= with(Device::Unknown));
    }
}
