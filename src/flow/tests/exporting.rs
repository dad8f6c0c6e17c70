//! An export has all that is held, also what waits, and no secret.

use std::time::Duration;

use super::deletion::{Stage, leave_everything};
use super::*;
use crate::auth::factor::authenticator::AddressKind;
use crate::auth::proof::Method;
use crate::flow::ports::{IssuedCode, Records, WaitingRecovery};
use crate::flow::reply::{CeremonyRef, Exported, Submission};
use crate::flow::testing::client;

#[tokio::test]
async fn all_that_can_be_left_of_somebody_is_in_their_export() {
    let stage = Stage::new();
    let (flows, ann) = (&stage.flows, &stage.ann);
    let at = leave_everything(&stage).await;
    let now = flows.now();
    let later = now.plus(Duration::from_secs(3600));
    let code = IssuedCode { digest: "secret-digest", expires_at: later };
    flows.ports.recoveries.issue(ann, &code, Records::NONE).await.unwrap();
    let waiting = WaitingRecovery {
        user: ann.clone(),
        begun_at: now,
        ready_at: later,
        ends_at: later,
        disown_key: "secret-key".to_owned(),
        credentials: 0,
    };
    flows.ports.recoveries.begin(&waiting, Records::NONE).await.unwrap();
    assert!(flows.issue_enrolment_code(ann).await.unwrap().is_some());
    stage.world.look(|s| {
        s.origins.insert(ann.clone(), "invitation");
        let wrong = s.lockouts.entry((ann.clone(), Method::Totp)).or_default();
        wrong.places.insert("place".to_owned(), (3, now));
    });
    // Proofs of a moment ago.
    let mut at = at;
    for given in [Submission::Password(secret(PASSWORD)), Submission::Code(Method::Totp, stage.code())] {
        let open = opened(flows.submit(&at, given, &client()).await.unwrap());
        at = CeremonyRef::Session(open.token, open.session);
    }
    // A sign-in that the trail remembers.
    let one = Some(Requirement::of(Strength::OneFactor));
    let told = flows.begin(given("ann", PASSWORD), one, Channel::Cookie, &client()).await.unwrap();
    stage.world.remember(&told.events);
    let Exported::Whole(export) = flows.export(&at, &client()).await.unwrap().value else { panic!("not exported") };
    assert_eq!(export.origin.as_deref(), Some("invitation"));
    let is_there = |kind| export.letters.contains(&kind);
    assert!(is_there("sign_in_code") && is_there("sign_in"), "{:?}", export.letters);
    assert_eq!(export.recovery.as_ref().map(|recovery| recovery.ready_at), Some(later));
    assert_eq!(export.recovery_code_until, Some(later));
    assert_eq!(export.enrolment_code_until, Some(flows.now().plus(Duration::from_secs(24 * 3600))));
    assert!(export.wrong_codes.iter().any(|(method, _)| *method == Method::EmailCode), "{:?}", export.wrong_codes);
    assert!(export.risk.is_some_and(|risk| risk.pinned.is_some()));
    assert_eq!(export.sessions.len(), 2);
    assert!(!export.browsers.is_empty(), "no known browser");
    assert!(!export.activity.is_empty(), "no event");
    assert!(export.overview.enrolled.addresses.iter().any(|address| address.kind == AddressKind::Email));
    assert!(export.overview.enrolled.totp.is_some());
}
