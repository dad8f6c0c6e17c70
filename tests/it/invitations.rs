//! Invitations by the commands of the built binary: who gets the link, what it makes, and what becomes of it.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::support::command::{Ended, stepgate};
use super::support::gateway::Gateway;
use super::support::mail_server::MailServer;
use super::support::port::free_port;

const PASSWORD: &str = "a kettle of nine herrings";

/// A configuration with one app a host, and an operator.
struct Desk {
    _folder: tempfile::TempDir,
    config: PathBuf,
    port: u16,
    admin: u16,
}

impl Desk {
    fn new(hosts: &[&str], rest: &str) -> Self {
        let (folder, port, admin) = (tempfile::tempdir().unwrap(), free_port(), free_port());
        let app = |host: &&str| {
            format!(
                "  - host: {host}\n    upstream: http://127.0.0.1:9\n    rules:\n\
                 \x20     - {{ path: /staff/**, require: two_factor, allow: {{ groups: [staff] }} }}\n"
            )
        };
        let text = format!(
            "listen: {{ plain: [\"127.0.0.1:{port}\"], admin: \"127.0.0.1:{admin}\" }}\n\
             users: {{ database: \"sqlite://{}/stepgate.db\", password: {{ memory: 7MiB, iterations: 1 }} }}\n\
             {rest}\napps:\n{}",
            folder.path().display(),
            hosts.iter().map(app).collect::<String>()
        );
        let config = folder.path().join("stepgate.yaml");
        std::fs::write(&config, text).unwrap();
        Self { _folder: folder, config, port, admin }
    }

    fn run(&self, args: &[&str]) -> Ended {
        let mut command = stepgate();
        command.env("SUDO_USER", "olga").env("STEPGATE_LOG", "debug");
        let output = command.arg("user").args(args).arg("-c").arg(&self.config).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        assert!(!stderr.contains("sgl_"), "a token in the log: {stderr}");
        Ended { code: output.status.code().unwrap(), stdout, stderr }
    }

    /// What a command that succeeds says on stdout and on stderr.
    fn does(&self, args: &[&str]) -> (String, String) {
        let Ended { code, stdout, stderr } = self.run(args);
        assert_eq!(code, 0, "{args:?}: {stderr}");
        (stdout, stderr)
    }

    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.does(&[args, &["--json"]].concat()).0).unwrap()
    }

    fn fails(&self, args: &[&str], with: i32, why: &str) {
        let Ended { code, stdout, stderr } = self.run(args);
        assert_eq!((code, stdout.as_str()), (with, ""), "{args:?}: {stderr}");
        assert!(stderr.contains(why), "{args:?}: {stderr}");
    }

    /// Address and state of each, newest first.
    fn listed(&self) -> Vec<(String, String)> {
        let all = self.json(&["invitations"]);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        all.as_array()
            .unwrap()
            .iter()
            .map(|one| (one["email"].as_str().unwrap_or("nobody").to_owned(), text(&one["state"])))
            .collect()
    }
}

fn token(url: &str) -> &str {
    url.trim().split_once("?token=").unwrap().1
}

