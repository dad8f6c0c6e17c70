//! Letters about what too many wrong proofs do.

use super::*;
use crate::auth::ceremony::Erasure;
use crate::auth::throttle::{Limit, account_of_name};
use crate::flow::erasure::erase_account;
use crate::flow::ports::Records;
use crate::flow::settings::MethodBudget;

/// Of two wrong codes at once, each of which would be the last one, whichever switches the factor off brings its letters.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_brings_the_last_wrong_code_it_is_told_of() {
    for round in 0..20 {
        let mut stage = stage();
        let mut settings = FlowSettings { mail: true, ..sending() };
        settings.limits.lockout = 1;
        stage.flows = Flows::new(stage.world.ports(), settings);
        let enrolled = stage.world.ports().authenticators.of(&stage.ann).await.unwrap();
        let (one, other) = (client_at("203.0.113.5"), client_at("203.0.113.6"));
        let at = |from| stage.flows.begin_attempt("ann", Some(stage.ann.clone()), from);
        let (one, other) = (at(&one), at(&other));
        let (first, second) = tokio::join!(
            stage.flows.count_code(&one, &stage.ann, Method::Totp, &enrolled),
            stage.flows.count_code(&other, &stage.ann, Method::Totp, &enrolled),
        );
        drop((first.unwrap(), second.unwrap()));
        assert!(stage.world.look(|s| s.lockouts.values().any(|lockout| lockout.locked_at.is_some())));
        assert_eq!(stage.count(&NoticeKind::FactorLocked(Method::Totp)), 2, "{round}");
    }
}

/// One wrong password less than is told of.
async fn under_attack(name: &str) -> Stage {
    let mut stage = stage();
    let mut settings = FlowSettings { mail: true, ..sending() };
    let MethodBudget::Password { pace, .. } = settings.limits.budget(Method::Password) else { panic!("no pace") };
    settings.limits.password_lockout = Limit { tries: 3, refill: Duration::from_secs(600) };
    settings.limits.new_network = Limit { tries: 1, ..pace };
    stage.flows = Flows::new(stage.world.ports(), settings);
    for ip in ["203.0.113.5", "203.0.113.6", "198.51.100.1"] {
        assert!(wrong(&stage.flows, name, ip).await);
    }
    assert!(stage.told().is_empty(), "none is too many yet");
    stage
}

/// Whether a wrong password was answered.
async fn wrong(flows: &Flows, name: &str, ip: &str) -> bool {
    flows.begin(given(name, "not it"), two_factors(), Channel::Cookie, &client_at(ip)).await.is_ok()
}

#[tokio::test]
async fn too_many_wrong_passwords_are_told_of_once_a_day_and_a_name_that_nobody_has_costs_as_much() {
    let mut costs = Vec::new();
    for (name, addresses) in [("ann", 2), ("ann", 1), ("ann", 0), ("nobody", 0)] {
        let stage = under_attack(name).await;
        stage.world.look(|s| s.addresses.truncate(addresses));
        let links = || stage.world.look(|s| s.transient.len());
        let before = links();
        stage.world.fail(0, Blow::Before);
        assert!(wrong(&stage.flows, name, "192.0.2.200").await);
        let letters = stage.world.look(|s| s.letters.len());
        costs.push((stage.world.calls(), links() - before, letters));
        assert_eq!(stage.count(&NoticeKind::PasswordLocked), addresses, "{name}");
        for ip in ["192.0.2.201", "192.0.2.202"] {
            assert!(wrong(&stage.flows, name, ip).await);
        }
        assert!(stage.told().is_empty(), "once a day");
    }
    assert_eq!(costs, [costs[0]; 4], "calls, links, letters");
    assert_eq!((costs[0].1, costs[0].2), (5, 5));
}

#[tokio::test]
async fn a_fault_loses_no_letter_about_too_many_wrong_passwords() {
    for nth in 1.. {
        let stage = under_attack("ann").await;
        stage.world.fail(nth, Blow::Before);
        wrong(&stage.flows, "ann", "192.0.2.200").await;
        let is_over = stage.world.calls() < nth;
        stage.world.fail(0, Blow::Before);
        wrong(&stage.flows, "ann", "192.0.2.201").await;
        let to: Vec<_> = stage.told().into_iter().map(|notice| notice.to).collect();
        for address in ["a@example.com", "b@example.com"] {
            assert!(to.contains(&Recipient::Email(address.to_owned())), "{nth}: {address}");
        }
        if is_over {
            assert!(nth > 8, "{nth}");
            break;
        }
    }
}

#[tokio::test]
async fn what_is_kept_of_it_is_a_counter_that_goes_with_the_account() {
    let stage = under_attack("ann").await;
    assert!(wrong(&stage.flows, "ann", "192.0.2.200").await);
    let account = account_of_name("ann");
    // Stores keep keyed digests of the names of counters, and marks as they are.
    assert!(stage.world.look(|s| s.marks.keys().all(|mark| !mark.contains(&account))));
    let counts = || stage.world.look(|s| s.counters.keys().filter(|key| key.contains("lockout-notice")).count());
    assert_eq!(counts(), 1);
    let who = stage.world.look(|s| s.accounts[&stage.ann].identity.clone());
    erase_account(&stage.flows.ports, &Erasure::by_operator(&who), Records::NONE).await.unwrap();
    assert_eq!(counts(), 0);
}
