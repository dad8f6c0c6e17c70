//! Letters by the built binary: put into the outbox as flows do, taken by a real mail server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use stepgate::auth::secret::SecretText;
use stepgate::config;
use stepgate::flow::ports::{Fate, Letter, LetterCode, Ports, Recipient};
use stepgate::store::Stores;

use super::support::gateway::Gateway;
use super::support::mail_server::MailServer;
use super::support::port::free_port;
use super::support::process::wait_until;

const MINUTES: Duration = Duration::from_secs(300);

/// A gateway with a mail server, and its outbox.
struct Post {
    folder: tempfile::TempDir,
    listen: String,
    admin: String,
}

impl Post {
    fn new() -> Self {
        let (port, admin) = (free_port(), free_port());
        let listen = format!("{{ plain: [\"127.0.0.1:{port}\"], admin: \"127.0.0.1:{admin}\" }}");
        Self { folder: tempfile::tempdir().unwrap(), listen, admin: format!("http://127.0.0.1:{admin}") }
    }

    /// Writes the configuration with this mail server.
    fn config(&self, server: &MailServer) -> PathBuf {
        let path = self.folder.path().join("stepgate.yaml");
        let (listen, folder, port) = (&self.listen, self.folder.path().display(), server.port);
        let text = format!(
            "listen: {listen}\nusers: {{ database: \"sqlite://{folder}/stepgate.db\" }}\n\
             mail: {{ smtp: \"smtp://127.0.0.1:{port}\", starttls: off, from: no-reply@example.com }}\n\
             apps:\n  - host: 127.0.0.1\n    upstream: http://127.0.0.1:9\n\
             \x20   rules: [{{ path: /**, access: public }}]\n"
        );
        std::fs::write(&path, text).unwrap();
        path
    }

    async fn run(&self, config: &Path) -> Gateway {
        Gateway::run(config, "http://127.0.0.1", &self.admin).await
    }

    async fn ports(&self, config: &Path) -> Ports {
        let settings = config::load(config).unwrap_or_else(|report| panic!("{report}"));
        Stores::open(&settings.store).await.unwrap().ports
    }
}

fn letter(to: &str) -> Letter {
    Letter::SignInCode(LetterCode {
        to: Recipient::Email(to.to_owned()),
        code: SecretText::new("123456".to_owned()),
        host: "127.0.0.1".to_owned(),
        valid: MINUTES,
    })
}

async fn put(ports: &Ports, to: &str) {
    let now = ports.clock.now();
    ports.outbox.put(&letter(to), now, now.plus(MINUTES)).await.unwrap();
}

#[tokio::test]
async fn a_reload_changes_the_mail_server_of_letters_to_come() {
    let (post, mut one, mut other) = (Post::new(), MailServer::start(&[]), MailServer::start(&[]));
    let config = post.config(&one);
    let gateway = post.run(&config).await;
    let ports = post.ports(&config).await;
    put(&ports, "ann@example.test").await;
    assert_eq!(one.next().to(), "ann@example.test");
    post.config(&other);
    gateway.process.signal("HUP");
    let reloaded = wait_until(|| gateway.process.stderr().contains("reloaded: ").then_some(()));
    assert!(reloaded.is_some(), "{}", gateway.process.stderr());
    put(&ports, "bob@example.test").await;
    assert_eq!(other.next().to(), "bob@example.test");
    ports.outbox.put(&Letter::Nobody, ports.clock.now(), ports.clock.now().plus(MINUTES)).await.unwrap();
    let told = |metrics: &str, line: &str| metrics.lines().any(|one| one == line);
    let mut metrics = String::new();
    for _ in 0..100 {
        metrics = reqwest::get(format!("{}/metrics", post.admin)).await.unwrap().text().await.unwrap();
        if told(&metrics, "stepgate_letters_total{channel=\"none\",outcome=\"sent\"} 1") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(told(&metrics, "stepgate_letters_total{channel=\"email\",outcome=\"sent\"} 2"), "{metrics}");
    assert_eq!((one.end(), other.end()), (String::new(), String::new()), "to nobody");
    let log = gateway.process.stderr();
    assert!(!log.contains("example.test") && !log.contains("123456"), "{log}");
}

#[tokio::test]
async fn killed_between_sending_and_saying_so_one_more_copy_goes_out_and_nothing_is_lost() {
    let (post, mut server) = (Post::new(), MailServer::start(&["--hold"]));
    let config = post.config(&server);
    let mut gateway = post.run(&config).await;
    let ports = post.ports(&config).await;
    put(&ports, "ann@example.test").await;
    // The server has it, and has not said so.
    let first = server.next();
    put(&ports, "bob@example.test").await;
    gateway.process.signal("KILL");
    gateway.process.wait();
    let (waiting, _) = ports.outbox.waiting().await.unwrap();
    assert!(waiting >= 1, "a letter is in the outbox until it was taken");
    end_leases(&ports).await;
    let _gateway = post.run(&config).await;
    let mut copies: Vec<_> = (0..waiting).map(|_| server.next()).collect();
    copies.sort_by_key(|mail| mail.to().to_owned());
    assert_eq!((first.to(), copies[0].to()), ("ann@example.test", "ann@example.test"));
    assert_eq!(first.field("Message-ID"), copies[0].field("Message-ID"), "known as a copy");
    let gone = async {
        while ports.outbox.waiting().await.unwrap().0 > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone).await.expect("all are gone");
    assert_eq!(server.end(), "", "no copy more");
}

/// As if the time of every lease had passed.
async fn end_leases(ports: &Ports) {
    let then = ports.clock.now().plus(Duration::from_secs(100));
    for leased in ports.outbox.lease(then, then, 99).await.unwrap() {
        ports.outbox.done(&leased, Fate::Again(ports.clock.now())).await.unwrap();
    }
}
