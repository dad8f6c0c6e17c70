//! The contract of the state ports: sessions, ceremonies, values that wait, marks and counters.

use std::time::Duration;

use super::counters::{ledger_cases, pending_cases, quota_cases, throttle_cases};
use super::endings::ending_cases;
use super::samples::{
    HOUR, LONGER, RACERS, SHORT, StatePorts, ceremony, ceremony_key, identity, session, session_key, winners,
};
use super::sealing::sealing_cases;
use super::transient::{code_cases, transient_cases};
use super::unreadable::unreadable_cases;
use crate::auth::session::{Session, SessionKey};
use crate::flow::ports::End;

/// Runs every case, each on an empty store of its own.
pub(crate) async fn state_contract(make: impl AsyncFn() -> StatePorts) {
    sessions_load_what_was_opened(make().await).await;
    a_replaced_session_leaves_nothing_old(make().await).await;
    a_raced_replacement_happens_once(make().await).await;
    touching_renews_and_never_revives(make().await).await;
    revoking_ends_exactly_what_was_named(make().await).await;
    revoking_all_beats_a_replacement(make().await).await;
    revoking_a_family_ends_it_on_every_host(make().await).await;
    sessions_expire(make().await).await;
    ceremonies_are_kept_moved_and_taken_once(make().await).await;
    a_raced_take_gives_the_ceremony_once(make().await).await;
    ceremonies_expire(make().await).await;
    keys_of_one_kind_never_find_another(make().await).await;
    ending_cases(&make).await;
    transient_cases(&make).await;
    code_cases(&make).await;
    pending_cases(&make).await;
    ledger_cases(&make).await;
    throttle_cases(&make).await;
    quota_cases(&make).await;
    unreadable_cases(&make).await;
    sealing_cases(&make).await;
}

async fn sessions_load_what_was_opened(p: StatePorts) {
    let now = p.clock.now();
    let (key, one) = (session_key(), session("ann", now));
    assert!(p.sessions.load(&key).await.unwrap().is_none());
    assert!(p.sessions.replace(None, &key, &one, now.plus(HOUR)).await.unwrap());
    assert_eq!(*p.sessions.load(&key).await.unwrap().unwrap(), one);
    assert!(p.sessions.load(&session_key()).await.unwrap().is_none(), "another key finds nothing");
}

async fn a_replaced_session_leaves_nothing_old(p: StatePorts) {
    let now = p.clock.now();
    let (old, new, late) = (session_key(), session_key(), session_key());
    let (first, second) = (session("ann", now), session("ann", now.plus(Duration::from_secs(1))));
    assert!(p.sessions.replace(None, &old, &first, now.plus(HOUR)).await.unwrap());
    assert!(p.sessions.replace(Some(&old), &new, &second, now.plus(HOUR)).await.unwrap());
    assert!(p.sessions.load(&old).await.unwrap().is_none(), "the old token is dead");
    assert_eq!(*p.sessions.load(&new).await.unwrap().unwrap(), second);
    assert_eq!(of(&p, "ann").await, vec![(new, second.clone())]);
    assert!(!p.sessions.replace(Some(&old), &late, &first, now.plus(HOUR)).await.unwrap(), "the old one is gone");
    assert!(p.sessions.load(&late).await.unwrap().is_none(), "and nothing was opened");
    assert!(!p.sessions.replace(Some(&session_key()), &late, &first, now.plus(HOUR)).await.unwrap());
    assert_eq!(of(&p, "ann").await, vec![(new, second)]);
}

async fn a_raced_replacement_happens_once(p: StatePorts) {
    let now = p.clock.now();
    let (old, one) = (session_key(), session("ann", now));
    assert!(p.sessions.replace(None, &old, &one, now.plus(HOUR)).await.unwrap());
    let racers: Vec<_> = (0..RACERS)
        .map(|_| {
            let (p, one, new) = (p.clone(), one.clone(), session_key());
            tokio::spawn(async move { p.sessions.replace(Some(&old), &new, &one, now.plus(HOUR)).await.unwrap() })
        })
        .collect();
    assert_eq!(winners(racers).await, 1);
    assert_eq!(p.sessions.of_user(&one.identity.id).await.unwrap().len(), 1);
}

async fn touching_renews_and_never_revives(p: StatePorts) {
    let now = p.clock.now();
    let (key, mut one) = (session_key(), session("ann", now));
    assert!(p.sessions.replace(None, &key, &one, now.plus(SHORT)).await.unwrap());
    let later = now.plus(Duration::from_millis(250));
    p.sessions.touch(&key, later, now.plus(HOUR)).await.unwrap();
    one.seen_at = later;
    assert_eq!(*p.sessions.load(&key).await.unwrap().unwrap(), one, "only the use is noted");
    (p.pass)(LONGER).await;
    assert_eq!(*p.sessions.load(&key).await.unwrap().unwrap(), one, "its life was made longer");
    assert!(p.sessions.revoke(&key).await.unwrap());
    p.sessions.touch(&key, later, now.plus(HOUR)).await.unwrap();
    assert!(p.sessions.load(&key).await.unwrap().is_none(), "what was revoked stays revoked");
    assert!(p.sessions.of_user(&one.identity.id).await.unwrap().is_empty());
    p.sessions.touch(&session_key(), later, now.plus(HOUR)).await.unwrap();
}

