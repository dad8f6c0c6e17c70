//! Accounts, sessions and decisions from the command line, on SQLite and on PostgreSQL.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::command::stepgate;
use crate::support::desk::Desk;
use crate::support::gateway::Gateway;
use crate::support::process::PATIENCE;
use crate::support::servers::{Postgres, Redis};
use crate::support::totp;

const PASSWORD: &str = "a password for tests";
/// One that stands on the list of those that became known.
const KNOWN: &str = "a passphrase that became known";

fn accounts_live_and_die(desk: &Desk) {
    let add = ["user", "add", "Ann", "--password-stdin", "--totp", "--json", "--group", "staff", "--group", "admins"];
    let made = desk.run(&[&add[..], &["--email", "ann@example.com", "--name", "Ann Example"]].concat(), PASSWORD);
    assert_eq!(made.code, 0, "{}", made.stderr);
    let ann: Value = serde_json::from_str(&made.stdout).unwrap();
    assert_eq!((&ann["username"], &ann["groups"]), (&json!("ann"), &json!(["admins", "staff"])));
    let secret = ann["totp_secret"].as_str().unwrap();
    assert!(ann["otpauth_uri"].as_str().unwrap().contains(secret) && secret.len() == 32, "{ann}");
    assert!(!made.stderr.contains(secret) && !made.stderr.contains(PASSWORD), "no secret on stderr");
    let audited: Value = serde_json::from_str(made.stderr.lines().next().unwrap()).unwrap();
    assert_eq!((&audited["action"], &audited["username"]), (&json!("account_created"), &json!("ann")), "{audited}");
    for (args, stdin, code, text) in [
        (&["user", "add", "ANN", "--password-stdin"][..], PASSWORD, 1, "nothing was changed"),
        (&["user", "add", "bob", "--password-stdin"], "short", 1, "at least 8"),
        (&["user", "add", "bob", "--password-stdin"], "", 1, "is empty"),
        (&["user", "add", "bob", "--password-stdin"], "password1", 1, "--force"),
        (&["user", "add", "bob", "--password-stdin"], KNOWN, 1, "breach of another service"),
        (&["user", "add", "bob", "--password-stdin"], "localhost", 1, "name of this service"),
        (&["user", "add", "bob.vornekhaal", "--password-stdin"], "vornekhaal", 1, "user name"),
        (&["user", "add", "bob", "--password-stdin", "--force"], "short", 1, "at least 8"),
        (&["user", "set-password", "ann", "--password-stdin"], "password1", 1, "nothing was changed"),
        (&["user", "edit", "ann"], "", 2, "--email"),
        (&["user", "edit", "nobody", "--email", "x@example.com"], "", 1, "no user nobody"),
        (&["user", "edit", "ann", "--name", "a\u{7}"], "", 2, "control characters"),
        (&["user", "unlock", "nobody"], "", 1, "no user nobody"),
        (&["user", "add", "bob"], "", 2, "--password-stdin"),
        (&["user", "add", "b ob", "--password-stdin"], PASSWORD, 2, "user name"),
        (&["user", "add", "", "--password-stdin"], PASSWORD, 2, "user name"),
        (&["user", "add", "an\u{200b}n", "--password-stdin"], PASSWORD, 2, "U+200B"),
        (&["user", "add", "\u{202e}nna", "--password-stdin"], PASSWORD, 2, "\\u{202e}nna cannot be a user name"),
        (&["user", "add", "bob", "--password-stdin", "--group", "a,b"], PASSWORD, 2, "group name"),
        (&["user", "add", "bob", "--password-file", "/nonexistent"], "", 1, "/nonexistent"),
        (&["user", "show", "nobody", "--json"], "", 1, "no user nobody"),
        (&["user", "disable", "nobody"], "", 1, "no user nobody"),
        (&["user", "set-password", "nobody", "--password-stdin"], PASSWORD, 1, "no user nobody"),
        (&["user", "set-password", "ann", "--password-stdin"], "short", 1, "at least 8"),
        (&["user", "set-groups", "ann"], "", 2, "--group"),
        (&["user", "set-groups", "ann", "--group", "a,b"], "", 2, "group name"),
        (&["user", "set-groups", "nobody", "--none"], "", 1, "no user nobody"),
        (&["user", "set-address", "ann", "--email", "ann@example.net"], "", 2, "--confirmed"),
        (&["user", "set-address", "ann", "--confirmed", "--email", "ann"], "", 2, "ann@example.com"),
        (&["user", "set-address", "ann", "--confirmed", "--phone", "0151 2345678"], "", 2, "country code"),
        (&["user", "set-address", "ann", "--confirmed", "--phone", "+1 900 253 0000"], "", 2, "costs more"),
        (&["user", "delete", "ann"], "", 2, "--yes"),
        (&["session", "list", "--user", "nobody"], "", 1, "no user nobody"),
        (&["session", "revoke", "01X"], "", 1, "no session 01X"),
    ] {
        desk.fails(args, stdin, code, text);
    }
    let shown = desk.json(&["user", "show", "ann", "--json"]);
    assert_eq!((&shown["methods"], &shown["disabled"]), (&json!(["password", "totp"]), &json!(false)), "{shown}");
    assert_eq!(shown["addresses"][0]["address"], "ann@example.com");
    assert_eq!((&shown["sessions"], &shown["last_login_at"]), (&json!(0), &Value::Null));
    let listed = desk.json(&["user", "list", "--json"]);
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0]["id"], shown["id"]);
    // What may be long is last: the rest lines up on a terminal of 80 columns.
    let head: Vec<String> = desk.data(&["user", "list"]).lines().take(1).map(str::to_owned).collect();
    assert!(head[0].starts_with("USER ") && head[0].ends_with(" GROUPS"), "{head:?}");
    assert_eq!(desk.json(&["session", "list", "--json"]), json!([]));
    for (args, stdin) in [
        (&["user", "disable", "ann"][..], ""),
        (&["user", "enable", "ann"], ""),
        (&["user", "set-password", "ann", "--password-stdin"], "another password"),
        (&["user", "set-groups", "ann", "--none"], ""),
        (&["user", "set-groups", "ann", "--group", " staff ", "--group", "night shift"], ""),
        (&["user", "set-address", "ann", "--confirmed", "--phone", "+1 650 253 0000", "--email", ""], ""),
        (&["session", "revoke", "--user", "ann"], ""),
    ] {
        let ended = desk.run(args, stdin);
        assert_eq!((ended.code, ended.stdout.as_str()), (0, ""), "{args:?}: {}", ended.stderr);
        let shown = desk.json(&["user", "show", "ann", "--json"]);
        assert_eq!(shown["disabled"], json!(args[1] == "disable"), "{args:?}");
    }
    let id = desk.json(&["user", "show", "ann", "--json"])["id"].clone();
    let reset = desk.json(&["user", "reset-mfa", "ann", "--json"]);
    let removed = json!({ "id": id, "username": "ann", "removed": ["totp", "sms_code"], "sessions_ended": 0 });
    assert_eq!(reset, removed);
    let ended = desk.run(&["user", "reset-mfa", "ann"], "");
    assert_eq!((ended.code, ended.stdout.as_str()), (0, ""), "{}", ended.stderr);
    assert!(ended.stderr.contains("nothing was enrolled"), "{}", ended.stderr);
    let shown = desk.json(&["user", "show", "ann", "--json"]);
    assert_eq!((&shown["methods"], &shown["groups"]), (&json!(["password"]), &json!(["night shift", "staff"])));
    for (args, name, email) in [
        (&["--email", "ann@example.org"][..], json!("Ann Example"), json!("ann@example.org")),
        (&["--name", "Ann"], json!("Ann"), json!("ann@example.org")),
        (&["--name", "", "--email", ""], Value::Null, Value::Null),
    ] {
        let ended = desk.run(&[&["user", "edit", "ann"], args].concat(), "");
        assert_eq!((ended.code, ended.stdout.as_str()), (0, ""), "{}", ended.stderr);
        assert!(ended.stderr.contains("profile_set"), "{}", ended.stderr);
        let shown = desk.json(&["user", "show", "ann", "--json"]);
        let said = desk.json(&[&["user", "edit", "ann", "--json"], args].concat());
        for member in ["id", "username", "name", "email"] {
            assert_eq!(said[member], shown[member], "{member}: {said}");
        }
        assert_eq!(said["sessions_ended"], 0, "{said}");
        assert_eq!((&shown["name"], &shown["email"]), (&name, &email));
    }
    let forced = desk.run(&["user", "set-password", "ann", "--password-stdin", "--force"], "password1");
    assert!(forced.code == 0 && forced.stderr.contains("password_forced"), "{}", forced.stderr);
    let unlocked = desk.run(&["user", "unlock", "ann", "--ip", "203.0.113.7", "--ip", "2001:db8::1"], "");
    assert!(unlocked.code == 0 && unlocked.stderr.contains("no factor was switched off"), "{}", unlocked.stderr);
    let unlocked = desk.json(&["user", "unlock", "ann", "--json"]);
    assert_eq!(unlocked, json!({ "id": id, "username": "ann", "unlocked": [] }));
    assert_eq!(desk.run(&["user", "delete", "ann", "--yes"], "").code, 0);
    desk.fails(&["user", "delete", "ann", "--yes"], "", 1, "no user ann");
    assert_eq!(desk.json(&["user", "list", "--json"]), json!([]));
}

