//! What can be done to an account by whoever holds something of it; each from where the last was not done.

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use serde_json::{Value, json};

use super::Goal;
use super::attacker::{Attacker, Holding, OWN_MAIL, OWN_PASSWORD};
use crate::auth::factor::passkey::testing::SoftKey;
use crate::portal::tests::*;

/// One thing that is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Look,
    Password,
    App,
    Passkey,
    Address,
    Remove(&'static str, &'static str),
    BackupCodes,
    Delete,
    End(&'static str, &'static str),
    /// The button of every link in the mailbox.
    Links,
    /// The buttons of the pages.
    Page(&'static str, &'static [(&'static str, &'static str)]),
}

const DEEDS: [Deed; 25] = [
    Deed::Look,
    Deed::Password,
    Deed::App,
    Deed::Passkey,
    Deed::Address,
    Deed::Remove("DELETE", "addresses/Aann"),
    Deed::Remove("DELETE", "totp"),
    Deed::Remove("DELETE", "mfa"),
    Deed::Remove("POST", "mfa/disable"),
    Deed::BackupCodes,
    Deed::Delete,
    Deed::End("DELETE", "sessions?others=true"),
    Deed::End("DELETE", "known-browsers"),
    Deed::End("POST", "logout"),
    Deed::Links,
    Deed::Page("password", &[("op", "set"), ("new_password", OWN_PASSWORD)]),
    Deed::Page("export", &[("op", "export")]),
    Deed::Page("addresses", &[("op", "remove"), ("id", "Aann")]),
    Deed::Page("addresses", &[("op", "add"), ("channel", "email"), ("address", OWN_MAIL)]),
    Deed::Page("turn-off", &[]),
    Deed::Page("backup-codes", &[("op", "make")]),
    Deed::Page("delete", &[("op", "ask")]),
    Deed::Page("sessions", &[("op", "others")]),
    Deed::Page("not-me", &[("op", "not-me")]),
    Deed::Page("logout", &[("op", "everywhere")]),
];

impl Deed {
    /// What it leads to, if to one thing alone.
    const fn goal(self) -> Option<Goal> {
        match self {
            Self::Password => Some(Goal::Password),
            Self::App | Self::Passkey | Self::Address => Some(Goal::Addition),
            Self::BackupCodes => Some(Goal::BackupCodes),
            Self::Delete => Some(Goal::Deletion),
            Self::Remove(..) => Some(Goal::Removal),
            Self::Look | Self::End(..) | Self::Links | Self::Page(..) => None,
        }
    }
}

