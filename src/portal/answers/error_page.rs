//! Faults and limits as pages or problems, in words that help and blame nobody.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, ORIGIN, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};

use super::answers::{Facts, Fault};
use super::base::Core;
use super::ctx::{Answered, page};
use super::headers::{Framable, Kind};
use super::pages::{Link, Notice};
use super::problem::Problem;
use super::telling::{telling, wants_page};
use super::{scripts, words};
use crate::auth::proof::challenge::ChallengeKind;

struct Wording {
    status: StatusCode,
    code: &'static str,
    heading: String,
    line: String,
    retry: Option<Duration>,
    /// The largest body, in bytes.
    limit: Option<u64>,
}

fn wording(fault: Fault) -> Wording {
    let soon = Some(Duration::from_secs(5));
    let (status, code, heading, line, retry) = match fault {
        Fault::BadRequest => {
            (400, "bad_request", "The request could not be read", "Check the address, or go back and try again.", None)
        }
        Fault::OddAddress => (
            400,
            "bad_request",
            "This address is unusual",
            "Apps read addresses that are written like this in different ways, so it was not passed on.",
            None,
        ),
        Fault::NotFound => (404, "not_found", "Page not found", "Check the address. Nothing is kept here.", None),
        Fault::MethodNotAllowed(_) => (
            405,
            "method_not_allowed",
            "This address works in another way",
            "Go back and use the links of the page.",
            None,
        ),
        Fault::TooSlow => {
            (408, "too_slow", "The request took too long", "Check your connection, then try again.", None)
        }
        Fault::TooLarge { limit } => {
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
        Fault::Misdirected => (
            421,
            "misdirected",
            "This address is not served here",
            "Check the address. If it is right, load the page again in a new window.",
            None,
        ),
        Fault::TooMany(wait) => {
            let line = format!("Wait {}, then try again.", words::wait(wait));
            return Wording {
                status: StatusCode::TOO_MANY_REQUESTS,
                code: "too_many_requests",
                heading: "Too many requests".to_owned(),
                line,
                retry: Some(wait),
                limit: None,
            };
        }
        Fault::HeadersTooLarge => (
            431,
            "headers_too_large",
            "Your browser sent too much with this request",
            "Delete the cookies of this site, then try again.",
            None,
        ),
        Fault::BadGateway => (
            502,
            "bad_gateway",
            "The app did not answer properly",
            "Your sign-in is not affected. Try again in a moment.",
            soon,
        ),
        Fault::Unavailable => (
            503,
            "unavailable",
            "The sign-in service is not reachable",
            "Try again in a moment. Who is signed in stays signed in.",
            soon,
        ),
        Fault::NoUpstream => {
            (503, "no_upstream", "The app is not running", "Your sign-in is not affected. Try again in a moment.", soon)
        }
        Fault::GatewayTimeout => (
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
pub(crate) fn answer(core: &Core, facts: &Facts, fault: Fault) -> Answered {
    let mut words = wording(fault);
    if fault == Fault::OddAddress {
        let shell = core.skin.shell(&facts.request_id);
        let whom = shell.support.as_ref().map_or("the people who run this service", |s| s.text.as_str());
        words.line.push_str(&format!(
            " If you typed it, check it. If you followed a link, tell {whom} which one, and the reference below."
        ));
    }
    let mut answer = worded(core, facts, words);
    if let Fault::MethodNotAllowed(allow) = fault {
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    }
    answer
}

/// 415: a body of a type that is not read here.
pub(crate) fn wrong_type(core: &Core, facts: &Facts) -> Answered {
    let heading = "This kind of content is not read here".to_owned();
    let line = "Send a form from our page, or JSON to the API.".to_owned();
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    worded(core, facts, Wording { status, code: "unsupported_media_type", heading, line, retry: None, limit: None })
}

/// 403: a form or a call that another site made the browser send, or of which nobody can tell.
///
/// Browsers that send no `Sec-Fetch-Site`, which none does without https, send `Origin: null` from pages that pass on
/// no referrer, as ours do: to them it is not another site, and they are told what is.
pub(crate) fn cross_site(core: &Core, facts: &Facts) -> Answered {
    let untold = !facts.headers.contains_key("sec-fetch-site")
        && facts.headers.get(ORIGIN).is_some_and(|origin| origin == "null");
    let (heading, line) = match (untold, facts.scheme) {
        (true, "http") => (
            "This address is not secure",
            format!(
                "It begins with http://. Signing in works with https:// only. Open https://{} instead.",
                facts.host
            ),
        ),
        (true, _) => (
            "Your browser does not say where this form comes from",
            "Update it, or use another browser. Nothing was sent on.".to_owned(),
        ),
        _ => ("This request came from another site", "Open the page here yourself, then send it again.".to_owned()),
    };
    let heading = heading.to_owned();
    worded(
        core,
        facts,
        Wording { status: StatusCode::FORBIDDEN, code: "cross_site", heading, line, retry: None, limit: None },
    )
}

fn worded(core: &Core, facts: &Facts, words: Wording) -> Answered {
    let how = telling(facts, None);
    let api = facts.target.starts_with("/.stepgate/api/");
    if how == ChallengeKind::Grpc {
        let status = if words.status.is_server_error() { 14 } else { 3 };
        return grpc(status, &words.heading);
    }
    if api || !wants_page(how) {
        let told = scripts::words(words.code);
        let (title, detail) = told.map_or((words.heading, words.line), |(t, d)| (t.to_owned(), d.to_owned()));
        let mut problem = Problem::new(words.status, words.code, title).with("detail", detail).kind("error");
        if let Some(limit) = words.limit {
            problem = problem.with("limit", limit);
        }
        if let Some(wait) = words.retry {
            problem = problem.retry(wait);
        }
        return problem.answer(facts);
    }
    let links = if words.status.is_server_error() && facts.method == http::Method::GET {
        vec![Link { href: String::new(), text: "Try again".to_owned(), target: None }]
    } else if words.status == StatusCode::NOT_FOUND {
        vec![Link::to("/", "Go to the start page")]
    } else {
        Vec::new()
    };
    let shell = core.skin.shell(&facts.request_id);
    let notice = Notice { lines: vec![words.line], links, ..Notice::new(&shell, words.heading) };
    let mut answer = page(words.status, "error", &notice);
    if let Some(wait) = words.retry {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(words::wait_seconds(wait)));
    }
    if how == ChallengeKind::Frame {
        answer.extensions_mut().insert(Framable);
    }
    answer
}

/// A gRPC answer of trailers only: HTTP 200 and a status in the headers.
pub(crate) fn grpc(status: u8, message: &str) -> Answered {
    let mut answer = Response::new(Bytes::new());
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-status", HeaderValue::from(u16::from(status)));
    if let Ok(message) = HeaderValue::from_str(&words::encode(message)) {
        headers.insert("grpc-message", message);
    }
    answer.extensions_mut().insert(Kind(if status == 16 { "challenge" } else { "error" }));
    answer
}

fn size(bytes: u64) -> String {
    match bytes {
        0..=9_999 => format!("{bytes} bytes"),
        10_000..=1_048_575 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes / 1_048_576),
    }
}
