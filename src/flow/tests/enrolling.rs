use std::collections::HashSet;
use std::time::Duration;

use super::*;
use crate::auth::proof::MethodSet;
use crate::auth::secret::SecretBytes;
use crate::flow::reply::{CeremonyRef, ConfirmReply, EnrollReply, PendingTotp, Submission};
use crate::flow::testing::{HOST, World, client};

async fn begin(flows: &Flows, who: &CeremonyRef) -> PendingTotp {
    match flows.begin_totp(who, &client()).await.unwrap() {
        EnrollReply::Pending(pending) => pending,
        EnrollReply::ProveFirst(methods) => panic!("prove {methods:?} first"),
        EnrollReply::Gone => panic!("gone"),
    }
}

fn key_of(pending: &PendingTotp) -> SecretBytes {
    SecretBytes::new(data_encoding::BASE32_NOPAD.decode(pending.secret.expose().as_bytes()).unwrap())
}

async fn stuck(flows: &Flows, name: &str) -> CeremonyRef {
    match sign_in(flows, name, &client()).await.value {
        LoginReply::Enroll(next) => CeremonyRef::SignIn(next.ceremony),
        other => panic!("{}", word(&other)),
    }
}

fn confirmed(reply: ConfirmReply) -> (Vec<SecretText>, Box<Opened>) {
    match reply {
        ConfirmReply::Enrolled { backup_codes, opened } => (backup_codes, opened),
        ConfirmReply::Rejected(why) => panic!("rejected {why:?}"),
        ConfirmReply::Wait(_) => panic!("wait"),
        ConfirmReply::AlreadyDone => panic!("done before"),
        ConfirmReply::Busy => panic!("busy"),
        ConfirmReply::ProveFirst(methods) => panic!("prove {methods:?} first"),
    }
}

#[tokio::test]
async fn a_waiting_secret_that_does_not_open_is_a_fault_once() {
    let world = World::new();
    world.person("bob");
    let flows = world.flows();
    let who = stuck(&flows, "bob").await;
    for look in 0..3 {
        begin(&flows, &who).await;
        world.look(|s| s.replace_pending(Some(b"garbage")));
        let fault = match look {
            0 => flows.begin_totp(&who, &client()).await.is_err(),
            1 => flows.pending_totp(&who, &client()).await.is_err(),
            _ => flows.confirm_totp(&who, secret("000000"), Default::default(), &client()).await.is_err(),
        };
        assert!(fault, "{look}: the cause is for the log");
        assert!(flows.pending_totp(&who, &client()).await.unwrap().is_none(), "{look}: it is gone");
    }
    let pending = begin(&flows, &who).await;
    let code = world.code(&key_of(&pending), 0);
    confirmed(flows.confirm_totp(&who, code, Default::default(), &client()).await.unwrap().value);
}

#[tokio::test]
async fn a_first_enrolment_ends_in_a_session_of_two_factors_and_ten_codes() {
    let world = World::new();
    let user = world.person("bob");
    let flows = world.flows();
    let who = stuck(&flows, "bob").await;
    let pending = begin(&flows, &who).await;
    assert_eq!(begin(&flows, &who).await.secret.expose(), pending.secret.expose(), "the same on refresh");
    assert_eq!(key_of(&pending).expose().len(), 20);
    assert!(pending.uri.expose().starts_with("otpauth://totp/Stepgate:bob?secret="));
    let told = flows.confirm_totp(&who, secret("000000"), Default::default(), &client()).await.unwrap();
    assert!(matches!(told.value, ConfirmReply::Rejected(Rejection::WrongCode)));
    assert!(world.look(|s| s.totp.is_empty() && s.backup.is_empty() && s.sessions.is_empty()));
    let code = world.code(&key_of(&pending), 0);
    let told = flows.confirm_totp(&who, code.clone(), Default::default(), &client()).await.unwrap();
    let noted: Vec<What> = told.events.iter().map(|e| e.what).collect();
    assert!(
        noted.contains(&What::AuthenticatorAdded { method: Method::Totp }) && noted.contains(&What::BackupCodesMade)
    );
    assert!(noted.contains(&What::SessionOpened { level: None }));
    let (codes, open) = confirmed(told.value);
    assert_eq!(open.session.proofs.methods(), MethodSet::EMPTY.with(Method::Password).with(Method::Totp));
    assert_eq!(codes.iter().map(SecretText::expose).collect::<HashSet<_>>().len(), 10);
    assert!(world.look(|s| s.totp[&user].last_step.is_some()));
    // The confirming code is spent.
    let next = asked(sign_in(&flows, "bob", &client()).await);
    let told = flows.second_factor(&next.ceremony, Method::Totp, code, &client()).await.unwrap();
    assert!(is_rejected(&told, Rejection::WrongCode, RejectReason::AlreadySpent));
    // A backup code signs in, once.
    let code = secret(&codes[4].expose().to_uppercase().replace('-', " "));
    let told = flows.second_factor(&next.ceremony, Method::BackupCode, code.clone(), &client()).await.unwrap();
    assert_eq!(opened(told).aftermath.backup_codes_left, Some(9));
    let next = asked(sign_in(&flows, "bob", &client()).await);
    let told = flows.second_factor(&next.ceremony, Method::BackupCode, code, &client()).await.unwrap();
    assert!(is_rejected(&told, Rejection::WrongCode, RejectReason::Mismatch));
    // The enrolment is over.
    assert!(matches!(flows.begin_totp(&who, &client()).await.unwrap(), EnrollReply::Gone));
}

