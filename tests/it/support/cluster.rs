//! Gateways that share one Redis and one PostgreSQL, before the demo's sample app.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::{Value, json};

use super::clients::Client;
use super::command::{run, run_with, stepgate};
use super::gateway::Gateway;
use super::port::free_port;
use super::servers::{Postgres, Redis};
use super::totp;

pub(crate) const PASSWORD: &str = "a password for tests";

/// What the rules of a cluster's app are.
const RULES: &str = "
      - { name: open, path: /public/**, access: public }
      - { name: closed, path: /closed/**, access: deny }
      - { name: once, path: /once/**, require: two_factor, once: true }
      - { name: weak, path: /weak/**, require: one_factor }
      - { name: steps, path: /steps/**, require: two_steps }
      - { name: fresh, path: /admin/**, require: { strength: two_factor, max_age: 5m }, allow: { groups: [admins] } }
      - { name: vault, path: /vault/**, require: phishing_resistant }
      - { name: all, path: /**, require: two_factor }";

/// How a cluster differs from others.
struct Setup<'a> {
    /// How much the nodes log.
    log: &'static str,
    hosts: &'a [&'a str],
    /// Whether anybody may make an account.
    signup: bool,
    /// What is added to the configuration.
    more: &'a str,
    /// Another app than the demo's.
    app: Option<SocketAddr>,
}

/// The stores, the app, and the gateways before it.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Gateway>,
    pub(crate) configs: Vec<PathBuf>,
    urls: Vec<(String, String)>,
    /// How much the nodes log.
    log: &'static str,
    pub(crate) redis: Redis,
    pub(crate) postgres: Postgres,
    app: Gateway,
    _folder: tempfile::TempDir,
}

/// Somebody with an account and an authenticator.
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) secret: String,
}

impl Cluster {
    /// Two nodes that serve; `more` is added to their configuration.
    pub(crate) async fn start(more: &str) -> Self {
        Self::serving(&["localhost"], more).await
    }

    /// The same, before the same app on each of these hosts.
    pub(crate) async fn serving(hosts: &[&str], more: &str) -> Self {
        Self::telling("info", hosts, more).await
    }

    /// The same, as talkative as told.
    pub(crate) async fn telling(log: &'static str, hosts: &[&str], more: &str) -> Self {
        Self::build(Setup { log, hosts, signup: false, more, app: None }).await
    }

    /// The same where anybody may make an account.
    pub(crate) async fn signing_up(log: &'static str, hosts: &[&str], more: &str) -> Self {
        Self::build(Setup { log, hosts, signup: true, more, app: None }).await
    }

    /// Two nodes before another app than the demo's.
    pub(crate) async fn before(app: SocketAddr, more: &str) -> Self {
        Self::build(Setup { log: "info", hosts: &["localhost"], signup: false, more, app: Some(app) }).await
    }

    async fn build(Setup { log, hosts, signup, more, app: other }: Setup<'_>) -> Self {
        let (redis, postgres, app) = (Redis::start(), Postgres::start(), Gateway::demo());
        let folder = tempfile::tempdir().unwrap();
        let key = run(&["secret", "generate"]).stdout;
        std::fs::write(folder.path().join("master.key"), key).unwrap();
        let (mut configs, mut urls) = (Vec::new(), Vec::new());
        for number in 0..2 {
            let (port, admin) = (free_port(), free_port());
            let upstream = other.map(|address| format!("http://{address}"));
            let upstream = upstream.unwrap_or_else(|| app.demo["app_url"].as_str().unwrap().to_owned());
            let app = |host: &&str| {
                let identity = "identity: { headers: { user: Remote-User } }";
                format!("\n  - host: {host}\n    upstream: {upstream}\n    {identity}\n    rules: {RULES}")
            };
            let apps: String = hosts.iter().map(app).collect();
            let text = format!(
                "listen: {{ plain: [\"127.0.0.1:{port}\"], admin: \"127.0.0.1:{admin}\" }}
users: {{ database: \"{}{}\", password: {{ memory: 7MiB, iterations: 1, queue: 1000 }}{} }}
state: {{ url: \"{}\" {} }}
secrets: {{ key_file: master.key }}
{more}
apps: {apps}
",
                postgres.url(),
                // Hundreds who count for one account take turns.
                if more.is_empty() { "" } else { "?timeout_ms=5000" },
                if signup { ", signup: open" } else { "" },
                redis.url(),
                if more.is_empty() { "" } else { ", timeout: 5s" },
            );
            let file = folder.path().join(format!("node{number}.yaml"));
            std::fs::write(&file, text).unwrap();
            configs.push(file);
            urls.push((format!("http://localhost:{port}"), format!("http://127.0.0.1:{admin}")));
        }
        let mut cluster = Self { nodes: Vec::new(), configs, urls, log, redis, postgres, app, _folder: folder };
        for number in 0..2 {
            let node = cluster.serve(number).await;
            cluster.nodes.push(node);
        }
        cluster
    }

    /// Starts the process of a node.
    pub(crate) async fn serve(&self, number: usize) -> Gateway {
        let (url, admin) = &self.urls[number];
        Gateway::run_telling(self.log, &self.configs[number], url, admin).await
    }

    /// A command on the configuration of the first node.
    pub(crate) fn command(&self, args: &[&str]) -> super::command::Ended {
        run(&[args, &["-c", self.configs[0].to_str().unwrap()]].concat())
    }

    /// Makes an account with an authenticator.
    pub(crate) fn person(&self, name: &str) -> Person {
        let file = self.configs[0].to_str().unwrap();
        let args = ["user", "add", name, "-c", file, "--password-stdin", "--totp", "--json"];
        let made = run_with(&args, PASSWORD.as_bytes());
        assert_eq!(made.code, 0, "{}", made.stderr);
        let made: Value = serde_json::from_str(&made.stdout).unwrap();
        Person { name: name.to_owned(), secret: made["totp_secret"].as_str().unwrap().to_owned() }
    }

    /// Makes many accounts, several at a time.
    pub(crate) fn people(&self, count: usize) -> Vec<Person> {
        let names: Vec<String> = (0..count).map(|n| format!("person{n}")).collect();
        let make = |name: &String| {
            let mut command = stepgate();
            command.args(["user", "add", name, "-c"]).arg(&self.configs[0]).args(["--password-file"]);
            command.arg(self.configs[0].with_file_name("password")).args(["--totp", "--json"]);
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        std::fs::write(self.configs[0].with_file_name("password"), PASSWORD).unwrap();
        let mut people = Vec::new();
        for some in names.chunks(5) {
            let started: Vec<_> = some.iter().map(make).collect();
            for (name, child) in some.iter().zip(started) {
                let made = child.wait_with_output().unwrap();
                assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
                let made: Value = serde_json::from_slice(&made.stdout).unwrap();
                people.push(Person { name: name.clone(), secret: made["totp_secret"].as_str().unwrap().to_owned() });
            }
        }
        people
    }
}

impl Person {
    /// What a script sends to sign in with the code of a step.
    pub(crate) fn login(&self, step: u64) -> Value {
        json!({ "username": self.name, "password": PASSWORD, "otp": totp::at_step(&self.secret, step) })
    }

    /// What a script sends to begin signing in.
    pub(crate) fn first(&self) -> Value {
        json!({ "username": self.name, "password": PASSWORD })
    }

    /// A script that signed in with the code of a step.
    pub(crate) async fn script(&self, node: &Gateway, step: u64) -> Client {
        let mut script = node.api_client();
        let login = script.post_json("/.stepgate/api/v1/login", &self.login(step)).await;
        assert_eq!(login.status, 200, "{}", login.body);
        script.token = Some(login.json()["access_token"].as_str().unwrap().to_owned());
        script
    }
}

impl Client {
    /// The same client at another node.
    pub(crate) fn at(&self, node: &Gateway) -> Self {
        let mut moved = self.moved(&node.url);
        moved.token.clone_from(&self.token);
        moved
    }
}
