//! Codes that are sent, through the built gateway: by a real mail server with STARTTLS, and by a provider that answers as
//! Twilio does.

use serde_json::{Value, json};
use url::form_urlencoded;

use crate::support::app::{App, MARK};
use crate::support::clients::Client;
use crate::support::command::run_with;
use crate::support::gateway::Gateway;
use crate::support::mail_server::MailServer;
use crate::support::port::free_port;
use crate::support::text_provider::Provider;

const PASSWORD: &str = "a password for tests";
const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";

struct Stage {
    mail: MailServer,
    texts: Provider,
    gateway: Gateway,
    _folder: tempfile::TempDir,
}

impl Stage {
    /// Ann has an address and a number, and an app asks two steps of her.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        std::fs::write(path("cert"), made.cert.pem()).unwrap();
        std::fs::write(path("key"), made.signing_key.serialize_pem()).unwrap();
        std::fs::write(path("token"), "a token").unwrap();
        let mail = MailServer::start(&["--starttls", "--cert", &path("cert"), "--key", &path("key")]);
        let texts = Provider::start(vec![Some(("201 Created", r#"{"sid":"SM1","status":"queued"}"#))]).await;
        let (app, port, admin) = (App::start().await, free_port(), free_port());
        let text = format!(
            "listen: {{ plain: [\"127.0.0.1:{port}\"], admin: \"127.0.0.1:{admin}\" }}
users: {{ database: \"sqlite://{}\", password: {{ memory: 7MiB, iterations: 1 }} }}
mail: {{ smtp: \"smtp://127.0.0.1:{}\", ca: {}, from: no-reply@example.com }}
sms:
  twilio: {{ account_sid: {ACCOUNT}, auth_token_file: {}, from: \"+15550100\", base_url: \"{}\" }}
  countries: [US]
factors: {{ email_code: on, sms_code: on }}
apps:
  - host: localhost
    upstream: http://{}
    rules: [{{ path: /**, require: two_steps }}]
",
            path("stepgate.db"),
            mail.port,
            path("cert"),
            path("token"),
            texts.url,
            app.address,
        );
        let config = folder.path().join("stepgate.yaml");
        std::fs::write(&config, text).unwrap();
        let config_text = config.to_str().unwrap();
        let addresses = ["--email", "ann@example.test", "--phone", "+16502530000"];
        let made = run_with(
            &[&["user", "add", "ann", "-c", config_text, "--password-stdin"], &addresses[..]].concat(),
            PASSWORD.as_bytes(),
        );
        assert_eq!(made.code, 0, "{}", made.stderr);
        let (url, admin) = (format!("http://localhost:{port}"), format!("http://127.0.0.1:{admin}"));
        let gateway = Gateway::run(&config, &url, &admin).await;
        Self { mail, texts, gateway, _folder: folder }
    }

    /// A script that has given the password.
    async fn script(&self) -> Client {
        let mut script = self.gateway.api_client();
        let given = json!({ "username": "ann", "password": PASSWORD, "strength": "one_factor" });
        let login = script.post_json("/.stepgate/api/v1/login", &given).await;
        assert_eq!(login.status, 200, "{}", login.body);
        script.token = Some(login.json()["access_token"].as_str().unwrap().to_owned());
        assert_eq!(script.get("/orders").await.status, 401, "one step is too little");
        script
    }
}

async fn ask(script: &mut Client, channel: &str) -> Value {
    let asked = script.post_json("/.stepgate/api/v1/codes", &json!({ "channel": channel })).await;
    assert_eq!(asked.status, 202, "{}", asked.body);
    asked.json()
}

/// That a code raises the session of this script, and nobody's after that.
async fn good_once(stage: &Stage, script: &mut Client, method: &str, code: &str) {
    let proof = json!({ "method": method, "code": code });
    let elsewhere = stage.script().await.post_json("/.stepgate/api/v1/elevate", &proof).await;
    assert_eq!((elsewhere.status, &elsewhere.json()["code"]), (401, &json!("no_code")), "another session");
    let raised = script.post_json("/.stepgate/api/v1/elevate", &proof).await;
    assert_eq!(raised.status, 200, "{}", raised.body);
    script.token = Some(raised.json()["access_token"].as_str().unwrap().to_owned());
    let app = script.get("/orders").await;
    assert!(app.status == 200 && app.body.starts_with(MARK), "{} {}", app.status, app.body);
    let again = script.post_json("/.stepgate/api/v1/elevate", &proof).await;
    assert_eq!((again.status, &again.json()["code"]), (401, &json!("no_code")));
}

fn is_code(text: &str) -> bool {
    text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[tokio::test]
async fn a_code_by_mail_and_one_by_text_message_raise_a_session_once() {
    let mut stage = Stage::new().await;
    let mut script = stage.script().await;
    assert_eq!(ask(&mut script, "email").await, json!({ "expires_in": 300, "sent_to": "a•••@e•••.test" }));
    let letter = stage.mail.next_asked();
    assert_eq!((letter.to(), &letter.told["tls"]), ("ann@example.test", &json!(true)));
    let code = letter.data.lines().map(str::trim).find(|line| is_code(line)).expect("a code").to_owned();
    good_once(&stage, &mut script, "email_code", &code).await;

    let mut script = stage.script().await;
    assert_eq!(ask(&mut script, "sms").await["expires_in"], 300);
    let asked = stage.texts.asked.recv().await.unwrap();
    assert_eq!(asked.line, format!("POST /2010-04-01/Accounts/{ACCOUNT}/Messages.json HTTP/1.1"));
    let fields: Vec<(String, String)> = form_urlencoded::parse(asked.body.as_bytes()).into_owned().collect();
    let field = |name: &str| fields.iter().find(|(one, _)| one == name).map_or("", |(_, value)| value.as_str());
    assert_eq!((field("To"), field("From")), ("+16502530000", "+15550100"));
    let last = field("Body").lines().last().unwrap();
    let code = last.strip_prefix("@localhost #").filter(|code| is_code(code)).unwrap_or_else(|| panic!("{last}"));
    good_once(&stage, &mut script, "sms_code", code).await;
    let log = stage.gateway.process.stderr();
    assert!(!log.contains("ann@example.test") && !log.contains("6502530000") && !log.contains(code), "{log}");
}
