//! The task that sends, over an outbox and a provider of the test.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use tokio::sync::{Notify, watch};
use tokio::task::yield_now;

use super::{NOW, NoEntropy, TestClock, mail_to, text_to};
use crate::auth::time::Timestamp;
use crate::flow::ports::{
    Answer, Bounce, Clock as _, Fate, LeasedLetter, Letter, Notifier, Outbox, Recipient, SealedLetter, StoreError,
};
use crate::notify::sender::{LetterCounts, LetterSender, UnderWay};

struct Row {
    id: String,
    letter: Letter,
    due_at: Timestamp,
    expires_at: Timestamp,
    attempts: u32,
}

#[derive(Default)]
struct Rows {
    rows: Mutex<Vec<Row>>,
    woken: Notify,
    unreadable: bool,
    /// Where those who use it wait for each other in turn, as in one file.
    turn: Option<tokio::sync::Mutex<()>>,
}

impl Rows {
    async fn turn(&self) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        Some(self.turn.as_ref()?.lock().await)
    }
}

#[async_trait]
impl Outbox for Rows {
    fn seal(&self, _: &Letter, _: Timestamp, _: Timestamp) -> Answer<SealedLetter> {
        Err(StoreError::new("vault", "nothing is sealed here"))
    }

    async fn put(&self, letter: &Letter, now: Timestamp, expires_at: Timestamp) -> Answer<()> {
        let mut rows = self.rows.lock().unwrap();
        let id = format!("id-{}", rows.len());
        rows.push(Row { id, letter: letter.clone(), due_at: now, expires_at, attempts: 0 });
        self.woken.notify_one();
        Ok(())
    }

    async fn lease(&self, now: Timestamp, until: Timestamp, most: u32) -> Answer<Vec<LeasedLetter>> {
        let mut rows = self.rows.lock().unwrap();
        let due = rows.iter_mut().filter(|row| row.due_at <= now && now < row.expires_at).take(most as usize);
        let lease = |row: &mut Row| {
            row.due_at = until;
            row.attempts += 1;
            let unreadable = || Err(StoreError::new("vault", "it does not open"));
            let letter = if self.unreadable { unreadable() } else { Ok(row.letter.clone()) };
            LeasedLetter { id: row.id.clone(), letter, attempts: row.attempts, expires_at: row.expires_at }
        };
        Ok(due.map(lease).collect())
    }

    async fn done(&self, leased: &LeasedLetter, fate: Fate) -> Answer<()> {
        let _turn = self.turn().await;
        if self.turn.is_some() {
            // A write ends when it is polled again, whoever's it is.
            yield_now().await;
        }
        let mut rows = self.rows.lock().unwrap();
        match fate {
            Fate::Gone => rows.retain(|row| row.id != leased.id),
            Fate::Again(at) => rows.iter_mut().filter(|row| row.id == leased.id).for_each(|row| row.due_at = at),
        }
        Ok(())
    }

    async fn drop_expired(&self, now: Timestamp) -> Answer<u64> {
        let mut rows = self.rows.lock().unwrap();
        let before = rows.len();
        rows.retain(|row| now < row.expires_at);
        Ok((before - rows.len()) as u64)
    }

    async fn addressed_to(&self, _: &[Recipient]) -> Answer<Vec<String>> {
        Ok(Vec::new())
    }

    async fn kinds_for(&self, _: &[Recipient]) -> Answer<Vec<&'static str>> {
        Ok(Vec::new())
    }

    async fn waiting(&self) -> Answer<(u64, Option<Timestamp>)> {
        let _turn = self.turn().await;
        let rows = self.rows.lock().unwrap();
        Ok((rows.len() as u64, rows.iter().map(|row| row.due_at).min()))
    }

    async fn wake(&self) {
        self.woken.notified().await;
    }
}

/// Answers as it was told, then takes everything.
#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Bounce>>,
    sent: Mutex<Vec<String>>,
    taken: Notify,
    /// The first never comes back.
    stuck: bool,
    /// Lets one go on, where they are held.
    release: Option<Notify>,
}

