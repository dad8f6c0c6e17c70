//! The contract of recoveries that wait, and of codes of administrators: one a person, ended and spent once, and what is set is
//! set whole.

use super::authenticators::totp;
use super::records::{letter, written};
use super::samples::{AccountPorts, HOUR, NOW, RACERS, id, winners, with_people};
use crate::auth::secret::SecretText;
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::ports::{
    AccountChange, CredentialReset, IssuedCode, IssuedCodeUse, Records, RecoveryRef, WaitingRecovery,
};

/// When one goes on, and when it is over.
const READY: Timestamp = Timestamp::from_millis(1_800_003_600_123);
const LAST: Timestamp = Timestamp::from_millis(1_800_007_200_123);

pub(super) async fn recovery_cases(make: &impl AsyncFn() -> AccountPorts) {
    one_waits_a_person(with_people(make).await).await;
    what_its_person_changes_ends_it(with_people(make).await).await;
    it_is_ended_by_one(with_people(make).await).await;
    an_issued_code_is_spent_by_one(with_people(make).await).await;
    a_reset_is_whole_or_nothing(with_people(make).await).await;
    a_reset_is_made_by_one(with_people(make).await).await;
}

fn waiting(name: &str, key: &str) -> WaitingRecovery {
    let (user, disown_key) = (id(name), key.to_owned());
    WaitingRecovery { user, begun_at: NOW, ready_at: READY, ends_at: LAST, disown_key, credentials: 0 }
}

async fn one_waits_a_person(p: AccountPorts) {
    let ann = id("ann");
    let racers = (0..RACERS).map(|n| {
        let p = p.clone();
        tokio::spawn(async move {
            let new = waiting("ann", &format!("key-{n}"));
            p.recoveries.begin(&new, &letter(&p)).await.unwrap().disown_key
        })
    });
    let stands = p.recoveries.begin(&waiting("ann", "late"), &letter(&p)).await;
    let keys: Vec<_> = futures_util::future::join_all(racers).await.into_iter().map(Result::unwrap).collect();
    let stands = stands.unwrap();
    assert!(keys.iter().all(|key| *key == stands.disown_key), "all are told of one");
    assert_eq!(written(&p).await, 1, "and its letter alone is written");
    assert!(p.recoveries.begin(&waiting("bob", "bobs"), Records::NONE).await.unwrap() == waiting("bob", "bobs"));
    let at = async |which, now| p.recoveries.waiting(which, now).await.unwrap();
    assert_eq!(at(RecoveryRef::Of(&ann), NOW).await.as_ref(), Some(&stands));
    assert_eq!(at(RecoveryRef::Disowned(&stands.disown_key), READY).await.as_ref(), Some(&stands));
    assert_eq!(at(RecoveryRef::Disowned("bobs"), NOW).await, Some(waiting("bob", "bobs")));
    let nobody = UserId("nobody".into());
    for gone in [RecoveryRef::Of(&nobody), RecoveryRef::Disowned("none")] {
        assert_eq!(at(gone, NOW).await, None);
    }
    assert_eq!(at(RecoveryRef::Of(&ann), LAST).await, None, "its time is over");
    let later = WaitingRecovery {
        begun_at: LAST,
        ready_at: LAST.plus(HOUR),
        ends_at: LAST.plus(HOUR),
        ..waiting("ann", "anew")
    };
    assert_eq!(p.recoveries.begin(&later, Records::NONE).await.unwrap(), later, "then another one begins");
    let nobody = p.recoveries.begin(&waiting("nobody", "x"), Records::NONE).await;
    assert!(nobody.is_err());
}

async fn what_its_person_changes_ends_it(p: AccountPorts) {
    let ann = id("ann");
    let hash = || AccountChange::PasswordHash(SecretText::new("$other".to_owned()));
    let changes = [hash(), AccountChange::Disabled(true), AccountChange::OutstandingEnded { ends_sessions: false }];
    for (nth, change) in changes.into_iter().enumerate() {
        let credentials = p.accounts.load(&ann).await.unwrap().unwrap().generation.credentials;
        let new = WaitingRecovery { credentials, ..waiting("ann", &format!("key-{nth}")) };
        assert_eq!(p.recoveries.begin(&new, Records::NONE).await.unwrap(), new, "the one before stands no more");
        assert!(p.accounts.change(&ann, change).await.unwrap());
        for which in [RecoveryRef::Of(&ann), RecoveryRef::Disowned(&new.disown_key)] {
            assert_eq!(p.recoveries.waiting(which, NOW).await.unwrap(), None, "{nth}");
            assert!(!p.recoveries.end(which, NOW, &letter(&p)).await.unwrap(), "{nth}: none stands");
        }
        assert_eq!(written(&p).await, 0, "{nth}: and nobody is told that one ended");
    }
}

