//! Whoever asks is answered alike: the same calls of stores, the same number of letters, the same words.

use super::*;
use crate::flow::testing::Blow;

/// The calls of stores that asking for `typed` makes, and what it leaves there.
async fn cost(typed: &str, times: usize) -> (usize, Vec<(usize, usize)>) {
    let stage = Stage::new();
    stage.world.fail(0, Blow::Before);
    let mut left = Vec::new();
    for _ in 0..times {
        assert_eq!(stage.flows.ask_recovery(typed, &client()).await.unwrap().value, Some(RecoverySettings::CODE_LIVES));
        left.push(stage.world.look(|s| (s.letters.len(), s.transient.len())));
    }
    (stage.world.calls(), left)
}

#[tokio::test]
async fn somebody_and_nobody_cost_the_same() {
    let somebody = cost("ann", 6).await;
    for nobody in ["carl", "disabled"] {
        assert_eq!(cost(nobody, 6).await, somebody, "{nobody}");
    }
    assert_eq!(cost("ann@example.com", 6).await, cost("carl@example.com", 6).await);
    let sent: Vec<usize> = somebody.1.iter().map(|(letters, _)| *letters).collect();
    assert_eq!(sent, [1, 2, 3, 3, 3, 3], "a flood fills no mailbox");
}

#[tokio::test]
async fn a_flood_by_many_names_of_one_person_is_one_flood() {
    let stage = Stage::new();
    for typed in ["ann", "ANN", "ann@example.com", "Ann@Example.com", "zann@example.net", "ann"] {
        stage.flows.ask_recovery(typed, &client()).await.unwrap();
    }
    let to = |address: &str| {
        stage.world.look(|s| {
            let reached = |letter: &Letter| {
                letter.recipient().is_some_and(|to| serde_json::to_string(to).unwrap().contains(address))
            };
            s.letters.iter().filter(|(letter, _)| reached(letter)).count()
        })
    };
    assert!(to("\"ann@") <= 3 && to("zann@") <= 3, "{} {}", to("\"ann@"), to("zann@"));
}

#[tokio::test]
async fn somebody_who_is_disabled_or_has_no_address_is_nobody() {
    let stage = Stage::new();
    stage.world.disable(&stage.ann, true);
    stage.world.look(|s| s.addresses.retain(|(of, _)| *of != stage.bob));
    for name in ["ann", "bob"] {
        let told = stage.flows.ask_recovery(name, &client()).await.unwrap();
        assert!(told.value.is_some() && told.events.is_empty(), "{name}");
    }
    stage.world.look(|s| assert!(s.letters.iter().all(|(letter, _)| matches!(letter, Letter::Nobody))));
}
