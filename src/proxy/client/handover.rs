//! A connection that leaves HTTP, on its way from Pingora's hands to who relays it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::BytesMut;
use pingora_core::protocols::Stream;

/// Asked for by who will relay the connection; given up by its [`ClientStream`](super::stream::ClientStream) when that is
/// read next.
#[derive(Debug, Default)]
pub(crate) struct Handover {
    asked: AtomicBool,
    /// With what was read of it and passed on to nobody.
    given: Mutex<Option<(Stream, BytesMut)>>,
}

impl Handover {
    pub(crate) fn ask(&self) {
        self.asked.store(true, Ordering::Release);
    }

    pub(super) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }

    pub(super) fn give(&self, io: Stream, read: BytesMut) {
        *self.given.lock().unwrap_or_else(PoisonError::into_inner) = Some((io, read));
    }

    pub(crate) fn take(&self) -> Option<(Stream, BytesMut)> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
