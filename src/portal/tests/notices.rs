//! What people are told and offered beside the forms: how a session ended, how many did, what to do first, whom to ask.

use std::time::Duration;

use super::*;
use crate::auth::proof::decision::{Challenged, Refusal, RefusalReason};
use crate::auth::user::UserId;
use crate::flow::testing::PASSWORD;
use crate::portal::cookies::SESSION;

const LIGHT: &str = "/.stepgate/login?to=%2Flight%2F";

async fn enter(browser: &mut Browser<'_>, who: &str) {
    let answer = browser.post(LIGHT, &[("username", who), ("password", PASSWORD)]).await;
    assert_eq!(location(&browser.follow(answer).await), "/light/");
}

#[tokio::test]
async fn a_session_that_ended_is_told_as_that_and_names_nobody() {
    let stage = Stage::new();
    let said = "You were signed out";
    assert!(!text(&Browser::new(&stage).get(LIGHT).await).contains(said), "to a stranger there is nothing to say");
    for (later, busy, told) in [
        (3600, false, "You were signed out after an hour without use."),
        (43_200, true, "You were signed out: a sign-in lasts no longer than 12 hours."),
    ] {
        let mut browser = Browser::new(&stage);
        enter(&mut browser, "ann").await;
        for _ in 0..if busy { later / 1800 - 1 } else { 0 } {
            stage.world.pass(Duration::from_secs(1800));
            assert_eq!(browser.open("/light/").await.status(), StatusCode::OK);
        }
        stage.world.pass(Duration::from_secs(if busy { 1800 } else { later }));
        let challenge = location(&browser.open("/light/").await);
        let page = text(&browser.get(&challenge).await);
        assert!(page.contains(told) && ![">ann<", "\"ann\"", " ann."].iter().any(|name| page.contains(name)), "{page}");
        // Who mistypes is told of that, and not of the session once more.
        let wrong = text(&browser.post(LIGHT, &[("username", "ann"), ("password", "no")]).await);
        assert!(!wrong.contains(said), "{wrong}");
        enter(&mut browser, "bob").await;
    }
    let mut revoked = Browser::new(&stage);
    enter(&mut revoked, "ann").await;
    stage.world.look(|s| s.sessions.clear());
    let page = text(&revoked.get(LIGHT).await);
    assert!(page.contains("You were signed out.") && !page.contains("without use"), "{page}");
    // Who signed out is told of nothing.
    let mut out = Browser::new(&stage);
    enter(&mut out, "ann").await;
    out.post("/.stepgate/logout", &[("op", "here")]).await;
    assert!(!text(&out.get(LIGHT).await).contains(said));
}

#[tokio::test]
async fn everywhere_means_everywhere_and_says_how_many() {
    let stage = Stage::new();
    for (others, said) in [
        (0, "1 session ended: this one."),
        (1, "this one and 1 other."),
        (3, "4 sessions ended: this one and 3 others."),
    ] {
        let mut here = Browser::new(&stage);
        for _ in 0..others {
            enter(&mut Browser::new(&stage), "ann").await;
        }
        enter(&mut here, "ann").await;
        enter(&mut Browser::new(&stage), "bob").await;
        let out = here.post("/.stepgate/account", &[("op", "everywhere")]).await;
        let page = text(&here.get(&location(&out)).await);
        assert!(page.contains("You are signed out everywhere") && page.contains(said), "{page}");
        assert!(!page.contains("Sign out everywhere"), "there is nothing left to sign out");
        assert_eq!(stage.world.look(|s| s.sessions.len()), 1, "bob's stands");
        stage.world.look(|s| s.sessions.clear());
        // What did not happen is not told.
        for forged in [location(&out).replace("ended=", "ended=9"), "/.stepgate/signed-out?ended=7".to_owned()] {
            assert!(!text(&here.get(&forged).await).contains("ended:"), "{forged}");
        }
        stage.world.pass(Duration::from_secs(601));
        assert!(!text(&here.get(&location(&out)).await).contains("ended:"), "nor what happened long ago");
    }
}

