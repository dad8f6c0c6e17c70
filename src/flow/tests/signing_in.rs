use std::time::Duration;

use super::*;
use crate::auth::ceremony::CeremonyToken;
use crate::auth::event::ThrottleScope;
use crate::auth::factor::password::{self, HashParams};
use crate::auth::proof::MethodSet;
use crate::flow::testing::{FAST, HOST, START, World, client, fast_settings};

#[tokio::test]
async fn two_factors_open_a_session_bound_to_its_host() {
    let world = World::new();
    let key = world.with_totp(&world.person("ann"));
    let flows = world.flows();
    let told = sign_in(&flows, " ANN ", &client()).await;
    assert_eq!(word(&told.value), "next [Totp]");
    assert!(world.look(|s| s.sessions.is_empty()));
    let next = asked(told);
    let view = flows.view(&next.ceremony, &client()).await.unwrap().unwrap();
    assert_eq!(view.methods, MethodSet::EMPTY.with(Method::Totp));
    let told = flows.second_factor(&next.ceremony, Method::Totp, world.code(&key, 0), &client()).await.unwrap();
    assert!(told.events.iter().any(|e| matches!(e.what, What::SessionOpened { .. }) && e.session.is_some()));
    let open = opened(told);
    assert_eq!(open.session.proofs.methods(), MethodSet::EMPTY.with(Method::Password).with(Method::Totp));
    assert_eq!((open.session.host.as_str(), open.session.id.len()), (HOST, 26));
    assert_eq!(open.session.previous_login, None);
    assert!(flows.session(&open.token, open.session.channel, HOST, true).await.unwrap().is_some());
    assert!(flows.session(&open.token, open.session.channel, "other.example.com", true).await.unwrap().is_none());
    assert!(flows.view(&next.ceremony, &client()).await.unwrap().is_none());
    world.pass(Duration::from_secs(60));
    let again = whole(&flows, "ann", &client(), world.code(&key, 0)).await;
    assert_eq!(again.session.previous_login.map(|t| t.as_secs()), Some(START));
}

#[tokio::test]
async fn the_goal_decides_how_far_it_goes() {
    let world = World::new();
    world.with_totp(&world.person("ann"));
    world.person("bob");
    let flows = world.flows();
    for (name, goal, expected) in [
        ("ann", Some(Requirement::of(Strength::OneFactor)), "opened"),
        ("ann", None, "next [Totp]"),
        ("bob", None, "opened"),
        ("bob", two_factors(), "enroll"),
        ("ann", Some(Requirement::of(Strength::PhishingResistant)), "out of reach"),
        ("bob", Some(Requirement::of(Strength::PhishingResistant)), "out of reach"),
    ] {
        let told = flows.begin(given(name, PASSWORD), goal, Channel::Bearer, &client()).await.unwrap();
        assert_eq!(word(&told.value), expected, "{name} {goal:?}");
    }
}

#[tokio::test]
async fn nobody_learns_which_names_exist() {
    let world = World::new();
    world.person("ann");
    world.disable(&world.person("dan"), true);
    let bare = world.person("eve");
    world.look(|s| s.accounts.get_mut(&bare).unwrap().password_hash = None);
    let flows = world.flows();
    for (name, password, reason) in [
        ("ann", "wrong", RejectReason::Mismatch),
        ("nobody", PASSWORD, RejectReason::UnknownUser),
        ("dan", PASSWORD, RejectReason::Disabled),
        ("eve", "", RejectReason::NotEnrolled),
        ("", PASSWORD, RejectReason::UnknownUser),
        ("a\0b", PASSWORD, RejectReason::UnknownUser),
        ("x,y", PASSWORD, RejectReason::UnknownUser),
    ] {
        let (before, work) = (flows.hashes_begun(), flows.verifying_work());
        let told = flows.begin(given(name, password), None, Channel::Cookie, &client()).await.unwrap();
        assert!(is_rejected(&told, Rejection::WrongCredentials, reason), "{name}: {}", word(&told.value));
        assert_eq!(flows.hashes_begun() - before, 1, "{name}: equal work");
        assert_eq!(flows.verifying_work() - work, FAST.work(), "{name}: equal work");
    }
    assert!(world.look(|s| s.ceremonies().is_empty() && s.sessions.is_empty()));
}

#[tokio::test]
async fn a_hash_that_waits_for_its_upgrade_costs_what_a_name_that_nobody_has_costs() {
    let world = World::new();
    world.person("ann");
    let mut settings = fast_settings();
    (settings.password.memory_kib, settings.password.iterations) = (64, 3);
    let flows = Flows::new(world.ports(), settings);
    let work = async |name, password| {
        let before = flows.verifying_work();
        let told = flows.begin(given(name, password), None, Channel::Cookie, &client()).await.unwrap();
        (flows.verifying_work() - before, word(&told.value))
    };
    let (nobody, _) = work("nobody", "wrong").await;
    let (old, told) = work("ann", "wrong").await;
    assert_eq!((nobody, told.as_str()), (64 * 3, "rejected WrongCredentials"));
    assert!(old.abs_diff(nobody) <= 3, "{old} beside {nobody}: a KiB a pass at most");
    let (old, _) = work("ann", PASSWORD).await;
    assert!(old.abs_diff(nobody) <= 3 && flows.hashes_begun() == 4, "upgraded by a hash of its own");
    assert_eq!(work("ann", "wrong").await.0, nobody, "upgraded");
}

