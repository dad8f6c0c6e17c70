//! Every address of the router × every state of a caller × every method × every kind of body. Whatever is sent, only the
//! cells of [`ADVANCING`] prove anything, and each of those does. A new address is in it by itself.

mod bodies;
mod holes;
mod levels;
mod power;
mod recovery;

use std::collections::{BTreeMap, BTreeSet};

use http::Request;
use serde_json::Value;

use super::*;
use crate::portal::router;
use bodies::{Asked, Body};
use levels::{Level, Scene};
use power::Power;

/// Where each kind of caller gets further with the right proof, and nobody elsewhere. `*`: whoever asks.
const ADVANCING: [(&str, &str, &str); 23] = [
    ("*", "POST", "/.stepgate/login"),
    ("*", "POST", "/.stepgate/api/v1/login"),
    ("*", "POST", "/.stepgate/api/v1/login/link/redeem"),
    ("link by cookie", "POST", "/.stepgate/login-link"),
    ("ceremony by cookie", "POST", "/.stepgate/second-factor"),
    ("ceremony by token", "POST", "/.stepgate/api/v1/login/second-factor"),
    ("ceremony by header", "POST", "/.stepgate/api/v1/login/second-factor"),
    ("enrolment by cookie", "POST", "/.stepgate/enroll"),
    ("enrolment by token", "POST", "/.stepgate/api/v1/totp/confirm"),
    ("one factor by cookie", "POST", "/.stepgate/step-up"),
    ("stale by cookie", "POST", "/.stepgate/step-up"),
    ("one factor by token", "POST", "/.stepgate/step-up"),
    ("stale by token", "POST", "/.stepgate/step-up"),
    ("one factor by cookie", "POST", "/.stepgate/api/v1/elevate"),
    ("stale by cookie", "POST", "/.stepgate/api/v1/elevate"),
    ("fresh by cookie", "POST", "/.stepgate/api/v1/elevate"),
    ("one factor by token", "POST", "/.stepgate/api/v1/elevate"),
    ("stale by token", "POST", "/.stepgate/api/v1/elevate"),
    ("fresh by token", "POST", "/.stepgate/api/v1/elevate"),
    ("fresh by cookie", "POST", "/.stepgate/api/v1/account/password"),
    ("fresh by cookie", "POST", "/.stepgate/password"),
    ("fresh by token", "POST", "/.stepgate/api/v1/account/password"),
    ("fresh by token", "POST", "/.stepgate/password"),
];
/// Where somebody whose second factor is fresh may change what they own, with no further proof, and nobody else.
const OWNED: [(&str, &str); 13] = [
    ("PATCH", "/.stepgate/api/v1/account"),
    ("POST", "/.stepgate/api/v1/backup-codes"),
    ("POST", "/.stepgate/api/v1/passkeys"),
    ("PATCH", "/.stepgate/api/v1/passkeys/{id}"),
    ("DELETE", "/.stepgate/api/v1/passkeys/{id}"),
    ("POST", "/.stepgate/api/v1/addresses"),
    ("POST", "/.stepgate/api/v1/addresses/confirm"),
    ("DELETE", "/.stepgate/api/v1/addresses/{id}"),
    ("DELETE", "/.stepgate/api/v1/totp"),
    ("POST", "/.stepgate/backup-codes"),
    ("POST", "/.stepgate/passkey"),
    ("POST", "/.stepgate/addresses"),
    ("POST", "/.stepgate/account"),
];
/// Where whoever has the link of a deletion ends the account, and nobody elsewhere.
const ERASING: [(&str, &str); 2] =
    [("POST", "/.stepgate/api/v1/account/delete/confirm"), ("POST", "/.stepgate/delete")];
/// Who has proved a second factor lately.
const OWNERS: [&str; 2] = ["fresh by cookie", "fresh by token"];
/// What our pages answer.
const STATED: [u16; 13] = [200, 204, 303, 400, 401, 403, 404, 405, 410, 413, 415, 422, 429];
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// A handler that forgets something, by what it makes of a request.
type Hole = fn(&Scene, Asked) -> Asked;

/// What the matrix found.
#[derive(Default)]
struct Found {
    cells: usize,
    advanced: BTreeSet<(String, String, String)>,
    erased: BTreeSet<(String, String)>,
    wrong: Vec<String>,
    statuses: BTreeMap<u16, usize>,
}

struct Matrix {
    scene: Scene,
    document: Value,
    hole: Hole,
    before: Power,
}

impl Matrix {
    async fn new(hole: Hole) -> Self {
        let document = serde_json::to_value(router::build().1).unwrap();
        let scene = Scene::new().await;
        let before = Power::of(&scene.stage.world);
        Self { scene, document, hole, before }
    }

    /// All cells of these addresses.
    async fn walk(&self, addresses: impl IntoIterator<Item = String>) -> Found {
        let mut found = Found::default();
        for address in addresses {
            for level in &self.scene.levels {
                for method in METHODS {
                    let body = if matches!(method, "GET" | "HEAD" | "OPTIONS") {
                        Body::none()
                    } else {
                        bodies::right(&self.document, &address, level)
                    };
                    self.cell(&mut found, level, method, &address, body).await;
                }
                for body in bodies::further(&address, level) {
                    self.cell(&mut found, level, "POST", &address, body).await;
                }
                for body in bodies::broken(&self.document, &address, level) {
                    self.cell(&mut found, level, "POST", &address, body).await;
                }
            }
            for level in &self.scene.strays {
                self.cell(&mut found, level, "GET", &address, Body::none()).await;
                let right = bodies::right(&self.document, &address, level);
                self.cell(&mut found, level, "POST", &address, right).await;
            }
        }
        found
    }

