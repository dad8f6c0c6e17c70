//! What the calls about sign-up take and give.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::types::{EnrollStatus, MethodName, Opening, SecretField};

/// Somebody who wants an account.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"email": "ann@example.com", "password": "a kettle of nine herrings", "enable_mfa": true}))]
pub(crate) struct SignUpBody {
    /// The user name; without one, the address is the name.
    pub(crate) username: Option<String>,
    /// A mail address, which is confirmed by a letter.
    pub(crate) email: String,
    /// The password; given once more to confirm.
    #[schema(value_type = String)]
    pub(crate) password: SecretField,
    /// Whether a second factor is to be set up at once. Default: no, unless the operator asks for one.
    #[serde(default)]
    pub(crate) enable_mfa: bool,
}

/// `confirmation_sent`.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "documents a constant")]
pub(crate) enum SignUpStatus {
    /// The letter says the rest.
    ConfirmationSent,
}

/// A letter is on its way.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"status": "confirmation_sent", "expires_in": 1800}))]
pub(crate) struct SignUpSent {
    /// `confirmation_sent`.
    #[schema(value_type = SignUpStatus)]
    pub(crate) status: &'static str,
    /// Seconds for which the link and the code are good.
    pub(crate) expires_in: u64,
}

/// What confirms a sign-up, as it is read.
#[derive(Deserialize)]
pub(crate) struct ConfirmBody {
    pub(crate) token: Option<SecretField>,
    pub(crate) email: Option<String>,
    pub(crate) code: Option<SecretField>,
    pub(crate) password: SecretField,
    pub(crate) username: Option<String>,
    pub(crate) enable_mfa: Option<bool>,
}

/// What confirms a sign-up, or accepts an invitation.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(as = ConfirmBody)]
#[expect(dead_code, reason = "documents what `ConfirmBody` reads")]
pub(crate) enum ConfirmRequest {
    /// By the link.
    ByLink(ConfirmByLink),
    /// By the code.
    ByCode(ConfirmByCode),
}

/// The link of the letter.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"token": "sgl_kJ0Zr1y0Qm0n3hD3V1xw0p8S7n2C5q4Lr9T6u1E8aXo", "password": "a kettle of nine herrings"}))]
#[expect(dead_code, reason = "documents what `ConfirmBody` reads")]
pub(crate) struct ConfirmByLink {
    /// As it stands in the address of the link.
    token: String,
    /// The password of the sign-up; of an invitation, the new one.
    password: String,
    /// Another user name than the one given before.
    username: Option<String>,
    /// Whether a second factor is to be set up at once, if that was not said before.
    enable_mfa: Option<bool>,
}

/// The code of the letter.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"email": "ann@example.com", "code": "123456", "password": "a kettle of nine herrings"}))]
#[expect(dead_code, reason = "documents what `ConfirmBody` reads")]
pub(crate) struct ConfirmByCode {
    /// The address that it was sent to.
    email: String,
    /// The six digits.
    code: String,
    /// The password of the sign-up.
    password: String,
    /// Another user name than the one given before.
    username: Option<String>,
    /// Whether a second factor is to be set up at once, if that was not said before.
    enable_mfa: Option<bool>,
}

/// There is an account: its owner is signed in, or sets up a second factor first.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum SignUpAnswer {
    /// Signed in.
    SignedUp(SignedUp),
    /// A second factor comes first.
    SignedUpStuck(SignedUpStuck),
}

/// There is an account, and its owner is signed in.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"mfa_enabled": false, "status": "ok", "access_token": "sgs_kJ0Zr1y0Qm0n3hD3V1xw0p8S7n2C5q4Lr9T6u1E8aXo", "token_type": "Bearer", "expires_in": 3600, "last_login_at": null}))]
pub(crate) struct SignedUp {
    /// `false`: none was asked for.
    pub(crate) mfa_enabled: bool,
    /// The session that is open now.
    #[serde(flatten)]
    pub(crate) opening: Opening,
}

/// There is an account, and a second factor is being set up: `totp/confirm` with the `ceremony` completes that, signs in and gives
/// the backup codes.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"mfa_enabled": true, "status": "enrollment_required", "methods": ["totp"], "ceremony": "sgc_kJ0Zr1y0Qm0n3hD3V1xw0p8S7n2C5q4Lr9T6u1E8aXo", "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "otpauth_uri": "otpauth://totp/Example:ann?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Example", "qr_svg": "<svg/>"}))]
pub(crate) struct SignedUpStuck {
    /// `true`: one was asked for, by the person or the operator.
    pub(crate) mfa_enabled: bool,
    /// `enrollment_required`.
    #[schema(value_type = EnrollStatus)]
    pub(crate) status: &'static str,
    /// What can be set up.
    #[schema(value_type = Vec<MethodName>)]
    pub(crate) methods: Vec<&'static str>,
    /// The ceremony to go on with.
    pub(crate) ceremony: String,
    /// Of the authenticator app, if one can be set up: Base32 without padding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<String>,
    /// The same for authenticator apps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) otpauth_uri: Option<String>,
    /// The URI as a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) qr_svg: Option<String>,
}
