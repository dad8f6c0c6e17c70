//! The served document, held against what the API really answers.

use std::collections::BTreeSet;

use http::StatusCode;
use serde_json::{Value, json};

use super::*;
use crate::flow::testing::PASSWORD;

/// Calls, and judges each answer by the document that the gateway itself serves.
pub(super) struct Judge {
    pub(super) stage: Stage,
    pub(super) document: Value,
    pub(super) seen: std::sync::Mutex<BTreeSet<(String, u16)>>,
}

pub(super) struct Call<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) auth: Option<&'a str>,
    pub(super) kind: Option<&'a str>,
    pub(super) body: String,
}

pub(super) fn post(path: &str, body: Value) -> Call<'_> {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    Call { method: "POST", path, auth: None, kind: Some("application/json"), body: text }
}

pub(super) fn get<'a>(path: &'a str, auth: Option<&'a str>) -> Call<'a> {
    Call { method: "GET", path, auth, kind: None, body: String::new() }
}

impl Judge {
    async fn new() -> Self {
        let stage = Stage::with_all();
        let answer = send(&stage.portal, &info("GET", "/.stepgate/api/openapi.json", &[]), "").await;
        let document = serde_json::from_slice(answer.body()).unwrap();
        Self { stage, document, seen: std::sync::Mutex::default() }
    }

    /// Whether a value is of the schema, and why not.
    fn fits(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let mut root = schema.clone();
        root["components"] = self.document["components"].clone();
        let judge = jsonschema::draft202012::new(&root).unwrap();
        judge.validate(value).map_err(|e| format!("{e} in {value} of {schema}"))
    }

