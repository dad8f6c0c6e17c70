//! One sign-in for many hosts, through the built gateway: the demo's three hosts, and two nodes that share a Redis.

use futures_util::future::join_all;

use crate::support::cluster::{Cluster, PASSWORD};
use crate::support::gateway::Gateway;
use crate::support::process::wait_until;
use crate::support::tabs::{Tabs, split};
use crate::support::totp;

const SESSION: &str = "__Host-stepgate";
const TAKERS: usize = 200;
const HOSTS: [&str; 2] = ["first.localhost", "second.localhost"];
const PORTAL: &str = "portal: { host: login.localhost }";

struct Urls {
    first: String,
    second: String,
    portal: String,
}

fn of_demo(gateway: &Gateway) -> Urls {
    let url = |key: &str| gateway.demo[key].as_str().unwrap().to_owned();
    Urls { first: url("first_url"), second: url("second_url"), portal: url("portal_url") }
}

fn of_node(node: &Gateway) -> Urls {
    let at = |host: &str| node.url.replace("//localhost", &format!("//{host}"));
    Urls { first: at("first.localhost"), second: at("second.localhost"), portal: at("login.localhost") }
}

#[tokio::test]
async fn one_sign_in_opens_both_apps_and_one_way_out_ends_both() {
    let gw = Gateway::demo();
    let (urls, (password, secret)) = (of_demo(&gw), gw.user("ann"));
    let (secret, step) = (secret.unwrap(), totp::step_now());
    let mut ann = Tabs::default();
    let app = ann.sign_in(&format!("{}/echo?a=b", urls.first), "ann", &password, (&secret, step)).await;
    assert_eq!((app.status, ann.at()), (200, format!("{}/echo?a=b", urls.first).as_str()), "{}", app.body);
    let echo = app.json();
    assert_eq!(echo["target"], "/echo?a=b");
    assert!(app.body.contains("Remote-User") && !app.body.contains(SESSION), "{}", app.body);
    let app = ann.open(&format!("{}/echo", urls.second)).await;
    assert_eq!((app.status, ann.at()), (200, format!("{}/echo", urls.second).as_str()));
    assert!(ann.led[0].starts_with(&format!("{}/.stepgate/login?handoff=", urls.portal)), "{:?}", ann.led);
    // The host that keeps its sign-in to itself knows nobody.
    assert!(ann.get(&format!("{}/echo", gw.url)).await.header("location").starts_with("/.stepgate/login?to="));
    // What stands on the portal's host is ours alone, and no other host is served.
    assert!(ann.open(&urls.portal).await.body.contains(&format!("{}/", urls.second)));
    assert_eq!(ann.get(&format!("{}/echo", urls.portal)).await.status, 404);
    let client = ann.on(&urls.second);
    let out = client.request(reqwest::Method::POST, "/.stepgate/logout").form(&[("op", "here")]);
    assert_eq!(client.send(out).await.status, 303);
    for url in [&urls.first, &urls.second] {
        ann.open(&format!("{url}/echo")).await;
        assert!(ann.at().starts_with(&format!("{}/.stepgate/login?handoff=", urls.portal)), "{}", ann.at());
    }
}

