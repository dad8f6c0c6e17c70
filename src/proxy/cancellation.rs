//! What ends the request that a task is at: the end of its session, or an app that is silent for too long.
//!
//! A task takes one request after another (a connection of HTTP/1) or a single one (a stream of HTTP/2). It is not
//! aborted, or nothing would be logged: it is woken, and the next thing it reads or writes fails.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::clock;
use super::live::grant::Grant;

tokio::task_local! {
    /// Of the task at hand.
    static CURRENT: Arc<Cancellation>;
}

/// A request at work for so long lasts.
const LASTS: Duration = Duration::from_secs(1);

/// Keeps the requests that last.
pub(crate) trait LastingRequests {
    /// One of them, until dropped.
    type Entry;
    fn enter(&self, of: &Arc<Cancellation>, round: u32, grant: Grant) -> Self::Entry;
    /// What passed on one is a use of its session.
    fn used(&self, entry: &Self::Entry);
}

/// Why a request is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndReason {
    /// The session that it was permitted to has ended.
    Session,
    /// The app was silent for too long.
    Silence,
}

/// Ends the requests of one task, each by its round, so that no request pays for the one before it.
#[derive(Debug)]
pub(crate) struct Cancellation {
    task: Mutex<Option<Waker>>,
    /// Odd while a request is at work.
    round: AtomicU32,
    /// The round that is to end, and why; 0: none.
    cancelled: AtomicU64,
    /// When that began, in milliseconds after `started`.
    begun: AtomicU64,
    /// The round that lasts.
    lasting: AtomicU32,
    /// It is asked by what it is at work.
    asked: AtomicBool,
    /// By what a round is at work.
    granted: Mutex<Option<(u32, Grant)>>,
    /// From when on what passes is a use that is to be noted, in milliseconds after `started`; 0: nobody watches.
    use_from: AtomicU64,
    /// Something passed since.
    used: AtomicBool,
    started: Instant,
    /// How long the app may be silent, in milliseconds; 0: nobody watches.
    silence: AtomicU64,
    /// Until when, in milliseconds after `started`.
    until: AtomicU64,
}

