//! Forms that wait for a sign-in, through the built gateway: over hosts, past a sign-out, and raced over two nodes.

use futures_util::future::join_all;
use reqwest::Method;

use crate::support::app::App;
use crate::support::clients::{Client, Page};
use crate::support::cluster::{Cluster, PASSWORD};
use crate::support::gateway::Gateway;
use crate::support::tabs::{Tabs, split};
use crate::support::totp;

const HELD: &str = "__Host-stepgate-held";
const SESSION: &str = "__Host-stepgate";
const TAKERS: usize = 200;

/// What stands for the form that a page shows: where it is sent, and its body.
fn shown(page: &Page) -> (String, Vec<(String, String)>) {
    assert!(page.body.contains("Your form was kept"), "{} {}", page.status, page.body);
    (page.attribute("formaction", "formaction").unwrap(), page.hidden())
}

/// Sends a form, and follows where that leads.
async fn send_form(tabs: &mut Tabs, url: &str, body: &str) -> Page {
    let (origin, target) = split(url);
    let client = tabs.on(origin);
    let kind = "application/x-www-form-urlencoded";
    let request = client.request(Method::POST, target).header("content-type", kind).body(body.to_owned());
    let page = client.send(request).await;
    assert_eq!(page.status, 303, "{}", page.body);
    tabs.led.clear();
    tabs.follow(url, page).await
}

/// Sends what a page shows.
async fn replay(tabs: &mut Tabs, origin: &str, (to, body): &(String, Vec<(String, String)>)) -> Page {
    let client = tabs.on(origin);
    let request = client.request(Method::POST, to).form(body);
    client.send(request).await
}

#[tokio::test]
async fn a_form_waits_on_its_host_while_its_owner_signs_in_on_another() {
    let gw = Gateway::demo();
    let (password, secret) = gw.user("ann");
    let url = |key: &str| gw.demo[key].as_str().unwrap().to_owned();
    let (first, second, portal) = (url("first_url"), url("second_url"), url("portal_url"));
    let mut ann = Tabs::default();
    send_form(&mut ann, &format!("{first}/echo?a=b"), "text=%C3%A9&sum=1").await;
    assert!(ann.at().starts_with(&format!("{portal}/.stepgate/login?handoff=")), "{}", ann.at());
    assert!(!ann.at().contains("sgf_"), "sealed in the handoff: {}", ann.at());
    ann.submit(&[("username", "ann"), ("password", &password)]).await;
    let code = totp::at_step(&secret.unwrap(), totp::step_now());
    let page = ann.submit(&[("method", "totp"), ("code", &code)]).await;
    assert!(
        ann.at().starts_with(&format!("{first}/.stepgate/form?to=%2Fecho%3Fa%3Db&for=POST&form=sgf_")),
        "{}",
        ann.at()
    );
    assert!(page.header("content-security-policy").contains("form-action *;"));
    let what = shown(&page);
    // On the host of another app the same identifiers find nothing.
    let cookie = ann.on(&first).cookie(HELD).unwrap().to_owned();
    ann.open(&format!("{second}/echo")).await;
    let client = ann.on(&second);
    let session = client.cookie(SESSION).unwrap().to_owned();
    let there = Client::anonymous(&second).request(Method::POST, &what.0).form(&what.1);
    let there = there.header("accept", "text/html").header("cookie", format!("{SESSION}={session}; {HELD}={cookie}"));
    assert_eq!(there.send().await.unwrap().status(), 410);
    let app = replay(&mut ann, &first, &what).await;
    assert_eq!(app.status, 200, "{}", app.body);
    let echo = app.json();
    assert_eq!(
        (&echo["method"], &echo["target"], &echo["body"]),
        (&"POST".into(), &"/echo?a=b".into(), &"text=%C3%A9&sum=1".into())
    );
    assert!(!app.body.contains("sgf_") && !app.body.contains("sgk_"), "{}", app.body);
    assert_eq!(replay(&mut ann, &first, &what).await.status, 410);
    let counted = reqwest::get(format!("{}/metrics", gw.admin_url)).await.unwrap().text().await.unwrap();
    for line in ["{result=\"held\"} 1", "{result=\"sent\"} 1", "{result=\"gone\"} 2"] {
        assert!(counted.contains(&format!("stepgate_forms_held_total{line}")), "{line}");
    }
}

