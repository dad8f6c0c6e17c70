//! Links in letters over two nodes on one Redis and one PostgreSQL: each is followed once, however many follow it at once; and
//! of an account that is deleted, nothing answers any more.

use futures_util::future::join_all;
use reqwest::Client as Http;
use serde_json::{Value, json};

use crate::races::{WIDE, rounds};
use crate::support::clients::Client;
use crate::support::cluster::{Cluster, PASSWORD, Person};
use crate::support::mail_server::MailServer;
use crate::support::process::wait_until;
use crate::support::totp;

const API: &str = "/.stepgate/api/v1";
const FOLLOWERS: usize = 200;
/// Room for the links of all rounds.
const ROOM: &str = "
  codes:
    address: { most: 1000, within: 10m }
    address_day: { most: 1000, within: 10m }
    account: { most: 1000, within: 10m }
    network: { most: 1000, within: 10m }";

struct Stage {
    mail: MailServer,
    cluster: Cluster,
    http: Http,
}

impl Stage {
    async fn new() -> Self {
        let mail = MailServer::start(&[]);
        let more = format!(
            "{WIDE}{ROOM}\nfactors: {{ email_link: on }}\n\
             mail: {{ smtp: \"smtp://127.0.0.1:{}\", starttls: off, from: no-reply@example.com }}",
            mail.port
        );
        let cluster = Cluster::start(&more).await;
        let http = Http::builder().no_proxy().resolve("localhost", ([127, 0, 0, 1], 0).into());
        let http = http.pool_max_idle_per_host(FOLLOWERS).build().unwrap();
        Self { mail, cluster, http }
    }

    /// Somebody with an authenticator and an address.
    fn person(&self, name: &str) -> Person {
        let person = self.cluster.person(name);
        let address = format!("{name}@example.com");
        assert_eq!(self.cluster.command(&["user", "set-address", name, "--confirmed", "--email", &address]).code, 0);
        person
    }

    /// The token of the next letter.
    fn token(&mut self) -> String {
        let data = self.mail.next_asked().data.replace("=\r\n", "").replace("=3D", "=");
        let token = data.split("token=").nth(1).unwrap_or_else(|| panic!("no link in {data}"));
        token.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).collect()
    }

    /// Posts this to both nodes at once; what each answered.
    async fn all_post(&self, call: &str, body: &Value) -> Vec<(u16, Value)> {
        let post = async |n: usize| {
            let url = format!("{}{API}/{call}", self.cluster.nodes[n % 2].url);
            let answer = self.http.post(url).json(body).send().await.unwrap();
            let status = answer.status().as_u16();
            let told = answer.text().await.unwrap();
            (status, serde_json::from_str(&told).unwrap_or_default())
        };
        join_all((0..FOLLOWERS).map(post)).await
    }

    fn node(&self, number: usize) -> Client {
        self.cluster.nodes[number].api_client()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_signs_in_once_however_many_follow_it_wherever() {
    let mut stage = Stage::new().await;
    stage.person("ann");
    for round in 0..rounds() {
        let asked = json!({ "email": "ann@example.com" });
        let sent = stage.node(round % 2).post_json(&format!("{API}/login/link"), &asked).await;
        assert_eq!(sent.status, 202, "{}", sent.body);
        let body = json!({ "token": stage.token() });
        let (went_on, over): (Vec<_>, Vec<_>) =
            stage.all_post("login/link/redeem", &body).await.into_iter().partition(|(status, _)| *status == 200);
        assert_eq!(went_on.len(), 1, "round {round}");
        assert_eq!(
            (&went_on[0].1["status"], &went_on[0].1["methods"]),
            (&json!("second_factor_required"), &json!(["password"]))
        );
        assert!(over.iter().all(|(status, told)| *status == 409 && told["code"] == "already_done"), "{over:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_deletes_once_however_many_follow_it_and_nobody_is_left() {
    let mut stage = Stage::new().await;
    for round in 0..rounds().min(10) {
        // The same name each time: nobody inherits anything.
        let ann = stage.person("ann");
        let mut script = ann.script(&stage.cluster.nodes[0], totp::step_now()).await;
        let before = script.get(&format!("{API}/whoami")).await;
        assert_eq!(before.status, 200, "round {round}: {}", before.body);
        let asked = script.post_json(&format!("{API}/account/delete"), &json!({ "password": PASSWORD })).await;
        assert_eq!(asked.status, 202, "{}", asked.body);
        let body = json!({ "token": stage.token() });
        let told = stage.all_post("account/delete/confirm", &body).await;
        assert_eq!(told.iter().filter(|(status, _)| *status == 204).count(), 1, "round {round}");
        let others = told.iter().filter(|(status, _)| *status != 204);
        assert!(others.clone().all(|(status, told)| *status == 409 && told["code"] == "already_done"), "{told:?}");
        // At once, on the other node too.
        let mut there = script.at(&stage.cluster.nodes[1]);
        let out = wait_until(|| stage.cluster.command(&["user", "show", "ann"]).code.ne(&0).then_some(()));
        assert!(out.is_some(), "the account is gone");
        assert_eq!(there.get(&format!("{API}/whoami")).await.status, 401);
        assert_eq!(script.get(&format!("{API}/whoami")).await.status, 401);
    }
    let names = "select count(*) from audit where username = 'ann' or event like '%\"ann\"%'";
    let scrubbed = wait_until(|| (stage.cluster.postgres.ask(names).trim() == "0").then_some(()));
    assert!(
        scrubbed.is_some(),
        "{}",
        stage.cluster.postgres.ask("select username, event from audit where username = 'ann'")
    );
    let tombstones = "select count(*) from audit where action = 'account_deleted' and username is null";
    assert_eq!(stage.cluster.postgres.ask(tombstones).trim(), rounds().min(10).to_string());
}
