//! The calls about an account and its sessions, held against the document.

use serde_json::{Value, json};

use super::openapi::{Call, Judge, get, post};
use super::*;
use crate::flow::testing::PASSWORD;

const NEW: &str = "seven quiet otters swim";

/// Each call about an account and its sessions, by somebody who has a password alone at first.
pub(super) async fn account(j: &Judge) {
    let user = j.stage.world.person("lea");
    let log_in = async |password: &str, otp: Option<String>| {
        let body = json!({"username": "lea", "password": password, "otp": otp, "strength": "one_factor"});
        let (_, open) = j.call(post("login", body)).await;
        format!("Bearer {}", open["access_token"].as_str().unwrap_or_else(|| panic!("{open}")))
    };
    let token = log_in(PASSWORD, None).await;
    let own = |call| Call { auth: Some(&token), ..call };
    let (status, account) = j.call(own(get("account", None))).await;
    assert_eq!((status, &account["methods"], &account["mfa_enabled"]), (200, &json!(["password"]), &json!(false)));
    assert_eq!((&account["backup_codes_left"], &account["groups"]), (&json!(0), &json!(["staff"])));
    let patch = |body| Call { method: "PATCH", ..post("account", body) };
    let (status, account) = j.call(own(patch(json!({"name": "Lea Example"})))).await;
    assert_eq!((status, &account["name"]), (200, &json!("Lea Example")));
    for (body, status, code) in [
        (json!({"username": "root"}), 422, "unknown_field"),
        (json!({"name": "Lea", "groups": ["admins"]}), 422, "unknown_field"),
        (json!({"name": " "}), 422, "unfit_name"),
        (json!({"name": 7}), 400, "malformed_request"),
    ] {
        let (told, problem) = j.call(own(patch(body))).await;
        assert_eq!((told, &problem["code"]), (status, &json!(code)), "{problem}");
    }
    assert_eq!(j.call(own(patch(json!({"name": null})))).await.1["name"], Value::Null);
    assert_eq!(j.call(patch(json!({"name": "x"}))).await.0, 401);
    sessions(j, &token, log_in(PASSWORD, None).await).await;
    let set = |body| post("account/password", body);
    let (status, problem) = j.call(own(set(json!({"new_password": "short"})))).await;
    assert_eq!((status, &problem["reason"], &problem["least"]), (422, &json!("too_short"), &json!(15)));
    j.stage.world.pass(std::time::Duration::from_secs(700));
    let (status, problem) = j.call(own(set(json!({"new_password": NEW})))).await;
    assert_eq!((status, &problem["code"]), (403, &json!("proof_required")));
    assert_eq!(problem["methods"], json!(["password"]));
    let key = j.stage.world.with_totp(&user);
    let code = |later| j.stage.world.code(&key, later).expose().to_owned();
    for (body, code) in [
        (json!({"new_password": NEW, "current_password": "no", "code": code(0)}), "wrong_credentials"),
        (json!({"new_password": NEW, "current_password": PASSWORD, "code": "000000"}), "wrong_otp"),
    ] {
        let (status, problem) = j.call(own(set(body))).await;
        assert_eq!((status, &problem["code"]), (401, &json!(code)));
    }
    let body = json!({"new_password": NEW, "current_password": PASSWORD, "code": code(0)});
    let (status, open) = j.call(own(set(body.clone()))).await;
    assert_eq!((status, &open["status"]), (200, &json!("ok")), "{open}");
    assert_eq!(j.call(own(set(body))).await.0, 401, "the old token is over");
    let token = format!("Bearer {}", open["access_token"].as_str().unwrap());
    let (_, account) = j.call(get("account", Some(&token))).await;
    assert_eq!((&account["methods"], &account["mfa_enabled"]), (&json!(["password", "totp"]), &json!(true)));
    let everywhere = Call { auth: Some(&token), ..post("logout", json!({"everywhere": true})) };
    assert_eq!(j.call(everywhere).await, (200, json!({"ended": 1})));
    assert_eq!(j.call(get("account", Some(&token))).await.0, 401);
}

