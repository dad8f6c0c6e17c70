//! Faults and limits as pages or problems, in words that help and blame nobody.

use std::time::Duration;

use http::header::{ALLOW, ORIGIN, RETRY_AFTER};
use http::{HeaderValue, StatusCode};

use super::client_kind::{challenge_kind, wants_html};
use super::grpc::grpc;
use super::headers::Framable;
use super::problem::Problem;
use super::problem_text;
use crate::auth::proof::challenge::{ChallengeKind, RuleHints};
use crate::portal::error::PortalError;
use crate::portal::format;
use crate::portal::pages::{Link, NoticePage};
use crate::portal::reply::{Reply, page};
use crate::portal::request_info::RequestInfo;
use crate::portal::state::PortalState;
use crate::portal::support_contact;

struct Wording {
    status: StatusCode,
    code: &'static str,
    heading: String,
    line: String,
    retry: Option<Duration>,
    /// The largest body, in bytes.
    limit: Option<u64>,
}

fn wording(fault: PortalError) -> Wording {
    let soon = Some(Duration::from_secs(5));
    let (status, code, heading, line, retry) = match fault {
        PortalError::BadRequest => {
            (400, "bad_request", "The request could not be read", "Check the address, or go back and try again.", None)
        }
        PortalError::OddAddress => (
            400,
            "bad_request",
            "This address is unusual",
            "Apps read addresses that are written like this in different ways, so it was not passed on.",
            None,
        ),
        PortalError::NotFound => (404, "not_found", "Page not found", "Check the address. Nothing is kept here.", None),
        PortalError::MethodNotAllowed(_) => (
            405,
            "method_not_allowed",
            "This address works in another way",
            "Go back and use the links of the page.",
            None,
        ),
        PortalError::TooSlow => {
            (408, "too_slow", "The request took too long", "Check your connection, then try again.", None)
        }
        PortalError::TooLarge { limit } => {
            let line = format!("The most that can be sent here is {}. Send less at once.", size(limit));
            return Wording {
                status: StatusCode::PAYLOAD_TOO_LARGE,
                code: "too_large",
                heading: "What you sent is too large".to_owned(),
                line,
                retry: None,
                limit: Some(limit),
            };
        }
        PortalError::Misdirected => (
            421,
            "misdirected",
            "This address is not served here",
            "Check the address. If it is right, load the page again in a new window.",
            None,
        ),
        PortalError::TooMany(wait) => {
            let line = format!("Wait {}, then try again.", format::wait(wait));
            return Wording {
                status: StatusCode::TOO_MANY_REQUESTS,
                code: "too_many_requests",
                heading: "Too many requests".to_owned(),
                line,
                retry: Some(wait),
                limit: None,
            };
        }
        PortalError::HeadersTooLarge => (
            431,
            "headers_too_large",
            "Your browser sent too much with this request",
            "Delete the cookies of this site, then try again.",
            None,
        ),
        PortalError::BadGateway => (
            502,
            "bad_gateway",
            "The app did not answer properly",
            "Your sign-in is not affected. Try again in a moment.",
            soon,
        ),
        PortalError::Unavailable => (
            503,
            "unavailable",
            "The sign-in service is not reachable",
            "Try again in a moment. Who is signed in stays signed in.",
            soon,
        ),
        PortalError::NoUpstream => {
            (503, "no_upstream", "The app is not running", "Your sign-in is not affected. Try again in a moment.", soon)
        }
        PortalError::GatewayTimeout => (
            504,
            "gateway_timeout",
            "The app did not answer in time",
            "Your sign-in is not affected. Try again in a moment.",
            soon,
        ),
    };
    Wording {
        status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        code,
        heading: heading.to_owned(),
        line: line.to_owned(),
        retry,
        limit: None,
    }
}

/// Tells a fault by the kind of request.
pub(crate) fn reply(state: &PortalState, info: &RequestInfo, fault: PortalError) -> Reply {
    let mut words = wording(fault);
    if fault == PortalError::OddAddress {
        let shell = state.theme.shell(&info.request_id);
        let whom = support_contact::whom(shell.support.as_ref());
        words.line.push_str(&format!(
            " If you typed it, check it. If you followed a link, tell {whom} which one, and the reference below."
        ));
    }
    let mut answer = worded(state, info, words);
    if let PortalError::MethodNotAllowed(allow) = fault {
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    }
    answer
}

/// 415: a body of a type that is not read here.
pub(crate) fn wrong_type(state: &PortalState, info: &RequestInfo) -> Reply {
    let heading = "This kind of content is not read here".to_owned();
    let line = "Send a form from our page, or JSON to the API.".to_owned();
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    worded(state, info, Wording { status, code: "unsupported_media_type", heading, line, retry: None, limit: None })
}

/// 403: a form or a call that another site made the browser send, or of which nobody can tell.
///
/// Browsers that send no `Sec-Fetch-Site`, which none does without https, send `Origin: null` from pages that pass on
/// no referrer, as ours do: to them it is not another site, and they are told what is.
pub(crate) fn cross_site(state: &PortalState, info: &RequestInfo) -> Reply {
    let untold =
        !info.headers.contains_key("sec-fetch-site") && info.headers.get(ORIGIN).is_some_and(|origin| origin == "null");
    let (heading, line) = match (untold, info.scheme) {
        (true, "http") => (
            "This address is not secure",
            format!("It begins with http://. Signing in works with https:// only. Open https://{} instead.", info.host),
        ),
        (true, _) => (
            "Your browser does not say where this form comes from",
            "Update it, or use another browser. Nothing was sent on.".to_owned(),
        ),
        _ => ("This request came from another site", "Open the page here yourself, then send it again.".to_owned()),
    };
    let heading = heading.to_owned();
    worded(
        state,
        info,
        Wording { status: StatusCode::FORBIDDEN, code: "cross_site", heading, line, retry: None, limit: None },
    )
}

fn worded(state: &PortalState, info: &RequestInfo, words: Wording) -> Reply {
    let how = challenge_kind(info, RuleHints::default());
    let api = info.target.starts_with("/.stepgate/api/");
    if how == ChallengeKind::Grpc {
        let status = if words.status.is_server_error() { 14 } else { 3 };
        return grpc(status, &words.heading);
    }
    if api || !wants_html(how) {
        let told = problem_text::title_and_detail(words.code);
        let (title, detail) = told.map_or((words.heading, words.line), |(t, d)| (t.to_owned(), d.to_owned()));
        let mut problem = Problem::new(words.status, words.code, title).with("detail", detail).kind("error");
        if let Some(limit) = words.limit {
            problem = problem.with("limit", limit);
        }
        if let Some(wait) = words.retry {
            problem = problem.retry(wait);
        }
        return problem.reply(info);
    }
    let links = if words.status.is_server_error() && info.method == http::Method::GET {
        vec![Link { href: String::new(), text: "Try again".to_owned(), target: None }]
    } else if words.status == StatusCode::NOT_FOUND {
        vec![Link::to("/", "Go to the start page")]
    } else {
        Vec::new()
    };
    let shell = state.theme.shell(&info.request_id);
    let notice = NoticePage { lines: vec![words.line], links, ..NoticePage::new(&shell, words.heading) };
    let mut answer = page(words.status, "error", &notice);
    if let Some(wait) = words.retry {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(format::wait_seconds(wait)));
    }
    if how == ChallengeKind::Frame {
        answer.extensions_mut().insert(Framable);
    }
    answer
}

fn size(bytes: u64) -> String {
    match bytes {
        0..=9_999 => format!("{bytes} bytes"),
        10_000..=1_048_575 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes / 1_048_576),
    }
}
