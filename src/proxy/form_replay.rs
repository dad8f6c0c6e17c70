//! The few bytes that stand for a held form, known by themselves: what lies between a browser and us may frame them anew, write
//! their type in another way, or send them by another method, and an app shall never get them for a form.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use pingora_proxy::Session;

use super::convert::{self, BodyRead};
use super::request::head;
use crate::auth::held_request::{FormId, REPLAY_BYTES, is_marked_as_replay, may_become_replay, replayed};
use crate::proxy::context::Ctx;

/// What every spelling of the type of forms has in it.
const FORM_TYPE: &[u8] = b"x-www-form-urlencoded";
/// No coding makes so few bytes longer than that.
const CODED_BYTES: usize = 256;

/// What the body of a request stands for.
pub(crate) enum Replay {
    Of(FormId),
    /// For a form, but it is not what our page sends.
    Altered,
    /// For itself. This much of it was read, `whole`: all of it.
    No {
        read: Bytes,
        whole: bool,
    },
}

/// Whether the body of such a request may stand for a form.
pub(crate) fn may_be_one(headers: &HeaderMap, has_body: bool, by_browser: impl FnOnce() -> bool) -> bool {
    if !has_body {
        return false;
    }
    let named = |value: &HeaderValue| {
        value.as_bytes().windows(FORM_TYPE.len()).any(|part| part.eq_ignore_ascii_case(FORM_TYPE))
    };
    let of_forms = headers.get_all(CONTENT_TYPE).iter().any(named);
    let untyped = headers.get_all(CONTENT_TYPE).iter().all(HeaderValue::is_empty);
    let length = head::announced(headers);
    match is_coded(headers) {
        true => of_forms && length.is_none_or(|length| length <= CODED_BYTES as u64) && by_browser(),
        // What tells neither type nor length may be one side of a conversation, whose first piece waits for an answer.
        false => match length {
            Some(length) => (of_forms || untyped) && length == REPLAY_BYTES,
            None => of_forms || (untyped && by_browser()),
        },
    }
}

/// Whether a body is coded, which no browser does to a form.
pub(crate) fn is_coded(headers: &HeaderMap) -> bool {
    headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .any(|coding| !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity"))
}

/// Reads as much of a body as tells what it stands for.
pub(crate) async fn read(session: &mut Session, ctx: &Ctx) -> Result<Replay, BodyRead> {
    let (time, coded) = (ctx.snapshot.limits.body_timeout, is_coded(&session.req_header().headers));
    let more = |body: &[u8]| if coded { body.len() <= CODED_BYTES } else { may_become_replay(body) };
    let (read, whole) = match &ctx.read_body {
        Some(body) => (body.body(), true),
        None => convert::read_while(session, time, more).await?,
    };
    Ok(match replayed(&read).filter(|_| whole && !coded) {
        Some(id) => Replay::Of(id),
        // Nobody looks into a coding here: so short a form, from a browser, is one that was coded on the way.
        None if coded && whole && !read.is_empty() => Replay::Altered,
        None if is_marked_as_replay(&read) => Replay::Altered,
        None => Replay::No { read, whole },
    })
}
