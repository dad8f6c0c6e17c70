//! Codes, challenges, tickets, tokens and addresses through the built binary at its most talkative: all that is logged,
//! measured, told to Redis and told to PostgreSQL has none of them, but for addresses in their columns.

use std::collections::BTreeSet;

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::clients::Client;
use crate::support::cluster::{Cluster, PASSWORD, Person};
use crate::support::mail_server::MailServer;
use crate::support::process::wait_until;
use crate::support::sent::{at, code_in};
use crate::support::soft_key::SoftKey;
use crate::support::tabs::{Tabs, split};
use crate::support::totp;

const API: &str = "/.stepgate/api/v1";
const HOSTS: [&str; 2] = ["first.localhost", "second.localhost"];
const MAIL: &str = "canary7f3a@mail.example";
const PHONE: &str = "+12025550147";
/// An address that no code can be sent to, and a code that nobody was sent.
const UNUSABLE: [&str; 2] = ["canary7f3a.nobody@@mail.example", "+4915112345678"];
const WRONG: &str = "13572468";
/// Where addresses belong in SQL.
const HOMES: [&str; 2] = ["addresses.folded", "addresses.value"];

/// What must be told to nobody, with what it is.
#[derive(Default)]
pub(crate) struct Secrets(Vec<(String, Vec<u8>)>);

impl Secrets {
    pub(crate) fn keep(&mut self, what: &str, value: &str) -> String {
        assert!(value.len() >= 8, "{what}: `{value}` stands in a log by chance");
        self.0.push((what.to_owned(), value.into()));
        value.to_owned()
    }

    /// A value of bytes, however it is written.
    fn keep_bytes(&mut self, what: &str, value: &[u8]) {
        for (how, text) in [
            ("base64url", BASE64URL_NOPAD.encode(value)),
            ("base64", BASE64.encode(value)),
            ("hexadecimal", HEXLOWER.encode(value)),
        ] {
            self.keep(&format!("{what} in {how}"), &text);
        }
        self.0.push((what.to_owned(), value.to_vec()));
    }

    fn in_text(&self, place: &str, text: &[u8]) -> Vec<String> {
        let text = one_by_one(text);
        let told = self.0.iter().filter(|(_, value)| text.contains(&one_by_one(value)));
        told.map(|(what, _)| format!("{what} is told to {place}")).collect()
    }
}

