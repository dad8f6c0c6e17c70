//! Turning off two-step sign-in and what a first factor asks, call by call.

use http::StatusCode;
use serde_json::{Value, json};

use super::api::{call, raw};
use super::*;
use crate::auth::factor::authenticator::{AddressKind, AddressRecord};
use crate::auth::time::Timestamp;
use crate::flow::settings::EnrolmentProof;
use crate::flow::testing::{PASSWORD, START, fast_settings};

fn relaxed() -> Policy {
    let rules = vec![Arc::new(rule("rest", "/**", Strength::OneFactor, None))];
    let (offer, tolerate) = (Default::default(), Tolerances::default());
    Policy::new([AppPolicy { offer, host: HOST.to_owned(), tolerate, rules: rules.into() }])
}

async fn bearer(stage: &Stage) -> String {
    stage.world.pass(std::time::Duration::from_secs(60));
    let wish = json!({"username": "ann", "password": PASSWORD, "otp": stage.code(0)});
    let (_, open) = call(stage, "POST", "login", None, wish).await;
    format!("Bearer {}", open["access_token"].as_str().unwrap())
}

fn told((status, body): (StatusCode, Value)) -> (u16, String) {
    (status.as_u16(), body["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn it_is_turned_off_by_the_password_and_a_code_and_the_person_is_reminded() {
    for (method, path) in [("DELETE", "mfa"), ("DELETE", "totp"), ("POST", "mfa/disable")] {
        let stage = Stage::ruled(relaxed());
        let auth = bearer(&stage).await;
        let turn_off = async |body| call(&stage, method, path, Some(&auth), body).await;
        stage.world.pass(std::time::Duration::from_secs(301));
        assert_eq!(told(turn_off(Value::Null).await), (403, "proof_required".to_owned()), "{path}");
        let wrong = json!({"password": "no", "code": stage.code(0)});
        assert_eq!(told(turn_off(wrong).await), (401, "wrong_credentials".to_owned()), "{path}");
        let wrong = json!({"password": PASSWORD, "code": "000000"});
        assert_eq!(told(turn_off(wrong).await), (401, "wrong_otp".to_owned()), "{path}");
        let (status, body) = turn_off(json!({"password": PASSWORD, "code": stage.code(0)})).await;
        if path == "mfa/disable" {
            assert_eq!((status, &body["mfa_enabled"]), (StatusCode::OK, &json!(false)));
            assert!(body["message"].as_str().unwrap().contains("Delete the entry"));
        } else {
            assert_eq!(status, StatusCode::NO_CONTENT, "{path}");
        }
        let again = turn_off(json!({"password": PASSWORD})).await;
        assert_eq!(told(again), (409, "mfa_already_disabled".to_owned()), "{path}: this session goes on");
    }
}

#[tokio::test]
async fn what_a_rule_needs_cannot_be_turned_off() {
    let stage = Stage::new();
    let auth = bearer(&stage).await;
    stage.world.pass(std::time::Duration::from_secs(60));
    let body = json!({"password": PASSWORD, "code": stage.code(0)});
    let (status, problem) = call(&stage, "DELETE", "mfa", Some(&auth), body).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("mfa_required_by_policy")));
    assert_eq!(problem["rule"], "admin");
    assert_eq!(told(call(&stage, "DELETE", "mfa", None, json!({})).await), (401, "not_signed_in".to_owned()));
    let both = json!({"password": PASSWORD, "code": "123456", "assertion": {"id": "AAAA"}});
    assert_eq!(told(call(&stage, "DELETE", "mfa", Some(&auth), both).await), (400, "malformed_request".to_owned()));
}

