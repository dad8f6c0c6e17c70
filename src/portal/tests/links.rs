//! Links in letters, as people meet them: looked at by scanners, followed in the browser that asked, opened in another one.

use super::*;
use crate::flow::testing::PASSWORD;

const PAGE: &str = "/.stepgate/login-link?to=%2Forders";

/// Ann, who has an authenticator and an address, where links are sent.
fn mailing() -> Stage {
    let stage = Stage::with_all();
    sent_codes::with_mail(&stage, "ann");
    stage
}

/// Asks for a link in this browser.
async fn ask(browser: &mut Browser<'_>, email: &str) -> Reply {
    let answer = browser.post(PAGE, &[("op", "send"), ("email", email)]).await;
    assert_eq!(location(&answer), format!("{PAGE}&sent=yes"));
    answer
}

/// The password and the code, on the pages after the link.
async fn finish(stage: &Stage, browser: &mut Browser<'_>, answer: Reply) {
    let next = location(&answer);
    assert_eq!(next, "/.stepgate/second-factor?to=%2Forders");
    let page = text(&browser.get(&next).await);
    assert!(page.contains("Your mail address was the first step") && page.contains("current-password"), "{page}");
    assert!(!page.contains("one-time-code") && !page.contains("signed in before"), "{page}");
    let answer = browser.post(&next, &[("method", "password"), ("code", PASSWORD)]).await;
    assert_eq!(location(&answer), next);
    let answer = browser.post(&next, &[("method", "totp"), ("code", &stage.code(0))]).await;
    assert_eq!((answer.status(), location(&answer)), (StatusCode::SEE_OTHER, "/orders".to_owned()));
}

#[tokio::test]
async fn a_link_is_asked_for_on_the_sign_in_page_and_followed_in_the_browser_that_asked() {
    let stage = mailing();
    let mut browser = Browser::new(&stage);
    let page = text(&browser.get("/.stepgate/login?to=%2Forders").await);
    assert!(page.contains("href=\"/.stepgate/login-link?to=%2Forders\""), "{page}");
    let page = text(&browser.get(PAGE).await);
    assert!(page.contains("name=\"email\"") && page.contains("/orders"), "{page}");
    let wrong = browser.post(PAGE, &[("op", "send"), ("email", "nobody")]).await;
    assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let answer = ask(&mut browser, "ann@example.com").await;
    let page = text(&browser.follow(answer).await);
    assert!(page.contains("a link is on its way there") && page.contains("10 minutes"), "{page}");
    let (link, _) = stage.last_link();
    // Whoever looks, by whatever method, the link goes on waiting: mail is looked through by machines.
    let before = stage.world.look(|s| s.clone());
    for method in ["GET", "HEAD", "GET", "HEAD"] {
        let looked = send(&stage.portal, &info(method, &link, &[("accept", "*/*")]), "").await;
        assert_eq!(looked.status(), StatusCode::OK, "{method}");
        assert!(looked.headers().get("set-cookie").is_none() && looked.events.is_empty(), "{method}");
    }
    stage.world.look(|s| {
        assert_eq!((s.transient.len(), s.codes.len()), (before.transient.len(), before.codes.len()));
        assert_eq!((s.letters.len(), s.sessions.len()), (before.letters.len(), before.sessions.len()));
    });
    let page = text(&browser.get(&link).await);
    assert!(page.contains("Go on signing in") && page.contains("name=\"op\" value=\"follow\""), "{page}");
    let answer = browser.post(&link, &[("op", "follow")]).await;
    finish(&stage, &mut browser, answer).await;
    let again = browser.post(&link, &[("op", "follow")]).await;
    assert_eq!(again.status(), StatusCode::GONE);
}

#[tokio::test]
async fn in_another_browser_a_link_shows_a_code_for_the_first_and_opens_nothing() {
    let stage = mailing();
    let (mut first, mut other) = (Browser::new(&stage), Browser::new(&stage));
    other.ip = "198.51.100.9";
    let answer = ask(&mut first, "ann@example.com").await;
    let waiting = location(&answer);
    let (link, _) = stage.last_link();
    let page = text(&other.get(&link).await);
    assert!(page.contains("Is this you, signing in?") && page.contains("192.0.2.7"), "{page}");
    // The button of the first browser does nothing here.
    let pressed = other.post(&link, &[("op", "follow")]).await;
    assert_eq!(pressed.status(), StatusCode::OK);
    assert!(other.jar.is_empty(), "nothing is given to it");
    let shown = text(&other.post(&link, &[("op", "show-code")]).await);
    let code = shown.split("Your code: ").nth(1).unwrap_or_else(|| panic!("{shown}")).get(..6).unwrap().to_owned();
    assert!(other.jar.is_empty());
    // Of use in the browser that asked alone, and typed by hand.
    let elsewhere = other.post(&waiting, &[("op", "code"), ("code", &code)]).await;
    assert!(text(&elsewhere).contains("Start the sign-in again"));
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let answer = first.post(&waiting, &[("op", "code"), ("code", wrong)]).await;
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(text(&answer).contains("not the code"));
    let answer = first.post(&waiting, &[("op", "code"), ("code", &code)]).await;
    finish(&stage, &mut first, answer).await;
}

