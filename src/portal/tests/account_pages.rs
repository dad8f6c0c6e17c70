//! The pages that an account leads to, as a browser walks them.

use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::auth::reserved_names::SESSION;
use crate::flow::testing::PASSWORD;

const NEW: &str = "seven quiet otters swim";

#[tokio::test]
async fn every_page_of_an_account_is_reached_from_it() {
    let stage = Stage::with_all();
    let mut browser = Browser::new(&stage);
    browser.sign_in("/list", 0).await;
    let home = text(&browser.get("/.stepgate/account").await);
    for page in ["password", "sessions", "activity", "export", "backup-codes", "addresses", "delete"] {
        assert!(home.contains(&format!("href=\"/.stepgate/{page}\"")), "{page}");
        let answer = browser.get(&format!("/.stepgate/{page}")).await;
        assert_eq!(answer.status(), StatusCode::OK, "{page}: {}", location(&answer));
        assert_eq!(header(&answer, "cache-control"), "no-store", "{page}");
    }
    let mut nobody = Browser::new(&stage);
    for page in ["password", "sessions", "activity", "export"] {
        let answer = nobody.get(&format!("/.stepgate/{page}")).await;
        assert_eq!(location(&answer), format!("/.stepgate/login?then={page}"));
    }
}

#[tokio::test]
async fn a_password_is_changed_on_its_page_after_a_fresh_proof() {
    let stage = Stage::new();
    let (mut browser, mut other) = (Browser::new(&stage), Browser::new(&stage));
    other.ip = "203.0.113.5";
    other.sign_in("/list", 0).await;
    stage.world.pass(Duration::from_secs(60));
    browser.sign_in("/list", 0).await;
    stage.world.pass(Duration::from_secs(700));
    let answer = browser.get("/.stepgate/password").await;
    assert_eq!(location(&answer), "/.stepgate/step-up?then=password");
    for proof in [("password", PASSWORD.to_owned()), ("totp", stage.code(0))] {
        let page = "/.stepgate/step-up?then=password";
        browser.post(page, &[("method", proof.0), ("code", &proof.1)]).await;
    }
    let form = text(&browser.get("/.stepgate/password").await);
    assert!(form.contains("At least 15 characters") && form.contains("autocomplete=\"new-password\""), "{form}");
    for (bad, why) in [("", "Enter the new password"), ("short", "at least 15"), ("qwertyuiopqwertyuiop", "first that")]
    {
        let answer = browser.post("/.stepgate/password", &[("op", "set"), ("new_password", bad)]).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{bad}");
        assert!(text(&answer).contains(why) && !text(&answer).contains(&format!("value=\"{bad}x")), "{bad}");
    }
    let before = browser.jar[SESSION].clone();
    let answer = browser.post("/.stepgate/password", &[("op", "set"), ("new_password", NEW)]).await;
    assert!(answer.status() == StatusCode::OK && text(&answer).contains("All other sessions ended"));
    assert_ne!(browser.jar[SESSION], before);
    stage.world.forget_checks();
    assert_eq!(browser.get("/.stepgate/account").await.status(), StatusCode::OK);
    assert_eq!(other.get("/.stepgate/account").await.status(), StatusCode::SEE_OTHER);
    // A form that was made for somebody else sets nothing.
    let answer = browser.post("/.stepgate/password", &[("op", "set"), ("of", "x"), ("new_password", PASSWORD)]).await;
    assert!(text(&answer).contains("made for another account"));
}

#[tokio::test]
async fn sessions_are_listed_in_words_and_ended() {
    let stage = Stage::new();
    let (mut browser, mut other) = (Browser::new(&stage), Browser::new(&stage));
    other.ip = "203.0.113.5";
    other.sign_in("/list", 0).await;
    stage.world.pass(Duration::from_secs(60));
    browser.sign_in("/list", 0).await;
    let page = text(&browser.get("/.stepgate/sessions").await);
    assert!(page.contains("203.0.113.5") && page.contains("this one") && page.contains("Two factors were proved"));
    let ids: Vec<&str> = page.split("name=\"session\" value=\"").skip(1).map(|rest| &rest[..26]).collect();
    assert_eq!(ids.len(), 2);
    let ended = text(&browser.post("/.stepgate/sessions", &[("op", "end"), ("session", ids[1])]).await);
    assert!(ended.contains("The session is ended.") && !ended.contains("End all other sessions"));
    let again = text(&browser.post("/.stepgate/sessions", &[("op", "end"), ("session", ids[1])]).await);
    assert!(again.contains("had ended already"));
    assert_eq!(other.get("/.stepgate/account").await.status(), StatusCode::SEE_OTHER);
    let none = text(&browser.post("/.stepgate/sessions", &[("op", "end-others")]).await);
    assert!(none.contains("There was no other session."));
    let forgotten = text(&browser.post("/.stepgate/sessions", &[("op", "forget-browsers")]).await);
    assert!(forgotten.contains("each counts as a new one") && !forgotten.contains("Last "));
    let own = browser.post("/.stepgate/sessions", &[("op", "end"), ("session", ids[0])]).await;
    assert_eq!(location(&own), "/.stepgate/signed-out");
    assert!(!browser.jar.contains_key(SESSION));
}