impl Cancellation {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            task: Mutex::default(),
            round: AtomicU32::new(0),
            cancelled: AtomicU64::new(0),
            begun: AtomicU64::new(0),
            lasting: AtomicU32::new(0),
            asked: AtomicBool::new(false),
            granted: Mutex::default(),
            use_from: AtomicU64::new(0),
            used: AtomicBool::new(false),
            started: clock::now(),
            silence: AtomicU64::new(0),
            until: AtomicU64::new(0),
        })
    }

    /// Of the task at hand; `None` only for tasks that did not come through our own accept loop.
    pub(crate) fn current() -> Option<Arc<Self>> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Runs a task that can be cancelled.
    pub(crate) async fn run<F: Future>(self: &Arc<Self>, live: &impl LastingRequests, task: F) -> F::Output {
        let mut task = pin!(CURRENT.scope(self.clone(), task));
        let (mut alarm, mut lasting, mut entry, mut known) = (None, None, None, false);
        let done = poll_fn(|cx| {
            if !std::mem::replace(&mut known, true) {
                // A task has one waker for all its life.
                *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
            }
            loop {
                if let Poll::Ready(done) = task.as_mut().poll(cx) {
                    return Poll::Ready(done);
                }
                self.attend(live, &mut entry);
                if self.poll_lasting(&mut lasting, cx).is_ready() {
                    continue;
                }
                if self.poll_silence(&mut alarm, cx).is_pending() {
                    return Poll::Pending;
                }
                self.cancel(self.round(), EndReason::Silence);
            }
        })
        .await;
        // It would keep what is left of the task.
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = None;
        done
    }

    /// Enters a request that lasts among those that do, until it is over, and tells that it is used.
    fn attend<L: LastingRequests>(self: &Arc<Self>, live: &L, entry: &mut Option<(u32, L::Entry)>) {
        let round = self.round();
        if entry.as_ref().is_some_and(|(of, _)| *of != round) {
            *entry = None;
        }
        match entry {
            Some((_, entry)) if self.used.load(Ordering::Relaxed) => {
                self.used.store(false, Ordering::Relaxed);
                live.used(entry);
            }
            None if self.lasting.load(Ordering::Relaxed) == round => {
                let granted = self.granted.lock().unwrap_or_else(PoisonError::into_inner).take();
                *entry =
                    granted.filter(|(of, _)| *of == round).map(|(_, grant)| (round, live.enter(self, round, grant)));
            }
            _ => {}
        }
    }

    /// Ready when the request at work begins to last, once.
    fn poll_lasting(&self, alarm: &mut Option<Pin<Box<Sleep>>>, cx: &mut Context<'_>) -> Poll<()> {
        let round = self.round();
        if round.is_multiple_of(2) || self.lasting.load(Ordering::Relaxed) == round {
            return Poll::Pending;
        }
        let due = self.started + Duration::from_millis(self.begun.load(Ordering::Relaxed)) + LASTS;
        let alarm = alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        loop {
            std::task::ready!(alarm.as_mut().poll(cx));
            if alarm.deadline() >= due {
                self.lasts();
                return Poll::Ready(());
            }
            // It rang for a request of the past, and is put forward: no timer is set for each.
            alarm.as_mut().reset(due);
        }
    }

    /// The request at work is one that lasts.
    pub(crate) fn lasts(&self) {
        self.lasting.store(self.round(), Ordering::Relaxed);
        self.asked.store(self.granted.lock().unwrap_or_else(PoisonError::into_inner).is_none(), Ordering::Relaxed);
    }

    /// Ready when the app was silent for too long, once.
    fn poll_silence(&self, alarm: &mut Option<Pin<Box<Sleep>>>, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(until) = self.silent_until() {
            let alarm = alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
            if alarm.deadline() > until {
                alarm.as_mut().reset(until);
            }
            std::task::ready!(alarm.as_mut().poll(cx));
            if alarm.deadline() >= until {
                self.silence.store(0, Ordering::Relaxed);
                return Poll::Ready(());
            }
            // It rang for a deadline of the past, and is put forward: no timer is set for each piece.
            alarm.as_mut().reset(until);
        }
        Poll::Pending
    }

    fn silent_until(&self) -> Option<Instant> {
        let watched = self.silence.load(Ordering::Relaxed) > 0;
        watched.then(|| self.started + Duration::from_millis(self.until.load(Ordering::Relaxed)))
    }

    /// From here on the app may be silent for so long.
    pub(crate) fn expect_within(&self, silence: Duration) {
        let millis = u64::try_from(silence.as_millis()).unwrap_or(u64::MAX / 2).max(1);
        self.silence.store(millis, Ordering::Relaxed);
        self.touch();
    }

    /// The app spoke, or was not listened to.
    pub(crate) fn touch(&self) {
        let silence = self.silence.load(Ordering::Relaxed);
        if silence > 0 {
            let now = self.millis_at(clock::now());
            // An hour for ever is as good as for ever, and can be added to an instant.
            self.until.store(now.saturating_add(silence.min(FOR_EVER)), Ordering::Relaxed);
        }
    }

    fn millis_at(&self, time: Instant) -> u64 {
        u64::try_from(time.saturating_duration_since(self.started).as_millis()).unwrap_or(u64::MAX / 2)
    }

    /// Something passed, either way.
    pub(crate) fn passed(&self) {
        let from = self.use_from.load(Ordering::Relaxed);
        if from > 0 && self.millis_at(clock::now()) >= from {
            self.use_from.store(0, Ordering::Relaxed);
            self.used.store(true, Ordering::Relaxed);
        }
    }

    /// The next that passes in a round is a use.
    pub(super) fn watch_use(&self, round: u32) {
        self.watch_use_from(round, self.started);
    }

    /// What passes in a round is a use, from some time on.
    pub(super) fn watch_use_from(&self, round: u32, from: Instant) {
        if round == self.round() {
            self.use_from.store(self.millis_at(from).max(1), Ordering::Relaxed);
        }
    }

    /// A request begins, or began.
    pub(crate) fn begin(&self, at: Instant) {
        self.begun.store(self.millis_at(at), Ordering::Relaxed);
        let round = self.round.load(Ordering::Relaxed);
        self.round.store(round.wrapping_add(1) | 1, Ordering::Release);
    }

    /// It is over.
    pub(crate) fn finish(&self) {
        self.silence.store(0, Ordering::Relaxed);
        self.use_from.store(0, Ordering::Relaxed);
        self.asked.store(false, Ordering::Relaxed);
        let round = self.round.load(Ordering::Relaxed);
        self.round.store((round | 1).wrapping_add(1), Ordering::Release);
    }

    fn wake(&self) {
        if let Some(task) = self.task.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            task.wake_by_ref();
        }
    }

    pub(super) fn round(&self) -> u32 {
        self.round.load(Ordering::Acquire)
    }

    /// Ends the request of a round, if it is still at work.
    pub(super) fn cancel(&self, round: u32, end: EndReason) {
        let why = match end {
            EndReason::Session => 1,
            EndReason::Silence => 2,
        };
        self.cancelled.store(u64::from(round) << 2 | why, Ordering::Release);
        self.wake();
    }

    /// Whether the request at work is to end, and why.
    pub(crate) fn end(&self) -> Option<EndReason> {
        let cancelled = self.cancelled.load(Ordering::Acquire);
        if cancelled == 0 || cancelled >> 2 != u64::from(self.round()) {
            return None;
        }
        Some(if cancelled & 1 == 1 { EndReason::Session } else { EndReason::Silence })
    }

    /// Whether it is asked by what the request at work is.
    pub(crate) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Notes by what the request at work is.
    pub(crate) fn grant(&self, grant: Option<Grant>) {
        self.asked.store(false, Ordering::Relaxed);
        let round = self.round();
        *self.granted.lock().unwrap_or_else(PoisonError::into_inner) = grant.map(|grant| (round, grant));
    }
}

