//! What lies in Redis and was never written by us.

use std::sync::Arc;

use ::redis::aio::MultiplexedConnection;

use super::server::Server;
use super::{HOUR, node};
use crate::auth::authenticator::Sealed;
use crate::auth::throttle::{Charge, Charged, Limit};
use crate::flow::ports::Clock as _;
use crate::store::contract::samples::{ceremony, ceremony_key, identity, session, session_key};
use crate::store::contract::unreadable::{Damaged, Plant};
use crate::store::settings::StateSettings;
use crate::store::system::SystemClock;

async fn operator(url: &str) -> MultiplexedConnection {
    crate::store::redis::client(url, None).unwrap().get_multiplexed_async_connection().await.unwrap()
}

/// Plants garbage for the contract suite.
pub(super) fn plant(settings: &StateSettings) -> Plant {
    let StateSettings::Redis { url, prefix, .. } = settings.clone() else { panic!("not for Redis") };
    Arc::new(move |what, value| {
        let (url, prefix) = (url.expose().to_owned(), prefix.clone());
        Box::pin(async move {
            let mut operator = operator(&url).await;
            let mut cmd = match what {
                Damaged::Session(name) => ::redis::cmd("HSET").arg(format!("{prefix}s1:{name}")).arg("d").to_owned(),
                Damaged::Ceremony(name) => ::redis::cmd("SET").arg(format!("{prefix}c1:{name}")).to_owned(),
                Damaged::Counter(name) => ::redis::cmd("SET").arg(format!("{prefix}t1:{name}")).to_owned(),
            };
            let () = cmd.arg(value).query_async(&mut operator).await.unwrap();
        })
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_of_another_type_is_as_good_as_garbage() {
    let server = Server::start(&[]);
    let node = node(server.url(), 2000).await;
    let mut operator = operator(&server.url()).await;
    let mut push = async |name: String| {
        let () = ::redis::pipe()
            .cmd("DEL")
            .arg(&name)
            .cmd("LPUSH")
            .arg(&name)
            .arg("x")
            .query_async::<(u64, u64)>(&mut operator)
            .await
            .map(|_| ())
            .unwrap();
    };
    let (key, held, now) = (session_key(), ceremony_key(), SystemClock.now());
    let one = session("ann", now);
    assert!(node.sessions.replace(None, &key, &one, now.plus(HOUR)).await.unwrap());
    push(format!("stepgate:s1:{}", key.encoded())).await;
    assert!(node.sessions.of_user(&identity("ann").id).await.unwrap()[0].1.is_err());
    assert!(!node.sessions.replace(Some(&key), &session_key(), &one, now.plus(HOUR)).await.unwrap());
    node.sessions.touch(&key, now, now.plus(HOUR)).await.unwrap();
    assert!(node.sessions.load(&key).await.unwrap().is_none());
    assert!(node.sessions.of_user(&identity("ann").id).await.unwrap().is_empty());
    for take in [false, true] {
        push(format!("stepgate:c1:{}", held.encoded())).await;
        let found = if take { node.ceremonies.take(&held).await } else { node.ceremonies.load(&held).await };
        assert!(found.unwrap().is_none());
        node.ceremonies.put(&held, &ceremony("ann", now), HOUR).await.unwrap();
        assert!(node.ceremonies.take(&held).await.unwrap().is_some());
    }
    push("stepgate:t1:totp:ann".to_owned()).await;
    let charge = [Charge { key: "totp:ann".into(), limit: Limit { tries: 3, refill: HOUR } }];
    assert_eq!(node.throttle.charge(&charge, now).await.unwrap(), Charged::Wait { index: 0, retry_after: HOUR });
    assert_eq!(node.throttle.charge(&charge, now.plus(HOUR)).await.unwrap(), Charged::Go);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_value_that_cannot_be_read_makes_room() {
    let server = Server::start(&[]);
    let node = node(server.url(), 2000).await;
    let mut operator = operator(&server.url()).await;
    let name = "stepgate:p1:totp";
    for broken in
        ["", "x", "null", r#"{"v":"p2:","d":"AAAA"}"#, r#"{"v":"p1:","d":"!"}"#, r#"{"v":"p1:","d":7}"#, "a list"]
    {
        for verb in 0..3 {
            let mut cmd = ::redis::cmd(if broken == "a list" { "LPUSH" } else { "SET" });
            let () = cmd.arg(name).arg(broken).query_async(&mut operator).await.unwrap();
            match verb {
                0 => assert!(node.pending.load("totp").await.unwrap().is_none(), "{broken}"),
                1 => assert!(node.pending.take("totp").await.unwrap().is_none(), "{broken}"),
                _ => assert!(node.pending.keep("totp", &Sealed(vec![7]), HOUR).await.unwrap() == Sealed(vec![7])),
            }
            let kept = node.pending.take("totp").await.unwrap();
            assert_eq!(kept.is_some(), verb == 2, "{broken}");
        }
    }
}
