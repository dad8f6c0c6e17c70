//! What a browser is told of a passkey before it is made.

use super::passkeys::flows;
use super::*;
use crate::flow::reply::{CeremonyRef, CreationAsked, PasskeyWish};
use crate::flow::testing::{World, client};

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
