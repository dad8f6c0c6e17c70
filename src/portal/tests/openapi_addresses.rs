//! The calls about codes that are sent and about addresses, held against the document.

use serde_json::json;

use super::openapi::{Call, Judge, get, post};
use super::*;
use crate::flow::testing::PASSWORD;

/// Each call about codes and addresses, by somebody who has a password alone at first.
pub(super) async fn addresses(j: &Judge) {
    j.stage.world.person("kim");
    let low = async || {
        let one = json!({"username": "kim", "password": PASSWORD, "strength": "one_factor"});
        let (_, open) = j.call(post("login", one)).await;
        format!("Bearer {}", open["access_token"].as_str().unwrap())
    };
    let token = low().await;
    let as_kim = |call| Call { auth: Some(&token), ..call };
    let give = |channel: &str, address: &str| json!({"channel": channel, "address": address});
    for (body, status, code) in [
        (give("pigeon", "ann@example.com"), 400, "malformed_request"),
        (give("email", "nobody"), 400, "unusable_address"),
        (give("sms", "+49 1512 3456789"), 400, "unusable_address"),
    ] {
        let (told, problem) = j.call(as_kim(post("addresses", body))).await;
        assert_eq!((told, &problem["code"]), (status, &json!(code)));
    }
    let (_, problem) = j.call(as_kim(post("addresses/confirm", json!({"code": "123456"})))).await;
    assert_eq!(problem["code"], "no_code");
    let (status, sent) = j.call(as_kim(post("addresses", give("email", "kim@example.com")))).await;
    assert_eq!((status, &sent), (202, &json!({"expires_in": 300, "sent_to": "kim@example.com"})));
    let (_, problem) = j.call(as_kim(post("addresses/confirm", json!({"code": "12345"})))).await;
    assert_eq!(problem["code"], "wrong_otp");
    let code = j.stage.last_code();
    assert_eq!(j.call(as_kim(post("addresses/confirm", json!({"code": code})))).await.0, 204);
    let (_, list) = j.call(as_kim(get("addresses", None))).await;
    assert_eq!(
        (&list["addresses"][0]["channel"], &list["addresses"][0]["address"]),
        (&json!("email"), &json!("kim@example.com"))
    );
    let id = list["addresses"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/.stepgate/api/v1/addresses/{id}");
    let remove = |path, auth| Call { method: "DELETE", ..get(path, auth) };
    let template = "/.stepgate/api/v1/addresses/{id}";
    let deleted = async |auth: &str| {
        let headers = [("accept", "*/*"), ("authorization", auth)];
        let answer = send(&j.stage.portal, &info("DELETE", &path, &headers), "").await;
        answer.status().as_u16()
    };
    assert_eq!((deleted(&token).await, j.call(remove(template, None)).await.0), (403, 401), "the code comes first");
    // A code for the step-up, and one in a sign-in.
    let (status, sent) = j.call(as_kim(post("codes", json!({"channel": "email"})))).await;
    assert_eq!((status, &sent), (202, &json!({"expires_in": 300, "sent_to": "k•••@e•••.com"})));
    let body = json!({"method": "email_code", "code": j.stage.last_code()});
    let (status, open) = j.call(as_kim(post("elevate", body))).await;
    assert_eq!(status, 200, "{open}");
    let risen = format!("Bearer {}", open["access_token"].as_str().unwrap());
    let steps = json!({"username": "kim", "password": PASSWORD, "strength": "two_steps"});
    let (_, next) = j.call(post("login", steps)).await;
    assert_eq!(next["methods"], json!(["email_code"]));
    assert_eq!(j.call(post("codes", json!({"channel": "email", "ceremony": "sgc_none"}))).await.0, 401);
    assert_eq!(j.call(post("codes", json!({"channel": "email", "ceremony": next["ceremony"]}))).await.0, 202);
    let body = json!({"ceremony": next["ceremony"], "method": "email_code", "code": j.stage.last_code()});
    assert_eq!(j.call(post("login/second-factor", body)).await.1["status"], "ok");
    let name = |auth, name: &str| Call { method: "PATCH", auth, ..post(template, json!({ "name": name })) };
    assert_eq!(j.call(name(None, "Work")).await.0, 401);
    let weak = low().await;
    for (auth, id, called, status) in [
        (&*weak, &*id, "Work", 403),
        (&*risen, &*id, " ", 400),
        (&*risen, "none", "Work", 404),
        (&*risen, &*id, "Work", 204),
    ] {
        assert_eq!(j.at(template, id, name(Some(auth), called)).await, status);
    }
    let no_app = Call { method: "PATCH", auth: Some(&risen), ..post("totp", json!({"name": "Phone"})) };
    assert_eq!(j.call(no_app).await.0, 404);
    let (_, list) = j.call(get("addresses", Some(&risen))).await;
    assert_eq!(list["addresses"][0]["name"], "Work");
    assert_eq!(deleted(&risen).await, 204);
    assert_eq!(deleted(&risen).await, 404);
    j.seen.lock().unwrap().insert((template.to_owned(), 204));
}
