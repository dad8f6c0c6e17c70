//! "This was not me" while somebody else recovers: it ends all that they hold.

use super::*;
use crate::auth::link_token::LinkToken;
use crate::auth::notice_kind::NoticeKind;
use crate::flow::notices::LINK_LASTS;
use crate::flow::ports::{AccountChange, Clock as _, NoticeLink, RecoveryRef};
use crate::flow::risk::{Disowned, clear_pin, pin_person};
use crate::risk::PinReason;

impl Stage {
    /// Presses the button of a letter.
    async fn disowned(&self, bytes: u8) {
        let token = LinkToken::mint(&[bytes; 32]);
        let link = NoticeLink { user: Some(self.ann.clone()), at: self.world.now() };
        self.world.ports().notice_links.put(&token, &link, LINK_LASTS).await.unwrap();
        self.flows.disown_by_letter(&token, &client()).await.unwrap();
    }

    /// Signs ann in with all that she has.
    async fn entered(&self) -> Box<Opened> {
        let own = whole(&self.flows, "ann", &client(), self.world.code(&self.key, 0)).await;
        self.world.pass(Duration::from_secs(60));
        own
    }

    /// Says so in a session.
    async fn disowned_within(&self, own: &Opened) {
        let told = self.flows.disown(&own.token, &own.session, &client()).await.unwrap();
        assert!(matches!(told.value, Disowned::Done { opened: Some(_), .. }), "her own session goes on");
    }
}

fn is_gone(told: &WithEvents<RenewalReply>) -> bool {
    matches!(told.value, RenewalReply::Rejected(Rejection::CeremonyGone))
}

#[tokio::test]
async fn what_was_granted_before_sets_nothing() {
    for within in [false, true] {
        let stage = Stage::new();
        let own = stage.entered().await;
        let granted = stage.granted("ann", Stage::backup()).await;
        let mailed = stage.mailed("ann").await;
        let issued = stage.issued(&stage.ann).await;
        let under_way = asked(sign_in(&stage.flows, "ann", &client()).await);
        if within {
            stage.disowned_within(&own).await;
        } else {
            stage.disowned(1).await;
        }
        let told = stage.finish(&granted, password()).await;
        assert!(is_gone(&told), "within {within}: a grant");
        let told = stage.prove(&mailed, stage.totp(0)).await;
        assert!(matches!(told.value, RecoveryReply::Rejected(_)), "within {within}: {}", told_word(&told.value));
        let told = stage.prove_issued("ann", &issued).await;
        assert!(matches!(told.value, RecoveryReply::Rejected(_)), "within {within}: {}", told_word(&told.value));
        stage.world.pass(Duration::from_secs(90));
        let code = stage.world.code(&stage.key, 0);
        let told = stage.flows.second_factor(&under_way.ceremony, Method::Totp, code, &client()).await.unwrap();
        assert!(!matches!(told.value, LoginReply::Opened(_)), "within {within}: a sign-in under way");
    }
}

#[tokio::test]
async fn a_recovery_that_waits_ends_and_is_told_of() {
    for within in [false, true] {
        let stage = Stage::new();
        let own = stage.entered().await;
        let code = stage.mailed("ann").await;
        assert!(matches!(stage.prove(&code, None).await.value, RecoveryReply::Waiting { .. }));
        if within {
            stage.disowned_within(&own).await;
        } else {
            stage.disowned(1).await;
        }
        let ports = stage.world.ports();
        let waiting = ports.recoveries.waiting(RecoveryRef::Of(&stage.ann), ports.clock.now()).await.unwrap();
        assert!(waiting.is_none(), "within {within}");
        let told = stage.world.look(|s| {
            let is_told =
                |letter: &Letter| matches!(letter, Letter::Notice(n) if n.kind == NoticeKind::RecoveryCancelled);
            s.letters.iter().any(|(letter, _)| is_told(letter))
        });
        assert!(told, "within {within}");
    }
}

