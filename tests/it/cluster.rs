//! Two nodes on one Redis and one PostgreSQL: what is spent, ended or lost at one is so at the other.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::clients::{Client, Page};
use crate::support::cluster::{Cluster, PASSWORD, Person};
use crate::support::process::wait_until;
use crate::support::totp;

const LOGIN: &str = "/.stepgate/api/v1/login";
const SECOND: &str = "/.stepgate/api/v1/login/second-factor";
const ROUNDS: usize = 50;
const TAKERS: usize = 200;
/// Counters that no test fills.
const WIDE: &str = "limits:
  password: { tries: 100000, refill: 1s }
  password_lockout: { tries: 100000, refill: 1s }
  totp: { tries: 100000, refill: 1s }
  lockout: { tries: 100 }
  network: { tries: 1000000, refill: 1ms }";

#[expect(clippy::disallowed_methods, reason = "how long a real gateway takes is what is asked here")]
fn now() -> Instant {
    Instant::now()
}

/// Posts all of these at once; the answers' statuses and codes.
async fn at_once(http: &reqwest::Client, posts: Vec<(String, Value)>) -> Vec<(u16, String)> {
    let post = async |(url, body): (String, Value)| {
        let answer = http.post(url).json(&body).send().await.unwrap();
        let status = answer.status().as_u16();
        let told: Value = answer.json().await.unwrap();
        let code = if status == 200 { &told["status"] } else { &told["code"] };
        (status, code.as_str().unwrap_or_default().to_owned())
    };
    join_all(posts.into_iter().map(post)).await
}

