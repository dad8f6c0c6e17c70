//! Where the buttons and links of our notices lead: back to what was left, with the destination and all that follows it.

use std::time::Duration;

use super::*;
use crate::flow::testing::PASSWORD;
use crate::portal::cookies::{FLOW, SESSION};

/// The only way to keep a fragment without a script: a form without an address. So what leads on from a notice of a
/// flow is one, and no link.
fn button(answer: &Reply) -> String {
    let page = text(answer);
    let main = page.split("<main>").nth(1).unwrap();
    assert!(!main.contains("/.stepgate/login"), "a link would lose the fragment: {main}");
    main.split("name=\"op\" value=\"")
        .nth(1)
        .unwrap_or_else(|| panic!("no button: {main}"))
        .split('"')
        .next()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn who_must_wait_comes_back_to_the_form_and_proves_nothing_twice() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    let second = "/.stepgate/second-factor?to=%2Ferp%3Fa%3Db";
    browser.post("/.stepgate/login?to=%2Ferp%3Fa%3Db", &[("username", "ann"), ("password", PASSWORD)]).await;
    let mut told = browser.post(second, &[("code", "000000")]).await;
    for _ in 0..9 {
        told = browser.post(second, &[("code", "000000")]).await;
    }
    assert_eq!(told.status(), StatusCode::TOO_MANY_REQUESTS);
    let op = button(&told);
    stage.world.pass(Duration::from_secs(31));
    let form = browser.post(second, &[("op", &op)]).await;
    assert_eq!((form.status(), location(&form)), (StatusCode::SEE_OTHER, second.to_owned()));
    assert!(text(&browser.get(second).await).contains("Enter the code from your app"));
    let on = browser.post(second, &[("method", "totp"), ("code", &stage.code(0))]).await;
    assert_eq!(location(&on), "/erp?a=b");
}

#[tokio::test]
async fn notices_of_a_flow_lead_on_by_a_form() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    for page in ["second-factor", "enroll"] {
        let target = format!("/.stepgate/{page}?to=%2Fx%3Fa");
        let over = browser.get(&target).await;
        let on = browser.post(&target, &[("op", &button(&over))]).await;
        assert_eq!(location(&on), "/.stepgate/login?to=%2Fx%3Fa");
    }
    browser.sign_in("/x", 0).await;
    let target = "/.stepgate/second-factor?to=%2Fx%3Fa";
    let already = browser.get(target).await;
    assert!(text(&already).contains("You are signed in as ann."), "{}", text(&already));
    let on = browser.post(target, &[("op", &button(&already))]).await;
    assert_eq!(location(&on), "/x?a");
}

#[tokio::test]
async fn another_account_goes_where_the_first_one_was_going() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    // In the middle of a sign-in.
    browser.post("/.stepgate/login?to=%2Ferp%3Fa", &[("username", "ann"), ("password", PASSWORD)]).await;
    let second = "/.stepgate/second-factor?to=%2Ferp%3Fa";
    assert!(text(&browser.get(second).await).contains("Use another account"));
    assert_eq!(location(&browser.post(second, &[("op", "restart")]).await), "/.stepgate/login?to=%2Ferp%3Fa");
    // Signed in.
    browser.post("/.stepgate/login?to=%2Flight%2F", &[("username", "bob"), ("password", PASSWORD)]).await;
    browser.sign_in("/erp", 0).await;
    stage.world.pass(Duration::from_secs(400));
    let step_up = text(&browser.get("/.stepgate/step-up?to=%2Fadmin%2Fx%3Fa").await);
    let leave = "/.stepgate/logout?to=%2Fadmin%2Fx%3Fa";
    assert!(step_up.contains(&format!("href=\"{leave}\"")), "{step_up}");
    assert!(text(&browser.get(leave).await).contains("href=\"/admin/x?a\">Stay signed in"));
    let out = browser.post(leave, &[("op", "here")]).await;
    assert!(!browser.jar.contains_key(SESSION) && !browser.jar.contains_key(FLOW));
    let told = text(&browser.get(&location(&out)).await);
    assert!(told.contains("href=\"/.stepgate/login?to=%2Fadmin%2Fx%3Fa\""), "{told}");
    // A destination that is none of ours leads nowhere.
    let out = browser.post("/.stepgate/logout?to=https%3A%2F%2Fevil.example", &[("op", "here")]).await;
    assert_eq!(location(&out), "/.stepgate/signed-out?to=%2F");
}

