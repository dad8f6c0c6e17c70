//! The demo as its contract says, with the binary as it is.

use serde_json::json;

use crate::support::gateway::Gateway;
use crate::support::totp;

#[tokio::test]
async fn tells_where_it_is_and_ends_without_a_trace() {
    let mut gw = Gateway::demo();
    assert_eq!(gw.process.further_line(), None, "exactly one line");
    let keys: Vec<&str> = gw.demo.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys.len(), 9, "{keys:?}");
    let groups = |name: &str| {
        gw.demo["users"].as_array().unwrap().iter().find(|u| u["username"] == name).unwrap()["groups"].clone()
    };
    assert_eq!(
        (groups("ann"), groups("bob"), groups("root")),
        (json!(["staff"]), json!(["staff"]), json!(["staff", "admins"]))
    );
    assert_eq!((gw.user("ann").1.is_some(), gw.user("bob").1, gw.user("root").1.is_some()), (true, None, true));
    ends_without_a_trace(&mut gw, "TERM");
    // So it does when its terminal is closed.
    ends_without_a_trace(&mut Gateway::demo(), "HUP");
}

fn ends_without_a_trace(gw: &mut Gateway, signal: &str) {
    let state = std::env::temp_dir().join(format!("stepgate-demo-{}-0", gw.process.id()));
    assert!(state.exists());
    gw.process.signal(signal);
    assert_eq!(gw.process.wait(), Some(0), "{signal}");
    assert!(!state.exists(), "{signal}: the state is removed");
}

#[tokio::test]
async fn serves_on_when_nobody_reads_its_log() {
    let mut gw = Gateway::unheard_demo();
    for _ in 0..3 {
        assert_eq!(gw.anonymous().get("/public/echo").await.status, 200);
        assert_eq!(gw.browser().get("/form").await.status, 303);
    }
    assert!(!gw.process.has_ended());
}

#[tokio::test]
async fn serves_on_and_ends_when_whoever_reads_its_log_stands_still() {
    let mut gw = Gateway::unread_demo();
    let path = format!("/public/echo/{}", "x".repeat(4000));
    for _ in 0..40 {
        // More than a pipe holds.
        assert_eq!(gw.anonymous().get(&path).await.status, 200);
    }
    gw.process.signal("TERM");
    assert_eq!(gw.process.wait(), Some(0));
}

#[tokio::test]
async fn the_app_is_open_where_it_should_be_and_closed_elsewhere() {
    let gw = Gateway::demo();
    let mut anyone = gw.anonymous();
    let open = anyone.get("/public/echo?a=%2e").await;
    assert_eq!((open.status, open.json()["target"].as_str()), (200, Some("/public/echo?a=%2e")));
    assert_eq!(anyone.get("/echo").await.status, 401);
    let page = gw.browser().get("/form").await;
    assert_eq!(page.status, 303);
    assert!(page.header("location").contains("/.stepgate/login"));
}

#[tokio::test]
async fn ann_signs_in_and_the_app_is_told_who_she_is() {
    let gw = Gateway::demo();
    let (password, secret) = gw.user("ann");
    let mut api = gw.api_client();
    let body = json!({ "username": "ann", "password": password, "otp": totp::code(&secret.unwrap()) });
    let login = api.post_json("/.stepgate/api/v1/login", &body).await;
    assert_eq!(login.status, 200, "{}", login.body);
    api.token = login.json()["access_token"].as_str().map(str::to_owned);
    let echo = api.get("/echo").await.json();
    let told = |name: &str| {
        let all = echo["headers"].as_array().unwrap().iter();
        let named: Vec<&str> =
            all.filter(|h| h[0].as_str().unwrap().eq_ignore_ascii_case(name)).map(|h| h[1].as_str().unwrap()).collect();
        named.join("|")
    };
    assert_eq!((told("Remote-User").as_str(), told("Remote-Groups").as_str()), ("ann", "staff"));
    assert_eq!(told("X-Stepgate-Assertion").split('.').count(), 3);
    let again = gw.api_client().post_json("/.stepgate/api/v1/login", &body).await;
    assert_eq!((again.status, again.json()["code"].as_str()), (401, Some("wrong_otp")), "a code counts once");
}

#[tokio::test]
async fn a_session_that_is_used_from_another_country_is_asked_for_a_second_step_once() {
    let gw = Gateway::demo();
    let elsewhere = gw.demo["elsewhere_url"].as_str().unwrap().to_owned();
    let (password, secret) = gw.user("ann");
    let mut home = gw.api_client();
    let body = json!({ "username": "ann", "password": password, "strength": "one_factor" });
    let login = home.post_json("/.stepgate/api/v1/login", &body).await;
    assert_eq!(login.status, 200, "{}", login.body);
    home.token = login.json()["access_token"].as_str().map(str::to_owned);
    assert_eq!(home.get("/risky/").await.status, 200, "at home");
    let mut abroad = home.moved(&elsewhere);
    abroad.token.clone_from(&home.token);
    let asked = abroad.get("/risky/").await;
    assert_eq!((asked.status, asked.json()["reason"].as_str()), (401, Some("risk")), "{}", asked.body);
    assert_eq!(home.get("/risky/").await.status, 200, "nobody is signed out at home");
    let step = json!({ "method": "totp", "code": totp::code(&secret.unwrap()) });
    let risen = abroad.post_json("/.stepgate/api/v1/elevate", &step).await;
    assert_eq!(risen.status, 200, "{}", risen.body);
    abroad.token = risen.json()["access_token"].as_str().map(str::to_owned);
    assert_eq!(abroad.get("/risky/").await.status, 200, "after a second step");
}