#[tokio::test]
async fn enrolling_needs_fresh_proofs_of_everything_the_account_has() {
    let world = World::new();
    world.person("bob");
    let flows = world.flows();
    let told = flows.begin(given("bob", PASSWORD), None, Channel::Cookie, &client()).await.unwrap();
    let open = opened(told);
    let who = CeremonyRef::Session(open.token.clone(), open.session.clone());
    let pending = begin(&flows, &who).await;
    world.pass(Duration::from_secs(601));
    let needs = |reply: EnrollReply| match reply {
        EnrollReply::ProveFirst(methods) => methods,
        _ => panic!("not asked to prove anything"),
    };
    assert_eq!(needs(flows.begin_totp(&who, &client()).await.unwrap()), MethodSet::EMPTY.with(Method::Password));
    let told = flows.confirm_totp(&who, world.code(&key_of(&pending), 0), Default::default(), &client()).await.unwrap();
    assert!(matches!(told.value, ConfirmReply::ProveFirst(_)));
    let told = flows.elevate(&open.token, &open.session, Method::Password, secret(PASSWORD), &client()).await.unwrap();
    let open = opened(told);
    let who = CeremonyRef::Session(open.token.clone(), open.session.clone());
    let pending = begin(&flows, &who).await;
    let told = flows.confirm_totp(&who, world.code(&key_of(&pending), 0), Default::default(), &client()).await.unwrap();
    let (_, risen) = confirmed(told.value);
    assert_eq!(risen.session.id, open.session.id);
    assert!(flows.session(&open.token, open.session.channel, HOST, true).await.unwrap().is_none());
    // To replace it, who knows the password alone must prove the second factor as well.
    let one = Some(Requirement::of(Strength::OneFactor));
    let attacker = opened(flows.begin(given("bob", PASSWORD), one, Channel::Cookie, &client()).await.unwrap());
    let who = CeremonyRef::Session(attacker.token.clone(), attacker.session.clone());
    let both = MethodSet::EMPTY.with(Method::Totp).with(Method::BackupCode);
    assert_eq!(needs(flows.begin_totp(&who, &client()).await.unwrap()), both);
    // The owner may, and whoever else is signed in then is signed in no more.
    world.pass(Duration::from_secs(30));
    let key = key_of(&pending);
    let told = flows.elevate(&risen.token, &risen.session, Method::Totp, world.code(&key, 0), &client()).await.unwrap();
    let owner = opened(told);
    let who = CeremonyRef::Session(owner.token.clone(), owner.session.clone());
    let renewed = begin(&flows, &who).await;
    let told = flows.confirm_totp(&who, world.code(&key_of(&renewed), 0), Default::default(), &client()).await.unwrap();
    assert!(told.events.iter().any(|e| e.what == What::SessionsRevoked));
    let (_, open) = confirmed(told.value);
    assert!(flows.session(&attacker.token, attacker.session.channel, HOST, true).await.unwrap().is_none());
    assert!(flows.session(&open.token, open.session.channel, HOST, true).await.unwrap().is_some());
}

