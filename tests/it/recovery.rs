//! Getting back in, with the built binary: what waits outlives the process and the state store, and what operators do about it
//! is told with their name.

use std::path::Path;

use serde_json::{Value, json};

use super::support::command::stepgate;
use super::support::gateway::Gateway;
use super::support::mail_server::MailServer;
use super::support::port::free_port;
use super::support::servers::Redis;
use super::support::totp;

const API: &str = "/.stepgate/api/v1";

async fn call(gateway: &Gateway, path: &str, body: Value) -> (u16, Value) {
    let page = gateway.api_client().post_json(&format!("{API}/{path}"), &body).await;
    (page.status, page.json())
}

fn command(config: &Path, operator: &str, args: &[&str]) -> (String, String) {
    let ended = stepgate()
        .env("SUDO_USER", operator)
        .env("STEPGATE_LOG", "info")
        .args(args)
        .arg("-c")
        .arg(config)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (out, told) = (text(ended.stdout), text(ended.stderr));
    assert!(ended.status.success(), "{args:?}: {told}");
    (out, told)
}

/// The code in a letter.
fn code(text: &str) -> String {
    let found = text.split_whitespace().find(|word| word.starts_with("sgl_"));
    found.unwrap_or_else(|| panic!("no code: {text}")).to_owned()
}

/// The next letter of a kind, past others.
fn letter_with(mail: &mut MailServer, words: &str) -> String {
    loop {
        let letter = mail.next().data;
        if letter.contains(words) {
            return letter;
        }
    }
}

#[tokio::test]
async fn what_waits_outlives_the_process_and_a_lost_redis() {
    let (folder, redis, mut mail) = (tempfile::tempdir().unwrap(), Redis::start(), MailServer::start(&[]));
    let (port, admin) = (free_port(), free_port());
    let config = folder.path().join("stepgate.yaml");
    let text = format!(
        "listen: {{ plain: [\"127.0.0.1:{port}\"], admin: \"127.0.0.1:{admin}\" }}\n\
         users: {{ database: \"sqlite://{}/stepgate.db\", password: {{ memory: 7MiB, iterations: 1 }} }}\n\
         state: {}\nrecovery: {{ wait: 24h, second_proof: [totp, backup_code] }}\n\
         mail: {{ smtp: \"smtp://127.0.0.1:{}\", starttls: off, from: no-reply@example.com }}\n\
         apps:\n  - host: 127.0.0.1\n    upstream: http://127.0.0.1:9\n\
         \x20   rules: [{{ path: /**, require: two_factor }}]\n",
        folder.path().display(),
        redis.url(),
        mail.port
    );
    std::fs::write(&config, text).unwrap();
    std::fs::write(folder.path().join("password"), "a password for tests\n").unwrap();
    let file = folder.path().join("password");
    let add = ["user", "add", "ann", "--email", "ann@example.com", "--password-file", file.to_str().unwrap()];
    command(&config, "olga", &add);
    let serve = async || {
        let admin = format!("http://127.0.0.1:{admin}");
        Gateway::run(&config, &format!("http://127.0.0.1:{port}"), &admin).await
    };
    let mut gateway = serve().await;
    let begun = call(&gateway, "recover", json!({"username": "ann"})).await;
    assert_eq!(begun, call(&gateway, "recover", json!({"username": "nobody"})).await);
    let letter = mail.next();
    let (status, waits) = call(&gateway, "recover/verify", json!({"code": code(&letter.data)})).await;
    assert_eq!((status, &waits["status"]), (200, &json!("waiting")), "{waits}");
    let notice = letter_with(&mut mail, "/.stepgate/recover-stop?token=");
    assert!(!notice.contains("ignore"), "{notice}");
    gateway.process.signal("KILL");
    gateway.process.wait();
    redis.say("FLUSHALL");
    let shown = || {
        let (out, _) = command(&config, "olga", &["user", "show", "ann", "--json"]);
        serde_json::from_str::<Value>(&out).unwrap()["recovery"].clone()
    };
    let ready_at = shown()["ready_at"].as_str().unwrap().to_owned();
    assert_eq!(waits["ready_at"].as_str(), Some(ready_at.as_str()));
    let gateway = serve().await;
    call(&gateway, "recover", json!({"username": "ann"})).await;
    let body = json!({"code": code(&letter_with(&mut mail, "/.stepgate/recover?token="))});
    let (_, again) = call(&gateway, "recover/verify", body).await;
    assert_eq!(again["ready_at"], waits["ready_at"], "it does not move");
    let (_, told) = command(&config, "olga", &["user", "cancel-recovery", "ann"]);
    assert!(told.contains("recovery_cancelled") && told.contains("olga"), "{told}");
    assert_eq!(shown(), Value::Null);
    let (out, told) = command(&config, "olga", &["user", "recovery-code", "ann"]);
    assert!(told.contains("recovery_code_issued") && told.contains("olga") && !told.contains(out.trim()), "{told}");
    let (_, granted) = call(&gateway, "recover/verify", json!({"username": "ann", "code": out.trim()})).await;
    assert_eq!(granted["can"], json!(["password", "totp", "backup_codes"]), "{granted}");
    let body = json!({"ceremony": granted["ceremony"], "password": "another one for tests", "backup_codes": true});
    let (status, done) = call(&gateway, "recover/finish", body.clone()).await;
    assert!(status == 200 && done["backup_codes"].as_array().unwrap().len() == 10, "{done}");
    assert_eq!(call(&gateway, "recover/finish", body).await.0, 409);
}

/// The demo's letters are in its outbox page; ann has an app, bob nothing.
#[tokio::test]
async fn the_demo_gets_people_back_in() {
    let gateway = Gateway::demo();
    let letters = async || -> Vec<Value> {
        let url = gateway.demo["outbox_url"].as_str().unwrap();
        reqwest::get(url).await.unwrap().json().await.unwrap()
    };
    let mailed = async |name: &str| {
        let before = letters().await.len();
        call(&gateway, "recover", json!({"username": name})).await;
        loop {
            let all = letters().await;
            if let Some(letter) = all.get(before) {
                return code(letter["text"].as_str().unwrap());
            }
            tokio::task::yield_now().await;
        }
    };
    let (_, secret) = gateway.user("ann");
    let second = json!({"method": "totp", "code": totp::code(&secret.unwrap())});
    let body = json!({"code": mailed("ann").await, "second": second});
    let (_, granted) = call(&gateway, "recover/verify", body).await;
    assert_eq!(granted["can"], json!(["password"]), "{granted}");
    let password = "another one for tests";
    let body = json!({"ceremony": granted["ceremony"], "password": password});
    assert_eq!(call(&gateway, "recover/finish", body).await.1["status"], "recovered");
    let (_, next) = call(&gateway, "login", json!({"username": "ann", "password": password})).await;
    assert_eq!(next["status"], "second_factor_required", "{next}");
    let (_, waits) = call(&gateway, "recover/verify", json!({"code": mailed("bob").await})).await;
    assert_eq!(waits["status"], "waiting", "{waits}");
}
