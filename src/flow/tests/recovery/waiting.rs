//! The time that stands in for a second proof.

use super::*;
use crate::auth::link_token::LinkToken;
use crate::auth::notice_kind::NoticeKind;
use crate::auth::time::Timestamp;
use crate::flow::ports::{AccountChange, Clock as _, RecoveryRef};
use crate::flow::reply::{CeremonyRef, OtherSessions, PasswordChanged, PasswordWish, ProofsAlong};
use crate::flow::risk::pin_person;
use crate::risk::PinReason;

const WAIT: Duration = Duration::from_secs(24 * 3600);

impl Stage {
    async fn waits(&self, name: &str) -> Timestamp {
        let code = self.mailed(name).await;
        match self.prove(&code, None).await.value {
            RecoveryReply::Waiting { ready_at, .. } => ready_at,
            other => panic!("does not wait: {}", told_word(&other)),
        }
    }

    /// The links that end it, and to whom they went.
    fn stops(&self) -> Vec<(String, LinkToken)> {
        self.world.look(|s| {
            let stop = |letter: &Letter| match letter {
                Letter::Link(link) if link.purpose == LinkPurpose::RecoveryWaits => {
                    let (_, token) = link.url.expose().split_once("token=").unwrap();
                    Some((serde_json::to_string(&link.to).unwrap(), LinkToken::parse(token).unwrap()))
                }
                _ => None,
            };
            s.letters.iter().filter_map(|(letter, _)| stop(letter)).collect()
        })
    }
}

#[tokio::test]
async fn who_has_no_second_proof_waits_and_every_address_is_told() {
    let stage = Stage::new();
    let code = stage.mailed("ann").await;
    let told = stage.prove(&code, None).await;
    let RecoveryReply::Waiting { ready_at, methods } = told.value else { panic!("{}", told_word(&told.value)) };
    assert_eq!(ready_at, stage.world.now().plus(WAIT));
    assert!(methods.contains(Method::Totp) && methods.contains(Method::BackupCode));
    assert!(happened(&told.events, What::RecoveryWaiting));
    let mut to: Vec<String> = stage.stops().into_iter().map(|(to, _)| to).collect();
    to.sort();
    assert_eq!(to, ["{\"email\":\"ann@example.com\"}", "{\"email\":\"zann@example.net\"}"]);
    // Asked again, by this code or another one, it stands where it stood and nobody is told twice.
    stage.world.pass(Duration::from_secs(60));
    for code in [code, stage.mailed("ann").await] {
        let told = stage.prove(&code, None).await;
        assert!(matches!(told.value, RecoveryReply::Waiting { ready_at: again, .. } if again == ready_at));
        assert!(!happened(&told.events, What::RecoveryWaiting));
    }
    assert_eq!(stage.stops().len(), 2);
    stage.world.pass(WAIT);
    // A lost state store loses no more than codes.
    stage.world.look(|s| s.transient.clear());
    let told = {
        let code = stage.mailed("ann").await;
        stage.prove(&code, None).await
    };
    assert_eq!(can(&told), PASSWORD_ALONE, "no second factor is replaced, whatever time passes");
    assert!(is_set(&stage.finish(&granted(told), password()).await));
    assert!(stage.world.look(|s| s.recoveries.is_empty()));
}

#[tokio::test]
async fn a_second_proof_makes_the_waiting_needless() {
    let stage = Stage::new();
    stage.waits("ann").await;
    assert_eq!(
        can(&{
            let code = stage.mailed("ann").await;
            stage.prove(&code, Stage::backup()).await
        }),
        Resets::ALL
    );
}

#[tokio::test]
async fn not_me_ends_it_and_what_was_granted_by_it() {
    let stage = Stage::new();
    stage.waits("bob").await;
    let (_, token) = stage.stops().pop().unwrap();
    let shown = stage.flows.recovery_to_stop(&token).await.unwrap().unwrap();
    assert_eq!(shown.username.as_str(), "bob");
    stage.world.pass(WAIT);
    let granted = stage.granted("bob", None).await;
    let told = stage.flows.stop_recovery(&token, &client()).await.unwrap();
    assert!(told.value && happened(&told.events, What::RecoveryCancelled));
    assert!(stage.world.look(|s| matches!(s.letters.last(), Some((Letter::Notice(_), _)))), "and everybody is told");
    assert!(!stage.flows.stop_recovery(&token, &client()).await.unwrap().value, "once");
    let told = stage.finish(&granted, password()).await;
    assert!(matches!(told.value, RenewalReply::Rejected(Rejection::CeremonyGone)));
    stage.world.look(|s| assert_eq!(s.accounts[&stage.bob].generation.credentials, 0, "nothing was set"));
    // Begun again it waits anew, and everybody is told anew.
    assert_eq!(stage.waits("bob").await, stage.world.now().plus(WAIT));
    assert_eq!(stage.stops().len(), 2);
}

