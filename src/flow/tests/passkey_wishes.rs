//! What a browser is told of a passkey before it is made.

use super::passkeys::{challenge, flows, key, text};
use super::*;
use crate::auth::factor::passkey::Violation;
use crate::auth::factor::passkey::testing::SoftKey;
use crate::flow::reply::{CeremonyRef, CreationAsked, PasskeyAdded, PasskeyWish};
use crate::flow::settings::{FlowSettings, PasskeySettings};
use crate::flow::testing::{World, client, fast_settings};

/// What is asked: the hints, and whether the person must be verified.
async fn asked(flows: &Flows, at: &CeremonyRef, wanted: Option<MethodSet>) -> (serde_json::Value, String) {
    let wish = PasskeyWish { wanted, ..PasskeyWish::default() };
    let CreationAsked::Asked(options) = flows.ask_wished_passkey(at, wish, &client()).await.unwrap() else {
        panic!("not asked")
    };
    let asked = serde_json::to_value(options.as_ref()).unwrap();
    (asked["hints"].clone(), asked["authenticatorSelection"]["userVerification"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn the_rule_says_which_authenticators_a_browser_shows_first() {
    let world = World::new();
    world.person("bob");
    let flows = flows(&world);
    let [bound, key, any] = [
        MethodSet::EMPTY.with(Method::BoundPasskey),
        MethodSet::EMPTY.with(Method::SecurityKey).with(Method::BoundPasskey),
        MethodSet::ALL,
    ];
    let kept = serde_json::json!(["security-key", "client-device"]);
    let none = serde_json::json!([]);
    let expected = [(bound, &kept, "required"), (key, &kept, "preferred"), (any, &none, "preferred")];
    for (methods, hints, verification) in expected {
        let rule = Some(Requirement { methods, ..Requirement::of(Strength::TwoFactor) });
        let told = flows.begin(given("bob", PASSWORD), rule, Channel::Cookie, &client()).await.unwrap();
        let LoginReply::Enroll(next) = told.value else { panic!("not stuck") };
        let (told, verified) = asked(&flows, &CeremonyRef::SignIn(next.ceremony), Some(MethodSet::ALL)).await;
        assert_eq!((&told, verified.as_str()), (hints, verification), "in a sign-in, by its own rule");
    }
    let one = Some(Requirement::of(Strength::OneFactor));
    let open = opened(flows.begin(given("bob", PASSWORD), one, Channel::Cookie, &client()).await.unwrap());
    let at = CeremonyRef::Session(open.token, open.session);
    for (methods, hints, verification) in expected {
        let (told, verified) = asked(&flows, &at, Some(methods)).await;
        assert_eq!((&told, verified.as_str()), (hints, verification), "in a session, by what its caller knows");
    }
    assert_eq!(asked(&flows, &at, None).await, (none, "preferred".to_owned()), "nothing is known");
}

/// Somebody who has just signed in by password, and what they were asked to make without a question.
async fn upgrading(flows: &Flows) -> (CeremonyRef, Vec<u8>) {
    let one = Some(Requirement::of(Strength::OneFactor));
    let open = opened(flows.begin(given("bob", PASSWORD), one, Channel::Cookie, &client()).await.unwrap());
    let options = flows.ask_upgrade(&open, &client()).await.unwrap().expect("asked");
    (CeremonyRef::Session(open.token.clone(), open.session.clone()), challenge(&options))
}

#[tokio::test]
async fn nobody_need_be_there_in_the_one_ceremony_that_asks_nobody() {
    let world = World::new();
    world.person("bob");
    let passkeys = Some(PasskeySettings { upgrade: true, ..PasskeySettings::default() });
    let flows = Arc::new(Flows::new(world.ports(), FlowSettings { passkeys, ..fast_settings() }));
    let away = SoftKey { user_present: false, user_verified: false, ..key("silent") };
    let (at, silent) = upgrading(&flows).await;
    // What was asked in a dialog is answered by somebody.
    let CreationAsked::Asked(options) = flows.ask_passkey(&at, &client()).await.unwrap() else { panic!("not asked") };
    let answer = text(&away.register(&challenge(options.as_ref())));
    let told = flows
        .add_passkey(
            &at,
            crate::flow::reply::NewPasskey { name: None, credential: &answer, others: Default::default() },
            &client(),
        )
        .await
        .unwrap();
    assert!(matches!(told.value, PasskeyAdded::Rejected(Rejection::WrongPasskey { .. })));
    let reason = RejectReason::Passkey(Violation::UserPresence);
    assert!(told.events.iter().any(|e| e.what == What::ProofRejected { method: Method::Passkey, reason }));
    let told = flows
        .add_passkey(
            &at,
            crate::flow::reply::NewPasskey {
                name: None,
                credential: &text(&away.register(&silent)),
                others: Default::default(),
            },
            &client(),
        )
        .await
        .unwrap();
    let PasskeyAdded::Added { passkey, .. } = told.value else { panic!("not added") };
    assert_eq!(passkey.method(), Method::SecurityKey, "nobody was verified, so it proves possession alone");
    // Not twice in 30 days.
    world.person("eve");
    let one = Some(Requirement::of(Strength::OneFactor));
    let signs_in = async || {
        let open = opened(flows.begin(given("eve", PASSWORD), one, Channel::Cookie, &client()).await.unwrap());
        flows.ask_upgrade(&open, &client()).await.unwrap().is_some()
    };
    assert!(signs_in().await && !signs_in().await);
}
