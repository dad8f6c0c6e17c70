//! A session ends with what its account was granted, whoever still lists it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use super::marks::Happening::{self, *};
use super::marks::{HAPPENINGS, happen};
use super::*;
use crate::auth::session::SessionToken;
use crate::auth::user::{UserId, Username};
use crate::flow::ports::{Account, AccountChange, Accounts, Answer, Records, StoreError};
use crate::flow::testing::{HOST, World, client, fast_settings};

/// What ends sessions, of all that can happen to an account.
fn ends_sessions(what: Happening) -> bool {
    !matches!(what, Nothing | SignIn | Rehash | BrowsersForgotten)
}

/// The accounts of a world, which can be out of reach, and count how often they are asked.
struct Reached {
    world: Arc<World>,
    away: AtomicBool,
    asked: AtomicUsize,
}

#[async_trait]
impl Accounts for Reached {
    async fn find(&self, name: &Username) -> Answer<Option<Account>> {
        self.world.find(name).await
    }

    async fn load(&self, id: &UserId) -> Answer<Option<Account>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.away.load(Ordering::SeqCst) {
            return Err(StoreError::new("database", "away"));
        }
        Accounts::load(&*self.world, id).await
    }

    async fn create_recorded(&self, account: &Account, records: &Records) -> Answer<bool> {
        self.world.create_recorded(account, records).await
    }

    async fn change_recorded(&self, id: &UserId, change: AccountChange, records: &Records) -> Answer<bool> {
        self.world.change_recorded(id, change, records).await
    }

    async fn delete_recorded(&self, id: &UserId, letters: &[String], records: &Records) -> Answer<bool> {
        self.world.delete_recorded(id, letters, records).await
    }

    async fn list(&self) -> Answer<Vec<Answer<Account>>> {
        self.world.list().await
    }
}

struct Stage {
    world: Arc<World>,
    reached: Arc<Reached>,
    user: UserId,
    token: SessionToken,
    flows: Arc<Flows>,
}

impl Stage {
    async fn new() -> Self {
        let world = World::new();
        let user = world.person("ann");
        let key = world.with_totp(&user);
        let reached =
            Arc::new(Reached { world: world.clone(), away: AtomicBool::new(false), asked: AtomicUsize::new(0) });
        let token = whole(&world.flows(), "ann", &client(), world.code(&key, 0)).await.token;
        let mut stage = Self { flows: world.flows(), world, reached, user, token };
        stage.flows = stage.node();
        stage
    }

    /// A node that knows nothing yet.
    fn node(&self) -> Arc<Flows> {
        self.world.forget_checks();
        let ports = crate::flow::ports::Ports { accounts: self.reached.clone(), ..self.world.ports() };
        Arc::new(Flows::new(ports, fast_settings()))
    }

    /// Whether the session is there; `None`: a fault.
    async fn goes_on(&self, flows: &Flows) -> Option<bool> {
        flows.session(&self.token, Channel::Cookie, HOST, false).await.ok().map(|found| found.is_some())
    }

    fn asked(&self) -> usize {
        self.reached.asked.swap(0, Ordering::SeqCst)
    }