#[tokio::test]
async fn it_ends_by_a_password_by_a_sign_in_by_an_operator_and_by_time() {
    let stage = Stage::new();
    let waits = |user: &UserId| {
        let (ports, user) = (stage.world.ports(), user.clone());
        async move { ports.recoveries.waiting(RecoveryRef::Of(&user), ports.clock.now()).await.unwrap().is_some() }
    };
    stage.waits("ann").await;
    let hash = stage.world.look(|s| s.accounts[&stage.ann].password_hash.clone().unwrap());
    stage.world.ports().accounts.change(&stage.ann, AccountChange::PasswordHash(hash)).await.unwrap();
    assert!(!waits(&stage.ann).await, "another password");
    stage.waits("ann").await;
    // One factor of two shows nothing: who stole a password could end it for ever.
    let one = Some(Requirement::of(Strength::OneFactor));
    opened(stage.flows.begin(given("ann", PASSWORD), one, Channel::Cookie, &client()).await.unwrap());
    assert!(waits(&stage.ann).await);
    let next = asked(sign_in(&stage.flows, "ann", &client()).await);
    let code = stage.world.code(&stage.key, 0);
    let told = stage.flows.second_factor(&next.ceremony, Method::Totp, code, &client()).await.unwrap();
    assert!(happened(&told.events, What::RecoveryCancelled));
    assert!(!waits(&stage.ann).await, "who has all that they have needs no recovery");
    stage.waits("bob").await;
    let (ports, which) = (stage.world.ports(), RecoveryRef::Of(&stage.bob));
    assert!(ports.recoveries.end(which, ports.clock.now(), Records::NONE).await.unwrap());
    assert!(!waits(&stage.bob).await);
    stage.waits("bob").await;
    stage.world.pass(WAIT + RecoverySettings::OPEN_FOR);
    assert!(!waits(&stage.bob).await, "it is not open for ever");
    assert_eq!(stage.waits("bob").await, stage.world.now().plus(WAIT), "and begins anew");
}

#[tokio::test]
async fn a_passkey_alone_is_not_made_a_password_by_waiting() {
    let stage = Stage::new();
    stage.world.look(|s| s.accounts.get_mut(&stage.ann).unwrap().password_hash = None);
    let code = stage.mailed("ann").await;
    let told = stage.prove(&code, None).await;
    assert!(matches!(told.value, RecoveryReply::Ask { wait: None, .. }), "{}", told_word(&told.value));
    assert!(stage.stops().is_empty());
}

/// Who has a mailbox and time takes nothing away that holds somebody else at high risk.
#[tokio::test]
async fn a_pin_is_lifted_by_two_proofs_alone() {
    let stage = Stage::new();
    let risky = FlowSettings { risk: Some(Default::default()), ..recovering() };
    let stage = Stage { flows: Arc::new(Flows::new(stage.world.ports(), risky)), ..stage };
    let ports = stage.world.ports();
    for (user, name, second, lifted) in [(&stage.bob, "bob", None, false), (&stage.ann, "ann", stage.totp(0), true)] {
        pin_person(&ports, user, PinReason::Disowned).await.unwrap();
        if second.is_none() {
            stage.waits(name).await;
            stage.world.pass(WAIT);
        }
        let second = second.map(|_| Submission::Code(Method::Totp, stage.world.code(&stage.key, 0)));
        let token = stage.granted(name, second).await;
        let told = stage.finish(&token, password()).await;
        assert!(is_set(&told));
        assert_eq!(happened(&told.events, What::RiskPinCleared), lifted, "{name}");
    }
}

/// Who changes what they sign in by is told that the recovery which waited has ended; who forgets browsers goes on to wait.
#[tokio::test]
async fn a_change_that_ends_it_says_so() {
    let stage = Stage::new();
    let told = || {
        stage.world.look(|s| {
            let is = |letter: &Letter| matches!(letter, Letter::Notice(n) if n.kind == NoticeKind::RecoveryCancelled);
            s.letters.iter().filter(|(letter, _)| is(letter)).count()
        })
    };
    let own = whole(&stage.flows, "ann", &client(), stage.world.code(&stage.key, 0)).await;
    stage.waits("ann").await;
    stage.flows.forget_browsers(&own.session, &client()).await.unwrap();
    let waiting = || stage.world.look(|s| s.recoveries.len());
    assert_eq!((waiting(), told()), (1, 0), "no browser is left, and it waits");
    let again = stage.mailed("ann").await;
    assert!(matches!(stage.prove(&again, None).await.value, RecoveryReply::Waiting { .. }));
    stage.world.pass(Duration::from_secs(60));
    let own = CeremonyRef::Session(own.token.clone(), own.session.clone());
    let along = ProofsAlong { password: Some(secret(PASSWORD)), code: None };
    let wish = PasswordWish { password: secret(NEW), along, others: OtherSessions::Keep };
    let changed = stage.flows.change_password(&own, wish, &client()).await.unwrap();
    assert!(matches!(changed.value, PasswordChanged::Changed(_)));
    assert_eq!((waiting(), told()), (0, 2), "both addresses");
}
