//! Each check fails alone; the vectors of the specification; every bit and every member changed.

mod mutants;
mod vectors;

use serde_json::Value;

use super::testing::SoftKey;
use super::*;
use crate::auth::time::Timestamp;

const RP: &str = "example.org";
const ORIGIN: &str = "https://example.org";
const CHALLENGE: [u8; 32] = [7; 32];
const HANDLE: UserHandle = [9; 32];
const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

fn expected() -> Expected<'static> {
    Expected { rp_id: RP, origin: ORIGIN, challenge: &CHALLENGE, user_verification: UserVerification::Preferred }
}

fn key() -> SoftKey {
    SoftKey::new(RP, ORIGIN, b"credential one")
}

fn registered(answer: &Value, policy: &ModelPolicy) -> Result<Registered, Violation> {
    made_by(answer, policy, Mediation::Optional)
}

fn made_by(answer: &Value, policy: &ModelPolicy, mediation: Mediation) -> Result<Registered, Violation> {
    register(&RegistrationResponse::parse(&answer.to_string())?, &expected(), policy, mediation, NOW)
}

/// The record of a key that was registered as it is.
fn record(key: &SoftKey) -> PasskeyRecord {
    let made = registered(&key.register(&CHALLENGE), &ModelPolicy::default()).unwrap();
    PasskeyRecord {
        id: "one".to_owned(),
        name: "Key".to_owned(),
        rp_id: RP.to_owned(),
        credential_id: made.credential_id,
        public_key: made.public_key,
        aaguid: made.aaguid,
        attested: made.attested,
        sign_count: made.sign_count,
        user_verified: made.user_verified,
        backup_eligible: made.backup_eligible,
        backup_state: made.backup_state,
        transports: made.transports,
        created_at: NOW,
        used_at: None,
    }
}

fn signed_as(
    answer: &Value,
    record: &PasskeyRecord,
    discoverable: bool,
    expected: &Expected<'_>,
) -> Result<Authenticated, Violation> {
    let response = AuthenticationResponse::parse(&answer.to_string())?;
    authenticate(&response, expected, Signer { passkey: record, user_handle: &HANDLE, discoverable })
}

fn signed(answer: &Value, record: &PasskeyRecord) -> Result<Authenticated, Violation> {
    signed_as(answer, record, false, &expected())
}

#[test]
fn what_a_signature_proves_is_told_by_its_flags() {
    for (eligible, verified, method) in [
        (false, true, Method::BoundPasskey),
        (true, true, Method::Passkey),
        (false, false, Method::SecurityKey),
        (true, false, Method::SecurityKey),
    ] {
        let mut key = SoftKey { backup_eligible: eligible, ..key() };
        let record = record(&key);
        key.user_verified = verified;
        assert_eq!(signed(&key.sign(&CHALLENGE), &record).unwrap().method, method);
    }
    // Verification that was not there when it was registered never counts.
    let mut key = SoftKey { user_verified: false, ..key() };
    let record = record(&key);
    assert_eq!(record.method(), Method::SecurityKey);
    key.user_verified = true;
    assert_eq!(signed(&key.sign(&CHALLENGE), &record).unwrap().method, Method::SecurityKey);
    let required = Expected { user_verification: UserVerification::Required, ..expected() };
    let answer = signed_as(&key.sign(&CHALLENGE), &record, false, &required);
    assert_eq!(answer, Err(Violation::UserVerification));
}

#[test]
fn a_registration_says_what_is_kept() {
    let key = SoftKey { aaguid: [3; 16], sign_count: 5, backup_eligible: true, backup_state: true, ..key() };
    let made = registered(&key.register(&CHALLENGE), &ModelPolicy::default()).unwrap();
    assert_eq!((made.credential_id, made.aaguid, made.sign_count), (key.id.clone(), Aaguid([3; 16]), 5));
    assert_eq!(made.public_key, key.public_key());
    assert!(made.user_verified && made.backup_eligible && made.backup_state && !made.attested);
    assert_eq!(made.transports, [Transport::Internal]);
}

/// Client data, with one part of it replaced.
fn client_data(key: &SoftKey, kind: &str, from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(key.client_data(kind, &CHALLENGE)).unwrap();
    assert!(text.contains(from));
    text.replace(from, to).into()
}

