//! `stepgate risk replay` over trails that were written by hand, and over one that a gateway wrote.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::support::command::{run, run_with};
use crate::support::gateway::Gateway;
use crate::support::process::wait_until;
use crate::support::raw::Wire;
use crate::support::servers::{Postgres, Redis};
use crate::support::small::{PASSWORD, start};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
const INSERT: &str =
    "insert into audit (at, action, user_id, username, client_ip, event) values ($1, $2, $3, $4, $5, $6)";

/// A row: when, of whom, and the event.
type Row = (i64, &'static str, Value);

#[expect(clippy::disallowed_methods, reason = "a command reads the trail up to the real now")]
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}

struct SignIn {
    ago: i64,
    who: &'static str,
    score: f64,
    /// How many sign-ins were learnt before.
    before: u32,
    level: &'static str,
    action: &'static str,
    cohorts: &'static [&'static str],
    rule: &'static str,
    opened: bool,
}

const USUAL: SignIn = SignIn {
    ago: 0,
    who: "ann",
    score: 0.0,
    before: 20,
    level: "low",
    action: "permit",
    cohorts: &[],
    rule: "plain",
    opened: true,
};

fn rows(sign_in: &SignIn) -> Vec<Row> {
    let SignIn { ago, who, score, before, level, action, cohorts, rule, opened } = sign_in;
    let at = now() - ago;
    let required = if *rule == "strict" { "two_factor" } else { "one_factor" };
    let assessed = json!({"action": "sign_in_assessed", "level": level, "risk": {
        "score": score, "action": action, "shadow": false, "sign_ins": before, "pinned": false, "dormant": false,
        "terms": [{"signal": "network", "evidence": score, "text": "A network."}],
        "cohorts": cohorts, "required": required, "guards": [{"host": "app.test", "rule": rule}]}});
    let opening = json!({"action": "session_opened", "learnt": true});
    let opened = opened.then_some((at + 5_000, *who, opening));
    std::iter::once((at, *who, assessed)).chain(opened).collect()
}

/// Ten days of four people and an attack, of which the test below counts by hand what a file would do.
fn trail() -> Vec<Row> {
    let mut all = Vec::new();
    for day in 1..=10 {
        all.push(SignIn { ago: day * DAY + HOUR, cohorts: &["mobile"], ..USUAL });
    }
    all.push(SignIn {
        ago: 5 * DAY,
        score: 2.5,
        level: "medium",
        action: "step_up",
        cohorts: &["new_network", "no_device"],
        ..USUAL
    });
    for day in 2..=5 {
        let cohorts: &[&str] = if day == 5 { &["ipv6", "new_network"] } else { &["ipv6"] };
        all.push(SignIn { ago: day * DAY, who: "bob", score: 1.6, cohorts, ..USUAL });
    }
    all.push(SignIn { ago: 3 * DAY, who: "carol", before: 1, level: "unscored", ..USUAL });
    all.push(SignIn {
        ago: HOUR,
        who: "dave",
        score: 3.0,
        level: "medium",
        action: "step_up",
        rule: "strict",
        ..USUAL
    });
    let attack = SignIn { ago: 2 * DAY, score: 6.0, level: "high", action: "deny", opened: false, ..USUAL };
    all.push(attack);
    // Longer ago than is looked at.
    all.push(SignIn { ago: 40 * DAY, who: "eve", score: 9.0, ..USUAL });
    let requests = [
        // Ann moved: asked at once, twice at one address, and once more at another one.
        (USUAL.who, "a", "192.0.2.1", used("low", "plain", &["network"], "permit", false)),
        (USUAL.who, "a", "192.0.2.1", used("low", "strict", &["network"], "permit", false)),
        (USUAL.who, "a", "192.0.2.9", used("low", "plain", &["network", "browser"], "step_up", false)),
        // Bob has shown that it is him, and carol only has another browser.
        ("bob", "b", "192.0.2.1", used("medium", "plain", &["network"], "permit", true)),
        ("carol", "c", "192.0.2.1", used("low", "plain", &["browser"], "permit", false)),
        // Dave came in by the API for nothing, at a level that the file denies.
        ("dave", "d", "192.0.2.1", used("high", "plain", &[], "permit", false)),
    ];
    let mut rows: Vec<Row> = all.iter().flat_map(rows).collect();
    for (who, session, ip, mut event) in requests {
        event["session"] = json!(session);
        event["ip"] = json!(ip);
        rows.push((now() - HOUR, who, event));
    }
    rows
}

fn used(level: &str, rule: &str, changed: &[&str], action: &str, recognised: bool) -> Value {
    json!({"action": "session_unusual", "level": level, "risk": {
        "score": 0.0, "action": action, "shadow": false, "sign_ins": 0, "pinned": false, "dormant": false, "terms": [],
        "cohorts": [], "required": null, "guards": [{"host": "app.test", "rule": rule}],
        "changed": changed, "recognised": recognised}})
}

