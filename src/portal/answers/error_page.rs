//! Errors as pages or problems, in sentences that help and blame nobody.

use std::time::Duration;

use http::header::{ALLOW, ORIGIN, RETRY_AFTER};
use http::{HeaderValue, StatusCode};

use super::client_kind::{challenge_kind, wants_html};
use super::cors::readable_as_guarded;
use super::grpc::grpc;
use super::problem::Problem;
use crate::auth::proof::challenge::{ChallengeKind, RuleHints};
use crate::portal::error::PortalError;
use crate::portal::format;
use crate::portal::messages::text;
use crate::portal::pages::{Link, NoticePage, Shell};
use crate::portal::reply::{Reply, page};
use crate::portal::request_info::RequestInfo;
use crate::portal::state::PortalState;
use crate::portal::support_contact;

/// Answers an error, by the kind of request.
pub(crate) fn reply(state: &PortalState, info: &RequestInfo, error: PortalError) -> Reply {
    let mut answer = by_kind(state, info, error);
    if let PortalError::MethodNotAllowed(allow) = error {
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    }
    readable_as_guarded(&mut answer, state, info);
    answer
}

fn by_kind(state: &PortalState, info: &RequestInfo, error: PortalError) -> Reply {
    let (status, code) = (status_of(error), status_and_code(error).1);
    let how = challenge_kind(info, RuleHints::default());
    let api = info.target.starts_with("/.stepgate/api/");
    let shell = state.theme.shell(&info.request_id);
    if how == ChallengeKind::Grpc {
        let (heading, _) = for_people(error, info, &shell);
        return grpc(info, if status.is_server_error() { 14 } else { 3 }, &heading);
    }
    if api || !wants_html(how) {
        let (title, detail) = for_scripts(error);
        let mut problem = Problem::new(status, code, title).with("detail", detail).kind("error");
        if let PortalError::TooLarge { limit } = error {
            problem = problem.with("limit", limit);
        }
        if let Some(wait) = retry_after(error) {
            problem = problem.retry(wait);
        }
        return problem.reply(info);
    }
    let links = if status.is_server_error() && info.method == http::Method::GET {
        vec![Link { href: String::new(), text: text!("action-try-again"), target: None }]
    } else if status == StatusCode::NOT_FOUND {
        vec![Link::to("/", text!("action-start-page"))]
    } else {
        Vec::new()
    };
    let (heading, line) = for_people(error, info, &shell);
    let notice = NoticePage { lines: vec![line], links, ..NoticePage::new(&shell, heading) };
    let mut answer = page(status, "error", &notice);
    if let Some(wait) = retry_after(error) {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(format::wait_seconds(wait)));
    }
    if how == ChallengeKind::Frame { answer.framable() } else { answer }
}