async fn it_is_ended_by_one(p: AccountPorts) {
    let ann = id("ann");
    for by_key in [false, true] {
        p.recoveries.begin(&waiting("ann", "key"), Records::NONE).await.unwrap();
        p.recoveries.begin(&waiting("bob", "other"), Records::NONE).await.unwrap();
        let end = |p: AccountPorts| {
            let ann = ann.clone();
            async move {
                let which = if by_key { RecoveryRef::Disowned("key") } else { RecoveryRef::Of(&ann) };
                p.recoveries.end(which, READY, &letter(&p)).await.unwrap()
            }
        };
        assert!(!p.recoveries.end(RecoveryRef::Of(&ann), LAST, &letter(&p)).await.unwrap(), "its time is over");
        let racers = (0..RACERS).map(|_| tokio::spawn(end(p.clone()))).collect();
        assert_eq!((winners(racers).await, written(&p).await), (1, 1));
        assert_eq!(p.recoveries.waiting(RecoveryRef::Of(&ann), NOW).await.unwrap(), None);
        assert!(p.recoveries.waiting(RecoveryRef::Disowned("other"), NOW).await.unwrap().is_some(), "bob's stands");
    }
}

async fn an_issued_code_is_spent_by_one(p: AccountPorts) {
    let (ann, bob) = (id("ann"), id("bob"));
    let issue = async |digest: &str| {
        p.recoveries.issue(&ann, &IssuedCode { digest, expires_at: READY }, &letter(&p)).await.unwrap();
        assert_eq!(written(&p).await, 1);
    };
    let spend = async |user: &UserId, digest: &str, now| p.recoveries.spend_issued(user, digest, now).await.unwrap();
    let issued = async |user: &UserId, now| p.recoveries.issued(user, now).await.unwrap();
    assert_eq!(issued(&ann, NOW).await, None);
    issue("first").await;
    issue("second").await;
    assert_eq!(
        (issued(&ann, NOW).await, issued(&ann, READY).await, issued(&bob, NOW).await),
        (Some(READY), None, None)
    );
    assert_eq!(spend(&ann, "first", NOW).await, IssuedCodeUse::Unknown, "another one took its place");
    assert_eq!(spend(&bob, "second", NOW).await, IssuedCodeUse::Unknown, "somebody else's");
    assert_eq!(spend(&ann, "second", READY).await, IssuedCodeUse::Unknown, "its time is over");
    let racers: Vec<_> = (0..RACERS)
        .map(|_| {
            let (p, ann) = (p.clone(), ann.clone());
            tokio::spawn(async move { p.recoveries.spend_issued(&ann, "second", NOW).await.unwrap() })
        })
        .collect();
    let mut first = 0;
    for racer in racers {
        match racer.await.unwrap() {
            IssuedCodeUse::First => first += 1,
            other => assert_eq!(other, IssuedCodeUse::Repeated, "it is there for all who give it again"),
        }
    }
    assert_eq!(first, 1);
    assert_eq!(issued(&ann, NOW).await, None, "it is spent");
    for change in [
        AccountChange::PasswordHash(SecretText::new("$other".to_owned())),
        AccountChange::Disabled(true),
        AccountChange::OutstandingEnded { ends_sessions: true },
    ] {
        issue("third").await;
        assert!(p.accounts.change(&ann, change).await.unwrap());
        assert_eq!(spend(&ann, "third", NOW).await, IssuedCodeUse::Unknown, "withdrawn, and nobody used it");
        assert_eq!(spend(&ann, "second", NOW).await, IssuedCodeUse::Repeated, "what was used is known as used");
    }
    assert_eq!(spend(&bob, "second", NOW).await, IssuedCodeUse::Unknown);
    assert_eq!(spend(&ann, "other", NOW).await, IssuedCodeUse::Unknown);
    assert_eq!(spend(&ann, "second", READY).await, IssuedCodeUse::Unknown, "for as long as it would have been good");
    issue("fourth").await;
    assert_eq!(spend(&ann, "fourth", NOW).await, IssuedCodeUse::First);
    assert_eq!(spend(&ann, "fourth", NOW).await, IssuedCodeUse::Repeated);
    assert_eq!(spend(&ann, "second", NOW).await, IssuedCodeUse::Unknown, "the last one alone");
    assert!(p.accounts.delete_recorded(&ann, &[], Records::NONE).await.unwrap(), "it holds no account up");
}

fn reset<'a>(user: &'a UserId, credentials: u64, waited: Option<&'a str>, now: Timestamp) -> CredentialReset<'a> {
    CredentialReset { user, credentials, waited, now, password_hash: None, totp: None, backup: None }
}

