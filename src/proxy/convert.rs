//! Between Pingora's session and the messages everybody else speaks: [`http::Request`] and [`http::Response`].

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use pingora_core::protocols::http::HttpTask;
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::Session;

use super::request::head::{self as request_head, Head};
use super::request::normalize;

/// An unread body of at most this size is read before the answer, so that the connection can be kept; over HTTP/2, so that
/// the stream need not be reset.
const PRE_DRAIN_BYTES: usize = 64 * 1024;
const PRE_DRAIN_TIME: Duration = Duration::from_millis(300);
/// After an answer, what the client is still sending is read and dropped for this long, or it could not read
/// the answer: a socket closed with unread bytes is reset.
const DRAIN_TIME: Duration = Duration::from_secs(10);
/// Over HTTP/2 the end of the answer waits for that, so only as long as something comes.
const PAUSE: Duration = Duration::from_millis(500);
const DRAIN_BYTES: usize = 512 * 1024 * 1024;

/// What became of reading a body.
pub(crate) enum BodyRead {
    Whole(Bytes),
    TooLarge,
    TooSlow,
    Broken,
}

/// Reads a body of at most `cap` bytes within `time`. Answers `Expect: 100-continue`.
pub(crate) async fn read_body(session: &mut Session, cap: usize, time: Duration) -> BodyRead {
    if request_head::announced(&session.req_header().headers).is_some_and(|length| length > cap as u64) {
        return BodyRead::TooLarge;
    }
    match read_while(session, time, |body| body.len() <= cap).await {
        Ok((body, _)) if body.len() > cap => BodyRead::TooLarge,
        Ok((body, _)) => BodyRead::Whole(body),
        Err(why) => why,
    }
}

/// Reads a body to its end, or as long as `more` asks for it by what was read; `true`: to its end.
pub(crate) async fn read_while(
    session: &mut Session,
    time: Duration,
    more: impl Fn(&[u8]) -> bool + Send,
) -> Result<(Bytes, bool), BodyRead> {
    if expects_continue(session)
        && session.body_bytes_read() == 0
        && session.as_downstream_mut().write_continue_response().await.is_err()
    {
        return Err(BodyRead::Broken);
    }
    let reading = async {
        let mut body = BytesMut::new();
        while more(&body) {
            match session.downstream_session.read_request_body().await {
                Ok(None) => return Ok((body.freeze(), true)),
                Ok(Some(piece)) => body.extend_from_slice(&piece),
                Err(cause) if matches!(cause.etype(), pingora_error::ErrorType::ReadTimedout) => {
                    return Err(BodyRead::TooSlow);
                }
                Err(_) => return Err(BodyRead::Broken),
            }
        }
        Ok((body.freeze(), false))
    };
    tokio::time::timeout(time, reading).await.unwrap_or(Err(BodyRead::TooSlow))
}

/// The request as the portal sees it.
pub(crate) fn request(session: &Session, target: &str, body: Bytes) -> Option<Request<Bytes>> {
    let head = session.req_header();
    let mut request = Request::new(body);
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = target.parse().ok()?;
    *request.headers_mut() = head.headers.clone();
    Some(request)
}

