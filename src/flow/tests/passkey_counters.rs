//! Passkeys that were copied, and who would lock their owner out.

use super::passkeys::{WRONG, alone, challenge, flows, key, text, with_passkey};
use super::*;
use crate::auth::factor::passkey::Violation;
use crate::auth::factor::passkey::testing::SoftKey;
use crate::flow::testing::{World, client_at};

#[tokio::test]
async fn a_counter_that_does_not_grow_is_refused_and_told() {
    let world = World::new();
    let flows = flows(&world);
    let mut key = SoftKey { sign_count: 3, ..key("one") };
    with_passkey(&world, &flows, "ann", &mut key);
    for (count, grows) in [(3, false), (0, false), (4, true), (4, false), (u32::MAX, true)] {
        key.sign_count = count;
        let told = alone(&flows, &key).await;
        assert_eq!(matches!(told.value, LoginReply::Opened(_)), grows, "{count}");
        assert_eq!(told.events.iter().any(|e| e.what == What::PasskeyCounter), !grows, "{count}");
        assert!(grows || is_rejected(&told, WRONG, RejectReason::Passkey(Violation::Counter)));
    }
}

#[tokio::test]
async fn nobody_locks_the_owner_of_a_passkey_out() {
    let world = World::new();
    let flows = flows(&world);
    let mut key = key("one");
    with_passkey(&world, &flows, "ann", &mut key);
    for n in 0..200 {
        let from = client_at(&format!("203.0.113.{n}"));
        let asked = flows.sign_in_challenge(None, &from).unwrap().unwrap();
        let mut answer = key.sign(&challenge(&asked.options));
        answer["response"]["signature"] = "AAAA".into();
        flows.sign_in_by_passkey(&asked.state, &text(&answer), None, &from).await.unwrap();
    }
    opened(alone(&flows, &key).await);
    assert!(world.look(|s| s.lockouts.is_empty()));
}