#[tokio::test]
async fn a_first_factor_asks_for_a_mailed_code_and_is_set_up_once() {
    let stage = Stage::new();
    let settings = FlowSettings { mail: true, enroll: EnrolmentProof::MailedCode, ..fast_settings() };
    let flows = Arc::new(Flows::new(stage.world.ports(), settings));
    let stage = Stage { portal: portal_with(flows, stage.policy.clone()), ..stage };
    let bob = stage.world.look(|s| s.accounts.keys().find(|id| id.0.ends_with("BOB")).unwrap().clone());
    let address = AddressRecord {
        id: "Abob".to_owned(),
        kind: AddressKind::Email,
        value: "bob@example.com".to_owned(),
        confirmed_at: Timestamp::from_secs(START),
    };
    stage.world.look(|s| s.addresses.push((bob, address)));
    let wish = json!({"username": "bob", "password": PASSWORD, "strength": "two_factor"});
    let (_, next) = call(&stage, "POST", "login", None, wish).await;
    assert_eq!(next["status"], "enrollment_required");
    let ceremony = format!("Ceremony {}", next["ceremony"].as_str().unwrap());
    let by = async |path: &str, body| call(&stage, "POST", path, Some(&ceremony), body).await;
    let (status, asked) = by("totp", json!({})).await;
    assert_eq!((status, &asked["code"]), (StatusCode::FORBIDDEN, &json!("proof_required")));
    assert_eq!(asked["methods"], json!(["email_code"]));
    assert_eq!(by("codes", json!({"channel": "email"})).await.0, StatusCode::ACCEPTED);
    let proof = json!({"method": "email_code", "code": stage.last_code()});
    assert_eq!(by("login/second-factor", proof).await.1["status"], "enrollment_required");
    let (_, pending) = by("totp", json!({})).await;
    assert_eq!(by("totp", json!({})).await.1["secret"], pending["secret"], "the same again");
    let key = data_encoding::BASE32_NOPAD.decode(pending["secret"].as_str().unwrap().as_bytes()).unwrap();
    let code = json!({"code": stage.world.code(&SecretBytes::new(key), 0).expose()});
    let (status, done) = by("totp/confirm", code.clone()).await;
    assert_eq!((status, done["backup_codes"].as_array().unwrap().len()), (StatusCode::OK, 10));
    assert_eq!(told(by("totp/confirm", code).await), (409, "already_done".to_owned()));
    assert_eq!(
        raw(&stage, "POST", "login/second-factor", None, json!({"method": "totp", "code": "1"})).await.status(),
        400
    );
}

#[tokio::test]
async fn a_page_asks_for_the_mailed_code_before_it_shows_a_secret() {
    let stage = Stage::new();
    let settings = FlowSettings { mail: true, ..fast_settings() };
    let flows = Arc::new(Flows::new(stage.world.ports(), settings));
    let stage = Stage { portal: portal_with(flows, stage.policy.clone()), ..stage };
    let bob = stage.world.look(|s| s.accounts.keys().find(|id| id.0.ends_with("BOB")).unwrap().clone());
    let address = AddressRecord {
        id: "Abob".to_owned(),
        kind: AddressKind::Email,
        value: "bob@example.com".to_owned(),
        confirmed_at: Timestamp::from_secs(START),
    };
    stage.world.look(|s| s.addresses.push((bob, address)));
    let mut browser = Browser::new(&stage);
    let answer = browser.post("/.stepgate/login?to=%2F", &[("username", "bob"), ("password", PASSWORD)]).await;
    let page = browser.follow(answer).await;
    assert!(text(&page).contains("Before an authenticator is added") && !text(&page).contains("otpauth"));
    let at = "/.stepgate/second-factor?to=%2F";
    assert!(text(&browser.post(at, &[("op", "send"), ("method", "email_code")]).await).contains("b•••@e•••.com"));
    let answer = browser.post(at, &[("method", "email_code"), ("code", &stage.last_code())]).await;
    assert!(text(&browser.follow(answer).await).contains("otpauth"));
    // The same in a session.
    let mut browser = Browser::new(&stage);
    browser.post("/.stepgate/login?to=%2Flight%2F", &[("username", "bob"), ("password", PASSWORD)]).await;
    let answer = browser.get("/.stepgate/enroll").await;
    let page = browser.follow(answer).await;
    assert!(text(&page).contains("Before an authenticator is added") && text(&page).contains("email_code"));
}
