//! When all people come from one address.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::auth::user::UserId;

fn address(number: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, number])
}

fn noted(sign_ins: &[(u8, u8)]) -> Origins {
    let mut origins = Origins::default();
    for (person, from) in sign_ins {
        origins.note(&UserId(person.to_string()), address(*from));
    }
    origins
}

proptest! {
    #![proptest_config(crate::auth::generated::cases(2000))]

    /// It is shared exactly where the last that is known of at least eight people, and of all, is that address.
    #[test]
    fn an_address_is_shared_by_all_or_not_at_all(sign_ins in prop::collection::vec((0u8..12, 0u8..2), 0..60)) {
        let latest: BTreeMap<u8, u8> = sign_ins.iter().copied().collect();
        let all = |from: u8| latest.len() >= 8 && latest.values().all(|known| *known == from);
        let origins = noted(&sign_ins);
        for from in 0..2 {
            prop_assert_eq!(origins.is_shared(address(from)), all(from));
        }
        prop_assert_eq!(origins.shared().is_some(), all(0) || all(1));
    }

    /// However often few people sign in, they make no address the one of all; and one person elsewhere is enough against it.
    #[test]
    fn few_people_switch_nothing_off(
        few in prop::collection::vec((0u8..7, 0u8..2), 0..60), many in prop::collection::vec(0u8..200, 0..120),
    ) {
        prop_assert_eq!(noted(&few).shared(), None);
        let all: Vec<(u8, u8)> = many.iter().map(|person| (*person, 1)).chain([(250, 2)]).collect();
        prop_assert_eq!(noted(&all).shared(), None);
    }
}

#[test]
fn the_last_half_of_an_ipv6_address_changes_nothing() {
    let mut origins = Origins::default();
    for person in 0..8 {
        let from = format!("2001:db8::{person}").parse().unwrap();
        origins.note(&UserId(person.to_string()), from);
    }
    assert!(origins.is_shared("2001:db8::ffff".parse().unwrap()));
    assert!(!origins.is_shared("2001:db8:0:1::1".parse().unwrap()));
}
