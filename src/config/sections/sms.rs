//! `sms`: what sends text messages, and to which countries.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::auth::address::phone_number::Country;
use crate::auth::secret::SecretText;
use crate::config::sections::checker::Checker;
use crate::config::sections::one_or::{Detailed, OffOr};
use crate::config::sections::scalars::{HiddenText, Url};
use crate::config::yaml::{Span, Spanned};
use crate::notify::settings::{
    BodyTemplate, SmsSettings, TwilioSender, TwilioSettings, UrlTemplate, WebhookMethod, WebhookSettings, service_url,
};

/// What sends text messages: one of `twilio` and `webhook`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SmsOptions {
    /// An account at Twilio, or at whoever speaks its API.
    twilio: Option<Spanned<TwilioOptions>>,
    /// An address that takes text messages by HTTP.
    webhook: Option<Spanned<WebhookOptions>>,
    /// Of which countries numbers may be sent text messages, as [US, DE]. Default: of none.
    countries: Option<Spanned<Vec<Spanned<String>>>>,
}

/// An account at Twilio, or at whoever speaks its API.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TwilioOptions {
    /// The SID of the account.
    account_sid: Option<Spanned<String>>,
    /// Its token.
    auth_token: Option<Spanned<HiddenText>>,
    /// A file that holds the token.
    auth_token_file: Option<Spanned<String>>,
    /// The number that messages are from.
    from: Option<Spanned<String>>,
    /// In place of `from`: a messaging service, which chooses the number.
    messaging_service_sid: Option<Spanned<String>>,
    /// Where the API is. Default: https://api.twilio.com.
    base_url: Option<Url>,
}

/// An address that takes text messages by HTTP. `{to}` stands for the number, `{text}` for the message.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WebhookOptions {
    /// https://…; both values may stand in its path and its query.
    url: Option<Url>,
    /// POST, PUT or PATCH. Default: POST.
    method: Option<Spanned<String>>,
    /// Header fields.
    headers: Option<BTreeMap<Spanned<String>, Spanned<HiddenText>>>,
    /// The body, JSON with both values in its strings.
    body: Option<Spanned<HiddenText>>,
    /// In place of `body`: the fields of a form.
    form: Option<Spanned<BTreeMap<String, HiddenText>>>,
    /// What signs the body: `X-Stepgate-Signature: sha256=…` (HMAC-SHA-256, hex).
    secret: Option<Spanned<HiddenText>>,
    /// A file that holds that secret.
    secret_file: Option<Spanned<String>>,
}

impl Detailed for SmsOptions {
    const EXPECTED: &'static str = "`off` or a mapping, as `sms: { twilio: { … }, countries: [US] }`";
    const SCHEMA: &'static str = "SmsSection";
}

const EITHER: &str = "write `twilio: { … }` or `webhook: { … }`";

pub(crate) fn validate(
    options: Option<Spanned<OffOr<SmsOptions>>>,
    cx: &mut Checker,
) -> (Option<SmsSettings>, Vec<Country>) {
    let Some(Spanned { value, at }) = options else { return (None, Vec::new()) };
    let Some(SmsOptions { twilio, webhook, countries }) = value.on() else { return (None, Vec::new()) };
    if twilio.is_none() && webhook.is_none() && countries.is_none() {
        // `{}` means off, as everywhere, unless what stood there was wrong, which is told already.
        return (None, Vec::new());
    }
    let none = countries.as_ref().is_none_or(|given| given.value.is_empty() && !cx.has_removed_items(given.at));
    if none && !cx.was_removed(at, "countries") {
        let fix = "add `countries: [US, DE]`, the countries in which the people live";
        cx.warn(at, "`countries` is empty: no number may be sent a text message", fix);
    }
    let settings = match (twilio, webhook) {
        (Some(_), Some(webhook)) => {
            cx.error(webhook.at, "`twilio` and `webhook` are both given", "keep one of them");
            None
        }
        (Some(given), None) => twilio_settings(given, cx).map(SmsSettings::Twilio),
        (None, Some(given)) => webhook_settings(given, cx).map(SmsSettings::Webhook),
        (None, None) => {
            if !cx.was_removed(at, "twilio") && !cx.was_removed(at, "webhook") {
                cx.error(at, "nothing here sends text messages", EITHER);
            }
            None
        }
    };
    let countries = countries.map(|given| self::countries(given, cx));
    (settings, countries.unwrap_or_default())
}

fn countries(given: Spanned<Vec<Spanned<String>>>, cx: &mut Checker) -> Vec<Country> {
    let mut countries = Vec::new();
    for letters in given.value {
        match Country::parse(&letters.value) {
            Some(country) if countries.contains(&country) => {
                cx.warn(letters.at, "this country stands here already", "leave it out");
            }
            Some(country) => countries.push(country),
            None => {
                let fix = "write its two letters (ISO 3166-1) as capitals, as US, DE or GB";
                cx.error(letters.at, "this is no country with phone numbers of its own", fix);
            }
        }
    }
    countries
}