    fn schema(&self, name: &str) -> Value {
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    pub(super) async fn call(&self, call: Call<'_>) -> (u16, Value) {
        let path =
            if call.path.starts_with('/') { call.path.to_owned() } else { format!("/.stepgate/api/v1/{}", call.path) };
        let mut headers = vec![("accept", "*/*")];
        headers.extend(call.kind.map(|kind| ("content-type", kind)));
        headers.extend(call.auth.map(|auth| ("authorization", auth)));
        if call.auth == Some("another site") {
            headers = vec![("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];
        }
        let answer = send(&self.stage.portal, &info(call.method, &path, &headers), call.body).await;
        let status = answer.status().as_u16();
        let operation = &self.document["paths"][&path][call.method.to_lowercase()];
        let any = ["post", "get", "patch", "delete"].map(|method| &self.document["paths"][&path][method]);
        let operation = if operation.is_null() { any.into_iter().find(|o| o.is_object()).unwrap() } else { operation };
        let documented = &operation["responses"][status.to_string()];
        assert!(documented.is_object(), "{} {path}: {status} is not documented", call.method);
        let kind = header(&answer, "content-type").to_owned();
        let value = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
        match documented["content"].as_object() {
            None => assert!(answer.body().is_empty() || status == 200, "{path} {status}: {}", text(&answer)),
            Some(content) => {
                let schema = content.get(&kind).unwrap_or_else(|| panic!("{path} {status}: {kind} is not documented"));
                if let Some(schema) = schema.get("schema").filter(|_| kind.ends_with("json")) {
                    self.fits(schema, &value).unwrap_or_else(|why| panic!("{} {path} {status}: {why}", call.method));
                }
            }
        }
        assert_eq!(status >= 400, kind == "application/problem+json", "{path} {status} {kind}");
        self.seen.lock().unwrap().insert((path, status));
        (status, value)
    }
}

#[tokio::test]
async fn what_is_answered_is_what_is_documented() {
    let j = Judge::new().await;
    let wrong = |name: &str| json!({"username": name, "password": "no"});
    assert_eq!(j.call(post("login", wrong("ann"))).await.0, 401);
    let (_, next) = j.call(post("login", json!({"username": "ann", "password": PASSWORD}))).await;
    assert_eq!(next["status"], "second_factor_required");
    let with = |code: &str| json!({"ceremony": next["ceremony"], "method": "totp", "code": code});
    assert_eq!(j.call(post("login/second-factor", with("000000"))).await.0, 401);
    let (_, open) = j.call(post("login/second-factor", with(&j.stage.code(0)))).await;
    assert_eq!(open["status"], "ok");
    let token = format!("Bearer {}", open["access_token"].as_str().unwrap());
    assert_eq!(j.call(get("whoami", Some(&token))).await.0, 200);
    assert_eq!(j.call(get("whoami", None)).await.0, 401);
    assert_eq!(j.call(get("/.stepgate/session", Some(&token))).await.0, 200);
    assert_eq!(j.call(get("/.stepgate/session", None)).await.0, 401);
    assert_eq!(j.call(get("/.stepgate/jwks.json", None)).await.0, 200);
    assert_eq!(j.call(get("/.stepgate/api/openapi.json", None)).await.0, 200);
    let elevate = |code: &str, auth| Call { auth, ..post("elevate", json!({"method": "totp", "code": code})) };
    assert_eq!(j.call(elevate("000000", Some(&token))).await.0, 401);
    let (_, risen) = j.call(elevate(&j.stage.code(1), Some(&token))).await;
    let token = format!("Bearer {}", risen["access_token"].as_str().unwrap());
    let name = |auth, name: &str| Call { method: "PATCH", auth, ..post("totp", json!({ "name": name })) };
    assert_eq!((j.call(name(None, "Phone")).await.0, j.call(name(Some(&token), " ")).await.0), (401, 400));
    assert_eq!(j.call(name(Some(&token), "Phone")).await.0, 204);
    assert_eq!(j.call(get("account", Some(&token))).await.1["totp_name"], "Phone");
    let codes = |auth| Call { auth, ..post("backup-codes", Value::Null) };
    for bad in [json!([]), json!("x"), json!({"left": 3})] {
        assert_eq!(j.call(Call { auth: Some(&token), ..post("backup-codes", bad) }).await.0, 400);
    }
    let (status, made) = j.call(codes(Some(&token))).await;
    assert!(status == 200 && made["backup_codes"].as_array().unwrap().len() == 10);
    assert_eq!(j.call(codes(None)).await.0, 401);
    assert_eq!(j.call(Call { auth: Some(&token), ..post("logout", Value::Null) }).await.0, 204);
    assert_eq!(j.call(Call { auth: Some(&token), ..post("logout", Value::Null) }).await.0, 401);
    let (_, stuck) =
        j.call(post("login", json!({"username": "bob", "password": PASSWORD, "strength": "two_factor"}))).await;
    assert_eq!(stuck["status"], "enrollment_required");
    let ceremony = format!("Ceremony {}", stuck["ceremony"].as_str().unwrap());
    assert_eq!(j.call(get("totp/qr.png", Some(&ceremony))).await.0, 404);
    let (_, pending) = j.call(Call { auth: Some(&ceremony), ..post("totp", Value::Null) }).await;
    assert_eq!(j.call(get("totp/qr.png", Some(&ceremony))).await.0, 200);
    assert_eq!(j.call(get("totp/qr.png", None)).await.0, 401);
    assert_eq!(j.call(post("totp", json!({}))).await.0, 401);
    let key = data_encoding::BASE32_NOPAD.decode(pending["secret"].as_str().unwrap().as_bytes()).unwrap();
    let code = j.stage.world.code(&SecretBytes::new(key), 0).expose().to_owned();
    let confirm = |code: &str| post("totp/confirm", json!({"ceremony": stuck["ceremony"], "code": code}));
    assert_eq!(j.call(confirm("000000")).await.0, 401);
    let (status, done) = j.call(confirm(&code)).await;
    assert!(status == 200 && done["backup_codes"].as_array().unwrap().len() == 10);
    // One factor now, so that another authenticator needs a proof first.
    let one = json!({"username": "bob", "password": PASSWORD, "strength": "one_factor"});
    let (_, low) = j.call(post("login", one)).await;
    let low = format!("Bearer {}", low["access_token"].as_str().unwrap());
    assert_eq!(j.call(Call { auth: Some(&low), ..post("totp", json!({})) }).await.0, 403);
    assert_eq!((j.call(codes(Some(&low))).await.0, j.call(name(Some(&low), "Phone")).await.0), (403, 403));
    assert_eq!(j.call(Call { auth: Some(&low), ..post("totp/confirm", json!({"code": "000000"})) }).await.0, 403);
    openapi_account::account(&j).await;
    openapi_account::data(&j).await;
    openapi_mfa::turned_off(&j).await;
    openapi_addresses::addresses(&j).await;
    openapi_passkeys::passkeys(&j).await;
    openapi_sign_up::sign_up(&j).await;
    openapi_links::links(&j).await;
    openapi_recovery::recovery(&j).await;
    let mut last = 0;
    for _ in 0..40 {
        last = j.call(post("login", wrong("nobody"))).await.0;
    }
    assert_eq!(last, 429);
    let calls: Vec<(String, Value)> = j.document["paths"].as_object().unwrap().clone().into_iter().collect();
    for (path, item) in &calls {
        if item["post"].is_object() {
            let away = Call { auth: Some("another site"), ..post(path, json!({})) };
            assert_eq!(j.call(away).await.0, 403, "{path}");
            let large = Call { body: " ".repeat(70_000), ..post(path, json!({})) };
            assert_eq!(j.call(large).await.0, 413, "{path}");
        }
        let another = Call { method: "PUT", ..get(path, None) };
        assert_eq!(j.call_undocumented(another).await, 405, "{path}");
    }
    let seen: BTreeSet<String> =
        j.seen.lock().unwrap().iter().filter(|(_, s)| *s < 300).map(|(p, _)| p.clone()).collect();
    assert_eq!(seen, calls.into_iter().map(|(path, _)| path).collect(), "each call has succeeded once");
}

impl Judge {
    /// A method that the path does not have: each of its operations documents the 405.
    pub(super) async fn call_undocumented(&self, call: Call<'_>) -> u16 {
        let answer = send(&self.stage.portal, &info(call.method, call.path, &[("accept", "*/*")]), "").await;
        let status = answer.status().as_u16();
        for operation in self.document["paths"][call.path].as_object().unwrap().values() {
            let content = &operation["responses"][status.to_string()]["content"]["application/problem+json"];
            let value = serde_json::from_slice(answer.body()).unwrap();
            self.fits(&content["schema"], &value).unwrap();
        }
        status
    }
}

#[tokio::test]
async fn every_call_answers_503_as_documented_while_a_store_is_away() {
    let (j, mut unavailable) = (Judge::new().await, 0);
    for (path, item) in j.document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            j.stage.world.fail(1, crate::flow::testing::Blow::Before);
            let token = format!("Bearer sgs_{}", "A".repeat(43));
            let body = json!({"username": "ann", "password": "x", "method": "totp", "code": "1"});
            let known = Call { auth: Some(&token), ..post(path, body) };
            let upper = method.to_uppercase();
            let call = if method == "get" { get(path, Some(&token)) } else { Call { method: &upper, ..known } };
            unavailable += usize::from(j.call(call).await.0 == 503);
        }
    }
    assert!(unavailable >= 6, "{unavailable}");
}

#[tokio::test]
async fn one_branch_fits_each_answer_to_a_login_and_no_other() {
    let j = Judge::new().await;
    for (answer, fitting) in [
        (
            json!({"status": "ok", "access_token": "t", "token_type": "Bearer", "expires_in": 1, "last_login_at": null}),
            1,
        ),
        (json!({"status": "second_factor_required", "ceremony": "c", "methods": ["totp"]}), 1),
        (json!({"status": "enrollment_required", "ceremony": "c", "methods": ["totp"]}), 1),
        (json!({"status": "second_factor_required", "ceremony": "c"}), 0),
        (json!({"status": "second_factor_required", "ceremony": "c", "methods": ["carrier_pigeon"]}), 0),
        (json!({"status": "other", "ceremony": "c", "methods": []}), 0),
    ] {
        let branches = ["Opening", "Next", "Enroll"].map(|name| j.fits(&j.schema(name), &answer).is_ok());
        assert_eq!(branches.iter().filter(|fits| **fits).count(), fitting, "{answer}");
        assert_eq!(j.fits(&j.schema("LoginAnswer"), &answer).is_ok(), fitting == 1, "{answer}");
    }
    for (strength, fits) in [("one_factor", true), ("three_factor", false)] {
        assert_eq!(j.fits(&j.schema("LoginBody"), &json!({ "strength": strength })).is_ok(), fits);
        let (status, _) =
            j.call(post("login", json!({"username": "bob", "password": PASSWORD, "strength": strength}))).await;
        assert_eq!(status == 200, fits, "{strength}");
    }
}

#[tokio::test]
async fn bodies_are_objects_and_required_where_the_document_says_so() {
    let j = Judge::new().await;
    let (_, open) = j.call(post("login", json!({"username": "bob", "password": PASSWORD}))).await;
    let bearer = format!("Bearer {}", open["access_token"].as_str().unwrap());
    let mut without = BTreeSet::new();
    for (path, item) in j.document["paths"].as_object().unwrap() {
        let Some(body) = item["post"]["requestBody"].as_object() else { continue };
        // Who has no session is told that before a body is read.
        let first = ["/elevate", "/backup-codes", "/account/delete", "/account/password", "/logout"];
        let auth = first.iter().any(|end| path.ends_with(end)).then_some(bearer.as_str());
        for text in ["[]", "[\"bob\",\"pw\",null,\"one_factor\"]", "null", "\"x\"", "7", " \n[{}]", "{", "\u{feff}{}"] {
            let (status, told) = j.call(Call { auth, body: text.to_owned(), ..post(path, Value::Null) }).await;
            assert_eq!((status, &told["code"]), (400, &json!("malformed_request")), "{path} {text}");
        }
        let other = Call { auth, kind: Some("text/plain"), ..post(path, json!({})) };
        assert_eq!(j.call(other).await.0, 415, "{path}");
        // Nothing is needed in the body where its place may be taken by a header.
        let basic = format!("Basic {}", data_encoding::BASE64.encode(format!("bob:{PASSWORD}").as_bytes()));
        let (status, _) = j.call(Call { auth: auth.or(Some(&basic)), ..post(path, Value::Null) }).await;
        assert_eq!(status == 400, body["required"] == true, "{path} {status}");
        if body["required"] == false {
            without.insert(path.clone());
        }
    }
    assert_eq!(without.len(), 10, "{without:?}");
    let array = format!("[\"bob\",\"{PASSWORD}\",null,\"one_factor\"]");
    let (status, told) = j.call(Call { body: array, ..post("login", Value::Null) }).await;
    assert!(status == 400 && told.get("access_token").is_none());
    assert_eq!(StatusCode::BAD_REQUEST.as_u16(), status);
}

/// Whoever made a client from the document can go on using it. Run with UPDATE_OPENAPI=1 to write it anew.
#[tokio::test]
async fn the_document_stays_as_it_is() {
    let mut document = Judge::new().await.document;
    document.as_object_mut().unwrap().remove("servers");
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/portal/tests/openapi.json");
        std::fs::write(file, serde_json::to_string_pretty(&document).unwrap() + "\n").unwrap();
        return;
    }
    let golden: Value = serde_json::from_str(include_str!("openapi.json")).unwrap();
    for part in ["paths", "components"] {
        for (name, told) in golden[part].as_object().unwrap() {
            assert_eq!(&document[part][name], told, "{part} {name}");
        }
    }
    assert_eq!(document, golden);
}