#[test]
fn client_data_is_refused_at_each_check() {
    let key = key();
    let record = record(&key);
    for (from, to, violation) in [
        ("webauthn.get", "webauthn.create", Violation::ClientDataType),
        ("webauthn.get", "payment.get", Violation::ClientDataType),
        (r#""challenge":"B"#, r#""challenge":"C"#, Violation::Challenge),
        ("https://example.org", "https://EXAMPLE.org", Violation::Origin),
        ("https://example.org", "https://example.org/", Violation::Origin),
        ("https://example.org", "https://example.org:443", Violation::Origin),
        ("https://example.org", "http://example.org", Violation::Origin),
        ("https://example.org", "https://a.example.org", Violation::Origin),
        (r#""crossOrigin":false"#, r#""crossOrigin":true"#, Violation::CrossOrigin),
        (r#""crossOrigin":false"#, r#""crossOrigin":"false""#, Violation::ClientData),
        (r#""crossOrigin":false"#, r#""topOrigin":"https://example.org""#, Violation::TopOrigin),
        (r#""crossOrigin":false"#, r#""topOrigin":null"#, Violation::TopOrigin),
        (r#""crossOrigin":false"#, r#""origin":"https://example.org""#, Violation::ClientData),
        (r#""crossOrigin":false"#, r#""x":1,"x":1"#, Violation::ClientData),
        (r#""type":"webauthn.get","#, "", Violation::ClientData),
        ("{", "[{", Violation::ClientData),
    ] {
        let data = client_data(&key, "get", from, to);
        let answer = signed(&key.assertion(&data, &key.authenticator_data(key.flags())), &record);
        assert_eq!(answer, Err(violation), "{from} → {to}");
        let created = from.replace("webauthn.get", "webauthn.create");
        let to = if to == "webauthn.create" { "webauthn.get" } else { to };
        let data = client_data(&key, "create", &created, to);
        let answer = registered(&key.registration(&data, &key.attestation_object()), &ModelPolicy::default());
        assert_eq!(answer, Err(violation), "create: {from} → {to}");
    }
    // What nobody asked for is left alone, and what older browsers leave out may be left out.
    for (from, to) in [(r#""crossOrigin":false"#, r#""extraData":{"a":[1]}"#), (r#","crossOrigin":false"#, "")] {
        let data = client_data(&key, "get", from, to);
        assert!(signed(&key.assertion(&data, &key.authenticator_data(key.flags())), &record).is_ok(), "{to}");
    }
}

#[test]
fn authenticator_data_is_refused_at_each_check() {
    let good = SoftKey { sign_count: 4, backup_eligible: true, ..key() };
    let record = record(&good);
    let client_data = good.client_data("get", &CHALLENGE);
    let with = |data: &[u8]| signed(&good.assertion(&client_data, data), &record);
    let next = SoftKey { sign_count: 5, ..SoftKey::new(RP, ORIGIN, b"") };
    let data = |flags: u8| next.authenticator_data(flags);
    assert!(with(&data(0b1101)).is_ok());
    assert!(with(&[&data(0b1000_1101)[..], b"\xa1\x61x\x01"].concat()).is_ok(), "extensions that nobody asked for");
    for (data, violation) in [
        (data(0b1100), Violation::UserPresence),
        (data(0b0101), Violation::BackupEligibility),
        (data(0b0001_0101), Violation::BackupState),
        (data(0b0100_1101), Violation::AuthenticatorData),
        (data(0b1000_1101), Violation::AuthenticatorData),
        ([&data(0b1101)[..], &[0]].concat(), Violation::AuthenticatorData),
        ([&data(0b1000_1101)[..], b"\xa2\x61x\x01\x61x\x01"].concat(), Violation::AuthenticatorData),
        (data(0b1101)[..36].to_vec(), Violation::AuthenticatorData),
        (SoftKey::new("example.com", ORIGIN, b"").authenticator_data(0b1101), Violation::RpId),
        (SoftKey { sign_count: 4, ..SoftKey::new(RP, ORIGIN, b"") }.authenticator_data(0b1101), Violation::Counter),
        (SoftKey::new(RP, ORIGIN, b"").authenticator_data(0b1101), Violation::Counter),
    ] {
        assert_eq!(with(&data), Err(violation), "{data:?}");
    }
    let attested = [&data(0b0100_1101)[..], &[0; 16], &[0, 1, 0], &record.public_key].concat();
    assert_eq!(with(&attested), Err(Violation::AuthenticatorData), "a credential where none is made");
    // It is copied by now: that is followed.
    assert!(with(&data(0b0001_1101)).unwrap().backup_state);
    // A counter that is wrong tells nothing to who cannot sign.
    let mut forged = good.assertion(&client_data, &SoftKey::new(RP, ORIGIN, b"").authenticator_data(0b1101));
    forged["response"]["signature"] = good.sign(&CHALLENGE)["response"]["signature"].clone();
    assert_eq!(signed(&forged, &record), Err(Violation::Signature));
}

#[test]
fn a_signature_counts_for_its_owner_only() {
    let mut key = key();
    let mine = record(&key);
    let strict = expected();
    assert!(signed(&key.sign(&CHALLENGE), &mine).is_ok());
    assert_eq!(signed_as(&key.sign(&CHALLENGE), &mine, true, &strict), Err(Violation::UserHandle), "nobody is named");
    key.user_handle = Some(HANDLE.to_vec());
    assert!(signed_as(&key.sign(&CHALLENGE), &mine, true, &strict).is_ok());
    for wrong in [vec![8; 32], vec![9; 31], vec![9; 33]] {
        key.user_handle = Some(wrong);
        assert_eq!(signed(&key.sign(&CHALLENGE), &mine), Err(Violation::UserHandle));
    }
    key.user_handle = None;
    let theirs = PasskeyRecord { credential_id: b"another".to_vec(), ..mine.clone() };
    assert_eq!(signed(&key.sign(&CHALLENGE), &theirs), Err(Violation::Owner));
    let elsewhere = PasskeyRecord { rp_id: "example.com".to_owned(), ..mine.clone() };
    assert_eq!(signed(&key.sign(&CHALLENGE), &elsewhere), Err(Violation::Owner));
    let other = PasskeyRecord { public_key: self::key().public_key(), ..mine };
    assert_eq!(signed(&key.sign(&CHALLENGE), &other), Err(Violation::Signature));
}

#[test]
fn a_registration_is_refused_at_each_check() {
    let key = key();
    let object = key.attestation_object();
    let data = key.client_data("create", &CHALLENGE);
    let with = |object: &[u8]| registered(&key.registration(&data, object), &ModelPolicy::default());
    assert!(with(&object).is_ok());
    let replaced = |from: &[u8], to: &[u8]| {
        let at = object.windows(from.len()).position(|part| part == from).unwrap();
        [&object[..at], to, &object[at + from.len()..]].concat()
    };
    for (object, violation) in [
        (replaced(b"\x03\x26", b"\x03\x27"), Violation::Algorithm),
        (replaced(b"\x03\x26", b"\x03\x20"), Violation::Algorithm),
        (replaced(b"credential one", b"credential two"), Violation::CredentialId),
        (replaced(b"\x64none", b"\x64noxe"), Violation::Attestation),
        (replaced(b"\x67attStmt", b"\x63fmt\x64none\x67attStmt"), Violation::AuthenticatorData),
        ([&object[..], b"\0"].concat(), Violation::AuthenticatorData),
        (replaced(b"\xa3\x63fmt\x64none", b"\xa4\x63fmt\x64none\x63fmt\x64none"), Violation::AuthenticatorData),
    ] {
        assert_eq!(with(&object), Err(violation), "{object:?}");
    }
    let flags = |flags: u8| {
        let mut object = object.clone();
        let at = object.len() - (37 + 16 + 2 + key.id.len() + key.public_key().len()) + 32;
        object[at] = flags;
        with(&object)
    };
    assert_eq!(flags(0x44), Err(Violation::UserPresence));
    assert_eq!(flags(0x55), Err(Violation::BackupState));
    assert_eq!(flags(0x05), Err(Violation::AuthenticatorData));
    let required = Expected { user_verification: UserVerification::Required, ..expected() };
    let unverified = SoftKey { user_verified: false, ..self::key() }.register(&CHALLENGE).to_string();
    let unverified = RegistrationResponse::parse(&unverified).unwrap();
    assert_eq!(
        register(&unverified, &required, &ModelPolicy::default(), Mediation::Optional, NOW),
        Err(Violation::UserVerification)
    );
}

/// Were a check left out, the next one would tell, or the library, which knows some of them by itself.
#[test]
fn the_first_check_that_fails_is_told() {
    let key = SoftKey { backup_eligible: true, ..key() };
    let (record, other) = (record(&key), [8; 32]);
    let client = |kind: &str, origin: &str| SoftKey::new(RP, origin, b"x").client_data(kind, &other);
    let good = key.authenticator_data(key.flags());
    let object = key.attestation_object();
    for (get, create, violation) in
        [("create", "get", Violation::ClientDataType), ("get", "create", Violation::Challenge)]
    {
        let data = client(get, "https://example.com");
        assert_eq!(signed(&key.assertion(&data, &good), &record), Err(violation));
        let data = client(create, "https://example.com");
        assert_eq!(registered(&key.registration(&data, &object), &ModelPolicy::default()), Err(violation));
    }
    let client = key.client_data("get", &CHALLENGE);
    let required = Expected { user_verification: UserVerification::Required, ..expected() };
    for (data, violation) in [
        (SoftKey::new("example.com", ORIGIN, b"x").authenticator_data(0b1000), Violation::RpId),
        (key.authenticator_data(0b0001_0000), Violation::UserPresence),
        (key.authenticator_data(0b0001_0001), Violation::UserVerification),
        (key.authenticator_data(0b0001_0101), Violation::BackupState),
    ] {
        assert_eq!(signed_as(&key.assertion(&client, &data), &record, false, &required), Err(violation));
    }
    let changed = key.assertion(&client, &key.authenticator_data(0b0101));
    let broken = PasskeyRecord { public_key: vec![0xa0], ..record };
    assert_eq!(signed(&changed, &broken), Err(Violation::BackupEligibility));
}

#[test]
fn nobody_need_be_there_where_a_browser_makes_a_key_without_a_question() {
    let away = SoftKey { user_present: false, user_verified: false, ..key() };
    let made = |key: &SoftKey, object: &[u8], mediation| {
        let answer = key.registration(&key.client_data("create", &CHALLENGE), object);
        made_by(&answer, &ModelPolicy::default(), mediation)
    };
    let plain = away.attestation_object();
    assert_eq!(made(&away, &plain, Mediation::Optional), Err(Violation::UserPresence));
    let kept = made(&away, &plain, Mediation::Conditional).unwrap();
    assert!((&kept.credential_id, kept.user_verified, kept.attested) == (&away.id, false, false));
    assert_eq!(kept.public_key, away.public_key());
    // A statement holds over what it signs, and over nothing else.
    let there = key();
    let vouched = |key: &SoftKey| key.self_attested(&key.client_data("create", &CHALLENGE));
    assert!(made(&there, &vouched(&there), Mediation::Optional).is_ok());
    assert!(made(&there, &vouched(&there), Mediation::Conditional).is_ok());
    assert!(made(&away, &vouched(&away), Mediation::Conditional).is_err());
    // Whoever signs in is there.
    let mut record = record(&there);
    record.public_key = away.public_key();
    assert_eq!(signed(&away.sign(&CHALLENGE), &record), Err(Violation::UserPresence));
}

#[test]
fn what_browsers_do_not_send_is_not_looked_at() {
    let key = key();
    let spaced =
        |spaces: usize| AuthenticationResponse::parse(&(key.sign(&CHALLENGE).to_string() + &" ".repeat(spaces)));
    assert!(spaced(1).is_ok() && matches!(spaced(64 << 10), Err(Violation::Shape)), "too long");
    let mut answer = key.register(&CHALLENGE);
    for transports in [Value::from("usb"), Value::from(1), Value::Null] {
        answer["response"]["transports"] = transports;
        assert_eq!(registered(&answer, &ModelPolicy::default()), Err(Violation::Shape));
    }
}

#[test]
fn the_operator_chooses_models() {
    let key = SoftKey { aaguid: [3; 16], ..key() };
    let answer = key.register(&CHALLENGE);
    let (this, other) = (vec![Aaguid([3; 16])], vec![Aaguid([4; 16])]);
    let policy = |allow: &[Aaguid], refuse: &[Aaguid]| ModelPolicy {
        allow: allow.into(),
        refuse: refuse.into(),
        ..ModelPolicy::default()
    };
    assert!(registered(&answer, &policy(&this, &other)).is_ok());
    assert_eq!(registered(&answer, &policy(&other, &[])), Err(Violation::Model));
    assert_eq!(registered(&answer, &policy(&[], &this)), Err(Violation::Model));
    let required = ModelPolicy { attestation: AttestationDemand::Required, ..ModelPolicy::default() };
    assert_eq!(registered(&answer, &required), Err(Violation::NotAttested));
    let wanted = ModelPolicy { attestation: AttestationDemand::Wanted, ..ModelPolicy::default() };
    assert!(!registered(&answer, &wanted).unwrap().attested);
}

#[test]
fn a_browser_is_asked_for_what_is_verified() {
    let key = key();
    let (mine, elsewhere) = (record(&key), PasskeyRecord { rp_id: "example.com".to_owned(), ..record(&key) });
    let whom =
        NewCredential { rp_id: RP, rp_name: "Example", user_handle: &HANDLE, username: "ann", display_name: "Ann" };
    let all = [mine, elsewhere];
    let asked = CreationOptions::new(&whom, &CHALLENGE, &all, UserVerification::Preferred, AttestationDemand::None);
    let asked = serde_json::to_value(asked).unwrap();
    insta::assert_json_snapshot!("creation_options", asked);
    let asked =
        RequestOptions::new(RP, &CHALLENGE, &all, UserVerification::Required).with_hints(vec![Hint::SecurityKey]);
    insta::assert_json_snapshot!("request_options", serde_json::to_value(asked).unwrap());
}
