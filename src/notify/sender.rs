//! The task that sends what waits in the outbox; one per node.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::watch;

use crate::flow::ports::{
    Answer, Bounce, Clock, Entropy, Fate, LeasedLetter, Letter, Notifier, Outbox, Recipient, StoreError,
};

/// How long a letter is ours: longer than a provider may take over it.
const LEASE: Duration = Duration::from_secs(75);
/// How long a provider may take in all.
const PATIENCE: Duration = Duration::from_secs(60);
/// Letters sent at once.
const AT_ONCE: u32 = 8;
/// Between two looks, where nothing is put here: another node may have left something.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// The first pause after a letter was not taken; it doubles from there.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What became of letters, by channel.
#[derive(Debug, Default)]
pub struct LetterCounts {
    outcomes: [[AtomicU64; 4]; 3],
    waiting: AtomicU64,
    overdue_ms: AtomicU64,
}

/// The channels and the outcomes, as labels.
const CHANNELS: [&str; 3] = ["email", "sms", "none"];
const OUTCOMES: [&str; 4] = ["sent", "later", "never", "expired"];

#[derive(Clone, Copy)]
enum LetterOutcome {
    Sent,
    Later,
    Never,
    Expired,
}

impl LetterCounts {
    /// Channel, outcome, count.
    pub fn all(&self) -> Vec<(&'static str, &'static str, u64)> {
        let rows = CHANNELS.into_iter().zip(&self.outcomes);
        rows.flat_map(|(channel, row)| {
            OUTCOMES.into_iter().zip(row).map(move |(outcome, count)| (channel, outcome, count.load(Ordering::Relaxed)))
        })
        .collect()
    }

    /// How many letters waited at the last look, and how long the first of them had been due.
    pub fn waiting(&self) -> (u64, Duration) {
        let overdue = Duration::from_millis(self.overdue_ms.load(Ordering::Relaxed));
        (self.waiting.load(Ordering::Relaxed), overdue)
    }

