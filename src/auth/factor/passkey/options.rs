//! What a browser is asked (WebAuthn L3 §5.1.8, §5.1.9): JSON for `parseCreationOptionsFromJSON` and
//! `parseRequestOptionsFromJSON`.

use data_encoding::BASE64URL_NOPAD;
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::library::ALGORITHMS;
use super::record::PasskeyRecord;
use super::response::Transport;
use super::{AttestationDemand, UserHandle, UserVerification};
use crate::auth::proof::{Method, MethodSet};

/// How long a browser lets people take: 5 minutes.
const TIMEOUT_MS: u32 = 300_000;

/// Which kind of authenticator a browser shows first (§5.8.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hint {
    SecurityKey,
    ClientDevice,
    Hybrid,
}

impl Hint {
    /// What stays on its device, where only such would help.
    pub fn of(helpful: MethodSet) -> Vec<Self> {
        let bound = helpful.contains(Method::BoundPasskey) || helpful.contains(Method::SecurityKey);
        if bound && !helpful.contains(Method::Passkey) {
            vec![Self::SecurityKey, Self::ClientDevice]
        } else {
            Vec::new()
        }
    }
}

/// Asks for a new credential.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreationOptions {
    rp: RpEntity,
    user: UserEntity,
    challenge: Base64Url,
    pub_key_cred_params: Vec<KeyParameters>,
    timeout: u32,
    exclude_credentials: Vec<Descriptor>,
    authenticator_selection: Selection,
    hints: Vec<Hint>,
    attestation: &'static str,
}

/// Asks for a signature.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestOptions {
    challenge: Base64Url,
    timeout: u32,
    rp_id: String,
    allow_credentials: Vec<Descriptor>,
    user_verification: &'static str,
    hints: Vec<Hint>,
}

#[derive(Clone, Debug)]
struct Base64Url(Vec<u8>);

impl Serialize for Base64Url {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

#[derive(Clone, Debug, Serialize)]
struct RpEntity {
    id: String,
    name: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct UserEntity {
    id: Base64Url,
    name: String,
    display_name: String,
}

#[derive(Clone, Debug, Serialize)]
struct KeyParameters {
    #[serde(rename = "type")]
    kind: &'static str,
    alg: i64,
}

#[derive(Clone, Debug, Serialize)]
struct Descriptor {
    #[serde(rename = "type")]
    kind: &'static str,
    id: Base64Url,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    transports: Vec<Transport>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Selection {
    resident_key: &'static str,
    require_resident_key: bool,
    user_verification: &'static str,
}

/// Whom a new credential is for.
pub struct NewCredential<'a> {
    pub rp_id: &'a str,
    /// The name of the gateway.
    pub rp_name: &'a str,
    pub user_handle: &'a UserHandle,
    pub username: &'a str,
    pub display_name: &'a str,
}

/// Names a challenge to whoever must not see it.
pub fn challenge_name(challenge: &[u8]) -> String {
    BASE64URL_NOPAD.encode(&Sha256::digest(challenge))
}

impl CreationOptions {
    /// For a new credential, on an authenticator that has none of `existing`.
    pub fn new(
        whom: &NewCredential<'_>,
        challenge: &[u8],
        existing: &[PasskeyRecord],
        user_verification: UserVerification,
        attestation: AttestationDemand,
    ) -> Self {
        Self {
            rp: RpEntity { id: whom.rp_id.to_owned(), name: whom.rp_name.to_owned() },
            user: UserEntity {
                id: Base64Url(whom.user_handle.to_vec()),
                name: whom.username.to_owned(),
                display_name: whom.display_name.to_owned(),
            },
            challenge: Base64Url(challenge.to_vec()),
            pub_key_cred_params: ALGORITHMS.map(|alg| KeyParameters { kind: "public-key", alg }).to_vec(),
            timeout: TIMEOUT_MS,
            exclude_credentials: descriptors(whom.rp_id, existing),
            // `preferred` spares the few places of a security key where it has no room.
            authenticator_selection: Selection {
                resident_key: "preferred",
                require_resident_key: false,
                user_verification: user_verification.name(),
            },
            hints: Vec::new(),
            attestation: match attestation {
                AttestationDemand::None => "none",
                AttestationDemand::Wanted | AttestationDemand::Required => "direct",
            },
        }
    }

    /// The name of the challenge.
    pub fn challenge_name(&self) -> String {
        challenge_name(&self.challenge.0)
    }

    /// The same, and what a browser shows first.
    #[must_use]
    pub fn with_hints(self, hints: Vec<Hint>) -> Self {
        Self { hints, ..self }
    }
}

impl RequestOptions {
    /// For a signature by one of `allowed`; none: by whichever the browser has.
    pub fn new(rp_id: &str, challenge: &[u8], allowed: &[PasskeyRecord], user_verification: UserVerification) -> Self {
        Self {
            challenge: Base64Url(challenge.to_vec()),
            timeout: TIMEOUT_MS,
            rp_id: rp_id.to_owned(),
            allow_credentials: descriptors(rp_id, allowed),
            user_verification: user_verification.name(),
            hints: Vec::new(),
        }
    }

    /// The name of the challenge.
    pub fn challenge_name(&self) -> String {
        challenge_name(&self.challenge.0)
    }

    /// The same, and what a browser shows first.
    #[must_use]
    pub fn with_hints(self, hints: Vec<Hint>) -> Self {
        Self { hints, ..self }
    }
}

impl UserVerification {
    const fn name(self) -> &'static str {
        match self {
            Self::Preferred => "preferred",
            Self::Required => "required",
        }
    }
}

fn descriptors(rp_id: &str, passkeys: &[PasskeyRecord]) -> Vec<Descriptor> {
    let here = passkeys.iter().filter(|passkey| passkey.rp_id == rp_id);
    let descriptor = |passkey: &PasskeyRecord| Descriptor {
        kind: "public-key",
        id: Base64Url(passkey.credential_id.clone()),
        transports: passkey.transports.clone(),
    };
    here.map(descriptor).collect()
}