#[tokio::test]
async fn an_absurd_hash_in_a_row_is_a_fault_that_names_the_account_and_is_not_computed() {
    let world = World::new();
    let ann = world.person("ann");
    world.with_totp(&ann);
    let flows = world.flows();
    let ceremony = asked(sign_in(&flows, "ann", &client()).await).ceremony;
    let work = flows.verifying_work();
    let salt = [&4_194_304_u32.to_be_bytes()[..], &1_u32.to_be_bytes(), &1_u32.to_be_bytes(), &[7; 16]].concat();
    world.look(|s| s.backup.insert(ann.clone(), (salt, [vec![1]].into())));
    let code = crate::auth::factor::backup_codes::mint(&[7; 13]);
    let fault = flows.second_factor(&ceremony, Method::BackupCode, code, &client()).await.err().unwrap().value;
    let fault = fault.to_string();
    assert!(fault.contains("asks for 4194304 KiB"), "{fault}");
    for (m, t, p) in [(4_194_304, 1, 1), (64, u32::MAX, 1), (262_144, 1, 1_024)] {
        let absurd = format!("$argon2id$v=19$m={m},t={t},p={p}$c3RlcGdhdGUgbm9ib2R5IQ${}", "A".repeat(43));
        world.look(|s| s.accounts.get_mut(&ann).unwrap().password_hash = Some(secret(&absurd)));
        let fault = flows.begin(given("ann", PASSWORD), None, Channel::Cookie, &client()).await.err().unwrap();
        let fault = fault.value.to_string();
        assert!(fault.contains("hashing: account 01ANN: "), "{fault}");
        assert!(fault.contains(&format!("{m} KiB")) && !fault.contains("AAAA"), "{fault}");
    }
    assert_eq!(flows.verifying_work(), work, "nothing was computed");
}

#[tokio::test]
async fn a_code_sent_along_is_judged_in_one_call() {
    let world = World::new();
    let key = world.with_totp(&world.person("ann"));
    world.person("bob");
    let flows = world.flows();
    let login = async |given, goal| flows.begin(given, goal, Channel::Bearer, &client()).await.unwrap();
    let told = login(with_otp("ann", &secret("000000")), None).await;
    assert!(is_rejected(&told, Rejection::WrongCode, RejectReason::Mismatch));
    let wrong_both = Credentials { password: secret("no"), ..with_otp("ann", &world.code(&key, 0)) };
    let told = login(wrong_both, None).await;
    assert!(is_rejected(&told, Rejection::WrongCredentials, RejectReason::Mismatch));
    // The wrong password spent no code.
    assert_eq!(word(&login(with_otp("ann", &world.code(&key, 0)), None).await.value), "opened");
    let told = login(with_otp("ann", &world.code(&key, 0)), None).await;
    assert!(is_rejected(&told, Rejection::WrongCode, RejectReason::AlreadySpent));
    // Where one factor would do, a wrong code is still wrong.
    let told = login(with_otp("ann", &secret("000000")), Some(Requirement::of(Strength::OneFactor))).await;
    assert!(is_rejected(&told, Rejection::WrongCode, RejectReason::Mismatch));
    assert_eq!(word(&login(with_otp("bob", &secret("123456")), None).await.value), "opened");
    assert_eq!(word(&login(with_otp("bob", &secret("123456")), two_factors()).await.value), "enroll");
}

#[tokio::test]
async fn wrong_codes_are_told_coarsely_and_noted_exactly() {
    let world = World::new();
    let key = world.with_totp(&world.person("ann"));
    let flows = world.flows();
    let next = asked(sign_in(&flows, "ann", &client()).await);
    for (method, code, told, reason) in [
        (Method::Totp, secret("12345"), Rejection::WrongCode, RejectReason::Malformed),
        (Method::Totp, world.code(&key, 40), Rejection::WrongCode, RejectReason::Mismatch),
        (Method::Totp, world.code(&key, -4), Rejection::ClockOff { seconds: -120 }, RejectReason::ClockSkew),
        (Method::BackupCode, secret("01234-56789"), Rejection::WrongCode, RejectReason::NotEnrolled),
        (Method::Passkey, secret("x"), Rejection::WrongPasskey { unknown: false }, RejectReason::Malformed),
    ] {
        let got = flows.second_factor(&next.ceremony, method, code, &client()).await.unwrap();
        assert!(is_rejected(&got, told, reason), "{method:?}: {}", word(&got.value));
    }
    assert!(world.look(|s| s.sessions.is_empty()));
    let told = flows.second_factor(&next.ceremony, Method::Totp, world.code(&key, 1), &client()).await.unwrap();
    opened(told);
}