async fn seed(database: &str, rows: Vec<Row>) {
    macro_rules! insert {
        ($pool:expr) => {{
            let pool = $pool;
            for (at, who, event) in rows {
                let action = event["action"].as_str().unwrap().to_owned();
                let ip = event["ip"].as_str().unwrap_or("192.0.2.1").to_owned();
                let query = sqlx::query(INSERT).bind(at).bind(action).bind(who).bind(who).bind(ip);
                query.bind(event.to_string()).execute(&pool).await.unwrap();
            }
            pool.close().await;
        }};
    }
    match database.starts_with("sqlite") {
        true => insert!(sqlx::SqlitePool::connect(database).await.unwrap()),
        false => insert!(sqlx::PgPool::connect(database).await.unwrap()),
    }
}

fn config(folder: &Path, name: &str, (database, state): (&str, &str), risk: &str) -> PathBuf {
    let path = folder.join(name);
    let text = format!(
        "listen: {{ plain: [\"127.0.0.1:1\"] }}
users: {{ database: \"{database}\", password: {{ memory: 8MiB, iterations: 1 }} }}
secrets: {{ key_file: {}/master.key }}
{state}
risk: {risk}
apps:
  - host: app.test
    upstream: http://10.0.0.5:8080
    rules:
      - {{ name: plain, path: /plain/**, require: one_factor, on_risk: {{ unscored: permit, medium: step_up, high: deny }}, on_change: {{ network: step_up }} }}
      - {{ name: strict, path: /**, require: two_factor, on_risk: {{ medium: step_up, high: step_up }}, on_change: {{ network: step_up }} }}
",
        folder.display()
    );
    std::fs::write(&path, text).unwrap();
    path
}

fn replay(config: &Path, more: &[&str]) -> crate::support::command::Ended {
    let config = config.display().to_string();
    run(&[&["risk", "replay", "-c", &config], more].concat())
}

fn close(value: &Value, expected: f64) -> bool {
    (value.as_f64().unwrap() - expected).abs() < 0.02
}

/// By hand: 17 sign-ins of 4 people opened a session, in the ten days between the first and the last. From 1.5 on, ann is
/// prompted once and bob four times; carol is not scored, and dave proves two factors anyway.
async fn counts_what_a_file_would_do(database: &str, state: &str) {
    let folder = tempfile::tempdir().unwrap();
    let database = database.replace("FOLDER", &folder.path().display().to_string());
    let key = run(&["secret", "generate"]).stdout;
    std::fs::write(folder.path().join("master.key"), key).unwrap();
    let candidate =
        config(folder.path(), "candidate.yaml", (&database, state), "{ thresholds: { medium: 1.5, high: 5.0 } }");
    let name = candidate.display().to_string();
    let added = run_with(&["user", "add", "ann", "-c", &name, "--password-stdin"], PASSWORD.as_bytes());
    assert_eq!(added.code, 0, "{}", added.stderr);
    let empty = replay(&candidate, &[]);
    assert_eq!((empty.code, empty.stdout.as_str()), (1, ""), "{}", empty.stderr);
    assert!(empty.stderr.contains("no sign-in of the last 30d was assessed: turn `risk:` on"), "{}", empty.stderr);
    seed(&database, trail()).await;

    let plot = folder.path().join("prompts.svg");
    let ended = replay(&candidate, &["--json", "--plot", &plot.display().to_string()]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let told: Value = serde_json::from_str(&ended.stdout).unwrap();
    let cohorts = told["cohorts"].as_array().unwrap();
    let row = |name: &str| cohorts.iter().find(|row| row["cohort"] == name).unwrap_or_else(|| panic!("{name}: {told}"));
    let all = row("all");
    assert_eq!((&all["people"], &all["sign_ins"], &all["prompts"]), (&json!(4), &json!(17), &json!(5)), "{all}");
    assert!(close(&told["days"], 10.0) && close(&all["share"], 5.0 / 17.0), "{told}");
    // 5 prompts of 4 people in 10 days: 3.75 in 30 days; one was prompted in fact: 0.75.
    assert!(close(&all["per_person_and_month"], 3.75), "{all}");
    assert!(close(&all["really_per_person_and_month"], 0.75), "{all}");
    for (name, people, sign_ins, prompts, monthly) in [
        ("mobile", 1, 10, 0, 0.0),
        ("new_network", 2, 2, 2, 3.0),
        ("ipv6", 1, 4, 4, 12.0),
        ("no_device", 1, 1, 1, 3.0),
        ("unscored", 1, 1, 0, 0.0),
    ] {
        let row = row(name);
        assert_eq!(
            (&row["people"], &row["sign_ins"], &row["prompts"]),
            (&json!(people), &json!(sign_ins), &json!(prompts))
        );
        assert!(close(&row["per_person_and_month"], monthly), "{row}");
    }
    assert_eq!(cohorts.len(), 6, "{told}");
    assert_eq!(told["nothing_was_done"], json!([12, 4, 0]), "{told}");
    assert_eq!((&told["were_prompted"], &told["were_denied"]), (&json!([0, 1, 0]), &json!([0, 0, 0])));
    assert_eq!(told["opened_no_session"], json!([0, 0, 1]), "the attack is denied");
    let later = &told["at_requests"];
    assert_eq!((&later["people"], &later["sessions"]), (&json!(4), &json!(4)), "{later}");
    assert_eq!((&later["prompts"], &later["denied"]), (&json!(2), &json!(1)), "{later}");
    assert_eq!((&later["really_prompted"], &later["really_denied"]), (&json!(1), &json!(0)), "{later}");
    assert!(close(&later["per_person_and_month"], 1.5), "two of four people in ten days: {later}");

    let svg = std::fs::read_to_string(&plot).unwrap();
    for part in [
        "<title id=\"t\">",
        "<desc id=\"d\">All: 3.75 by this file, 0.75 in fact",
        "prefers-color-scheme:dark",
        "role=\"img\"",
    ] {
        assert!(svg.contains(part), "{part}: {svg}");
    }
    let table = replay(&candidate, &[]).stdout;
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    let line: Vec<&str> = table.lines().find(|line| line.starts_with("all ")).unwrap().split_whitespace().collect();
    assert_eq!(line, ["all", "4", "17", "5", "29.41", "3.75", "0", "1", "0.75"], "{table}");

    let line: Vec<&str> = table.lines().last().unwrap().split_whitespace().collect();
    assert_eq!(line, ["4", "4", "2", "1.50", "1", "1", "0.75"], "{table}");

    // The last six days alone: ann's six, carol's, dave's and bob's four.
    let short: Value = serde_json::from_str(&replay(&candidate, &["--json", "--since", "6d"]).stdout).unwrap();
    assert_eq!(short["cohorts"][0]["sign_ins"], json!(12), "{short}");
    // As it was in force: nobody but ann.
    let same = config(folder.path(), "same.yaml", (&database, state), "{ thresholds: { medium: 2.0, high: 4.0 } }");
    let same: Value = serde_json::from_str(&replay(&same, &["--json"]).stdout).unwrap();
    assert_eq!((&same["nothing_was_done"], &same["were_prompted"]), (&json!([16, 0, 0]), &json!([0, 1, 0])), "{same}");
    let off = replay(&config(folder.path(), "off.yaml", (&database, state), "off"), &[]);
    assert_eq!(off.code, 1);
    assert!(off.stderr.contains("risk is off in") && off.stdout.is_empty(), "{}", off.stderr);
}

#[tokio::test]
async fn a_file_is_tried_on_the_trail_of_sqlite() {
    counts_what_a_file_would_do("sqlite://FOLDER/users.db", "").await;
}

#[tokio::test]
async fn a_file_is_tried_on_the_trail_of_postgresql() {
    let (postgres, redis) = (Postgres::start(), Redis::start());
    counts_what_a_file_would_do(&postgres.url(), &format!("state: {}", redis.url())).await;
}

fn login(gateway: &Gateway, password: &str) -> u16 {
    let body = json!({ "username": "ann", "password": password }).to_string();
    let head = "POST /.stepgate/api/v1/login HTTP/1.1\r\nHost: app.test\r\nContent-Type: application/json\r\n";
    let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    Wire::to(&gateway.url).send(request.as_bytes()).status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_gateway_wrote_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let gateway =
        start(folder.path(), "risk: { mode: shadow, on_risk: { unscored: step_up, medium: step_up, high: deny } }")
            .await;
    for _ in 0..2 {
        assert_eq!(login(&gateway, PASSWORD), 200, "in shadow nobody is asked");
    }
    assert_eq!(login(&gateway, "wrong"), 401);
    let metrics = reqwest::get(format!("{}/metrics", gateway.admin_url)).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("stepgate_risk_assessments_total{level=\"unscored\"} 2"), "{metrics}");
    // The trail is written behind the answer.
    let config = folder.path().join("stepgate.yaml");
    let told = wait_until(|| {
        let told: Value = serde_json::from_str(&replay(&config, &["--json"]).stdout).ok()?;
        (told["cohorts"][0]["sign_ins"] == json!(2)).then_some(told)
    });
    let told = told.expect("two sign-ins");
    assert_eq!(told["cohorts"][0]["people"], json!(1), "{told}");
    assert_eq!((&told["older_rows"], &told["opened_no_session"]), (&json!(0), &json!([0, 0, 0])), "{told}");
}
