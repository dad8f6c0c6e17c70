//! What the calls of a recovery take and give.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::proof_types::CredentialField;
use super::types::SecretField;

/// Who cannot sign in: by name, or by a confirmed address.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"username": "ann"}))]
pub(crate) struct RecoverBody {
    /// The name.
    pub(crate) username: Option<String>,
    /// In its place: a confirmed mail address.
    pub(crate) email: Option<String>,
}

/// A letter is on its way, if there is somebody to send it to and not too many were asked for: told alike.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"expires_in": 600}))]
pub(crate) struct RecoverAsked {
    /// Seconds for which its code is good.
    pub(crate) expires_in: u64,
}

/// What is proved, as it is read.
#[derive(Deserialize)]
pub(crate) struct RecoverVerifyBody {
    pub(crate) code: SecretField,
    pub(crate) username: Option<String>,
    pub(crate) second: Option<SecondProofBody>,
    pub(crate) wait: Option<bool>,
}

/// A second proof, as it is read.
#[derive(Deserialize)]
pub(crate) struct SecondProofBody {
    pub(crate) method: String,
    pub(crate) code: Option<SecretField>,
    pub(crate) assertion: Option<CredentialField>,
}

/// What is proved: a code that was mailed, with a second proof if one is at hand; or the code of an administrator, with the
/// name.
#[derive(Deserialize, ToSchema)]
#[schema(as = RecoverVerifyBody, example = json!({"code": "sgl_kJ0Zr1y0Qm0n3hD3V1xw0p8S7n2C5q4Lr9T6u1E8aXo", "second": {"method": "backup_code", "code": "3f7k-9x2mq-p4qt"}}))]
#[expect(dead_code, reason = "documents what `RecoverVerifyBody` reads")]
pub(crate) struct RecoverVerifyRequest {
    /// As it stands in the letter, or as an administrator has told it.
    code: String,
    /// The name, with the code of an administrator alone.
    username: Option<String>,
    /// A proof of another kind.
    second: Option<SecondProof>,
    /// Who owns a second proof and does not have it at hand waits in its place, for a password alone. Who owns none waits in any
    /// case. Every confirmed address is told.
    wait: Option<bool>,
}

/// A code of an authenticator app, a backup code, or the answer of a passkey to `recover/assertion`.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "documents what `SecondProofBody` reads")]
pub(crate) struct SecondProof {
    /// `backup_code`, `totp` or `passkey`.
    method: String,
    /// The code.
    code: Option<String>,
    /// For a passkey: as `PublicKeyCredential.toJSON()` writes it.
    #[schema(value_type = Option<Object>)]
    assertion: Option<String>,
}

/// The mailed code, for a question to a passkey.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"code": "sgl_kJ0Zr1y0Qm0n3hD3V1xw0p8S7n2C5q4Lr9T6u1E8aXo"}))]
pub(crate) struct RecoverAssertionBody {
    /// As it stands in the letter.
    #[schema(value_type = String)]
    pub(crate) code: SecretField,
}

/// What a browser asks a passkey.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"publicKey": {"challenge": "AAAA", "rpId": "example.com", "timeout": 300000, "allowCredentials": [], "userVerification": "preferred", "hints": []}}))]
pub(crate) struct RecoverAssertion {
    /// For `PublicKeyCredential.parseRequestOptionsFromJSON()`.
    #[serde(rename = "publicKey")]
    #[schema(value_type = Object)]
    pub(crate) public_key: serde_json::Value,
}

/// `reset_required`.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "documents a constant")]
pub(crate) enum ResetStatus {
    /// Go on with `recover/finish`.
    ResetRequired,
}

/// `waiting`.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "documents a constant")]
pub(crate) enum WaitingStatus {
    /// Ask for a code again at `ready_at`.
    Waiting,
}

/// Enough is proved: credentials may be set, and nothing else.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"status": "reset_required", "ceremony": "sgr_kJ0Zr1y0Qm0n3hD3V1xw0p8S7n2C5q4Lr9T6u1E8aXo", "can": ["password", "totp", "backup_codes"], "expires_in": 900}))]
pub(crate) struct ResetRequired {
    #[schema(value_type = ResetStatus)]
    pub(crate) status: &'static str,
    /// For `recover/finish`. It is good for nothing else.
    pub(crate) ceremony: String,
    /// What may be set: `password`, `totp`, `backup_codes`.
    #[schema(value_type = Vec<String>)]
    pub(crate) can: Vec<&'static str>,
    /// Seconds until it is over.
    pub(crate) expires_in: u64,
}

/// Nothing was proved beside the mailbox. Every confirmed address was told.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"status": "waiting", "ready_at": "2026-11-27T09:30:00Z", "methods": ["backup_code"]}))]
pub(crate) struct RecoveryWaits {
    #[schema(value_type = WaitingStatus)]
    pub(crate) status: &'static str,
    /// When it goes on (RFC 3339), by the same code or another one. Asking again does not move it.
    #[schema(format = DateTime)]
    pub(crate) ready_at: String,
    /// With one of these as `second` it goes on at once.
    #[schema(value_type = Vec<String>)]
    pub(crate) methods: Vec<&'static str>,
}

/// What comes of the proofs.
#[derive(ToSchema)]
#[schema(as = RecoverAnswer)]
#[serde(untagged)]
#[derive(Serialize)]
pub(crate) enum RecoverAnswer {
    /// Credentials may be set.
    Reset(ResetRequired),
    /// It goes on later.
    Waits(RecoveryWaits),
}

/// A recovery in which enough was proved. `Authorization: Ceremony <ceremony>` may stand in for the field.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"ceremony": "sgr_kJ0Zr1y0Qm0n3hD3V1xw0p8S7n2C5q4Lr9T6u1E8aXo"}))]
pub(crate) struct RecoverTotpBody {
    /// As given by `recover/verify`.
    #[schema(value_type = Option<String>)]
    pub(crate) ceremony: Option<SecretField>,
}

/// What is to be set, at least one thing. `Authorization: Ceremony <ceremony>` may stand in for the field.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"ceremony": "sgr_kJ0Zr1y0Qm0n3hD3V1xw0p8S7n2C5q4Lr9T6u1E8aXo", "password": "a new password for tests", "totp_code": "123456", "backup_codes": true}))]
pub(crate) struct RecoverFinishBody {
    /// As given by `recover/verify`.
    #[schema(value_type = Option<String>)]
    pub(crate) ceremony: Option<SecretField>,
    /// A new password.
    #[schema(value_type = Option<String>)]
    pub(crate) password: Option<SecretField>,
    /// The first code of the app that has the secret of `recover/totp`.
    #[schema(value_type = Option<String>)]
    pub(crate) totp_code: Option<SecretField>,
    /// Whether to make new backup codes in the place of all others.
    pub(crate) backup_codes: Option<bool>,
}

/// `recovered`.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "documents a constant")]
pub(crate) enum RecoveredStatus {
    /// Sign in anew.
    Recovered,
}

/// It is set; all sessions and known browsers have ended, and nobody is signed in by it.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"status": "recovered", "backup_codes": ["3f7k-9x2mq-p4qt"]}))]
pub(crate) struct RecoverFinished {
    #[schema(value_type = RecoveredStatus)]
    pub(crate) status: &'static str,
    /// Where they were asked for, told this once: each works once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(crate) backup_codes: Vec<String>,
}
