//! The contract of the state ports for who can read and write the store: nothing names anybody, and nothing that was not
//! sealed here for this place counts.

use super::samples::{
    Damaged, HOUR, StatePorts, ceremony, ceremony_key, cipher, cipher_of, identity, ring_of, session, session_key,
    transient_text,
};
use crate::auth::ceremony::CeremonyKey;
use crate::auth::factor::authenticator::Sealed;
use crate::auth::proof::Method;
use crate::auth::session::{Session, SessionKey};
use crate::auth::throttle::{Charge, Counter, Limit, network_charges, newcomer_charges};
use crate::auth::time::Timestamp;
use crate::flow::ports::{CodeDigest, TransientKind};

pub(super) async fn sealing_cases(make: &impl AsyncFn() -> StatePorts) {
    nothing_that_lies_there_names_anybody(make().await).await;
    a_session_that_was_not_sealed_for_its_place_is_ended(make().await).await;
    a_ceremony_that_was_not_sealed_for_its_place_is_over(make().await).await;
}

/// A session as the version before sealing kept it, in either store.
pub(crate) fn earlier_record(key: &str, value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).unwrap();
    match key {
        "d" => serde_json::json!({ "v": "s1:", "d": value }),
        _ => serde_json::json!({ "v": 1, "body": value }),
    }
    .to_string()
}

async fn nothing_that_lies_there_names_anybody(p: StatePorts) {
    let now = p.clock.now();
    let one = session("canary-of-ann", now);
    assert!(p.sessions.replace(None, &session_key(), &one, now.plus(HOUR)).await.unwrap());
    p.ceremonies.put(&ceremony_key(), &ceremony("canary-of-ann", now), HOUR).await.unwrap();
    p.codes.put("canary-of-ann", CodeDigest([7; 32]), 3, HOUR).await.unwrap();
    p.pending.put_new("totp:session:1", &Sealed(b"canary-of-a-secret".to_vec()), HOUR).await.unwrap();
    let limit = Limit { tries: 9, refill: HOUR };
    let named =
        ["canary-of-ann".to_owned(), Counter::AccountNetwork("canary-of-ann", one.client_ip).key(Method::Password)];
    let named = named.map(|key| Charge { key, limit }).into_iter();
    let networks = network_charges(Method::Password, one.client_ip, limit).into_iter();
    let newcomers = newcomer_charges(Method::Password, "canary-of-ann", one.client_ip, limit, limit);
    let charges: Vec<Charge> = named.chain(networks).chain(newcomers).collect();
    assert!(p.throttle.charge(&charges, now).await.unwrap().is_go());
    let dump = String::from_utf8_lossy(&(p.dump)().await).into_owned();
    assert!(dump.len() > 400, "there is something: {dump}");
    let who = identity("canary-of-ann");
    let words = ["canary", "203.0.113", "Browser/1", "app.example.test", "example.test", "admins", "two_factor"];
    for word in words.into_iter().chain([who.id.0.as_str(), one.id.as_str()]) {
        assert!(!dump.contains(word), "{word} stands in clear: {dump}");
        let encoded = data_encoding::BASE64URL_NOPAD.encode(word.as_bytes());
        assert!(!dump.contains(&encoded[..encoded.len() - 2]), "{word} is but encoded");
    }
}

/// What somebody can write who has everything but the master key: what was sealed elsewhere, and what is in clear.
fn forged(
    kind: Option<TransientKind>,
    name: &str,
    other: &str,
    value: &(impl serde::Serialize + Clone),
) -> Vec<(&'static str, String)> {
    let sealed = |key: u8, kind: Option<TransientKind>, name: &str| match kind {
        None => cipher_of(&[key], &[]).seal(name, value).unwrap(),
        Some(kind) => transient_text(&ring_of(&[key], &[]), kind, name, value),
    };
    let wrong = if kind.is_none() { Some(TransientKind::Ceremony) } else { None };
    let whole = sealed(1, kind, name);
    vec![
        ("in clear, as Redis had it", earlier_record("d", value)),
        ("in clear, as the file had it", earlier_record("body", value)),
        ("in clear, and bare", serde_json::to_string(value).unwrap()),
        ("of another name", sealed(1, kind, other)),
        ("of another kind", sealed(1, wrong, name)),
        ("of another installation", sealed(9, kind, name)),
        ("cut", whole[..whole.len() - 2].to_owned()),
        ("longer", format!("{whole}AAAA")),
        ("changed", whole.replacen(&whole[60..61], if &whole[60..61] == "A" { "B" } else { "A" }, 1)),
    ]
}

