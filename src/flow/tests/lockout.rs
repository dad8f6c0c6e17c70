//! A factor that is guessed is switched off, until its owner proves another one or an operator switches it on.

use std::time::Duration;

use super::*;
use crate::auth::factor::backup_codes;
use crate::auth::secret::SecretBytes;
use crate::auth::user::UserId;
use crate::flow::ports::{AccountChange, Accounts as _, Lockouts as _};
use crate::flow::testing::{FAST, START, World, client, client_at};

const BACKUP: &str = "abcde-01234";

/// Gives the account one backup code more.
pub(super) fn with_backup(world: &World, user: &UserId, code: &str) {
    let salt = backup_codes::set_salt(&[3; 16], FAST);
    let code = backup_codes::normalise(code).unwrap();
    let digest = backup_codes::code_digest(&code, &salt).unwrap();
    world.look(|s| s.backup.entry(user.clone()).or_insert_with(|| (salt, Default::default())).1.insert(digest));
}

fn wrong(world: &World, key: &SecretBytes) -> SecretText {
    let near: Vec<String> = (-12..=12).map(|later| world.code(key, later).expose().to_owned()).collect();
    secret((0..).map(|n| format!("{n:06}")).find(|code| !near.contains(code)).as_deref().unwrap())
}

/// So many wrong codes by somebody who knows the password, from there; how many were looked at, and what was told last.
async fn guess(world: &World, flows: &Flows, key: &SecretBytes, from: &Client, times: usize) -> (usize, String) {
    let (mut looked_at, mut last) = (0, String::new());
    for _ in 0..times {
        world.pass(Duration::from_secs(30));
        let LoginReply::Next(next) = sign_in(flows, "ann", from).await.value else { break };
        let told = flows.second_factor(&next.ceremony, Method::Totp, wrong(world, key), from).await.unwrap();
        let is_evaluated = |e: &crate::auth::event::Event| matches!(e.what, What::ProofRejected { method: Method::Totp, reason } if reason != RejectReason::Locked);
        looked_at += told.events.iter().filter(|e| is_evaluated(e)).count();
        last = word(&told.value);
    }
    (looked_at, last)
}

fn locked(told: &WithEvents<LoginReply>) -> usize {
    told.events.iter().filter(|e| matches!(e.what, What::FactorLocked { .. })).count()
}

#[tokio::test]
async fn thirty_wrong_codes_switch_a_factor_off_and_no_time_switches_it_on() {
    let world = World::new();
    let user = world.person("ann");
    let key = world.with_totp(&user);
    let flows = world.flows();
    let (looked_at, last) = guess(&world, &flows, &key, &client(), 29).await;
    assert_eq!((looked_at, last.as_str()), (29, "rejected WrongCode"));
    world.pass(Duration::from_secs(30));
    let next = asked(sign_in(&flows, "ann", &client()).await);
    let told = flows.second_factor(&next.ceremony, Method::Totp, wrong(&world, &key), &client()).await.unwrap();
    assert_eq!((locked(&told), word(&told.value).as_str()), (1, "locked totp others "));
    // Not by time, not by a right code, not in a ceremony that was begun before, not from elsewhere, not by a state
    // store that has lost everything.
    world.pass(Duration::from_secs(3600));
    world.look(|s| s.counters.clear());
    for from in [client(), client_at("203.0.113.5")] {
        let told = sign_in(&flows, "ann", &from).await;
        assert_eq!(word(&told.value), "locked totp others ", "told at the next right password");
        let told = flows.begin(with_otp("ann", &world.code(&key, 0)), None, Channel::Bearer, &from).await.unwrap();
        assert_eq!((word(&told.value).as_str(), locked(&told)), ("locked totp others ", 0));
    }
    // Who asks for less gets in, and is told.
    let one = Some(Requirement::of(Strength::OneFactor));
    let session = opened(flows.begin(given("ann", PASSWORD), one, Channel::Cookie, &client()).await.unwrap());
    assert_eq!(session.locked, MethodSet::EMPTY.with(Method::Totp));
    let code = world.code(&key, 0);
    let told = flows.elevate(&session.token, &session.session, Method::Totp, code, &client()).await.unwrap();
    assert_eq!(word(&told.value), "locked totp others password");
    assert!(world.look(|s| s.spent.is_empty()), "nothing was looked at");
    // An operator can.
    assert_eq!(world.unlock(&user).await.unwrap(), MethodSet::EMPTY.with(Method::Totp));
    whole(&flows, "ann", &client(), world.code(&key, 1)).await;
}

#[tokio::test]
async fn what_is_switched_off_cannot_be_set_up_anew() {
    let world = World::new();
    let key = world.with_totp(&world.person("ann"));
    let flows = world.flows();
    let ceremony = asked(sign_in(&flows, "ann", &client()).await).ceremony;
    guess(&world, &flows, &key, &client(), 30).await;
    use crate::flow::reply::{CeremonyRef, EnrollReply};
    let told = flows.begin_totp(&CeremonyRef::SignIn(ceremony), &client()).await.unwrap();
    assert!(matches!(told, EnrollReply::ProveFirst(_) | EnrollReply::Gone));
    let one = Some(Requirement::of(Strength::OneFactor));
    let session = opened(flows.begin(given("ann", PASSWORD), one, Channel::Cookie, &client()).await.unwrap());
    let who = CeremonyRef::Session(session.token.clone(), session.session.clone());
    let EnrollReply::ProveFirst(methods) = flows.begin_totp(&who, &client()).await.unwrap() else {
        panic!("a second factor was given away")
    };
    assert!(methods.contains(Method::Totp));
}