    fn saw(&self, waiting: u64, overdue: Duration) {
        self.waiting.store(waiting, Ordering::Relaxed);
        self.overdue_ms.store(u64::try_from(overdue.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn count(&self, channel: &'static str, outcome: LetterOutcome, by: u64) {
        let row = CHANNELS.iter().position(|one| *one == channel).and_then(|at| self.outcomes.get(at));
        if let Some(cell) = row.and_then(|row| row.get(outcome as usize)) {
            cell.fetch_add(by, Ordering::Relaxed);
        }
    }
}

/// What sends letters.
pub struct LetterSender {
    pub outbox: Arc<dyn Outbox>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub notifier: Arc<dyn Notifier>,
    pub counts: Arc<LetterCounts>,
}

impl LetterSender {
    /// Goes on until the process stops; what is under way then is finished. If the process ends before that, its lease
    /// ends, and whoever looks next sends it again.
    pub async fn run(self, mut stopping: watch::Receiver<bool>) {
        let (mut under_way, mut failing) = (UnderWay::new(), false);
        while !*stopping.borrow() {
            let looked = self.fill(&mut under_way, &mut failing).await;
            let pause = *looked.as_ref().unwrap_or(&LOOK_EVERY);
            note(looked.err(), &mut failing);
            tokio::select! {
                Some(settled) = under_way.next() => note(settled.err(), &mut failing),
                () = self.outbox.wake() => {}
                () = tokio::time::sleep(pause) => {}
                _ = stopping.wait_for(|stopping| *stopping) => break,
            }
        }
        while let Some(settled) = under_way.next().await {
            note(settled.err(), &mut failing);
        }
    }

    /// Begins to send what is due, as far as there is room; says how long nothing more will be.
    ///
    /// What is under way goes on meanwhile: a letter that has its turn to write and is not polled would hold up every writer.
    pub(super) async fn fill<'a>(&'a self, under_way: &mut UnderWay<'a>, failing: &mut bool) -> Answer<Duration> {
        loop {
            let room = AT_ONCE.saturating_sub(u32::try_from(under_way.len()).unwrap_or(u32::MAX));
            if room == 0 {
                return Ok(LOOK_EVERY);
            }
            let mut look = std::pin::pin!(self.look(room));
            let looked = loop {
                tokio::select! {
                    looked = &mut look => break looked?,
                    Some(settled) = under_way.next() => note(settled.err(), failing),
                }
            };
            match looked {
                Looked::Pause(pause) => return Ok(pause),
                Looked::Leased(leased) => {
                    for one in leased {
                        under_way.push(async move { self.settle(&one).await }.boxed());
                    }
                }
            }
        }
    }

    /// Leases what is due, as far as there is room.
    async fn look(&self, room: u32) -> Answer<Looked> {
        let (waiting, due) = self.outbox.waiting().await?;
        let now = self.clock.now();
        self.counts.saw(waiting, due.map(|due| now.since(due)).unwrap_or_default());
        let Some(due) = due else { return Ok(Looked::Pause(LOOK_EVERY)) };
        if due > now {
            return Ok(Looked::Pause(due.since(now).min(LOOK_EVERY)));
        }
        let expired = self.outbox.drop_expired(now).await?;
        if expired > 0 {
            tracing::warn!(target: "notify", letters = expired, "letters were dropped: their time was over");
            self.counts.count("none", LetterOutcome::Expired, expired);
        }
        let leased = self.outbox.lease(now, now.plus(LEASE), room).await?;
        Ok(if leased.is_empty() && expired == 0 { Looked::Pause(LOOK_EVERY) } else { Looked::Leased(leased) })
    }

    async fn settle(&self, leased: &LeasedLetter) -> Answer<()> {
        let fate = match &leased.letter {
            Ok(letter) => self.send(leased, letter).await?,
            Err(fault) => {
                tracing::error!(target: "notify", letter = leased.id, %fault, "a letter cannot be read");
                self.again("none", leased, None)?
            }
        };
        self.outbox.done(leased, fate).await
    }

    async fn send(&self, leased: &LeasedLetter, letter: &Letter) -> Answer<Fate> {
        let (id, attempt, channel) = (leased.id.as_str(), leased.attempts, channel(letter));
        let sent = tokio::time::timeout(PATIENCE, self.notifier.send(id, letter)).await;
        match sent.unwrap_or_else(|_| Err(Bounce::Later { cause: "no answer".to_owned(), after: None })) {
            Ok(()) => {
                self.counts.count(channel, LetterOutcome::Sent, 1);
                if channel != "none" {
                    tracing::info!(target: "notify", letter = id, channel, attempt, "sent");
                }
                Ok(Fate::Gone)
            }
            Err(Bounce::Never { cause }) => {
                self.counts.count(channel, LetterOutcome::Never, 1);
                tracing::error!(target: "notify", letter = id, channel, attempt, cause, "a letter will never be taken");
                Ok(Fate::Gone)
            }
            Err(Bounce::Later { cause, after }) => {
                tracing::warn!(target: "notify", letter = id, channel, attempt, cause, "a letter was not taken");
                self.again(channel, leased, after)
            }
        }
    }

    /// When a letter is tried again; one that would be of no use by then goes.
    fn again(&self, channel: &'static str, leased: &LeasedLetter, after: Option<Duration>) -> Answer<Fate> {
        let mut byte = [0];
        self.entropy.fill(&mut byte)?;
        let [random] = byte;
        let pause = pause(leased.attempts, random).max(after.unwrap_or_default());
        let at = self.clock.now().plus(pause);
        if at < leased.expires_at {
            self.counts.count(channel, LetterOutcome::Later, 1);
            return Ok(Fate::Again(at));
        }
        self.counts.count(channel, LetterOutcome::Expired, 1);
        tracing::error!(target: "notify", letter = leased.id, channel, "a letter was given up: its time will be over");
        Ok(Fate::Gone)
    }
}

/// What a look at the outbox found.
enum Looked {
    /// Letters to be sent now.
    Leased(Vec<LeasedLetter>),
    /// Nothing, for so long.
    Pause(Duration),
}

/// Letters that are being sent. None waits for another: a provider may be slow for one channel, or for one person.
pub(super) type UnderWay<'a> = FuturesUnordered<BoxFuture<'a, Answer<()>>>;

/// Tells of an outbox that does not answer, once.
fn note(fault: Option<StoreError>, failing: &mut bool) {
    if let Some(fault) = fault.as_ref().filter(|_| !*failing) {
        tracing::warn!(target: "notify", %fault, "the outbox does not answer; letters wait");
    }
    *failing = fault.is_some();
}

const fn channel(letter: &Letter) -> &'static str {
    match letter.recipient() {
        Some(Recipient::Email(_)) => "email",
        Some(Recipient::Phone(_)) => "sms",
        None => "none",
    }
}

/// The pause after so many attempts: between four and six fifths of it, so that letters which failed together do not all
/// come back together.
fn pause(attempts: u32, random: u8) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1)));
    let whole = doubled.min(LONGEST_PAUSE);
    whole * 4 / 5 + whole * 2 / 5 * u32::from(random) / 255
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_five_minutes_and_vary_by_a_fifth() {
        for (attempts, seconds) in [(0, 2), (1, 2), (2, 4), (3, 8), (8, 256), (9, 300), (u32::MAX, 300)] {
            let whole = Duration::from_secs(seconds);
            assert_eq!(pause(attempts, 0), whole * 4 / 5);
            assert_eq!(pause(attempts, 255), whole * 6 / 5);
        }
    }
}