#[tokio::test]
async fn a_link_makes_one_account_whoever_may_sign_up() {
    let mut mail = MailServer::start(&[]);
    let smtp =
        format!("mail: {{ smtp: \"smtp://127.0.0.1:{}\", starttls: off, from: no-reply@example.com }}", mail.port);
    let desk = Desk::new(&["127.0.0.1"], &smtp);
    let (earlier, told) = desk.does(&["invite", "Bea@example.com"]);
    assert!(told.contains("invitation_made") && told.contains("olga") && told.contains("mails it there"), "{told}");
    let (link, told) = desk.does(&["invite", "bea@example.com", "--group", "staff", "--group", "staff"]);
    assert!(told.contains("no longer good") && !told.contains("no rule names"), "{told}");
    assert_eq!(desk.listed(), [("bea@example.com".to_owned(), "open".to_owned())]);

    let url = format!("http://127.0.0.1:{}", desk.port);
    let mut gateway =
        Gateway::run_telling("debug", &desk.config, &url, &format!("http://127.0.0.1:{}", desk.admin)).await;
    let letters = [mail.next().data, mail.next().data].map(|data| data.replace("=\r\n", "").replace("=3D", "="));
    for link in [&earlier, &link] {
        assert!(letters.iter().any(|letter| letter.contains(link.trim())), "{letters:?}");
    }
    let confirm = async |link: &str| {
        let body = json!({"token": token(link), "username": "bea", "password": PASSWORD});
        gateway.api_client().post_json("/.stepgate/api/v1/signup/confirm", &body).await.status
    };
    assert_eq!(confirm(&earlier).await, 401, "another took its place");
    let (one, other) = tokio::join!(confirm(&link), confirm(&link));
    assert_eq!((one.min(other), one.max(other)), (200, 409));
    assert_eq!(confirm(&link).await, 409);
    let bea = desk.json(&["show", "bea"]);
    assert_eq!(
        (&bea["groups"], &bea["addresses"][0]["address"]),
        (&json!(["staff"]), &json!("bea@example.com")),
        "{bea}"
    );
    assert_eq!(desk.listed(), [("nobody".to_owned(), "used".to_owned())]);
    desk.fails(&["invite", "BEA@example.com"], 1, "is the address of bea; nobody was invited");
    let used = desk.json(&["invitations"])[0]["id"].as_str().unwrap().to_owned();
    desk.fails(&["uninvite", &used], 1, "waits");
    desk.does(&["delete", "bea", "--yes"]);
    assert_eq!(desk.listed(), [("nobody".to_owned(), "used".to_owned())], "it names nobody");
    gateway.process.signal("TERM");
    gateway.process.wait();
    let log = gateway.process.stderr();
    assert!([&link, &earlier].iter().all(|link| !log.contains(token(link))), "a token in the log: {log}");
}

#[test]
fn without_mail_the_link_is_printed_alone() {
    let desk = Desk::new(&["erp.example.com", "localhost"], "");
    desk.fails(&["invite", "bea@example.com"], 2, "say by --host where to sign up: erp.example.com, localhost");
    desk.fails(&["invite", "bea@example.com", "--host", "wiki.example.com"], 2, "--host takes one of: erp.example.com");
    desk.fails(&["invite", "bea"], 2, "write one as ann@example.com");
    desk.fails(&["invite", "bea@example.com", "--group", "a,b"], 2, "cannot be a group name");
    let invite = ["invite", "bea@example.com", "--host", "ERP.example.com", "--group", "stuff"];
    let (link, told) = desk.does(&invite);
    assert!(link.starts_with("https://erp.example.com/.stepgate/signup?token=sgl_"), "{link}");
    assert!(told.contains("Nothing was mailed, for want of `mail`") && told.contains("did you mean staff?"), "{told}");
    let made = desk.json(&["invite", "cid@example.com", "--host", "localhost"]);
    let url = format!("http://localhost:{}/.stepgate/signup?token=sgl_", desk.port);
    assert!(made["url"].as_str().unwrap().starts_with(&url), "{made}");
    assert_eq!((&made["mailed"], &made["replaced"], &made["state"]), (&json!(false), &json!(false), &json!("open")));
    let (_, told) = desk.does(&["uninvite", made["id"].as_str().unwrap()]);
    assert!(told.contains("invitation_revoked") && told.contains("olga"), "{told}");
    desk.fails(&["uninvite", made["id"].as_str().unwrap()], 1, "stepgate user invitations");
    let (table, _) = desk.does(&["invitations"]);
    assert!(table.starts_with("ID") && table.contains("bea@example.com") && !table.contains("sgl_"), "{table}");
    assert!(!table.contains("cid@"), "{table}");
}
