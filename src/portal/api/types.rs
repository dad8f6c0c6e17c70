//! What the API takes and gives. Every type here is part of the published contract.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::auth::secret::SecretText;

/// A text that is read straight into a secret.
pub(crate) struct SecretField(pub(crate) SecretText);

impl<'de> Deserialize<'de> for SecretField {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d).map(|text| Self(SecretText::new(text)))
    }
}

/// How strong a sign-in is.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "documents a closed set of names")]
pub(crate) enum StrengthName {
    /// One factor.
    OneFactor,
    /// A password and a code that was sent to an address.
    TwoSteps,
    /// Two factors.
    TwoFactor,
    /// Two factors, one of which no phishing site can pass on.
    PhishingResistant,
}

/// What is given. `otp` and `pwd` are other names of `totp` and `password`.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "documents a closed set of names")]
pub(crate) enum MethodName {
    /// The code of an authenticator app.
    Totp,
    /// The same.
    Otp,
    /// A backup code.
    BackupCode,
    /// A code sent by mail.
    EmailCode,
    /// A code sent by text message.
    SmsCode,
    /// A passkey.
    Passkey,
    /// A passkey that stays on its device.
    BoundPasskey,
    /// A security key that verifies nobody.
    SecurityKey,
    /// A code for getting in again, or for setting up a second factor.
    RecoveryCode,
    /// The password.
    Password,
    /// The same.
    Pwd,
}

/// `ok`.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "documents a constant")]
pub(crate) enum OpenStatus {
    /// Signed in.
    Ok,
}

/// `second_factor_required`.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "documents a constant")]
pub(crate) enum NextStatus {
    /// Go on with one of `methods`.
    SecondFactorRequired,
}

/// `enrollment_required`.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "documents a constant")]
pub(crate) enum EnrollStatus {
    /// Go on with `totp`.
    EnrollmentRequired,
}

/// Who signs in, as it is read. HTTP Basic may stand in for name and password.
#[derive(Deserialize)]
pub(crate) struct LoginBody {
    pub(crate) username: Option<String>,
    pub(crate) password: Option<SecretField>,
    pub(crate) otp: Option<SecretField>,
    pub(crate) strength: Option<String>,
}

/// Who signs in: by name and password here, or by HTTP Basic.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(as = LoginBody)]
#[expect(dead_code, reason = "documents what `LoginBody` reads")]
pub(crate) enum LoginRequest {
    /// Name and password.
    Credentials(Credentials),
    /// They come by HTTP Basic.
    WithBasic(WithBasic),
}

/// Who signs in.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"username": "ann", "password": "correct horse battery", "otp": "123456", "strength": "two_factor"}))]
#[expect(dead_code, reason = "documents what `LoginBody` reads")]
pub(crate) struct Credentials {
    /// The name.
    username: String,
    /// The password.
    password: String,
    /// A one-time code or a backup code, sent along.
    otp: Option<String>,
    /// What is wanted; by default the most the account can prove.
    #[schema(value_type = Option<StrengthName>)]
    strength: Option<String>,
}

/// What a login by HTTP Basic may say beside it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"otp": "123456"}))]
#[expect(dead_code, reason = "documents what `LoginBody` reads")]
pub(crate) struct WithBasic {
    /// A one-time code or a backup code, sent along.
    otp: Option<String>,
    /// What is wanted; by default the most the account can prove.
    #[schema(value_type = Option<StrengthName>)]
    strength: Option<String>,
}

/// Begins an enrolment.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"ceremony": "sgc_kJ0Zr1y0Qm0n3hD3V1xw0p8S7n2C5q4Lr9T6u1E8aXo"}))]
pub(crate) struct TotpBody {
    /// In place of a session: the ceremony of a login that answered `enrollment_required`.
    #[schema(value_type = Option<String>)]
    pub(crate) ceremony: Option<SecretField>,
}

