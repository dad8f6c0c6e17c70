//! Requests that last end with the session that they were permitted to: event streams, long answers and uploads,
//! WebSockets.
//!
//! A request that is at work for a second is [registered](registry) by its session. One task of the node
//! [watches](watch) over these sessions, by what stores tell of ends. A request that is over before costs nothing of this.

pub(crate) mod grant;
pub(crate) mod registry;
mod watch;

use std::future::{Future, poll_fn};
use std::pin::pin;

use self::grant::Grant;
use super::cancellation::EndReason;
use super::context::Ctx;

impl Ctx {
    /// By what the request is at work; `None`: it needs nobody.
    fn grant(&self) -> Option<Grant> {
        let session = self.judgement.permit()?.subject()?.clone();
        let (token, _) = self.judgement.credential.token()?;
        let at = self.snapshot.flows.ports.clock.now().minus(self.timing.started.elapsed());
        Some(Grant {
            resource: self.judgement.resource.clone()?,
            circumstances: self.judgement.circumstances.clone()?,
            key: token.key(),
            session,
            at,
        })
    }

    /// Notes from the start by what the request is at work, where nobody could be asked later.
    pub(crate) fn guard(&self) {
        if let Some(cancellation) = &self.cancellation {
            cancellation.grant(self.grant());
        }
    }

    /// A part of the request that may last: by what it is at work is told when that is asked for.
    pub(crate) async fn guarding<F: Future>(&self, part: F) -> F::Output {
        let mut part = pin!(part);
        poll_fn(|cx| {
            if self.cancellation.as_ref().is_some_and(|one| one.is_asked()) {
                self.guard();
            }
            part.as_mut().poll(cx)
        })
        .await
    }

    /// Why the request was ended by us, if it was.
    pub(crate) fn cut(&self) -> Option<EndReason> {
        self.cancellation.as_ref()?.end()
    }
}
