//! All that is held of a person, as a document of a stable shape: fields are added, and never change their meaning under the
//! same `version`.

use serde::Serialize;
use utoipa::ToSchema;

use super::account_types::{AccountBody, ListedSession};
use super::address_types::Address;
use super::types::MethodName;

/// All that is held of the caller. Secrets are named in `secrets`, and their values are nowhere in it.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"version": 1, "exported_at": "2026-11-26T10:02:00Z", "id": "01KB0Q6Z4V8R3T5W7Y9A1C3E5G", "account": {"username": "ann", "name": null, "email": null, "emails": [], "phones": [], "groups": ["staff"], "created_at": "2026-01-05T08:00:00Z", "last_login_at": null, "mfa_enabled": true, "methods": ["password", "totp"], "locked": [], "backup_codes_left": 10, "passkeys": 0, "totp_name": null}, "secrets": ["password_hash", "totp_secret", "backup_code_digests"], "totp": {"name": null, "created_at": "2026-01-05T08:00:00Z", "last_used_at": "2026-11-26T09:30:00Z"}, "passkeys": [], "addresses": [], "sessions": [], "browsers": [], "risk": null, "activity": [], "activity_is_whole": true, "waiting": {"address": null, "app": false, "letters": [], "recovery": null, "recovery_code_until": null, "enrolment_code_until": null}, "origin": "operator", "wrong_codes": [{"method": "totp", "count": 1}], "of_a_moment": ["ceremony", "form"]}))]
pub(crate) struct ExportBody {
    /// Of the shape of this document.
    pub(crate) version: u32,
    /// RFC 3339, as all moments in it.
    #[schema(format = DateTime)]
    pub(crate) exported_at: String,
    /// Names the account for good.
    pub(crate) id: String,
    pub(crate) account: AccountBody,
    /// What is kept that somebody could sign in with, by its name alone.
    #[schema(value_type = Vec<String>)]
    pub(crate) secrets: Vec<&'static str>,
    /// The authenticator app.
    pub(crate) totp: Option<ExportedApp>,
    pub(crate) passkeys: Vec<ExportedPasskey>,
    pub(crate) addresses: Vec<Address>,
    pub(crate) sessions: Vec<ListedSession>,
    pub(crate) browsers: Vec<ExportedBrowser>,
    /// What is usual for the person, as far as it is kept.
    pub(crate) risk: Option<ExportedRisk>,
    /// What happened, the newest first.
    pub(crate) activity: Vec<ExportedEvent>,
    /// Whether `activity` is all that is kept.
    pub(crate) activity_is_whole: bool,
    pub(crate) waiting: ExportedWaiting,
    /// How the account came to be: `operator`, `sign_up` or `invitation`.
    pub(crate) origin: String,
    /// Wrong codes that are remembered, of each factor.
    pub(crate) wrong_codes: Vec<ExportedWrongCodes>,
    /// Kinds of values that may be held for minutes or hours, sealed, under names that only their owner's browser or letter knows:
    /// nobody can list them.
    #[schema(value_type = Vec<String>)]
    pub(crate) of_a_moment: Vec<&'static str>,
}

/// Wrong codes of one factor.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExportedWrongCodes {
    #[schema(value_type = MethodName)]
    pub(crate) method: &'static str,
    pub(crate) count: u32,
}

/// A recovery that waits.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExportedRecovery {
    #[schema(format = DateTime)]
    pub(crate) begun_at: String,
    #[schema(format = DateTime)]
    pub(crate) ready_at: String,
    #[schema(format = DateTime)]
    pub(crate) ends_at: String,
}

/// An authenticator app.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExportedApp {
    /// What its person calls it.
    pub(crate) name: Option<String>,
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
    #[schema(format = DateTime)]
    pub(crate) last_used_at: Option<String>,
}

/// A passkey or a security key.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExportedPasskey {
    pub(crate) id: String,
    pub(crate) name: String,
    /// Where it may be used.
    pub(crate) rp_id: String,
    /// What names it to browsers (base64url). No secret.
    pub(crate) credential_id: String,
    /// The model, as it says or as it is attested.
    pub(crate) aaguid: String,
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
    #[schema(format = DateTime)]
    pub(crate) last_used_at: Option<String>,
}

