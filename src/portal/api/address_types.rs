//! What the calls about sent codes and addresses take and give.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::types::SecretField;

/// How an address is reached.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "documents a closed set of names")]
pub(crate) enum ChannelName {
    /// By mail.
    Email,
    /// By text message.
    Sms,
}

/// Asks for a code.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"channel": "email", "ceremony": "sgc_kJ0Zr1y0Qm0n3hD3V1xw0p8S7n2C5q4Lr9T6u1E8aXo"}))]
pub(crate) struct CodeBody {
    /// Where it is to go.
    #[schema(value_type = ChannelName)]
    pub(crate) channel: String,
    /// In place of a session: the ceremony of a login that answered `second_factor_required`, or `enrollment_required` where that
    /// asks for a mailed code first.
    #[schema(value_type = Option<String>)]
    pub(crate) ceremony: Option<SecretField>,
}

/// A code is on its way, if there is somebody to send it to and not too many were asked for: told alike.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"expires_in": 300, "sent_to": "a•••@e•••.com"}))]
pub(crate) struct CodeSent {
    /// Seconds for which it is good.
    pub(crate) expires_in: u64,
    /// The address, masked.
    pub(crate) sent_to: String,
}

/// An address that is the caller's.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"channel": "sms", "address": "+12025550112"}))]
pub(crate) struct AddressBody {
    /// How it is reached.
    #[schema(value_type = ChannelName)]
    pub(crate) channel: String,
    /// The mail address, or the phone number in international form.
    pub(crate) address: String,
}

/// The code that was sent to the address.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"code": "123456"}))]
pub(crate) struct AddressCodeBody {
    /// The code.
    #[schema(value_type = String)]
    pub(crate) code: SecretField,
    /// Whether the other sessions of the person go on. Default: they end.
    #[serde(default)]
    #[schema(required = false)]
    pub(crate) keep_sessions: bool,
}

/// A name for a passkey, an address or an authenticator app.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"name": "Work"}))]
pub(crate) struct NameBody {
    /// 1 to 64 characters.
    pub(crate) name: String,
}

/// A confirmed address.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "01KB0Q6Z4V8R3T5W7Y9A1C3E5G", "channel": "email", "address": "ann@example.com", "name": "Work", "confirmed_at": "2026-11-26T09:30:00Z"}))]
pub(crate) struct Address {
    /// Names it.
    pub(crate) id: String,
    /// How it is reached.
    #[schema(value_type = ChannelName)]
    pub(crate) channel: &'static str,
    /// The mail address, or the number (E.164).
    pub(crate) address: String,
    /// What its person calls it.
    pub(crate) name: Option<String>,
    /// Since when it counts (RFC 3339).
    #[schema(format = DateTime)]
    pub(crate) confirmed_at: String,
}

/// The confirmed addresses, newest first. Codes go to the newest of a channel.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"addresses": [{"id": "01KB0Q6Z4V8R3T5W7Y9A1C3E5G", "channel": "sms", "address": "+12025550112", "name": null, "confirmed_at": "2026-11-26T09:30:00Z"}]}))]
pub(crate) struct AddressList {
    pub(crate) addresses: Vec<Address>,
}