async fn a_session_that_was_not_sealed_for_its_place_is_ended(p: StatePorts) {
    let now = p.clock.now();
    let open = async |key: &SessionKey, one: &Session| {
        assert!(p.sessions.replace(None, key, one, now.plus(HOUR)).await.unwrap());
    };
    // Who it says to be does not matter: somebody who does not exist, or the owner of the place.
    for name in ["mallory", "ann"] {
        let (ann, said) = (session("ann", now), session(name, now));
        let other = session_key();
        open(&other, &ann).await;
        for (what, body) in forged(None, &session_key().encoded(), &other.encoded(), &said) {
            let key = session_key();
            open(&key, &ann).await;
            (p.plant)(Damaged::Session(key.encoded()), body.into_bytes()).await;
            assert!(p.sessions.load(&key).await.unwrap().is_none(), "{what}");
            let next = session_key();
            assert!(!p.sessions.replace(Some(&key), &next, &ann, now.plus(HOUR)).await.unwrap(), "{what}: it is gone");
        }
        assert!(p.sessions.load(&other).await.unwrap().is_some(), "nobody else's ended");
        // What we have sealed for this place does open: the ones above were refused for what they are.
        let key = session_key();
        open(&key, &ann).await;
        let ours = cipher().seal(&key.encoded(), &said).unwrap();
        (p.plant)(Damaged::Session(key.encoded()), ours.into_bytes()).await;
        assert_eq!(p.sessions.load(&key).await.unwrap().unwrap().identity, said.identity);
    }
}

async fn a_ceremony_that_was_not_sealed_for_its_place_is_over(p: StatePorts) {
    let one = ceremony("ann", Timestamp::from_secs(1));
    let put = async |key: &CeremonyKey, body: String| {
        (p.plant)(Damaged::Ceremony(key.encoded()), body.into_bytes()).await;
    };
    let (other, name) = (ceremony_key(), ceremony_key().encoded());
    for (what, body) in forged(Some(TransientKind::Ceremony), &name, &other.encoded(), &one) {
        let (loaded, taken) = (ceremony_key(), ceremony_key());
        put(&loaded, body.clone()).await;
        put(&taken, body).await;
        assert!(p.ceremonies.load(&loaded).await.unwrap().is_none(), "{what}");
        assert!(p.ceremonies.take(&loaded).await.unwrap().is_none(), "{what}");
        assert!(p.ceremonies.take(&taken).await.unwrap().is_none(), "{what}");
    }
    let key = ceremony_key();
    put(&key, transient_text(&ring_of(&[1], &[]), TransientKind::Ceremony, &key.encoded(), &one)).await;
    assert_eq!(p.ceremonies.take(&key).await.unwrap(), Some(one));
}

/// Two nodes of one store, a step of a rotation apart: each opens what the other seals, and ends what the other opened.
pub(crate) async fn rotation_cases(make: impl AsyncFn(&[(&[u8], &[u8])]) -> Vec<StatePorts>) {
    for pair in [[(&[1][..], &[][..]), (&[1], &[2])], [(&[1], &[2]), (&[2, 1], &[])], [(&[2, 1], &[]), (&[2, 1], &[])]]
    {
        let nodes = make(&pair).await;
        for (one, two) in [(0, 1), (1, 0)].map(|(a, b)| (&nodes[a], &nodes[b])) {
            let now = one.clock.now();
            let (ann, key, last) = (session("ann", now), session_key(), session_key());
            for key in [&key, &last] {
                assert!(one.sessions.replace(None, key, &ann, now.plus(HOUR)).await.unwrap());
            }
            assert_eq!(*two.sessions.load(&key).await.unwrap().unwrap(), ann, "{pair:?}");
            assert_eq!(two.sessions.of_user(&ann.identity.id).await.unwrap().len(), 2, "{pair:?}");
            let risen = session_key();
            assert!(two.sessions.replace(Some(&last), &risen, &ann, now.plus(HOUR)).await.unwrap());
            let also = session_key();
            assert!(two.sessions.replace(None, &also, &ann, now.plus(HOUR)).await.unwrap());
            assert_eq!(two.sessions.revoke_all(&ann.identity.id).await.unwrap(), 3, "{pair:?}");
            for key in [key, last, risen, also] {
                assert!(two.sessions.load(&key).await.unwrap().is_none(), "{pair:?}");
            }
            let (held, begun) = (ceremony_key(), ceremony("ann", now));
            one.ceremonies.put(&held, &begun, HOUR).await.unwrap();
            assert_eq!(two.ceremonies.take(&held).await.unwrap(), Some(begun), "{pair:?}");
        }
    }
    // The old key is gone: what it sealed ends, what the new one sealed is found and ended as ever.
    let nodes = make(&[(&[1], &[]), (&[2, 1], &[]), (&[2], &[])]).await;
    let (before, during, after) = (&nodes[0], &nodes[1], &nodes[2]);
    let now = before.clock.now();
    let (old, new, ann) = (session_key(), session_key(), session("ann", now));
    assert!(before.sessions.replace(None, &old, &ann, now.plus(HOUR)).await.unwrap());
    assert!(during.sessions.replace(None, &new, &ann, now.plus(HOUR)).await.unwrap());
    let held = ceremony_key();
    before.ceremonies.put(&held, &ceremony("ann", now), HOUR).await.unwrap();
    assert!(after.sessions.load(&old).await.unwrap().is_none());
    assert!(after.ceremonies.load(&held).await.unwrap().is_none());
    assert_eq!(*after.sessions.load(&new).await.unwrap().unwrap(), ann);
    assert_eq!(after.sessions.revoke_all(&ann.identity.id).await.unwrap(), 1);
    assert!(after.sessions.load(&new).await.unwrap().is_none());
}