impl Attacker<'_> {
    /// Everything, with everything that is held. What was enrolled is used on, once a way of enrolling.
    pub(super) async fn do_all(&mut self, depth: u8) {
        let mut enrolling = vec![Deed::App, Deed::Address];
        let with_nothing = std::iter::once(Holding::Nothing).chain(self.holdings.clone());
        for with in with_nothing.collect::<Vec<_>>() {
            for deed in DEEDS {
                let is_done = deed.goal().is_some_and(|goal| self.reached.contains(&goal));
                if is_done && !(depth > 0 && enrolling.contains(&deed)) {
                    continue;
                }
                let world = self.scene.stage.world.clone();
                let (kept, now) = (world.look(|s| s.clone()), crate::flow::ports::Clock::now(world.as_ref()));
                let held = (self.holdings.clone(), self.key.clone());
                self.do_one(deed, &with).await;
                let enrolled = self.judge().contains(&Goal::Addition);
                if enrolled && depth > 0 && enrolling.contains(&deed) {
                    enrolling.retain(|other| *other != deed);
                    Box::pin(self.work(depth - 1)).await;
                }
                (self.holdings, self.key) = held;
                world.turn_back(kept, now);
            }
        }
    }

    async fn do_one(&mut self, deed: Deed, with: &Holding) {
        let password = self.password.clone();
        // A guess at a code is in nobody's way.
        let code = self.key.is_some().then(|| self.totp());
        match deed {
            // Pages are for browsers, and a letter asks for no session.
            Deed::Page(..) if !matches!(with, Holding::Cookie(_)) => {}
            Deed::Links if *with != Holding::Nothing => {}
            Deed::Look => self.look(with).await,
            Deed::Password => {
                let body = json!({"current_password": password, "new_password": OWN_PASSWORD, "code": code});
                self.call(with, "POST", "account/password", body).await;
            }
            Deed::App => self.add_app(with).await,
            Deed::Passkey => self.add_passkey(with).await,
            Deed::Address => {
                self.call(with, "POST", "addresses", json!({"channel": "email", "address": OWN_MAIL})).await;
                self.call(with, "POST", "addresses/confirm", json!({"code": self.code()})).await;
            }
            Deed::Remove(method, call) => {
                self.call(with, method, call, json!({ "password": password, "code": code })).await;
            }
            Deed::BackupCodes => drop(self.call(with, "POST", "backup-codes", json!({})).await),
            Deed::Delete => {
                self.call(with, "POST", "account/delete", json!({ "password": password, "code": code })).await;
                if let Some(token) = self.link() {
                    self.call(with, "POST", "account/delete/confirm", json!({ "token": token })).await;
                }
            }
            Deed::End(method, call) => drop(self.call(with, method, call, json!({"everywhere": true})).await),
            Deed::Links => {
                for (page, token) in self.links() {
                    let target = format!("{page}?token={token}");
                    for op in ["disown", "stop"] {
                        self.press(with, &target, &[("op", op), ("token", &token)]).await;
                    }
                }
            }
            Deed::Page(page, fields) => self.press_in(with, page, fields).await,
        }
    }

    async fn look(&mut self, with: &Holding) {
        let headers = Self::headers(with);
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        for (goal, path) in [
            (Goal::OneFactorApp, "/one/"),
            (Goal::TwoStepsApp, "/steps/"),
            (Goal::TwoFactorApp, "/two/"),
            (Goal::FreshApp, "/fresh/"),
        ] {
            if self.scene.admits(path, &headers).await {
                self.reached.insert(goal);
            }
        }
        let answers = async |call: &str| self.call(with, "GET", call, Value::Null).await.0 == 200;
        let sees = answers("sessions").await && answers("account/activity").await;
        let takes = answers("account/export").await;
        self.reached
            .extend([(Goal::Activity, sees), (Goal::Export, takes)].into_iter().filter_map(|(g, is)| is.then_some(g)));
    }

    async fn add_app(&mut self, with: &Holding) {
        let (_, pending) = self.call(with, "POST", "totp", json!({})).await;
        let Some(key) = pending["secret"].as_str().and_then(|text| BASE32_NOPAD.decode(text.as_bytes()).ok()) else {
            return;
        };
        self.key = Some(SecretBytes::new(key));
        self.post(with, "totp/confirm", json!({"code": self.totp()})).await;
    }

    async fn add_passkey(&mut self, with: &Holding) {
        let (_, asked) = self.call(with, "POST", "passkeys/options", json!({})).await;
        let challenge = asked["publicKey"]["challenge"].as_str().unwrap_or_default();
        let challenge = BASE64URL_NOPAD.decode(challenge.as_bytes()).unwrap_or_default();
        let key = SoftKey::new(HOST, "https://erp.example.com:8443", b"a key of somebody else");
        self.call(with, "POST", "passkeys", json!({"credential": key.register(&challenge)})).await;
    }

    /// A button of a page that is open to a session, with the hidden fields of its form.
    async fn press_in(&mut self, with: &Holding, page: &str, fields: &[(&str, &str)]) {
        let mut all = fields.to_vec();
        let password = self.password.clone().unwrap_or_default();
        if page == "turn-off" {
            all.push(("password", &password));
        }
        let headers = Self::headers(with);
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let shown = text(&self.scene.ask("GET", &format!("/.stepgate/{page}"), &headers, String::new()).await);
        let hidden: Vec<_> = ["of", "set"].iter().map(|name| (*name, hidden(&shown, name))).collect();
        all.extend(hidden.iter().map(|(name, value)| (*name, value.as_str())));
        let told = self.press(with, page, &all).await;
        if page == "export" && header(&told, "content-type").starts_with("application/json") {
            self.reached.insert(Goal::Export);
        }
        match self.link().filter(|_| page == "delete") {
            Some(token) => drop(self.press(with, &format!("delete?token={token}"), &[("op", "delete")]).await),
            None if page == "addresses" => {
                drop(self.press(with, page, &[("op", "confirm"), ("code", &self.code())]).await);
            }
            None => {}
        }
    }

    async fn press(&self, with: &Holding, target: &str, fields: &[(&str, &str)]) -> Reply {
        let mut headers = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
        headers.extend(Self::headers(with));
        if !matches!(with, Holding::Cookie(_)) {
            headers.push(("sec-fetch-site", "same-origin".to_owned()));
        }
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let encode = crate::auth::text::percent::encode;
        let pairs: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        self.scene.ask("POST", &format!("/.stepgate/{target}"), &headers, pairs.join("&")).await
    }
}

fn hidden(page: &str, name: &str) -> String {
    let after = page.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_default();
    after.split('"').next().unwrap_or_default().to_owned()
}