#[tokio::test]
async fn everywhere_on_a_session_that_ended_asks_for_a_sign_in_first() {
    let stage = Stage::new();
    let mut phone = Browser::new(&stage);
    let mut desk = Browser::new(&stage);
    enter(&mut desk, "ann").await;
    stage.world.pass(Duration::from_secs(3000));
    enter(&mut phone, "ann").await;
    stage.world.pass(Duration::from_secs(700));
    for page in ["account", "logout"] {
        let asked = desk.post(&format!("/.stepgate/{page}?to=%2Ferp"), &[("op", "everywhere")]).await;
        assert_eq!(location(&asked), "/.stepgate/login?to=%2Ferp&then=sign-out-everywhere");
        assert_eq!(phone.open("/light/").await.status(), StatusCode::OK, "nothing ended yet");
    }
    let to = "/.stepgate/login?to=%2Ferp&then=sign-out-everywhere";
    let page = text(&desk.get(to).await);
    assert!(
        page.contains("Sign in once more to end all your sessions") && !page.contains("You will return to"),
        "{page}"
    );
    // The password is enough, whatever the destination asks.
    let done = desk.post(to, &[("username", "ann"), ("password", PASSWORD)]).await;
    assert!(location(&done).starts_with("/.stepgate/signed-out?to=%2Ferp&ended="), "{}", location(&done));
    assert!(!desk.jar.contains_key(SESSION));
    assert_eq!(phone.open("/light/").await.status(), StatusCode::SEE_OTHER);
    assert!(text(&desk.get(&location(&done)).await).contains("You are signed out everywhere"));
    // Who is signed in is asked, not signed out by a link.
    enter(&mut desk, "ann").await;
    assert_eq!(location(&desk.get(to).await), "/.stepgate/logout?to=%2Ferp");
    assert!(text(&desk.get("/.stepgate/logout?to=%2Ferp").await).contains("Sign out everywhere"));
}

