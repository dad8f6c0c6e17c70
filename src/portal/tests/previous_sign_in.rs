//! What people see of their sign-ins before this one.

use std::time::Duration;

use super::*;
use crate::flow::testing::PASSWORD;
use crate::portal::cookies::SESSION;

#[tokio::test]
async fn the_second_step_says_when_one_was_here_last_and_the_first_step_never_does() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    let to = "/.stepgate/login?to=%2Ferp%23row";
    let fields = [("username", "ann"), ("password", PASSWORD)];
    let second = browser.post(to, &fields).await;
    let page = text(&browser.follow(second).await);
    assert!(page.contains("You have not signed in here before."), "{page}");
    browser.sign_in("/erp", 0).await;
    stage.world.pass(Duration::from_secs(3 * 86_400 + 5));
    let mut other = Browser::new(&stage);
    for given in [&[("username", "ann"), ("password", "wrong")][..], &[("username", "ann")], &[]] {
        let page = text(&other.post(to, given).await);
        assert!(!page.contains("2027") && !page.contains("You last"), "{page}");
    }
    assert!(!text(&other.get(to).await).contains("You last"));
    let second = other.post(to, &fields).await;
    let answer = other.follow(second).await;
    assert!(text(&answer).contains("You last signed in 3 days ago (15 January 2027, 08:00 UTC)."), "{}", text(&answer));
    assert!(!text(&answer).contains("192.0.2.7"), "from where is for those alone who proved everything");
    let wrong = other.post("/.stepgate/second-factor?to=%2Ferp", &[("method", "totp"), ("code", "000000")]).await;
    assert!(text(&wrong).contains("You last signed in 3 days ago"));
}

#[tokio::test]
async fn a_strange_sign_in_is_told_between_the_sign_in_and_the_deep_link() {
    let stage = Stage::new();
    let mut desk = Browser::new(&stage);
    desk.sign_in("/erp", 0).await;
    stage.world.pass(Duration::from_secs(60));
    let mut evil = Browser { ip: "198.51.100.66", ..Browser::new(&stage) };
    evil.sign_in("/erp", 0).await;
    stage.world.pass(Duration::from_secs(60));
    desk.jar.remove(SESSION);
    let to = "/.stepgate/second-factor?to=%2Ferp%2F7%3Fa%3Db";
    desk.post("/.stepgate/login?to=%2Ferp%2F7%3Fa%3Db", &[("username", "ann"), ("password", PASSWORD)]).await;
    let told = desk.post(to, &[("method", "totp"), ("code", &stage.code(0))]).await;
    let page = text(&told);
    assert_eq!((told.status(), header(&told, "x-stepgate-response")), (StatusCode::OK, "notice"));
    for said in [
        "Was this you?",
        "15 January 2027, 08:01 UTC, from the address 198.51.100.66",
        "somebody knows your password",
        "tell it-help@example.com",
        "href=\"/.stepgate/logout\"",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert!(desk.jar.contains_key(SESSION), "the session is open: nothing is lost by closing the page");
    assert_eq!(location(&desk.post(to, &[("op", "continue")]).await), "/erp/7?a=b");
    // The next time there is nothing to say, and nothing to click.
    stage.world.pass(Duration::from_secs(60));
    desk.jar.remove(SESSION);
    desk.sign_in("/erp", 0).await;
}

#[tokio::test]
async fn failed_attempts_are_told_where_one_factor_is_enough_too() {
    let stage = Stage::new();
    let mut desk = Browser::new(&stage);
    let (to, fields) = ("/.stepgate/login?to=%2Flight%2F", [("username", "ann"), ("password", PASSWORD)]);
    desk.post(to, &fields).await;
    stage.world.pass(Duration::from_secs(60));
    let mut evil = Browser { ip: "198.51.100.66", ..Browser::new(&stage) };
    for _ in 0..3 {
        evil.post(to, &[("username", "ann"), ("password", "guess")]).await;
    }
    stage.world.pass(Duration::from_secs(60));
    desk.jar.remove(SESSION);
    let page = text(&desk.post(to, &fields).await);
    assert!(page.contains("3 attempts to sign in as ann failed") && page.contains("may be guessing"), "{page}");
    assert_eq!(location(&desk.post(to, &[("op", "continue")]).await), "/light/");
}

#[tokio::test]
async fn who_enrols_again_is_told_beside_the_backup_codes() {
    let stage = Stage::new();
    let mut desk = Browser::new(&stage);
    let light = [("username", "bob"), ("password", PASSWORD)];
    desk.post("/.stepgate/login?to=%2Flight%2F", &light).await;
    stage.world.pass(Duration::from_secs(60));
    let mut evil = Browser { ip: "198.51.100.66", ..Browser::new(&stage) };
    evil.post("/.stepgate/login?to=%2Flight%2F", &light).await;
    stage.world.pass(Duration::from_secs(60));
    desk.jar.remove(SESSION);
    desk.post("/.stepgate/login?to=%2Ferp", &light).await;
    let page = text(&desk.get("/.stepgate/enroll?to=%2Ferp").await);
    let key = page.split("<code class=\"key\">").nth(1).unwrap().split('<').next().unwrap().replace(' ', "");
    let bytes = data_encoding::BASE32_NOPAD.decode(key.as_bytes()).unwrap();
    let code = stage.world.code(&SecretBytes::new(bytes), 0).expose().to_owned();
    let codes = text(&desk.post("/.stepgate/enroll?to=%2Ferp", &[("code", &code)]).await);
    assert!(codes.contains("I have saved them") && codes.contains("from the address 198.51.100.66"), "{codes}");
}
