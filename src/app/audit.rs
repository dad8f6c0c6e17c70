//! The audit trail: events are handed over without waiting, and written in groups.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::auth::event::Event;
use crate::auth::time::Timestamp;
use crate::proxy::AuditSink;
use crate::store::{Audit, Stores};

/// Audit events that wait to be written; more are only logged.
const WAITING_EVENTS: usize = 10_000;
/// Audit events written at once.
const EVENTS_AT_ONCE: usize = 100;

/// What writes audit events.
pub(super) struct AuditWriter {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl AuditWriter {
    /// A sink that never blocks, and what writes what it takes. The log has every event, always.
    pub(super) fn start(stores: &Arc<Stores>) -> (AuditSink, Self) {
        let (send, waiting) = mpsc::channel(WAITING_EVENTS);
        let (stop, stopping) = watch::channel(false);
        let clock = stores.ports.clock.clone();
        let sink: AuditSink = Arc::new(move |events: &[Event], request: &str| {
            for event in events.iter().filter(|event| !event.is_written) {
                let line = (clock.now(), (!request.is_empty()).then(|| request.to_owned()), event.clone());
                if send.try_send(line).is_err() {
                    tracing::error!(target: "stepgate", request_id = request, "an audit event is only in the log");
                }
            }
        });
        let task = tokio::spawn(write(stores.audit.clone(), waiting, stopping));
        (sink, Self { stop, task })
    }

    /// Writes what waits. Connections that are not over yet may bring more; nobody waits for them.
    pub(super) async fn finish(self) {
        self.stop.send_replace(true);
        // A writer that failed has logged it.
        let _ = self.task.await;
    }
}

async fn write(
    trail: Audit,
    mut waiting: mpsc::Receiver<(Timestamp, Option<String>, Event)>,
    mut stop: watch::Receiver<bool>,
) {
    let mut lines = Vec::with_capacity(EVENTS_AT_ONCE);
    loop {
        let open = !waiting.is_closed();
        let taken = tokio::select! {
            taken = waiting.recv_many(&mut lines, EVENTS_AT_ONCE) => taken,
            _ = stop.wait_for(|stop| *stop), if open => {
                // What waits is still handed out.
                waiting.close();
                continue;
            }
        };
        if taken == 0 {
            return;
        }
        if let Err(fault) = trail.append(&lines).await {
            tracing::error!(target: "stepgate", %fault, events = lines.len(), "audit events are only in the log");
        }
        lines.clear();
    }
}