/// A browser that signed in.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExportedBrowser {
    #[schema(value_type = Option<String>)]
    pub(crate) browser: Option<&'static str>,
    #[schema(value_type = Option<String>)]
    pub(crate) system: Option<&'static str>,
    /// The earliest of its sign-ins that is remembered.
    #[schema(format = DateTime)]
    pub(crate) first_at: String,
    #[schema(format = DateTime)]
    pub(crate) last_at: String,
    /// From where it signed in last.
    pub(crate) client_ip: String,
    pub(crate) country: Option<String>,
}

/// What is usual for a person: counts under keyed hashes of what was seen.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExportedRisk {
    pub(crate) sign_ins: u32,
    #[schema(format = DateTime)]
    pub(crate) last_at: Option<String>,
    /// Since when the person counts as unusual until an operator clears it.
    #[schema(format = DateTime)]
    pub(crate) pinned_since: Option<String>,
    pub(crate) counts: Vec<ExportedCount>,
}

/// One count of what is usual.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExportedCount {
    /// What it counts.
    #[schema(value_type = String)]
    pub(crate) of: &'static str,
    /// Stands for what was seen, which nobody can read from it (hexadecimal); none for a sum.
    pub(crate) hash: Option<String>,
    /// How many sign-ins it is worth.
    pub(crate) weight: f32,
}

/// Something that happened.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExportedEvent {
    #[schema(format = DateTime)]
    pub(crate) at: String,
    /// As the audit trail names it.
    #[schema(value_type = String)]
    pub(crate) event: &'static str,
    #[schema(value_type = Option<MethodName>)]
    pub(crate) method: Option<&'static str>,
    pub(crate) client_ip: Option<String>,
    #[schema(value_type = Option<String>)]
    pub(crate) browser: Option<&'static str>,
    #[schema(value_type = Option<String>)]
    pub(crate) system: Option<&'static str>,
    /// The id of the session concerned.
    pub(crate) session: Option<String>,
}

/// What waits in the session that asks.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExportedWaiting {
    /// An address that waits for its code.
    pub(crate) address: Option<String>,
    /// Whether an authenticator app waits for its first code.
    pub(crate) app: bool,
    /// What the letters are that wait to be sent.
    #[schema(value_type = Vec<String>)]
    pub(crate) letters: Vec<&'static str>,
    pub(crate) recovery: Option<ExportedRecovery>,
    /// Until when a code of an administrator is good that lets the person recover.
    #[schema(format = DateTime)]
    pub(crate) recovery_code_until: Option<String>,
    /// The same of a code that lets them set up a first factor.
    #[schema(format = DateTime)]
    pub(crate) enrolment_code_until: Option<String>,
}

/// What happened, in sentences, the newest first.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"activity": [{"at": "2026-11-26T09:30:00Z", "event": "session_opened", "text": "Signed in.", "method": null, "client_ip": "192.0.2.7", "country": null, "browser": "Firefox", "system": "Linux", "session": "01KB0Q6Z4V8R3T5W7Y9A1C3E5G"}], "next": "1790000000000.1"}))]
pub(crate) struct ActivityList {
    pub(crate) activity: Vec<ListedEvent>,
    /// What `before` is for the page after this one; none where there is no more.
    pub(crate) next: Option<String>,
}

/// Something that happened.
#[derive(Serialize, ToSchema)]
pub(crate) struct ListedEvent {
    #[schema(format = DateTime)]
    pub(crate) at: String,
    /// Stable, for programs.
    #[schema(value_type = String)]
    pub(crate) event: &'static str,
    /// A sentence for people.
    pub(crate) text: String,
    #[schema(value_type = Option<MethodName>)]
    pub(crate) method: Option<&'static str>,
    /// From where; none for what was done on the machine of the gateway.
    pub(crate) client_ip: Option<String>,
    /// Two letters (ISO 3166-1), where the gateway knows.
    pub(crate) country: Option<String>,
    #[schema(value_type = Option<String>)]
    pub(crate) browser: Option<&'static str>,
    #[schema(value_type = Option<String>)]
    pub(crate) system: Option<&'static str>,
    /// The id of the session concerned.
    pub(crate) session: Option<String>,
}
