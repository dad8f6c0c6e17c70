//! The monotonic clock, for timings only; decisions get their time from the port.

use tokio::time::Instant;

pub(crate) fn now() -> Instant {
    Instant::now()
}
