//! Connections to an app that remembers, closes, speaks unasked and reads by halves, asked by many people at once: what one
//! reads never names another, what may not be repeated is seen once at most, and nobody gets a 502 whom a new connection
//! would have served.

mod app;
mod people;

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::front::Front;
use super::rig::settings;
use app::{Act, App};
use people::{Ask, People, WIRES};

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// All of these are asked: one after another on one connection, at once on several.
    Burst(Vec<Ask>),
    /// The app does this on a connection that waits for a request.
    App(Act, usize),
    /// A client closes a connection.
    HangUp(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop::collection::vec(people::ask(), 1..7).prop_map(Step::Burst),
        2 => (app::act(), any::<usize>()).prop_map(|(act, which)| Step::App(act, which)),
        1 => (0..people::NAMES.len(), 0..WIRES).prop_map(|(who, wire)| Step::HangUp(who, wire)),
    ]
}

async fn play(front: &Front, app: &App, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let people = Arc::new(People::new(front.rig.listen.plain[0], front.h2().await));
    for step in steps {
        match step {
            Step::Burst(asks) => {
                let mut by_wire = BTreeMap::<_, Vec<Ask>>::new();
                for (at, ask) in asks.into_iter().enumerate() {
                    // Streams of one HTTP/2 connection do not wait for each other.
                    let turn = if ask.http2 { at + 1 } else { 0 };
                    by_wire.entry((ask.who, ask.wire, turn)).or_default().push(ask);
                }
                let tasks = by_wire.into_values().map(|asks| tokio::spawn(people.clone().ask_all(asks)));
                for told in futures_util::future::join_all(tasks).await {
                    told.unwrap().map_err(TestCaseError::fail)?;
                }
            }
            Step::App(act, which) => app.tell(act, which).await,
            Step::HangUp(who, wire) => people.hang_up(who, wire).await,
        }
    }
    let repeated = app.seen_twice();
    prop_assert!(repeated.is_empty(), "seen twice: {:?}", repeated);
    Ok(())
}

/// `make fuzz` says how many cases there are.
fn cases(usual: u32) -> Config {
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    let cases = if asked { Config::default().cases / 20 } else { usual };
    Config { cases: cases.max(usual), failure_persistence: None, ..Config::default() }
}

fn run(tls: bool) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (front, app, _dir) = runtime.block_on(async {
        let (app, dir) = App::start(tls).await;
        let mut settings = settings(&[app.address]);
        app.trust(&mut settings);
        (Front::start(settings).await, app, dir)
    });
    let steps = prop::collection::vec(step(), 1..25);
    let outcome = TestRunner::new(cases(24)).run(&steps, |steps| runtime.block_on(play(&front, &app, steps)));
    outcome.unwrap();
}

#[test]
fn over_plain_http() {
    run(false);
}

#[test]
fn over_tls() {
    run(true);
}
