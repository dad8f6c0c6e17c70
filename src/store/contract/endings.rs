//! The contract of what is told of sessions that end.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

use super::samples::{HOUR, StatePorts, identity, session, session_key};
use crate::auth::session::SessionKey;
use crate::flow::ports::{EndReason, Ended};

/// The next that is told of one session.
pub(crate) async fn next_one(ends: &mut BoxStream<'static, Ended>) -> (SessionKey, Option<String>, EndReason) {
    let one = async {
        loop {
            if let Ended::One { key, session, why } = ends.next().await.expect("it goes on") {
                return (key, session, why);
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), one).await.expect("told in time")
}

pub(super) async fn ending_cases(make: &impl AsyncFn() -> StatePorts) {
    let p = make().await;
    let mut ends = p.sessions.ended();
    let now = p.clock.now();
    let (first, second, third) = (session_key(), session_key(), session_key());
    let (ann, other) = (session("ann", now), session("ann", now));
    // A push may have to be subscribed to before it tells.
    let known = async |key: &SessionKey| p.sessions.load(key).await.unwrap().is_some();
    assert!(p.sessions.replace(None, &first, &ann, now.plus(HOUR)).await.unwrap() && known(&first).await);
    (p.pass)(Duration::from_millis(1500)).await;
    assert!(p.sessions.replace(Some(&first), &second, &ann, now.plus(HOUR)).await.unwrap());
    let replaced = |key, by| (key, Some(ann.id.clone()), EndReason::Replaced { by: Some(by) });
    assert_eq!(next_one(&mut ends).await, replaced(first, second));
    assert!(p.sessions.revoke(&second).await.unwrap());
    assert_eq!(next_one(&mut ends).await, (second, Some(ann.id.clone()), EndReason::Revoked));
    for key in [&first, &second] {
        assert!(p.sessions.replace(None, key, &ann, now.plus(HOUR)).await.unwrap());
    }
    assert!(p.sessions.supersede(&first, &second).await.unwrap());
    assert_eq!(next_one(&mut ends).await, replaced(first, second));
    assert!(!known(&first).await && known(&second).await);
    assert!(p.sessions.revoke(&second).await.unwrap());
    assert_eq!(next_one(&mut ends).await, (second, Some(ann.id.clone()), EndReason::Revoked));
    for (key, one) in [(&first, &ann), (&third, &other)] {
        assert!(p.sessions.replace(None, key, one, now.plus(HOUR)).await.unwrap());
    }
    assert_eq!(p.sessions.revoke_all(&identity("ann").id).await.unwrap(), 2);
    let mut told = [next_one(&mut ends).await, next_one(&mut ends).await];
    told.sort_by_key(|(key, ..)| *key != first);
    let revoked = |key, one: &crate::auth::session::Session| (key, Some(one.id.clone()), EndReason::Revoked);
    assert_eq!(told, [revoked(first, &ann), revoked(third, &other)]);
}