/// Letters and digits, as they stand in a path.
fn is_sid(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

fn sid(given: Spanned<String>, cx: &mut Checker) -> Option<String> {
    if is_sid(&given.value) {
        return Some(given.value);
    }
    cx.error(given.at, "not a SID", "copy it from the provider's console: letters and digits alone");
    None
}

fn twilio_settings(given: Spanned<TwilioOptions>, cx: &mut Checker) -> Option<TwilioSettings> {
    let Spanned { value: options, at } = given;
    let account = cx.need(options.account_sid, at, "account_sid", "copy it from the provider's console");
    let account_sid = account.and_then(|account| sid(account, cx));
    let named = options.auth_token.is_some() || options.auth_token_file.is_some();
    let token = cx.secret(options.auth_token, options.auth_token_file, "auth_token");
    if !named && !cx.was_removed(at, "auth_token_file") {
        cx.need::<()>(None, at, "auth_token", "better: `auth_token_file: …`");
    }
    let from = match (options.from, options.messaging_service_sid) {
        (Some(_), Some(service)) => {
            cx.error(service.at, "`from` and `messaging_service_sid` are both given", "keep one of them");
            None
        }
        (None, Some(service)) => sid(service, cx).map(TwilioSender::Service),
        (given, None) => {
            let fix = "add `from: \"+15550100\"`, a number of the account, or `messaging_service_sid: …`";
            cx.need(given, at, "from", fix).and_then(|from| sender(from, cx))
        }
    };
    let base_url = match options.base_url {
        None => Some("https://api.twilio.com".to_owned()),
        Some(url) => service_url(url.value.0.expose()).map_err(|(why, fix)| cx.error(url.at, why, fix)).ok(),
    };
    Some(TwilioSettings { base_url: base_url?, account_sid: account_sid?, auth_token: token?.value, from: from? })
}

/// A number, a short code, or a name of letters and digits.
fn sender(from: Spanned<String>, cx: &mut Checker) -> Option<TwilioSender> {
    let text = from.value.as_str();
    let number = text.strip_prefix('+').unwrap_or(text);
    let digits = (3..=15).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    let name = (1..=11).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b' ');
    if digits || name {
        return Some(TwilioSender::From(from.value));
    }
    let fix = "write \"+15550100\", a short code, or a name of at most 11 letters and digits";
    cx.error(from.at, "no text message can be from this", fix);
    None
}

fn webhook_settings(given: Spanned<WebhookOptions>, cx: &mut Checker) -> Option<WebhookSettings> {
    let Spanned { value: options, at } = given;
    let url = cx.need(options.url, at, "url", "add the address that takes text messages");
    let url = url
        .and_then(|url| UrlTemplate::parse(url.value.0.expose()).map_err(|(why, fix)| cx.error(url.at, why, fix)).ok());
    let method = match options.method {
        None => Some(WebhookMethod::Post),
        Some(method) => self::method(&method, cx),
    };
    let headers = options.headers.unwrap_or_default();
    let headers = headers.into_iter().filter_map(|(name, value)| header(name, value, cx)).collect();
    let body = body(options.body, options.form, at, cx);
    let secret = cx.secret(options.secret, options.secret_file, "secret").map(|secret| secret.value);
    Some(WebhookSettings { method: method?, url: url?, headers, body: body?, secret })
}

fn method(given: &Spanned<String>, cx: &mut Checker) -> Option<WebhookMethod> {
    match given.value.as_str() {
        "POST" => Some(WebhookMethod::Post),
        "PUT" => Some(WebhookMethod::Put),
        "PATCH" => Some(WebhookMethod::Patch),
        _ => {
            cx.error(given.at, "not a method with a body", "write POST, PUT or PATCH");
            None
        }
    }
}

/// Header fields that say how the body is to be read, or are ours.
const TAKEN: [&str; 6] =
    ["content-type", "content-length", "transfer-encoding", "host", "x-stepgate-signature", "idempotency-key"];

fn header(name: Spanned<String>, value: Spanned<HiddenText>, cx: &mut Checker) -> Option<(String, SecretText)> {
    let lower = name.value.to_ascii_lowercase();
    if lower.is_empty() || lower.len() > 64 || !lower.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)) {
        cx.error(name.at, "not a header name", "letters, digits and `-`, as X-Api-Key");
        return None;
    }
    if TAKEN.contains(&lower.as_str()) {
        cx.error(name.at, "this header is set by Stepgate", "leave it out");
        return None;
    }
    let value = cx.secret_item(value)?;
    if value.value.expose().contains(['{', '}']) || !value.value.expose().bytes().all(|b| (0x20..0x7f).contains(&b)) {
        let fix = "write visible ASCII; `{to}` and `{text}` belong into the body";
        cx.error(value.at, "this cannot be sent in a header", fix);
        return None;
    }
    Some((lower, value.value))
}

fn body(
    body: Option<Spanned<HiddenText>>,
    form: Option<Spanned<BTreeMap<String, HiddenText>>>,
    at: Span,
    cx: &mut Checker,
) -> Option<BodyTemplate> {
    let (made, at) = match (body, form) {
        (Some(_), Some(form)) => {
            cx.error(form.at, "`body` and `form` are both given", "keep one of them");
            return None;
        }
        (Some(body), None) => (BodyTemplate::json(body.value.0.expose()), body.at),
        (None, Some(form)) => {
            let fields = form.value.into_iter().map(|(name, value)| (name, value.0.expose().to_owned()));
            (BodyTemplate::form(fields.collect()), form.at)
        }
        (None, None) => {
            let fix =
                "add `body: '{\"to\":\"{to}\",\"text\":\"{text}\"}'`, or `form: { to: \"{to}\", text: \"{text}\" }`";
            if !cx.was_removed(at, "form") {
                cx.need::<()>(None, at, "body", fix);
            }
            return None;
        }
    };
    made.map_err(|(why, fix)| cx.error(at, why, fix)).ok()
}
