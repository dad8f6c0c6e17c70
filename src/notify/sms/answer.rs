//! What an answer says of a letter.

use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderValue, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde::Deserialize;

use crate::auth::time::Timestamp;
use crate::flow::ports::Bounce;
use crate::notify::redaction::redacted;

/// As much as is read of an answer.
const MOST: usize = 16 << 10;

/// Seconds that outlast every letter.
const MANY: u64 = u32::MAX as u64;

/// What an API tells of a message that it refuses.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    code: Option<serde_json::Value>,
    message: Option<String>,
}

/// 2xx: sent. 408, 429 and 5xx: later, and not before the server says. Anything else: never.
pub(super) async fn judge(response: Response, to: &str, now: Timestamp) -> Result<(), Bounce> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let again =
        status.is_server_error() || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
    let after = response.headers().get(RETRY_AFTER).and_then(|value| retry_after(value, now));
    let cause = told(status, &read(response).await, to);
    Err(if again { Bounce::Later { cause, after } } else { Bounce::Never { cause } })
}

fn told(status: StatusCode, body: &[u8], to: &str) -> String {
    let refusal: Refusal = serde_json::from_slice(body).unwrap_or_default();
    let code = match refusal.code {
        Some(serde_json::Value::Number(code)) => format!(", code {code}"),
        Some(serde_json::Value::String(code)) => format!(", code {}", redacted(&code, to)),
        _ => String::new(),
    };
    let message = refusal.message.map(|message| format!(": {}", redacted(&message, to))).unwrap_or_default();
    format!("status {}{code}{message}", status.as_u16())
}

async fn read(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(piece)) = response.chunk().await {
        body.extend_from_slice(&piece);
        if body.len() > MOST {
            body.truncate(MOST);
            break;
        }
    }
    body
}

/// Seconds, or a moment (RFC 9110 §10.2.3).
fn retry_after(value: &HeaderValue, now: Timestamp) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(MANY)));
    }
    let at = httpdate::parse_http_date(text).ok()?;
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Some(Timestamp::from_secs(since.as_secs()).since(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_moment() {
        let now = Timestamp::from_secs(784_111_700);
        for (text, seconds) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(77)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(77)),
            ("Sun Nov  6 08:49:37 1994", Some(77)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("99999999999999999999999", Some(MANY)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            let value = HeaderValue::from_str(text).unwrap();
            assert_eq!(retry_after(&value, now), seconds.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn the_code_of_a_refusal_is_told_and_the_number_is_not() {
        let told = |body: &str| told(StatusCode::BAD_REQUEST, body.as_bytes(), "+15550100");
        let body = r#"{"code":21211,"message":"The 'To' number +15550100 is not a valid phone number.","status":400}"#;
        assert_eq!(told(body), "status 400, code 21211: The 'To' number … is not a valid phone number.");
        assert_eq!(told(r#"{"code":"bad_number"}"#), "status 400, code bad_number");
        for other in ["", "<html>", "[]", r#"{"code":{}}"#, r#"{"message":7}"#] {
            assert_eq!(told(other), "status 400", "{other}");
        }
    }
}