/// Who proved both before the pin was set does not take it away.
#[tokio::test]
async fn a_pin_that_is_newer_than_the_grant_stays() {
    for newer in [true, false] {
        let mut stage = Stage::new();
        let settings = FlowSettings { risk: Some(Default::default()), ..recovering() };
        stage.flows = Arc::new(Flows::new(stage.world.ports(), settings));
        let ports = stage.world.ports();
        let pin = async || pin_person(&ports, &stage.ann, PinReason::Disowned).await.unwrap();
        if !newer {
            pin().await;
            stage.world.pass(Duration::from_secs(1));
        }
        let granted = stage.granted("ann", Stage::backup()).await;
        stage.world.pass(Duration::from_secs(1));
        if newer {
            pin().await;
        }
        assert!(is_set(&stage.finish(&granted, password()).await));
        assert_eq!(clear_pin(&ports, &stage.ann).await.unwrap().is_some(), newer);
    }
}

#[tokio::test]
async fn every_address_is_told_that_a_recovery_begins() {
    for how in ["waits", "second", "issued"] {
        let stage = Stage::new();
        match how {
            "waits" => drop(stage.prove(&stage.mailed("ann").await, None).await),
            "second" => drop(stage.granted("ann", Stage::backup()).await),
            _ => drop(granted(stage.prove_issued("ann", &stage.issued(&stage.ann).await).await)),
        }
        let mut told = stage.world.look(|s| {
            let begun = |letter: &Letter| match letter {
                Letter::Notice(n) if matches!(n.kind, NoticeKind::RecoveryBegun { .. }) => {
                    Some((serde_json::to_string(&n.to).unwrap(), n.origin.is_some()))
                }
                _ => None,
            };
            s.letters.iter().filter_map(|(letter, _)| begun(letter)).collect::<Vec<_>>()
        });
        told.sort();
        let to = |address: &str| (format!("{{\"email\":\"{address}\"}}"), true);
        assert_eq!(told, [to("ann@example.com"), to("zann@example.net")], "{how}");
    }
}

/// Anybody can choose a name; an address was confirmed.
#[tokio::test]
async fn a_name_that_is_an_address_takes_no_recovery_of_its_owner() {
    let stage = Stage::new();
    let thief = stage.world.person("ann@example.com");
    with_address(&stage.world, &thief, AddressKind::Email, "thief@example.org");
    let to_thief = || {
        stage.world.look(|s| {
            let to = |letter: &Letter| letter.recipient().map(|to| serde_json::to_string(to).unwrap());
            s.letters.iter().any(|(letter, _)| to(letter).is_some_and(|to| to.contains("thief")))
        })
    };
    stage.flows.ask_recovery("ann@example.com", &client()).await.unwrap();
    stage.flows.ask_recovery_by_address("ann@example.com", &client()).await.unwrap();
    assert!(!to_thief() && stage.world.look(|s| s.letters.len() == 2));
    let told = stage.flows.ask_recovery_by_address("bob", &client()).await.unwrap();
    assert!(told.events.is_empty(), "a name is no address");
}

#[tokio::test]
async fn a_code_of_an_administrator_ends_with_what_it_was_issued_for() {
    let changes = || {
        let hash = secret("$argon2id$another");
        [
            (AccountChange::PasswordHash(hash), true),
            (AccountChange::Disabled(true), true),
            (AccountChange::OutstandingEnded { ends_sessions: false }, true),
            (AccountChange::SessionsEnded, false),
            (AccountChange::Disabled(false), false),
        ]
    };
    for (change, ends) in changes() {
        let stage = Stage::new();
        let code = stage.issued(&stage.ann).await;
        let accounts = stage.world.ports().accounts;
        accounts.change(&stage.ann, change).await.unwrap();
        accounts.change(&stage.ann, AccountChange::Disabled(false)).await.unwrap();
        let told = stage.prove_issued("ann", &code).await;
        assert_eq!(matches!(told.value, RecoveryReply::Granted(_)), !ends, "{}", told_word(&told.value));
    }
    let stage = Stage::new();
    let code = stage.issued(&stage.ann).await;
    stage.world.ports().authenticators.remove_all(&stage.ann, &Records::default()).await.unwrap();
    assert!(matches!(stage.prove_issued("ann", &code).await.value, RecoveryReply::Rejected(_)));
}