#[async_trait]
impl Notifier for Script {
    async fn send(&self, id: &str, _: &Letter) -> Result<(), Bounce> {
        let first = {
            let mut sent = self.sent.lock().unwrap();
            sent.push(id.to_owned());
            sent.len() == 1
        };
        self.taken.notify_one();
        if self.stuck && first {
            std::future::pending::<()>().await;
        }
        if let Some(release) = &self.release {
            release.notified().await;
        }
        self.answers.lock().unwrap().pop_front().map_or(Ok(()), Err)
    }
}

struct Case {
    rows: Arc<Rows>,
    script: Arc<Script>,
    clock: Arc<TestClock>,
    counts: Arc<LetterCounts>,
}

impl Case {
    fn new(answers: impl IntoIterator<Item = Bounce>) -> Self {
        let script = Script { answers: Mutex::new(answers.into_iter().collect()), ..Script::default() };
        Self { rows: Arc::default(), script: Arc::new(script), clock: TestClock::new(), counts: Arc::default() }
    }

    fn sender(&self) -> LetterSender {
        LetterSender {
            outbox: self.rows.clone(),
            clock: self.clock.clone(),
            entropy: Arc::new(NoEntropy),
            notifier: self.script.clone(),
            counts: self.counts.clone(),
        }
    }

    /// Sends all that is due.
    async fn round(&self) {
        let (sender, mut under_way) = (self.sender(), UnderWay::new());
        loop {
            sender.fill(&mut under_way, &mut false).await.unwrap();
            match under_way.next().await {
                Some(settled) => settled.unwrap(),
                None => return,
            }
        }
    }

    async fn put(&self, letter: &Letter, lives: Duration) {
        let now = self.clock.now();
        self.rows.put(letter, now, now.plus(lives)).await.unwrap();
    }

    fn sent(&self) -> usize {
        self.script.sent.lock().unwrap().len()
    }

    fn counted(&self) -> Vec<(&'static str, &'static str, u64)> {
        self.counts.all().into_iter().filter(|(_, _, count)| *count > 0).collect()
    }
}

fn later(after: Option<u64>) -> Bounce {
    Bounce::Later { cause: "busy".to_owned(), after: after.map(Duration::from_secs) }
}

const MINUTES: Duration = Duration::from_secs(300);

