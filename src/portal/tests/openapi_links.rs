//! The calls about links in letters, held against the document: each row of the reference flows.

use serde_json::json;

use super::openapi::{Call, Judge, post};
use crate::flow::testing::PASSWORD;

/// The token of the last link that was sent.
fn token(j: &Judge) -> String {
    j.stage.last_link().1
}

/// A sign-in by a link, and the end of the account.
pub(super) async fn links(j: &Judge) {
    let lee = j.stage.world.person("lee");
    let key = j.stage.world.with_totp(&lee);
    super::sent_codes::with_mail(&j.stage, "lee");
    let code = || j.stage.world.code(&key, 0).expose().to_owned();
    let (status, problem) = j.call(post("login/link", json!({"email": "no address"}))).await;
    assert_eq!((status, &problem["code"]), (400, &json!("unusable_address")));
    for email in ["nobody@example.com", "lee@example.com"] {
        let (status, sent) = j.call(post("login/link", json!({ "email": email }))).await;
        assert_eq!((status, &sent), (202, &json!({"expires_in": 600})), "{email}");
    }
    let link = token(j);
    for bad in ["", "sgl_none", &format!("{link}A"), &link[..link.len() - 1], &link.replace("sgl_", "sgc_")] {
        let (status, problem) = j.call(post("login/link/redeem", json!({ "token": bad }))).await;
        assert_eq!((status, &problem["code"]), (401, &json!("link_over")), "{bad}");
    }
    let (status, next) = j.call(post("login/link/redeem", json!({ "token": link }))).await;
    assert_eq!((status, &next["status"]), (200, &json!("second_factor_required")));
    assert_eq!(next["methods"], json!(["password"]));
    let (status, again) = j.call(post("login/link/redeem", json!({ "token": link }))).await;
    assert_eq!((status, &again["code"]), (409, &json!("already_done")), "once");
    let prove = |ceremony: &serde_json::Value, method: &str, code: &str| {
        post("login/second-factor", json!({"ceremony": ceremony, "method": method, "code": code}))
    };
    let (_, early) = j.call(prove(&next["ceremony"], "totp", &code())).await;
    assert_eq!((&early["status"], &early["methods"]), (&json!("second_factor_required"), &json!(["password"])));
    for path in ["totp", "totp/confirm", "passkeys/options"] {
        let (_, early) = j.call(post(path, json!({"ceremony": next["ceremony"], "code": "123456"}))).await;
        assert_eq!((&early["code"], &early["methods"]), (&json!("proof_required"), &json!(["password"])), "{path}");
    }
    let (status, wrong) = j.call(prove(&next["ceremony"], "password", "wrong")).await;
    assert_eq!((status, &wrong["code"]), (401, &json!("wrong_credentials")));
    let (_, next) = j.call(prove(&next["ceremony"], "password", PASSWORD)).await;
    assert_eq!(next["methods"], json!(["totp"]));
    let (status, wrong) = j.call(prove(&next["ceremony"], "totp", "000000")).await;
    assert_eq!((status, &wrong["code"]), (401, &json!("wrong_otp")));
    let (_, open) = j.call(prove(&next["ceremony"], "totp", &code())).await;
    assert_eq!((&open["status"], &open["last_login_at"]), (&json!("ok"), &json!(null)));
    let bearer = format!("Bearer {}", open["access_token"].as_str().unwrap());
    deletion(j, &bearer, &code).await;
}

async fn deletion(j: &Judge, bearer: &str, code: &dyn Fn() -> String) {
    j.stage.world.pass(std::time::Duration::from_secs(600));
    let ask = |body| Call { auth: Some(bearer), ..post("account/delete", body) };
    assert_eq!(j.call(post("account/delete", json!({"password": PASSWORD}))).await.0, 401);
    for (body, status, told) in [
        (json!({}), 403, "proof_required"),
        (json!({"password": "wrong"}), 401, "wrong_credentials"),
        (json!({"password": PASSWORD, "code": "000000"}), 401, "wrong_otp"),
        (json!({"password": PASSWORD}), 403, "proof_required"),
        (json!({"password": PASSWORD, "code": "123456", "method": "email_code"}), 400, "malformed_request"),
        (json!({"password": PASSWORD, "code": "123456", "method": "pigeon"}), 400, "malformed_request"),
    ] {
        let (got, problem) = j.call(ask(body.clone())).await;
        assert_eq!((got, &problem["code"]), (status, &json!(told)), "{body}");
    }
    let (status, sent) = j.call(ask(json!({"password": PASSWORD, "code": code()}))).await;
    assert_eq!((status, &sent), (202, &json!({"expires_in": 1800, "sent_to": "l•••@e•••.com"})));
    let confirm = |token: &str| post("account/delete/confirm", json!({ "token": token }));
    let (status, problem) = j.call(confirm("sgl_none")).await;
    assert_eq!((status, &problem["code"]), (401, &json!("link_over")));
    let link = token(j);
    assert_eq!(j.call(confirm(&link)).await.0, 204);
    let (status, problem) = j.call(confirm(&link)).await;
    assert_eq!((status, &problem["code"]), (409, &json!("already_done")));
    let (status, problem) = j.call(ask(json!({"password": PASSWORD}))).await;
    assert_eq!((status, &problem["code"]), (401, &json!("not_signed_in")), "the session is over");
    let gone = json!({"username": "lee", "password": PASSWORD});
    assert_eq!(j.call(post("login", gone)).await.1["code"], "wrong_credentials");
    // Who has no address is told what to do.
    let (_, open) =
        j.call(post("login", json!({"username": "bob", "password": PASSWORD, "strength": "one_factor"}))).await;
    let bob = format!("Bearer {}", open["access_token"].as_str().unwrap());
    let (status, problem) =
        j.call(Call { auth: Some(&bob), ..post("account/delete", json!({"password": PASSWORD})) }).await;
    assert!(
        [(409, json!("address_missing")), (403, json!("proof_required"))].contains(&(status, problem["code"].clone()))
    );
}
