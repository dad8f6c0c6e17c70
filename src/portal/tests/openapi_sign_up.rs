//! The calls about sign-up, held against the document.

use serde_json::json;

use super::openapi::{Judge, post};
use crate::flow::ports::Letter;

const OWN: &str = "a kettle of nine herrings";

/// Each answer to a sign-up by link and by code.
pub(super) async fn sign_up(j: &Judge) {
    let begin = |email: &str, more: serde_json::Value| {
        let mut body = json!({"email": email, "password": OWN});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        post("signup", body)
    };
    let last = || {
        j.stage.world.look(|s| match s.letters.last() {
            Some((Letter::Link(link), _)) => link.clone(),
            _ => panic!("no letter"),
        })
    };
    let (status, told) = j.call(begin("nobody", json!({"password": "short"}))).await;
    assert_eq!((status, &told["code"], &told["errors"][0]["field"]), (422, &json!("unusable_input"), &json!("email")));
    let (status, told) = j.call(begin("new@example.com", json!({"password": "short"}))).await;
    assert_eq!((status, &told["errors"][0]["code"]), (422, &json!("too_short")));
    let (status, sent) = j.call(begin("new@example.com", json!({"username": "ann", "enable_mfa": true}))).await;
    assert_eq!((status, &sent), (202, &json!({"status": "confirmation_sent", "expires_in": 1800})));
    let letter = last();
    let code = letter.code.as_ref().unwrap().expose().to_owned();
    let by_code = |code: &str| json!({"email": "new@example.com", "code": code, "password": OWN});
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let (status, told) = j.call(post("signup/confirm", by_code(wrong))).await;
    assert_eq!((status, &told["code"]), (401, &json!("wrong_otp")));
    let (status, told) = j.call(post("signup/confirm", by_code(&code))).await;
    assert_eq!((status, &told["code"]), (409, &json!("username_taken")));
    let again = json!({"token": told["token"], "password": OWN, "username": "new"});
    let (status, made) = j.call(post("signup/confirm", again.clone())).await;
    assert_eq!((status, &made["status"], &made["mfa_enabled"]), (200, &json!("enrollment_required"), &json!(true)));
    assert!(made["secret"].is_string() && made["qr_svg"].is_string() && made["otpauth_uri"].is_string());
    let (status, told) = j.call(post("signup/confirm", again)).await;
    assert_eq!((status, &told["code"]), (409, &json!("already_done")));
    // Whoever has it, the answer is the same.
    let (status, taken) = j.call(begin("new@example.com", json!({}))).await;
    assert_eq!((status, taken), (202, sent));
    j.call(begin("other@example.com", json!({}))).await;
    let url = last().url.expose().to_owned();
    let token = url.split_once("?token=").unwrap().1;
    let by_link = |password: &str| json!({"token": token, "password": password});
    let (status, told) = j.call(post("signup/confirm", by_link("seven swans on the ice"))).await;
    assert_eq!((status, &told["code"]), (401, &json!("wrong_credentials")));
    let (status, made) = j.call(post("signup/confirm", by_link(OWN))).await;
    assert_eq!((status, &made["status"], &made["mfa_enabled"]), (200, &json!("ok"), &json!(false)));
    let none = format!("sgl_{}", "A".repeat(43));
    let (status, told) = j.call(post("signup/confirm", json!({"token": none, "password": OWN}))).await;
    assert_eq!((status, &told["code"]), (401, &json!("link_over")));
    let (status, _) = j.call(post("signup/confirm", json!({"password": OWN}))).await;
    assert_eq!(status, 400);
}
