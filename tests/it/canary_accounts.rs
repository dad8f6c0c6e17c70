//! The tokens and codes by which accounts begin, come back and are disowned, on the walk of `canary_factors`.

use serde_json::{Value, json};

use super::canary_factors::Walk;
use crate::support::clients::Client;
use crate::support::totp;

const NEW: &str = "anew7f3a@mail.example";
const INVITED: &str = "asked7f3a@mail.example";
const OWN: &str = "a kettle of nine herrings";
const RENEWED: &str = "seven swans on the ice";

impl Walk {
    /// The token of the next letter that links to this page; those of all letters before it are kept as well.
    fn token(&mut self, page: &str) -> String {
        loop {
            let data = self.mail.next().data.replace("=\r\n", "").replace("=3D", "=");
            let mut found = None;
            for part in data.split("/.stepgate/").skip(1) {
                let Some((name, rest)) = part.split_once("?token=") else { continue };
                let is_of_token = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
                let token: String = rest.chars().take_while(is_of_token).collect();
                self.keep_text(&format!("the token of `{name}`"), &token);
                found = found.or_else(|| (name == page).then_some(token));
            }
            if let Some(token) = found {
                return token;
            }
        }
    }

    /// A text, and its bytes as a database writes them.
    fn keep_text(&mut self, what: &str, value: &str) -> String {
        self.secrets.keep(&format!("{what} in bytes"), &data_encoding::HEXLOWER.encode(value.as_bytes()));
        self.secrets.keep(what, value)
    }

    /// Presses a button of a page.
    async fn press(&self, page: &str, op: &str, token: &str) -> String {
        let url = crate::support::sent::at(&self.cluster, 0, "login.localhost");
        let client = Client::browser(&url);
        let form = [("op", op), ("token", token)];
        let request = client.request(reqwest::Method::POST, &format!("/.stepgate/{page}?token={token}"));
        let answer = request.form(&form).header("sec-fetch-site", "same-origin").send().await.unwrap();
        answer.text().await.unwrap()
    }

    pub(crate) async fn beginnings(&mut self) {
        let mut script = self.script();
        for password in [OWN, RENEWED] {
            self.secrets.keep("a password", password);
        }
        let asked = json!({ "email": NEW, "username": "anew", "password": OWN });
        self.post(&mut script, "signup", asked, 202).await;
        let token = self.token("signup");
        self.post(&mut script, "signup/confirm", json!({ "token": token, "password": RENEWED }), 401).await;
        let given = json!({ "token": token, "password": OWN });
        self.post(&mut script, "signup/confirm", given.clone(), 200).await;
        self.post(&mut self.script(), "signup/confirm", given, 409).await;
        let made = self.cluster.command(&["user", "invite", INVITED, "--host", "login.localhost"]);
        assert_eq!(made.code, 0, "{}", made.stderr);
        let token = self.token("signup");
        assert!(made.stdout.contains(&token) && !made.stderr.contains(&token), "{}", made.stderr);
        let given = json!({ "token": token, "username": "asked", "password": OWN });
        self.post(&mut self.script(), "signup/confirm", given, 200).await;
    }

    /// Ann loses what she signs in by.
    pub(crate) async fn recoveries(&mut self) {
        let mut script = self.script();
        self.post(&mut script, "recover", json!({ "username": "ann" }), 202).await;
        let code = self.token("recover");
        let wrong = json!({ "code": code, "second": { "method": "backup_code", "code": "aaaa-aaaaa-aaaa" } });
        self.post(&mut script, "recover/verify", wrong, 401).await;
        let waits = self.post(&mut script, "recover/verify", json!({ "code": code, "wait": true }), 200).await;
        assert_eq!(waits["status"], "waiting");
        let stop = self.token("recover-stop");
        assert!(self.press("recover-stop", "stop", &stop).await.contains("Nothing was changed"));
        let notice = self.token("notice");
        assert!(self.press("notice", "disown", &notice).await.contains("Everybody is signed out"));
        let issued = self.cluster.command(&["user", "recovery-code", "ann"]);
        let code = self.keep_text("the code of an administrator", issued.stdout.trim());
        self.keep_text("the code of an administrator as it is kept", &code.replace('-', ""));
        assert!(!issued.stderr.contains(&code), "{}", issued.stderr);
        let given = json!({ "username": "ann", "code": code });
        let granted = self.post(&mut script, "recover/verify", given.clone(), 200).await;
        self.post(&mut script, "recover/verify", given, 409).await;
        let ceremony = &granted["ceremony"];
        let pending = self.post(&mut script, "recover/totp", json!({ "ceremony": ceremony }), 200).await;
        let secret = self.keep_text("the secret of a new app", pending["secret"].as_str().unwrap());
        let body = json!({
            "ceremony": ceremony, "password": RENEWED, "backup_codes": true, "totp_code": totp::code(&secret),
        });
        let done = self.post(&mut script, "recover/finish", body.clone(), 200).await;
        assert_eq!(done["status"], "recovered");
        self.post(&mut script, "recover/finish", body, 409).await;
        // What it tells of is told by letter, too.
        self.token("notice");
        let gone: Value = self.post(&mut script, "recover/finish", json!({ "ceremony": "sgr_none" }), 401).await;
        assert_eq!(gone["code"], "ceremony_over");
    }
}
