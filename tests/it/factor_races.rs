//! Codes that are sent and challenges of passkeys over two nodes on one Redis and one PostgreSQL: each proves once, however
//! many try at once.

use futures_util::future::join_all;
use reqwest::{Client as Http, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::races::{WIDE, rounds};
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
const TAKERS: usize = 200;
const HOSTS: [&str; 2] = ["first.localhost", "second.localhost"];
/// Room for the codes of all rounds.
const ROOM: &str = "
  codes:
    address: { most: 1000, within: 10m }
    address_day: { most: 1000, within: 10m }
    account: { most: 1000, within: 10m }
    network: { most: 1000, within: 10m }
  spend: { sms: { per_hour: 1000, per_day: 1000 } }";

/// Sends all of these at once; how many proved something. The others must be refused, and as they should.
async fn proved(requests: Vec<RequestBuilder>) -> usize {
    let send = async |request: RequestBuilder| {
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let told: Value = answer.json().await.unwrap();
        let refused = match told["code"].as_str() {
            Some("wrong_otp" | "no_code" | "code_used_up" | "wrong_passkey" | "ceremony_over" | "not_signed_in") => {
                status == 401
            }
            Some("factor_locked") => status == 403,
            _ => status == 200 && told["status"] == "ok",
        };
        assert!(refused, "{status} {told}");
        usize::from(status == 200)
    };
    join_all(requests.into_iter().map(send)).await.into_iter().sum()
}

/// A way by which codes reach a person, and the next one that did.
struct Sent<'a> {
    channel: &'a str,
    next: &'a mut dyn FnMut() -> String,
}

