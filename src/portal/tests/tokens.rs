//! The token of a cookie is no bearer token, nor the other way round, wherever one is used; and what a dead one is told.

use http::StatusCode;
use serde_json::json;

use super::*;
use crate::auth::proof::evaluation::Circumstances;
use crate::auth::session::SessionToken;
use crate::flow::testing::PASSWORD;
use crate::portal::seen::SeenHead;

/// How a token is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Cookie,
    Bearer,
    Nothing,
}

/// Where sessions count: method, address, body.
const USES: [(&str, &str, &str); 9] = [
    ("GET", "/.stepgate/api/v1/whoami", ""),
    ("GET", "/.stepgate/session", ""),
    ("POST", "/.stepgate/api/v1/logout", ""),
    ("POST", "/.stepgate/api/v1/elevate", r#"{"method":"totp","code":"000000"}"#),
    ("POST", "/.stepgate/api/v1/totp", "{}"),
    ("POST", "/.stepgate/api/v1/totp/confirm", r#"{"code":"000000"}"#),
    ("GET", "/.stepgate/api/v1/totp/qr.png", ""),
    ("GET", "/.stepgate/account", ""),
    ("GET", "/.stepgate/step-up", ""),
];

fn asking(method: &str, target: &str, by: By, token: &str, json: bool) -> RequestInfo {
    let (bearer, cookie) = (format!("Bearer {token}"), format!("__Host-stepgate={token}"));
    let mut headers = vec![("accept", "*/*"), ("sec-fetch-site", "same-origin")];
    if json {
        headers.push(("content-type", "application/json"));
    }
    match by {
        By::Cookie => headers.push(("cookie", &cookie)),
        By::Bearer => headers.push(("authorization", &bearer)),
        By::Nothing => {}
    }
    info(method, target, &headers)
}

/// A token that was given out for one way.
async fn given_for(stage: &Stage, by: By) -> String {
    if by == By::Cookie {
        let mut browser = Browser::new(stage);
        browser.sign_in("/x", 0).await;
        return browser.jar["__Host-stepgate"].clone();
    }
    let login = json!({"username": "ann", "password": PASSWORD, "otp": stage.code(0)}).to_string();
    let asked = info("POST", "/.stepgate/api/v1/login", &[("content-type", "application/json")]);
    let told: serde_json::Value = serde_json::from_slice(send(&stage.portal, &asked, login).await.body()).unwrap();
    told["access_token"].as_str().unwrap_or_else(|| panic!("{told}")).to_owned()
}

/// Whether a token opens the app.
async fn opens(stage: &Stage, by: By, token: &str) -> bool {
    let asked = asking("GET", "/x", by, token, false);
    let state = &stage.portal.state;
    let app = stage.policy.app(HOST).unwrap();
    let resource = Resource::parse(HOST, "GET", b"/x", app.tolerate).unwrap();
    let around = Circumstances::of(asked.client_ip);
    let presented = crate::portal::cookies::session_token(&asked.headers);
    matches!(
        state.flows.admit(app, &resource, &around, presented.token(), &SeenHead::of(&asked)).await.unwrap().decision,
        Decision::Permit(_)
    )
}

#[tokio::test]
async fn a_token_counts_only_by_the_way_it_was_given_out_for() {
    for given in [By::Cookie, By::Bearer] {
        for by in [By::Cookie, By::Bearer] {
            for (method, target, body) in USES {
                let stage = Stage::new();
                let token = given_for(&stage, given).await;
                let told = |by| {
                    let asked = asking(method, target, by, &token, !body.is_empty());
                    let portal = &stage.portal;
                    async move {
                        let answer = send(portal, &asked, body.to_owned()).await;
                        let problem: serde_json::Value = serde_json::from_slice(answer.body()).unwrap_or_default();
                        (answer.status(), location(&answer), problem["code"].clone())
                    }
                };
                let nothing = told(By::Nothing).await;
                let (shown, name) = (told(by).await, format!("{given:?} as {by:?}: {method} {target}"));
                assert_eq!(shown == nothing, given != by, "{name}: {shown:?} {nothing:?}");
                // What the wrong way did not open, it did not end either.
                let ended = given == by && target.ends_with("logout");
                assert_eq!(opens(&stage, given, &token).await, !ended, "{name}");
                assert!(!opens(&stage, if given == By::Cookie { By::Bearer } else { By::Cookie }, &token).await);
            }
        }
    }
}

#[tokio::test]
async fn a_bearer_token_that_counts_for_nothing_is_told_so_and_nobody_else() {
    let stage = Stage::new();
    let cookie = given_for(&stage, By::Cookie).await;
    let never = SessionToken::mint(&[7; 32]);
    for (by, token, invalid) in [
        (By::Nothing, "", false),
        (By::Bearer, never.expose(), true),
        (By::Bearer, "sgs_short", true),
        (By::Bearer, &cookie, true),
        (By::Cookie, never.expose(), false),
    ] {
        for (method, target, body) in USES.into_iter().filter(|(_, target, _)| target.contains("/api/")) {
            let answer =
                send(&stage.portal, &asking(method, target, by, token, !body.is_empty()), body.to_owned()).await;
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{by:?} {target}");
            let asked = header(&answer, "www-authenticate");
            assert!(asked.starts_with("Bearer realm="), "{target}: {asked}");
            assert_eq!(asked.contains("error=\"invalid_token\""), invalid, "{by:?} {target}: {asked}");
            assert!(asked.contains("error=") == invalid, "{target}: {asked}");
        }
    }
}
