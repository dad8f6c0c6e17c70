//! The end of a recovery: what is looked at first, and what a failure or another request at the same time costs.

use tokio::task::JoinSet;

use super::*;
use crate::flow::reply::RecoveredTotp;
use crate::flow::testing::Blow;

async fn secret_of(flows: &Flows, token: &RecoveryToken) -> String {
    match flows.recovery_totp(token, &client()).await.unwrap() {
        RecoveredTotp::Pending(pending) => pending.secret.expose().to_owned(),
        _ => panic!("no secret is shown"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_who_ask_at_once_are_shown_one_secret_and_nothing_is_written() {
    let stage = Stage::new();
    let token = stage.granted("ann", Stage::backup()).await;
    let before = stage.world.look(|s| s.transient.clone());
    let mut all = JoinSet::new();
    for _ in 0..12 {
        let (flows, token) = (Arc::new(Flows::new(stage.world.ports(), recovering())), token.clone());
        all.spawn(async move { secret_of(&flows, &token).await });
    }
    let mut shown = all.join_all().await;
    shown.dedup();
    assert_eq!(shown.len(), 1);
    assert!(stage.world.look(|s| s.transient == before));
    let code = stage.mailed("ann").await;
    stage.world.look(|s| s.issued_codes.clear());
    drop(code);
    let other = granted(stage.prove_issued("ann", &stage.issued(&stage.ann).await).await);
    assert_ne!(secret_of(&stage.flows, &other).await, shown[0], "each recovery has its own");
}

#[tokio::test]
async fn what_costs_a_hash_is_looked_at_last_and_not_without_end() {
    let stage = Stage::new();
    let token = stage.granted("ann", Stage::backup()).await;
    let wrong = || Renewal { password: Some(secret("short")), totp_code: Some(secret("000000")), backup_codes: true };
    let told = stage.finish(&token, wrong()).await;
    assert!(matches!(told.value, RenewalReply::Rejected(Rejection::WrongCode)), "the code before the password");
    let unfit = || Renewal { password: Some(secret("short")), ..Renewal::default() };
    for _ in 1..10 {
        assert!(matches!(stage.finish(&token, unfit()).await.value, RenewalReply::Unfit(_)));
    }
    assert!(matches!(stage.finish(&token, unfit()).await.value, RenewalReply::Wait(_)));
    stage.world.pass(Duration::from_secs(30));
    assert!(is_set(&stage.finish(&token, password()).await));
}

/// A code of the new app is not spent by an end that comes to nothing for another reason.
#[tokio::test]
async fn a_right_code_waits_for_a_password_that_is_fit() {
    let stage = Stage::new();
    let token = stage.granted("ann", Stage::backup()).await;
    let shown = secret_of(&stage.flows, &token).await;
    let key = SecretBytes::new(data_encoding::BASE32_NOPAD.decode(shown.as_bytes()).unwrap());
    let renewal = |text| Renewal {
        password: Some(secret(text)),
        totp_code: Some(stage.world.code(&key, 0)),
        backup_codes: false,
    };
    for _ in 0..7 {
        assert!(matches!(stage.finish(&token, renewal("short")).await.value, RenewalReply::Unfit(_)));
    }
    assert!(is_set(&stage.finish(&token, renewal(NEW)).await));
}

/// Whatever failed before anything was set, what was proved need not be proved again.
#[tokio::test]
async fn an_end_that_failed_can_be_tried_again() {
    let calls = {
        let stage = Stage::new();
        let token = stage.granted("ann", Stage::backup()).await;
        stage.world.fail(0, Blow::Before);
        assert!(is_set(&stage.finish(&token, password()).await));
        stage.world.calls()
    };
    let mut tried_again = 0;
    for nth in 1..=calls {
        let stage = Stage::new();
        let token = stage.granted("ann", Stage::backup()).await;
        stage.world.fail(nth, Blow::Before);
        let first = stage.flows.finish_recovery(&token, password(), &client()).await;
        stage.world.fail(0, Blow::Before);
        let was_set = stage.world.look(|s| s.accounts[&stage.ann].generation.credentials == 1);
        let again = stage.finish(&token, password()).await;
        if first.is_err() && !was_set {
            tried_again += 1;
            assert!(is_set(&again), "{nth}");
        }
    }
    assert!(tried_again > 5, "{tried_again}");
}

/// Two backup codes beside one mailed code, at the same time: one of them stays good.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_second_proof_is_spent_for_one_recovery() {
    for _ in 0..10 {
        let stage = Stage::new();
        stage.world.look(|s| {
            let (salt, digests) = s.backup.get_mut(&stage.ann).unwrap();
            digests.insert(backup_codes::code_digest(&secret("zzzzz11111222"), salt).unwrap());
        });
        let code = stage.mailed("ann").await;
        let mut all = JoinSet::new();
        for typed in ["0123-45678-9abc", "zzzz-z1111-1222"] {
            let flows = Arc::new(Flows::new(stage.world.ports(), recovering()));
            let (code, second) =
                (RecoveryCode::Mailed(code.clone()), Submission::Code(Method::BackupCode, secret(typed)));
            let proof = RecoveryProof { code, second: Some(second), wait: true };
            all.spawn(async move { flows.verify_recovery(proof, &client()).await.unwrap().value });
        }
        let told: Vec<String> = all.join_all().await.iter().map(told_word).collect();
        assert_eq!(told.iter().filter(|word| word.starts_with("granted")).count(), 1, "{told:?}");
        stage.world.look(|s| assert_eq!(s.backup[&stage.ann].1.len(), 1, "{told:?}"));
    }
}

/// A wrong second proof leaves the code to the next one at once.
#[tokio::test]
async fn a_wrong_second_proof_holds_nobody_up() {
    let stage = Stage::new();
    let code = stage.mailed("ann").await;
    for _ in 0..3 {
        let told = stage.prove(&code, Some(Submission::Code(Method::Totp, secret("000000")))).await;
        assert!(matches!(told.value, RecoveryReply::Rejected(Rejection::WrongCode)));
    }
    granted(stage.prove(&code, stage.totp(0)).await);
}
