//! What the calls that turn off two-step sign-in take and give.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::proof_types::CredentialField;
use super::types::SecretField;

/// Turns something off: the password and a current factor. What the session proved in the last minutes may be left out.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"password": "correct horse battery", "code": "123456"}))]
pub(crate) struct DisableBody {
    /// The password.
    #[schema(value_type = Option<String>)]
    pub(crate) password: Option<SecretField>,
    /// A code of the authenticator app, or a backup code.
    #[schema(value_type = Option<String>)]
    pub(crate) code: Option<SecretField>,
    /// In place of a code: the answer of a passkey to a challenge of `login/passkey/options` in this session, as
    /// `PublicKeyCredential.toJSON()` writes it.
    #[schema(value_type = Option<Object>)]
    pub(crate) assertion: Option<CredentialField>,
    /// Whether the other sessions go on. Default: they end.
    #[serde(default)]
    #[schema(required = false)]
    pub(crate) keep_sessions: bool,
}

/// Whether the other sessions go on.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"keep_sessions": true}))]
pub(crate) struct KeepSessionsBody {
    /// Default: they end.
    #[serde(default)]
    #[schema(required = false)]
    pub(crate) keep_sessions: bool,
}

/// Two-step sign-in is off.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"status": "disabled", "mfa_enabled": false, "message": "Two-step sign-in is off. Delete the entry of this account in your authenticator app, too: its codes are of no use any more."}))]
pub(crate) struct MfaOff {
    /// `disabled`.
    pub(crate) status: &'static str,
    /// `false`.
    pub(crate) mfa_enabled: bool,
    /// For the person: what is left to do.
    pub(crate) message: String,
}