/// The sessions of one token and of another of the same person.
async fn sessions(j: &Judge, token: &str, other: String) {
    let own = |call| Call { auth: Some(token), ..call };
    let (status, list) = j.call(own(get("sessions", None))).await;
    assert_eq!((status, list["sessions"].as_array().unwrap().len()), (200, 2), "{list}");
    assert_eq!((&list["sessions"][0]["current"], &list["sessions"][1]["current"]), (&json!(true), &json!(false)));
    let delete = |path, auth| Call { method: "DELETE", ..get(path, auth) };
    let (template, all) = ("/.stepgate/api/v1/sessions/{id}", "/.stepgate/api/v1/sessions");
    let at = async |path: &str, auth: &str| {
        let headers = [("accept", "*/*"), ("authorization", auth)];
        send(&j.stage.portal, &info("DELETE", path, &headers), "").await
    };
    // One that never was and one of somebody else are told alike, byte by byte.
    let theirs = j.stage.world.look(|s| {
        let of_another = s.sessions.values().find(|(session, _)| session.identity.username.as_str() != "lea");
        of_another.map(|(session, _)| session.id.clone()).unwrap()
    });
    let never = theirs.chars().rev().collect::<String>();
    let told = [theirs, never].map(|id| format!("{all}/{id}"));
    let told = [at(&told[0], token).await, at(&told[1], token).await];
    assert_eq!((told[0].status().as_u16(), told[0].body()), (404, told[1].body()));
    assert_eq!(told[0].headers(), told[1].headers());
    assert_eq!(j.call(delete(template, None)).await.0, 401);
    assert_eq!(j.call(own(delete(all, Some(token)))).await.0, 400, "which?");
    let id = list["sessions"][1]["id"].as_str().unwrap();
    assert_eq!(at(&format!("{all}/{id}"), token).await.status().as_u16(), 204);
    j.seen.lock().unwrap().insert((template.to_owned(), 204));
    assert_eq!(j.call(get("whoami", Some(&other))).await.0, 401);
    let answer = at(&format!("{all}?others=true"), token).await;
    assert_eq!((answer.status().as_u16(), text(&answer)), (200, "{\"ended\":0}".to_owned()));
    assert_eq!(j.call(own(delete("known-browsers", Some(token)))).await.0, 204);
}

/// What happened, and what is held: by somebody whose password is fresh, and who has no more.
pub(super) async fn data(j: &Judge) {
    j.stage.world.person("lou");
    let (_, open) = j.call(post("login", json!({"username": "lou", "password": PASSWORD}))).await;
    let token = format!("Bearer {}", open["access_token"].as_str().unwrap());
    let (status, told) = j.call(get("account/activity", Some(&token))).await;
    assert_eq!((status, &told), (200, &json!({"activity": [], "next": null})), "nothing writes the trail here");
    let headers = [("accept", "*/*"), ("authorization", token.as_str())];
    for bad in ["before=", "before=x", "before=1.1&before=1.1", "before=1.99999999"] {
        let asked = info("GET", &format!("/.stepgate/api/v1/account/activity?{bad}"), &headers);
        assert_eq!(send(&j.stage.portal, &asked, "").await.status().as_u16(), 400, "{bad}");
    }
    let (status, held) = j.call(get("account/export", Some(&token))).await;
    assert_eq!((status, &held["version"], &held["secrets"]), (200, &json!(1), &json!(["password_hash"])));
    j.stage.world.pass(std::time::Duration::from_secs(700));
    assert_eq!(j.call(get("account/export", Some(&token))).await.0, 403);
    assert_eq!(j.call(get("account/export", None)).await.0, 401);
    assert_eq!(j.call(get("account/activity", None)).await.0, 401);
}