async fn a_reset_is_whole_or_nothing(p: AccountPorts) {
    let ann = id("ann");
    let (hash, app, digests) = (SecretText::new("$reset".to_owned()), totp("new"), [vec![1], vec![2]]);
    let all = |waited, credentials, now| CredentialReset {
        password_hash: Some(&hash),
        totp: Some(&app),
        backup: Some((b"salt", &digests)),
        ..reset(&ann, credentials, waited, now)
    };
    p.recoveries.begin(&waiting("ann", "key"), Records::NONE).await.unwrap();
    p.recoveries.issue(&ann, &IssuedCode { digest: "code", expires_at: READY }, Records::NONE).await.unwrap();
    let records = letter(&p);
    for (why, tried) in [
        ("another count", all(None, 1, READY)),
        ("another waiting time", all(Some("other"), 0, READY)),
        ("not yet", all(Some("key"), 0, NOW)),
        ("no more", all(Some("key"), 0, LAST)),
    ] {
        assert!(!p.recoveries.reset(&tried, &records).await.unwrap(), "{why}");
    }
    assert!(p.accounts.change(&ann, AccountChange::SessionsEnded).await.unwrap());
    let untouched = async || {
        let (account, owned) =
            (p.accounts.load(&ann).await.unwrap().unwrap(), p.authenticators.of(&ann).await.unwrap());
        assert!(account.password_hash.unwrap().expose() != "$reset" && account.generation.credentials == 0);
        assert!(owned.totp.is_none() && owned.backup.is_none());
        assert!(p.recoveries.waiting(RecoveryRef::Of(&ann), NOW).await.unwrap().is_some());
    };
    untouched().await;
    // A letter that cannot be written takes all of it back.
    p.accounts.change_recorded(&id("bob"), AccountChange::SessionsEnded, &records).await.unwrap();
    assert!(p.recoveries.reset(&all(Some("key"), 0, READY), &records).await.is_err(), "there is a letter of this id");
    untouched().await;
    assert_eq!(written(&p).await, 1, "bob's");
    let sessions = p.accounts.load(&ann).await.unwrap().unwrap().generation.sessions;
    assert!(p.recoveries.reset(&all(Some("key"), 0, READY), &letter(&p)).await.unwrap());
    assert_eq!(written(&p).await, 1);
    let (account, owned) = (p.accounts.load(&ann).await.unwrap().unwrap(), p.authenticators.of(&ann).await.unwrap());
    assert_eq!(account.password_hash.unwrap().expose(), "$reset");
    assert_eq!((owned.totp.unwrap().id.as_str(), owned.backup.unwrap().left), ("new", 2));
    assert!(account.generation.credentials == 1 && account.generation.sessions > sessions, "all that was granted ends");
    assert_eq!(p.recoveries.waiting(RecoveryRef::Of(&ann), READY).await.unwrap(), None);
    assert_eq!(p.recoveries.spend_issued(&ann, "code", NOW).await.unwrap(), IssuedCodeUse::Unknown, "withdrawn");
    let kept = CredentialReset { backup: Some((b"salt", &digests[..1])), ..reset(&ann, 1, None, NOW) };
    assert!(p.recoveries.reset(&kept, Records::NONE).await.unwrap());
    let (account, owned) = (p.accounts.load(&ann).await.unwrap().unwrap(), p.authenticators.of(&ann).await.unwrap());
    assert_eq!(account.password_hash.unwrap().expose(), "$reset", "what is not set stays");
    assert_eq!((owned.totp.unwrap().id.as_str(), owned.backup.unwrap().left), ("new", 1));
    assert!(p.accounts.change(&ann, AccountChange::Disabled(true)).await.unwrap());
    let count = p.accounts.load(&ann).await.unwrap().unwrap().generation.credentials;
    assert!(
        !p.recoveries.reset(&reset(&ann, count, None, NOW), Records::NONE).await.unwrap(),
        "of nobody who is disabled"
    );
}

async fn a_reset_is_made_by_one(p: AccountPorts) {
    let racers = (0..RACERS).map(|n| {
        let p = p.clone();
        tokio::spawn(async move {
            let (ann, hash) = (id("ann"), SecretText::new(format!("$reset-{n}")));
            let mine = CredentialReset { password_hash: Some(&hash), ..reset(&ann, 0, None, NOW) };
            p.recoveries.reset(&mine, &letter(&p)).await.unwrap()
        })
    });
    assert_eq!((winners(racers.collect()).await, written(&p).await), (1, 1));
    let account = p.accounts.load(&id("ann")).await.unwrap().unwrap();
    assert_eq!(account.generation.credentials, 1);
}
