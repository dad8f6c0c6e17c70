//! A body that was read whole before its request was decided, and is sent as it was read.

use bytes::Bytes;

/// The body of a request under a proof for one transaction.
pub(crate) struct ReadBody {
    bytes: Bytes,
    /// Bytes of it may have reached the app: it is never sent again.
    begun: bool,
}

impl ReadBody {
    pub(crate) const fn new(bytes: Bytes) -> Self {
        Self { bytes, begun: false }
    }

    /// What is sent in the place of the piece that Pingora kept.
    pub(crate) fn body(&self) -> Bytes {
        self.bytes.clone()
    }

    pub(crate) const fn is_begun(&self) -> bool {
        self.begun
    }

    /// From here on bytes of it may reach the app.
    pub(crate) const fn begin(&mut self) {
        self.begun = true;
    }
}