#[test]
fn accounts_live_and_die_in_sqlite() {
    accounts_live_and_die(&Desk::new("sqlite://FOLDER/stepgate.db"));
}

#[test]
fn accounts_live_and_die_in_postgres() {
    let (postgres, redis) = (Postgres::start(), Redis::start());
    accounts_live_and_die(&Desk::new(&format!("{}\nstate: {}\n", postgres.url(), redis.url())));
}

#[test]
fn a_store_that_is_away_is_exit_69_and_no_password_is_repeated() {
    let stores = "postgres://gate:SECRETPW@127.0.0.1:9/db\nstate: redis://:REDISPW@127.0.0.1:9";
    let desk = Desk::new(stores);
    for args in [&["user", "list", "--json"][..], &["session", "list"], &["check", "--online"], &["run"]] {
        let ended = desk.run(args, "");
        assert_eq!((ended.code, ended.stdout.as_str()), (69, ""), "{args:?}: {}", ended.stderr);
        assert!(!ended.stderr.contains("SECRETPW") && !ended.stderr.contains("REDISPW"), "{}", ended.stderr);
    }
    assert_eq!(desk.run(&["check"], "").code, 0, "without --online no store is asked");
}

#[test]
fn a_file_in_the_working_directory_is_as_good_as_any() {
    let desk = Desk::new("sqlite://./stepgate.db");
    let checked = stepgate().args(["check", "-c", "stepgate.yaml"]).current_dir(desk.folder.path()).output().unwrap();
    let told = String::from_utf8(checked.stderr).unwrap();
    assert!(checked.status.success() && !told.contains("does not exist"), "{told}");
}