/// The status that tells an error.
pub(super) fn status_of(error: PortalError) -> StatusCode {
    StatusCode::from_u16(status_and_code(error).0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

const fn status_and_code(error: PortalError) -> (u16, &'static str) {
    match error {
        PortalError::BadRequest | PortalError::OddAddress => (400, "bad_request"),
        PortalError::CrossSite => (403, "cross_site"),
        PortalError::NotFound => (404, "not_found"),
        PortalError::MethodNotAllowed(_) => (405, "method_not_allowed"),
        PortalError::TooSlow => (408, "too_slow"),
        PortalError::LengthRequired => (411, "length_required"),
        PortalError::TooLarge { .. } => (413, "too_large"),
        PortalError::UnsupportedMediaType => (415, "unsupported_media_type"),
        PortalError::AlteredContent => (415, "altered_content"),
        PortalError::Misdirected => (421, "misdirected"),
        PortalError::TooMany(_) => (429, "too_many_requests"),
        PortalError::HeadersTooLarge => (431, "headers_too_large"),
        PortalError::BadGateway => (502, "bad_gateway"),
        PortalError::Unavailable => (503, "unavailable"),
        PortalError::NoUpstream => (503, "no_upstream"),
        PortalError::GatewayTimeout => (504, "gateway_timeout"),
    }
}

const fn retry_after(error: PortalError) -> Option<Duration> {
    match error {
        PortalError::TooMany(wait) => Some(wait),
        PortalError::BadGateway | PortalError::Unavailable | PortalError::NoUpstream | PortalError::GatewayTimeout => {
            Some(Duration::from_secs(5))
        }
        _ => None,
    }
}

/// The heading and the line of a page.
fn for_people(error: PortalError, info: &RequestInfo, shell: &Shell) -> (String, String) {
    match error {
        PortalError::BadRequest => (text!("fault-bad-request-title"), text!("fault-bad-request")),
        PortalError::OddAddress => {
            let whom = support_contact::whom(shell.support.as_ref());
            (text!("fault-odd-address-title"), text!("fault-odd-address", support = whom))
        }
        PortalError::CrossSite => from_elsewhere(info),
        PortalError::NotFound => (text!("fault-not-found-title"), text!("fault-not-found")),
        PortalError::MethodNotAllowed(_) => (text!("fault-method-title"), text!("fault-method")),
        PortalError::TooSlow => (text!("fault-too-slow-title"), text!("fault-too-slow")),
        PortalError::TooLarge { limit } => {
            (text!("fault-too-large-title"), text!("fault-too-large", size = format::size(limit)))
        }
        PortalError::LengthRequired => (text!("fault-length-title"), text!("fault-length")),
        PortalError::UnsupportedMediaType => (text!("fault-media-type-title"), text!("fault-media-type")),
        PortalError::AlteredContent => (text!("fault-altered-content-title"), text!("fault-altered-content")),
        PortalError::Misdirected => (text!("fault-misdirected-title"), text!("fault-misdirected")),
        PortalError::TooMany(wait) => {
            (text!("fault-too-many-title"), text!("fault-too-many", duration = format::wait(wait)))
        }
        PortalError::HeadersTooLarge => (text!("fault-headers-title"), text!("fault-headers")),
        PortalError::BadGateway => (text!("fault-bad-gateway-title"), text!("fault-bad-gateway")),
        PortalError::Unavailable => (text!("fault-unavailable-title"), text!("fault-unavailable")),
        PortalError::NoUpstream => (text!("fault-no-upstream-title"), text!("fault-no-upstream")),
        PortalError::GatewayTimeout => (text!("fault-gateway-timeout-title"), text!("fault-gateway-timeout")),
    }
}

/// Browsers that send no `Sec-Fetch-Site`, which none does without https, send `Origin: null` from pages that pass on
/// no referrer, as ours do: to them it is not another site, and they are told what is.
fn from_elsewhere(info: &RequestInfo) -> (String, String) {
    let unknown =
        !info.headers.contains_key("sec-fetch-site") && info.headers.get(ORIGIN).is_some_and(|origin| origin == "null");
    match (unknown, info.scheme) {
        (true, "http") => (text!("fault-insecure-title"), text!("fault-insecure", host = &info.host)),
        (true, _) => (text!("fault-no-origin-title"), text!("fault-no-origin")),
        _ => (text!("fault-cross-site-title"), text!("fault-cross-site")),
    }
}

/// The title and the detail of a problem.
fn for_scripts(error: PortalError) -> (String, String) {
    match error {
        PortalError::BadRequest | PortalError::OddAddress => {
            (text!("problem-bad-request-title"), text!("problem-bad-request"))
        }
        PortalError::CrossSite => (text!("problem-cross-site-title"), text!("problem-cross-site")),
        PortalError::NotFound => (text!("problem-not-found-title"), text!("problem-not-found")),
        PortalError::MethodNotAllowed(_) => (text!("problem-method-title"), text!("problem-method")),
        PortalError::TooSlow => (text!("problem-too-slow-title"), text!("problem-too-slow")),
        PortalError::TooLarge { .. } => (text!("problem-too-large-title"), text!("problem-too-large")),
        PortalError::LengthRequired => (text!("problem-length-title"), text!("problem-length")),
        PortalError::UnsupportedMediaType => (text!("problem-media-type-title"), text!("problem-media-type")),
        PortalError::AlteredContent => (text!("problem-altered-content-title"), text!("problem-altered-content")),
        PortalError::Misdirected => (text!("problem-misdirected-title"), text!("problem-misdirected")),
        PortalError::TooMany(_) => (text!("problem-too-many-title"), text!("problem-too-many")),
        PortalError::HeadersTooLarge => (text!("problem-headers-title"), text!("problem-headers")),
        PortalError::BadGateway => (text!("problem-bad-gateway-title"), text!("problem-bad-gateway")),
        PortalError::Unavailable => (text!("problem-unavailable-title"), text!("problem-unavailable")),
        PortalError::NoUpstream => (text!("problem-no-upstream-title"), text!("problem-no-upstream")),
        PortalError::GatewayTimeout => (text!("problem-gateway-timeout-title"), text!("problem-gateway-timeout")),
    }
}