fn http() -> reqwest::Client {
    let http = reqwest::Client::builder().no_proxy().resolve("localhost", ([127, 0, 0, 1], 0).into());
    http.pool_max_idle_per_host(TAKERS).build().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_code_admits_once_however_many_try_wherever() {
    let cluster = Cluster::start(WIDE).await;
    let people = cluster.people(ROUNDS);
    let http = http();
    let node = |n: usize| cluster.nodes[n % 2].url.clone();
    for (round, person) in people.iter().enumerate() {
        let code = totp::code(&person.secret);
        let mut posts = Vec::new();
        if round % 2 == 0 {
            let mut ceremonies = Vec::new();
            for n in 0..4 {
                let first = cluster.nodes[n % 2].api_client().post_json(LOGIN, &person.first()).await.json();
                ceremonies.push(first["ceremony"].clone());
            }
            for n in 0..TAKERS {
                let body = json!({ "ceremony": ceremonies[n / 2 % 4], "method": "totp", "code": code });
                posts.push((format!("{}{SECOND}", node(n)), body));
            }
        } else {
            let body = json!({ "username": person.name, "password": PASSWORD, "otp": code });
            posts.extend((0..TAKERS).map(|n| (format!("{}{LOGIN}", node(n)), body.clone())));
        }
        let answers = at_once(&http, posts).await;
        let admitted = answers.iter().filter(|(status, _)| *status == 200).count();
        assert_eq!(admitted, 1, "round {round}");
        let refused = |(status, code): &(u16, String)| match status {
            401 => code == "wrong_otp" || code == "ceremony_over",
            // While more of them are under way than may be wrong.
            status => *status == 403 && code == "factor_locked",
        };
        let odd: Vec<_> = answers.iter().filter(|a| a.0 != 200 && !refused(a)).collect();
        assert!(odd.is_empty(), "round {round}: {odd:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_over_both_nodes_share_one_budget() {
    let cluster = Cluster::start("mail: off").await;
    let (ann, http) = (cluster.person("ann"), http());
    let first = cluster.nodes[0].api_client().post_json(LOGIN, &ann.first()).await.json();
    let right = totp::code(&ann.secret);
    let guesses = (0..TAKERS).map(|n| {
        let code = (0..).map(|m| format!("{:06}", n + 1000 * m)).find(|code| *code != right).unwrap();
        let body = json!({ "ceremony": first["ceremony"], "method": "totp", "code": code });
        (format!("{}{SECOND}", cluster.nodes[n % 2].url), body)
    });
    let answers = at_once(&http, guesses.collect()).await;
    let evaluated = answers.iter().filter(|(status, _)| *status == 401).count();
    assert!((1..=5).contains(&evaluated), "{evaluated} guesses were evaluated");
    assert!(answers.iter().all(|(status, _)| *status == 401 || *status == 429), "{answers:?}");
    // Neither another sign-in nor the other node nor another spelling has a fresh budget.
    let body = json!({ "username": " ANN ", "password": PASSWORD, "otp": right });
    let again = cluster.nodes[1].api_client().post_json(LOGIN, &body).await;
    assert_eq!((again.status, again.json()["code"].as_str()), (429, Some("too_many_attempts")));
    assert!(again.header("retry-after").parse::<u64>().is_ok_and(|wait| (1..=30).contains(&wait)));
}

/// Asks until the answer is this one; how long that took.
async fn until(client: &mut Client, path: &str, status: u16) -> Duration {
    let started = now();
    loop {
        let page = client.get(path).await;
        if page.status == status {
            return started.elapsed();
        }
        assert!(started.elapsed() < Duration::from_secs(10), "still {} for {path}: {}", page.status, page.body);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_ends_at_one_node_is_refused_at_the_other_within_a_second() {
    let cluster = Cluster::start("").await;
    let ann = cluster.person("ann");
    let step = totp::step_now();
    for (way, step) in [("logout", step - 1), ("revoke", step), ("disable", step + 1)] {
        let mut here = ann.script(&cluster.nodes[0], step).await;
        let mut there = here.at(&cluster.nodes[1]);
        for _ in 0..5 {
            assert_eq!((here.get("/echo").await.status, there.get("/echo").await.status), (200, 200), "{way}");
        }
        match way {
            "logout" => assert_eq!(here.post_json("/.stepgate/api/v1/logout", &json!({})).await.status, 204),
            "revoke" => {
                let listed = cluster.command(&["session", "list", "--user", "ann", "--json"]);
                let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
                assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
                let ended = cluster.command(&["session", "revoke", listed[0]["id"].as_str().unwrap()]);
                assert_eq!((ended.code, ended.stdout.as_str()), (0, ""), "{}", ended.stderr);
            }
            _ => assert_eq!(cluster.command(&["user", "disable", "ann"]).code, 0),
        }
        for client in [&mut there, &mut here] {
            let took = until(client, "/echo", 401).await;
            assert!(took < Duration::from_secs(1), "{way}: after {took:?}");
        }
    }
    let refused = cluster.nodes[1].api_client().post_json(LOGIN, &ann.first()).await;
    assert_eq!((refused.status, refused.json()["code"].as_str()), (401, Some("wrong_credentials")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_killed_takes_nothing_with_it() {
    let mut cluster = Cluster::start("").await;
    let (ann, bob) = (cluster.person("ann"), cluster.person("bob"));
    let step = totp::step_now();
    let session = ann.script(&cluster.nodes[0], step).await;
    let first = cluster.nodes[0].api_client().post_json(LOGIN, &bob.first()).await.json();
    let mut person = cluster.nodes[0].browser();
    let page = person.open("/echo?from=page").await;
    let page = person.submit(&page, &[("username", "bob"), ("password", PASSWORD)]).await;
    assert!(page.at.starts_with("/.stepgate/second-factor"), "{}", page.at);
    cluster.nodes[0].process.signal("KILL");
    assert_eq!(cluster.nodes[0].process.wait(), None, "ended by a signal");

    let other = &cluster.nodes[1];
    assert_eq!(session.at(other).get("/echo").await.status, 200, "the session goes on");
    let again = other.api_client().post_json(LOGIN, &ann.login(step)).await;
    assert_eq!(again.json()["code"], "wrong_otp", "a spent code stays spent");
    let second = json!({ "ceremony": first["ceremony"], "method": "totp", "code": totp::at_step(&bob.secret, step) });
    assert_eq!(other.api_client().post_json(SECOND, &second).await.json()["status"], "ok", "a ceremony goes on");
    let mut person = person.moved(&other.url);
    let page = person.get(&page.at).await;
    let page = person.submit(&page, &[("code", &totp::at_step(&bob.secret, step + 1))]).await;
    assert_eq!((page.status, page.at.as_str()), (200, "/echo?from=page"), "{}", page.body);

    cluster.nodes[0] = cluster.serve(0).await;
    assert_eq!(session.at(&cluster.nodes[0]).get("/echo").await.status, 200, "and at the node that came back");
}

/// A page that must be a quick 503 that leaves the cookies alone.
fn is_closed(page: &Page, took: Duration, when: &str) {
    assert_eq!(page.status, 503, "{when}: {}", page.body);
    assert!(took < Duration::from_secs(1), "{when}: after {took:?}");
    assert_eq!(page.header("set-cookie"), "", "{when}: cookies are kept");
    assert!(page.header("retry-after").parse::<u64>().is_ok(), "{when}: says when to come back");
}

async fn timed(client: &mut Client, path: &str) -> (Page, Duration) {
    let started = now();
    let page = client.get(path).await;
    (page, started.elapsed())
}

/// Signs in by script; the answer and how long it took.
async fn sign_in(cluster: &Cluster, body: &Value) -> (Page, Duration) {
    let started = now();
    let page = cluster.nodes[0].api_client().post_json(LOGIN, body).await;
    (page, started.elapsed())
}

async fn browser_of(cluster: &Cluster, person: &Person, step: u64) -> Client {
    let mut browser = cluster.nodes[0].browser();
    let page = browser.sign_in("/echo", &person.name, PASSWORD, Some((&person.secret, step))).await;
    assert_eq!((page.status, page.at.as_str()), (200, "/echo"), "{}", page.body);
    browser
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_nothing_is_permitted_that_needs_it() {
    let mut cluster = Cluster::start("").await;
    let ann = cluster.person("ann");
    let step = totp::step_now();
    let mut browser = browser_of(&cluster, &ann, step - 1).await;
    let mut script = ann.script(&cluster.nodes[0], step).await;
    for hanging in [true, false] {
        let when = if hanging { "Redis hangs" } else { "Redis is down" };
        if hanging {
            cluster.redis.signal("STOP")
        } else {
            cluster.redis.stop()
        }
        // What is remembered may be used until the missing push is noticed.
        until(&mut browser, "/echo", 503).await;
        for client in [&mut browser, &mut script] {
            let (page, took) = timed(client, "/echo").await;
            is_closed(&page, took, when);
        }
        let (page, took) = sign_in(&cluster, &ann.login(step + 1)).await;
        is_closed(&page, took, when);
        assert_eq!(page.header("content-type"), "application/problem+json");
        let (page, took) = timed(&mut browser, "/public/echo").await;
        assert_eq!(page.status, 200, "{when}: public rules work");
        assert!(took < Duration::from_secs(1), "{when}: {took:?}");
        let ready = cluster.nodes[0].admin_url.clone();
        assert_eq!(Client::anonymous(&ready).get("/livez").await.status, 200, "{when}");
        assert_eq!(Client::anonymous(&ready).get("/readyz").await.status, 503, "{when}");
        if hanging {
            cluster.redis.signal("CONT");
            until(&mut browser, "/echo", 200).await;
            until(&mut script, "/echo", 200).await;
        } else {
            cluster.redis = crate::support::servers::Redis::at(cluster.redis.port);
            until(&mut script, "/echo", 401).await;
            let (page, _) = sign_in(&cluster, &ann.login(step + 1)).await;
            assert_eq!(page.status, 200, "recovered: {}", page.body);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_database_running_sessions_go_on_and_nobody_signs_in() {
    let mut cluster = Cluster::start("").await;
    let ann = cluster.person("ann");
    let step = totp::step_now();
    let mut browser = browser_of(&cluster, &ann, step - 1).await;
    let codes = [step, step + 1];
    for (hanging, code) in [true, false].into_iter().zip(codes) {
        let when = if hanging { "PostgreSQL hangs" } else { "PostgreSQL is down" };
        if hanging {
            cluster.postgres.signal_all("STOP")
        } else {
            cluster.postgres.stop()
        }
        let (page, took) = timed(&mut browser, "/echo").await;
        assert_eq!(page.status, 200, "{when}: {}", page.body);
        assert!(took < Duration::from_secs(1), "{when}: {took:?}");
        let (page, took) = sign_in(&cluster, &ann.login(code)).await;
        is_closed(&page, took, when);
        if hanging {
            cluster.postgres.signal_all("CONT")
        } else {
            cluster.postgres.come_back()
        }
        let back = wait_until(|| {
            let asked = tokio::task::block_in_place(|| {
                tokio::runtime::Handle::current().block_on(sign_in(&cluster, &ann.login(code)))
            });
            (asked.0.status == 200).then_some(())
        });
        assert!(back.is_some(), "{when}: does not recover: {}", cluster.nodes[0].process.stderr());
    }
}
