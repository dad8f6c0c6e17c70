use super::*;
use crate::auth::proof::{Method, Proofs};
use crate::auth::session::Channel;
use crate::auth::user::{Group, Identity, UserId, Username};
use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{DecodingKey, Validation, decode};
use serde_json::Value;

fn session() -> Session {
    Session {
        id: "01SESSION".to_owned(),
        identity: Identity {
            id: UserId("01USER".to_owned()),
            username: Username::parse("ann").unwrap(),
            name: None,
            email: Some("ann@example.com".to_owned()),
            groups: vec![Group("staff".to_owned())],
        },
        proofs: Proofs::none()
            .with(Method::Password, Timestamp::from_secs(1000))
            .with(Method::Totp, Timestamp::from_secs(1005)),
        host: "erp.example.com".to_owned(),
        channel: Channel::Cookie,
        created_at: Timestamp::from_secs(1005),
        seen_at: Timestamp::from_secs(1005),
        generation: 0,
        checked: Default::default(),
        pinned: None,
        previous_login: None,
        client_ip: "192.0.2.1".parse().unwrap(),
        user_agent: None,
    }
}

#[test]
fn an_assertion_verifies_by_the_published_key_and_says_who() {
    let made = generate().unwrap();
    let set: Value = serde_json::from_str(&jwks(&[&made.public_jwk])).unwrap();
    let jwk = &set["keys"][0];
    assert_eq!((jwk["kty"].as_str(), jwk["crv"].as_str()), (Some("EC"), Some("P-256")));
    assert_eq!((jwk["use"].as_str(), jwk["alg"].as_str()), (Some("sig"), Some("ES256")));
    assert!(jwk.get("d").is_none());

    let (now, expires) = (Timestamp::from_secs(2000), Timestamp::from_secs(2060));
    let token = Signing::new(&made.kid, &made.private)
        .unwrap()
        .sign(&session(), None, "erp", "https://erp.example.com", now, expires)
        .unwrap();
    let key = DecodingKey::from_jwk(&serde_json::from_value(jwk.clone()).unwrap()).unwrap();
    let mut rules = Validation::new(Algorithm::ES256);
    rules.set_audience(&["erp"]);
    rules.validate_exp = false;
    let read = decode::<Value>(&token, &key, &rules).unwrap();
    assert_eq!(read.header.kid.as_deref(), Some(made.kid.as_str()));
    assert_eq!(
        read.claims,
        serde_json::json!({
            "iss": "https://erp.example.com", "aud": "erp", "sub": "ann", "groups": ["staff"], "email": "ann@example.com",
            "amr": ["mfa", "otp", "pwd"], "acr": "urn:stepgate:acr:2", "auth_time": 1005, "sid": "01SESSION",
            "iat": 2000, "nbf": 2000, "exp": 2060
        })
    );
    rules.set_audience(&["other"]);
    assert!(decode::<Value>(&token, &key, &rules).is_err());
}

#[test]
fn the_kid_is_the_thumbprint_of_rfc_7638() {
    use sha2::{Digest, Sha256};
    let made = generate().unwrap();
    let jwk: Value = serde_json::from_str(&made.public_jwk).unwrap();
    let canonical = format!(
        "{{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"{}\",\"y\":\"{}\"}}",
        jwk["x"].as_str().unwrap(),
        jwk["y"].as_str().unwrap()
    );
    assert_eq!(made.kid, BASE64URL_NOPAD.encode(&Sha256::digest(canonical.as_bytes())));
    assert_ne!(made.kid, generate().unwrap().kid);
}

#[test]
fn a_damaged_key_is_a_fault() {
    assert!(Signing::new("k", &SecretBytes::new(b"not a key".to_vec())).is_err());
    assert!(Signing::new("k", &SecretBytes::new(Vec::new())).is_err());
}