/// Confirms an enrolment.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"ceremony": "sgc_kJ0Zr1y0Qm0n3hD3V1xw0p8S7n2C5q4Lr9T6u1E8aXo", "code": "123456"}))]
pub(crate) struct TotpConfirmBody {
    /// In place of a session: the ceremony of a login that answered `enrollment_required`.
    #[schema(value_type = Option<String>)]
    pub(crate) ceremony: Option<SecretField>,
    /// The code that the authenticator shows.
    #[schema(value_type = String)]
    pub(crate) code: SecretField,
    /// Whether the other sessions of the person go on. Default: they end.
    #[serde(default)]
    #[schema(required = false)]
    pub(crate) keep_sessions: bool,
}

/// Signed in, or risen. Callers by cookie get the new token as a cookie and none in the body.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"status": "ok", "access_token": "sgs_kJ0Zr1y0Qm0n3hD3V1xw0p8S7n2C5q4Lr9T6u1E8aXo", "token_type": "Bearer", "expires_in": 3600, "last_login_at": "2026-11-25T08:15:00Z"}))]
pub(crate) struct Opening {
    /// `ok`.
    #[schema(value_type = OpenStatus)]
    pub(crate) status: &'static str,
    /// The opaque bearer token (RFC 6750).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) access_token: Option<String>,
    /// `Bearer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "Bearer")]
    pub(crate) token_type: Option<&'static str>,
    /// Seconds until the session ends if it is not used.
    pub(crate) expires_in: u64,
    /// When the person had signed in before (RFC 3339).
    #[schema(format = DateTime)]
    pub(crate) last_login_at: Option<String>,
    /// Backup codes left, where one was just used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) backup_codes_left: Option<u32>,
    /// The mark of this script, to be kept and sent along as `Stepgate-Device` at the next login: whoever sends it is not
    /// held up by attempts of others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) device: Option<String>,
    /// The proof for the one request that was named, to be sent with it as `Stepgate-Slip`. It is good once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) slip: Option<String>,
    /// Seconds until it is too late for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) slip_expires_in: Option<u64>,
    /// Factors of the account that are switched off after too many wrong codes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<MethodName>, required = false)]
    pub(crate) locked: Vec<&'static str>,
    /// Factors that had been switched off, and are on again by this proof.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<MethodName>, required = false)]
    pub(crate) unlocked: Vec<&'static str>,
}

/// Another factor is needed.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"status": "second_factor_required", "ceremony": "sgc_kJ0Zr1y0Qm0n3hD3V1xw0p8S7n2C5q4Lr9T6u1E8aXo", "methods": ["totp", "backup_code"]}))]
pub(crate) struct Next {
    /// `second_factor_required`.
    #[schema(value_type = NextStatus)]
    pub(crate) status: &'static str,
    /// The ceremony to go on with.
    pub(crate) ceremony: String,
    /// Any of these.
    #[schema(value_type = Vec<MethodName>)]
    pub(crate) methods: Vec<&'static str>,
    /// These would do too, but are switched off after too many wrong codes; one of `methods` switches them on again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<MethodName>, required = false)]
    pub(crate) locked: Vec<&'static str>,
}

/// A second factor must be enrolled first, with the ceremony as authorisation.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"status": "enrollment_required", "ceremony": "sgc_kJ0Zr1y0Qm0n3hD3V1xw0p8S7n2C5q4Lr9T6u1E8aXo", "methods": ["totp"]}))]
pub(crate) struct Enroll {
    /// `enrollment_required`.
    #[schema(value_type = EnrollStatus)]
    pub(crate) status: &'static str,
    /// The ceremony to go on with.
    pub(crate) ceremony: String,
    /// What can be enrolled to reach the strength asked for, any of them. Empty: nothing that this version can
    /// enrol reaches it.
    #[schema(value_type = Vec<String>)]
    pub(crate) methods: Vec<&'static str>,
}