#[tokio::test]
async fn a_sign_out_ends_what_waited() {
    let gw = Gateway::demo();
    let (password, secret) = gw.user("ann");
    let (secret, step) = (secret.unwrap(), totp::step_now());
    let mut ann = Tabs::default();
    send_form(&mut ann, &format!("{}/echo", gw.url), "a=b").await;
    ann.submit(&[("username", "ann"), ("password", &password)]).await;
    let page = ann.submit(&[("method", "totp"), ("code", &totp::at_step(&secret, step))]).await;
    let (what, cookie) = (shown(&page), ann.on(&gw.url).cookie(HELD).unwrap().to_owned());
    let client = ann.on(&gw.url);
    let out = client.request(Method::POST, "/.stepgate/logout").form(&[("op", "here")]);
    assert_eq!(client.send(out).await.status, 303);
    assert!(client.cookie(HELD).is_none(), "the browser forgets it");
    // Whoever kept the cookie has nothing of it either: the session is another one.
    ann.sign_in(&format!("{}/echo", gw.url), "ann", &password, (&secret, step + 1)).await;
    let client = ann.on(&gw.url);
    let cookies = format!("{SESSION}={}; {HELD}={cookie}", client.cookie(SESSION).unwrap());
    let request = Client::anonymous(&gw.url).request(Method::POST, &what.0).form(&what.1);
    let answer = request.header("accept", "text/html").header("cookie", cookies).send().await.unwrap();
    assert_eq!(answer.status(), 403);
    assert!(answer.text().await.unwrap().contains("a sign-in that has ended"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_send_a_form_at_once_over_two_nodes_the_app_sees_one() {
    let app = App::start().await;
    let cluster = Cluster::before(app.address, "limits: { network: { tries: 1000, refill: 1ms } }").await;
    let ann = cluster.person("ann");
    let mut browser = Tabs::default();
    let step = totp::step_now();
    browser.sign_in(&format!("{}/x", cluster.nodes[0].url), &ann.name, PASSWORD, (&ann.secret, step)).await;
    let session = browser.on(&cluster.nodes[0].url).cookie(SESSION).unwrap().to_owned();
    let http = reqwest::Client::builder().no_proxy().resolve("localhost", ([127, 0, 0, 1], 0).into());
    let http = http.redirect(reqwest::redirect::Policy::none()).pool_max_idle_per_host(TAKERS).build().unwrap();
    for round in 0..crate::races::rounds() {
        // Nobody is signed in where it is sent first; it is kept by one node, and known to both.
        let mut stranger = Client::browser(&cluster.nodes[round % 2].url);
        let target = format!("/round/{round}");
        let request = stranger.request(Method::POST, &target).form(&[("a", "b")]);
        let held = stranger.send(request).await;
        let id = held.header("location").split("form=").nth(1).unwrap().to_owned();
        let cookies = format!("{SESSION}={session}; {HELD}={}", stranger.cookie(HELD).unwrap());
        let take = async |n: usize| {
            let request = http.post(format!("{}{target}", cluster.nodes[n % 2].url)).form(&[("stepgate-form", &id)]);
            let answer = request.header("accept", "text/html").header("cookie", &cookies).send().await.unwrap();
            answer.status().as_u16()
        };
        let answers = join_all((0..TAKERS).map(take)).await;
        let sent = answers.iter().filter(|status| **status == 200).count();
        assert!(answers.iter().all(|status| matches!(status, 200 | 410)), "round {round}: {answers:?}");
        let seen = app.heard().iter().filter(|head| head.starts_with(&format!("POST {target} "))).count();
        assert_eq!((sent, seen), (1, 1), "round {round}");
    }
}
