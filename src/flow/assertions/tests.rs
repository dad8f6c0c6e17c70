use super::*;
use crate::auth::proof::{Method, Proofs};
use crate::auth::session::Channel;
use crate::auth::user::{Identity, UserId, Username};
use crate::flow::testing::{Blow, START, World};

const HOUR: Duration = Duration::from_secs(3600);

fn session() -> Session {
    let at = Timestamp::from_secs(START);
    Session {
        id: "01S".to_owned(),
        identity: Identity {
            id: UserId("01U".to_owned()),
            username: Username::parse("ann").unwrap(),
            name: None,
            email: None,
            groups: Vec::new(),
        },
        proofs: Proofs::none().with(Method::Password, at),
        host: "erp.example.com".to_owned(),
        channel: Channel::Cookie,
        created_at: at,
        seen_at: at,
        generation: 0,
        checked: Default::default(),
        pinned: None,
        previous_login: None,
        client_ip: "192.0.2.1".parse().unwrap(),
        user_agent: None,
    }
}

fn part(token: &str, at: usize) -> serde_json::Value {
    let text = data_encoding::BASE64URL_NOPAD.decode(token.split('.').nth(at).unwrap().as_bytes()).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn kids(signer: &Signer) -> Vec<String> {
    let set: serde_json::Value = serde_json::from_str(&signer.jwks()).unwrap();
    set["keys"].as_array().unwrap().iter().map(|k| k["kid"].as_str().unwrap().to_owned()).collect()
}

fn signed_by(signer: &Signer, now: Timestamp) -> String {
    let token = signer.assertion(&session(), None, "erp", "https://erp", Duration::from_secs(60), now).unwrap();
    part(&token, 0)["kid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn nodes_share_one_first_key_and_nothing_is_signed_before_it() {
    let world = World::new();
    let (one, two) = (Signer::new(world.ports()), Signer::new(world.ports()));
    let now = Timestamp::from_secs(START);
    assert!(one.assertion(&session(), None, "erp", "i", HOUR, now).is_err());
    assert_eq!(one.jwks(), "{\"keys\":[]}");
    one.refresh(now).await.unwrap();
    two.refresh(now).await.unwrap();
    assert_eq!(kids(&one), kids(&two));
    assert_eq!(vec![signed_by(&one, now)], kids(&two));
}

#[tokio::test]
async fn keys_rotate_without_a_gap() {
    let world = World::new();
    let (one, two) = (Signer::new(world.ports()), Signer::new(world.ports()));
    let mut now = Timestamp::from_secs(START);
    // What apps may have cached: the set as it was an hour ago.
    let mut cached: Vec<Vec<String>> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for hour in 0..24 * 100 {
        one.refresh(now).await.unwrap();
        if hour % 2 == 0 {
            two.refresh(now).await.unwrap();
        }
        let kid = signed_by(&one, now);
        assert!(kids(&two).contains(&kid), "hour {hour}: the other node does not publish it yet");
        if let Some(old) = cached.last() {
            assert!(old.contains(&kid), "hour {hour}: signed by a key that was not published an hour ago");
        }
        seen.insert(kid);
        cached.push(kids(&two));
        now = now.plus(HOUR);
    }
    assert_eq!(seen.len(), 4, "100 days");
    assert!(kids(&one).len() <= 3);
}

#[tokio::test]
async fn a_key_that_stopped_signing_is_published_for_hours() {
    let world = World::new();
    let signer = Signer::new(world.ports());
    let start = Timestamp::from_secs(START);
    signer.refresh(start).await.unwrap();
    let first = signed_by(&signer, start);
    let mut now = start;
    while signed_by(&signer, now) == first {
        now = now.plus(HOUR);
        signer.refresh(now).await.unwrap();
    }
    signer.refresh(now.plus(HOUR * 2)).await.unwrap();
    assert!(kids(&signer).contains(&first));
    signer.refresh(now.plus(HOUR * 24 * 10)).await.unwrap();
    assert!(!kids(&signer).contains(&first));
}

#[tokio::test]
async fn when_every_node_was_away_for_months_there_is_a_key_again() {
    let world = World::new();
    let signer = Signer::new(world.ports());
    let start = Timestamp::from_secs(START);
    signer.refresh(start).await.unwrap();
    let late = start.plus(HOUR * 24 * 200);
    signer.refresh(late).await.unwrap();
    assert_eq!(kids(&signer), vec![signed_by(&signer, late)]);
}

#[tokio::test]
async fn assertions_are_short_and_reused_for_half_their_life() {
    let world = World::new();
    let signer = Signer::new(world.ports());
    let now = Timestamp::from_secs(START);
    signer.refresh(now).await.unwrap();
    let make = |audience: &str, at: Timestamp| signer.assertion(&session(), None, audience, "i", HOUR, at).unwrap();
    let token = make("erp", now);
    let claims = part(&token, 1);
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 60);
    assert_eq!(make("erp", now.plus(Duration::from_secs(29))), token);
    assert_ne!(make("erp", now.plus(Duration::from_secs(30))), token);
    assert_ne!(make("crm", now), token);
    let high = signer.assertion(&session(), Some(RiskLevel::High), "erp", "i", HOUR, now).unwrap();
    assert_eq!((&part(&high, 1)["risk"], claims.get("risk")), (&serde_json::json!("high"), None));
    let mut risen = session();
    risen.proofs = risen.proofs.with(Method::Totp, now.plus(Duration::from_secs(1)));
    let at = now.plus(Duration::from_secs(1));
    let strong = signer.assertion(&risen, None, "erp", "i", HOUR, at).unwrap();
    assert_eq!(part(&strong, 1)["acr"], "urn:stepgate:acr:2");
}

#[tokio::test]
async fn a_fault_keeps_the_keys_that_are_known() {
    let world = World::new();
    let signer = Signer::new(world.ports());
    let now = Timestamp::from_secs(START);
    signer.refresh(now).await.unwrap();
    let before = kids(&signer);
    for nth in 1..=2 {
        world.fail(nth, Blow::Before);
        assert!(signer.refresh(now).await.is_err());
        assert_eq!(kids(&signer), before);
        signed_by(&signer, now);
    }
}