impl Sent<'_> {
    fn method(&self) -> String {
        format!("{}_code", self.channel)
    }

    /// Rounds of one code in a sign-in, and of one in a session that has a row on each of several hosts.
    async fn race(mut self, cluster: &Cluster, person: &Person) {
        for round in 0..rounds() {
            let takers = match round % 2 {
                0 => self.in_a_sign_in(cluster, person).await,
                _ => self.in_a_family(cluster, person).await,
            };
            assert_eq!(proved(takers).await, 1, "{}, round {round}", self.channel);
            // Those who came too late may have switched the factor off.
            assert_eq!(cluster.command(&["user", "unlock", &person.name]).code, 0);
        }
    }

    async fn in_a_sign_in(&mut self, cluster: &Cluster, person: &Person) -> Vec<RequestBuilder> {
        let wish = json!({ "username": person.name, "password": PASSWORD, "strength": "two_steps" });
        let mut nodes: Vec<Client> = (0..2).map(|node| Client::api(&at(cluster, node, HOSTS[0]))).collect();
        let first = nodes[0].post_json(&format!("{API}/login"), &wish).await.json();
        let asked = json!({ "channel": self.channel, "ceremony": first["ceremony"] });
        let sent = nodes[1].post_json(&format!("{API}/codes"), &asked).await;
        assert_eq!(sent.status, 202, "{} after {first}", sent.body);
        let body = json!({ "ceremony": first["ceremony"], "method": self.method(), "code": (self.next)() });
        (0..TAKERS)
            .map(|n| nodes[n % 2].request(Method::POST, &format!("{API}/login/second-factor")).json(&body))
            .collect()
    }

    async fn in_a_family(&mut self, cluster: &Cluster, person: &Person) -> Vec<RequestBuilder> {
        let at = |node: usize, host: &str| at(cluster, node, host);
        let mut here = Tabs::default();
        here.open(&format!("{}/weak/", at(0, HOSTS[0]))).await;
        here.submit(&[("username", &person.name), ("password", PASSWORD)]).await;
        here.open(&format!("{}/weak/", at(0, HOSTS[1]))).await;
        assert_eq!(split(here.at()).0, at(0, HOSTS[1]), "signed in there too");
        let port = |node: usize| cluster.nodes[node].url.rsplit_once(':').unwrap().1.to_owned();
        let mut there = here.at_port(&port(0), &port(1));
        let client = here.on(&at(0, HOSTS[0]));
        let asked = client.request(Method::POST, &format!("{API}/codes")).json(&json!({ "channel": self.channel }));
        let sent = client.send(asked).await;
        assert_eq!(sent.status, 202, "{}", sent.body);
        let body = json!({ "method": self.method(), "code": (self.next)() });
        let mut taker = |n: usize| {
            let (tabs, host) = (if n.is_multiple_of(2) { &mut here } else { &mut there }, HOSTS[n / 2 % 2]);
            tabs.on(&at(n % 2, host)).request(Method::POST, &format!("{API}/elevate")).json(&body)
        };
        (0..TAKERS).map(&mut taker).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_mailed_code_proves_once_however_many_try_wherever() {
    let mut server = MailServer::start(&[]);
    let mail = format!(
        "{WIDE}{ROOM}\nportal: {{ host: login.localhost }}\nfactors: {{ email_code: on }}\n\
         mail: {{ smtp: \"smtp://127.0.0.1:{}\", starttls: off, from: no-reply@example.com }}",
        server.port
    );
    let cluster = Cluster::serving(&HOSTS, &mail).await;
    let ann = cluster.person("ann");
    let address = ["user", "set-address", "ann", "--confirmed", "--email", "ann@example.com"];
    assert_eq!(cluster.command(&address).code, 0);
    let mut next = || code_in(&server.next_asked().data, 6);
    Sent { channel: "email", next: &mut next }.race(&cluster, &ann).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_texted_code_proves_once_however_many_try_wherever() {
    let provider = App::start().await;
    let body = r#"body: '{"to":"{to}","text":"{text}"}'"#;
    let sms = format!(
        "{WIDE}{ROOM}\nportal: {{ host: login.localhost }}\nfactors: {{ sms_code: on }}\n\
         sms: {{ webhook: {{ url: \"http://{}/?text={{text}}\", {body} }}, countries: [US] }}",
        provider.address
    );
    let cluster = Cluster::serving(&HOSTS, &sms).await;
    let ann = cluster.person("ann");
    let address = ["user", "set-address", "ann", "--confirmed", "--phone", "+12025550112"];
    assert_eq!(cluster.command(&address).code, 0);
    let mut known = 0;
    let mut next = || {
        let head = wait_until(|| provider.heard().get(known).cloned()).expect("a message is sent");
        known += 1;
        code_in(head.lines().next().unwrap(), 6)
    };
    Sent { channel: "sms", next: &mut next }.race(&cluster, &ann).await;
}

/// Both nodes by the one address that a browser would know them by.
struct Balanced {
    http: Http,
    nodes: [String; 2],
    host: String,
}

impl Balanced {
    fn new(cluster: &Cluster) -> Self {
        let of = |node: usize| cluster.nodes[node].url.replace("//localhost", "//127.0.0.1");
        let http = Http::builder().no_proxy().pool_max_idle_per_host(TAKERS).build().unwrap();
        let host = cluster.nodes[0].url.trim_start_matches("http://").to_owned();
        Self { http, nodes: [of(0), of(1)], host }
    }

    fn post(&self, node: usize, call: &str, body: &Value) -> RequestBuilder {
        self.http.post(format!("{}{API}/{call}", self.nodes[node])).header("host", &self.host).json(body)
    }

    async fn told(&self, node: usize, call: &str, body: &Value) -> Value {
        self.post(node, call, body).send().await.unwrap().json().await.unwrap()
    }

    /// Registers a passkey of somebody.
    async fn register(&self, person: &Person) -> SoftKey {
        let login = self.told(0, "login", &person.login(totp::step_now())).await;
        let token = login["access_token"].as_str().unwrap_or_else(|| panic!("{login}"));
        let asked = self.post(0, "passkeys/options", &json!({})).bearer_auth(token).send().await.unwrap();
        let asked: Value = asked.json().await.unwrap();
        let mut key = SoftKey::new("localhost", &format!("http://{}", self.host), b"the key of ann");
        key.user_handle = Some(decoded(&asked["publicKey"]["user"]["id"]));
        let body = json!({ "credential": key.register(&challenge(&asked)) });
        let made = self.post(1, "passkeys", &body).bearer_auth(token).send().await.unwrap();
        assert_eq!(made.status(), 201, "{}", made.text().await.unwrap());
        key
    }
}

fn decoded(text: &Value) -> Vec<u8> {
    data_encoding::BASE64URL_NOPAD.decode(text.as_str().unwrap().as_bytes()).unwrap()
}

fn challenge(asked: &Value) -> Vec<u8> {
    assert!(asked["publicKey"]["challenge"].is_string(), "{asked}");
    decoded(&asked["publicKey"]["challenge"])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_challenge_is_answered_once_however_many_try_wherever() {
    let cluster = Cluster::start(WIDE).await;
    let (ann, nodes) = (cluster.person("ann"), Balanced::new(&cluster));
    let key = nodes.register(&ann).await;
    for round in 0..rounds() {
        // As second factor, and by itself.
        let (call, mut body) = match round % 2 {
            0 => {
                let first = nodes.told(0, "login", &ann.first()).await;
                let body = json!({ "ceremony": first["ceremony"], "method": "passkey" });
                ("login/second-factor", body)
            }
            _ => ("login/passkey", json!({})),
        };
        let asked = nodes.told(1, "login/passkey/options", &json!({ "ceremony": body["ceremony"] })).await;
        let answer = key.sign(&challenge(&asked));
        if round % 2 == 0 {
            body["assertion"] = answer;
        } else {
            body = json!({ "ceremony": asked["ceremony"], "credential": answer });
        }
        let takers = (0..TAKERS).map(|n| nodes.post(n % 2, call, &body)).collect();
        assert_eq!(proved(takers).await, 1, "{call}, round {round}");
    }
}