    async fn cell(&self, found: &mut Found, level: &Level, method: &str, address: &str, body: Body) {
        let world = &self.scene.stage.world;
        world.look(|state| *state = self.scene.kept.clone());
        let before = &self.before;
        let name = format!("{}: {method} {address} with {}", level.name, body.name);
        let (broken, far) = (body.breaks, body.is_far());
        let asked = (self.hole)(&self.scene, bodies::asked(level, method, address, body));
        let answer = self.answer(asked).await;
        let after = Power::of(world);
        found.cells += 1;
        *found.statuses.entry(answer.status().as_u16()).or_default() += 1;
        let mut wrong = |why: String| found.wrong.push(format!("{name}: {why}"));
        if let Err(why) = self.is_documented(method, address, far, &answer) {
            wrong(why);
        }
        if world.look(|s| s.accounts.len() < self.scene.kept.accounts.len()) {
            if broken || !ERASING.contains(&(method, address)) {
                wrong(format!("{} an account ended", answer.status()));
            }
            found.erased.insert((method.to_owned(), address.to_owned()));
            return;
        }
        let owner = OWNERS.contains(&level.name.as_str()) && OWNED.contains(&(method, address)) && !broken;
        let cell = (level.name.clone(), method.to_owned(), address.to_owned());
        let recovers = level.recovers && address == recovery::FINISH && !broken;
        if before.is_rewritten(&after) && (owner || recovers) {
            found.advanced.insert(cell);
        } else if let Some(why) = before.advance(&after, level) {
            let may = |(who, how, at): &(&str, &str, &str)| {
                (*who == "*" || *who == level.name) && *how == method && *at == address
            };
            if broken || !ADVANCING.iter().any(may) {
                wrong(format!("{} {why}", answer.status()));
            }
            found.advanced.insert(cell);
        } else if before.is_rewritten(&after) {
            wrong(format!("{} what somebody owns changed", answer.status()));
        } else if granted(&answer) && !address.ends_with("/openapi.json") {
            wrong(format!("{} a token was given", answer.status()));
        }
        let ends_all = level.recovers && address == recovery::FINISH;
        if let Some(why) = before.loss(&after, level).filter(|_| !ends_all) {
            wrong(why);
        }
    }

    async fn answer(&self, asked: Asked) -> Reply {
        let mut request =
            Request::builder().method(asked.info.method.clone()).uri(&asked.info.target).body(asked.body).unwrap();
        *request.headers_mut() = asked.info.headers.clone();
        self.scene.stage.portal.respond(request, &asked.info).await
    }

    /// Whether the answer is one that the document, or the pages, know.
    fn is_documented(&self, method: &str, address: &str, far: bool, answer: &Reply) -> Result<(), String> {
        let status = answer.status().as_u16();
        let Some(item) = self.document["paths"].get(address) else {
            return STATED.contains(&status).then_some(()).ok_or_else(|| format!("{status} is not stated"));
        };
        let method = if method == "HEAD" { "get".to_owned() } else { method.to_lowercase() };
        let Some(operation) = item.get(&method) else {
            // Where it comes from is looked at before what it is.
            return (status == 405 || (far && status == 403))
                .then_some(())
                .ok_or_else(|| format!("{status} in place of 405"));
        };
        let documented = operation["responses"].get(status.to_string()).is_some() && status < 500;
        documented.then_some(()).ok_or_else(|| format!("{status} is not documented"))
    }
}

/// Whether an answer holds a session token.
fn granted(answer: &Reply) -> bool {
    let cookies = answer.headers().get_all("set-cookie");
    cookies.iter().any(|cookie| cookie.to_str().unwrap().contains("=sgs_"))
        || String::from_utf8_lossy(answer.body()).contains("sgs_")
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "how many cells were asked belongs to what the test tells")]
async fn nobody_gets_further_but_by_the_right_proof_at_the_right_place() {
    let found = Matrix::new(|_, asked| asked).await.walk(router::addresses()).await;
    println!("{} cells: {:?}", found.cells, found.statuses);
    assert!(found.wrong.is_empty(), "{} of {}:\n{}", found.wrong.len(), found.cells, found.wrong.join("\n"));
    assert!(found.cells >= 5_000, "{} cells", found.cells);
    // A matrix in which nothing could happen would prove nothing.
    for (who, method, address) in ADVANCING {
        let met = found.advanced.iter().any(|(w, m, a)| (who == "*" || w == who) && m == method && a == address);
        assert!(met, "{who}: {method} {address} leads nowhere");
    }
    for (method, address) in ERASING {
        assert!(found.erased.contains(&(method.to_owned(), address.to_owned())), "{method} {address} erases nothing");
    }
    for (method, address) in OWNED {
        let met = |who: &&str| found.advanced.contains(&((*who).to_owned(), method.to_owned(), address.to_owned()));
        assert!(OWNERS.iter().any(met), "{method} {address} changes nothing");
    }
}