#[test]
fn explain_says_what_the_gateway_would() {
    let desk = Desk::new("sqlite://FOLDER/stepgate.db");
    let root = ["--user", "root", "--groups", "staff,admins", "--amr", "pwd,otp"];
    for (url, who, outcome, reason, rule) in [
        ("http://localhost/public/x", vec![], "permit", None, Some("open")),
        ("http://localhost/admin/", vec![], "challenge", Some("login_required"), Some("admin")),
        ("http://localhost/admin/", [&root[..], &["--age", "3m"]].concat(), "permit", None, Some("admin")),
        (
            "http://localhost/admin/",
            [&root[..], &["--age", "31m"]].concat(),
            "challenge",
            Some("fresher_required"),
            Some("admin"),
        ),
        (
            "http://localhost/admin/",
            vec!["--user", "ann", "--groups", "staff", "--amr", "pwd,otp"],
            "refuse",
            Some("not_in_audience"),
            Some("admin"),
        ),
        (
            "http://localhost/",
            vec!["--user", "bob", "--amr", "pwd"],
            "challenge",
            Some("stronger_required"),
            Some("all"),
        ),
        ("http://localhost/a/..;/admin/", root.to_vec(), "malformed", Some("path_parameter"), None),
        ("http://localhost/a b", vec![], "malformed", Some("odd_byte_in_path"), None),
        ("http://localhost/?q=é", vec![], "challenge", Some("login_required"), Some("all")),
        ("http://localhost/public/x", vec!["--method", "TRACE"], "malformed", Some("method"), None),
        ("http://localhost/public/x", vec!["--method", "CONNECT"], "malformed", Some("method"), None),
        ("http://localhost/.stepgate/login", vec![], "own", Some("portal"), None),
        ("http://localhost/.stepgate", vec![], "malformed", Some("reserved_prefix_disguised"), None),
        ("http://localhost/.Stepgate/login", vec![], "malformed", Some("reserved_prefix_disguised"), None),
    ] {
        let args = [&["explain", "--url", url, "--json"][..], &who].concat();
        let told = desk.json(&args);
        let word = |value: &Value| value.as_str().map(str::to_owned);
        assert_eq!(
            (word(&told["outcome"]), word(&told["reason"]), word(&told["rule"])),
            (Some(outcome.to_owned()), reason.map(str::to_owned), rule.map(str::to_owned)),
            "{url} {who:?}: {told}"
        );
        let code = match outcome {
            "permit" | "own" => 0,
            "challenge" => 10,
            _ => 11,
        };
        assert_eq!(desk.run(&[&args[..], &["--exit-code"]].concat(), "").code, code, "{url}");
    }
    desk.fails(&["explain", "--url", "http://other/"], "", 2, "configured are: localhost");
    desk.fails(&["explain"], "", 2, "<--url <URL>|--request-id <ID>>");
    desk.fails(&["explain", "--url", "http://localhost/", "--request-id", "01A"], "", 2, "cannot be used with");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn explain_finds_a_request_by_its_id() {
    let desk = Desk::new("sqlite://FOLDER/stepgate.db");
    let made = desk.run(&["user", "add", "ann", "--password-stdin", "--totp", "--json"], PASSWORD);
    let ann: Value = serde_json::from_str(&made.stdout).unwrap();
    let config = std::fs::read_to_string(&desk.file).unwrap();
    let ports: Vec<&str> = config.lines().next().unwrap().split("127.0.0.1:").skip(1).collect();
    let port = |text: &str| text.split('"').next().unwrap().to_owned();
    let (url, admin) = (format!("http://localhost:{}", port(ports[0])), format!("http://127.0.0.1:{}", port(ports[1])));
    let gateway = Gateway::run(Path::new(&desk.file), &url, &admin).await;
    let code = totp::code(ann["totp_secret"].as_str().unwrap());
    let body = json!({ "username": "ann", "password": PASSWORD, "otp": code });
    let mut script = gateway.api_client();
    let login = script.post_json("/.stepgate/api/v1/login", &body).await;
    script.token = login.json()["access_token"].as_str().map(str::to_owned);
    let refused = script.get("/admin/reports?secret=CANARY").await;
    assert_eq!(refused.status, 403);
    let id = refused.json()["request_id"].as_str().unwrap().to_owned();
    script.token = None;
    let challenged = script.get("/admin/reports").await.json()["request_id"].as_str().unwrap().to_owned();
    let malformed = script.get("/a;x/").await.json()["request_id"].as_str().unwrap().to_owned();
    let written = crate::support::process::wait_until(|| {
        let log = gateway.process.stderr();
        log.lines().any(|l| l.contains(&malformed) && l.contains("\"access\"")).then_some(log)
    });
    let log = written.expect("an access event");
    let told = desk.run(&["explain", "--request-id", &id, "--json"], &log);
    assert_eq!(told.code, 0, "{}", told.stderr);
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!((&told["recorded"]["path"], &told["recorded"]["rule"]), (&json!("/admin/reports"), &json!("admin")));
    assert_eq!((&told["recorded"]["status"], &told["now"]["rule"]), (&json!(403), &json!("admin")));
    assert!(!told.to_string().contains("CANARY"));
    let recorded = &told["recorded"];
    assert_eq!((&recorded["user"], &recorded["decision"]), (&json!("ann"), &json!("refuse")));
    assert!(recorded["session"].is_string(), "{recorded}");
    let code = |id: &str| desk.run(&["explain", "--request-id", id, "--exit-code"], &log).code;
    assert_eq!((code(&id), code(&challenged)), (11, 10), "a refusal is told from a challenge");
    let file = desk.folder.path().join("gateway.log");
    std::fs::write(&file, &log).unwrap();
    // A trace is kept behind the answer; once it is there, no log is needed, and no query is in it.
    let traced = crate::support::process::wait_until(|| {
        let told = desk.run(&["explain", "--request-id", &id, "--json"], "");
        (told.code == 0).then(|| serde_json::from_str::<Value>(&told.stdout).unwrap())
    });
    let traced = traced.expect("a trace");
    let recorded = &traced["recorded"];
    assert_eq!((&recorded["rule"], &recorded["reason"]), (&json!("admin"), &json!("not_in_audience")));
    assert_eq!((&recorded["user"], &recorded["status"]), (&json!("ann"), &json!(403)));
    assert_eq!(recorded["methods"], json!(["password", "totp"]), "{recorded}");
    assert!(recorded["rule_at"].as_str().is_some_and(|place| place.contains("stepgate.yaml:")), "{recorded}");
    assert_eq!(traced["now"]["outcome"], json!("refuse"), "by what was proved then");
    assert!(!traced.to_string().contains("CANARY"));
    let human = desk.data(&["explain", "--request-id", &id]).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(human.contains("Decided then:") && human.contains("user ann: refuse (not_in_audience)"), "{human}");
    assert_eq!(desk.run(&["explain", "--request-id", &challenged, "--exit-code"], "").code, 10);
    let human = desk.data(&["explain", "--request-id", &malformed, "--log-file", file.to_str().unwrap()]);
    assert!(human.contains("Decided then:") && human.contains("fault (path_parameter), rule none"), "{human}");
    desk.fails(&["explain", "--request-id", "01NOSUCHREQUEST"], &log, 1, "permits are not");
    desk.fails(&["explain", "--request-id", &malformed], "", 1, "--log-file");
}

/// A command on a terminal of its own: `keys` are typed each time it asks, and again until it has listened. What the
/// terminal showed.
#[expect(clippy::disallowed_methods, reason = "whoever types has no other clock than the real one")]
fn on_a_terminal(command: &str, mut keys: impl FnMut(&str) -> Option<String> + Send + 'static) -> String {
    let mut script = std::process::Command::new("script")
        .args(["-qec", command, "/dev/null"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let (mut typed, mut screen) = (script.stdin.take().unwrap(), script.stdout.take().unwrap());
    let shown = Arc::new(Mutex::new(String::new()));
    let seen = shown.clone();
    std::thread::spawn(move || {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(keys) = keys(&seen.lock().unwrap())
                && typed.write_all(keys.as_bytes()).is_err()
            {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let mut block = [0; 1024];
    while let Ok(count @ 1..) = screen.read(&mut block) {
        shown.lock().unwrap().push_str(&String::from_utf8_lossy(&block[..count]));
    }
    script.wait().unwrap();
    shown.lock().unwrap().clone()
}

#[test]
fn a_password_can_be_typed_and_an_interrupt_leaves_the_terminal_as_it_was() {
    let desk = Desk::new("sqlite://FOLDER/stepgate.db");
    let add = |name: &str, more: &str| {
        let binary = env!("CARGO_BIN_EXE_stepgate");
        format!("trap '' INT; {binary} user add {name} -c {} {more}; echo \"code=$?\"; stty -a", desk.file.display())
    };
    let mut asked = 0;
    let shown = on_a_terminal(&add("carl", "--password-stdin"), move |seen| {
        let asks = seen.matches("assword: ").count() + seen.matches("more: ").count();
        (asks > asked).then(|| {
            asked += 1;
            format!("{PASSWORD}\n")
        })
    });
    assert!(shown.contains("code=0"), "{shown}");
    let shown = on_a_terminal(&add("dora", ""), |seen| {
        (seen.contains("assword: ") && !seen.contains("code=")).then(|| "\u{3}".to_owned())
    });
    assert!(shown.contains("code=130") && shown.contains("nothing was changed"), "{shown}");
    assert!(shown.contains(" echo ") && !shown.contains("-echo "), "{shown}");
    let listed = desk.data(&["user", "list"]);
    assert!(listed.contains("carl") && !listed.contains("dora"), "{listed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guessed_factor_stays_off_over_a_restart_until_it_is_unlocked() {
    let desk = Desk::new("sqlite://FOLDER/stepgate.db");
    let text = std::fs::read_to_string(&desk.file).unwrap();
    std::fs::write(&desk.file, format!("{text}limits: {{ lockout: {{ tries: 3 }} }}\n")).unwrap();
    // Off a terminal nothing is drawn.
    let made = desk.run(&["user", "add", "ann", "--password-stdin", "--totp"], PASSWORD);
    assert!(
        made.code == 0 && !made.stdout.contains('█') && !made.stderr.contains('█'),
        "{}{}",
        made.stdout,
        made.stderr
    );
    let secret = made.stdout.lines().find_map(|line| line.strip_prefix("secret   ")).unwrap().to_owned();
    let ports: Vec<&str> = text.lines().next().unwrap().split("127.0.0.1:").skip(1).collect();
    let port = |text: &str| text.split('"').next().unwrap().to_owned();
    let (url, admin) = (format!("http://localhost:{}", port(ports[0])), format!("http://127.0.0.1:{}", port(ports[1])));
    let body = |otp: String| json!({ "username": "ann", "password": PASSWORD, "otp": otp });
    let wrong = || if totp::code(&secret) == "000000" { "000001".to_owned() } else { "000000".to_owned() };
    let gateway = Gateway::run(Path::new(&desk.file), &url, &admin).await;
    let mut script = gateway.api_client();
    let mut told = Vec::new();
    for _ in 0..3 {
        told.push(script.post_json("/.stepgate/api/v1/login", &body(wrong())).await.json()["code"].clone());
    }
    assert_eq!(told, ["wrong_otp", "wrong_otp", "factor_locked"]);
    let log = crate::support::process::wait_until(|| {
        Some(gateway.process.stderr()).filter(|log| log.lines().any(|line| line.contains("factor_locked")))
    });
    assert!(log.is_some(), "it is in the audit");
    drop(script);
    drop(gateway);
    let gateway = Gateway::run(Path::new(&desk.file), &url, &admin).await;
    let mut script = gateway.api_client();
    let refused = script.post_json("/.stepgate/api/v1/login", &body(totp::code(&secret))).await;
    assert_eq!((refused.status, &refused.json()["code"]), (403, &json!("factor_locked")));
    assert_eq!(desk.json(&["user", "show", "ann", "--json"])["locked"], json!(["totp"]));
    assert!(desk.data(&["user", "list"]).contains("totp (locked)"));
    assert_eq!(desk.json(&["user", "unlock", "ann", "--json"])["unlocked"], json!(["totp"]));
    let opened = script.post_json("/.stepgate/api/v1/login", &body(totp::code(&secret))).await;
    assert_eq!(opened.status, 200, "{}", opened.body);
    assert!(opened.json()["device"].is_string(), "a script gets its mark");
}