async fn revoking_ends_exactly_what_was_named(p: StatePorts) {
    let now = p.clock.now();
    let open = async |name: &str| {
        let key = session_key();
        assert!(p.sessions.replace(None, &key, &session(name, now), now.plus(HOUR)).await.unwrap());
        key
    };
    let (a1, a2, a3, b1) = (open("ann").await, open("ann").await, open("ann").await, open("bob").await);
    assert!(p.sessions.revoke(&a1).await.unwrap());
    assert!(!p.sessions.revoke(&a1).await.unwrap(), "twice is not once more");
    assert!(p.sessions.load(&a1).await.unwrap().is_none());
    assert_eq!(sorted(&p, "ann").await, sort(vec![a2, a3]));
    assert_eq!(p.sessions.revoke_all(&identity("ann").id).await.unwrap(), 2);
    assert_eq!(p.sessions.revoke_all(&identity("ann").id).await.unwrap(), 0);
    for key in [a1, a2, a3] {
        assert!(p.sessions.load(&key).await.unwrap().is_none());
    }
    assert!(sorted(&p, "ann").await.is_empty());
    assert!(p.sessions.load(&b1).await.unwrap().is_some(), "somebody else's stays");
    assert_eq!(sorted(&p, "bob").await, vec![b1]);
    assert_eq!(p.sessions.revoke_all(&identity("nobody").id).await.unwrap(), 0);
}

async fn revoking_all_beats_a_replacement(p: StatePorts) {
    let now = p.clock.now();
    for _ in 0..20 {
        let (old, new, one) = (session_key(), session_key(), session("ann", now));
        assert!(p.sessions.replace(None, &old, &one, now.plus(HOUR)).await.unwrap());
        let (q, again) = (p.clone(), one.clone());
        let rise =
            tokio::spawn(async move { q.sessions.replace(Some(&old), &new, &again, now.plus(HOUR)).await.unwrap() });
        assert_eq!(p.sessions.revoke_all(&one.identity.id).await.unwrap(), 1);
        rise.await.unwrap();
        assert!(p.sessions.load(&old).await.unwrap().is_none());
        assert!(p.sessions.load(&new).await.unwrap().is_none(), "no session slips through by rising");
        assert!(p.sessions.of_user(&one.identity.id).await.unwrap().is_empty());
    }
}

async fn revoking_a_family_ends_it_on_every_host(p: StatePorts) {
    let now = p.clock.now();
    let ann = session("ann", now);
    let (other, bob) = (session("ann", now), session("bob", now));
    // The same id belongs to one person alone.
    let bob = Session { id: ann.id.clone(), ..bob };
    let rows: Vec<(SessionKey, Session)> = ["login", "erp", "crm", "crm"]
        .map(|host| (session_key(), Session { host: format!("{host}.example.test"), ..ann.clone() }))
        .into();
    let (kept, kept_too) = (session_key(), session_key());
    for (key, row) in rows.iter().map(|(key, row)| (key, row)).chain([(&kept, &other), (&kept_too, &bob)]) {
        assert!(p.sessions.replace(None, key, row, now.plus(HOUR)).await.unwrap());
        assert!(p.sessions.load(key).await.unwrap().is_some(), "and it is in a cache");
    }
    assert_eq!(p.sessions.revoke_family(&ann.identity.id, &ann.id).await.unwrap(), 4);
    for (key, row) in &rows {
        assert!(p.sessions.load(key).await.unwrap().is_none(), "{}", row.host);
        assert!(p.sessions.end_of(key).await.unwrap().is_none());
    }
    assert_eq!(of(&p, "ann").await, vec![(kept, other)]);
    assert_eq!(of(&p, "bob").await, vec![(kept_too, bob)]);
    assert_eq!(p.sessions.revoke_family(&ann.identity.id, &ann.id).await.unwrap(), 0);
}

