//! The JSON API, call by call.

use std::collections::BTreeSet;

use http::StatusCode;
use serde_json::{Value, json};

use super::*;
use crate::flow::testing::PASSWORD;
use crate::portal::{api, router};

async fn call(stage: &Stage, method: &str, path: &str, auth: Option<&str>, body: Value) -> (StatusCode, Value) {
    let answer = raw(stage, method, path, auth, body).await;
    (answer.status(), serde_json::from_slice(answer.body()).unwrap_or(Value::Null))
}

async fn raw(stage: &Stage, method: &str, path: &str, auth: Option<&str>, body: Value) -> Response<Bytes> {
    let mut headers = vec![("accept", "*/*")];
    let body = if body.is_null() { String::new() } else { body.to_string() };
    if !body.is_empty() {
        headers.push(("content-type", "application/json"));
    }
    if let Some(auth) = auth {
        headers.push(("authorization", auth));
    }
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/.stepgate/api/v1/{path}") };
    send(&stage.portal, &facts(method, &path, &headers), body).await
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
    assert_eq!((&brief["user"], &brief["strength"]), (&json!("ann"), &json!("two_factor")));
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
    let answer = send(&stage.portal, &facts("POST", "/.stepgate/api/v1/elevate", &headers), body).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(header(&answer, "set-cookie").starts_with("__Host-stepgate=sgs_") && !text(&answer).contains("sgs_"));
}

#[test]
fn every_call_is_documented_and_every_documented_call_exists() {
    let document = serde_json::to_value(api::openapi::openapi()).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut documented = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            documented.insert((method.clone(), path.clone()));
        }
    }
    let served: BTreeSet<_> = router::calls().iter().map(|(m, p, _)| ((*m).to_owned(), (*p).to_owned())).collect();
    assert_eq!(documented, served);
}

#[tokio::test]
async fn documents_are_served() {
    let stage = Stage::new();
    let (status, document) = call(&stage, "GET", "/.stepgate/api/openapi.json", None, Value::Null).await;
    assert!(status == StatusCode::OK && document["components"]["schemas"]["LoginBody"].is_object());
    assert_eq!(call(&stage, "GET", "/.stepgate/jwks.json", None, Value::Null).await.1, json!({"keys": []}));
}
