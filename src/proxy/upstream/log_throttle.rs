//! Which failures of a name are logged: a new one at once, the same one from time to time.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Between two lines about the same failure.
const REPEAT_AFTER: Duration = Duration::from_secs(60);

/// The last failure that was logged of one name, and when.
#[derive(Default)]
pub(super) struct LogThrottle(Mutex<Option<(String, Instant)>>);

impl LogThrottle {
    /// Whether a failure is to be logged now.
    pub(super) fn is_due(&self, cause: &str, now: Instant) -> bool {
        let mut logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = logged.as_ref().is_some_and(|(last, at)| last == cause && now.duration_since(*at) < REPEAT_AFTER);
        if !known {
            *logged = Some((cause.to_owned(), now));
        }
        !known
    }

    /// Forgets the failure; whether there was one.
    pub(super) fn clear(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_logged_when_it_changes_and_once_a_minute() {
        let (failures, start) = (LogThrottle::default(), Instant::now());
        let logged = |cause, from: u64, to: u64| {
            (from..to).filter(|s| failures.is_due(cause, start + Duration::from_secs(*s))).collect::<Vec<_>>()
        };
        assert_eq!(logged("no such name", 0, 130), [0, 60, 120]);
        assert_eq!(logged("no answer", 130, 140), [130]);
        assert_eq!((failures.clear(), failures.clear()), (true, false));
        assert_eq!(logged("no answer", 140, 150), [140]);
    }
}