/// Sends an answer of ours. The connection is kept where the body was read or is soon read.
pub(crate) async fn send(session: &mut Session, response: Response<Bytes>, keep: bool) -> pingora_error::Result<()> {
    if !keep {
        session.set_keepalive(None);
    }
    // Over HTTP/2 too: a client that is still sending when the stream is reset may drop the answer with the rest. But a
    // call of gRPC may never say anything.
    let heard_out = match session.req_header().version {
        Version::HTTP_2 => !is_grpc(response.headers()),
        _ => keep,
    };
    if heard_out && !waits_for_leave(session) {
        discard(session, PRE_DRAIN_BYTES, PRE_DRAIN_TIME, PRE_DRAIN_TIME).await;
    }
    let (parts, body) = response.into_parts();
    let is_head = session.req_header().method == Method::HEAD;
    let mut head = ResponseHeader::build(parts.status, Some(parts.headers.len() + 2))?;
    for (name, value) in &parts.headers {
        if !matches!(*name, header::CONNECTION | header::TRANSFER_ENCODING | header::CONTENT_LENGTH) {
            head.append_header(name.clone(), value.clone())?;
        }
    }
    if session.req_header().version == Version::HTTP_2 && is_grpc(&parts.headers) && body.is_empty() {
        // Trailers-only: gRPC reads a status in the head only if the stream ends there.
        session.write_response_tasks(vec![HttpTask::Header(Box::new(head), true)]).await?;
        return Ok(());
    }
    if !matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        let told = parts.headers.get(header::CONTENT_LENGTH).filter(|_| is_head && body.is_empty());
        head.insert_header(header::CONTENT_LENGTH, told.cloned().unwrap_or_else(|| body.len().into()))?;
    }
    session.write_response_header(Box::new(head), false).await?;
    let body = if is_head { Bytes::new() } else { body };
    let more = heard_out && !waits_for_leave(session) && !session.downstream_session.is_body_done();
    // Over HTTP/2 the client has the whole answer, and its end when it has been heard out: at the end the stream is reset.
    let ends_later = more && session.req_header().version == Version::HTTP_2;
    session.write_response_body(Some(body), !ends_later).await?;
    if more {
        let pause = if ends_later { PAUSE } else { DRAIN_TIME };
        discard(session, DRAIN_BYTES, DRAIN_TIME, pause).await;
    }
    if ends_later {
        session.write_response_body(Some(Bytes::new()), true).await?;
    }
    Ok(())
}

/// Whether the client sends nothing more of its own: who waits for `100 Continue` and gets a final answer sends no body.
fn waits_for_leave(session: &Session) -> bool {
    expects_continue(session) && session.body_bytes_read() == 0
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let content = headers.get(header::CONTENT_TYPE).map_or(b"".as_slice(), HeaderValue::as_bytes);
    content.starts_with(b"application/grpc")
}

/// Reads and drops what still comes: so many bytes, for so long, until nothing comes for `pause`.
async fn discard(session: &mut Session, bytes: usize, time: Duration, pause: Duration) {
    let reading = async {
        let mut left = bytes;
        while !session.downstream_session.is_body_done() {
            match tokio::time::timeout(pause, session.downstream_session.read_request_body()).await {
                Ok(Ok(Some(piece))) if piece.len() < left => left -= piece.len(),
                _ => break,
            }
        }
    };
    // Out of time or not: what is not read by then is lost with the connection.
    let _ = tokio::time::timeout(time, reading).await;
}

/// Says of a request without a body that it has none where its method lets expect one, and nothing where it does not
/// (RFC 9110 §8.6). Over HTTP/2 a client need not say so, but to an app over HTTP/1.1 it is said: some answer 411.
pub(crate) fn tell_no_body(request: &mut RequestHeader) -> pingora_error::Result<()> {
    if request.version == Version::HTTP_2 {
        return Ok(()); // where the stream itself ends
    }
    if may_expect_body(&request.method) {
        return request.insert_header(header::CONTENT_LENGTH, "0");
    }
    request.remove_header(&header::CONTENT_LENGTH);
    Ok(())
}

/// Whether an app may look for a body by the method.
pub(crate) fn may_expect_body(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::DELETE)
}

fn expects_continue(session: &Session) -> bool {
    let expect = session.req_header().headers.get(header::EXPECT);
    expect.is_some_and(|expect| expect.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// A head as the checks see it. `raw`: the same as received, where it was HTTP/1.
pub(crate) fn head<'a>(request: &'a RequestHeader, raw: &'a dyn Fn() -> Vec<u8>) -> Head<'a> {
    Head {
        method: &request.method,
        version: request.version,
        headers: &request.headers,
        authority: request.uri.authority().map(http::uri::Authority::as_str),
        target: request.raw_path(),
        raw,
    }
}

/// Gives a head its [plain form](normalize).
///
/// # Errors
/// It cannot be changed.
pub(crate) fn normalize_head(request: &mut RequestHeader) -> pingora_error::Result<()> {
    let form = normalize::normalize(&head(request, &Vec::new));
    for name in &form.without {
        request.remove_header(name);
    }
    if let Some(upgrade) = form.upgrade {
        request.insert_header(header::UPGRADE, upgrade)?;
    }
    if let Some(target) = form.target {
        if !request.headers.contains_key(header::HOST) {
            request.insert_header(header::HOST, target.authority)?;
        }
        request.set_raw_path(&target.path)?;
    }
    Ok(())
}
