//! The test vectors of WebAuthn L3 §16, from <https://github.com/w3c/webauthn> (146d0db), as bytes in `data`.

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{HANDLE, NOW, ORIGIN, RP};
use crate::auth::factor::passkey::*;

#[derive(Deserialize)]
struct Vectors {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    registration: Registration,
    authentication: Authentication,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Registration {
    challenge: String,
    aaguid: String,
    #[serde(rename = "credential_id")]
    credential_id: String,
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    attestation_object: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Authentication {
    challenge: String,
    authenticator_data: String,
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    signature: String,
}

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.as_bytes()).unwrap()
}

fn answer(id: &[u8], response: Value) -> String {
    let id = BASE64URL_NOPAD.encode(id);
    json!({ "id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {}, "response": response })
        .to_string()
}

fn base64(text: &str) -> String {
    BASE64URL_NOPAD.encode(&hex(text))
}

impl Vector {
    fn register(&self) -> Result<Registered, Violation> {
        let given = &self.registration;
        let response = json!({
            "clientDataJSON": base64(&given.client_data), "attestationObject": base64(&given.attestation_object),
        });
        let response = RegistrationResponse::parse(&answer(&hex(&given.credential_id), response)).unwrap();
        let challenge = hex(&given.challenge);
        let expected = Expected {
            rp_id: RP,
            origin: ORIGIN,
            challenge: &challenge,
            user_verification: UserVerification::Preferred,
        };
        register(&response, &expected, &ModelPolicy::default(), Mediation::Optional, NOW)
    }

    fn authenticate(&self, made: Registered) -> Result<Authenticated, Violation> {
        let given = &self.authentication;
        let response = json!({
            "clientDataJSON": base64(&given.client_data), "authenticatorData": base64(&given.authenticator_data),
            "signature": base64(&given.signature),
        });
        let response = AuthenticationResponse::parse(&answer(&made.credential_id, response)).unwrap();
        let challenge = hex(&given.challenge);
        let expected = Expected {
            rp_id: RP,
            origin: ORIGIN,
            challenge: &challenge,
            user_verification: UserVerification::Preferred,
        };
        let passkey = PasskeyRecord {
            id: String::new(),
            name: String::new(),
            rp_id: RP.to_owned(),
            credential_id: made.credential_id,
            public_key: made.public_key,
            aaguid: made.aaguid,
            attested: made.attested,
            sign_count: made.sign_count,
            user_verified: made.user_verified,
            backup_eligible: made.backup_eligible,
            backup_state: made.backup_state,
            transports: Vec::new(),
            created_at: NOW,
            used_at: None,
        };
        authenticate(&response, &expected, Signer { passkey: &passkey, user_handle: &HANDLE, discoverable: false })
    }
}

#[test]
fn the_vectors_of_webauthn_l3_section_16() {
    let all: Vectors = serde_json::from_str(include_str!("../data/webauthn-l3-vectors.json")).unwrap();
    assert_eq!(all.vectors.len(), 15);
    let mut told = String::new();
    for vector in all.vectors {
        let outcome = match vector.register() {
            Err(violation) => format!("registration refused: {}", violation.name()),
            Ok(made) => {
                assert_eq!(made.aaguid.0.to_vec(), hex(&vector.registration.aaguid), "{}", vector.name);
                match vector.authenticate(made) {
                    Ok(proved) => format!("accepted as {}", proved.method.name()),
                    Err(violation) => format!("registered; signature refused: {}", violation.name()),
                }
            }
        };
        told.push_str(&format!("{}: {outcome}\n", vector.name));
    }
    insta::assert_snapshot!("vectors", told);
}
