//! Mails to a real server: aiosmtpd.

use std::path::PathBuf;

use serde_json::Value;

use super::mail_server::MailServer;
use super::{TestClock, mail_to};
use crate::auth::secret::SecretText;
use crate::flow::ports::{Bounce, Notifier as _};
use crate::notify::Providers;
use crate::notify::mail::SmtpClient;
use crate::notify::settings::{Encryption, MailSettings, NotifySettings, Sender};
use crate::notify::wording::Words;

fn settings(server: &MailServer, encryption: Encryption, authorities: Option<Vec<u8>>) -> MailSettings {
    MailSettings {
        host: "127.0.0.1".to_owned(),
        port: server.port,
        encryption,
        credentials: None,
        authorities,
        from: Sender::parse("Example Ltd <no-reply@example.com>").unwrap(),
    }
}

struct Certificate {
    directory: tempfile::TempDir,
}

impl Certificate {
    fn make() -> Self {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("cert"), made.cert.pem()).unwrap();
        std::fs::write(directory.path().join("key"), made.signing_key.serialize_pem()).unwrap();
        Self { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn pem(&self) -> Option<Vec<u8>> {
        Some(std::fs::read(self.path("cert")).unwrap())
    }

    fn server(&self, arguments: &[&str]) -> MailServer {
        let (cert, key) = (self.path("cert"), self.path("key"));
        let ours = ["--cert", cert.to_str().unwrap(), "--key", key.to_str().unwrap()];
        MailServer::start(&[&ours, arguments].concat())
    }
}

fn providers(mail: MailSettings) -> Providers {
    let settings = NotifySettings { mail: Some(mail), ..NotifySettings::default() };
    Providers::new(settings, TestClock::new()).unwrap()
}

async fn send(providers: &Providers, to: &str) -> Result<(), Bounce> {
    providers.send("letter-1", &mail_to(to)).await
}

fn later(sent: Result<(), Bounce>) -> String {
    match sent {
        Err(Bounce::Later { cause, after: None }) => cause,
        other => panic!("{other:?}"),
    }
}

fn never(sent: Result<(), Bounce>) -> String {
    match sent {
        Err(Bounce::Never { cause }) => cause,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_mail_goes_out_by_starttls_whole_and_over_one_connection() {
    let certificate = Certificate::make();
    let mut server = certificate.server(&["--starttls"]);
    let providers = providers(settings(&server, Encryption::StartTls, certificate.pem()));
    send(&providers, "ann@example.test").await.unwrap();
    send(&providers, "bob@example.test").await.unwrap();
    let (mail, second) = (server.next(), server.next());
    assert_eq!(
        (mail.to(), mail.told["sender"].as_str(), &mail.told["tls"]),
        ("ann@example.test", Some("no-reply@example.com"), &Value::Bool(true))
    );
    assert_eq!((second.to(), &second.told["connection"]), ("bob@example.test", &mail.told["connection"]));
    for (name, value) in [
        ("From", "\"Example Ltd\" <no-reply@example.com>"),
        ("To", "ann@example.test"),
        ("Subject", "Stepgate: your code for erp.example.com:8443"),
        ("Message-ID", "<letter-1@example.com>"),
        ("Date", "Fri, 15 Jan 2027 08:00:00 +0000"),
        ("Auto-Submitted", "auto-generated"),
        ("MIME-Version", "1.0"),
    ] {
        assert_eq!(mail.field(name), [value], "{name}\n{}", mail.data);
    }
    for part in ["multipart/alternative", "text/plain; charset=utf-8", "text/html; charset=utf-8", "123456"] {
        assert!(mail.data.contains(part), "{part}\n{}", mail.data);
    }
}

#[tokio::test]
async fn tls_from_the_first_byte_and_a_password() {
    let certificate = Certificate::make();
    let mut server = certificate.server(&["--tls", "--auth", "stepgate:pass word"]);
    let with = |password: &str| {
        let credentials = Some(("stepgate".to_owned(), SecretText::new(password.to_owned())));
        providers(MailSettings { credentials, ..settings(&server, Encryption::Tls, certificate.pem()) })
    };
    let (wrong, right) = (with("other"), with("pass word"));
    let cause = later(send(&wrong, "ann@example.test").await);
    assert!(cause.contains("535"), "an operator can mend it: {cause}");
    send(&right, "bob@example.test").await.unwrap();
    let mail = server.next();
    assert_eq!((mail.to(), mail.told["login"].as_str()), ("bob@example.test", Some("stepgate")));
}

#[tokio::test]
async fn nothing_is_sent_in_the_clear_or_to_somebody_else() {
    let certificate = Certificate::make();
    let without = MailServer::start(&[]);
    let cause = later(send(&providers(settings(&without, Encryption::StartTls, certificate.pem())), "a@b.test").await);
    assert!(cause.contains("STARTTLS"), "{cause}");
    assert_eq!(without.end(), "");
    let stranger = Certificate::make().server(&["--tls"]);
    let cause = later(send(&providers(settings(&stranger, Encryption::Tls, certificate.pem())), "a@b.test").await);
    assert!(cause.contains("certificate"), "{cause}");
    assert_eq!(stranger.end(), "");
}

#[tokio::test]
async fn what_the_server_says_decides_and_names_nobody_in_the_log() {
    let mut server = MailServer::start(&["--greylist"]);
    let grey = providers(settings(&server, Encryption::None, None));
    let cause = later(send(&grey, "ann@example.test").await);
    assert!(cause.contains("451") && cause.contains("greylisted") && !cause.contains("ann"), "{cause}");
    send(&grey, "ann@example.test").await.unwrap();
    assert_eq!(server.next().to(), "ann@example.test");
    let server = MailServer::start(&["--refuse"]);
    let cause = never(send(&providers(settings(&server, Encryption::None, None)), "ann@example.test").await);
    assert!(cause.contains("550") && cause.contains("no such person") && !cause.contains("ann@"), "{cause}");
    let nobody = MailServer::start(&[]);
    let settings = settings(&nobody, Encryption::None, None);
    drop(nobody);
    later(send(&providers(settings), "ann@example.test").await);
}

#[tokio::test]
async fn a_connection_that_broke_carries_no_further_letter() {
    for at in ["rcpt", "data"] {
        let mut server = MailServer::start(&["--cut", at]);
        let providers = providers(settings(&server, Encryption::None, None));
        later(send(&providers, "ann@example.test").await);
        send(&providers, "ann@example.test").await.unwrap();
        let first = server.next();
        let whole = if at == "data" { server.next() } else { first };
        assert_eq!((whole.to(), whole.told["connection"].as_u64()), ("ann@example.test", Some(2)), "{at}");
    }
}

#[tokio::test]
async fn a_slow_server_is_waited_for() {
    let mut server = MailServer::start(&["--banner", "0.5"]);
    send(&providers(settings(&server, Encryption::None, None)), "ann@example.test").await.unwrap();
    assert_eq!(server.next().to(), "ann@example.test");
}

#[tokio::test]
async fn a_silent_server_is_not_waited_for_for_ever() {
    let server = MailServer::start(&["--silent"]);
    let providers = providers(settings(&server, Encryption::None, None));
    // Time goes to the next deadline wherever nothing else is to be done.
    tokio::time::pause();
    assert!(later(send(&providers, "ann@example.test").await).starts_with("no answer"));
}

#[tokio::test]
async fn addresses_beyond_ascii() {
    let mut server = MailServer::start(&[]);
    let ascii = providers(settings(&server, Encryption::None, None));
    send(&ascii, "ann@b\u{fc}cher.example").await.unwrap();
    assert_eq!(server.next().to(), "ann@xn--bcher-kva.example");
    let cause = never(send(&ascii, "j\u{fc}rgen@b\u{fc}cher.example").await);
    assert!(cause.contains("SMTPUTF8") && !cause.contains("rgen"), "{cause}");
    send(&ascii, "bob@example.test").await.unwrap();
    assert_eq!(server.next().to(), "bob@example.test", "others go on");
    let mut server = MailServer::start(&["--utf8"]);
    send(&providers(settings(&server, Encryption::None, None)), "j\u{fc}rgen@b\u{fc}cher.example").await.unwrap();
    let mail = server.next();
    assert_eq!(mail.to(), "j\u{fc}rgen@xn--bcher-kva.example");
    assert!(mail.told["options"].as_array().unwrap().iter().any(|option| option == "SMTPUTF8"));
}

#[tokio::test]
async fn nothing_in_a_value_becomes_a_header_field_or_a_command() {
    for from in ["a\r\nBcc: eve@example.test <no-reply@example.com>", "no-reply@example.com\n", "x@y@z", "", "Ann"] {
        assert!(Sender::parse(from).is_err(), "{from}");
    }
    let mut server = MailServer::start(&[]);
    for to in [
        "ann@example.test\r\nRCPT TO:<eve@example.test>",
        "ann@example.test>\n",
        "a b@example.test",
        "<ann@x.test>",
        "",
    ] {
        never(send(&providers(settings(&server, Encryption::None, None)), to).await);
    }
    for (name, shown) in [
        (
            r#""Ann \"The Boss\", Ltd." <no-reply@example.com>"#,
            // Ann "The Boss", Ltd.
            "=?utf-8?b?QW5uICJUaGUgQm9zcyIsIEx0ZC4=?= <no-reply@example.com>",
        ),
        ("B\u{fc}cher <no-reply@b\u{fc}cher.example>", "=?utf-8?b?QsO8Y2hlcg==?= <no-reply@xn--bcher-kva.example>"),
    ] {
        let from = Sender::parse(name).unwrap();
        let settings = MailSettings { from, ..settings(&server, Encryption::None, None) };
        let name = Some("Evil\r\nBcc: eve@example.test\r\n\r\nbody".to_owned());
        let settings = NotifySettings { name, mail: Some(settings), ..NotifySettings::default() };
        let providers = Providers::new(settings, TestClock::new()).unwrap();
        send(&providers, "ann@example.test").await.unwrap();
        let mail = server.next();
        assert_eq!(mail.field("From"), [shown]);
        assert!(mail.field("Bcc").is_empty() && mail.told["to"].as_array().unwrap().len() == 1, "{}", mail.data);
    }
}

#[tokio::test]
async fn lines_of_dots_arrive_as_they_are() {
    let mut server = MailServer::start(&[]);
    let client = SmtpClient::new(settings(&server, Encryption::None, None), TestClock::new()).unwrap();
    let text = ".\n..\n.\r\n\n. \nMAIL FROM:<x>\n.";
    let words = || {
        let dots = || text.to_owned();
        Words { subject: "Dots".to_owned(), text: dots(), html: dots(), short: String::new() }
    };
    client.send("one", "ann@example.test", words()).await.unwrap();
    client.send("two", "bob@example.test", words()).await.unwrap();
    for (id, to) in [("one", "ann@example.test"), ("two", "bob@example.test")] {
        let mail = server.next();
        assert_eq!((mail.to(), mail.field("Message-ID")), (to, vec![format!("<{id}@example.com>").as_str()]));
        let body = "\r\n\r\n.\r\n..\r\n.\r\n\r\n. \r\nMAIL FROM:<x>\r\n.\r\n";
        assert_eq!(mail.data.matches(body).count(), 2, "{:?}", mail.data);
    }
}