#[tokio::test]
async fn a_code_told_to_come_too_early_cannot_be_used_later() {
    let world = World::new();
    let key = world.with_totp(&world.person("ann"));
    let flows = world.flows();
    let next = asked(sign_in(&flows, "ann", &client()).await);
    let early = world.code(&key, 5);
    let told = flows.second_factor(&next.ceremony, Method::Totp, early.clone(), &client()).await.unwrap();
    assert!(is_rejected(&told, Rejection::ClockOff { seconds: 150 }, RejectReason::ClockSkew));
    world.pass(Duration::from_secs(150));
    let told = flows.second_factor(&next.ceremony, Method::Totp, early, &client()).await.unwrap();
    assert!(is_rejected(&told, Rejection::WrongCode, RejectReason::AlreadySpent));
}

#[tokio::test]
async fn a_ceremony_works_in_its_time_on_its_host_once_for_a_standing_account() {
    let world = World::new();
    let user = world.person("ann");
    let key = world.with_totp(&user);
    let flows = world.flows();
    let try_code = async |token: &CeremonyToken, client: &Client| {
        flows.second_factor(token, Method::Totp, world.code(&key, 0), client).await.unwrap()
    };
    let next = asked(sign_in(&flows, "ann", &client()).await);
    let abroad = Client { host: "other.example.com".to_owned(), ..client() };
    let gone = |told: &WithEvents<LoginReply>, reason| is_rejected(told, Rejection::CeremonyGone, reason);
    assert!(gone(&try_code(&next.ceremony, &abroad).await, RejectReason::NoCeremony));
    assert!(gone(&try_code(&CeremonyToken::mint(&[1; 32]), &client()).await, RejectReason::NoCeremony));
    world.disable(&user, true);
    assert!(gone(&try_code(&next.ceremony, &client()).await, RejectReason::Disabled));
    world.disable(&user, false);
    world.pass(Duration::from_secs(899));
    opened(try_code(&next.ceremony, &client()).await);
    assert!(gone(&try_code(&next.ceremony, &client()).await, RejectReason::NoCeremony));
    let late = asked(sign_in(&flows, "ann", &client()).await);
    world.pass(Duration::from_secs(900));
    assert!(gone(&try_code(&late.ceremony, &client()).await, RejectReason::NoCeremony));
}

#[tokio::test]
async fn an_old_hash_is_renewed_by_signing_in() {
    let world = World::new();
    let user = world.person("ann");
    let old = HashParams { memory_kib: 16, iterations: 2, parallelism: 1 };
    let phc = password::hash(&secret(PASSWORD), &[3; 16], old).unwrap();
    world.look(|s| s.accounts.get_mut(&user).unwrap().password_hash = Some(phc));
    let flows = world.flows();
    let told = flows.begin(given("ann", "wrong"), None, Channel::Cookie, &client()).await.unwrap();
    assert!(!told.events.iter().any(|e| e.what == What::PasswordRehashed));
    let told = flows.begin(given("ann", PASSWORD), None, Channel::Cookie, &client()).await.unwrap();
    assert!(told.events.iter().any(|e| e.what == What::PasswordRehashed));
    let stored = world.look(|s| s.accounts[&user].password_hash.clone()).unwrap();
    assert!(stored.expose().contains("m=8,t=1,p=1"));
    assert_eq!(word(&sign_in(&flows, "ann", &client()).await.value), "enroll");
}

#[tokio::test]
async fn a_damaged_hash_in_the_database_is_a_fault() {
    let world = World::new();
    let user = world.person("ann");
    world.look(|s| s.accounts.get_mut(&user).unwrap().password_hash = Some(secret("$argon2id$broken")));
    let fault = world.flows().begin(given("ann", PASSWORD), None, Channel::Cookie, &client()).await;
    assert!(fault.is_err());
}

#[tokio::test]
async fn too_many_hashes_at_once_are_told_to_be_busy() {
    let world = World::new();
    world.person("ann");
    let mut settings = fast_settings();
    (settings.password.concurrent, settings.password.queue) = (1, 1);
    // Slow enough to pile up.
    settings.password.memory_kib = 65_536;
    settings.limits.password.tries = 1000;
    let flows = Shared::new(Flows::new(world.ports(), settings));
    let tries = (0..20).map(|n| {
        let flows = flows.clone();
        tokio::spawn(async move {
            let told = flows.begin(given(&format!("nobody{n}"), "x"), None, Channel::Cookie, &client()).await.unwrap();
            let full = What::Throttled { method: Method::Password, scope: ThrottleScope::Hashing };
            let busy = matches!(told.value, LoginReply::Busy);
            assert_eq!(told.events.iter().any(|e| e.what == full), busy, "{:?}", told.events);
            word(&told.value)
        })
    });
    let mut words = Vec::new();
    for one in tries.collect::<Vec<_>>() {
        words.push(one.await.unwrap());
    }
    assert!(words.iter().any(|w| w == "busy"), "{words:?}");
    assert!(words.iter().any(|w| w.starts_with("rejected")), "{words:?}");
}
