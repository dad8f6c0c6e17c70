//! What the calls about passkeys take and give.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::proof_types::CredentialField;
use super::types::{Opening, SecretField};
use crate::auth::factor::passkey::PasskeyRecord;
use crate::auth::time::Timestamp;
use crate::portal::error::PortalError;

/// Asks for what registers a passkey.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"ceremony": "sgc_kJ0Zr1y0Qm0n3hD3V1xw0p8S7n2C5q4Lr9T6u1E8aXo"}))]
pub(crate) struct PasskeyOptionsBody {
    /// What its person calls it; by default the name of its model.
    pub(crate) name: Option<String>,
    /// In place of a session: the ceremony of a login that answered `enrollment_required`.
    #[schema(value_type = Option<String>)]
    pub(crate) ceremony: Option<SecretField>,
}

/// Registers a passkey.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"ceremony": "sgp_kJ0Zr1y0Qm0n3hD3V1xw0p8S7n2C5q4Lr9T6u1E8aXo", "name": "Laptop", "credential": {"id": "AAAA", "rawId": "AAAA", "type": "public-key", "clientExtensionResults": {}, "response": {"clientDataJSON": "AAAA", "attestationObject": "AAAA"}}}))]
pub(crate) struct PasskeyBody {
    /// As given with the options. In a session it may be left out.
    #[schema(value_type = Option<String>)]
    pub(crate) ceremony: Option<SecretField>,
    /// What its person calls it; by default the name of its model.
    pub(crate) name: Option<String>,
    /// As `PublicKeyCredential.toJSON()` writes it.
    #[schema(value_type = Object)]
    pub(crate) credential: CredentialField,
    /// Whether the other sessions of the person go on. Default: they end.
    #[serde(default)]
    #[schema(required = false)]
    pub(crate) keep_sessions: bool,
}

/// Asks for a challenge: to sign in by a passkey alone, or as one more proof in a sign-in or a session.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({}))]
pub(crate) struct PasskeyLoginOptionsBody {
    /// Only a passkey of this person will do. The answer is the same whether or not there is one.
    pub(crate) username: Option<String>,
    /// A sign-in under way: its second factor is asked for.
    #[schema(value_type = Option<String>)]
    pub(crate) ceremony: Option<SecretField>,
}

/// Signs in by a passkey alone.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"ceremony": "kJ0Zr1y0Qm0n3hD3V1xw0p8S7n2C5q4Lr9T6u1E8aXo", "credential": {"id": "AAAA", "rawId": "AAAA", "type": "public-key", "clientExtensionResults": {}, "response": {"clientDataJSON": "AAAA", "authenticatorData": "AAAA", "signature": "AAAA", "userHandle": "AAAA"}}}))]
pub(crate) struct PasskeyLoginBody {
    /// As given with the options.
    #[schema(value_type = String)]
    pub(crate) ceremony: SecretField,
    /// As `PublicKeyCredential.toJSON()` writes it.
    #[schema(value_type = Object)]
    pub(crate) credential: CredentialField,
    /// What is wanted; by default the most the account can prove.
    #[schema(value_type = Option<super::types::StrengthName>)]
    pub(crate) strength: Option<String>,
}

/// What a browser is asked.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"ceremony": "sgc_kJ0Zr1y0Qm0n3hD3V1xw0p8S7n2C5q4Lr9T6u1E8aXo", "publicKey": {"challenge": "AAAA", "rpId": "example.com", "timeout": 300000, "allowCredentials": [], "userVerification": "required", "hints": []}}))]
pub(crate) struct PasskeyOptions {
    /// To be sent along with the answer. In a session it may be left out: the session stands for itself.
    pub(crate) ceremony: String,
    /// For `PublicKeyCredential.parseCreationOptionsFromJSON()` or `parseRequestOptionsFromJSON()`.
    #[serde(rename = "publicKey")]
    #[schema(value_type = Object)]
    pub(crate) public_key: serde_json::Value,
}

impl PasskeyOptions {
    /// Options for a caller who goes on with `ceremony`.
    pub(crate) fn new(ceremony: String, options: &impl Serialize) -> Result<Self, PortalError> {
        let public_key = serde_json::to_value(options).map_err(|_| PortalError::Unavailable)?;
        Ok(Self { ceremony, public_key })
    }
}

/// A passkey or a security key.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "01KB0Q6Z4V8R3T5W7Y9A1C3E5G", "name": "Laptop", "bound": true, "synced": false, "user_verified": true, "aaguid": "ee882879-721c-4913-9775-3dfcce97072a", "attested": false, "rp_id": "example.com", "created_at": "2026-11-26T09:30:00Z", "last_used_at": null}))]
pub(crate) struct Passkey {
    /// Names it.
    pub(crate) id: String,
    /// What its person calls it.
    pub(crate) name: String,
    /// Whether it stays on its device.
    pub(crate) bound: bool,
    /// Whether it is copied to other devices by now.
    pub(crate) synced: bool,
    /// Whether it verifies its person; otherwise it proves possession alone.
    pub(crate) user_verified: bool,
    /// Its model.
    pub(crate) aaguid: String,
    /// Whether the model is attested; otherwise it is only claimed.
    pub(crate) attested: bool,
    /// Where it works.
    pub(crate) rp_id: String,
    /// When it was registered (RFC 3339).
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
    /// When it last proved anything (RFC 3339).
    #[schema(format = DateTime)]
    pub(crate) last_used_at: Option<String>,
}

impl Passkey {
    pub(crate) fn of(record: &PasskeyRecord) -> Self {
        Self {
            id: record.id.clone(),
            name: record.name.clone(),
            bound: !record.backup_eligible,
            synced: record.backup_state,
            user_verified: record.user_verified,
            aaguid: record.aaguid.to_string(),
            attested: record.attested,
            rp_id: record.rp_id.clone(),
            created_at: record.created_at.rfc3339(),
            last_used_at: record.used_at.map(Timestamp::rfc3339),
        }
    }
}

/// The passkeys of a person.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"passkeys": []}))]
pub(crate) struct PasskeyList {
    /// The oldest first.
    pub(crate) passkeys: Vec<Passkey>,
}

/// Registered.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "01KB0Q6Z4V8R3T5W7Y9A1C3E5G", "name": "Laptop", "bound": true, "backup_codes": ["3f7k-9x2m-p4qt"], "status": "ok", "access_token": "sgs_kJ0Zr1y0Qm0n3hD3V1xw0p8S7n2C5q4Lr9T6u1E8aXo", "token_type": "Bearer", "expires_in": 3600, "last_login_at": null}))]
pub(crate) struct PasskeyRegistered {
    /// Names it.
    pub(crate) id: String,
    /// What it is called.
    pub(crate) name: String,
    /// Whether it stays on its device.
    pub(crate) bound: bool,
    /// With the first second factor, told this once: each works once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(crate) backup_codes: Vec<String>,
    /// The session that is open now.
    #[serde(flatten)]
    pub(crate) opening: Opening,
}
