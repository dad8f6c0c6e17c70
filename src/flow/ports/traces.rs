//! Traces of decisions as values of a moment, by the id of their request. Ids are no secrets: the first trace under one stays.

use std::borrow::Cow;
use std::time::Duration;

use super::transient::{JsonRecord, TransientKind};
use super::{Answer, View};
use crate::auth::trace::DecisionTrace;

/// How long a trace is kept.
const TRACE_LIVES: Duration = Duration::from_secs(86_400);

impl JsonRecord for DecisionTrace {
    const KIND: TransientKind = TransientKind::Trace;
    /// The id of the request.
    type Key = str;

    fn name(key: &str) -> Cow<'_, str> {
        key.into()
    }
}

impl View<DecisionTrace> {
    /// Keeps what is known of a request, unless something is kept of it already.
    ///
    /// # Errors
    /// The store did not answer, or the trace is too large.
    pub async fn keep(&self, request_id: &str, trace: &DecisionTrace) -> Answer<()> {
        self.put_new(request_id, trace, TRACE_LIVES).await.map(drop)
    }
}
