use std::sync::atomic::Ordering;
use std::time::Duration;

use super::*;
use crate::auth::ceremony::CeremonyToken;
use crate::auth::factor::backup_codes;
use crate::flow::testing::{FAST, World, client, client_at, fast_settings};

/// Flows whose counters have room, so that only spending decides.
fn unthrottled(world: &Arc<World>) -> Shared {
    let mut settings = fast_settings();
    for limit in [
        &mut settings.limits.password,
        &mut settings.limits.totp,
        &mut settings.limits.password_lockout,
        &mut settings.limits.network,
    ] {
        limit.tries = 100_000;
    }
    settings.limits.lockout = 100_000;
    Shared::new(Flows::new(world.ports(), settings))
}

/// Submits one code so many times at once, each in a sign-in of its own, over two nodes; counts successes.
async fn race(world: &Arc<World>, method: Method, code: &SecretText, times: usize) -> usize {
    let nodes = [unthrottled(world), unthrottled(world)];
    let mut ceremonies: Vec<CeremonyToken> = Vec::new();
    for _ in 0..times {
        ceremonies.push(asked(sign_in(&nodes[0], "ann", &client()).await).ceremony);
    }
    let tasks: Vec<_> = ceremonies
        .into_iter()
        .enumerate()
        .map(|(n, ceremony)| {
            let (flows, code) = (nodes[n % 2].clone(), code.clone());
            tokio::spawn(async move {
                let told = flows.second_factor(&ceremony, method, code, &client()).await.unwrap();
                matches!(told.value, LoginReply::Opened(_))
            })
        })
        .collect();
    let mut successes = 0;
    for task in tasks {
        successes += usize::from(task.await.unwrap());
    }
    successes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_code_submitted_200_times_at_once_opens_one_session() {
    let world = World::new();
    let key = world.with_totp(&world.person("ann"));
    assert_eq!(race(&world, Method::Totp, &world.code(&key, 0), 200).await, 1);
    assert_eq!(world.look(|s| s.spent.len()), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_race_catches_stores_that_forget_what_was_spent() {
    let world = World::new();
    let key = world.with_totp(&world.person("ann"));
    world.forget_spending();
    assert!(race(&world, Method::Totp, &world.code(&key, 0), 20).await > 1);
}

/// On one thread, so that every task has read before the first one spends.
#[tokio::test]
async fn either_store_alone_decides_the_race() {
    for ledger_forgets in [true, false] {
        let world = World::new();
        let key = world.with_totp(&world.person("ann"));
        world.ledger_forgets.store(ledger_forgets, Ordering::SeqCst);
        world.table_forgets.store(!ledger_forgets, Ordering::SeqCst);
        assert_eq!(race(&world, Method::Totp, &world.code(&key, 0), 100).await, 1, "{ledger_forgets}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_backup_code_submitted_50_times_at_once_opens_one_session() {
    let world = World::new();
    let user = world.person("ann");
    world.with_totp(&user);
    let salt = backup_codes::set_salt(&[1; 16], FAST);
    let codes: Vec<_> = (0..3).map(|n| backup_codes::mint(&[n; 13])).collect();
    let digests: Vec<_> = codes.iter().map(|c| backup_codes::code_digest(c, &salt).unwrap()).collect();
    world.look(|s| s.backup.insert(user, (salt, digests.into_iter().collect())));
    assert_eq!(race(&world, Method::BackupCode, &codes[1], 50).await, 1);
    let flows = unthrottled(&world);
    let ceremony = asked(sign_in(&flows, "ann", &client()).await).ceremony;
    let hashes = flows.hashes_begun();
    let told = flows.second_factor(&ceremony, Method::BackupCode, codes[2].clone(), &client()).await.unwrap();
    assert_eq!(flows.hashes_begun() - hashes, 1, "one hash however many codes there are");
    assert_eq!(opened(told).aftermath.backup_codes_left, Some(1));
}

#[tokio::test]
async fn a_step_is_spent_for_the_whole_window_and_earlier_steps_with_it() {
    let world = World::new();
    let key = world.with_totp(&world.person("ann"));
    let flows = unthrottled(&world);
    let code = world.code(&key, 0);
    let earlier = world.code(&key, -1);
    whole(&flows, "ann", &client(), code.clone()).await;
    for _ in 0..3 {
        for spent in [&code, &earlier] {
            let next = asked(sign_in(&flows, "ann", &client()).await);
            let told = flows.second_factor(&next.ceremony, Method::Totp, spent.clone(), &client()).await.unwrap();
            assert!(!matches!(told.value, LoginReply::Opened(_)), "{}", word(&told.value));
        }
        world.pass(Duration::from_secs(30));
    }
}

#[tokio::test]
async fn each_store_alone_refuses_a_second_use() {
    let world = World::new();
    let key = world.with_totp(&world.person("ann"));
    let flows = unthrottled(&world);
    let code = world.code(&key, 0);
    whole(&flows, "ann", &client(), code.clone()).await;
    // The state store lost its marks: the row in SQL still knows.
    world.look(|s| s.marks.clear());
    let next = asked(sign_in(&flows, "ann", &client()).await);
    let told = flows.second_factor(&next.ceremony, Method::Totp, code.clone(), &client()).await.unwrap();
    assert!(is_rejected(&told, Rejection::WrongCode, RejectReason::AlreadySpent));
    // A row from a backup was restored: the mark still knows.
    world.look(|s| s.totp.values_mut().for_each(|t| t.last_step = None));
    let world2 = World::new();
    let key = world2.with_totp(&world2.person("ann"));
    let flows = unthrottled(&world2);
    let code = world2.code(&key, 0);
    whole(&flows, "ann", &client(), code.clone()).await;
    world2.look(|s| s.totp.values_mut().for_each(|t| t.last_step = None));
    let next = asked(sign_in(&flows, "ann", &client()).await);
    let told = flows.second_factor(&next.ceremony, Method::Totp, code, &client()).await.unwrap();
    assert!(is_rejected(&told, Rejection::WrongCode, RejectReason::AlreadySpent));
}

#[tokio::test]
async fn the_code_of_one_person_is_of_no_use_to_another() {
    let world = World::new();
    let ann = world.with_totp(&world.person("ann"));
    world.with_totp(&world.person("mal"));
    let flows = unthrottled(&world);
    let next = asked(sign_in(&flows, "mal", &client_at("198.51.100.1")).await);
    let told = flows.second_factor(&next.ceremony, Method::Totp, world.code(&ann, 0), &client()).await.unwrap();
    assert!(is_rejected(&told, Rejection::WrongCode, RejectReason::Mismatch));
}