#[tokio::test]
async fn another_factor_of_its_owner_switches_it_on() {
    let world = World::new();
    let user = world.person("ann");
    let key = world.with_totp(&user);
    with_backup(&world, &user, BACKUP);
    with_backup(&world, &user, "0123456789");
    let flows = world.flows();
    assert_eq!(guess(&world, &flows, &key, &client_at("203.0.113.5"), 30).await.1, "locked totp others backup_code");
    let next = asked(sign_in(&flows, "ann", &client()).await);
    let (off, way) = (MethodSet::EMPTY.with(Method::Totp), MethodSet::EMPTY.with(Method::BackupCode));
    assert_eq!((next.locked, next.methods), (off, way));
    let view = flows.view(&next.ceremony, &client()).await.unwrap().unwrap();
    assert_eq!((view.locked, view.methods), (off, way));
    let told = flows.second_factor(&next.ceremony, Method::BackupCode, secret(BACKUP), &client()).await.unwrap();
    let unlocked = told.events.iter().filter(|e| e.what == What::FactorUnlocked { method: Method::Totp }).count();
    let session = opened(told);
    assert_eq!((unlocked, session.unlocked, session.locked), (1, off, MethodSet::EMPTY));
    whole(&flows, "ann", &client(), world.code(&key, 1)).await;
    // The other way round: the app's code switches backup codes on.
    for n in 0..30 {
        world.pass(Duration::from_secs(30));
        let next = asked(sign_in(&flows, "ann", &client()).await);
        let code = secret(&format!("zzzzz-{n:05}"));
        drop(flows.second_factor(&next.ceremony, Method::BackupCode, code, &client()).await.unwrap());
    }
    assert_eq!(asked(sign_in(&flows, "ann", &client()).await).methods, off);
    assert_eq!(whole(&flows, "ann", &client(), world.code(&key, 0)).await.unlocked, way);
}

/// Whoever guesses gets no new start by what the owner does: not by signing in day by day, from wherever.
#[tokio::test]
async fn a_year_of_guessing_beside_the_owner_is_thirty_codes() {
    let world = World::new();
    let key = world.with_totp(&world.person("ann"));
    let flows = world.flows();
    let mut looked_at = 0;
    let mut owner = client();
    let networks = ["198.51.100.4", "203.0.113.5", "2001:db8::1", "192.88.99.1"];
    for day in 0..365_usize {
        let from = client_at(networks[day % 4]);
        looked_at += guess(&world, &flows, &key, &from, 3).await.0;
        world.pass(Duration::from_secs(24 * 3600 - 120));
        if let LoginReply::Next(next) = sign_in(&flows, "ann", &owner).await.value {
            let code = world.code(&key, 0);
            let told = flows.second_factor(&next.ceremony, Method::Totp, code, &owner).await.unwrap();
            if let LoginReply::Opened(session) = told.value {
                owner.device = session.device;
            }
        }
    }
    assert_eq!(looked_at, 30);
    // Six digits, three of which are right at any time.
    let chance = 1.0 - (1.0_f64 - 3.0 / 1e6).powi(30);
    // Ten backup codes of 50 bits, guessed as often.
    let all = chance + 30.0 * 10.0 / 2.0_f64.powi(50);
    assert!(all <= 1e-4, "{all}");
    let settings = &flows.settings;
    let window = f64::from(2 * settings.totp.skew + 1);
    assert!(f64::from(settings.limits.lockout) * window / 10_f64.powi(settings.totp.digits.into()) <= 1e-4);
}

#[tokio::test]
async fn the_owners_own_mistakes_are_forgiven_by_a_right_code() {
    let world = World::new();
    let key = world.with_totp(&world.person("ann"));
    let flows = world.flows();
    let mut from = client();
    for round in 0..12 {
        assert_eq!(guess(&world, &flows, &key, &from, 4).await, (4, "rejected WrongCode".to_owned()), "round {round}");
        world.pass(Duration::from_secs(60));
        let session = whole(&flows, "ann", &from, world.code(&key, 0)).await;
        // As a new browser, then as a known one.
        from.device = session.device.filter(|_| round > 5);
    }
    assert_eq!(world.look(|s| s.lockouts.values().map(|l| l.sum()).sum::<u32>()), 0);
}

