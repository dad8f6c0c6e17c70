//! One request over HTTP/2 and its answer.

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::header::{CONNECTION, CONTENT_LENGTH, DATE, HeaderName, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, Response, StatusCode};
use pingora_core::protocols::Digest;
use pingora_core::protocols::http::body_buffer::FixedBuffer;
use pingora_core::protocols::http::date::get_cached_date;
use pingora_error::{BError, Error, ErrorType, OrErr, Result};
use pingora_http::{RequestHeader, ResponseHeader};

use super::reset_budget::ResetBudget;
use crate::proxy::cancellation::{Cancellation, EndReason};
use crate::proxy::client::data_rate::{IdleTimer, MinDataRate, RateBudget};

/// A request and its answer.
pub(super) struct Exchange {
    pub(super) head: RequestHeader,
    body: RecvStream,
    respond: SendResponse<Bytes>,
    answer: Option<SendStream<Bytes>>,
    pub(super) written: Option<Box<ResponseHeader>>,
    /// So many heads were said before the answer.
    meanwhile: u8,
    /// The last of the answer was said.
    ended: bool,
    /// The client took the request back.
    taken_back: bool,
    pub(super) received: usize,
    pub(super) sent: usize,
    /// The beginning of the body, to be sent again to another server.
    pub(super) kept: Option<FixedBuffer>,
    pub(super) digest: Arc<Digest>,
    budget: Arc<ResetBudget>,
    cancellation: Arc<Cancellation>,
    data_rate: MinDataRate,
    reading: IdleTimer,
    writing: IdleTimer,
    pub(super) drain_timeout: Option<Duration>,
}

impl Exchange {
    pub(super) fn new(
        request: http::Request<RecvStream>,
        respond: SendResponse<Bytes>,
        digest: Arc<Digest>,
        budget: Arc<ResetBudget>,
        cancellation: Arc<Cancellation>,
        data_rate: MinDataRate,
    ) -> Self {
        let (head, body) = request.into_parts();
        Self {
            head: head.into(),
            body,
            respond,
            answer: None,
            written: None,
            meanwhile: 0,
            ended: false,
            taken_back: false,
            received: 0,
            sent: 0,
            kept: None,
            digest,
            budget,
            cancellation,
            data_rate,
            reading: IdleTimer::new(data_rate.to_read()),
            writing: IdleTimer::new(data_rate.to_write()),
            drain_timeout: None,
        }
    }

    /// Who is given more time than a body needs is given it for a stream that may be silent: no rate is asked for.
    pub(super) fn give_time_to_read(&mut self, time: Duration) {
        let rate = if time > self.data_rate.body_timeout { 0 } else { self.data_rate.rate };
        self.reading = IdleTimer::new(RateBudget::new(time, rate));
    }

    /// The same for the answer.
    pub(super) fn give_time_to_write(&mut self, time: Duration) {
        let rate = if time > self.data_rate.write_timeout { 0 } else { self.data_rate.rate };
        self.writing = IdleTimer::new(RateBudget::new(time, rate));
    }

    pub(super) const fn time_to_read(&self) -> Duration {
        self.reading.budget.most()
    }

    pub(super) const fn time_to_write(&self) -> Duration {
        self.writing.budget.most()
    }

    /// The next piece of the body; `None` at its end.
    pub(super) async fn next_piece(&mut self) -> Result<Option<Bytes>> {
        std::future::poll_fn(|cx| self.poll_piece(cx)).await
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        if let Some(error) = self.cut() {
            return Poll::Ready(Err(error));
        }
        let Poll::Ready(read) = self.body.poll_data(cx) else {
            ready!(self.reading.poll_late(cx));
            return Poll::Ready(Error::e_explain(ErrorType::ReadTimedout, "the body comes too slowly"));
        };
        let Some(piece) = read.transpose().map_err(|cause| self.broken(cause))? else { return Poll::Ready(Ok(None)) };
        // Who came late, but before the alarm was heard, has come.
        let _ = self.reading.budget.received(piece.len());
        self.received += piece.len();
        self.cancellation.passed();
        if let Some(kept) = &mut self.kept {
            kept.write_to_buffer(&piece);
        }
        // It fails only for more than was received.
        let _ = self.body.flow_control().release_capacity(piece.len());
        Poll::Ready(Ok(Some(piece)))
    }

    /// Ends when the client gives the request up.
    pub(super) async fn gone(&mut self) -> BError {
        std::future::poll_fn(|cx| {
            if let Some(error) = self.cut() {
                return Poll::Ready(error);
            }
            let reset = match &mut self.answer {
                Some(answer) => answer.poll_reset(cx),
                None => self.respond.poll_reset(cx),
            };
            Poll::Ready(match ready!(reset) {
                Ok(reason) => self.given_up(format!("reset: {reason}")),
                Err(cause) => self.broken(cause),
            })
        })
        .await
    }

    /// The error of a request that is to end. Where its session has ended, the stream ends here, and it alone.
    fn cut(&mut self) -> Option<BError> {
        if self.cancellation.end()? == EndReason::Silence {
            return Some(Error::explain(ErrorType::ReadTimedout, "the app is silent"));
        }
        if !std::mem::replace(&mut self.ended, true) {
            self.respond.send_reset(Reason::CANCEL);
        }
        Some(Error::explain(ErrorType::ConnectionClosed, "its session has ended"))
    }

    fn broken(&mut self, cause: h2::Error) -> BError {
        if cause.is_library() && cause.is_reset() {
            // Out of the grammar, as a body of another length than was announced.
            return Error::because(ErrorType::H2Error, "malformed stream", cause);
        }
        self.given_up(cause.to_string())
    }

