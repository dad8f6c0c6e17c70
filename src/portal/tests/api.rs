//! The JSON API, call by call.

use http::StatusCode;
use serde_json::{Value, json};

use super::*;
use crate::flow::testing::PASSWORD;
use crate::portal::router;

pub(super) async fn call(
    stage: &Stage,
    method: &str,
    path: &str,
    auth: Option<&str>,
    body: Value,
) -> (StatusCode, Value) {
    let answer = raw(stage, method, path, auth, body).await;
    (answer.status(), serde_json::from_slice(answer.body()).unwrap_or(Value::Null))
}

pub(super) async fn raw(stage: &Stage, method: &str, path: &str, auth: Option<&str>, body: Value) -> Reply {
    let mut headers = vec![("accept", "*/*")];
    let body = if body.is_null() { String::new() } else { body.to_string() };
    if !body.is_empty() {
        headers.push(("content-type", "application/json"));
    }
    if let Some(auth) = auth {
        headers.push(("authorization", auth));
    }
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/.stepgate/api/v1/{path}") };
    send(&stage.portal, &info(method, &path, &headers), body).await
}

#[tokio::test]
async fn a_script_signs_in_by_two_steps_rises_and_leaves() {
    let stage = Stage::new();
    let (status, next) =
        call(&stage, "POST", "login", None, json!({"username": "ann", "password": PASSWORD, "x": 1})).await;
    assert_eq!((status, &next["status"]), (StatusCode::OK, &json!("second_factor_required")));
    assert!(next["methods"].as_array().unwrap().contains(&json!("totp")));
    let wrong = json!({"ceremony": next["ceremony"], "method": "totp", "code": "000000"});
    let (status, told) = call(&stage, "POST", "login/second-factor", None, wrong).await;
    assert_eq!((status, &told["code"]), (StatusCode::UNAUTHORIZED, &json!("wrong_otp")));
    let right = json!({"ceremony": next["ceremony"], "method": "totp", "code": stage.code(0)});
    let (status, open) = call(&stage, "POST", "login/second-factor", None, right).await;
    assert_eq!((status, &open["status"], &open["token_type"]), (StatusCode::OK, &json!("ok"), &json!("Bearer")));
    assert!(open["expires_in"].as_u64().unwrap() > 3000 && open.get("last_login_at").is_some());
    let bearer = format!("Bearer {}", open["access_token"].as_str().unwrap());
    let (status, who) = call(&stage, "GET", "whoami", Some(&bearer), Value::Null).await;
    assert_eq!((status, &who["username"], &who["acr"]), (StatusCode::OK, &json!("ann"), &json!("urn:stepgate:acr:2")));
    let (_, brief) = call(&stage, "GET", "/.stepgate/session", Some(&bearer), Value::Null).await;
    assert_eq!((&brief["username"], &brief["strength"]), (&json!("ann"), &json!("two_factor")));
    stage.world.pass(std::time::Duration::from_secs(60));
    let (status, risen) =
        call(&stage, "POST", "elevate", Some(&bearer), json!({"method": "totp", "code": stage.code(0)})).await;
    assert_eq!(status, StatusCode::OK);
    let (status, told) = call(&stage, "GET", "whoami", Some(&bearer), Value::Null).await;
    assert_eq!((status, &told["code"]), (StatusCode::UNAUTHORIZED, &json!("not_signed_in")));
    let bearer = format!("Bearer {}", risen["access_token"].as_str().unwrap());
    assert_eq!(raw(&stage, "POST", "logout", Some(&bearer), Value::Null).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(call(&stage, "GET", "whoami", Some(&bearer), Value::Null).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn one_call_is_enough_with_the_code_along_or_basic() {
    let stage = Stage::new();
    let all = json!({"username": "ann", "password": PASSWORD, "otp": stage.code(0)});
    assert_eq!(call(&stage, "POST", "login", None, all).await.1["status"], "ok");
    let basic = format!("Basic {}", data_encoding::BASE64.encode(format!("ann:{PASSWORD}").as_bytes()));
    let (_, open) = call(&stage, "POST", "login", Some(&basic), json!({"strength": "one_factor"})).await;
    assert_eq!(open["status"], "ok");
    let (status, told) = call(&stage, "POST", "login", None, json!({"username": "ann", "password": "no"})).await;
    assert_eq!((status, &told["code"]), (StatusCode::UNAUTHORIZED, &json!("wrong_credentials")));
    assert_eq!(told["request_id"], "01JREQUEST");
    let (status, told) =
        call(&stage, "POST", "login", None, json!({"username": "ann", "password": PASSWORD, "otp": "000000"})).await;
    assert_eq!((status, &told["code"]), (StatusCode::UNAUTHORIZED, &json!("wrong_otp")));
}

#[tokio::test]
async fn a_script_enrols_by_the_ceremony() {
    let stage = Stage::new();
    let wish = json!({"username": "bob", "password": PASSWORD, "strength": "two_factor"});
    let (_, next) = call(&stage, "POST", "login", None, wish).await;
    assert_eq!(next["status"], "enrollment_required");
    let (status, pending) = call(&stage, "POST", "totp", None, json!({"ceremony": next["ceremony"]})).await;
    assert_eq!(status, StatusCode::OK);
    let by_header = format!("Ceremony {}", next["ceremony"].as_str().unwrap());
    assert_eq!(call(&stage, "POST", "totp", Some(&by_header), Value::Null).await.1["secret"], pending["secret"]);
    let png = raw(&stage, "GET", "totp/qr.png", Some(&by_header), Value::Null).await;
    assert!(header(&png, "content-type") == "image/png" && png.body().starts_with(b"\x89PNG"));
    let key = data_encoding::BASE32_NOPAD.decode(pending["secret"].as_str().unwrap().as_bytes()).unwrap();
    let code = stage.world.code(&SecretBytes::new(key), 0).expose().to_owned();
    let (status, done) =
        call(&stage, "POST", "totp/confirm", None, json!({"ceremony": next["ceremony"], "code": code})).await;
    assert_eq!((status, done["backup_codes"].as_array().unwrap().len()), (StatusCode::OK, 10));
    let bearer = format!("Bearer {}", done["access_token"].as_str().unwrap());
    assert_eq!(call(&stage, "GET", "whoami", Some(&bearer), Value::Null).await.1["acr"], "urn:stepgate:acr:2");
}

#[tokio::test]
async fn callers_by_cookie_get_cookies_and_no_token_to_read() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    browser.sign_in("/", 0).await;
    stage.world.pass(std::time::Duration::from_secs(60));
    let cookie = format!("__Host-stepgate={}", browser.jar["__Host-stepgate"]);
    let headers =
        [("cookie", cookie.as_str()), ("content-type", "application/json"), ("sec-fetch-site", "same-origin")];
    let body = json!({"method": "totp", "code": stage.code(0)}).to_string();
    let answer = send(&stage.portal, &info("POST", "/.stepgate/api/v1/elevate", &headers), body).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(header(&answer, "set-cookie").starts_with("__Host-stepgate=sgs_") && !text(&answer).contains("sgs_"));
}

#[tokio::test]
async fn documents_are_served() {
    let stage = Stage::new();
    let (status, document) = call(&stage, "GET", "/.stepgate/api/openapi.json", None, Value::Null).await;
    assert!(status == StatusCode::OK && document["components"]["schemas"]["LoginBody"].is_object());
    assert_eq!(call(&stage, "GET", "/.stepgate/jwks.json", None, Value::Null).await.1, json!({"keys": []}));
}

#[tokio::test]
async fn the_picture_is_there_only_while_a_secret_waits() {
    let stage = Stage::new();
    let body = json!({"username": "bob", "password": PASSWORD, "strength": "two_factor"});
    let (_, told) = call(&stage, "POST", "login", None, body).await;
    assert_eq!(told["status"], "enrollment_required");
    let by = format!("Ceremony {}", told["ceremony"].as_str().unwrap());
    let picture = async || raw(&stage, "GET", "totp/qr.png", Some(&by), Value::Null).await;
    let none = picture().await;
    assert_eq!((none.status(), header(&none, "content-type")), (StatusCode::NOT_FOUND, "application/problem+json"));
    assert!(stage.world.look(|s| s.pending().is_empty()), "looking begins nothing");
    assert_eq!(call(&stage, "POST", "totp", Some(&by), json!({})).await.0, StatusCode::OK);
    let shown = picture().await;
    assert_eq!((shown.status(), header(&shown, "content-type")), (StatusCode::OK, "image/png"));
}

#[tokio::test]
async fn a_sign_in_of_a_browser_is_not_finished_by_a_script() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    let page = browser.post("/.stepgate/login?to=%2Flist", &[("username", "ann"), ("password", PASSWORD)]).await;
    assert_eq!(page.status(), StatusCode::SEE_OTHER);
    let ceremony = browser.jar[crate::portal::cookies::FLOW].clone();
    let body = json!({"ceremony": ceremony, "method": "totp", "code": stage.code(0)});
    let (status, told) = call(&stage, "POST", "login/second-factor", None, body).await;
    assert_eq!((status, &told["code"]), (StatusCode::UNAUTHORIZED, &json!("ceremony_over")));
    let (status, _) = call(&stage, "POST", "totp", Some(&format!("Ceremony {ceremony}")), json!({})).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    // And a script's is none of a browser's.
    let (_, told) = call(&stage, "POST", "login", None, json!({"username": "ann", "password": PASSWORD})).await;
    let mut other = Browser::new(&stage);
    other.jar.insert(crate::portal::cookies::FLOW.to_owned(), told["ceremony"].as_str().unwrap().to_owned());
    let fields = [("method", "totp"), ("code", &*stage.code(0))];
    let page = other.post("/.stepgate/second-factor?to=%2Flist", &fields).await;
    assert_eq!((page.status(), header(&page, "x-stepgate-response")), (StatusCode::OK, "start-again"));
    assert!(stage.world.look(|s| s.sessions.is_empty()));
}

#[tokio::test]
async fn signing_in_again_ends_the_session_before() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    browser.sign_in("/list", 0).await;
    let before = browser.jar[crate::portal::cookies::SESSION].clone();
    browser.sign_in("/list", 1).await;
    assert_ne!(browser.jar[crate::portal::cookies::SESSION], before);
    assert_eq!(stage.world.look(|s| s.sessions.len()), 1);
    let (status, _) = call(&stage, "GET", "whoami", Some(&format!("Bearer {before}")), Value::Null).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[test]
fn every_answer_that_is_documented_is_described() {
    let document = serde_json::to_value(router::build().1).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            for (status, answer) in operation["responses"].as_object().unwrap() {
                let described = answer["description"].as_str().is_some_and(|text| !text.is_empty());
                assert!(described, "{method} {path} {status}");
            }
        }
    }
}
