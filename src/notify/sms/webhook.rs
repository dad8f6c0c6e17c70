//! An address of the operator's that takes text messages.

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Request};
use sha2::Sha256;

use super::cause_of;
use crate::auth::secret::SecretText;
use crate::notify::settings::{WebhookMethod, WebhookSettings};

/// The signature: `sha256=` and HMAC-SHA-256 over the body as it is sent, in hex.
const SIGNATURE: &str = "x-stepgate-signature";
/// The same for each copy of one letter.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

pub(super) fn request(
    http: &Client,
    settings: &WebhookSettings,
    id: &str,
    to: &str,
    text: &str,
) -> Result<Request, String> {
    let WebhookSettings { method, url, headers, body, secret } = settings;
    let method = match method {
        WebhookMethod::Post => Method::POST,
        WebhookMethod::Put => Method::PUT,
        WebhookMethod::Patch => Method::PATCH,
    };
    let body_text = body.fill(to, text);
    let mut fields = HeaderMap::new();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(body.content_type()));
    for (name, value) in headers {
        let name: HeaderName = name.parse().map_err(|_| "a header has no usable name".to_owned())?;
        fields.insert(name, field(value)?);
    }
    fields.insert(IDEMPOTENCY_KEY, HeaderValue::from_str(id).map_err(|_| "the id cannot be sent".to_owned())?);
    if let Some(secret) = secret {
        fields.insert(SIGNATURE, signature(secret, body_text.as_bytes())?);
    }
    let request = http.request(method, url.fill(to, text)).headers(fields).body(body_text);
    request.build().map_err(|e| cause_of(&e))
}

fn field(value: &SecretText) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(value.expose()).map_err(|_| "a header cannot be sent".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

fn signature(secret: &SecretText, body: &[u8]) -> Result<HeaderValue, String> {
    let mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).map_err(|e| e.to_string())?;
    let text = format!("sha256={}", HEXLOWER.encode(&mac.chain_update(body).finalize().into_bytes()));
    HeaderValue::from_str(&text).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231 §4.3.
    #[test]
    fn the_signature_is_that_of_rfc_4231() {
        let signed = signature(&SecretText::new("Jefe".to_owned()), b"what do ya want for nothing?").unwrap();
        let mac = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(signed.to_str().unwrap(), mac);
    }
}
