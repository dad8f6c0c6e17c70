//! A process that is killed while it spends.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use super::{NOW, totp};
use crate::flow::ports::{Accounts as _, Authenticators as _, Records};
use crate::store::contract::samples::account;
use crate::store::sql::Database;

const CHILD_DATABASE: &str = "STEPGATE_TEST_DATABASE";

/// The process that is killed below; does nothing when it is run by itself.
#[tokio::test]
#[expect(clippy::print_stderr, reason = "how it tells its parent")]
#[ignore = "run by `what_was_spent_survives_kill_9` in a process of its own"]
async fn spends_until_killed() {
    let Ok(url) = std::env::var(CHILD_DATABASE) else { return };
    let database = Database::open(&url).await.unwrap();
    for step in 1.. {
        assert!(database.spend_step(&account("ann").identity.id, "one", step, NOW).await.unwrap());
        eprintln!("spent {step}");
    }
}

#[tokio::test]
async fn what_was_spent_survives_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", directory.path().join("stepgate.db").display());
    let database = Database::open(&url).await.unwrap();
    let id = account("ann").identity.id;
    assert!(database.create(&account("ann")).await.unwrap());
    database.put_totp(&id, &totp(), true, Records::NONE).await.unwrap();
    for _ in 0..3 {
        database.put_totp(&id, &totp(), true, Records::NONE).await.unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::sql::tests::killed::spends_until_killed", "--ignored", "--nocapture"])
            .env(CHILD_DATABASE, &url)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let spent = |line: String| line.strip_prefix("spent ").and_then(|step| step.parse::<u64>().ok());
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let told = lines.by_ref().map_while(Result::ok).filter_map(spent).nth(20).expect("it works");
        child.kill().unwrap();
        child.wait().unwrap();
        // What it managed to say before it died was spent as well.
        let last = lines.map_while(Result::ok).filter_map(spent).last().unwrap_or(told);
        assert!(last >= 21);
        assert!(!database.spend_step(&id, "one", last, NOW).await.unwrap(), "what was spent stays spent");
        assert!(database.spend_step(&id, "one", last + 1000, NOW).await.unwrap(), "and the file still works");
    }
}
