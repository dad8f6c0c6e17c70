//! What an operator may set about letters.

use std::sync::Arc;

use super::kept::KeptLetters;
pub use super::mail::mailbox::Sender;
pub use super::sms::template::{BodyTemplate, UrlTemplate, is_loopback, service_url};
use crate::auth::secret::SecretText;

/// How letters go out.
#[derive(Clone, Default)]
pub struct NotifySettings {
    /// The name of the service, which stands first in every letter. Default: Stepgate.
    pub name: Option<String>,
    pub mail: Option<MailSettings>,
    pub sms: Option<SmsSettings>,
    /// Keeps letters instead of sending them.
    pub kept: Option<Arc<KeptLetters>>,
}

/// A mail server.
#[derive(Clone)]
pub struct MailSettings {
    pub host: String,
    pub port: u16,
    pub encryption: Encryption,
    /// User name and password.
    pub credentials: Option<(String, SecretText)>,
    /// Authorities to trust in place of the system's, PEM.
    pub authorities: Option<Vec<u8>>,
    pub from: Sender,
}

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// From the first byte (RFC 8314).
    Tls,
    /// By STARTTLS (RFC 3207); a server that does not offer it gets nothing.
    StartTls,
    /// Not at all: to the loopback only.
    None,
}

/// What sends text messages.
#[derive(Clone)]
pub enum SmsSettings {
    Twilio(TwilioSettings),
    Webhook(WebhookSettings),
}

/// An account at Twilio, or at whoever speaks its API.
#[derive(Clone)]
pub struct TwilioSettings {
    /// Without a slash at the end. Default: `https://api.twilio.com`.
    pub base_url: String,
    pub account_sid: String,
    pub auth_token: SecretText,
    pub from: TwilioSender,
}

/// Who a text message is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TwilioSender {
    /// A number, or a name where the country allows one.
    From(String),
    /// A messaging service, which chooses the number.
    Service(String),
}

/// An address that takes text messages by HTTP.
#[derive(Clone)]
pub struct WebhookSettings {
    pub method: WebhookMethod,
    pub url: UrlTemplate,
    pub headers: Vec<(String, SecretText)>,
    pub body: BodyTemplate,
    /// What signs the body (HMAC-SHA-256).
    pub secret: Option<SecretText>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookMethod {
    Post,
    Put,
    Patch,
}
