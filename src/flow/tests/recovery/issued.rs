//! Codes of administrators: good once, and known as used for as long as they would have been good.

use super::*;
use crate::auth::event::RejectReason;
use crate::flow::testing::Blow;

fn rejected(reason: RejectReason) -> What {
    What::ProofRejected { method: Method::RecoveryCode, reason }
}

#[tokio::test]
async fn a_code_that_was_used_is_told_so_to_who_has_it() {
    let stage = Stage::new();
    let code = stage.issued(&stage.ann).await;
    let token = granted(stage.prove_issued("ann", &code).await);
    let again = async |name, code: &SecretText| stage.prove_issued(name, code).await;
    let told = again("ann", &code).await;
    assert!(matches!(told.value, RecoveryReply::Done) && happened(&told.events, rejected(RejectReason::AlreadySpent)));
    assert!(is_set(&stage.finish(&token, password()).await));
    assert!(matches!(again("ann", &code).await.value, RecoveryReply::Done), "also once it has led to its end");
    for (name, code) in [("ann", &secret("22222-22222-22222-22222-22222")), ("bob", &code), ("nobody", &code)] {
        let told = again(name, code).await.value;
        assert!(matches!(told, RecoveryReply::Rejected(Rejection::WrongCode)), "{name}");
    }
    stage.world.pass(RecoverySettings::ISSUED_CODE_LIVES);
    let told = again("ann", &code).await.value;
    assert!(matches!(told, RecoveryReply::Rejected(Rejection::WrongCode)), "its time is over");
}

#[tokio::test]
async fn whose_account_is_disabled_is_told_nothing() {
    let stage = Stage::new();
    let code = stage.issued(&stage.ann).await;
    granted(stage.prove_issued("ann", &code).await);
    stage.world.disable(&stage.ann, true);
    let told = stage.prove_issued("ann", &code).await;
    assert!(matches!(told.value, RecoveryReply::Rejected(Rejection::WrongCode)));
    assert!(happened(&told.events, rejected(RejectReason::Disabled)));
}

/// Each attempt is charged, and costs the same calls of stores, whether or not there is somebody, and whether a code was used.
#[tokio::test]
async fn a_stranger_learns_nothing_by_the_cost() {
    let cost = async |name: &str, used: bool| {
        let stage = Stage::new();
        let code = stage.issued(&stage.ann).await;
        if used {
            granted(stage.prove_issued("ann", &code).await);
        }
        stage.world.fail(0, Blow::Before);
        stage.prove_issued(name, &secret("22222-22222-22222-22222-22222")).await;
        stage.world.calls()
    };
    let nobody = cost("nobody", false).await;
    for (name, used) in [("ann", false), ("ann", true), ("bob", true)] {
        assert_eq!(cost(name, used).await, nobody, "{name}, used: {used}");
    }
    let stage = Stage::new();
    let code = stage.issued(&stage.ann).await;
    granted(stage.prove_issued("ann", &code).await);
    let before = stage.world.look(|s| s.counters.clone());
    assert!(matches!(stage.prove_issued("ann", &code).await.value, RecoveryReply::Done));
    assert!(stage.world.look(|s| s.counters != before), "a repeated one is charged, too");
}
