//! The calls about passkeys, held against the document.

use serde_json::{Value, json};

use super::openapi::{Call, Judge, get, post};
use super::*;
use crate::auth::factor::passkey::testing::SoftKey;
use crate::flow::testing::PASSWORD;

/// Each call about passkeys, by somebody who has the first of them by the end of a sign-in.
pub(super) async fn passkeys(j: &Judge) {
    j.stage.world.person("eve");
    let origin = format!("https://{HOST}:8443");
    let mut key = SoftKey { backup_eligible: true, ..SoftKey::new(HOST, &origin, b"key of eve") };
    let challenge = |told: &Value| {
        data_encoding::BASE64URL_NOPAD.decode(told["publicKey"]["challenge"].as_str().unwrap().as_bytes()).unwrap()
    };
    let two = json!({"username": "eve", "password": PASSWORD, "strength": "two_factor"});
    let (_, stuck) = j.call(post("login", two)).await;
    assert_eq!(j.call(post("passkeys/options", json!({}))).await.0, 401);
    let (_, asked) = j.call(post("passkeys/options", json!({"ceremony": stuck["ceremony"]}))).await;
    key.user_handle = asked["publicKey"]["user"]["id"]
        .as_str()
        .map(|id| data_encoding::BASE64URL_NOPAD.decode(id.as_bytes()).unwrap());
    let wrong = json!({"ceremony": stuck["ceremony"], "credential": key.register(&[1; 32])});
    let (status, told) = j.call(post("passkeys", wrong)).await;
    assert_eq!((status, &told["code"]), (401, &json!("wrong_passkey")));
    let right = json!({"ceremony": stuck["ceremony"], "name": "Desk", "credential": key.register(&challenge(&asked))});
    let (status, made) = j.call(post("passkeys", right)).await;
    assert_eq!((status, &made["name"], &made["bound"]), (201, &json!("Desk"), &json!(false)));
    assert_eq!(made["backup_codes"].as_array().unwrap().len(), 10);
    // Alone.
    let (_, asked) = j.call(post("login/passkey/options", json!({"username": "eve"}))).await;
    let answer = json!({"ceremony": asked["ceremony"], "credential": key.sign(&challenge(&asked))});
    let (status, open) = j.call(post("login/passkey", answer.clone())).await;
    assert_eq!((status, &open["status"]), (200, &json!("ok")));
    let (status, told) = j.call(post("login/passkey", answer)).await;
    assert_eq!((status, &told["code"]), (401, &json!("ceremony_over")));
    let stranger = SoftKey { user_handle: Some(vec![1; 32]), ..SoftKey::new(HOST, &origin, b"another") };
    let (_, asked) = j.call(post("login/passkey/options", Value::Null)).await;
    let answer = json!({"ceremony": asked["ceremony"], "credential": stranger.sign(&challenge(&asked))});
    let (status, told) = j.call(post("login/passkey", answer)).await;
    assert_eq!((status, &told["unknown_credential"]), (401, &json!(true)));
    let bearer = |open: &Value| format!("Bearer {}", open["access_token"].as_str().unwrap());
    let token = bearer(&open);
    // A step-up, and a second factor.
    let (_, asked) = j.call(Call { auth: Some(&token), ..post("login/passkey/options", json!({})) }).await;
    assert_eq!(asked["publicKey"]["userVerification"], json!("preferred"));
    let mut step = json!({"method": "passkey", "ceremony": "sgp_another", "assertion": key.sign(&challenge(&asked))});
    let (status, told) = j.call(Call { auth: Some(&token), ..post("elevate", step.clone()) }).await;
    assert_eq!((status, &told["code"]), (401, &json!("ceremony_over")), "of another challenge");
    step["ceremony"] = asked["ceremony"].clone();
    let (status, risen) = j.call(Call { auth: Some(&token), ..post("elevate", step.clone()) }).await;
    assert_eq!(status, 200);
    let token = bearer(&risen);
    let (status, told) = j.call(Call { auth: Some(&token), ..post("elevate", step) }).await;
    assert_eq!((status, &told["code"]), (401, &json!("wrong_passkey")));
    let (_, next) = j.call(post("login", json!({"username": "eve", "password": PASSWORD}))).await;
    assert!(next["methods"].as_array().unwrap().contains(&json!("passkey")), "{next}");
    let (_, asked) = j.call(post("login/passkey/options", json!({"ceremony": next["ceremony"]}))).await;
    let second = json!({"ceremony": next["ceremony"], "method": "passkey", "assertion": key.sign(&challenge(&asked))});
    assert_eq!(j.call(post("login/second-factor", second)).await.0, 200);
    for bad in [json!({"method": "passkey"}), json!({"method": "passkey", "code": "1"}), json!({"method": "totp"})] {
        assert_eq!(j.call(Call { auth: Some(&token), ..post("elevate", bad) }).await.0, 400);
    }
    // Looked at, renamed, removed.
    let (_, told) = j.call(get("passkeys", Some(&token))).await;
    let (id, listed) = (told["passkeys"][0]["id"].as_str().unwrap(), &told["passkeys"][0]);
    assert_eq!((&listed["rp_id"], &listed["synced"], &listed["name"]), (&json!(HOST), &json!(false), &json!("Desk")));
    let one = "/.stepgate/api/v1/passkeys/{id}";
    for (method, id, body, expected) in [
        ("PATCH", id, json!({"name": "Bag"}), 204),
        ("PATCH", id, json!({"name": "  "}), 400),
        ("PATCH", id, json!({"name": "\u{200b}\u{2060}"}), 400),
        ("PATCH", id, json!({"name": "x".repeat(65)}), 400),
        ("PATCH", "none", json!({"name": "Bag"}), 404),
        ("DELETE", "none", Value::Null, 404),
        ("DELETE", id, json!({"keep_sessions": "yes"}), 400),
        ("DELETE", id, Value::Null, 409),
    ] {
        let call = Call { method, auth: Some(&token), ..post(one, body) };
        assert_eq!(j.at(one, id, call).await, expected, "{method} {id}");
    }
    // Beside another, it is not needed.
    let (_, asked) = j.call(Call { auth: Some(&token), ..post("passkeys/options", Value::Null) }).await;
    let second = SoftKey { backup_eligible: true, ..SoftKey::new(HOST, &origin, b"second of eve") };
    let mut body = json!({"ceremony": "sgp_another", "credential": second.register(&challenge(&asked))});
    let (status, told) = j.call(Call { auth: Some(&token), ..post("passkeys", body.clone()) }).await;
    assert_eq!((status, &told["code"]), (401, &json!("ceremony_over")), "of another challenge");
    // What was given is sent back; `null` and nothing at all go on as well.
    body["ceremony"] = asked["ceremony"].clone();
    let (status, made) = j.call(Call { auth: Some(&token), ..post("passkeys", body) }).await;
    assert!(status == 201 && made.get("backup_codes").is_none(), "{made}");
    let token = bearer(&made);
    let (_, asked) = j.call(Call { auth: Some(&token), ..post("passkeys/options", json!({"ceremony": null})) }).await;
    let third = SoftKey { backup_eligible: true, ..SoftKey::new(HOST, &origin, b"third of eve") };
    let body = json!({"ceremony": null, "credential": third.register(&challenge(&asked))});
    let (status, made) = j.call(Call { auth: Some(&token), ..post("passkeys", body) }).await;
    assert_eq!(status, 201);
    let token = bearer(&made);
    assert_eq!(j.at(one, id, Call { method: "DELETE", auth: Some(&token), ..post(one, Value::Null) }).await, 200);
}

impl Judge {
    /// A call of an address with an id in it.
    pub(super) async fn at(&self, path: &str, id: &str, call: Call<'_>) -> u16 {
        let target = path.replace("{id}", id);
        let headers = [("accept", "*/*"), ("content-type", "application/json"), ("authorization", call.auth.unwrap())];
        let answer = send(&self.stage.portal, &info(call.method, &target, &headers), call.body).await;
        let status = answer.status().as_u16();
        let documented = &self.document["paths"][path][call.method.to_lowercase()]["responses"][status.to_string()];
        assert!(documented.is_object(), "{} {path}: {status} is not documented", call.method);
        self.seen.lock().unwrap().insert((path.to_owned(), status));
        status
    }
}
