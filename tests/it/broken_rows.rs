//! Rows that no version of this program has written: lists show the rest, and nobody gets in by them.

use std::path::Path;

use serde_json::Value;

use crate::support::command::{Ended, run, run_with};
use crate::support::gateway::Gateway;
use crate::support::process::wait_until;
use crate::support::raw::{Answer, Wire};
use crate::support::small::{PASSWORD, start};

/// What breaks the row of an account, or one of those that belong to it.
const BREAKS: [&str; 9] = [
    "update accounts set username = 'Ann' where id = $1",
    "update accounts set disabled = 7 where id = $1",
    "update accounts set disabled = 'no' where id = $1",
    "update accounts set created_at = -1 where id = $1",
    "update accounts set password_hash = x'ff' where id = $1",
    "update account_groups set name = x'ff' where account_id = $1",
    "update totp set secret = '!' where account_id = $1",
    "update totp set digits = 300 where account_id = $1",
    "update backup_sets set salt = 7 where account_id = $1",
];

/// Works on the file as an operator with a shell might.
async fn by_hand(file: &Path, sql: &'static str, id: &str) {
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", file.display())).await.unwrap();
    sqlx::query(sql).bind(id).execute(&pool).await.unwrap();
    pool.close().await;
}

fn add(config: &str, name: &str) -> String {
    let args = ["user", "add", name, "-c", config, "--password-stdin", "--json", "--group", "staff", "--totp"];
    let ended = run_with(&args, PASSWORD.as_bytes());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    serde_json::from_str::<Value>(&ended.stdout).unwrap()["id"].as_str().unwrap().to_owned()
}

fn login(gateway: &Gateway, name: &str) -> Answer {
    let body = format!("{{\"username\":\"{name}\",\"password\":\"{PASSWORD}\"}}");
    let head = "POST /.stepgate/api/v1/login HTTP/1.1\r\nHost: app.test\r\nContent-Type: application/json\r\n";
    let length = body.len();
    Wire::to(&gateway.url).send(format!("{head}Content-Length: {length}\r\n\r\n{body}").as_bytes())
}

/// The list is told but for one row, which is named on stderr.
fn names_the_gap(ended: &Ended, id: &str, sql: &str) {
    assert_eq!(ended.code, 1, "{sql}: {}", ended.stderr);
    assert!(ended.stderr.contains(id) && ended.stderr.contains("1 could not be read"), "{sql}: {}", ended.stderr);
}

#[tokio::test]
async fn a_broken_row_hides_no_other_and_admits_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = start(folder.path(), "").await;
    let (file, config) = (folder.path().join("users.db"), folder.path().join("stepgate.yaml").display().to_string());
    for (n, sql) in BREAKS.into_iter().enumerate() {
        let name = format!("ann{n}");
        let id = add(&config, &name);
        by_hand(&file, "insert into backup_sets values ($1, 'AQID')", &id).await;
        by_hand(&file, sql, &id).await;

        for json in [false, true] {
            let more: &[&str] = if json { &["--json"] } else { &[] };
            let users = run(&[&["user", "list", "-c", &config], more].concat());
            names_the_gap(&users, &id, sql);
            let others = if json { "\"username\":\"ann\"" } else { "\nann " };
            assert!(users.stdout.contains(others) && !users.stdout.contains(&name), "{sql}: {}", users.stdout);
            let sessions = run(&[&["session", "list", "-c", &config], more].concat());
            if sql.contains("account_groups") || sql.contains("update accounts") {
                names_the_gap(&sessions, &id, sql);
            } else {
                assert_eq!(sessions.code, 0, "what somebody enrolled is not looked at: {}", sessions.stderr);
            }
        }

        // The row of another name is not found at all.
        let answer = login(&gateway, &name);
        let unknown = sql.contains("username");
        assert_eq!(answer.status, if unknown { 401 } else { 503 }, "{sql}");
        let told = || gateway.process.stderr().lines().any(|line| line.contains("ERROR") && line.contains(&id));
        assert!(unknown || wait_until(|| told().then_some(())).is_some(), "{sql}: {}", gateway.process.stderr());
        assert!(!gateway.process.stderr().contains("panicked"));
        assert_eq!(login(&gateway, "ann").status, 200, "{sql}: nobody else is concerned");
        by_hand(&file, "delete from accounts where id = $1", &id).await;
    }
    assert_eq!(run(&["user", "list", "-c", &config]).code, 0);
}

#[tokio::test]
async fn a_session_that_cannot_be_read_is_named_by_the_list_and_left_there() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = start(folder.path(), "").await;
    let (file, config) = (folder.path().join("users.db"), folder.path().join("stepgate.yaml").display().to_string());
    for _ in 0..2 {
        assert_eq!(login(&gateway, "ann").status, 200);
    }
    let sql = "update state_sessions set body = $1 where key = (select min(key) from state_sessions)";
    by_hand(&file, sql, "canary-of-a-value").await;
    for _ in 0..2 {
        let listed = run(&["session", "list", "-c", &config, "--json"]);
        names_the_gap(&listed, "a session of ann (", sql);
        assert!(!listed.stderr.contains("canary"), "{}", listed.stderr);
        let sessions: Value = serde_json::from_str(&listed.stdout).unwrap();
        assert_eq!(sessions.as_array().unwrap().len(), 1, "{sessions}");
    }
    let ended = run(&["session", "revoke", "--user", "ann", "-c", &config]);
    assert!(ended.stderr.contains("2 sessions ended"), "{}", ended.stderr);
    assert_eq!(run(&["session", "list", "-c", &config]).code, 0);
}
