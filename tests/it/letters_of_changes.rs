//! Letters about what an operator does to an account, written by the commands of the built binary.

use std::path::PathBuf;

use stepgate::auth::notice_kind::NoticeKind;
use stepgate::config;
use stepgate::flow::ports::{Fate, Letter, Ports, Recipient};
use stepgate::store::Stores;

use super::support::command::run_with;

const PASSWORD: &str = "a password for tests";
const OTHER: &str = "another one for tests";

struct Desk {
    _folder: tempfile::TempDir,
    config: PathBuf,
}

impl Desk {
    fn new(mail: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("stepgate.yaml");
        let hashing = "password: { memory: 7MiB, iterations: 1 }";
        let text = format!(
            "listen: {{ plain: [\"127.0.0.1:18080\"] }}\n\
             users: {{ database: \"sqlite://{}/stepgate.db\", {hashing} }}\n{mail}\n\
             apps:\n  - host: localhost\n    upstream: http://127.0.0.1:9\n\
             \x20   rules: [{{ path: /**, require: two_factor }}]\n",
            folder.path().display()
        );
        std::fs::write(&config, text).unwrap();
        Self { _folder: folder, config }
    }

    fn run(&self, args: &[&str], stdin: &str) {
        let ended = run_with(&[&["user"], args, &["-c", self.config.to_str().unwrap()]].concat(), stdin.as_bytes());
        assert_eq!(ended.code, 0, "{args:?}: {}", ended.stderr);
        assert!(!ended.stderr.contains("sgl_") && !ended.stdout.contains("sgl_"), "no token is printed");
    }

    async fn ports(&self) -> Ports {
        let settings = config::load(&self.config).unwrap_or_else(|report| panic!("{report}"));
        Stores::open(&settings.store).await.unwrap().ports
    }
}

/// What waits, by kind and address; it goes.
async fn told(ports: &Ports) -> Vec<(NoticeKind, String)> {
    let now = ports.clock.now();
    let mut told = Vec::new();
    for leased in ports.outbox.lease(now, now, 99).await.unwrap() {
        let Ok(Letter::Notice(notice)) = &leased.letter else { panic!("another letter") };
        assert!(notice.origin.is_none() && notice.username.as_str() == "ann");
        assert!(notice.url.expose().starts_with("http://localhost:18080/.stepgate/notice?token=sgl_"));
        let Recipient::Email(to) = &notice.to else { panic!("no mail") };
        told.push((notice.kind.clone(), to.clone()));
        ports.outbox.done(&leased, Fate::Gone).await.unwrap();
    }
    told.sort_by(|(_, a), (_, b)| a.cmp(b));
    told
}

#[tokio::test]
async fn people_are_told_what_an_operator_does_to_their_account() {
    let desk = Desk::new("mail: { smtp: \"smtp://127.0.0.1:9\", starttls: off, from: no-reply@example.com }");
    desk.run(&["add", "ann", "--password-stdin", "--totp", "--email", "a@example.com"], PASSWORD);
    let ports = desk.ports().await;
    assert!(told(&ports).await.is_empty(), "a new account is no surprise");
    let first = |kind: NoticeKind| vec![(kind, "a@example.com".to_owned())];
    desk.run(&["set-password", "ann", "--password-stdin"], OTHER);
    assert_eq!(told(&ports).await, first(NoticeKind::PasswordChanged));
    desk.run(&["set-address", "ann", "--email", "A@example.com", "--confirmed"], "");
    assert!(told(&ports).await.is_empty(), "they have it already");
    desk.run(&["set-address", "ann", "--email", "b@example.com", "--confirmed"], "");
    let [(added, old), (again, new)] = &told(&ports).await[..] else { panic!("two letters") };
    assert!(matches!(added, NoticeKind::AddressAdded(masked) if !masked.contains("b@")) && again == added);
    assert_eq!((old.as_str(), new.as_str()), ("A@example.com", "b@example.com"));
    desk.run(&["disable", "ann"], "");
    assert_eq!(told(&ports).await, [(NoticeKind::AccountDisabled, "b@example.com".to_owned())]);
    desk.run(&["reset-mfa", "ann"], "");
    assert_eq!(told(&ports).await, [(NoticeKind::MfaDisabled, "b@example.com".to_owned())]);
    desk.run(&["reset-mfa", "ann"], "");
    desk.run(&["enable", "ann"], "");
    assert!(told(&ports).await.is_empty(), "there was nothing left");
    desk.run(&["set-address", "ann", "--email", "c@example.com", "--confirmed"], "");
    assert_eq!(told(&ports).await.len(), 1);
    desk.run(&["set-password", "ann", "--password-stdin"], PASSWORD);
    desk.run(&["delete", "ann", "--yes"], "");
    assert_eq!(
        told(&ports).await,
        [(NoticeKind::AccountDeleted, "c@example.com".to_owned())],
        "what waited went with the account"
    );
}

#[tokio::test]
async fn nobody_is_told_without_mail() {
    let desk = Desk::new("");
    desk.run(&["add", "ann", "--password-stdin", "--email", "a@example.com"], PASSWORD);
    desk.run(&["set-password", "ann", "--password-stdin"], OTHER);
    desk.run(&["delete", "ann", "--yes"], "");
    assert!(told(&desk.ports().await).await.is_empty());
}