/// A challenge of nobody, told to a frame.
fn framed(headers: &[(&str, &str)]) -> String {
    let stage = Stage::new();
    let rule = Arc::new(rule("all", "/**", Strength::TwoFactor, None));
    let requirement = Requirement::of(Strength::TwoFactor);
    let shortfall =
        requirement.shortfall(&crate::auth::proof::Proofs::none(), crate::auth::time::Timestamp::from_secs(1)).unwrap();
    let challenged = Challenged { rule, requirement, shortfall, subject: None };
    let mut all = vec![("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
    all.extend_from_slice(headers);
    let page = text(&stage.portal.challenge(&info("GET", "/part/7?a=b", &all), &challenged));
    page.split("href=\"/.stepgate/login?").nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&")
}

#[tokio::test]
async fn a_sign_in_begun_in_a_frame_returns_to_the_page_around_it() {
    let here = "https://erp.example.com:8443";
    let plain = "to=%2Fpart%2F7%3Fa%3Db";
    for (referer, around) in [
        (format!("{here}/desk?x=1"), Some("%2Fdesk%3Fx%3D1")),
        (format!("{here}/"), Some("%2F")),
        (format!("{here}//evil.example/"), None),
        (format!("{here}/.stepgate/login"), None),
        (format!("{here}/part/7?a=b"), None),
        ("https://erp.example.com/desk".to_owned(), None),
        ("http://erp.example.com:8443/desk".to_owned(), None),
        ("https://evil.example/desk".to_owned(), None),
        ("https://erp.example.com:8443.evil.example/desk".to_owned(), None),
        ("https://erp.example.com:8443@evil.example/desk".to_owned(), None),
        ("/desk".to_owned(), None),
        (String::new(), None),
    ] {
        let expected = around.map_or_else(|| plain.to_owned(), |around| format!("{plain}&around={around}"));
        assert_eq!(framed(&[("referer", &referer)]), expected, "{referer}");
    }
    // A link that was followed inside the frame: the page that it stood on is inside, too.
    assert_eq!(framed(&[("referer", &format!("{here}/menu")), ("sec-fetch-user", "?1")]), plain);
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    let at = format!("/.stepgate/login?{plain}&around=%2Fdesk%3Fx%3D1");
    assert!(text(&browser.get(&at).await).contains("erp.example.com:8443/desk</strong>"));
    let second = browser.post(&at, &[("username", "ann"), ("password", PASSWORD)]).await;
    let second = browser.follow(second).await;
    assert!(
        text(&second).contains("Enter the code"),
        "the frame asks for two factors, whatever the page around it does"
    );
    let second = format!("/.stepgate/second-factor?{plain}&around=%2Fdesk%3Fx%3D1");
    let on = browser.post(&second, &[("code", &stage.code(0))]).await;
    assert_eq!(location(&on), "/desk?x=1");
    let forged = browser.get("/.stepgate/login?to=%2Fpart&around=https%3A%2F%2Fevil.example").await;
    assert_eq!(location(&forged), "/part");
}

#[tokio::test]
async fn who_cannot_sign_in_is_told_whom_to_ask() {
    let stage = Stage::new();
    let page = text(&Browser::new(&stage).get("/.stepgate/login?to=%2Ferp").await);
    let help = page.split("<summary>I cannot sign in</summary>").nth(1).unwrap().split("</details>").next().unwrap();
    for said in ["href=\"mailto:it-help@example.com\"", "erp.example.com:8443"] {
        assert!(help.contains(said), "{said}: {help}");
    }
    // What a rule says to whom it refuses is nothing for strangers.
    assert!(!page.contains("finance-it"), "{page}");
}

#[test]
fn a_refusal_says_first_what_to_do_and_writes_the_letter() {
    let stage = Stage::new();
    let navigation = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    let long = format!("/reports/{}/last.html?secret=1", "quarter/".repeat(20));
    for reason in [RefusalReason::NoRule, RefusalReason::DenyRule, RefusalReason::NotInAudience] {
        let own = (reason != RefusalReason::NoRule).then(|| Arc::new(rule("closed", "/**", Strength::TwoFactor, None)));
        let refusal = Refusal { rule: own.clone(), reason, subject: None };
        let page = text(&stage.portal.refusal(&info("GET", &long, &navigation), &refusal));
        let main = page.split("<main>").nth(1).unwrap();
        let place = |said: &str| main.find(said).unwrap_or_else(|| panic!("{said}: {main}"));
        assert!(
            place("What you can do") < place("<a class=\"action\"") && place("<a class=\"action\"") < place("<dl>")
        );
        if own.is_some() {
            assert!(place("finance-it") < place("<dl>"));
        }
        let letter = main.split("href=\"mailto:it-help@example.com?").nth(1).unwrap().split('"').next().unwrap();
        assert!(letter.contains("subject=") && letter.contains("Reference%3A%2001JREQUEST"), "{letter}");
        assert!(!page.contains("secret=1") && !letter.contains("secret"), "what follows the path is nobody's business");
        assert!(main.contains("…") && !page.contains("version of Stepgate"), "{main}");
    }
}

#[tokio::test]
async fn a_step_up_says_what_it_is_for() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    enter(&mut browser, "ann").await;
    let page = text(&browser.get("/.stepgate/step-up?to=%2Ferp").await);
    assert!(page.contains("<h1>Confirm it is you: Changing &#60;master&#62; data</h1>"), "{page}");
    assert!(page.contains("/erp asks for a second step."), "{page}");
    browser.sign_in("/admin/", 0).await;
    stage.world.pass(Duration::from_secs(301));
    let page = text(&browser.get("/.stepgate/step-up?to=%2Fadmin%2F").await);
    assert!(page.contains("/admin/ asks for a second step that is not older than 5 minutes."), "{page}");
}

#[tokio::test]
async fn who_must_wait_is_told_what_else_they_can_do() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    let (ann, codes) = (UserId("01ANN".to_owned()), [vec![1], vec![2]]);
    stage.world.look(|s| s.backup.insert(ann, (vec![7], codes.into())));
    browser.post("/.stepgate/login?to=%2Ferp", &[("username", "ann"), ("password", PASSWORD)]).await;
    let at = "/.stepgate/second-factor?to=%2Ferp";
    let mut told = browser.post(at, &[("method", "totp"), ("code", "000000")]).await;
    for _ in 0..9 {
        told = browser.post(at, &[("method", "totp"), ("code", "000000")]).await;
    }
    let page = text(&told);
    assert_eq!(told.status(), StatusCode::TOO_MANY_REQUESTS);
    for said in ["What you can do meanwhile", "Use a backup code", "tell it-help@example.com"] {
        assert!(page.contains(said), "{said}: {page}");
    }
    let way = browser.post(at, &[("op", "way"), ("way", "backup_code")]).await;
    assert!(text(&way).contains("Enter a backup code"), "{}", text(&way));
}