#[tokio::test]
async fn activity_is_told_in_sentences_page_by_page_and_of_nobody_else() {
    let stage = Stage::new();
    let mut eve = Browser::new(&stage);
    eve.post("/.stepgate/login", &[("username", "bob"), ("password", "wrong")]).await;
    let mut browser = Browser::new(&stage);
    for _ in 0..25 {
        stage.world.pass(Duration::from_secs(60));
        browser.jar.clear();
        browser.sign_in("/list", 0).await;
    }
    let (mut next, mut lines, mut pages) = ("/.stepgate/activity".to_owned(), 0, 0);
    loop {
        let page = text(&browser.get(&next).await);
        lines += page.matches("<li>").count();
        pages += 1;
        assert!(page.contains("Signed in.") && page.contains("192.0.2.7") && !page.contains("a_"), "{page}");
        let Some(older) = page.split("href=\"/.stepgate/activity?").nth(1) else { break };
        next = format!("/.stepgate/activity?{}", older.split('"').next().unwrap());
    }
    // The password, the code, the sign-in, each time.
    assert!(lines == 75 && pages > 1, "{lines} {pages}");
    assert_eq!(browser.get("/.stepgate/activity?before=x").await.status(), StatusCode::BAD_REQUEST);
}

/// Whatever is held and could sign somebody in is planted, and nothing of it is in the document.
#[tokio::test]
async fn what_is_held_is_given_out_without_a_secret() {
    let stage = Stage::with_all();
    let mut browser = Browser::new(&stage);
    browser.sign_in("/list", 0).await;
    browser.get("/.stepgate/enroll?as=session").await;
    browser.post("/.stepgate/addresses", &[("op", "add"), ("channel", "email"), ("address", "ann@example.com")]).await;
    let answer = browser.post("/.stepgate/export", &[("op", "export")]).await;
    assert_eq!(header(&answer, "content-disposition"), "attachment;filename=account.json");
    let held = text(&answer);
    let document: Value = serde_json::from_str(&held).unwrap();
    assert_eq!(document["version"], 1);
    assert_eq!(document["waiting"]["address"], "ann@example.com");
    assert_eq!(document["activity"][0]["event"], "code_sent");
    assert!(document["activity"].as_array().unwrap().iter().all(|event| event["event"] != "of another"));
    let encodings = |bytes: &[u8]| {
        [
            data_encoding::BASE32_NOPAD.encode(bytes),
            data_encoding::BASE64.encode(bytes),
            data_encoding::BASE64URL_NOPAD.encode(bytes),
            data_encoding::HEXLOWER.encode(bytes),
        ]
    };
    let mut canaries = vec![stage.last_code(), browser.jar[SESSION].clone(), PASSWORD.to_owned()];
    canaries.extend(browser.jar.values().cloned());
    canaries.extend(encodings(stage.key.expose()));
    stage.world.look(|s| {
        canaries.extend(s.accounts.values().filter_map(|a| Some(a.password_hash.as_ref()?.expose().to_owned())));
        canaries.extend(s.totp.values().flat_map(|totp| encodings(&totp.secret.0)));
        canaries.extend(s.sessions.keys().map(crate::auth::session::SessionKey::encoded));
        let sealed = s.transient.values().flat_map(|(sealed, _)| encodings(&sealed.0));
        canaries.extend(sealed.chain(s.transient.keys().map(|(_, name)| name.clone())));
    });
    assert!(canaries.len() > 12);
    for canary in canaries.iter().filter(|canary| canary.len() > 5) {
        assert!(!held.contains(canary.as_str()), "{canary}");
    }
    stage.world.pass(Duration::from_secs(700));
    let late = browser.post("/.stepgate/export", &[("op", "export")]).await;
    assert_eq!(location(&late), "/.stepgate/step-up?then=export");
}

#[tokio::test]
async fn to_sign_out_everywhere_after_the_end_of_a_session_asks_for_a_sign_in_and_says_how_many_ended() {
    let stage = Stage::new();
    let (mut browser, mut other) = (Browser::new(&stage), Browser::new(&stage));
    other.sign_in("/list", 0).await;
    browser.jar.insert(SESSION.to_owned(), format!("sgs_{}", "A".repeat(43)));
    let answer = browser.post("/.stepgate/logout", &[("op", "everywhere")]).await;
    assert_eq!(location(&answer), "/.stepgate/login?then=sign-out-everywhere");
    let answer = browser.post(&location(&answer), &[("username", "ann"), ("password", PASSWORD)]).await;
    let page = text(&browser.get(&location(&answer)).await);
    assert!(page.contains("You are signed out everywhere") && page.contains("2 sessions ended"), "{page}");
    assert_eq!(stage.world.look(|s| s.sessions.len()), 0);
}
