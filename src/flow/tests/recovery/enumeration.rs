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
    let written: Vec<usize> = somebody.1.iter().map(|(letters, _)| *letters).collect();
    assert_eq!(written, [1, 2, 3, 4, 5, 6], "also where none is sent");
}

/// By name until no letter is left, then by the address: neither the calls nor what is written tells that both are one person's.
#[tokio::test]
async fn an_address_whose_letters_are_used_up_costs_what_any_does() {
    let after_flood = async |typed: &str| {
        let stage = Stage::new();
        for _ in 0..9 {
            stage.flows.ask_recovery("ann", &client()).await.unwrap();
        }
        stage.world.fail(0, Blow::Before);
        let before = stage.world.look(|s| (s.letters.len(), s.transient.len()));
        stage.flows.ask_recovery(typed, &client()).await.unwrap();
        let after = stage.world.look(|s| (s.letters.len(), s.transient.len()));
        (stage.world.calls(), after.0 - before.0, after.1 - before.1)
    };
    let nobody = after_flood("carl@example.com").await;
    for somebody in ["zann@example.net", "ann@example.com", "bob@example.com"] {
        assert_eq!(after_flood(somebody).await, nobody, "{somebody}");
    }
}

#[tokio::test]
async fn a_flood_by_many_names_of_one_person_is_one_flood() {
    let stage = Stage::new();
    for typed in ["ann", "ANN", "ann@example.com", "Ann@Example.com", "zann@example.net", "ann"] {
        stage.flows.ask_recovery(typed, &client()).await.unwrap();
    }
    let (ann, zann) = (stage.letters_to("\"ann@"), stage.letters_to("zann@"));
    assert_eq!((ann, zann), (2, 4), "five to each of hers at most");
    for _ in 0..20 {
        stage.flows.ask_recovery("ann", &client()).await.unwrap();
        stage.flows.ask_recovery("ann@example.com", &client()).await.unwrap();
    }
    assert_eq!((stage.letters_to("\"ann@"), stage.letters_to("zann@")), (5, 5));
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
    assert_eq!(stage.world.look(|s| s.letters.len()), 2);
    stage.world.look(|s| assert!(s.letters.iter().all(|(letter, _)| matches!(letter, Letter::Nobody))));
}