/// A year, in milliseconds.
const FOR_EVER: u64 = 365 * 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::live::registry::LiveRequests;

    #[tokio::test(start_paused = true)]
    async fn an_app_is_waited_for_as_long_as_it_may_be_silent_each_time() {
        let cancellation = Cancellation::new();
        let task = async {
            let me = Cancellation::current().unwrap();
            me.begin(clock::now());
            let start = clock::now();
            me.expect_within(Duration::from_secs(60));
            for _ in 0..5 {
                tokio::time::sleep(Duration::from_secs(50)).await;
                assert_eq!(me.end(), None);
                me.touch();
            }
            poll_fn(|_| if me.end().is_some() { Poll::Ready(()) } else { Poll::Pending }).await;
            assert_eq!((me.end(), start.elapsed().as_secs()), (Some(EndReason::Silence), 310));
            me.finish();
            me.begin(clock::now());
            assert_eq!(me.end(), None, "the next request pays for nothing");
        };
        cancellation.run(&Arc::<LiveRequests>::default(), task).await;
    }

    #[tokio::test]
    async fn a_round_is_ended_and_no_other() {
        let cancellation = Cancellation::new();
        cancellation.begin(clock::now());
        let first = cancellation.round();
        cancellation.finish();
        cancellation.begin(clock::now());
        cancellation.cancel(first, EndReason::Session);
        assert_eq!(cancellation.end(), None);
        cancellation.cancel(cancellation.round(), EndReason::Session);
        assert_eq!(cancellation.end(), Some(EndReason::Session));
    }
}