#[tokio::test]
async fn a_code_that_was_right_before_is_no_guess() {
    let world = World::new();
    let key = world.with_totp(&world.person("ann"));
    let flows = world.flows();
    whole(&flows, "ann", &client(), world.code(&key, 0)).await;
    let spent = world.code(&key, 0);
    for n in 0..100 {
        world.look(|s| s.counters.clear());
        let from = client_at(&format!("203.0.113.{n}"));
        let next = asked(sign_in(&flows, "ann", &from).await);
        let told = flows.second_factor(&next.ceremony, Method::Totp, spent.clone(), &from).await.unwrap();
        assert!(is_rejected(&told, Rejection::WrongCode, RejectReason::AlreadySpent), "{n}: {}", word(&told.value));
    }
}

#[tokio::test]
async fn what_is_no_code_at_all_is_no_guess() {
    let world = World::new();
    let user = world.person("ann");
    let key = world.with_totp(&user);
    with_backup(&world, &user, BACKUP);
    let flows = world.flows();
    for n in 0..40 {
        let text = ["", "abc", "12345", "1234567", "no code"][n % 5];
        for method in [Method::Totp, Method::BackupCode] {
            world.look(|s| s.counters.clear());
            let next = asked(sign_in(&flows, "ann", &client()).await);
            let before = world.look(|s| s.counters.len());
            let told = flows.second_factor(&next.ceremony, method, secret(text), &client()).await.unwrap();
            let rejected = is_rejected(&told, Rejection::WrongCode, RejectReason::Malformed);
            assert!(rejected, "{n} {text:?}: {}", word(&told.value));
            assert!(world.look(|s| s.counters.len()) > before, "the throttles are charged");
        }
    }
    assert_eq!(world.look(|s| s.lockouts.values().map(|l| l.sum()).sum::<u32>()), 0);
    assert_eq!(guess(&world, &flows, &key, &client(), 30).await, (30, "locked totp others backup_code".to_owned()));
}

#[tokio::test]
async fn what_a_copied_mark_tries_counts_too() {
    let world = World::new();
    let key = world.with_totp(&world.person("ann"));
    let flows = world.flows();
    let device = whole(&flows, "ann", &client(), world.code(&key, 0)).await.device;
    let attacker = Client { device, ..client_at("203.0.113.5") };
    let (known, _) = guess(&world, &flows, &key, &attacker, 20).await;
    let (unknown, last) = guess(&world, &flows, &key, &client_at("198.51.100.4"), 20).await;
    assert_eq!((known + unknown, last.as_str()), (30, "locked totp others "));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn raced_codes_are_looked_at_thirty_times_at_most() {
    let world = World::new();
    let key = world.with_totp(&world.person("ann"));
    let mut settings = crate::flow::testing::fast_settings();
    settings.limits.totp.tries = 10_000;
    let flows = Arc::new(Flows::new(world.ports(), settings));
    let ceremony = asked(sign_in(&flows, "ann", &client()).await).ceremony;
    let code = wrong(&world, &key);
    let tasks: Vec<_> = (0..500_u32)
        .map(|n| {
            let (flows, ceremony, code) = (flows.clone(), ceremony.clone(), code.clone());
            tokio::spawn(async move {
                let from = client_at(&format!("203.{}.113.1", n % 200));
                let told = flows.second_factor(&ceremony, Method::Totp, code, &from).await.unwrap();
                let is = |e: &crate::auth::event::Event, r| matches!(e.what, What::ProofRejected { reason, .. } if reason == r);
                let looked_at = told.events.iter().any(|e| is(e, RejectReason::Mismatch));
                (usize::from(looked_at), locked(&told))
            })
        })
        .collect();
    let (mut looked_at, mut events) = (0, 0);
    for task in tasks {
        let (one, event) = task.await.unwrap();
        (looked_at, events) = (looked_at + one, events + event);
    }
    assert_eq!((looked_at, events), (30, 1));
}

#[tokio::test]
async fn a_code_that_was_not_looked_at_does_not_count() {
    let world = World::new();
    let user = world.person("ann");
    world.with_totp(&user);
    with_backup(&world, &user, BACKUP);
    let mut settings = crate::flow::testing::fast_settings();
    (settings.password.concurrent, settings.password.queue) = (1, 0);
    let flows = Arc::new(Flows::new(world.ports(), settings));
    let next = asked(sign_in(&flows, "ann", &client()).await);
    let (release, held) = std::sync::mpsc::channel::<()>();
    let other = flows.clone();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let filling = tokio::spawn(async move {
        let lane = crate::flow::hashing::Lane::Network(None);
        let work = move || {
            let _ = begun.send(());
            Ok(held.recv().is_err())
        };
        other.hashing.run(&lane, work).await
    });
    has_begun.await.unwrap();
    for _ in 0..100 {
        let told =
            flows.second_factor(&next.ceremony, Method::BackupCode, secret("zzzzz-zzzzz"), &client()).await.unwrap();
        assert_eq!(word(&told.value), "busy");
    }
    assert_eq!(world.look(|s| s.lockouts.values().map(|l| l.sum()).sum::<u32>()), 0);
    drop(release);
    filling.await.unwrap().unwrap();
    opened(flows.second_factor(&next.ceremony, Method::BackupCode, secret(BACKUP), &client()).await.unwrap());
    assert!(
        world.change(&user, AccountChange::LoggedIn(crate::auth::time::Timestamp::from_secs(START))).await.unwrap()
    );
}
