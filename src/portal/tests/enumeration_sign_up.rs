//! Making an account tells nobody who has one: for an address that is free, somebody's, or somebody's who is disabled, and
//! for a name that is free or somebody's, the answers are alike to the byte and the stores are asked alike. The letters differ.

use serde_json::{Value, json};

use super::api::raw;
use super::*;
use crate::auth::factor::authenticator::{AddressKind, AddressRecord};
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::ports::LinkPurpose;
use crate::flow::testing::Blow;

const ADDRESS: &str = "new@example.com";
const OWN: &str = "a kettle of nine herrings";

/// Whose the address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Nobody,
    Bob,
    Disabled,
}

fn stage(owner: Owner) -> Stage {
    let stage = Stage::with_all();
    if owner != Owner::Nobody {
        let (id, value, confirmed_at) = ("A".to_owned(), ADDRESS.to_owned(), Timestamp::from_secs(1));
        let address = AddressRecord { id, kind: AddressKind::Email, value, confirmed_at };
        stage.world.look(|s| s.addresses.push((UserId("01BOB".to_owned()), address)));
    }
    if owner == Owner::Disabled {
        stage.world.disable(&UserId("01BOB".to_owned()), true);
    }
    stage
}

/// What an answer shows, and what it cost.
#[derive(Debug, PartialEq)]
struct Seen {
    status: StatusCode,
    headers: Vec<(String, String)>,
    body: String,
    calls: usize,
    kept: [usize; 5],
}

impl Seen {
    async fn of(stage: &Stage, asked: impl AsyncFnOnce() -> Reply) -> Self {
        stage.world.fail(0, Blow::Before);
        let answer = asked().await;
        let headers =
            answer.headers().iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        let kept =
            stage.world.look(|s| [s.transient.len(), s.codes.len(), s.letters.len(), s.counters.len(), s.quotas.len()]);
        Self {
            status: answer.status(),
            headers: headers.collect(),
            body: text(&answer),
            calls: stage.world.calls(),
            kept,
        }
    }
}

/// Begins by the call and by the page, so often that letters run out; then tries codes, and a link of nobody.
async fn walk(owner: Owner, username: Option<&str>) -> (Vec<Seen>, Vec<LinkPurpose>) {
    let (stage, mut seen) = (stage(owner), Vec::new());
    let api = async |path: &str, body: Value| raw(&stage, "POST", path, None, body).await;
    let mut browser = Browser::new(&stage);
    for _ in 0..4 {
        let mut given = json!({"email": ADDRESS, "password": OWN, "enable_mfa": true});
        if let Some(username) = username {
            given["username"] = json!(username);
        }
        seen.push(Seen::of(&stage, async || api("signup", given).await).await);
    }
    let fields = [("op", "begin"), ("email", ADDRESS), ("password", OWN), ("username", username.unwrap_or_default())];
    seen.push(Seen::of(&stage, async || browser.post("/.stepgate/signup", &fields).await).await);
    for password in [OWN, "seven swans on the ice"] {
        let given = json!({"email": ADDRESS, "code": "000000", "password": password});
        seen.push(Seen::of(&stage, async || api("signup/confirm", given).await).await);
    }
    let fields = [("op", "code"), ("email", ADDRESS), ("code", "000000"), ("password", OWN)];
    seen.push(Seen::of(&stage, async || browser.post("/.stepgate/signup", &fields).await).await);
    let letters = stage.world.look(|s| {
        let purpose = |letter: &Letter| match letter {
            Letter::Link(link) => Some(link.purpose),
            _ => None,
        };
        s.letters.iter().filter_map(|(letter, _)| purpose(letter)).collect()
    });
    (seen, letters)
}

#[tokio::test]
async fn an_address_and_a_name_of_somebody_are_answered_as_free_ones_are() {
    for (username, owners) in [(None, &[Owner::Bob, Owner::Disabled][..]), (Some("ann"), &[Owner::Bob])] {
        let (free, letters) = walk(Owner::Nobody, username).await;
        assert_eq!(free[0].status, StatusCode::ACCEPTED, "{}", free[0].body);
        assert_eq!(free[5].status, StatusCode::UNAUTHORIZED, "{}", free[5].body);
        assert!(!letters.is_empty() && letters.iter().all(|purpose| *purpose == LinkPurpose::SignUp));
        for owner in owners {
            let (taken, letters) = walk(*owner, username).await;
            for (nth, (free, taken)) in free.iter().zip(&taken).enumerate() {
                assert_eq!(free, taken, "{nth}, {owner:?}, {username:?}");
            }
            assert!(!letters.is_empty() && letters.iter().all(|purpose| *purpose == LinkPurpose::AddressTaken));
        }
    }
    // The name alone is told to nobody before an address is confirmed.
    let [anew, ann] = [walk(Owner::Nobody, Some("anew")).await, walk(Owner::Nobody, Some("ann")).await];
    let plain = |seen: &[Seen]| {
        seen.iter().map(|s| (s.status, s.calls, s.kept, s.body.replace("anew", "ann"))).collect::<Vec<_>>()
    };
    assert_eq!(plain(&anew.0), plain(&ann.0));
}
