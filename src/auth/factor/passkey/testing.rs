//! A software authenticator and its browser, for tests: it says what it is told to say.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// One credential, and how it is used.
pub(crate) struct SoftKey {
    pub(crate) pair: EcdsaKeyPair,
    pub(crate) id: Vec<u8>,
    pub(crate) rp_id: String,
    pub(crate) origin: String,
    pub(crate) aaguid: [u8; 16],
    pub(crate) user_handle: Option<Vec<u8>>,
    pub(crate) user_present: bool,
    pub(crate) user_verified: bool,
    pub(crate) backup_eligible: bool,
    pub(crate) backup_state: bool,
    pub(crate) sign_count: u32,
}

impl SoftKey {
    pub(crate) fn new(rp_id: &str, origin: &str, id: &[u8]) -> Self {
        Self {
            pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap(),
            id: id.to_vec(),
            rp_id: rp_id.to_owned(),
            origin: origin.to_owned(),
            aaguid: [0; 16],
            user_handle: None,
            user_present: true,
            user_verified: true,
            backup_eligible: false,
            backup_state: false,
            sign_count: 0,
        }
    }

    pub(crate) fn flags(&self) -> u8 {
        u8::from(self.user_present)
            | u8::from(self.user_verified) << 2
            | u8::from(self.backup_eligible) << 3
            | u8::from(self.backup_state) << 4
    }

    pub(crate) fn authenticator_data(&self, flags: u8) -> Vec<u8> {
        let mut data = Sha256::digest(self.rp_id.as_bytes()).to_vec();
        data.push(flags);
        data.extend(self.sign_count.to_be_bytes());
        data
    }

    /// The COSE key.
    pub(crate) fn public_key(&self) -> Vec<u8> {
        let point = self.pair.public_key().as_ref();
        [b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20", &point[1..33], b"\x22\x58\x20", &point[33..65]].concat()
    }

    pub(crate) fn client_data(&self, kind: &str, challenge: &[u8]) -> Vec<u8> {
        let challenge = BASE64URL_NOPAD.encode(challenge);
        let origin = &self.origin;
        format!(r#"{{"type":"webauthn.{kind}","challenge":"{challenge}","origin":"{origin}","crossOrigin":false}}"#)
            .into()
    }

    /// A new credential, without attestation.
    pub(crate) fn attestation_object(&self) -> Vec<u8> {
        let mut data = self.authenticator_data(self.flags() | 0x40);
        data.extend(self.aaguid);
        data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend(&self.id);
        data.extend(self.public_key());
        let length = u16::try_from(data.len()).unwrap().to_be_bytes();
        [b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59", &length[..], &data].concat()
    }

    /// A new credential that vouches for itself (§8.2): it signs its flags and the client data.
    pub(crate) fn self_attested(&self, client_data: &[u8]) -> Vec<u8> {
        let plain = self.attestation_object();
        let mark = b"\x68authData\x59";
        let at = plain.windows(mark.len()).position(|part| part == mark).unwrap() + mark.len();
        let signed = [&plain[at + 2..], &Sha256::digest(client_data)].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &signed).unwrap();
        let length = u8::try_from(signature.as_ref().len()).unwrap();
        let statement =
            [b"\xa3\x63fmt\x66packed\x67attStmt\xa2\x63alg\x26\x63sig\x58", &[length][..], signature.as_ref()];
        [&statement.concat(), &plain[at - mark.len()..]].concat()
    }

    /// As `toJSON()` of what `create` gave.
    pub(crate) fn registration(&self, client_data: &[u8], attestation_object: &[u8]) -> Value {
        let id = BASE64URL_NOPAD.encode(&self.id);
        json!({
            "id": id, "rawId": id, "type": "public-key", "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": BASE64URL_NOPAD.encode(client_data),
                "attestationObject": BASE64URL_NOPAD.encode(attestation_object),
                "transports": ["internal", "carrier-pigeon"],
            },
        })
    }

    /// A whole registration.
    pub(crate) fn register(&self, challenge: &[u8]) -> Value {
        self.registration(&self.client_data("create", challenge), &self.attestation_object())
    }

    /// As `toJSON()` of what `get` gave, signed over these.
    pub(crate) fn assertion(&self, client_data: &[u8], authenticator_data: &[u8]) -> Value {
        let signed = [authenticator_data, &Sha256::digest(client_data)].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &signed).unwrap();
        let id = BASE64URL_NOPAD.encode(&self.id);
        let mut answer = json!({
            "id": id, "rawId": id, "type": "public-key", "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": BASE64URL_NOPAD.encode(client_data),
                "authenticatorData": BASE64URL_NOPAD.encode(authenticator_data),
                "signature": BASE64URL_NOPAD.encode(signature.as_ref()),
            },
        });
        if let Some(handle) = &self.user_handle {
            answer["response"]["userHandle"] = BASE64URL_NOPAD.encode(handle).into();
        }
        answer
    }

    /// A whole assertion.
    pub(crate) fn sign(&self, challenge: &[u8]) -> Value {
        self.assertion(&self.client_data("get", challenge), &self.authenticator_data(self.flags()))
    }
}
