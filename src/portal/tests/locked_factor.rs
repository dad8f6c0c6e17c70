//! What people and scripts are told of a factor that was guessed, and the mark of a script.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use super::*;
use crate::auth::factor::backup_codes;
use crate::auth::user::UserId;
use crate::flow::testing::{FAST, PASSWORD};

const LOGIN: &str = "/.stepgate/login?to=%2Fx";
const RIGHT: [(&str, &str); 2] = [("username", "ann"), ("password", PASSWORD)];
const BACKUP: &str = "abcde-01234";

/// Gives ann a backup code.
fn with_backup(stage: &Stage) {
    let salt = backup_codes::set_salt(&[3; 16], FAST);
    let digest = backup_codes::code_digest(&backup_codes::normalise(BACKUP).unwrap(), &salt).unwrap();
    stage.world.look(|s| s.backup.insert(UserId("01ANN".to_owned()), (salt, [digest].into())));
}

/// Somebody who knows the password guesses until the app's codes are off; the last page.
async fn guessed(stage: &Stage) -> Reply {
    let mut attacker = Browser { ip: "203.0.113.5", ..Browser::new(stage) };
    let mut last = attacker.post(LOGIN, &RIGHT).await;
    for n in 0..30 {
        stage.world.pass(Duration::from_secs(30));
        if n % 10 == 0 {
            attacker.post(LOGIN, &RIGHT).await;
        }
        let code = if stage.code(0) == "000000" { "000001" } else { "000000" };
        last = attacker.post("/.stepgate/second-factor?to=%2Fx", &[("method", "totp"), ("code", code)]).await;
    }
    last
}

async fn api(stage: &Stage, path: &str, mark: Option<&str>, body: Value) -> (StatusCode, Value) {
    let mut headers = vec![("accept", "*/*"), ("content-type", "application/json")];
    headers.extend(mark.map(|mark| ("stepgate-device", mark)));
    let path = format!("/.stepgate/api/v1/{path}");
    let answer = send(&stage.portal, &info("POST", &path, &headers), body.to_string()).await;
    (answer.status(), serde_json::from_slice(answer.body()).unwrap())
}

#[tokio::test]
async fn who_has_nothing_else_is_told_whom_to_ask_and_sent_nowhere() {
    let stage = Stage::new();
    let last = guessed(&stage).await;
    assert_eq!(last.status(), StatusCode::FORBIDDEN);
    let mut owner = Browser::new(&stage);
    let told = owner.post(LOGIN, &RIGHT).await;
    assert_eq!((told.status(), header(&told, "x-stepgate-response")), (StatusCode::FORBIDDEN, "locked"));
    let page = text(&told);
    assert!(
        page.contains("switched off") && page.contains("it-help@example.com") && page.contains("01JREQUEST"),
        "{page}"
    );
    for target in ["/.stepgate/second-factor?to=%2Fx", "/.stepgate/enroll?to=%2Fx"] {
        let shown = owner.get(target).await;
        assert!(shown.status().is_success() || shown.status() == StatusCode::FORBIDDEN, "{target}: {}", shown.status());
    }
    // With a session of one factor: the step-up and the page that sets up an app lead nowhere else either.
    let told = owner.post("/.stepgate/login?to=%2Flight%2F", &RIGHT).await;
    assert_eq!(told.status(), StatusCode::OK);
    assert!(text(&told).contains("switched off"), "{}", text(&told));
    for target in ["/.stepgate/step-up?to=%2Fx", "/.stepgate/step-up?then=enroll"] {
        let shown = owner.get(target).await;
        assert_eq!(
            (shown.status(), header(&shown, "x-stepgate-response")),
            (StatusCode::FORBIDDEN, "locked"),
            "{target}"
        );
    }
    let told = owner.get("/.stepgate/enroll").await;
    let told = owner.follow(told).await;
    assert_eq!(told.status(), StatusCode::FORBIDDEN, "no app is set up in the place of one that is off");
    let body = json!({"username": "ann", "password": PASSWORD, "otp": stage.code(0)});
    let (status, told) = api(&stage, "login", None, body).await;
    assert_eq!((status, &told["code"], &told["methods"]), (StatusCode::FORBIDDEN, &json!("factor_locked"), &json!([])));
}

#[tokio::test]
async fn another_way_is_offered_and_switches_it_on() {
    let stage = Stage::new();
    with_backup(&stage);
    let last = guessed(&stage).await;
    assert!(text(&last).contains("switched off") && text(&last).contains("Enter a backup code"), "{}", text(&last));
    let (_, told) = api(&stage, "login", None, json!({"username": "ann", "password": PASSWORD})).await;
    assert_eq!((&told["methods"], &told["locked"]), (&json!(["backup_code"]), &json!(["totp"])), "{told}");
    let code = json!({"ceremony": told["ceremony"], "method": "totp", "code": stage.code(0)});
    let (status, told) = api(&stage, "login/second-factor", None, code).await;
    assert_eq!((status, &told["code"]), (StatusCode::FORBIDDEN, &json!("factor_locked")));
    assert_eq!(told["methods"], json!(["backup_code"]));
    let mut owner = Browser::new(&stage);
    let on = owner.post(LOGIN, &RIGHT).await;
    let page = owner.follow(on).await;
    assert!(
        text(&page).contains("switched off") && !text(&page).contains("Use my authenticator app"),
        "{}",
        text(&page)
    );
    let code = [("method", "backup_code"), ("code", BACKUP)];
    let told = owner.post("/.stepgate/second-factor?to=%2Fx", &code).await;
    assert!(
        text(&told).contains("on again") && text(&told).contains("somebody knows your password"),
        "{}",
        text(&told)
    );
    stage.world.pass(Duration::from_secs(60));
    Browser::new(&stage).sign_in("/x", 0).await;
}

#[tokio::test]
async fn a_script_keeps_its_mark_and_is_not_held_up() {
    let stage = Stage::new();
    let login = |otp: String| json!({"username": "ann", "password": PASSWORD, "otp": otp});
    let (_, first) = api(&stage, "login", None, login(stage.code(0))).await;
    let mark = first["device"].as_str().unwrap().to_owned();
    for _ in 0..200 {
        api(&stage, "login", None, json!({"username": "ann", "password": "wrong"})).await;
    }
    stage.world.pass(Duration::from_secs(30));
    for broken in [None, Some("sgd_x"), Some(""), Some(&mark[1..])] {
        api(&stage, "login", broken, json!({"username": "ann", "password": "wrong"})).await;
        let (status, _) = api(&stage, "login", broken, login(stage.code(0))).await;
        assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{broken:?}");
    }
    let (status, again) = api(&stage, "login", Some(&mark), login(stage.code(0))).await;
    assert_eq!(status, StatusCode::OK);
    let next = again["device"].as_str().unwrap();
    assert_eq!(next.split('.').next(), mark.split('.').next(), "the same script");
    let (_, asked) = api(&stage, "login", Some(next), json!({"username": "ann", "password": PASSWORD})).await;
    stage.world.pass(Duration::from_secs(30));
    let code = json!({"ceremony": asked["ceremony"], "method": "totp", "code": stage.code(0)});
    let (status, open) = api(&stage, "login/second-factor", Some(next), code).await;
    assert_eq!((status, open["device"].is_string()), (StatusCode::OK, true));
}