async fn sessions_expire(p: StatePorts) {
    let now = p.clock.now();
    let (key, stays, one) = (session_key(), session_key(), session("ann", now));
    assert!(p.sessions.replace(None, &key, &one, now.plus(SHORT)).await.unwrap());
    assert!(p.sessions.replace(None, &stays, &one, now.plus(HOUR)).await.unwrap());
    (p.pass)(LONGER).await;
    assert_eq!(sorted(&p, "ann").await, vec![stays], "what has ended is not listed");
    let end = Some(End { seen_at: one.seen_at, ends_at: now.plus(SHORT) });
    assert_eq!(p.sessions.end_of(&key).await.unwrap(), end, "but how it ended is known");
    assert_eq!(p.sessions.end_of(&session_key()).await.unwrap(), None);
    p.sessions.touch(&key, p.clock.now(), now.plus(HOUR)).await.unwrap();
    assert_eq!(sorted(&p, "ann").await, vec![stays], "nor revived");
    let next = session_key();
    assert!(!p.sessions.replace(Some(&key), &next, &one, now.plus(HOUR)).await.unwrap(), "nor elevated");
    assert!(p.sessions.load(&next).await.unwrap().is_none());
    assert_eq!(p.sessions.revoke_all(&one.identity.id).await.unwrap(), 1, "nor counted");
    assert_eq!(p.sessions.end_of(&stays).await.unwrap(), None, "what was revoked did not end by itself");
}

async fn ceremonies_are_kept_moved_and_taken_once(p: StatePorts) {
    let now = p.clock.now();
    let (key, first) = (ceremony_key(), ceremony("ann", now));
    assert!(p.ceremonies.load(&key).await.unwrap().is_none());
    assert!(p.ceremonies.take(&key).await.unwrap().is_none());
    p.ceremonies.put(&key, &first, HOUR).await.unwrap();
    assert_eq!(p.ceremonies.load(&key).await.unwrap(), Some(first.clone()));
    assert_eq!(p.ceremonies.load(&key).await.unwrap(), Some(first), "reading does not end it");
    let moved = crate::auth::ceremony::Ceremony { requirement: None, ..ceremony("bob", now) };
    p.ceremonies.put(&key, &moved, HOUR).await.unwrap();
    assert_eq!(p.ceremonies.take(&key).await.unwrap(), Some(moved));
    assert!(p.ceremonies.take(&key).await.unwrap().is_none());
    assert!(p.ceremonies.load(&key).await.unwrap().is_none());
}

async fn a_raced_take_gives_the_ceremony_once(p: StatePorts) {
    let (key, one) = (ceremony_key(), ceremony("ann", p.clock.now()));
    p.ceremonies.put(&key, &one, HOUR).await.unwrap();
    let racers: Vec<_> = (0..RACERS)
        .map(|_| {
            let p = p.clone();
            tokio::spawn(async move { p.ceremonies.take(&key).await.unwrap().is_some() })
        })
        .collect();
    assert_eq!(winners(racers).await, 1);
}

async fn ceremonies_expire(p: StatePorts) {
    let (key, moved, one) = (ceremony_key(), ceremony_key(), ceremony("ann", p.clock.now()));
    p.ceremonies.put(&key, &one, SHORT).await.unwrap();
    p.ceremonies.put(&moved, &one, SHORT).await.unwrap();
    p.ceremonies.put(&moved, &one, HOUR).await.unwrap();
    (p.pass)(LONGER).await;
    assert!(p.ceremonies.load(&key).await.unwrap().is_none());
    assert!(p.ceremonies.take(&key).await.unwrap().is_none());
    assert_eq!(p.ceremonies.take(&moved).await.unwrap(), Some(one), "the later life counts");
}

async fn keys_of_one_kind_never_find_another(p: StatePorts) {
    let now = p.clock.now();
    let key = ceremony_key();
    p.ceremonies.put(&key, &ceremony("ann", now), HOUR).await.unwrap();
    let same_digest = SessionKey::decode(&key.encoded()).unwrap();
    assert!(p.sessions.load(&same_digest).await.unwrap().is_none());
    assert!(!p.sessions.revoke(&same_digest).await.unwrap());
    let other = session_key();
    assert!(!p.sessions.replace(Some(&same_digest), &other, &session("ann", now), now.plus(HOUR)).await.unwrap());
    assert!(p.pending.load(&key.encoded()).await.unwrap().is_none());
    assert!(p.ledger.claim(&key.encoded(), HOUR).await.unwrap());
    assert!(p.pending.take(&key.encoded()).await.unwrap().is_none());
    assert!(p.ceremonies.load(&key).await.unwrap().is_some(), "nobody touched it");
}

async fn sorted(p: &StatePorts, name: &str) -> Vec<SessionKey> {
    sort(p.sessions.of_user(&identity(name).id).await.unwrap().into_iter().map(|(key, _)| key).collect())
}

fn sort(mut keys: Vec<SessionKey>) -> Vec<SessionKey> {
    keys.sort_by_key(SessionKey::encoded);
    keys
}

/// The sessions of a person, every one of which can be read.
async fn of(p: &StatePorts, name: &str) -> Vec<(SessionKey, Session)> {
    let found = p.sessions.of_user(&identity(name).id).await.unwrap();
    found.into_iter().map(|(key, session)| (key, session.unwrap())).collect()
}
