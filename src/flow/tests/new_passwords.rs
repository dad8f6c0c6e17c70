//! New passwords: judged, and hashed only where they may be set.

use crate::auth::factor::password::{self, PasswordOwner, Unfit};
use crate::flow::new_password::NewPassword;
use crate::flow::testing::{World, client, secret};

#[tokio::test]
async fn a_new_password_is_judged_and_hashed() {
    let world = World::new();
    let (flows, client) = (world.flows(), client());
    let attempt = flows.begin_attempt("ann", None, &client);
    let whose = PasswordOwner { username: "ann", personal: &["Annabelle Vornekhaal"] };
    for (typed, told) in [
        ("correct horse", Some(Unfit::TooShort { least: 15, has: 13 })),
        ("annabelle vornekhaal", Some(Unfit::IsPersonal)),
        ("passwordpassword", Some(Unfit::Common)),
        ("a kettle of nine herrings", None),
    ] {
        let made = flows.new_password(&attempt, &secret(typed), &whose).await.unwrap();
        match (made, told) {
            (NewPassword::Fit(hash), None) => assert!(password::verify(&secret(typed), &hash, 4096).unwrap()),
            (NewPassword::Unfit(unfit), Some(told)) => assert_eq!(unfit, told, "{typed}"),
            _ => panic!("{typed}"),
        }
    }
    world.look(|s| s.places.breached.push("a kettle of nine herrings"));
    let breached = flows.new_password(&attempt, &secret("a kettle of nine herrings"), &whose).await.unwrap();
    assert!(matches!(breached, NewPassword::Unfit(Unfit::Breached)));
}
