//! Problems of machines: `application/problem+json` (RFC 9457) with a stable `code`.

use http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

use crate::auth::proof::decision::RuleSummary;
use crate::portal::format;
use crate::portal::messages::text;
use crate::portal::reply::Reply;
use crate::portal::request_info::RequestInfo;

/// A problem on its way out.
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    title: String,
    more: Map<String, Value>,
    challenge: Option<String>,
    retry_after: Option<std::time::Duration>,
    kind: &'static str,
}

impl Problem {
    /// A problem with a stable code and a title for people.
    pub(crate) fn new(status: StatusCode, code: &'static str, title: impl Into<String>) -> Self {
        Self { status, code, title: title.into(), more: Map::new(), challenge: None, retry_after: None, kind: "api" }
    }

    /// 400: the body or a parameter has not the documented shape.
    pub(crate) fn malformed(title: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed_request", title)
    }

    /// 401: no live session.
    pub(crate) fn not_signed_in(info: &RequestInfo) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "not_signed_in", text!("problem-not-signed-in-title"))
            .with("detail", text!("problem-not-signed-in"))
            .asking_for_a_token(info)
    }

    /// Adds what asks for a bearer token. One that counts for nothing is told so (RFC 6750 §3.1); who sent none is told
    /// no error.
    pub(crate) fn asking_for_a_token(self, info: &RequestInfo) -> Self {
        let asked = format!("Bearer realm=\"{}\"", info.host);
        let bearer = |value: &HeaderValue| value.as_bytes().get(..6).is_some_and(|s| s.eq_ignore_ascii_case(b"bearer"));
        if info.headers.get_all(AUTHORIZATION).iter().any(bearer) {
            return self.with("error", "invalid_token").challenged(format!("{asked}, error=\"invalid_token\""));
        }
        self.challenged(asked)
    }

    /// 429: too many attempts.
    pub(crate) fn too_many(wait: std::time::Duration) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", text!("problem-too-many-attempts-title"))
            .with("detail", text!("problem-too-many-attempts"))
            .with("retry_after", format::wait_seconds(wait))
            .retry(wait)
    }

    /// Adds what tells of a rule.
    pub(crate) fn by_rule(self, rule: RuleSummary<'_>) -> Self {
        let texts = [("explanation", rule.explanation), ("remediation", rule.remediation)];
        let texts = texts.into_iter().filter_map(|(name, text)| Some((name, text?)));
        texts.fold(self.with("rule", rule.name), |problem, (name, text)| problem.with(name, text))
    }

    /// Adds an extension member.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// Adds `Retry-After`.
    pub(crate) const fn retry(mut self, wait: std::time::Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Adds `WWW-Authenticate`.
    pub(crate) fn challenged(mut self, challenge: String) -> Self {
        self.challenge = Some(challenge);
        self
    }

    /// Another `X-Stepgate-Response`.
    pub(crate) const fn kind(mut self, kind: &'static str) -> Self {
        self.kind = kind;
        self
    }

    pub(crate) fn reply(self, info: &RequestInfo) -> Reply {
        let mut body = json!({
            "type": "about:blank",
            "title": self.title,
            "status": self.status.as_u16(),
            "code": self.code,
            "request_id": info.request_id,
        });
        if let Some(members) = body.as_object_mut() {
            members.extend(self.more);
        }
        let mut reply = Reply::new(self.status, self.kind, "application/problem+json", body.to_string());
        let headers = reply.headers_mut();
        if let Some(challenge) = self.challenge.and_then(|c| HeaderValue::from_str(&c).ok()) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if let Some(wait) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(format::wait_seconds(wait)));
        }
        reply
    }
}
