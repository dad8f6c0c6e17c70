//! Many at once, over two nodes that share their stores.

use tokio::task::JoinSet;

use super::*;
use crate::auth::link_token::LinkToken;

const AT_ONCE: usize = 200;

fn nodes(stage: &Stage) -> [Shared; 2] {
    [0, 1].map(|_| Arc::new(Flows::new(stage.world.ports(), recovering())))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_code_leads_on_for_one_of_two_hundred() {
    let stage = Stage::new();
    let ready = WAITED;
    let code = stage.mailed("bob").await;
    stage.prove(&code, None).await;
    stage.world.pass(ready);
    let (code, nodes) = (stage.mailed("bob").await, nodes(&stage));
    let mut all = JoinSet::new();
    for n in 0..AT_ONCE {
        let (flows, code) = (nodes[n % 2].clone(), RecoveryCode::Mailed(code.clone()));
        let proof = RecoveryProof { code, second: None, wait: true };
        all.spawn(async move { flows.verify_recovery(proof, &client()).await.unwrap().value });
    }
    let all = all.join_all().await;
    assert_eq!(all.iter().filter(|told| matches!(told, RecoveryReply::Granted(_))).count(), 1);
    // None finds that there is no such code.
    let others = |told: &&RecoveryReply| {
        matches!(told, RecoveryReply::Done | RecoveryReply::Wait(_) | RecoveryReply::Waiting { .. })
    };
    assert_eq!(all.iter().filter(others).count(), AT_ONCE - 1);
}

const WAITED: Duration = Duration::from_secs(24 * 3600);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_code_of_an_administrator_leads_on_for_one() {
    let stage = Stage::new();
    let (code, nodes) = (stage.issued(&stage.ann).await, nodes(&stage));
    let mut all = JoinSet::new();
    for n in 0..AT_ONCE {
        let (flows, code) = (nodes[n % 2].clone(), code.clone());
        all.spawn(async move {
            let code = RecoveryCode::Issued { username: "ann".to_owned(), code };
            let proof = RecoveryProof { code, second: None, wait: true };
            flows.verify_recovery(proof, &client()).await.unwrap().value
        });
    }
    let all = all.join_all().await;
    assert_eq!(all.iter().filter(|told| matches!(told, RecoveryReply::Granted(_))).count(), 1);
    assert_eq!(
        all.iter().filter(|told| matches!(told, RecoveryReply::Done | RecoveryReply::Wait(_))).count(),
        AT_ONCE - 1
    );
}

/// "This was not me" and the end of the same recovery: one of them happens, never both.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn not_me_and_the_end_exclude_each_other() {
    for round in 0..40 {
        let stage = Stage::new();
        let code = stage.mailed("bob").await;
        stage.prove(&code, None).await;
        let link = stage.world.look(|s| {
            s.letters.iter().rev().find_map(|(letter, _)| match letter {
                Letter::Link(link) if link.purpose == LinkPurpose::RecoveryWaits => Some(link.url.clone()),
                _ => None,
            })
        });
        let link = LinkToken::parse(link.unwrap().expose().split_once("token=").unwrap().1).unwrap();
        stage.world.pass(WAITED);
        let token = stage.granted("bob", None).await;
        let [one, other] = nodes(&stage);
        let end = async {
            if round % 2 == 0 {
                tokio::task::yield_now().await;
            }
            is_set(&one.finish_recovery(&token, password(), &client()).await.unwrap())
        };
        let stop = async { other.stop_recovery(&link, &client()).await.unwrap().value };
        let (was_set, was_stopped) = tokio::join!(end, stop);
        assert!(was_set != was_stopped, "round {round}: set {was_set}, stopped {was_stopped}");
        let changed = stage.world.look(|s| s.accounts[&stage.bob].generation.credentials > 0);
        assert_eq!(changed, was_set);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_granted_is_set_once() {
    for round in 0..40 {
        let stage = Stage::new();
        let (token, nodes) = (stage.granted("ann", stage.totp(0)).await, nodes(&stage));
        let mut all = JoinSet::new();
        for n in 0..20 {
            let (flows, token) = (nodes[n % 2].clone(), token.clone());
            all.spawn(async move { flows.finish_recovery(&token, password(), &client()).await.unwrap().value });
        }
        let mut set = 0;
        for told in all.join_all().await {
            match told {
                RenewalReply::Set { .. } => set += 1,
                // What costs a hash has a limit.
                RenewalReply::UnderWay | RenewalReply::Done | RenewalReply::Wait(_) => {}
                _ => panic!("round {round}: a recovery that exists is not there"),
            }
        }
        assert_eq!(set, 1, "round {round}");
        assert!(matches!(stage.finish(&token, password()).await.value, RenewalReply::Done | RenewalReply::Wait(_)));
        stage.world.look(|s| assert_eq!(s.accounts[&stage.ann].generation.credentials, 1));
    }
}