#[tokio::test]
async fn letters_are_sent_once_and_go() {
    let case = Case::new([]);
    for letter in [mail_to("ann@example.test"), text_to("+15550100"), Letter::Nobody] {
        case.put(&letter, MINUTES).await;
    }
    case.round().await;
    assert_eq!(case.rows.waiting().await.unwrap().0, 0);
    assert_eq!(case.counted(), [("email", "sent", 1), ("sms", "sent", 1), ("none", "sent", 1)]);
    case.round().await;
    assert_eq!(case.sent(), 3);
    assert_eq!(case.counts.waiting(), (0, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_letter_that_has_its_turn_to_write_goes_on_while_more_is_looked_for() {
    let (turn, release) = (tokio::sync::Mutex::default(), Notify::new());
    let rows = Arc::new(Rows { turn: Some(turn), ..Rows::default() });
    let script = Arc::new(Script { release: Some(release), ..Script::default() });
    let case = Case { rows, script, ..Case::new([]) };
    let (sender, mut under_way) = (case.sender(), UnderWay::new());
    case.put(&mail_to("ann@example.test"), MINUTES).await;
    // The order in which these two are polled is left to chance: it is held until the look is over.
    sender.fill(&mut under_way, &mut false).await.unwrap();
    case.script.release.as_ref().unwrap().notify_one();
    assert!(futures_util::poll!(under_way.next()).is_pending());
    assert!(case.rows.turn.as_ref().unwrap().try_lock().is_err(), "it has its turn");
    case.put(&mail_to("bob@example.test"), MINUTES).await;
    let looked = tokio::time::timeout(MINUTES, sender.fill(&mut under_way, &mut false)).await;
    assert!(looked.is_ok(), "who looks waits for a turn that is never given back");
}

#[tokio::test]
async fn pauses_double_and_heed_the_provider() {
    let case = Case::new([later(None), later(None), later(Some(30)), later(Some(1))]);
    case.put(&mail_to("ann@example.test"), MINUTES).await;
    // Chance gives its least here: four fifths.
    for millis in [1600, 3200, 30_000, 12_800] {
        let pause = Duration::from_millis(millis);
        case.round().await;
        let due = case.rows.waiting().await.unwrap().1.unwrap();
        assert_eq!(due, case.clock.now().plus(pause));
        case.clock.pass(pause - Duration::from_millis(1));
        let before = case.sent();
        case.round().await;
        assert_eq!(case.sent(), before, "not before");
        case.clock.pass(Duration::from_millis(1));
    }
    case.round().await;
    assert_eq!((case.sent(), case.rows.waiting().await.unwrap().0), (5, 0));
    assert_eq!(case.counted(), [("email", "sent", 1), ("email", "later", 4)]);
}

#[tokio::test]
async fn what_never_will_be_taken_and_what_would_come_too_late_goes() {
    let case = Case::new([Bounce::Never { cause: "no such person".to_owned() }, later(Some(300))]);
    case.put(&mail_to("ann@example.test"), MINUTES).await;
    case.round().await;
    case.put(&mail_to("bob@example.test"), MINUTES).await;
    case.round().await;
    assert_eq!((case.sent(), case.rows.waiting().await.unwrap().0), (2, 0));
    case.put(&text_to("+15550100"), Duration::from_secs(1)).await;
    case.clock.pass(Duration::from_secs(1));
    case.round().await;
    assert_eq!((case.sent(), case.rows.waiting().await.unwrap().0), (2, 0), "its time was over");
    assert_eq!(case.counted(), [("email", "never", 1), ("email", "expired", 1), ("none", "expired", 1)]);
}

#[tokio::test]
async fn what_cannot_be_read_waits_for_whoever_can() {
    let mut case = Case::new([]);
    case.rows = Arc::new(Rows { unreadable: true, ..Rows::default() });
    case.put(&mail_to("ann@example.test"), MINUTES).await;
    case.round().await;
    assert_eq!((case.sent(), case.rows.waiting().await.unwrap().0), (0, 1));
}

#[tokio::test]
async fn a_sender_that_dies_between_sending_and_saying_so_sends_one_more_copy_at_most() {
    let mut case = Case::new([]);
    case.script = Arc::new(Script { stuck: true, ..Script::default() });
    case.put(&mail_to("ann@example.test"), MINUTES).await;
    let (_stop, stopping) = watch::channel(false);
    let dies = tokio::spawn(case.sender().run(stopping.clone()));
    case.script.taken.notified().await;
    dies.abort();
    let _ = dies.await;
    case.script = Arc::default();
    case.round().await;
    assert_eq!(case.sent(), 0, "the lease holds");
    case.clock.pass(Duration::from_secs(75));
    case.round().await;
    assert_eq!(case.sent(), 1, "and ends");
    assert_eq!(case.rows.waiting().await.unwrap().0, 0);
}

#[tokio::test]
async fn no_letter_waits_for_another() {
    let mut case = Case::new([]);
    case.script = Arc::new(Script { stuck: true, ..Script::default() });
    let (_stop, stopping) = watch::channel(false);
    let running = tokio::spawn(case.sender().run(stopping));
    for _ in 0..3 {
        case.put(&mail_to("ann@example.test"), MINUTES).await;
        let taken = tokio::time::timeout(Duration::from_secs(30), case.script.taken.notified()).await;
        taken.expect("it is sent while another is under way");
    }
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_says_nothing_does_not_hold_a_letter_longer_than_its_lease() {
    let mut case = Case::new([]);
    case.script = Arc::new(Script { stuck: true, ..Script::default() });
    case.put(&mail_to("ann@example.test"), MINUTES).await;
    case.round().await;
    let (waiting, due) = case.rows.waiting().await.unwrap();
    assert_eq!((waiting, due), (1, Some(NOW.plus(Duration::from_millis(1600)))));
}

#[tokio::test]
async fn it_wakes_when_a_letter_is_put_and_ends_when_the_process_stops() {
    let case = Case::new([]);
    let (stop, stopping) = watch::channel(false);
    let running = tokio::spawn(case.sender().run(stopping));
    for _ in 0..3 {
        case.put(&mail_to("ann@example.test"), MINUTES).await;
        case.script.taken.notified().await;
    }
    stop.send(true).unwrap();
    running.await.unwrap();
    case.put(&mail_to("ann@example.test"), MINUTES).await;
    assert_eq!(case.sent(), 3);
}
