//! Assertions for the apps: short-lived ES256 JWTs (RFC 7519, RFC 7518 §3.4). The door of `jsonwebtoken`.

use std::time::Duration;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use jsonwebtoken::jwk::{Jwk, KeyAlgorithm, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;

use super::proof::{RiskLevel, Strength};
use super::secret::SecretBytes;
use super::session::Session;
use super::time::Timestamp;

/// The longest an assertion may be valid.
pub const MAX_LIFETIME: Duration = Duration::from_secs(60);

/// Signing is impossible: the key is none, or the library failed. A fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("assertion: {0}")]
pub struct SignFault(String);

impl SignFault {
    fn of(cause: impl std::fmt::Display) -> Self {
        Self(cause.to_string())
    }
}

/// A key pair just made.
pub struct Generated {
    /// The thumbprint of the public key (RFC 7638).
    pub kid: String,
    /// The private key, PKCS#8 DER.
    pub private: SecretBytes,
    /// The public JWK, JSON.
    pub public_jwk: String,
}

/// A private key ready to sign.
pub struct Signing {
    kid: String,
    key: EncodingKey,
}

/// What an assertion says.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    groups: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    amr: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<u64>,
    /// How unusual this is for the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    risk: Option<&'static str>,
    sid: &'a str,
    iat: u64,
    nbf: u64,
    exp: u64,
}

/// Makes a P-256 key pair. The one place where randomness does not come in as a parameter: the
/// cryptographic module draws it itself, as ECDSA signing does for its nonces.
///
/// # Errors
/// The module has no randomness, or could not encode the key.
pub fn generate() -> Result<Generated, SignFault> {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(SignFault::of)?;
    let pkcs8 = pair.to_pkcs8v1().map_err(SignFault::of)?;
    let private = SecretBytes::new(pkcs8.as_ref().to_vec());
    let key = EncodingKey::from_ec_der(private.expose());
    let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).map_err(SignFault::of)?;
    let kid = jwk.thumbprint(ThumbprintHash::SHA256).map_err(SignFault::of)?;
    jwk.common.key_id = Some(kid.clone());
    jwk.common.public_key_use = Some(PublicKeyUse::Signature);
    jwk.common.key_algorithm = Some(KeyAlgorithm::ES256);
    let public_jwk = serde_json::to_string(&jwk).map_err(SignFault::of)?;
    Ok(Generated { kid, private, public_jwk })
}

impl Signing {
    /// Reads a private key.
    ///
    /// # Errors
    /// It is no P-256 key in PKCS#8.
    pub fn new(kid: &str, private: &SecretBytes) -> Result<Self, SignFault> {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, private.expose()).map_err(SignFault::of)?;
        Ok(Self { kid: kid.to_owned(), key: EncodingKey::from_ec_der(private.expose()) })
    }

    /// The id of the key.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Signs what a session proves, for one audience, until `expires` (whole seconds).
    ///
    /// # Errors
    /// The cryptographic module failed.
    pub fn sign(
        &self,
        session: &Session,
        risk: Option<RiskLevel>,
        audience: &str,
        issuer: &str,
        now: Timestamp,
        expires: Timestamp,
    ) -> Result<String, SignFault> {
        let who = &session.identity;
        let claims = Claims {
            iss: issuer,
            aud: audience,
            sub: who.username.as_str(),
            groups: who.groups.iter().map(|g| g.0.as_str()).collect(),
            email: who.email.as_deref(),
            name: who.name.as_deref(),
            amr: session.proofs.amr(),
            acr: Strength::of(session.proofs.methods()).map(Strength::acr),
            auth_time: session.proofs.latest().map(Timestamp::as_secs),
            risk: risk.map(RiskLevel::name),
            sid: &session.id,
            iat: now.as_secs(),
            nbf: now.as_secs(),
            exp: expires.as_secs(),
        };
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, &claims, &self.key).map_err(SignFault::of)
    }
}

/// The JWK set (RFC 7517 §5) of public keys, each a JSON text made by [`generate`].
pub fn jwks(keys: &[&str]) -> String {
    format!("{{\"keys\":[{}]}}", keys.join(","))
}

#[cfg(test)]
mod tests;
