//! A recovery that a request is finishing: what others are told meanwhile, and what becomes of it where that request dies.

use tokio::task::JoinSet;

use super::*;
use crate::flow::ports::GrantedRecovery;
use crate::flow::reply::{RecoveredTotp, ShownGrant};

const LASTS: Duration = RecoverySettings::FINISHING_LASTS;

impl Stage {
    /// As a request leaves it that has marked it and got no further.
    async fn mark(&self, token: &RecoveryToken) {
        let grants = self.world.ports().recoveries_granted;
        let Some(GrantedRecovery::Open(open)) = grants.load(token).await.unwrap() else { panic!("it is not open") };
        let until = self.world.ports().clock.now().plus(LASTS);
        grants.put(token, &GrantedRecovery::Finishing { open, until }, RecoverySettings::LASTS).await.unwrap();
    }

    fn count(&self) -> u64 {
        self.world.look(|s| s.accounts[&self.ann].generation.credentials)
    }
}

fn is_under_way(told: &WithEvents<RenewalReply>) -> bool {
    matches!(told.value, RenewalReply::UnderWay)
}

fn is_gone(told: &WithEvents<RenewalReply>) -> bool {
    matches!(told.value, RenewalReply::Rejected(Rejection::CeremonyGone))
}

#[tokio::test]
async fn while_one_sets_the_others_come_again() {
    let stage = Stage::new();
    let token = stage.granted("ann", Stage::backup()).await;
    stage.mark(&token).await;
    assert!(is_under_way(&stage.finish(&token, password()).await));
    let flows = &stage.flows;
    assert!(matches!(flows.recovery_totp(&token, &client()).await.unwrap(), RecoveredTotp::UnderWay));
    assert!(matches!(flows.shown_grant(&token, &client()).await.unwrap(), ShownGrant::UnderWay));
    let elsewhere = Client { host: "other.example.com".to_owned(), ..client() };
    assert!(is_gone(&flows.finish_recovery(&token, password(), &elsewhere).await.unwrap()), "nothing of it elsewhere");
    assert!(matches!(flows.shown_grant(&token, &elsewhere).await.unwrap(), ShownGrant::Over));
    assert_eq!(stage.count(), 0);
}

#[tokio::test]
async fn a_request_that_died_before_it_set_leaves_it_open() {
    let stage = Stage::new();
    let token = stage.granted("ann", Stage::backup()).await;
    stage.mark(&token).await;
    stage.world.pass(LASTS - Duration::from_millis(1));
    assert!(is_under_way(&stage.finish(&token, password()).await));
    stage.world.pass(Duration::from_millis(1));
    assert!(matches!(stage.flows.shown_grant(&token, &client()).await.unwrap(), ShownGrant::Open { .. }));
    assert!(is_set(&stage.finish(&token, password()).await));
    assert!(matches!(stage.finish(&token, password()).await.value, RenewalReply::Done));
}

#[tokio::test]
async fn a_request_that_died_after_it_set_leaves_nothing_to_set() {
    let stage = Stage::new();
    let token = stage.granted("ann", Stage::backup()).await;
    let grants = stage.world.ports().recoveries_granted;
    let before = grants.load(&token).await.unwrap().unwrap();
    assert!(is_set(&stage.finish(&token, password()).await));
    grants.put(&token, &before, RecoverySettings::LASTS).await.unwrap();
    stage.mark(&token).await;
    assert!(is_under_way(&stage.finish(&token, password()).await), "nobody knows yet");
    stage.world.pass(LASTS);
    assert!(is_gone(&stage.finish(&token, password()).await));
    assert_eq!(stage.count(), 1);
}

/// One that is over is over for who died in it as well.
#[tokio::test]
async fn a_mark_makes_no_recovery_last_longer() {
    let stage = Stage::new();
    let token = stage.granted("ann", Stage::backup()).await;
    stage.world.pass(RecoverySettings::LASTS - Duration::from_secs(1));
    stage.mark(&token).await;
    stage.world.pass(Duration::from_secs(2));
    assert!(is_under_way(&stage.finish(&token, password()).await), "it may still come right");
    stage.world.pass(LASTS);
    assert!(is_gone(&stage.finish(&token, password()).await));
    assert_eq!(stage.count(), 0);
}

/// Marks that lapse under those who set let others try; the count of credentials lets one through.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_requests_that_are_too_slow_one_sets() {
    for round in 0..20 {
        let stage = Stage::new();
        let token = stage.granted("ann", Stage::backup()).await;
        let mut all = JoinSet::new();
        for _ in 0..8 {
            let (flows, token) = (Arc::new(Flows::new(stage.world.ports(), recovering())), token.clone());
            all.spawn(async move { is_set(&flows.finish_recovery(&token, password(), &client()).await.unwrap()) });
        }
        let world = stage.world.clone();
        all.spawn(async move {
            for _ in 0..40 {
                world.pass(LASTS);
                tokio::task::yield_now().await;
            }
            false
        });
        let set = all.join_all().await.into_iter().filter(|set| *set).count();
        assert!(set == 1 && stage.count() == 1, "round {round}: set {set} times, counted {}", stage.count());
    }
}
