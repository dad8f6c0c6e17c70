//! A node that is killed after it has burnt what is good once, and before anybody is answered: it is of no use any more, at
//! any node, and nobody was signed in by it. (Backup codes: `races`.)

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::cluster::{Cluster, PASSWORD};
use crate::support::mail_server::MailServer;
use crate::support::process::wait_until;
use crate::support::servers::Postgres;
use crate::support::tabs::Tabs;
use crate::support::totp;

const LOGIN: &str = "/.stepgate/api/v1/login";
const SECOND: &str = "/.stepgate/api/v1/login/second-factor";
/// Held up by a test.
const HELD_UP: &str = "from pg_stat_activity where wait_event = 'PgSleep'";

fn statement(postgres: &Postgres, statement: &str) -> Command {
    let mut psql = Command::new("psql");
    psql.args(["-At", "-v", "ON_ERROR_STOP=1", "-d"]).arg(postgres.url()).args(["-c", statement]);
    psql
}

fn ask(postgres: &Postgres, text: &str) -> String {
    let told = statement(postgres, text).output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    String::from_utf8(told.stdout).unwrap().trim().to_owned()
}

fn is_held_up(postgres: &Postgres) -> bool {
    wait_until(|| (ask(postgres, &format!("select count(*) {HELD_UP}")) == "1").then_some(())).is_some()
}

fn end_what_is_held_up(postgres: &Postgres) {
    ask(postgres, &format!("select count(pg_terminate_backend(pid)) {HELD_UP}"));
}

/// The hosts of all sessions.
fn hosts(cluster: &Cluster) -> Vec<String> {
    let listed: Value = serde_json::from_str(&cluster.command(&["session", "list", "--json"]).stdout).unwrap();
    listed.as_array().unwrap().iter().map(|row| row["host"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mailed_code_is_spent_with_the_node_that_burnt_it() {
    let mut mail = MailServer::start(&[]);
    let server = format!("smtp: \"smtp://127.0.0.1:{}\", starttls: off, from: no-reply@example.com", mail.port);
    let mut cluster = Cluster::start(&format!("mail: {{ {server} }}\nfactors: {{ email_code: on }}")).await;
    let ann = cluster.person("ann");
    let set = cluster.command(&["user", "set-address", "ann", "--confirmed", "--email", "ann@example.test"]);
    assert_eq!(set.code, 0, "{}", set.stderr);
    let mut script = cluster.nodes[0].api_client();
    let given = json!({ "username": ann.name, "password": PASSWORD, "strength": "two_steps" });
    let ceremony = script.post_json(LOGIN, &given).await.json()["ceremony"].clone();
    let wish = json!({ "channel": "email", "ceremony": ceremony });
    assert_eq!(script.post_json("/.stepgate/api/v1/codes", &wish).await.status, 202);
    let letter = mail.next_asked();
    let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit());
    let code = letter.data.lines().map(str::trim).find(is_code).expect("a code");
    // What is written after the code was burnt takes a while.
    ask(
        &cluster.postgres,
        "create function slowly() returns trigger language plpgsql as \
         $$ begin perform pg_sleep(600); return old; end $$; \
         create trigger slowly before delete on wrong_codes for each row execute function slowly()",
    );
    let body = json!({ "ceremony": ceremony, "method": "email_code", "code": code });
    let request = cluster.nodes[0].api_client().request(reqwest::Method::POST, SECOND).json(&body);
    let answer = tokio::spawn(request.send());
    assert!(is_held_up(&cluster.postgres), "it is burnt");
    cluster.nodes[0].process.signal("KILL");
    cluster.nodes[0].process.wait();
    assert!(answer.await.unwrap().is_err(), "nobody was answered");
    end_what_is_held_up(&cluster.postgres);
    ask(&cluster.postgres, "drop trigger slowly on wrong_codes");
    assert_eq!(hosts(&cluster), [""; 0]);
    let again = cluster.nodes[1].api_client().post_json(SECOND, &body).await;
    assert_eq!((again.status, &again.json()["code"]), (401, &json!("no_code")));
    // The person goes on with the next one.
    let mut script = cluster.nodes[1].api_client();
    assert_eq!(script.post_json("/.stepgate/api/v1/codes", &wish).await.status, 202);
    let letter = mail.next_asked();
    let code = letter.data.lines().map(str::trim).find(is_code).expect("a code");
    let body = json!({ "ceremony": ceremony, "method": "email_code", "code": code });
    assert_eq!(script.post_json(SECOND, &body).await.json()["status"], "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_is_spent_with_the_node_that_burnt_it() {
    let portal = "portal: { host: login.localhost }";
    let mut cluster = Cluster::serving(&["first.localhost", "second.localhost"], portal).await;
    let (ann, step) = (cluster.person("ann"), totp::step_now());
    let at = |node: usize, host: &str| cluster.nodes[node].url.replace("//localhost", &format!("//{host}"));
    let (first, second) = (at(0, "first.localhost"), at(0, "second.localhost"));
    let port = |url: &str| url.rsplit_once(':').unwrap().1.to_owned();
    let (here, there) = (port(&first), port(&at(1, "first.localhost")));
    let mut browser = Tabs::default();
    browser.sign_in(&format!("{first}/echo"), &ann.name, PASSWORD, (&ann.secret, step)).await;
    let away = browser.handoff(&format!("{second}/echo")).await.replace("/login?", "/depart?");
    let arrival = browser.get(&away).await.header("location").to_owned();
    assert!(arrival.contains("/.stepgate/arrive?ticket="), "{arrival}");
    let mut elsewhere = browser.at_port(&here, &there);
    let elsewhere_arrival = arrival.replace(&here, &there);
    let tickets = || cluster.redis.say("KEYS *t1:*").matches("t1:").count();
    assert_eq!(tickets(), 1);
    // Whether the session still stands, the other node asks of the database first, and waits.
    let hold = "begin; lock table accounts in access exclusive mode; select pg_sleep(600)";
    let mut holding = statement(&cluster.postgres, hold).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    assert!(is_held_up(&cluster.postgres));
    let (origin, target) = crate::support::tabs::split(&elsewhere_arrival);
    let answer = tokio::spawn(elsewhere.on(origin).request(reqwest::Method::GET, target).send());
    assert!(wait_until(|| (tickets() == 0).then_some(())).is_some(), "it is burnt");
    cluster.nodes[1].process.signal("KILL");
    cluster.nodes[1].process.wait();
    assert!(answer.await.unwrap().is_err(), "nobody was answered");
    end_what_is_held_up(&cluster.postgres);
    holding.wait().unwrap();
    cluster.nodes[1] = cluster.serve(1).await;
    for (tabs, url) in [(&mut browser, &arrival), (&mut elsewhere, &elsewhere_arrival)] {
        assert_eq!(tabs.get(url).await.status, 403);
    }
    let mut all = hosts(&cluster);
    all.sort_unstable();
    assert_eq!(all, ["first.localhost", "login.localhost"]);
    // The person goes on by the portal, without a prompt.
    assert_eq!(browser.open(&format!("{second}/echo")).await.status, 200);
}
