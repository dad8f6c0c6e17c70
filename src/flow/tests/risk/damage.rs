//! Records that cannot be read: that they were there says something.

use super::*;
use crate::auth::factor::authenticator::Sealed;
use crate::flow::ports::TransientKind;
use crate::flow::risk::{clear_pin, pin_person};
use crate::risk::PinReason;
use crate::risk::settings::OnFault;

fn damage(world: &Arc<World>) {
    world.look(|s| {
        let kept = s.transient.iter_mut().filter(|((kind, _), _)| *kind == TransientKind::RiskProfile);
        kept.for_each(|(_, (value, _))| *value = Sealed(vec![7; 40]));
    });
}

#[tokio::test]
async fn a_profile_that_cannot_be_read_is_not_that_of_somebody_new() {
    for (fail, expected) in [(OnFault::StepUp, "step_up"), (OnFault::Allow, "permit"), (OnFault::Deny, "fault")] {
        let world = world();
        let bob = world.person("bob");
        world.with_totp(&bob);
        let flows = flows_of(&world, Settings { fail, ..Default::default() });
        usual(&world, &flows, "bob").await;
        damage(&world);
        for _ in 0..2 {
            let told = flows.begin(given("bob", PASSWORD), goal(), Channel::Cookie, &other_browser(AWAY)).await;
            let done = match told.map(|told| told.value) {
                Ok(LoginReply::Opened(_)) => "permit",
                Ok(LoginReply::Next(_)) => "step_up",
                Ok(other) => panic!("{}", word(&other)),
                Err(_) => "fault",
            };
            assert_eq!(done, expected, "each time");
        }
        assert!(erase_profile(&world.ports(), &bob).await.unwrap().is_none());
        let told = by_password(&flows, "bob", &at(HOME)).await;
        assert_eq!(level(&told.events), Some(RiskLevel::Unscored), "it was forgotten");
    }
}

/// Whatever `fail` says.
#[tokio::test]
async fn who_may_have_been_pinned_counts_as_pinned() {
    let world = world();
    let bob = world.person("bob");
    let flows = flows_of(&world, Settings { fail: OnFault::Allow, ..Default::default() });
    usual(&world, &flows, "bob").await;
    pin_person(&world.ports(), &bob, PinReason::Reported).await.unwrap();
    damage(&world);
    let told = by_password(&flows, "bob", &at(HOME)).await;
    assert_eq!(level(&told.events), Some(RiskLevel::High));
    clear_pin(&world.ports(), &bob).await.unwrap();
    erase_profile(&world.ports(), &bob).await.unwrap();
    assert_eq!(level(&by_password(&flows, "bob", &at(HOME)).await.events), Some(RiskLevel::Unscored));
}