#[tokio::test]
async fn what_was_not_made_for_this_browser_and_host_is_of_no_use() {
    let gw = Gateway::demo();
    let (urls, (password, secret)) = (of_demo(&gw), gw.user("ann"));
    let (mut ann, mut eve) = (Tabs::default(), Tabs::default());
    ann.sign_in(&format!("{}/echo", urls.first), "ann", &password, (&secret.unwrap(), totp::step_now())).await;
    // Eve's handoff in ann's browser: the ticket that comes of it is ann's, and no good without eve's cookie.
    let handoff = eve.handoff(&format!("{}/echo", urls.second)).await;
    ann.open(&handoff).await;
    let refused = ann.led.last().unwrap().clone();
    assert!(refused.contains("/.stepgate/arrive?ticket="), "{refused}");
    assert!(ann.on(&urls.second).cookie(SESSION).is_none());
    // And it is of no use to eve either: it is used up.
    assert_eq!(eve.get(&refused).await.status, 403);
    assert!(eve.on(&urls.second).cookie(SESSION).is_none());
    // Every change of a sealed handoff is none that we wrote.
    let good = ann.handoff(&format!("{}/echo", urls.second)).await.replace("/login?", "/depart?");
    let (page, sealed) = good.split_once("handoff=").unwrap();
    for at in (0..sealed.len()).step_by(5) {
        let mut bytes = sealed.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let forged = format!("{page}handoff={}", String::from_utf8(bytes).unwrap());
        assert_eq!(ann.get(&forged).await.header("location"), "/", "{at}");
    }
    assert!(ann.get(&good).await.header("location").starts_with(&format!("{}/.stepgate/arrive?ticket=", urls.second)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handoff_and_a_ticket_are_good_once_however_many_try_wherever() {
    let cluster = Cluster::serving(&HOSTS, PORTAL).await;
    let (ann, step) = (cluster.person("ann"), totp::step_now());
    let nodes = [of_node(&cluster.nodes[0]), of_node(&cluster.nodes[1])];
    let port = |urls: &Urls| split(&urls.first).0.rsplit_once(':').unwrap().1.to_owned();
    let mut browser = Tabs::default();
    let app = browser.sign_in(&format!("{}/echo", nodes[0].first), &ann.name, PASSWORD, (&ann.secret, step)).await;
    assert_eq!(app.status, 200, "{}", app.body);
    for round in 0..crate::races::rounds() {
        let away = browser.handoff(&format!("{}/echo?{round}", nodes[0].second)).await.replace("/login?", "/depart?");
        let mut elsewhere = browser.at_port(&port(&nodes[0]), &port(&nodes[1]));
        let there = away.replace(&port(&nodes[0]), &port(&nodes[1]));
        let asked = at_once([(&mut browser, &away), (&mut elsewhere, &there)]).await;
        let tickets: Vec<_> = asked.iter().filter(|(_, to, _)| to.contains("/arrive?ticket=")).collect();
        assert_eq!(tickets.len(), 1, "round {round}: {} tickets", tickets.len());
        assert!(asked.iter().all(|(status, ..)| *status == 303), "round {round}");
        let (first, second) = (tickets[0].1.clone(), tickets[0].1.clone());
        let to = |url: &str, urls: &Urls| format!("{}{}", urls.second, split(url).1);
        let (first, second) = (to(&first, &nodes[0]), to(&second, &nodes[1]));
        let asked = at_once([(&mut browser, &first), (&mut elsewhere, &second)]).await;
        let opened = asked.iter().filter(|(.., session)| *session).count();
        assert_eq!(opened, 1, "round {round}");
        assert!(asked.iter().all(|(status, _, session)| *status == if *session { 303 } else { 403 }), "round {round}");
    }
}

/// Asks for the addresses in turn, all at once: status, where it leads, and whether a session came with it.
async fn at_once(both: [(&mut Tabs, &String); 2]) -> Vec<(u16, String, bool)> {
    let requests = |tabs: &mut Tabs, url: &String| {
        let (origin, target) = split(url);
        let client = tabs.on(origin);
        (0..TAKERS / 2).map(|_| client.request(reqwest::Method::GET, target)).collect::<Vec<_>>()
    };
    let asked = both.into_iter().flat_map(|(tabs, url)| requests(tabs, url));
    let ask = async |request: reqwest::RequestBuilder| {
        let answer = request.send().await.unwrap();
        let text = |value: &reqwest::header::HeaderValue| value.to_str().unwrap().to_owned();
        let to = answer.headers().get("location").map(text).unwrap_or_default();
        let all: Vec<String> = answer.headers().get_all("set-cookie").iter().map(text).collect();
        let session = all.iter().any(|set| set.starts_with(&format!("{SESSION}=sgs_")));
        (answer.status().as_u16(), to, session)
    };
    join_all(asked.map(ask)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_on_every_host_and_node_at_once() {
    let cluster = Cluster::serving(&HOSTS, PORTAL).await;
    let (ann, step) = (cluster.person("ann"), totp::step_now());
    let nodes = [of_node(&cluster.nodes[0]), of_node(&cluster.nodes[1])];
    let port = |urls: &Urls| split(&urls.first).0.rsplit_once(':').unwrap().1.to_owned();
    for (way, step) in [("logout", step - 1), ("revoke", step), ("disable", step + 1)] {
        let mut browser = Tabs::default();
        browser.sign_in(&format!("{}/echo", nodes[0].first), &ann.name, PASSWORD, (&ann.secret, step)).await;
        assert_eq!(browser.open(&format!("{}/echo", nodes[0].second)).await.status, 200, "{way}");
        let mut elsewhere = browser.at_port(&port(&nodes[0]), &port(&nodes[1]));
        let asked = [format!("{}/echo", nodes[1].first), format!("{}/echo", nodes[1].second)];
        for url in &asked {
            assert_eq!(elsewhere.get(url).await.status, 200, "{way}: warm in the cache of the other node");
        }
        match way {
            "logout" => {
                let client = browser.on(&nodes[0].first);
                let out = client.request(reqwest::Method::POST, "/.stepgate/logout").form(&[("op", "here")]);
                assert_eq!(client.send(out).await.status, 303);
            }
            "revoke" => {
                let listed = cluster.command(&["session", "list", "--user", "ann", "--json"]);
                let listed: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
                let mut hosts: Vec<&str> =
                    listed.as_array().unwrap().iter().map(|row| row["host"].as_str().unwrap()).collect();
                hosts.sort_unstable();
                assert_eq!(hosts, ["first.localhost", "login.localhost", "second.localhost"]);
                let ended = cluster.command(&["session", "revoke", listed[0]["id"].as_str().unwrap()]);
                assert_eq!(ended.code, 0, "{}", ended.stderr);
                assert!(
                    ended.stderr.contains("on first.localhost, login.localhost and second.localhost"),
                    "{}",
                    ended.stderr
                );
            }
            _ => assert_eq!(cluster.command(&["user", "disable", "ann"]).code, 0),
        }
        for url in &asked {
            let ended = async { while elsewhere.get(url).await.status != 303 {} };
            tokio::time::timeout(std::time::Duration::from_secs(1), ended)
                .await
                .unwrap_or_else(|_| panic!("{way}: {url}"));
        }
    }
    assert!(
        wait_until(|| cluster.command(&["session", "list", "--json"]).stdout.starts_with("[]").then_some(())).is_some()
    );
}