#[tokio::test]
async fn a_secret_that_another_began_is_never_confirmed() {
    let world = World::new();
    world.person("bob");
    let flows = world.flows();
    let (attacker, owner) = (stuck(&flows, "bob").await, stuck(&flows, "bob").await);
    let (known, own) = (begin(&flows, &attacker).await, begin(&flows, &owner).await);
    assert_ne!(known.secret.expose(), own.secret.expose());
    let told = flows.confirm_totp(&owner, world.code(&key_of(&known), 0), Default::default(), &client()).await.unwrap();
    assert!(matches!(told.value, ConfirmReply::Rejected(Rejection::WrongCode)));
    confirmed(
        flows.confirm_totp(&owner, world.code(&key_of(&own), 0), Default::default(), &client()).await.unwrap().value,
    );
    // The account owns a second factor now, and the attacker's sign-in began without.
    let told =
        flows.confirm_totp(&attacker, world.code(&key_of(&known), 1), Default::default(), &client()).await.unwrap();
    assert!(matches!(told.value, ConfirmReply::Rejected(Rejection::CeremonyGone)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_confirmations_at_once_enrol_once() {
    let mut settings = crate::flow::testing::fast_settings();
    settings.limits.totp.tries = 1000;
    for in_session in [false, true] {
        let world = World::new();
        world.person("bob");
        let flows = Shared::new(Flows::new(world.ports(), settings.clone()));
        let who = if in_session {
            let told = flows.begin(given("bob", PASSWORD), None, Channel::Cookie, &client()).await.unwrap();
            let open = opened(told);
            CeremonyRef::Session(open.token.clone(), open.session.clone())
        } else {
            stuck(&flows, "bob").await
        };
        let key = key_of(&begin(&flows, &who).await);
        let tasks: Vec<_> = (0..100)
            .map(|n| {
                let (flows, who, code) = (flows.clone(), who.clone(), world.code(&key, i64::from(n % 3) - 1));
                tokio::spawn(async move {
                    let told = flows.confirm_totp(&who, code, Default::default(), &client()).await.unwrap();
                    let added = What::AuthenticatorAdded { method: Method::Totp };
                    let bound = told.events.iter().filter(|e| e.what == added).count();
                    (bound, usize::from(matches!(told.value, ConfirmReply::Enrolled { .. })))
                })
            })
            .collect();
        let (mut bound, mut enrolled) = (0, 0);
        for task in tasks {
            let (b, e) = task.await.unwrap();
            (bound, enrolled) = (bound + b, enrolled + e);
        }
        assert_eq!((bound, enrolled, world.look(|s| s.sessions.len())), (1, 1, 1), "in a session: {in_session}");
    }
}

#[tokio::test]
async fn confirming_is_throttled_and_works_only_here_and_now() {
    let world = World::new();
    let user = world.person("bob");
    let flows = world.flows();
    let who = stuck(&flows, "bob").await;
    let key = key_of(&begin(&flows, &who).await);
    let confirm =
        async |code, client: &Client| flows.confirm_totp(&who, code, Default::default(), client).await.unwrap().value;
    let abroad = Client { host: "other.example.com".to_owned(), ..client() };
    let gone = |reply: &ConfirmReply| matches!(reply, ConfirmReply::Rejected(Rejection::CeremonyGone));
    assert!(gone(&confirm(world.code(&key, 0), &abroad).await));
    world.disable(&user, true);
    assert!(gone(&confirm(world.code(&key, 0), &client()).await));
    world.disable(&user, false);
    let off = confirm(world.code(&key, 4), &client()).await;
    assert!(matches!(off, ConfirmReply::Rejected(Rejection::ClockOff { seconds: 120 })));
    for _ in 0..4 {
        assert!(matches!(confirm(secret("000000"), &client()).await, ConfirmReply::Rejected(Rejection::WrongCode)));
    }
    assert!(matches!(confirm(world.code(&key, 0), &client()).await, ConfirmReply::Wait(_)));
    world.pass(Duration::from_secs(900));
    assert!(gone(&confirm(world.code(&key, 0), &client()).await));
    assert!(world.look(|s| s.totp.is_empty() && s.sessions.is_empty()));
}

#[tokio::test]
async fn a_full_hasher_costs_nobody_the_code_that_confirms() {
    let world = World::new();
    world.person("bob");
    let mut settings = crate::flow::testing::fast_settings();
    (settings.password.concurrent, settings.password.queue) = (1, 0);
    let flows = Arc::new(Flows::new(world.ports(), settings));
    let who = stuck(&flows, "bob").await;
    let code = world.code(&key_of(&begin(&flows, &who).await), 0);
    let (free, full) = std::sync::mpsc::channel::<()>();
    let (before, other) = (flows.hashes_begun(), flows.clone());
    let lane = crate::flow::hashing::Lane::Network(None);
    let filling = tokio::spawn(async move { other.hashing.run(&lane, move || Ok(full.recv().is_err())).await });
    while flows.hashes_begun() == before {
        tokio::task::yield_now().await;
    }
    let told = flows.confirm_totp(&who, code.clone(), Default::default(), &client()).await.unwrap();
    assert!(matches!(told.value, ConfirmReply::Busy));
    assert!(world.look(|s| s.totp.is_empty() && s.marks.is_empty() && s.pending().len() == 1), "nothing is spent");
    drop(free);
    assert!(filling.await.unwrap().unwrap().unwrap());
    confirmed(flows.confirm_totp(&who, code, Default::default(), &client()).await.unwrap().value);
}

#[tokio::test]
async fn a_code_typed_into_the_other_field_counts_as_what_it_is() {
    let world = World::new();
    world.person("bob");
    let flows = world.flows();
    let who = stuck(&flows, "bob").await;
    let key = key_of(&begin(&flows, &who).await);
    let (codes, _) =
        confirmed(flows.confirm_totp(&who, world.code(&key, 0), Default::default(), &client()).await.unwrap().value);
    world.pass(Duration::from_secs(30));
    let of_app = world.code(&key, 0);
    for (field, code, left) in [
        (Method::BackupCode, of_app.clone(), None),
        (Method::Totp, codes[0].clone(), Some(9)),
        (Method::BackupCode, codes[1].clone(), Some(8)),
    ] {
        let next = asked(sign_in(&flows, "bob", &client()).await);
        let told = flows.second_factor(&next.ceremony, field, code, &client()).await.unwrap();
        assert_eq!(opened(told).aftermath.backup_codes_left, left, "{field:?}");
    }
    // And is spent by that.
    let next = asked(sign_in(&flows, "bob", &client()).await);
    let told = flows.second_factor(&next.ceremony, Method::BackupCode, of_app, &client()).await.unwrap();
    assert!(is_rejected(&told, Rejection::WrongCode, RejectReason::AlreadySpent));
}

#[tokio::test]
async fn an_enrolment_ends_with_its_parent_and_is_of_no_use_elsewhere() {
    let world = World::new();
    world.person("bob");
    let flows = world.flows();
    let (who, other) = (stuck(&flows, "bob").await, stuck(&flows, "bob").await);
    let pending = begin(&flows, &who).await;
    let code = || world.code(&key_of(&pending), 0);
    // Another sign-in of the same person has an enrolment of its own.
    let told = flows.confirm_totp(&other, code(), Default::default(), &client()).await.unwrap();
    assert!(matches!(told.value, ConfirmReply::Rejected(Rejection::CeremonyGone)));
    assert_ne!(begin(&flows, &other).await.secret.expose(), pending.secret.expose());
    let CeremonyRef::SignIn(token) = &who else { panic!("no sign-in") };
    flows.ports.ceremonies.take(&token.key()).await.unwrap();
    assert!(matches!(flows.begin_totp(&who, &client()).await.unwrap(), EnrollReply::Gone));
    let told = flows.confirm_totp(&who, code(), Default::default(), &client()).await.unwrap();
    assert!(matches!(told.value, ConfirmReply::Rejected(Rejection::CeremonyGone)));
    assert!(world.look(|s| s.totp.is_empty() && s.sessions.is_empty()));
}

#[tokio::test]
async fn two_windows_that_begin_at_once_show_one_secret() {
    let world = World::new();
    world.person("bob");
    let flows = world.flows();
    let who = stuck(&flows, "bob").await;
    let shown = futures_util::future::join_all((0..20).map(|_| begin(&flows, &who))).await;
    let secrets: HashSet<&str> = shown.iter().map(|pending| pending.secret.expose()).collect();
    assert_eq!(secrets.len(), 1);
}

#[tokio::test]
async fn a_code_of_one_factor_is_not_charged_to_another() {
    let world = World::new();
    world.with_totp(&world.person("ann"));
    let flows = world.flows();
    let next = asked(sign_in(&flows, "ann", &client()).await);
    let at = CeremonyRef::SignIn(next.ceremony);
    for _ in 0..5 {
        let submission = Submission::of(Method::BackupCode, secret("aaaa-bbbb-cccc-dddd"));
        flows.submit(&at, submission, &client()).await.unwrap();
    }
    let charged = world.look(|s| s.counters.keys().cloned().collect::<Vec<_>>());
    assert!(charged.iter().any(|key| key.starts_with("backup_code:account:")), "{charged:?}");
    assert!(!charged.iter().any(|key| key.starts_with("totp:")), "{charged:?}");
}