#[tokio::test]
async fn every_body_of_the_document_has_an_example_that_fits_it() {
    let j = Judge::new().await;
    assert_eq!(j.document["servers"], json!([{ "url": format!("https://{HOST}:8443") }]));
    let mut seen = BTreeSet::new();
    for (path, item) in j.document["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            let asked = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str();
            let told = operation["responses"].as_object().unwrap().values();
            let told = told.filter_map(|r| r["content"].as_object()).flatten().map(|(_, c)| &c["schema"]["$ref"]);
            seen.extend(asked.into_iter().chain(told.filter_map(Value::as_str)).map(|r| (path.clone(), r.to_owned())));
        }
    }
    assert!(seen.len() > 15, "{seen:?}");
    for (path, reference) in seen {
        let name = reference.rsplit('/').next().unwrap();
        let schema = &j.document["components"]["schemas"][name];
        // A union has the examples of its branches.
        let branches = schema["oneOf"].as_array().cloned().unwrap_or_default();
        let named = branches.iter().filter_map(|b| b["$ref"].as_str()).map(|r| r.rsplit('/').next().unwrap());
        let all: Vec<&str> = if branches.is_empty() { vec![name] } else { named.collect() };
        assert!(!all.is_empty(), "{path} {name}");
        for name in all {
            let example = &j.document["components"]["schemas"][name]["example"];
            assert!(example.is_object(), "{path}: {name} has no example");
            j.fits(&j.schema(name), example).unwrap_or_else(|why| panic!("{path}: {why}"));
            j.fits(&json!({ "$ref": reference }), example).unwrap_or_else(|why| panic!("{path}: {why}"));
        }
    }
}

