//! What an account begins and comes back by, over two nodes on one Redis and one PostgreSQL: sign-ups, invitations, recoveries
//! and "this was not me" happen once each, however many ask for them at once.

use futures_util::future::join_all;
use reqwest::Client as Http;
use serde_json::{Value, json};

use crate::races::WIDE;
use crate::support::cluster::{Cluster, PASSWORD};
use crate::support::mail_server::MailServer;
use crate::support::sent::code_in;

const API: &str = "/.stepgate/api/v1";
const RACERS: usize = 30;
const OWN: &str = "a kettle of nine herrings";
/// Room for the letters of all rounds.
const ROOM: &str = "
  codes:
    address: { most: 1000, within: 10m }
    address_day: { most: 1000, within: 10m }
    account: { most: 1000, within: 10m }
    network: { most: 1000, within: 10m }";

/// Few rounds, unless more are asked for.
fn rounds() -> usize {
    std::env::var("RACE_ROUNDS").map_or(2, |text| text.parse().expect("RACE_ROUNDS is a number"))
}

struct Stage {
    mail: MailServer,
    cluster: Cluster,
    http: Http,
}

/// A request of a race.
struct Racer {
    path: String,
    body: Sent,
}

enum Sent {
    Json(Value),
    Form(Vec<(&'static str, String)>),
}

fn call(path: &str, body: Value) -> Racer {
    Racer { path: format!("{API}/{path}"), body: Sent::Json(body) }
}

fn button(page: &str, op: &str, token: &str) -> Racer {
    let body = Sent::Form(vec![("op", op.to_owned()), ("token", token.to_owned())]);
    Racer { path: format!("/.stepgate/{page}?token={token}"), body }
}

impl Stage {
    async fn new() -> Self {
        let mail = MailServer::start(&[]);
        let more = format!(
            "{WIDE}{ROOM}\nrecovery: {{ wait: 24h, second_proof: [totp, backup_code] }}\n\
             mail: {{ smtp: \"smtp://127.0.0.1:{}\", starttls: off, from: no-reply@example.com }}",
            mail.port
        );
        let cluster = Cluster::signing_up("info", &["localhost"], &more).await;
        let http = Http::builder().no_proxy().resolve("localhost", ([127, 0, 0, 1], 0).into());
        let http = http.pool_max_idle_per_host(RACERS).redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { mail, cluster, http }
    }

    /// Sends all of these at once, to one node and the other; what each answered.
    async fn race(&self, racers: impl IntoIterator<Item = Racer>) -> Vec<(u16, String)> {
        let send = async |(n, racer): (usize, Racer)| {
            let url = &self.cluster.nodes[n % 2].url;
            let request = self.http.post(format!("{url}{}", racer.path));
            let request = match racer.body {
                Sent::Json(body) => request.json(&body),
                Sent::Form(fields) => request.form(&fields).header("sec-fetch-site", "same-origin"),
            };
            let answer = request.send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        };
        join_all(racers.into_iter().enumerate().map(send)).await
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.cluster.nodes[0].api_client().post_json(&format!("{API}/{path}"), body).await;
        (answer.status, answer.json())
    }

    /// The next letter to somebody with a link to this page, and its token.
    fn letter(&mut self, page: &str, to: &str) -> (String, String) {
        let link = format!("/.stepgate/{page}?token=");
        loop {
            let taken = self.mail.next();
            let data = taken.data.replace("=\r\n", "").replace("=3D", "=");
            if let Some((_, token)) = data.split_once(&link).filter(|_| taken.to() == to) {
                let token = token.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).collect();
                return (data, token);
            }
        }
    }

    /// Somebody with an authenticator and an address.
    fn person(&self, name: &str) -> String {
        self.cluster.person(name);
        let address = format!("{name}@example.com");
        assert_eq!(self.cluster.command(&["user", "set-address", name, "--confirmed", "--email", &address]).code, 0);
        address
    }

    async fn recovery_code(&mut self, name: &str) -> String {
        let (status, _) = self.post("recover", &json!({ "username": name })).await;
        assert_eq!(status, 202);
        self.letter("recover", &format!("{name}@example.com")).1
    }

    /// A recovery that is granted by the waiting time alone, and a link of those that ended it until then. The code is given
    /// by many at once.
    async fn waited(&mut self, name: &str, link: &str) -> (Value, String) {
        let code = self.recovery_code(name).await;
        let (_, told) = self.post("recover/verify", &json!({ "code": code, "wait": true })).await;
        assert_eq!(told["status"], "waiting", "{told}");
        let link = self.letter(link, &format!("{name}@example.com")).1;
        self.count("update recoveries set ready_at = begun_at");
        let body = json!({ "code": code, "wait": true });
        let all = self.race((0..RACERS).map(|_| call("recover/verify", body.clone()))).await;
        let granted = one_won(&all, &[(409, "already_done")], "a mailed code");
        (granted["ceremony"].clone(), link)
    }

    /// A recovery that is granted by the code of an administrator, and the link of the letter about it.
    async fn issued(&mut self, name: &str) -> (Value, String) {
        let issued = self.cluster.command(&["user", "recovery-code", name]).stdout;
        let body = json!({ "username": name, "code": issued.trim() });
        let all = self.race((0..RACERS).map(|_| call("recover/verify", body.clone()))).await;
        let granted = one_won(&all, &[(409, "already_done")], "the code of an administrator");
        (granted["ceremony"].clone(), self.letter("notice", &format!("{name}@example.com")).1)
    }

    async fn signs_in(&self, name: &str, password: &str) -> bool {
        let wish = json!({ "username": name, "password": password, "strength": "one_factor" });
        self.post("login", &wish).await.0 == 200
    }

    fn count(&self, sql: &str) -> String {
        self.cluster.postgres.ask(sql).trim().to_owned()
    }
}

/// One is answered 200, the others as they must be.
fn one_won(all: &[(u16, String)], others: &[(u16, &str)], what: &str) -> Value {
    let won: Vec<_> = all.iter().filter(|(status, _)| *status == 200).collect();
    assert_eq!(won.len(), 1, "{what}: {all:?}");
    for (status, told) in all.iter().filter(|(status, _)| *status != 200) {
        let code = serde_json::from_str::<Value>(told).unwrap()["code"].clone();
        assert!(others.iter().any(|(s, c)| s == status && code == *c), "{what}: {status} {told}");
    }
    serde_json::from_str(&won[0].1).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_begins_once_however_many_confirm_it_wherever() {
    let mut stage = Stage::new().await;
    for round in 0..rounds() {
        for by_code in [false, true] {
            let email = format!("new{round}{by_code}@example.com");
            let asked = json!({ "email": email, "password": OWN });
            assert_eq!(stage.post("signup", &asked).await.0, 202);
            let (letter, token) = stage.letter("signup", &email);
            let body = match by_code {
                true => json!({ "email": email, "code": code_in(&letter, 6), "password": OWN }),
                false => json!({ "token": token, "password": OWN }),
            };
            let all = stage.race((0..RACERS).map(|_| call("signup/confirm", body.clone()))).await;
            // Where two give one code, the second finds none.
            let others = [(409, "already_done"), (503, "busy"), (401, "wrong_otp")];
            let others = if by_code { &others } else { &others[..2] };
            one_won(&all, others, &format!("round {round}, by code: {by_code}"));
            assert_eq!(stage.count(&format!("select count(*) from addresses where folded = '{email}'")), "1");
            assert_eq!(stage.post("signup/confirm", &body).await.1["code"], "already_done");
        }
        let email = format!("invited{round}@example.com");
        let made = stage.cluster.command(&["user", "invite", &email, "--json"]);
        assert_eq!(made.code, 0, "{}", made.stderr);
        let token = stage.letter("signup", &email).1;
        // Each with another name: the invitation is one all the same.
        let body = |n| json!({ "token": token, "username": format!("invited{round}-{n}"), "password": OWN });
        let all = stage.race((0..RACERS).map(|n| call("signup/confirm", body(n)))).await;
        one_won(&all, &[(409, "already_done")], &format!("invitation {round}"));
        let made = format!("select count(*) from accounts where username like 'invited{round}-%'");
        assert_eq!(stage.count(&made), "1");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recovery_is_granted_finished_and_ended_once_however_many_try_wherever() {
    let mut stage = Stage::new().await;
    for round in 0..rounds() {
        let name = format!("person{round}");
        let address = stage.person(&name);

        // The code of an administrator, and what it grants.
        let (granted, _) = stage.issued(&name).await;
        let passwords: Vec<_> = (0..RACERS).map(|n| format!("a password of racer {n}")).collect();
        let finish = |ceremony: &Value, n: usize| {
            call("recover/finish", json!({ "ceremony": ceremony, "password": passwords[n] }))
        };
        let all = stage.race((0..RACERS).map(|n| finish(&granted, n))).await;
        // Not all are looked at: what costs a hash has a limit. Who comes while another one sets is told to come again.
        let others = [(409, "already_done"), (429, "too_many_attempts"), (503, "busy")];
        one_won(&all, &others, "the end of a recovery");
        let won = all.iter().position(|(status, _)| *status == 200).unwrap();
        for n in [won, (won + 1) % RACERS] {
            assert_eq!(stage.signs_in(&name, &passwords[n]).await, n == won, "who was told so set it");
        }

        // A mailed code, once a waiting time is over.
        let code = stage.recovery_code(&name).await;
        let body = json!({ "code": code, "wait": true });
        let all = stage.race((0..RACERS).map(|_| call("recover/verify", body.clone()))).await;
        let ready: Vec<_> =
            all.iter().map(|(_, told)| serde_json::from_str::<Value>(told).unwrap()["ready_at"].clone()).collect();
        assert!(ready.iter().all(|one| *one == ready[0] && one.is_string()), "one waiting time: {all:?}");
        let begun = format!("select count(*) from audit where action = 'recovery_waiting' and username = '{name}'");
        let begun = crate::support::process::wait_until(|| (stage.count(&begun) == "1").then_some(()));
        assert!(begun.is_some(), "one begins to wait");
        let stop = stage.letter("recover-stop", &address).1;
        let all = stage.race((0..RACERS).map(|_| button("recover-stop", "stop", &stop))).await;
        assert_eq!(all.iter().filter(|(_, page)| page.contains("Nothing was changed")).count(), 1, "one ends it");

        let (ceremony, stop) = stage.waited(&name, "recover-stop").await;
        let mixed = (0..RACERS).map(|n| match n % 2 {
            0 => finish(&ceremony, n),
            _ => button("recover-stop", "stop", &stop),
        });
        let all = stage.race(mixed).await;
        let set = all.iter().step_by(2).filter(|(status, _)| *status == 200).count();
        let ended = all.iter().skip(1).step_by(2).filter(|(_, page)| page.contains("Nothing was changed")).count();
        assert_eq!(set + ended, 1, "round {round}: it is finished or ended: {all:?}");
        let anybody = join_all((0..RACERS).step_by(2).map(|n| stage.signs_in(&name, &passwords[n]))).await;
        assert_eq!(
            anybody.iter().filter(|signed_in| **signed_in).count(),
            set.max(usize::from(won % 2 == 0 && set == 0))
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn not_me_is_said_once_and_ends_what_was_granted() {
    let mut stage = Stage::new().await;
    for round in 0..rounds() {
        let name = format!("person{round}");
        stage.person(&name);
        assert!(stage.signs_in(&name, PASSWORD).await, "the first sign-in is nobody's surprise");
        let (ceremony, notice) = match round % 2 {
            0 => stage.waited(&name, "notice").await,
            _ => stage.issued(&name).await,
        };
        // In every second round nobody is in the way of who says it.
        let mixed = (0..RACERS).map(|n| match (n + round) % 2 {
            0 if round % 2 == 0 => call("recover/finish", json!({ "ceremony": ceremony, "password": OWN })),
            _ => button("notice", "disown", &notice),
        });
        let all = stage.race(mixed).await;
        let set = all.iter().filter(|(_, told)| told.contains("\"recovered\"")).count();
        let said = all.iter().filter(|(_, page)| page.contains("Everybody is signed out")).count();
        assert!(said == 1 && set <= usize::from(round % 2 == 0), "round {round}: {all:?}");
        assert_eq!(stage.signs_in(&name, OWN).await, set == 1, "round {round}");
        assert_eq!(stage.signs_in(&name, PASSWORD).await, set == 0, "round {round}");
        // Whichever came first, nothing of it is left.
        let (status, _) = stage.post("recover/finish", &json!({ "ceremony": ceremony, "password": OWN })).await;
        assert!(matches!(status, 401 | 409), "{status}");
        assert_eq!(stage.count("select count(*) from recoveries"), "0");
    }
}