    fn given_up(&mut self, how: String) -> BError {
        if self.written.is_none() && !std::mem::replace(&mut self.taken_back, true) {
            self.budget.taken_back();
        }
        Error::explain(ErrorType::ConnectionClosed, how)
    }

    /// Whether all of the body was read.
    pub(super) fn is_body_read(&self) -> bool {
        self.has_no_body() || self.body.is_end_stream()
    }

    /// Whether there is none.
    pub(super) fn has_no_body(&self) -> bool {
        let told = || self.head.headers.get(CONTENT_LENGTH).is_some_and(|length| length.as_bytes() == b"0");
        self.received == 0 && (self.body.is_end_stream() || told())
    }

    /// Says the head of the answer.
    pub(super) fn say_head(&mut self, mut head: Box<ResponseHeader>, end: bool) -> Result<()> {
        if self.ended || self.written.is_some() {
            return Ok(());
        }
        if head.status.is_informational() {
            return self.say_meanwhile(head);
        }
        head.insert_header(DATE, get_cached_date())?;
        strip(&mut head);
        let response = Response::from_parts(head.as_owned_parts(), ());
        let answer = self.respond.send_response(response, end).or_err(ErrorType::WriteError, "answering")?;
        (self.answer, self.written, self.ended) = (Some(answer), Some(head), end);
        self.budget.answered();
        // Both sides may talk from here on, at their own pace: a call of gRPC, an event stream.
        self.reading.budget.relax();
        Ok(())
    }

    /// Says what comes before the answer: that the body may come, and hints at what to load meanwhile (RFC 8297). A
    /// client does without any other, and not every one bears many.
    fn say_meanwhile(&mut self, mut head: Box<ResponseHeader>) -> Result<()> {
        let wanted = match head.status {
            StatusCode::CONTINUE => !self.is_body_read(),
            StatusCode::EARLY_HINTS => true,
            _ => false,
        };
        if wanted && self.meanwhile < MEANWHILE {
            self.meanwhile += 1;
            strip(&mut head);
            let response = Response::from_parts(head.as_owned_parts(), ());
            self.respond.send_informational(response).or_err(ErrorType::WriteError, "answering")?;
        }
        Ok(())
    }

    /// Says a piece of the answer, as fast as the client takes it.
    pub(super) async fn say(&mut self, mut piece: Bytes, end: bool) -> Result<()> {
        if self.ended {
            return Ok(());
        }
        let Some(answer) = &mut self.answer else {
            return Error::e_explain(ErrorType::H2Error, "a body before its head");
        };
        let length = piece.len();
        while !piece.is_empty() {
            answer.reserve_capacity(piece.len());
            let (writing, cancellation) = (&mut self.writing, &self.cancellation);
            let streams = std::future::poll_fn(|cx| {
                // As long as this takes, the app is not listened to.
                cancellation.touch();
                match answer.poll_capacity(cx) {
                    _ if cancellation.end() == Some(EndReason::Session) => Poll::Ready(Some(None)),
                    Poll::Ready(streams) => Poll::Ready(Some(streams)),
                    Poll::Pending => writing.poll_late(cx).map(|()| None),
                }
            });
            let streams = match streams.await {
                None => return Error::e_explain(ErrorType::WriteTimedout, "the answer is read too slowly"),
                Some(None) => {
                    return Err(self.cut().unwrap_or_else(|| Error::explain(ErrorType::ConnectionClosed, "reset")));
                }
                Some(Some(streams)) => streams.or_err(ErrorType::WriteError, "answering")?,
            };
            let _ = writing.budget.received(streams.min(piece.len()));
            self.budget.sent(streams.min(piece.len()));
            self.cancellation.passed();
            let now = piece.split_to(streams.min(piece.len()));
            answer.send_data(now, end && piece.is_empty()).or_err(ErrorType::WriteError, "answering")?;
        }
        if length == 0 {
            answer.send_data(piece, end).or_err(ErrorType::WriteError, "answering")?;
        }
        self.sent += length;
        self.ended = end;
        self.reading.budget.renew();
        Ok(())
    }

    /// Says the trailers, and with them the end.
    pub(super) fn say_trailers(&mut self, trailers: HeaderMap) -> Result<()> {
        if self.ended {
            return Ok(());
        }
        let Some(answer) = &mut self.answer else {
            return Error::e_explain(ErrorType::H2Error, "trailers before their head");
        };
        answer.send_trailers(trailers).or_err(ErrorType::WriteError, "answering")?;
        self.ended = true;
        Ok(())
    }

    /// Says the end, if it was not said. An answer that never began is left to be reset.
    pub(super) fn say_end(&mut self) -> Result<()> {
        if let Some(answer) = self.answer.as_mut().filter(|_| !self.ended) {
            answer.send_data(Bytes::new(), true).or_err(ErrorType::WriteError, "answering")?;
            self.ended = true;
        }
        Ok(())
    }

    /// Leaves the answer as it is, so that nobody takes it for a whole one.
    pub(super) fn abandon(&mut self, code: u32) {
        if !self.ended {
            let known = Reason::from(code) == Reason::HTTP_1_1_REQUIRED;
            self.respond.send_reset(if known { Reason::HTTP_1_1_REQUIRED } else { Reason::INTERNAL_ERROR });
        }
    }
}

/// Removes what is of HTTP/1 alone (RFC 9113 §8.2.2).
fn strip(head: &mut ResponseHeader) {
    for name in [TRANSFER_ENCODING, CONNECTION, UPGRADE, KEEP_ALIVE, PROXY_CONNECTION] {
        head.remove_header(&name);
    }
}

/// Heads before an answer. Some clients give up at six.
const MEANWHILE: u8 = 5;
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