#[tokio::test]
async fn a_login_needs_name_and_password_or_neither() {
    let j = Judge::new().await;
    for (body, fits) in [
        (json!({"username": "ann", "password": "x"}), true),
        (json!({"username": "ann", "password": "x", "otp": "123456", "later": true}), true),
        (json!({}), true),
        (json!({"otp": "123456"}), true),
        (json!({"username": "ann"}), false),
        (json!({"password": "x"}), false),
        (json!({"username": "ann", "password": null}), false),
        (json!({"username": 7, "password": "x"}), false),
    ] {
        assert_eq!(j.fits(&j.schema("LoginBody"), &body).is_ok(), fits, "{body}");
    }
}

/// One name for one thing, and times as RFC 3339 writes them.
#[tokio::test]
async fn what_is_told_of_a_session_has_one_name_everywhere() {
    let j = Judge::new().await;
    let login = json!({"username": "ann", "password": PASSWORD, "otp": j.stage.code(0)});
    let (_, open) = j.call(post("login", login)).await;
    let token = format!("Bearer {}", open["access_token"].as_str().unwrap());
    let (_, who) = j.call(get("whoami", Some(&token))).await;
    let (_, brief) = j.call(get("/.stepgate/session", Some(&token))).await;
    assert_eq!((&who["username"], &brief["username"]), (&json!("ann"), &json!("ann")));
    for (schema, field) in [("WhoAmI", "auth_time"), ("Opening", "last_login_at")] {
        assert_eq!(j.document["components"]["schemas"][schema]["properties"][field]["format"], "date-time");
    }
    let time = who["auth_time"].as_str().unwrap();
    assert!(time.len() == 20 && time.ends_with('Z') && time.as_bytes()[10] == b'T', "{time}");
}

/// What is wrong is told to scripts in words for scripts, whatever the fault.
#[tokio::test]
async fn faults_of_the_api_speak_to_scripts() {
    let j = Judge::new().await;
    let large = Call { body: " ".repeat(70_000), ..post("login", Value::Null) };
    let other = Call { kind: Some("text/plain"), ..post("login", json!({})) };
    let away = Call { auth: Some("another site"), ..post("logout", json!({})) };
    for (call, part) in [(large, "`limit`"), (other, "`Content-Type: application/json`"), (away, "bearer token")] {
        let (status, told) = j.call(call).await;
        assert!(told["detail"].as_str().unwrap().contains(part), "{status}: {told}");
        for word in ["page", "browser", "Go back", "try again"] {
            assert!(!told.to_string().contains(word), "{word}: {told}");
        }
    }
}
