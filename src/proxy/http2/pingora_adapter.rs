//! An [`Exchange`] as Pingora's proxy drives it.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;
use http::HeaderMap;
use pingora_core::protocols::Digest;
use pingora_core::protocols::http::HttpTask;
use pingora_core::protocols::http::body_buffer::FixedBuffer;
use pingora_core::protocols::http::custom::CustomMessageWrite;
use pingora_core::protocols::http::custom::server::Session;
use pingora_core::protocols::l4::socket::SocketAddr;
use pingora_error::{Error, ErrorType, Result};
use pingora_http::{RequestHeader, ResponseHeader};

use super::exchange::Exchange;

/// Of a body that was passed on, this much is kept to be sent again to another server.
const KEPT: usize = 64 * 1024;

type Messages = Box<dyn Stream<Item = Result<Bytes>> + Unpin + Send + Sync + 'static>;

#[async_trait]
impl Session for Exchange {
    fn req_header(&self) -> &RequestHeader {
        &self.head
    }
    fn req_header_mut(&mut self) -> &mut RequestHeader {
        &mut self.head
    }
    async fn read_body_bytes(&mut self) -> Result<Option<Bytes>> {
        self.next_piece().await
    }
    async fn drain_request_body(&mut self) -> Result<()> {
        let Some(time) = self.drain_timeout else { return drain(self).await };
        match tokio::time::timeout(time, drain(self)).await {
            Ok(drained) => drained,
            Err(_) => Error::e_explain(ErrorType::ReadTimedout, "the rest of the body comes too slowly"),
        }
    }
    async fn write_response_header(&mut self, head: Box<ResponseHeader>, end: bool) -> Result<()> {
        self.say_head(head, end)
    }
    async fn write_response_header_ref(&mut self, head: &ResponseHeader, end: bool) -> Result<()> {
        self.say_head(Box::new(head.clone()), end)
    }
    async fn write_body(&mut self, piece: Bytes, end: bool) -> Result<()> {
        self.say(piece, end).await
    }
    async fn write_trailers(&mut self, trailers: HeaderMap) -> Result<()> {
        self.say_trailers(trailers)
    }
    async fn response_duplex_vec(&mut self, tasks: Vec<HttpTask>) -> Result<bool> {
        let mut ended = false;
        for task in tasks {
            ended |= match task {
                // The app's fault, to be told as such.
                HttpTask::Failed(cause) => return Err(cause),
                task => pass(self, task).await.map_err(|cause| cause.into_down())?,
            };
        }
        if ended {
            self.say_end().map_err(|cause| cause.into_down())?;
        }
        Ok(ended)
    }
    fn set_read_timeout(&mut self, time: Option<Duration>) {
        self.give_time_to_read(time.unwrap_or(Duration::MAX));
    }
    fn get_read_timeout(&self) -> Option<Duration> {
        Some(self.time_to_read())
    }
    fn set_write_timeout(&mut self, time: Option<Duration>) {
        self.give_time_to_write(time.unwrap_or(Duration::MAX));
    }
    fn get_write_timeout(&self) -> Option<Duration> {
        Some(self.time_to_write())
    }
    fn set_total_drain_timeout(&mut self, time: Option<Duration>) {
        self.drain_timeout = time;
    }
    fn get_total_drain_timeout(&self) -> Option<Duration> {
        self.drain_timeout
    }
    fn request_summary(&self) -> String {
        // No target: it may hold secrets.
        self.head.method.to_string()
    }
    fn response_written(&self) -> Option<&ResponseHeader> {
        self.written.as_deref()
    }
    async fn shutdown(&mut self, code: u32, _why: &str) {
        self.abandon(code);
    }
    fn is_body_done(&mut self) -> bool {
        self.is_body_read()
    }
    async fn finish(&mut self) -> Result<()> {
        self.say_end()
    }
    fn is_body_empty(&mut self) -> bool {
        self.has_no_body()
    }
    async fn read_body_or_idle(&mut self, no_body_expected: bool) -> Result<Option<Bytes>> {
        if no_body_expected || self.is_body_read() { Err(self.gone().await) } else { self.next_piece().await }
    }
    fn body_bytes_sent(&self) -> usize {
        self.sent
    }
    fn body_bytes_read(&self) -> usize {
        self.received
    }
    fn digest(&self) -> Option<&Digest> {
        Some(&self.digest)
    }
    fn digest_mut(&mut self) -> Option<&mut Digest> {
        None // shared by all streams of the connection
    }
    fn client_addr(&self) -> Option<&SocketAddr> {
        self.digest.socket_digest.as_ref()?.peer_addr()
    }
    fn server_addr(&self) -> Option<&SocketAddr> {
        self.digest.socket_digest.as_ref()?.local_addr()
    }
    fn pseudo_raw_h1_request_header(&self) -> Bytes {
        Bytes::new() // there was none
    }
    fn enable_retry_buffering(&mut self) {
        self.kept.get_or_insert_with(|| FixedBuffer::new(KEPT));
    }
    fn retry_buffer_truncated(&self) -> bool {
        self.kept.as_ref().is_some_and(FixedBuffer::is_truncated)
    }
    fn get_retry_buffer(&self) -> Option<Bytes> {
        self.kept.as_ref().filter(|kept| !kept.is_truncated())?.get_buffer()
    }
    async fn finish_custom(&mut self) -> Result<()> {
        Ok(())
    }
    // Messages beside the body: HTTP/2 has none.
    fn take_custom_message_reader(&mut self) -> Option<Messages> {
        None
    }
    fn restore_custom_message_reader(&mut self, _: Messages) -> Result<()> {
        Ok(())
    }
    fn take_custom_message_writer(&mut self) -> Option<Box<dyn CustomMessageWrite>> {
        None
    }
    fn restore_custom_message_writer(&mut self, _: Box<dyn CustomMessageWrite>) -> Result<()> {
        Ok(())
    }
}

async fn drain(exchange: &mut Exchange) -> Result<()> {
    while !exchange.is_body_read() && exchange.next_piece().await?.is_some() {}
    Ok(())
}

/// Passes a part of the app's answer on. Whether it was the last one.
async fn pass(exchange: &mut Exchange, task: HttpTask) -> Result<bool> {
    match task {
        HttpTask::Header(head, end) => exchange.say_head(head, end).map(|()| end),
        HttpTask::Body(piece, end) => {
            if let Some(piece) = piece.filter(|piece| !piece.is_empty()) {
                exchange.say(piece, end).await?;
            }
            Ok(end)
        }
        HttpTask::Trailer(Some(trailers)) => exchange.say_trailers(*trailers).map(|()| true),
        HttpTask::Trailer(None) | HttpTask::Done | HttpTask::Failed(_) => Ok(true),
        // A WebSocket is spoken over HTTP/1.1 only.
        HttpTask::UpgradedBody(..) => Error::e_explain(ErrorType::InternalError, "an upgrade on an HTTP/2 stream"),
    }
}
