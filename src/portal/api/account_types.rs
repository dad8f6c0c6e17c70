//! What the calls about an account and its sessions take and give.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::types::{MethodName, SecretField, StrengthName};

/// The account of the caller.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"username": "ann", "name": "Ann Example", "email": "ann@example.com", "emails": ["ann@example.com"], "phones": [], "groups": ["staff"], "created_at": "2026-01-05T08:00:00Z", "last_login_at": "2026-11-25T08:15:00Z", "mfa_enabled": true, "methods": ["password", "totp", "backup_code"], "locked": [], "backup_codes_left": 10, "passkeys": 0, "totp_name": "Phone"}))]
pub(crate) struct AccountBody {
    /// The canonical name. Only an operator can give another one.
    pub(crate) username: String,
    /// The name for people.
    pub(crate) name: Option<String>,
    /// The mail address that apps are told.
    pub(crate) email: Option<String>,
    /// The confirmed mail addresses, newest first.
    pub(crate) emails: Vec<String>,
    /// The confirmed numbers, newest first.
    pub(crate) phones: Vec<String>,
    pub(crate) groups: Vec<String>,
    /// When the account was made (RFC 3339).
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
    /// When the person had signed in before this session (RFC 3339).
    #[schema(format = DateTime)]
    pub(crate) last_login_at: Option<String>,
    /// Whether the account holds a second factor.
    pub(crate) mfa_enabled: bool,
    /// What the account can prove here.
    #[schema(value_type = Vec<MethodName>)]
    pub(crate) methods: Vec<&'static str>,
    /// What of that is switched off after too many wrong codes.
    #[schema(value_type = Vec<MethodName>)]
    pub(crate) locked: Vec<&'static str>,
    pub(crate) backup_codes_left: u32,
    /// How many passkeys there are.
    pub(crate) passkeys: usize,
    /// What the person calls their authenticator app.
    pub(crate) totp_name: Option<String>,
}

/// What the owner of an account may change of it.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"name": "Ann Example"}))]
pub(crate) struct AccountChangeBody {
    /// The name for people; `null` takes it away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub(crate) name: Option<Option<String>>,
}

/// A field that is there, be it `null`.
fn given<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(d).map(Some)
}

/// Another password, and what it takes to set one.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"current_password": "correct horse battery", "new_password": "seven quiet otters swim", "code": "123456"}))]
pub(crate) struct PasswordBody {
    /// The password that is in force; not needed where it was proved a moment ago.
    #[schema(value_type = Option<String>)]
    pub(crate) current_password: Option<SecretField>,
    /// The new one.
    #[schema(value_type = String)]
    pub(crate) new_password: SecretField,
    /// A code of a second factor; not needed where one was proved a moment ago.
    #[schema(value_type = Option<String>)]
    pub(crate) code: Option<SecretField>,
    /// What `code` is of: `totp` where nothing is said.
    #[schema(value_type = Option<MethodName>)]
    pub(crate) method: Option<String>,
    /// Whether the other sessions go on; otherwise they end.
    #[serde(default)]
    #[schema(required = false)]
    pub(crate) keep_sessions: bool,
}

/// The sessions of the caller, their own first.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"sessions": [{"id": "01KB0Q6Z4V8R3T5W7Y9A1C3E5G", "current": true, "hosts": ["erp.example.com"], "created_at": "2026-11-26T09:30:00Z", "last_seen_at": "2026-11-26T10:02:00Z", "expires_at": "2026-11-26T11:02:00Z", "strength": "two_factor", "amr": ["mfa", "otp", "pwd"], "client_ip": "192.0.2.7", "country": null, "browser": "Firefox", "system": "Linux", "channel": "cookie"}]}))]
pub(crate) struct SessionList {
    pub(crate) sessions: Vec<ListedSession>,
}

/// A session. Where many hosts share one sign-in, it stands for all of them.
#[derive(Serialize, ToSchema)]
pub(crate) struct ListedSession {
    /// Names it for `DELETE`; no secret.
    pub(crate) id: String,
    /// Whether it is the one that asks.
    pub(crate) current: bool,
    /// Where it counts.
    pub(crate) hosts: Vec<String>,
    /// When the person signed in (RFC 3339).
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
    /// When it was used last, to the minute or so (RFC 3339).
    #[schema(format = DateTime)]
    pub(crate) last_seen_at: String,
    /// When it ends if it is not used (RFC 3339).
    #[schema(format = DateTime)]
    pub(crate) expires_at: String,
    /// The strength reached.
    #[schema(value_type = Option<StrengthName>)]
    pub(crate) strength: Option<&'static str>,
    /// Authentication methods (RFC 8176).
    #[schema(value_type = Vec<String>)]
    pub(crate) amr: Vec<&'static str>,
    /// From where it was opened.
    pub(crate) client_ip: String,
    /// Two letters (ISO 3166-1), where the gateway knows.
    pub(crate) country: Option<String>,
    /// As far as the browser named itself.
    #[schema(value_type = Option<String>)]
    pub(crate) browser: Option<&'static str>,
    #[schema(value_type = Option<String>)]
    pub(crate) system: Option<&'static str>,
    /// `cookie`: a browser; `bearer`: a script.
    #[schema(value_type = SessionChannel)]
    pub(crate) channel: &'static str,
}

/// How the holder of a session presents it.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "documents a closed set of names")]
pub(crate) enum SessionChannel {
    /// A browser.
    Cookie,
    /// A script.
    Bearer,
}

/// How many sessions ended.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"ended": 2}))]
pub(crate) struct SessionsEnded {
    pub(crate) ended: u64,
}

/// Which sessions are to end.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"everywhere": false}))]
pub(crate) struct LogoutBody {
    /// Every session of the person, on all devices.
    #[serde(default)]
    #[schema(required = false)]
    pub(crate) everywhere: bool,
}
