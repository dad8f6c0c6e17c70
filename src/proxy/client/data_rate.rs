//! How long the other end may keep us waiting for its bytes.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::proxy::clock;
use crate::proxy::settings::ClientLimits;

/// How fast bodies and answers have to pass, unless a request is given more time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MinDataRate {
    /// Between two pieces of a body.
    pub(crate) body_timeout: Duration,
    /// Between two pieces of an answer.
    pub(crate) write_timeout: Duration,
    /// Bytes per second in the long run, either way; 0: any.
    pub(crate) rate: u64,
}

impl MinDataRate {
    pub(crate) fn of(limits: &ClientLimits) -> Self {
        let rate = limits.min_rate.into();
        Self { body_timeout: limits.body_timeout, write_timeout: limits.write_timeout, rate }
    }

    /// For the body of a request.
    pub(crate) const fn to_read(self) -> RateBudget {
        RateBudget::new(self.body_timeout, self.rate)
    }

    /// For an answer.
    pub(crate) const fn to_write(self) -> RateBudget {
        RateBudget::new(self.write_timeout, self.rate)
    }
}

/// A budget of waiting: time spent waiting is taken from it, bytes that come earn it back, and it never holds more
/// than is allowed for one piece. So nobody is waited for longer than that, and who sends a byte now and then has to
/// reach the rate in the long run. Time in which nobody waits (the app is slow, not the client) costs nothing.
#[derive(Debug)]
pub(crate) struct RateBudget {
    most: Duration,
    /// Bytes per second; 0: as slow as you like, as long as each piece comes in time.
    rate: u64,
    left: Duration,
    since: Option<Instant>,
}

impl RateBudget {
    /// At most this long for one piece, and this many bytes per second in the long run.
    pub(crate) const fn new(most: Duration, rate: u64) -> Self {
        Self { most, rate, left: most, since: None }
    }

    /// What one piece may take.
    pub(crate) const fn most(&self) -> Duration {
        self.most
    }

    /// Nothing came: until when we wait.
    fn wait_until(&mut self) -> Instant {
        let since = *self.since.get_or_insert_with(clock::now);
        // An instant too far away to be told is as good as a day.
        since.checked_add(self.left).unwrap_or_else(|| clock::now() + Duration::from_secs(86_400))
    }

    /// Nothing came: we wait, or still wait.
    pub(crate) fn wait_on(&mut self) {
        if self.since.is_none() {
            self.since = Some(clock::now());
        }
    }

    /// So many bytes came. Whether they came in time.
    pub(crate) fn received(&mut self, bytes: usize) -> bool {
        // The clock is asked only if we waited.
        let waited = self.since.take().map_or(Duration::ZERO, |since| since.elapsed());
        self.received_after(waited, bytes)
    }

    fn received_after(&mut self, waited: Duration, bytes: usize) -> bool {
        let in_time = waited <= self.left;
        let earned = match (bytes as u64).saturating_mul(1000).checked_div(self.rate) {
            Some(millis) => Duration::from_millis(millis),
            None => self.most,
        };
        self.left = self.left.saturating_sub(waited).saturating_add(earned).min(self.most);
        in_time
    }

    /// The exchange goes on by other means: all is given back.
    pub(crate) const fn renew(&mut self) {
        (self.left, self.since) = (self.most, None);
    }

    /// One piece may take so long, if that is more than it may take already.
    pub(crate) fn stretch(&mut self, most: Duration) {
        if most > self.most {
            (self.most, self.left) = (most, most);
        }
    }

    /// From here on only the time for one piece counts.
    pub(crate) const fn relax(&mut self) {
        self.rate = 0;
        self.renew();
    }
}

/// Patience with an alarm, for one who polls.
#[derive(Debug)]
pub(crate) struct IdleTimer {
    pub(crate) budget: RateBudget,
    /// Rings at some deadline of the past and is then put forward: no timer is set for each piece.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl IdleTimer {
    pub(crate) const fn new(budget: RateBudget) -> Self {
        Self { budget, alarm: None }
    }

    /// Nothing came: ready once we have waited long enough.
    pub(crate) fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let until = self.budget.wait_until();
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        if alarm.deadline() > until {
            alarm.as_mut().reset(until);
        }
        while alarm.as_mut().poll(cx).is_ready() {
            if alarm.deadline() >= until {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(until);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn one_piece_is_waited_for_as_long_as_allowed() {
        let mut budget = RateBudget::new(30 * SECOND, 0);
        let start = Instant::now();
        assert_eq!(budget.wait_until(), start + 30 * SECOND);
        tokio::time::advance(29 * SECOND).await;
        assert_eq!(budget.wait_until(), start + 30 * SECOND, "still the same wait");
        assert!(budget.received(1));
        tokio::time::advance(100 * SECOND).await;
        assert!(budget.received(1), "nobody waited");
        budget.wait_on();
        tokio::time::advance(31 * SECOND).await;
        assert!(!budget.received(1_000_000));
        assert_eq!(RateBudget::new(Duration::MAX, 0).wait_until(), Instant::now() + 86_400 * SECOND);
    }

    #[test]
    fn a_drip_ends_and_what_flows_does_not() {
        let lives = |bytes: usize, every: Duration| {
            let mut budget = RateBudget::new(30 * SECOND, 240);
            (0..10_000).find(|_| !budget.received_after(every, bytes))
        };
        assert_eq!(lives(1, SECOND), Some(30));
        assert_eq!(lives(1, 29 * SECOND), Some(1));
        assert_eq!(lives(239, SECOND / 2), None);
        assert_eq!(lives(240, SECOND), None);
        assert_eq!(lives(7200, 30 * SECOND), None);
        assert_eq!(lives(1 << 30, 31 * SECOND), Some(0));
    }

    #[tokio::test(start_paused = true)]
    async fn an_alarm_rings_when_patience_is_over_and_not_before() {
        let mut waiting = IdleTimer::new(RateBudget::new(10 * SECOND, 1000));
        for (bytes, expected) in [(0, 10), (4000, 4), (1 << 20, 10), (3000, 3), (0, 0)] {
            waiting.budget.received(bytes);
            let start = Instant::now();
            std::future::poll_fn(|cx| waiting.poll_late(cx)).await;
            assert_eq!(start.elapsed().as_millis() / 1000, expected, "{bytes}");
        }
        waiting.budget.renew();
        let start = Instant::now();
        std::future::poll_fn(|cx| waiting.poll_late(cx)).await;
        assert_eq!(start.elapsed().as_millis() / 1000, 10);
    }

    proptest! {
        /// Whoever keeps the rate and lets no piece take too long is never cut; whoever stays below it always is.
        #[test]
        fn the_rate_decides(waits in prop::collection::vec(0_u64..29_000, 200..400)) {
            for fast in [true, false] {
                let mut budget = RateBudget::new(30 * SECOND, 1000);
                let mut piece = |wait: u64| match fast {
                    true => budget.received_after(Duration::from_millis(wait), usize::try_from(wait).unwrap() + 1),
                    false => budget.received_after(Duration::from_millis(wait + 161), usize::from(wait.is_multiple_of(2))),
                };
                prop_assert_eq!(waits.iter().all(|wait| piece(*wait)), fast);
            }
        }
    }
}
