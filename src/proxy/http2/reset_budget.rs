//! What runs on one HTTP/2 connection, and how much of it was for nothing.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::proxy::cancellation::Cancellation;

/// How many streams a client may take back unanswered, in terms of the streams it may have at once. Each answered
/// one gives one back.
const PER_STREAM: usize = 4;
/// How many frames that are no part of a request each request allows: clients reorder what they wait for.
const FRAMES_PER_REQUEST: u64 = 10;
/// The same for each frame of an answer: a client gives room for it on its stream and on the connection, and may measure
/// how long that takes.
const FRAMES_PER_DATA: u64 = 3;
/// Of a frame, in bytes, unless a client asks for larger ones.
const FRAME: usize = 16 * 1024;

/// The requests of one connection.
///
/// A stream that the client resets is gone for HTTP/2 at once, while we and the app may still be busy with it: whoever
/// opens and resets streams as fast as the line allows would have more work done than streams are allowed
/// (CVE-2023-44487). So requests at work are counted here until they end, and those for nothing are rationed.
#[derive(Debug)]
pub(super) struct ResetBudget {
    most: usize,
    running: AtomicUsize,
    credit: AtomicUsize,
    /// Frames that are no part of a request and that were earned since they were last asked for.
    earned: AtomicU64,
    /// More of them came than were earned.
    flooded: AtomicBool,
    /// Rings when a place becomes free, when nothing runs, and when the credit is used up.
    pub(super) changed: Notify,
    /// What requests that are over were cancelled by: used again, so that no request makes one.
    spare: Mutex<Vec<Arc<Cancellation>>>,
}

/// A request at work; over when dropped.
#[derive(Debug)]
pub(super) struct RunningStream {
    budget: Arc<ResetBudget>,
    /// Ends it.
    pub(super) cancellation: Arc<Cancellation>,
}

impl ResetBudget {
    pub(super) fn new(streams: u32) -> Arc<Self> {
        let most = usize::try_from(streams).unwrap_or(usize::MAX);
        let credit = AtomicUsize::new(most.saturating_mul(PER_STREAM));
        let (running, changed, spare) = (AtomicUsize::new(0), Notify::new(), Mutex::default());
        let (earned, flooded) = (AtomicU64::new(0), AtomicBool::new(false));
        Arc::new(Self { most, running, credit, earned, flooded, changed, spare })
    }

    pub(super) fn begin(self: &Arc<Self>) -> RunningStream {
        self.running.fetch_add(1, Ordering::AcqRel);
        self.earned.fetch_add(FRAMES_PER_REQUEST, Ordering::Relaxed);
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        RunningStream { budget: self.clone(), cancellation: spare.unwrap_or_else(Cancellation::new) }
    }

    pub(super) fn is_full(&self) -> bool {
        self.running.load(Ordering::Acquire) >= self.most
    }

    pub(super) fn is_idle(&self) -> bool {
        self.running.load(Ordering::Acquire) == 0
    }

    /// Whether the client has taken back too much, or sent too much for nothing.
    pub(super) fn is_spent(&self) -> bool {
        self.credit.load(Ordering::Acquire) == 0 || self.is_flooded()
    }

    /// So much of an answer was sent.
    pub(super) fn sent(&self, bytes: usize) {
        let frames = u64::try_from(bytes.div_ceil(FRAME)).unwrap_or(u64::MAX);
        self.earned.fetch_add(frames.saturating_mul(FRAMES_PER_DATA), Ordering::Relaxed);
    }

    /// How many frames that are no part of a request were earned since this was last asked.
    pub(super) fn earned(&self) -> u64 {
        self.earned.swap(0, Ordering::Relaxed)
    }

    /// More of them came.
    pub(super) fn flooded(&self) {
        if !self.flooded.swap(true, Ordering::AcqRel) {
            self.changed.notify_one();
        }
    }

    pub(super) fn is_flooded(&self) -> bool {
        self.flooded.load(Ordering::Acquire)
    }

    /// A request was answered, at least in part.
    pub(super) fn answered(&self) {
        let full = self.most.saturating_mul(PER_STREAM);
        let more = |credit: usize| (credit > 0 && credit < full).then(|| credit + 1);
        // `Err` says that there was nothing to change.
        let _ = self.credit.fetch_update(Ordering::AcqRel, Ordering::Acquire, more);
    }

    /// The client took a request back before its answer began.
    pub(super) fn taken_back(&self) {
        let less = |credit: usize| credit.checked_sub(1);
        if self.credit.fetch_update(Ordering::AcqRel, Ordering::Acquire, less) == Ok(1) {
            self.changed.notify_one();
        }
    }
}

impl Drop for RunningStream {
    fn drop(&mut self) {
        let budget = &self.budget;
        self.cancellation.finish();
        budget.spare.lock().unwrap_or_else(PoisonError::into_inner).push(self.cancellation.clone());
        let before = budget.running.fetch_sub(1, Ordering::AcqRel);
        if before == 1 || before == budget.most {
            budget.changed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_taken_and_given_back() {
        let budget = ResetBudget::new(2);
        assert!(budget.is_idle());
        let (one, two) = (budget.begin(), budget.begin());
        assert!(budget.is_full());
        drop(one);
        assert!(!budget.is_full() && !budget.is_idle());
        drop(two);
        assert!(budget.is_idle());
    }

    #[test]
    fn what_is_answered_earns_what_is_taken_back_spends() {
        let budget = ResetBudget::new(1);
        for _ in 0..1000 {
            budget.taken_back();
            budget.answered();
        }
        assert!(!budget.is_spent());
        for _ in 0..PER_STREAM {
            assert!(!budget.is_spent());
            budget.taken_back();
        }
        assert!(budget.is_spent());
        budget.answered();
        assert!(budget.is_spent(), "there is no way back");
    }
}