#[tokio::test]
async fn whoever_asks_gets_the_same_page_and_whatever_is_no_link_the_same_answer() {
    let stage = mailing();
    let mut pages = std::collections::BTreeSet::new();
    for email in ["nobody@example.com", "ann@example.com"] {
        for _ in 0..5 {
            let mut browser = Browser::new(&stage);
            let answer = ask(&mut browser, email).await;
            assert_eq!(browser.jar.len(), 1, "{email}");
            pages.insert(text(&browser.follow(answer).await));
        }
    }
    assert_eq!(pages.len(), 1);
    let (link, token) = stage.last_link();
    let mut answers = std::collections::BTreeSet::new();
    for bad in [
        String::new(),
        "x".to_owned(),
        format!("{token}A"),
        token.replace("sgl_", "sgs_"),
        "sgl_".to_owned() + &"A".repeat(43),
    ] {
        for method in ["GET", "POST"] {
            let target = format!("/.stepgate/login-link?token={bad}");
            let mut browser = Browser::new(&stage);
            let answer = match method {
                "GET" => browser.get(&target).await,
                _ => browser.post(&target, &[("op", "follow")]).await,
            };
            answers.insert((answer.status().as_u16(), text(&answer)));
        }
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(answers.first().unwrap().0, 410);
    let twice = Browser::new(&stage).get(&format!("{link}&token={token}")).await;
    assert_eq!(twice.status(), StatusCode::GONE, "two tokens are none");
}

#[tokio::test]
async fn links_that_are_not_sent_have_no_page() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    assert!(!text(&browser.get("/.stepgate/login").await).contains("login-link"));
    assert_eq!(browser.get(PAGE).await.status(), StatusCode::NOT_FOUND);
    let sent = browser.post(PAGE, &[("op", "send"), ("email", "ann@example.com")]).await;
    assert_eq!(sent.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_account_is_deleted_by_who_proves_who_they_are_and_presses_the_button_in_their_mail() {
    let stage = mailing();
    let mut browser = Browser::new(&stage);
    browser.sign_in("/orders", 0).await;
    let account = text(&browser.get("/.stepgate/account").await);
    assert!(account.contains("href=\"/.stepgate/delete\""), "{account}");
    stage.world.pass(std::time::Duration::from_secs(301));
    let answer = browser.get("/.stepgate/delete").await;
    let up = location(&answer);
    assert_eq!(up, "/.stepgate/step-up?then=delete");
    let page = text(&browser.get(&up).await);
    assert!(page.contains("Before your account is deleted"), "{page}");
    let asked = browser.post("/.stepgate/delete", &[("op", "ask"), ("of", &of(&page))]).await;
    assert_eq!(location(&asked), up, "not without the proof");
    browser.post(&up, &[("method", "password"), ("code", PASSWORD), ("of", &of(&page))]).await;
    let answer = browser.post(&up, &[("method", "totp"), ("code", &stage.code(0)), ("of", &of(&page))]).await;
    assert_eq!(location(&answer), "/.stepgate/delete");
    let page = text(&browser.get("/.stepgate/delete").await);
    assert!(page.contains("Only the button behind it deletes your account"), "{page}");
    let sent = text(&browser.post("/.stepgate/delete", &[("op", "ask"), ("of", &of(&page))]).await);
    assert!(sent.contains("a•••@e•••.com") && sent.contains("30 minutes"), "{sent}");
    let (link, _) = stage.last_link();
    for method in ["GET", "HEAD", "GET"] {
        let looked = send(&stage.portal, &info(method, &link, &[("accept", "*/*")]), "").await;
        assert_eq!((looked.status(), looked.events.len()), (StatusCode::OK, 0), "{method}");
    }
    assert_eq!(stage.world.look(|s| s.accounts.len()), 2);
    // On another device.
    let mut phone = Browser::new(&stage);
    let page = text(&phone.get(&link).await);
    assert!(page.contains("name=\"op\" value=\"delete\""), "{page}");
    let gone = phone.post(&link, &[("op", "delete")]).await;
    assert!(text(&gone).contains("The account is deleted"));
    assert_eq!(stage.world.look(|s| (s.accounts.len(), s.sessions.len())), (1, 0));
    let again = phone.post(&link, &[("op", "delete")]).await;
    assert_eq!((again.status(), text(&again).contains("The account is deleted")), (StatusCode::GONE, true));
    let answer = browser.get("/.stepgate/account").await;
    assert!(location(&answer).starts_with("/.stepgate/login"), "its session is over");
}

#[tokio::test]
async fn without_an_address_the_page_says_what_to_do() {
    let stage = Stage::with_all();
    let mut browser = Browser::new(&stage);
    browser.sign_in("/orders", 0).await;
    let page = text(&browser.get("/.stepgate/delete").await);
    let answer = browser.post("/.stepgate/delete", &[("op", "ask"), ("of", &of(&page))]).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    let page = text(&answer);
    assert!(page.contains("no confirmed mail address") && page.contains("/.stepgate/addresses"), "{page}");
    assert!(page.contains("it-help@example.com"), "{page}");
}

/// For whom a form is.
fn of(page: &str) -> String {
    page.split("name=\"of\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned()
}
