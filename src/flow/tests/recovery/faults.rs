//! A store that fails at the nth call, for every n: nothing is granted, nothing is set twice, and no session opens.

use super::*;
use crate::flow::testing::Blow;

/// The steps of a recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Ask,
    Second,
    Issued,
    Wait,
    Finish,
    Stop,
}

const ALL: [At; 6] = [At::Ask, At::Second, At::Issued, At::Wait, At::Finish, At::Stop];

struct Ready {
    stage: Stage,
    code: SecretText,
    issued: SecretText,
    token: RecoveryToken,
    stop: crate::auth::link_token::LinkToken,
}

async fn ready() -> Ready {
    let stage = Stage::new();
    let code = stage.mailed("bob").await;
    stage.prove(&code, None).await;
    let url = stage.world.look(|s| match &s.letters.last().unwrap().0 {
        Letter::Link(link) => link.url.clone(),
        _ => panic!("no link"),
    });
    let stop = crate::auth::link_token::LinkToken::parse(url.expose().split_once("token=").unwrap().1).unwrap();
    let token = stage.granted("ann", Stage::backup()).await;
    let (code, issued) = (stage.mailed("ann").await, stage.issued(&stage.ann).await);
    Ready { stage, code, issued, token, stop }
}

/// Whether it did what it is for; `Err`: a store failed.
async fn run(ready: &Ready, at: At) -> Result<bool, ()> {
    let flows = &ready.stage.flows;
    let proof = |second| RecoveryProof { code: RecoveryCode::Mailed(ready.code.clone()), second, wait: true };
    match at {
        At::Ask => flows.ask_recovery("bob", &client()).await.map(|told| told.value.is_some()).map_err(drop),
        At::Second | At::Wait => {
            let second = (at == At::Second).then(|| ready.stage.totp(0)).flatten();
            let told = flows.verify_recovery(proof(second), &client()).await.map_err(drop)?;
            Ok(matches!(told.value, RecoveryReply::Granted(_) | RecoveryReply::Waiting { .. }))
        }
        At::Issued => {
            let code = RecoveryCode::Issued { username: "ann".to_owned(), code: ready.issued.clone() };
            let proof = RecoveryProof { code, second: None, wait: true };
            let told = flows.verify_recovery(proof, &client()).await.map_err(drop)?;
            Ok(matches!(told.value, RecoveryReply::Granted(_)))
        }
        At::Finish => {
            let renewal = Renewal { backup_codes: true, ..password() };
            let told = flows.finish_recovery(&ready.token, renewal, &client()).await.map_err(drop)?;
            Ok(is_set(&told))
        }
        At::Stop => flows.stop_recovery(&ready.stop, &client()).await.map(|told| told.value).map_err(drop),
    }
}

#[tokio::test]
async fn a_store_that_fails_grants_nothing() {
    let mut cells = 0;
    for at in ALL {
        let calls = {
            let ready = ready().await;
            ready.stage.world.fail(0, Blow::Before);
            assert_eq!(run(&ready, at).await, Ok(true), "{at:?}");
            ready.stage.world.calls()
        };
        for (nth, blow) in (1..=calls).flat_map(|nth| [(nth, Blow::Before), (nth, Blow::After)]) {
            cells += 1;
            let ready = ready().await;
            let before = ready.stage.world.look(|s| s.accounts[&ready.stage.ann].clone());
            ready.stage.world.fail(nth, blow);
            let told = run(&ready, at).await;
            ready.stage.world.fail(0, Blow::Before);
            // What may fail without a word is the trail of a factor, never what is granted.
            assert!(told.is_err() || told == Ok(false), "{at:?} {nth} {blow:?}: granted");
            let again = run(&ready, at).await;
            ready.stage.world.look(|s| {
                let after = &s.accounts[&ready.stage.ann];
                assert!(s.sessions.is_empty(), "{at:?} {nth} {blow:?}: a session opened");
                let times = after.generation.credentials - before.generation.credentials;
                assert!(times <= 1, "{at:?} {nth} {blow:?}: set {times} times");
                if at != At::Finish {
                    assert_eq!(times, 0, "{at:?} {nth} {blow:?}");
                }
            });
            // Whatever was burnt is burnt; nothing is granted twice for it.
            assert!(again.is_ok(), "{at:?} {nth} {blow:?}");
        }
    }
    assert!(cells > 60, "{cells}");
}
