//! Getting back in by the pages, without JavaScript.

use std::time::Duration;

use super::*;
use crate::auth::factor::authenticator::{AddressKind, AddressRecord};
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::ports::{LetterLink, LinkPurpose};
use crate::flow::testing::PASSWORD;

const PAGE: &str = "/.stepgate/recover";
const NEW: &str = "another one for tests";

fn stage() -> Stage {
    let stage = Stage::with_all();
    for name in ["ann", "bob"] {
        let id = format!("A{name}");
        let value = format!("{name}@example.com");
        let address = AddressRecord { id, kind: AddressKind::Email, value, confirmed_at: Timestamp::from_secs(1) };
        stage.world.look(|s| s.addresses.push((UserId(format!("01{}", name.to_uppercase())), address)));
    }
    stage
}

fn last(stage: &Stage, purpose: LinkPurpose) -> LetterLink {
    stage.world.look(|s| {
        let found = s.letters.iter().rev().find_map(|(letter, _)| match letter {
            Letter::Link(link) if link.purpose == purpose => Some(link.clone()),
            _ => None,
        });
        found.expect("a letter was sent")
    })
}

/// Path and query of a link.
fn target(link: &LetterLink) -> String {
    link.url.expose().split_once(".com:8443").unwrap().1.to_owned()
}

fn field(page: &str, name: &str) -> String {
    let found = page.split(&format!("name=\"{name}\" value=\"")).nth(1);
    found.unwrap_or_else(|| panic!("no {name}: {page}")).split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_letter_and_a_code_of_the_app_set_a_password() {
    let stage = stage();
    let mut browser = Browser::new(&stage);
    let login = text(&browser.get("/.stepgate/login").await);
    assert!(login.contains("href=\"/.stepgate/recover\""), "the sign-in page leads there");
    let (nobody, somebody) = (
        text(&browser.post(PAGE, &[("op", "ask"), ("username", "nobody")]).await),
        text(&browser.post(PAGE, &[("op", "ask"), ("username", "ann")]).await),
    );
    assert_eq!(nobody, somebody, "whoever asks");
    let link = target(&last(&stage, LinkPurpose::Recovery));
    // Scanners of mail follow links, and change nothing.
    for _ in 0..3 {
        let page = text(&browser.get(&link).await);
        assert!(page.contains("name=\"op\" value=\"code\"") && page.contains("<button"), "{page}");
    }
    let token = field(&text(&browser.get(&link).await), "token");
    let second = text(&browser.post(&link, &[("op", "code"), ("token", &token)]).await);
    assert!(second.contains("recover-second") || second.contains("name=\"op\" value=\"second\""), "{second}");
    let wrong = [("op", "second"), ("token", token.as_str()), ("method", "totp"), ("code", "000000")];
    let again = browser.post(PAGE, &wrong).await;
    assert_eq!(again.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let code = stage.code(0);
    let right = [("op", "second"), ("token", token.as_str()), ("method", "totp"), ("code", code.as_str())];
    let reset = text(&browser.post(PAGE, &right).await);
    assert!(!reset.contains("totp_code") && !reset.contains("backup_codes"), "no more than was proved: {reset}");
    let ceremony = field(&reset, "ceremony");
    let short = browser.post(PAGE, &[("op", "finish"), ("ceremony", &ceremony), ("password", "short")]).await;
    assert_eq!(short.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let set = browser.post(PAGE, &[("op", "finish"), ("ceremony", &ceremony), ("password", NEW)]).await;
    assert!(text(&set).contains("href=\"/.stepgate/login\""), "{}", text(&set));
    assert!(set.headers().get("set-cookie").is_none(), "nobody is signed in by it");
    let answer = browser.post("/.stepgate/login?to=%2Fx", &[("username", "ann"), ("password", NEW)]).await;
    assert!(location(&answer).starts_with("/.stepgate/second-factor"), "the second factor is asked for");
    let over = browser.post(PAGE, &[("op", "finish"), ("ceremony", &ceremony), ("password", PASSWORD)]).await;
    assert!(text(&over).contains("Start again"), "{}", text(&over));
}

#[tokio::test]
async fn who_has_no_second_proof_waits_and_anybody_who_reads_the_mail_ends_it() {
    let stage = stage();
    let mut browser = Browser::new(&stage);
    browser.post(PAGE, &[("op", "ask"), ("username", "bob@example.com")]).await;
    let code = last(&stage, LinkPurpose::Recovery).code.unwrap();
    let waits = text(&browser.post(PAGE, &[("op", "code"), ("token", code.expose())]).await);
    assert!(waits.contains("You can go on at"), "{waits}");
    let stop = target(&last(&stage, LinkPurpose::RecoveryWaits));
    assert!(stop.starts_with("/.stepgate/recover-stop?token="), "{stop}");
    let mut other = Browser::new(&stage);
    let asks = text(&other.get(&stop).await);
    assert!(asks.contains("bob") && asks.contains("This was not me"), "{asks}");
    assert!(stage.world.look(|s| s.recoveries.len() == 1), "a link changes nothing");
    let token = field(&asks, "token");
    let done = text(&other.post(&stop, &[("op", "stop"), ("token", &token)]).await);
    assert!(done.contains("It has ended"), "{done}");
    assert!(stage.world.look(|s| s.recoveries.is_empty()));
    assert!(text(&other.post(&stop, &[("op", "stop"), ("token", &token)]).await).contains("Nothing waits here"));
    // Begun anew it waits anew.
    stage.world.pass(Duration::from_secs(3600));
    browser.post(PAGE, &[("op", "ask"), ("username", "bob")]).await;
    let code = last(&stage, LinkPurpose::Recovery).code.unwrap();
    browser.post(PAGE, &[("op", "wait"), ("token", code.expose())]).await;
    stage.world.pass(Duration::from_secs(24 * 3600));
    browser.post(PAGE, &[("op", "ask"), ("username", "bob")]).await;
    let code = last(&stage, LinkPurpose::Recovery).code.unwrap();
    let reset = text(&browser.post(PAGE, &[("op", "code"), ("token", code.expose())]).await);
    let ceremony = field(&reset, "ceremony");
    let set = browser.post(PAGE, &[("op", "finish"), ("ceremony", &ceremony), ("password", NEW)]).await;
    assert_eq!(set.status(), StatusCode::OK);
    let answer = browser.post("/.stepgate/login?to=%2Flight%2Fx", &[("username", "bob"), ("password", NEW)]).await;
    let answer = browser.follow(answer).await;
    assert_eq!(location(&answer), "/light/x");
}

#[tokio::test]
async fn waiting_is_not_begun_by_looking_where_a_second_proof_is_owned() {
    let stage = stage();
    let mut browser = Browser::new(&stage);
    browser.post(PAGE, &[("op", "ask"), ("username", "ann")]).await;
    let code = last(&stage, LinkPurpose::Recovery).code.unwrap();
    let asks = text(&browser.post(PAGE, &[("op", "code"), ("token", code.expose())]).await);
    assert!(asks.contains("name=\"op\" value=\"wait\""), "{asks}");
    assert!(stage.world.look(|s| s.recoveries.is_empty()));
    browser.post(PAGE, &[("op", "wait"), ("token", code.expose())]).await;
    assert!(stage.world.look(|s| s.recoveries.len() == 1));
}
