//! What is left of an account that is gone: found by a look through everything, for which nobody waits.

use std::time::Duration;

use super::{Stage, leave_everything};
use crate::auth::secret::SecretBytes;
use crate::flow::erasure::finish_erasures;
use crate::flow::ports::{RECORD_VERSION, TransientKind};
use crate::flow::reply::DeletionConfirmed;
use crate::flow::testing::Blow;

/// Values of other people, sealed like any.
fn plant(stage: &Stage, count: u32) {
    let ends = stage.flows.now().plus(Duration::from_secs(3600));
    for n in 0..count {
        let name = format!("of-others-{n}");
        let context = format!("state:slip:{RECORD_VERSION}:{name}");
        let text = SecretBytes::new(b"{\"of\":\"01BOB\"}".to_vec());
        let sealed = crate::flow::ports::Vault::seal(&*stage.world, &context, &text).unwrap();
        stage.world.look(|s| s.transient.insert((TransientKind::Slip, name), (sealed, ends)));
    }
}

#[tokio::test]
async fn who_deletes_waits_for_no_look_through_what_others_have_stored() {
    let calls = async |others: u32| {
        let stage = Stage::new();
        leave_everything(&stage).await;
        plant(&stage, others);
        let token = stage.link().await;
        stage.world.fail(0, Blow::Before);
        assert_eq!(stage.confirm(&token).await.unwrap().value, DeletionConfirmed::Erased);
        stage.world.calls()
    };
    let (alone, among_many) = (calls(0).await, calls(50_000).await);
    assert_eq!(alone, among_many, "calls of stores");
    assert!(alone < 40, "{alone}");
}

#[tokio::test]
async fn the_rest_is_taken_away_in_short_steps_by_one_node_and_by_another_if_that_one_dies() {
    for nth in 1.. {
        let stage = Stage::new();
        leave_everything(&stage).await;
        plant(&stage, 1000);
        let token = stage.link().await;
        assert_eq!(stage.confirm(&token).await.unwrap().value, DeletionConfirmed::Erased);
        stage.world.pass(Duration::from_secs(60));
        stage.world.fail(nth, Blow::Before);
        let told = finish_erasures(&stage.flows.ports).await;
        let (calls, reached) = (stage.world.calls(), stage.world.calls() >= nth);
        stage.world.fail(0, Blow::Before);
        if !reached {
            assert_eq!(told.unwrap(), 1);
            assert!((15..40).contains(&calls), "{calls}");
            assert_eq!(stage.traces(), Vec::<String>::new());
            assert_eq!(
                stage.world.look(|s| s.transient.keys().filter(|(_, n)| n.starts_with("of-others")).count()),
                1000
            );
            break;
        }
        // It died there. Nobody else looks until its time is over, and then somebody finishes.
        assert!(told.is_err(), "{nth}");
        if nth > 1 {
            assert_eq!(finish_erasures(&stage.flows.ports).await.unwrap(), 0, "{nth}");
        }
        stage.world.pass(Duration::from_secs(60));
        assert_eq!(finish_erasures(&stage.flows.ports).await.unwrap(), 1, "{nth}");
        assert_eq!(stage.traces(), Vec::<String>::new(), "{nth}");
    }
}

#[tokio::test]
async fn while_somebody_reads_the_files_only_these_are_tried_again() {
    let stage = Stage::new();
    leave_everything(&stage).await;
    plant(&stage, 1000);
    let token = stage.link().await;
    assert_eq!(stage.confirm(&token).await.unwrap().value, DeletionConfirmed::Erased);
    let hold = |is_held| stage.world.look(|s| s.erasures.get_mut(&stage.ann).unwrap().is_held = is_held);
    hold(true);
    let mut calls = Vec::new();
    for _ in 0..3 {
        stage.world.pass(Duration::from_secs(60));
        stage.world.fail(0, Blow::Before);
        assert!(finish_erasures(&stage.flows.ports).await.is_err());
        calls.push(stage.world.calls());
        let left = stage.traces();
        assert!(left.iter().all(|found| found == "erasure"), "{left:?}");
    }
    assert!(calls[0] > 10 && calls[1..] == [2, 2], "{calls:?}");
    hold(false);
    stage.world.pass(Duration::from_secs(60));
    assert_eq!(finish_erasures(&stage.flows.ports).await.unwrap(), 1);
    assert_eq!(stage.traces(), Vec::<String>::new());
}