/// A character for each byte.
fn one_by_one(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// What `MONITOR` told, without the escapes.
fn unescaped(told: &[u8]) -> Vec<u8> {
    let (mut plain, mut rest) = (Vec::new(), told);
    while let [first, after @ ..] = rest {
        let (byte, after) = match (first, after) {
            (b'\\', [b'x', high, low, after @ ..]) => {
                (HEXLOWER.decode(&[*high, *low]).map_or(b'?', |byte| byte[0]), after)
            }
            (b'\\', [b'n', after @ ..]) => (b'\n', after),
            (b'\\', [b'r', after @ ..]) => (b'\r', after),
            (b'\\', [b't', after @ ..]) => (b'\t', after),
            (b'\\', [other, after @ ..]) => (*other, after),
            _ => (*first, after),
        };
        plain.push(byte);
        rest = after;
    }
    plain
}

/// Walks the flows as one person.
pub(crate) struct Walk {
    pub(crate) cluster: Cluster,
    pub(crate) mail: MailServer,
    provider: App,
    pub(crate) secrets: Secrets,
    ann: Person,
}

impl Walk {
    async fn new() -> Self {
        let (mail, provider) = (MailServer::start(&["--greylist"]), App::start().await);
        let body = r#"body: '{"to":"{to}","text":"{text}"}'"#;
        let more = format!(
            "portal: {{ host: login.localhost }}
recovery: {{ wait: 24h, second_proof: [totp, backup_code] }}
factors: {{ email_code: {{ digits: 8 }}, sms_code: {{ digits: 8 }}, email_link: on }}
mail: {{ smtp: \"smtp://127.0.0.1:{}\", starttls: off, from: no-reply@example.com }}
sms: {{ webhook: {{ url: \"http://{}/?text={{text}}\", {body} }}, countries: [US] }}",
            mail.port, provider.address
        );
        let cluster = Cluster::signing_up("debug", &HOSTS, &more).await;
        let ann = cluster.person("ann");
        let mut secrets = Secrets::default();
        secrets.keep("the password", PASSWORD);
        secrets.keep("the TOTP secret", &ann.secret);
        secrets.keep("a wrong code", WRONG);
        Self { cluster, mail, provider, secrets, ann }
    }

    pub(crate) fn script(&self) -> Client {
        Client::api(&at(&self.cluster, 0, "login.localhost"))
    }

    /// Posts, and keeps every token of the answer.
    pub(crate) async fn post(&mut self, client: &mut Client, call: &str, body: Value, status: u16) -> Value {
        let answer = client.post_json(&format!("{API}/{call}"), &body).await;
        assert_eq!(answer.status, status, "{call}: {}", answer.body);
        if answer.body.is_empty() {
            return Value::Null;
        }
        let told = answer.json();
        for name in ["access_token", "ceremony", "device"] {
            if let Some(token) = told[name].as_str() {
                self.secrets.keep(&format!("`{name}` of {call}"), token);
            }
        }
        if let Some(token) = told["access_token"].as_str() {
            client.token = Some(token.to_owned());
        }
        for code in told["backup_codes"].as_array().into_iter().flatten() {
            let code = self.secrets.keep("a backup code", code.as_str().unwrap());
            self.secrets.keep("a backup code as it is kept", &code.replace('-', ""));
        }
        if told["publicKey"].is_object() {
            self.secrets.keep_bytes(&format!("the challenge of {call}"), &decoded(&told["publicKey"]["challenge"]));
        }
        told
    }

    fn mailed(&mut self) -> String {
        let code = code_in(&self.mail.next_asked().data, 8);
        self.secrets.keep("a mailed code", &code)
    }

    fn texted(&mut self, number: usize) -> String {
        let head = wait_until(|| self.provider.heard().get(number).cloned()).expect("a message is sent");
        self.secrets.keep("a texted code", &code_in(head.lines().next().unwrap(), 8))
    }

    async fn addresses(&mut self, script: &mut Client) {
        for (channel, address) in [("email", UNUSABLE[0]), ("sms", UNUSABLE[1])] {
            self.post(script, "addresses", json!({ "channel": channel, "address": address }), 400).await;
            self.secrets.keep("an address of no use", address);
        }
        self.post(script, "addresses", json!({ "channel": "email", "address": MAIL }), 202).await;
        let code = self.mailed();
        self.post(script, "addresses/confirm", json!({ "code": WRONG }), 401).await;
        self.post(script, "addresses/confirm", json!({ "code": code }), 204).await;
        self.post(script, "addresses", json!({ "channel": "sms", "address": PHONE }), 202).await;
        let code = self.texted(0);
        self.post(script, "addresses/confirm", json!({ "code": code }), 204).await;
    }

    async fn sent_codes(&mut self) {
        let mut script = self.script();
        let wish = json!({ "username": "ann", "password": PASSWORD, "strength": "two_steps" });
        let first = self.post(&mut script, "login", wish, 200).await;
        let asked = json!({ "channel": "email", "ceremony": first["ceremony"] });
        self.post(&mut script, "codes", asked, 202).await;
        let mut given = json!({ "ceremony": first["ceremony"], "method": "email_code", "code": WRONG });
        self.post(&mut script, "login/second-factor", given.clone(), 401).await;
        given["code"] = self.mailed().into();
        self.post(&mut script, "login/second-factor", given, 200).await;
        self.post(&mut script, "codes", json!({ "channel": "sms" }), 202).await;
        let given = json!({ "method": "sms_code", "code": self.texted(1) });
        self.post(&mut script, "elevate", given, 200).await;
    }

    /// A sign-in by a link, and the page that it leads to: its token stands in an address.
    async fn link(&mut self) {
        let mut script = self.script();
        self.post(&mut script, "login/link", json!({ "email": MAIL }), 202).await;
        let data = self.mail.next_asked().data.replace("=\r\n", "").replace("=3D", "=");
        let token = data.split("token=").nth(1).unwrap_or_else(|| panic!("no link in {data}"));
        let token: String = token.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).collect();
        self.secrets.keep("the token of a link", &token);
        let page = script.get(&format!("/.stepgate/login-link?token={token}")).await;
        assert_eq!(page.status, 200, "{}", page.body);
        let given = json!({ "token": token });
        let next = self.post(&mut script, "login/link/redeem", given.clone(), 200).await;
        self.post(&mut script, "login/link/redeem", given, 409).await;
        let given = json!({ "ceremony": next["ceremony"], "method": "password", "code": PASSWORD });
        self.post(&mut script, "login/second-factor", given, 200).await;
    }

    async fn passkeys(&mut self, script: &mut Client) {
        let asked = self.post(script, "passkeys/options", json!({}), 200).await;
        let origin = at(&self.cluster, 0, "login.localhost");
        let mut key = SoftKey::new("login.localhost", &origin, b"the key of ann");
        key.user_handle = Some(decoded(&asked["publicKey"]["user"]["id"]));
        let credential = key.register(&decoded(&asked["publicKey"]["challenge"]));
        self.post(script, "passkeys", json!({ "credential": credential }), 201).await;
        let first = json!({ "username": "ann", "password": PASSWORD });
        let first = self.post(&mut self.script(), "login", first, 200).await;
        let mut script = self.script();
        let asked = json!({ "ceremony": first["ceremony"] });
        let asked = self.post(&mut script, "login/passkey/options", asked, 200).await;
        let assertion = key.sign(&decoded(&asked["publicKey"]["challenge"]));
        let given = json!({ "ceremony": first["ceremony"], "method": "passkey", "assertion": assertion });
        self.post(&mut script, "login/second-factor", given, 200).await;
        let mut script = self.script();
        let asked = self.post(&mut script, "login/passkey/options", json!({}), 200).await;
        let credential = key.sign(&decoded(&asked["publicKey"]["challenge"]));
        let given = json!({ "ceremony": asked["ceremony"], "credential": credential });
        self.post(&mut script, "login/passkey", given.clone(), 200).await;
        self.post(&mut script, "login/passkey", given, 401).await;
    }

    async fn hosts(&mut self) {
        let mut browser = Tabs::default();
        let mut led = Vec::new();
        browser.open(&format!("{}/weak/", at(&self.cluster, 0, HOSTS[0]))).await;
        led.append(&mut browser.led.clone());
        browser.submit(&[("username", "ann"), ("password", PASSWORD)]).await;
        led.append(&mut browser.led.clone());
        browser.open(&format!("{}/weak/", at(&self.cluster, 0, HOSTS[1]))).await;
        led.append(&mut browser.led.clone());
        assert_eq!(split(browser.at()).0, at(&self.cluster, 0, HOSTS[1]), "signed in there too");
        for name in ["handoff", "ticket"] {
            let start = format!("{name}=");
            let values =
                led.iter().filter_map(|url| url.split(&['?', '&'][..]).find_map(|part| part.strip_prefix(&start)));
            let values: BTreeSet<&str> = values.collect();
            assert!(values.len() >= 2, "{name}: {led:#?}");
            values.iter().for_each(|value| drop(self.secrets.keep(name, value)));
        }
        for host in [HOSTS[0], HOSTS[1], "login.localhost"] {
            let session = browser.on(&at(&self.cluster, 0, host)).cookie("__Host-stepgate").expect("a session");
            self.secrets.keep("the session of a browser", session);
        }
    }

    /// The columns in which an address stands.
    fn columns_with(&self, address: &str) -> BTreeSet<String> {
        let all = self.cluster.postgres.ask(
            "select string_agg(format('select %L where exists (select from %I where position(''NEEDLE'' in %I::text) > 0)', \
             table_name || '.' || column_name, table_name, column_name), ' union all ') \
             from information_schema.columns where table_schema = 'public'",
        );
        let found = self.cluster.postgres.ask(&all.replace("NEEDLE", address));
        found.lines().map(str::to_owned).collect()
    }

    /// Everything that stands where it does not belong.
    async fn leaks(&self, redis: &[u8]) -> Vec<String> {
        let mut leaks = self.secrets.in_text("PostgreSQL", self.cluster.postgres.log().as_bytes());
        let addresses = [("a mail address", MAIL), ("a number", PHONE)];
        let hidden = addresses.iter().map(|(what, value)| ((*what).to_owned(), value.as_bytes().to_vec()));
        let everything = Secrets(self.secrets.0.iter().cloned().chain(hidden).collect());
        leaks.extend(everything.in_text("Redis", &unescaped(redis)));
        for node in &self.cluster.nodes {
            leaks.extend(everything.in_text("the log", node.process.stderr().as_bytes()));
            let metrics = Client::anonymous(&node.admin_url).get("/metrics").await.body;
            assert!(metrics.contains("stepgate_letters_total"), "{metrics}");
            leaks.extend(everything.in_text("the metrics", metrics.as_bytes()));
        }
        // What is told to PostgreSQL about an address is about the table of addresses.
        let log = self.cluster.postgres.log();
        for (what, address) in addresses {
            let about = |entry: &&str| entry.contains(address) && !entry.contains(" addresses");
            leaks
                .extend(log.split(" LOG:  ").find(about).map(|entry| format!("{what} is told to PostgreSQL: {entry}")));
            let homes = HOMES.map(str::to_owned).into();
            let columns = self.columns_with(address);
            if columns != homes {
                leaks.push(format!("{what} stands in {columns:?}"));
            }
        }
        leaks
    }
}

fn decoded(text: &Value) -> Vec<u8> {
    BASE64URL_NOPAD.decode(text.as_str().unwrap().as_bytes()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_proves_somebody_and_where_they_are_reached_stands_where_it_belongs_alone() {
    let mut walk = Walk::new().await;
    walk.cluster.postgres.log_statements();
    let redis = walk.cluster.redis.heard();
    let mut script = walk.script();
    let login = walk.ann.login(totp::step_now());
    walk.post(&mut script, "login", login, 200).await;
    walk.addresses(&mut script).await;
    walk.sent_codes().await;
    walk.link().await;
    walk.post(&mut script, "backup-codes", json!({}), 200).await;
    walk.passkeys(&mut script).await;
    walk.hosts().await;
    walk.beginnings().await;
    walk.recoveries().await;
    let told = wait_until(|| {
        let log = walk.cluster.nodes[0].process.stderr();
        (log.matches("\"access\"").count() >= 25 && log.contains("code_sent")).then_some(log)
    });
    assert!(told.is_some(), "{}", walk.cluster.nodes[0].process.stderr());
    let statements = walk.cluster.postgres.log();
    assert!(statements.contains("insert into outbox") && statements.contains("parameters: $1"), "{statements}");
    let redis = redis.lock().unwrap().clone();
    assert!(one_by_one(&redis).contains("stepgate:w1:"), "challenges were told to Redis");
    let leaks = walk.leaks(&redis).await;
    assert!(leaks.is_empty(), "{leaks:#?}");
}
