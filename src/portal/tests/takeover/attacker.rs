//! What an attacker holds, and gets by that: sign-ins, sessions, codes in the mailbox.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::scene::{MAIL, Scene, WAIT};
use super::{Goal, Recovery, Stolen};
use crate::auth::reserved_names::SESSION;
use crate::flow::ports::{Letter, Recipient};
use crate::flow::testing::{PASSWORD, State};
use crate::portal::tests::*;

/// An address of the attacker's own.
pub(super) const OWN_MAIL: &str = "attacker@example.net";
/// A password that the attacker would set.
pub(super) const OWN_PASSWORD: &str = "nine herrings in a row";

/// What goes with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Holding {
    Nothing,
    Bearer(String),
    Ceremony(String),
    Cookie(String),
}

pub(super) struct Attacker<'a> {
    pub(super) scene: &'a Scene,
    pub(super) reads_mail: bool,
    pub(super) password: Option<String>,
    /// Keys of apps whose codes can be given.
    pub(super) key: Option<SecretBytes>,
    pub(super) holdings: Vec<Holding>,
    pub(super) reached: BTreeSet<Goal>,
}

impl<'a> Attacker<'a> {
    pub(super) fn of(scene: &'a Scene, stolen: Stolen) -> Self {
        let all = stolen == Stolen::All;
        let cookie = (all || stolen == Stolen::Browser).then(|| Holding::Cookie(scene.cookie.clone()));
        Self {
            scene,
            reads_mail: all || stolen == Stolen::Mailbox,
            password: (all || stolen == Stolen::Password).then(|| PASSWORD.to_owned()),
            key: scene.key.clone().filter(|_| all),
            holdings: cookie.into_iter().collect(),
            reached: BTreeSet::new(),
        }
    }

    /// Gets all that can be got, then does all that can be done with it; what was enrolled by that is used as well, so many
    /// times over.
    pub(super) async fn work(&mut self, depth: u8) {
        self.recover().await;
        self.sign_in().await;
        for _ in 0..3 {
            for holding in self.holdings.clone() {
                self.rise(&holding).await;
            }
        }
        self.judge();
        self.do_all(depth).await;
    }

    /// A call of the API: its status, what it tells, and what can be held from then on.
    pub(super) async fn ask(
        &self,
        with: &Holding,
        method: &str,
        call: &str,
        body: Value,
    ) -> (u16, Value, Option<Holding>) {
        let mut headers = vec![("content-type", "application/json".to_owned())];
        headers.extend(Self::headers(with));
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = self.scene.ask(method, &format!("/.stepgate/api/v1/{call}"), &headers, body.to_string()).await;
        let told: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        let text = |name: &str| told[name].as_str().map(str::to_owned);
        let cookies = answer.headers().get_all("set-cookie").iter().filter_map(|set| set.to_str().ok());
        let cookie = cookies.filter_map(|set| set.strip_prefix(SESSION)?.strip_prefix('=')?.split(';').next()).next();
        let got = text("access_token").map(Holding::Bearer).or_else(|| text("ceremony").map(Holding::Ceremony));
        let got =
            got.or_else(|| cookie.filter(|token| !token.is_empty()).map(|token| Holding::Cookie(token.to_owned())));
        (answer.status().as_u16(), told, got)
    }

    pub(super) async fn call(&self, with: &Holding, method: &str, call: &str, body: Value) -> (u16, Value) {
        let (status, told, _) = self.ask(with, method, call, body).await;
        (status, told)
    }

    pub(super) fn headers(with: &Holding) -> Vec<(&'static str, String)> {
        match with {
            Holding::Nothing => Vec::new(),
            Holding::Bearer(token) => vec![("authorization", format!("Bearer {token}"))],
            Holding::Ceremony(token) => vec![("authorization", format!("Ceremony {token}"))],
            Holding::Cookie(token) => {
                vec![("cookie", format!("{SESSION}={token}")), ("sec-fetch-site", "same-origin".to_owned())]
            }
        }
    }

    /// Posts, and holds what comes of it, in the place of what it takes the place of.
    pub(super) async fn post(&mut self, with: &Holding, call: &str, body: Value) -> Holding {
        let (_, _, got) = self.ask(with, "POST", call, body).await;
        let Some(got) = got else { return with.clone() };
        self.holdings.retain(|held| held != with && *held != got);
        self.holdings.push(got.clone());
        got
    }

    /// The letters that the attacker reads, newest first.
    pub(super) fn letters(&self) -> Vec<Letter> {
        let mut read = vec![Recipient::Email(OWN_MAIL.to_owned())];
        read.extend(self.reads_mail.then(|| Recipient::Email(MAIL.to_owned())));
        self.scene.stage.world.look(|s| {
            let all = s.letters.iter().rev().map(|(letter, _)| letter);
            all.filter(|letter| letter.recipient().is_some_and(|to| to.is_among(&read))).cloned().collect()
        })
    }

    pub(super) fn code(&self) -> String {
        let code = self.letters().into_iter().find_map(|letter| match letter {
            Letter::SignInCode(code) | Letter::AddressCode(code) => Some(code.code.expose().to_owned()),
            _ => None,
        });
        code.unwrap_or_else(|| "000000".to_owned())
    }

    /// The code of the app, or a guess.
    pub(super) fn totp(&self) -> String {
        let Some(key) = &self.key else { return "000000".to_owned() };
        self.scene.stage.world.pass(std::time::Duration::from_secs(30));
        self.scene.stage.world.code(key, 0).expose().to_owned()
    }

    /// The token of the newest link that the attacker reads.
    pub(super) fn link(&self) -> Option<String> {
        self.links().into_iter().next().map(|(_, token)| token)
    }

