//! What proves who one is: a code, or the answer of an authenticator.

use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::types::{MethodName, SecretField};
use crate::auth::factor::passkey::StrictJson;
use crate::auth::secret::SecretText;

/// An answer of an authenticator: kept as text, and read by who verifies it. A member that stands twice is refused here.
pub(crate) struct CredentialField(pub(crate) SecretText);

impl<'de> Deserialize<'de> for CredentialField {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let StrictJson(value) = StrictJson::deserialize(d)?;
        match value.is_object() {
            true => Ok(Self(SecretText::new(value.to_string()))),
            false => Err(serde::de::Error::missing_field("id")),
        }
    }
}

/// The second factor of a sign-in under way, as it is read.
#[derive(Deserialize)]
pub(crate) struct SecondFactorBody {
    pub(crate) ceremony: Option<SecretField>,
    pub(crate) method: String,
    pub(crate) code: Option<SecretField>,
    pub(crate) assertion: Option<CredentialField>,
}

/// One more proof in a session, as it is read.
#[derive(Deserialize)]
pub(crate) struct ElevateBody {
    pub(crate) method: String,
    pub(crate) code: Option<SecretField>,
    pub(crate) assertion: Option<CredentialField>,
    pub(crate) ceremony: Option<SecretField>,
    #[serde(rename = "for")]
    pub(crate) request: Option<RequestToCome>,
}

/// The one request that a proof is for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"method": "POST", "url": "/payments?account=7", "body_sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}))]
pub(crate) struct RequestToCome {
    /// As it will be sent.
    pub(crate) method: String,
    /// Its address: a path with its query, or a URL of this host.
    pub(crate) url: String,
    /// SHA-256 of its body, in hexadecimal digits. A rule with `transaction` needs it, unless the request is a GET.
    pub(crate) body_sha256: Option<String>,
    /// Its `Content-Type`, letter for letter; empty: it has none. Left out, under a rule with `transaction`: it has none,
    /// or `application/json`, `application/x-www-form-urlencoded` or `text/plain` with no parameter but `charset=utf-8`.
    pub(crate) content_type: Option<String>,
}

/// The second factor of a sign-in under way: a code, or a passkey.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(as = SecondFactorBody)]
#[expect(dead_code, reason = "documents what `SecondFactorBody` reads")]
pub(crate) enum SecondFactorRequest {
    /// A code.
    Code(SecondFactorCode),
    /// A passkey.
    Passkey(SecondFactorPasskey),
}

/// A code as second factor.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"ceremony": "sgc_kJ0Zr1y0Qm0n3hD3V1xw0p8S7n2C5q4Lr9T6u1E8aXo", "method": "totp", "code": "123456"}))]
#[expect(dead_code, reason = "documents what `SecondFactorBody` reads")]
pub(crate) struct SecondFactorCode {
    /// As given by the login; or as `Authorization: Ceremony …`.
    ceremony: Option<String>,
    /// One of the `methods` told before.
    #[schema(value_type = MethodName)]
    method: String,
    /// The code.
    code: String,
}

/// A passkey as second factor.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"ceremony": "sgc_kJ0Zr1y0Qm0n3hD3V1xw0p8S7n2C5q4Lr9T6u1E8aXo", "method": "passkey", "assertion": {"id": "AAAA", "rawId": "AAAA", "type": "public-key", "clientExtensionResults": {}, "response": {"clientDataJSON": "AAAA", "authenticatorData": "AAAA", "signature": "AAAA"}}}))]
#[expect(dead_code, reason = "documents what `SecondFactorBody` reads")]
pub(crate) struct SecondFactorPasskey {
    /// As given by the login; or as `Authorization: Ceremony …`.
    ceremony: Option<String>,
    #[schema(value_type = PasskeyMethod)]
    method: String,
    /// As `PublicKeyCredential.toJSON()` writes it, for a challenge of `login/passkey/options`.
    #[schema(value_type = Object)]
    assertion: String,
}

/// One more proof in a session: a code or the password, or a passkey.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(as = ElevateBody)]
#[expect(dead_code, reason = "documents what `ElevateBody` reads")]
pub(crate) enum ElevateRequest {
    /// A code.
    Code(ElevateCode),
    /// A passkey.
    Passkey(ElevatePasskey),
}

/// A code as one more proof.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"method": "totp", "code": "123456"}))]
#[expect(dead_code, reason = "documents what `ElevateBody` reads")]
pub(crate) struct ElevateCode {
    /// What is given.
    #[schema(value_type = MethodName)]
    method: String,
    /// The code, or the password.
    code: String,
    /// The one request that the proof is for, where its rule asks for that. The answer holds a `slip` then.
    #[serde(rename = "for")]
    request: Option<RequestToCome>,
}

/// A passkey as one more proof.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"method": "passkey", "assertion": {"id": "AAAA", "rawId": "AAAA", "type": "public-key", "clientExtensionResults": {}, "response": {"clientDataJSON": "AAAA", "authenticatorData": "AAAA", "signature": "AAAA"}}}))]
#[expect(dead_code, reason = "documents what `ElevateBody` reads")]
pub(crate) struct ElevatePasskey {
    /// As given with the options; it may be left out.
    ceremony: Option<String>,
    /// The one request that the proof is for, where its rule asks for that. The answer holds a `slip` then.
    #[serde(rename = "for")]
    request: Option<RequestToCome>,
    #[schema(value_type = PasskeyMethod)]
    method: String,
    /// As `PublicKeyCredential.toJSON()` writes it, for a challenge of `login/passkey/options`.
    #[schema(value_type = Object)]
    assertion: String,
}

/// Any kind of passkey: which one it is shows only once it is verified.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "documents a closed set of names")]
pub(crate) enum PasskeyMethod {
    /// A passkey.
    Passkey,
    /// One that stays on its device.
    BoundPasskey,
    /// A security key that verifies nobody.
    SecurityKey,
}
