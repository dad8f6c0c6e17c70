//! Who waits for the ends of sessions is told of each, or that some were missed.

use futures_util::stream::{self, BoxStream, StreamExt as _};
use tokio::sync::broadcast::{self, error::RecvError};

use crate::auth::session::SessionKey;
use crate::flow::ports::{EndReason, Ended};

/// Ends that wait for a slow listener; of more it is told that some were missed.
const WAITING: usize = 4096;

/// What tells of ended sessions.
pub(crate) struct Endings(broadcast::Sender<Ended>);

impl Default for Endings {
    fn default() -> Self {
        Self(broadcast::channel(WAITING).0)
    }
}

impl Endings {
    /// Tells of one.
    pub(super) fn one(&self, key: SessionKey, session: Option<String>, why: EndReason) {
        self.send(Ended::One { key, session, why });
    }

    /// Tells that some may have been missed.
    pub(super) fn lost(&self) {
        self.send(Ended::Lost);
    }

    fn send(&self, ended: Ended) {
        // Nobody need listen.
        let _ = self.0.send(ended);
    }

    /// Every end from now on.
    pub(super) fn stream(&self) -> BoxStream<'static, Ended> {
        let next = async |mut ends: broadcast::Receiver<Ended>| {
            let ended = match ends.recv().await {
                Ok(ended) => ended,
                Err(RecvError::Lagged(_)) => Ended::Lost,
                Err(RecvError::Closed) => return None,
            };
            Some((ended, ends))
        };
        stream::unfold(self.0.subscribe(), next).boxed()
    }
}