/// What becomes of a login.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "documents the union of the three answers")]
pub(crate) enum LoginAnswer {
    /// Signed in.
    Opening(Opening),
    /// Another factor is needed.
    Next(Next),
    /// A factor must be enrolled.
    Enroll(Enroll),
}

/// Who the caller is.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"username": "ann", "groups": ["staff"], "amr": ["pwd", "otp", "mfa"], "acr": "urn:stepgate:acr:2", "auth_time": "2026-11-26T09:30:00Z"}))]
pub(crate) struct WhoAmI {
    /// The canonical name.
    pub(crate) username: String,
    /// The groups.
    pub(crate) groups: Vec<String>,
    /// Authentication methods (RFC 8176).
    #[schema(value_type = Vec<String>)]
    pub(crate) amr: Vec<&'static str>,
    /// The strength reached.
    #[schema(value_type = Option<String>)]
    pub(crate) acr: Option<&'static str>,
    /// When the latest proof was given (RFC 3339).
    #[schema(format = DateTime)]
    pub(crate) auth_time: Option<String>,
}

/// The session in brief; asking does not extend it.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"username": "ann", "user": "ann", "strength": "two_factor", "expires_in": 3600}))]
pub(crate) struct SessionBrief {
    /// The canonical name.
    pub(crate) username: String,
    /// The same, by its older name.
    #[schema(deprecated)]
    pub(crate) user: String,
    /// The strength reached.
    #[schema(value_type = Option<StrengthName>)]
    pub(crate) strength: Option<&'static str>,
    /// Seconds until it ends if it is not used.
    pub(crate) expires_in: u64,
}

/// A TOTP secret to be confirmed; the same one until then.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "otpauth_uri": "otpauth://totp/Example:ann?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Example", "qr_svg": "<svg/>"}))]
pub(crate) struct PendingTotp {
    /// Base32 without padding.
    pub(crate) secret: String,
    /// For authenticator apps.
    pub(crate) otpauth_uri: String,
    /// The URI as a picture.
    pub(crate) qr_svg: String,
}

/// Asks for new backup codes: there is nothing to say about them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({}))]
pub(crate) struct BackupCodesBody {}

/// New backup codes, told this once.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"backup_codes": ["3f7k-9x2m-p4qt"]}))]
pub(crate) struct BackupCodes {
    /// Each works once.
    pub(crate) backup_codes: Vec<String>,
}

/// Enrolled. The backup codes are told this once.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"backup_codes": ["3f7k-9x2m-p4qt"], "status": "ok", "access_token": "sgs_kJ0Zr1y0Qm0n3hD3V1xw0p8S7n2C5q4Lr9T6u1E8aXo", "token_type": "Bearer", "expires_in": 3600, "last_login_at": null}))]
pub(crate) struct Enrolled {
    /// Each works once.
    pub(crate) backup_codes: Vec<String>,
    /// The session that is open now.
    #[serde(flatten)]
    pub(crate) opening: Opening,
}

/// A problem (RFC 9457). Further members depend on the code.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"type": "about:blank", "title": "The code is not correct.", "status": 401, "code": "wrong_otp", "request_id": "01KB0Q6Z4V8R3T5W7Y9A1C3E5G"}))]
pub(crate) struct ProblemBody {
    /// Always `about:blank`; the code tells problems apart.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// What happened, in a sentence; for people, use `code`.
    pub(crate) title: String,
    /// The HTTP status.
    pub(crate) status: u16,
    /// Stable: `wrong_credentials`, `wrong_otp`, `too_many_attempts`, `malformed_request`, `not_signed_in`,
    /// `ceremony_over`, `factor_locked`, `proof_required`, `busy`, `unavailable`, …
    pub(crate) code: String,
    /// Where an app is asked for and something is missing: `login_required`, `mfa_required`, `mfa_expired`,
    /// `once`, `transaction` or `risk`.
    pub(crate) reason: Option<String>,
    /// Names the request in the log.
    pub(crate) request_id: String,
}