    /// Pages and tokens of all links that the attacker reads.
    pub(super) fn links(&self) -> Vec<(String, String)> {
        let url = |letter: Letter| match letter {
            Letter::Link(link) => Some(link.url.expose().to_owned()),
            Letter::Notice(notice) => Some(notice.url.expose().to_owned()),
            _ => None,
        };
        let split = |url: String| {
            let (page, token) = url.split_once("?token=")?;
            Some((page.split_once("/.stepgate/")?.1.to_owned(), token.to_owned()))
        };
        self.letters().into_iter().filter_map(url).filter_map(split).collect()
    }

    /// Recovers as far as that goes, and waits where there is time.
    async fn recover(&mut self) {
        for round in 0..2 {
            if self.call(&Holding::Nothing, "POST", "recover", json!({"username": "ann"})).await.0 != 202
                || !self.reads_mail
            {
                return;
            }
            let Some(code) = self.link() else { return };
            let guess = json!({"code": code, "second": {"method": "totp", "code": self.totp()}});
            let (_, mut told) = self.call(&Holding::Nothing, "POST", "recover/verify", guess).await;
            if told["status"] != "reset_required" {
                told = self
                    .call(&Holding::Nothing, "POST", "recover/verify", json!({ "code": code, "wait": true }))
                    .await
                    .1;
            }
            if told["status"] == "reset_required" || told["status"] == "waiting" {
                self.reached.insert(Goal::RecoveryBegin);
            }
            if told["status"] == "reset_required" {
                let ceremony = &told["ceremony"];
                let all = json!({"ceremony": ceremony, "password": OWN_PASSWORD, "backup_codes": true});
                let alone = json!({"ceremony": ceremony, "password": OWN_PASSWORD});
                for body in [all, alone] {
                    if self.call(&Holding::Nothing, "POST", "recover/finish", body).await.0 == 200 {
                        self.password = Some(OWN_PASSWORD.to_owned());
                        return;
                    }
                }
            }
            if round == 0 && self.scene.recovery == Recovery::Waited {
                self.scene.stage.world.pass(WAIT);
            }
        }
    }

    async fn sign_in(&mut self) {
        if let Some(password) = self.password.clone() {
            for strength in ["one_factor", "two_steps", "two_factor"] {
                let wish = json!({"username": "ann", "password": password, "strength": strength});
                self.post(&Holding::Nothing, "login", wish).await;
            }
            let wish = json!({"username": "ann", "password": password, "otp": self.totp()});
            self.post(&Holding::Nothing, "login", wish).await;
            let mut browser = Browser { ip: "203.0.113.9", ..Browser::new(&self.scene.stage) };
            browser.post("/.stepgate/login?to=%2Fone%2F", &[("username", "ann"), ("password", &password)]).await;
            self.holdings.extend(browser.jar.get(SESSION).cloned().map(Holding::Cookie));
        }
        self.call(&Holding::Nothing, "POST", "login/link", json!({ "email": MAIL })).await;
        if let Some(token) = self.link() {
            self.post(&Holding::Nothing, "login/link/redeem", json!({ "token": token })).await;
        }
    }

    /// Proves in a sign-in or a session all that can be proved.
    async fn rise(&mut self, with: &Holding) {
        let call = |with: &Holding| match with {
            Holding::Ceremony(_) => "login/second-factor",
            _ => "elevate",
        };
        let mut with = with.clone();
        if let Some(password) = self.password.clone() {
            with = self.post(&with, call(&with), json!({"method": "password", "code": password})).await;
        }
        if self.call(&with, "POST", "codes", json!({"channel": "email"})).await.0 == 202 {
            with = self.post(&with, call(&with), json!({"method": "email_code", "code": self.code()})).await;
        }
        self.post(&with, call(&with), json!({"method": "totp", "code": self.totp()})).await;
    }

    /// Notes, and tells, what is another than before.
    pub(super) fn judge(&mut self) -> BTreeSet<Goal> {
        let ann = &self.scene.ann;
        let (before, own) = (&self.scene.before, self.scene.session());
        let owns = |s: &State| {
            let of = |user: &crate::auth::user::UserId| user == ann;
            let addresses = s.addresses.iter().filter(|(user, _)| of(user)).map(|(_, one)| one.id.clone());
            let passkeys = s.passkeys.iter().filter(|(user, _)| of(user)).map(|(_, one)| one.id.clone());
            addresses.chain(passkeys).chain(s.totp.get(ann).map(|app| app.id.clone())).collect::<BTreeSet<_>>()
        };
        let hash = |s: &State| s.accounts[ann].password_hash.as_ref().map(|hash| hash.expose().to_owned());
        let salt = |s: &State| s.backup.get(ann).map(|(salt, _)| salt.clone());
        let found = self.scene.stage.world.look(|s| {
            if !s.accounts.contains_key(ann) {
                return vec![(Goal::Deletion, true)];
            }
            let (had, has) = (owns(before), owns(s));
            vec![
                (Goal::Password, hash(before) != hash(s)),
                (Goal::Addition, has.difference(&had).next().is_some()),
                (Goal::Removal, had.difference(&has).next().is_some()),
                (Goal::BackupCodes, salt(s).is_some() && salt(s) != salt(before)),
                (Goal::SessionEnd, !s.sessions.contains_key(&own)),
                (Goal::RecoveryEnd, s.recoveries.len() < before.recoveries.len()),
            ]
        });
        let found: BTreeSet<_> = found.into_iter().filter_map(|(goal, is)| is.then_some(goal)).collect();
        self.reached.extend(&found);
        found
    }
}
