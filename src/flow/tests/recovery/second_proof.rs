//! Which proofs beside the mailbox count, and for whom.

use super::*;
use crate::auth::proof::MethodSet;

#[tokio::test]
async fn what_the_operator_left_out_grants_nothing_and_is_not_spent() {
    let stage = Stage::new();
    let second_proof = MethodSet::EMPTY.with(Method::BackupCode);
    let recovery = Some(RecoverySettings { second_proof, ..RecoverySettings::default() });
    let flows = Arc::new(Flows::new(stage.world.ports(), FlowSettings { recovery, ..recovering() }));
    let stage = Stage { flows, ..stage };
    let code = stage.mailed("ann").await;
    let told = stage.prove(&code, stage.totp(0)).await.value;
    assert!(told_word(&told).starts_with("ask"), "{}", told_word(&told));
    assert!(stage.world.look(|s| s.spent.is_empty() && s.recoveries.is_empty()));
    granted(stage.prove(&code, Stage::backup()).await);
}

#[tokio::test]
async fn the_code_of_an_administrator_grants_nothing_to_who_is_disabled() {
    let stage = Stage::new();
    let code = stage.issued(&stage.ann).await;
    // By a shell on the database: nothing withdraws the code.
    stage.world.disable(&stage.ann, true);
    assert_eq!(told_word(&stage.prove_issued("ann", &code).await.value), "rejected WrongCode");
    stage.world.disable(&stage.ann, false);
    assert_eq!(told_word(&stage.prove_issued("ann", &code).await.value), "done", "and it is burnt");
}
