//! Backup codes over two nodes on one Redis and one PostgreSQL: each admits once, however many try at once, and one that
//! is burnt when its node is killed admits nobody.
//!
//! `RACE_ROUNDS` says how many rounds are raced, here, in `account_races`, in `factor_races`, in `slips` and in `shared_sign_in`; `make races` takes fifty.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::cluster::{Cluster, PASSWORD, Person};
use crate::support::process::wait_until;
use crate::support::totp;

const LOGIN: &str = "/.stepgate/api/v1/login";
const SECOND: &str = "/.stepgate/api/v1/login/second-factor";
const TAKERS: usize = 200;
/// Counters that no test fills.
pub(crate) const WIDE: &str = "limits:
  password: { tries: 100000, refill: 1s }
  password_lockout: { tries: 100000, refill: 1s }
  totp: { tries: 100000, refill: 1s }
  lockout: { tries: 100 }
  network: { tries: 1000000, refill: 1ms }";

pub(crate) fn rounds() -> usize {
    std::env::var("RACE_ROUNDS").map_or(10, |text| text.parse().expect("RACE_ROUNDS is a number"))
}

/// A new set of somebody's codes.
async fn codes(cluster: &Cluster, person: &Person) -> Vec<String> {
    let mut script = person.script(&cluster.nodes[0], totp::step_now()).await;
    let made = script.post_json("/.stepgate/api/v1/backup-codes", &json!({})).await.json();
    made["backup_codes"]
        .as_array()
        .unwrap_or_else(|| panic!("{made}"))
        .iter()
        .map(|code| code.as_str().unwrap().to_owned())
        .collect()
}

async fn ceremony(cluster: &Cluster, node: usize, person: &Person) -> Value {
    cluster.nodes[node].api_client().post_json(LOGIN, &person.first()).await.json()["ceremony"].clone()
}

/// Posts all of these at once; how many were admitted, and whether the others were refused as they must be.
async fn admitted(http: &reqwest::Client, posts: Vec<(String, Value)>) -> usize {
    let post = async |(url, body): (String, Value)| {
        let answer = http.post(url).json(&body).send().await.unwrap();
        let status = answer.status().as_u16();
        let told: Value = answer.json().await.unwrap();
        let refused = match told["code"].as_str() {
            Some("wrong_otp" | "ceremony_over") => status == 401,
            Some("factor_locked") => status == 403,
            _ => status == 200 && told["status"] == "ok",
        };
        assert!(refused, "{status} {told}");
        usize::from(status == 200)
    };
    join_all(posts.into_iter().map(post)).await.into_iter().sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_backup_code_admits_once_however_many_try_wherever() {
    let cluster = Cluster::start(WIDE).await;
    let http = reqwest::Client::builder().no_proxy().resolve("localhost", ([127, 0, 0, 1], 0).into());
    let http = http.pool_max_idle_per_host(TAKERS).build().unwrap();
    let (mut person, mut left) = (cluster.person("person0"), Vec::new());
    for round in 0..rounds() {
        if left.is_empty() {
            person = cluster.person(&format!("racer{round}"));
            left = codes(&cluster, &person).await;
            assert_eq!(left.len(), 10);
        }
        let code = left.pop().unwrap();
        let url = |n: usize, path: &str| format!("{}{path}", cluster.nodes[n % 2].url);
        let mut posts = Vec::new();
        if round % 2 == 0 {
            let mut ceremonies = Vec::new();
            for n in 0..4 {
                ceremonies.push(ceremony(&cluster, n % 2, &person).await);
            }
            posts.extend((0..TAKERS).map(|n| {
                let body = json!({ "ceremony": ceremonies[n / 2 % 4], "method": "backup_code", "code": code });
                (url(n, SECOND), body)
            }));
        } else {
            let body = json!({ "username": person.name, "password": PASSWORD, "otp": code });
            posts.extend((0..TAKERS).map(|n| (url(n, LOGIN), body.clone())));
        }
        assert_eq!(admitted(&http, posts).await, 1, "round {round}");
        // Those who came too late may have switched the factor off.
        assert_eq!(cluster.command(&["user", "unlock", &person.name]).code, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_killed_between_burning_a_code_and_its_answer_leaves_nothing_usable() {
    let mut cluster = Cluster::start(WIDE).await;
    let ann = cluster.person("ann");
    let mut left = codes(&cluster, &ann).await;
    // Burning takes a while, so that the store of sessions can be stopped meanwhile.
    cluster.postgres.ask(
        "create function slowly() returns trigger language plpgsql as \
         $$ begin perform pg_sleep(3); return old; end $$; \
         create trigger slowly before delete on backup_codes for each row execute function slowly()",
    );
    for round in 0..3 {
        let before: usize = cluster.postgres.ask("select count(*) from backup_codes").parse().unwrap();
        let (code, under_way) = (left.pop().unwrap(), ceremony(&cluster, 0, &ann).await);
        let body = json!({ "ceremony": under_way, "method": "backup_code", "code": code });
        let (client, sent) = (cluster.nodes[0].api_client(), body.clone());
        let request = client.request(reqwest::Method::POST, SECOND).json(&sent);
        let answer = tokio::spawn(request.send());
        let burning = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'";
        assert!(
            wait_until(|| (cluster.postgres.ask(burning) == "1").then_some(())).is_some(),
            "round {round}: it burns"
        );
        assert!(cluster.redis.say("CLIENT PAUSE 60000 WRITE").contains("OK"));
        let burnt =
            || (cluster.postgres.ask("select count(*) from backup_codes") == (before - 1).to_string()).then_some(());
        assert!(wait_until(burnt).is_some(), "round {round}: it is burnt");
        cluster.nodes[0].process.signal("KILL");
        assert_eq!(cluster.nodes[0].process.wait(), None);
        assert!(answer.await.unwrap().is_err(), "round {round}: nobody was answered");
        assert!(cluster.redis.say("CLIENT UNPAUSE").contains("OK"));
        // The code is spent, at every node, in the ceremony it was given in and in every other.
        let again = cluster.nodes[1].api_client().post_json(SECOND, &body).await;
        assert_eq!(again.status, 401, "round {round}: {}", again.body);
        let login = json!({ "username": "ann", "password": PASSWORD, "otp": code });
        let again = cluster.nodes[1].api_client().post_json(LOGIN, &login).await;
        assert_eq!((again.status, &again.json()["code"]), (401, &json!("wrong_otp")), "round {round}");
        // The person goes on with the next one.
        let login = json!({ "username": "ann", "password": PASSWORD, "otp": left.pop().unwrap() });
        let next = cluster.nodes[1].api_client().post_json(LOGIN, &login).await;
        assert_eq!(next.json()["status"], "ok", "round {round}: {}", next.body);
        cluster.nodes[0] = cluster.serve(0).await;
    }
}