fn key_of(page: &str) -> SecretBytes {
    let key = page.split("<code class=\"key\">").nth(1).unwrap().split('<').next().unwrap().replace(' ', "");
    SecretBytes::new(data_encoding::BASE32_NOPAD.decode(key.as_bytes()).unwrap())
}

#[tokio::test]
async fn who_sets_up_an_app_knows_why_and_what_it_replaces() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    let target = "/.stepgate/enroll?to=%2Ferp";
    browser.post("/.stepgate/login?to=%2Flight%2F", &[("username", "bob"), ("password", PASSWORD)]).await;
    assert!(text(&browser.get("/.stepgate/account").await).contains("Set up an authenticator app"));
    let wished = text(&browser.get("/.stepgate/enroll").await);
    assert!(!wished.contains("The page you want") && !wished.contains("takes its place"), "{wished}");
    let asked = text(&browser.get(target).await);
    assert!(asked.contains("The page you want asks for a second step"), "{asked}");
    let code = stage.world.code(&key_of(&asked), 0).expose().to_owned();
    let codes = browser.post(target, &[("code", &code)]).await;
    assert!(text(&codes).contains("I have saved them"));
    // The page of the codes is loaded again.
    let again = browser.post(target, &[("code", &code)]).await;
    let told = text(&again);
    assert!(told.contains("Your authenticator app is set up") && told.contains("shown only once"), "{told}");
    assert_eq!(location(&browser.post(target, &[("op", &button(&again))]).await), "/erp");
    let account = text(&browser.get("/.stepgate/account").await);
    assert!(
        account.contains("<dt>Backup codes left</dt><dd>10</dd>") && account.contains("Replace your authenticator app")
    );
    // Back to the form: it does not look as if nothing had happened.
    let back = text(&browser.get(target).await);
    assert!(back.contains("You have an authenticator app already") && !back.contains("The page you want"), "{back}");
}

#[tokio::test]
async fn a_picture_that_was_given_up_is_replaced_and_said_to_be() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    browser.post("/.stepgate/login?to=%2Flight%2F", &[("username", "bob"), ("password", PASSWORD)]).await;
    let target = "/.stepgate/enroll?to=%2Ferp";
    let first = text(&browser.get(target).await);
    let code = stage.world.code(&key_of(&first), 0).expose().to_owned();
    stage.world.look(|s| s.replace_pending(None));
    let told = text(&browser.post(target, &[("code", &code)]).await);
    assert!(told.contains("scan the new picture") && key_of(&told).expose() != key_of(&first).expose(), "{told}");
}

#[tokio::test]
async fn places_are_shown_as_they_are_written() {
    let tolerate = Tolerances { double_slashes: true, ..Tolerances::default() };
    let rules = vec![Arc::new(rule("all", "/**", Strength::TwoFactor, None))];
    let stage = Stage::ruled(Policy::new([AppPolicy {
        offer: Default::default(),
        host: HOST.to_owned(),
        tolerate,
        rules: rules.into(),
    }]));
    let mut browser = Browser::new(&stage);
    // The dot segment that keeps a browser from reading a host is ours, and none of the place.
    let page = text(&browser.get("/.stepgate/login?to=%2F%2Fa%2Fb%3Fc%23d").await);
    assert!(page.contains("<strong class=\"place\">erp.example.com:8443//a/b</strong>"), "{page}");
}