    /// Lets what no request waits for be done.
    async fn clear_intent(&self) {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_session_ends_with_its_account_at_the_next_load_and_within_five_seconds_where_it_is_warm() {
    for (what, _) in HAPPENINGS {
        for (warm, after) in [(false, 0), (true, 0), (true, 1), (true, 2), (true, 3), (true, 5), (true, 60)] {
            let stage = Stage::new().await;
            if warm {
                assert_eq!(stage.goes_on(&stage.flows).await, Some(true));
            }
            // In the database alone: nobody told the state store.
            happen(&stage.world, &stage.user, what).await;
            stage.world.pass(Duration::from_secs(after));
            let first = stage.goes_on(&stage.flows).await;
            let ends = ends_sessions(what);
            if !warm || after >= 5 || !ends {
                assert_eq!(first, Some(!ends), "{what:?}, warm: {warm}, after {after} s");
            }
            stage.world.pass(Duration::from_secs(5 - after.min(5)));
            stage.clear_intent().await;
            assert_eq!(stage.goes_on(&stage.flows).await, Some(!ends), "{what:?}, warm: {warm}, after {after} s");
            assert_eq!(stage.world.look(|s| s.sessions.is_empty()), ends, "{what:?}: it is ended, not only refused");
        }
    }
}

#[tokio::test]
async fn who_comes_again_and_again_waits_for_the_database_once() {
    let stage = Stage::new().await;
    assert_eq!((stage.goes_on(&stage.flows).await, stage.asked()), (Some(true), 1), "when it is loaded");
    for _ in 0..100 {
        assert_eq!(stage.goes_on(&stage.flows).await, Some(true));
    }
    assert_eq!(stage.asked(), 0);
    for _ in 0..20 {
        stage.world.pass(Duration::from_secs(3));
        for _ in 0..100 {
            assert_eq!(stage.goes_on(&stage.flows).await, Some(true));
        }
        assert_eq!(stage.asked(), 0, "nobody waited");
        stage.clear_intent().await;
        assert_eq!(stage.asked(), 1, "and it was asked all the same");
    }
    // What was disabled meanwhile ends by that.
    stage.world.disable(&stage.user, true);
    stage.world.pass(Duration::from_secs(3));
    assert_eq!(stage.goes_on(&stage.flows).await, Some(true));
    stage.clear_intent().await;
    assert_eq!(stage.goes_on(&stage.flows).await, Some(false));
}

#[tokio::test]
async fn an_outage_of_the_database_ends_nothing_and_permits_nothing_new() {
    let stage = Stage::new().await;
    let other = stage.node();
    assert_eq!(stage.goes_on(&stage.flows).await, Some(true));
    stage.reached.away.store(true, Ordering::SeqCst);
    for _ in 0..29 {
        stage.world.pass(Duration::from_secs(10));
        assert_eq!(stage.goes_on(&stage.flows).await, Some(true), "asked about a short while ago");
        stage.world.forget_checks();
        assert_eq!(stage.goes_on(&other).await, None, "a node that never asked knows nothing");
        stage.clear_intent().await;
    }
    stage.world.pass(Duration::from_secs(11));
    assert_eq!(stage.goes_on(&stage.flows).await, None, "five minutes are over");
    assert_eq!(stage.world.look(|s| s.sessions.len()), 1, "and nothing has ended");
    stage.reached.away.store(false, Ordering::SeqCst);
    for flows in [&stage.flows, &other] {
        assert_eq!(stage.goes_on(flows).await, Some(true));
    }
    // An outage hides nothing for longer than it lasts.
    stage.reached.away.store(true, Ordering::SeqCst);
    stage.world.disable(&stage.user, true);
    stage.world.pass(Duration::from_secs(20));
    assert_eq!(stage.goes_on(&stage.flows).await, Some(true));
    stage.reached.away.store(false, Ordering::SeqCst);
    stage.world.pass(Duration::from_secs(2));
    assert_eq!(stage.goes_on(&stage.flows).await, Some(true), "nobody waits for a database that was away");
    stage.clear_intent().await;
    assert_eq!(stage.goes_on(&stage.flows).await, Some(false));
}

/// Where ends may have been missed, an answer of a moment ago counts no more, unless there is no other.
#[tokio::test]
async fn after_ends_were_missed_owners_are_asked_about_again() {
    let stage = Stage::new().await;
    assert_eq!(stage.goes_on(&stage.flows).await, Some(true));
    stage.world.disable(&stage.user, true);
    stage.world.forget_checks();
    assert_eq!(stage.goes_on(&stage.flows).await, Some(true), "asked about a moment ago");
    stage.flows.doubt_owners();
    stage.world.forget_checks();
    stage.reached.away.store(true, Ordering::SeqCst);
    assert_eq!(stage.goes_on(&stage.flows).await, Some(true), "an outage ends nothing");
    stage.reached.away.store(false, Ordering::SeqCst);
    stage.world.forget_checks();
    assert_eq!(stage.goes_on(&stage.flows).await, Some(false));
}

#[tokio::test]
async fn a_clock_that_is_set_back_makes_no_answer_younger() {
    let stage = Stage::new().await;
    assert_eq!(stage.goes_on(&stage.flows).await, Some(true));
    let session = stage.flows.session(&stage.token, Channel::Cookie, HOST, true).await.unwrap().unwrap();
    session.checked.note(crate::auth::time::Timestamp::from_secs(4_000_000_000));
    stage.world.disable(&stage.user, true);
    assert_eq!(stage.goes_on(&stage.flows).await, Some(false));
}

/// A record that was copied and put back opens; that all sessions were ended is counted in the database.
#[tokio::test]
async fn a_record_that_is_put_back_after_all_sessions_were_ended_is_of_no_use() {
    let stage = Stage::new().await;
    let session = stage.flows.session(&stage.token, Channel::Cookie, HOST, true).await.unwrap().unwrap();
    let copy = stage.world.look(|s| s.sessions.clone());
    stage.flows.logout(&stage.token, &session, true, &client()).await.unwrap();
    stage.world.look(|s| s.sessions = copy);
    assert_eq!(stage.goes_on(&stage.node()).await, Some(false));
    assert!(stage.world.look(|s| s.sessions.is_empty()));
}

/// Nor can it rise to a session that is.
#[tokio::test]
async fn a_session_that_is_over_does_not_rise() {
    for (what, _) in HAPPENINGS.into_iter().filter(|(what, _)| ends_sessions(*what) && *what != ResetMfa) {
        let stage = Stage::new().await;
        let session = stage.flows.session(&stage.token, Channel::Cookie, HOST, true).await.unwrap().unwrap();
        happen(&stage.world, &stage.user, what).await;
        let told = stage.flows.elevate(&stage.token, &session, Method::Password, secret(PASSWORD), &client()).await;
        assert!(is_rejected(&told.unwrap(), Rejection::SessionGone, RejectReason::NoSession), "{what:?}");
        let who = crate::flow::reply::CeremonyRef::Session(stage.token.clone(), session);
        let begun = stage.flows.begin_totp(&who, &client()).await.unwrap();
        assert!(matches!(begun, crate::flow::reply::EnrollReply::Gone), "{what:?}");
    }
}
