//! What people do, page by page.

use std::time::Duration;

use http::StatusCode;

use super::*;
use crate::flow::testing::PASSWORD;
use crate::portal::cookies::{FLOW, SESSION};

#[tokio::test]
async fn two_factors_lead_to_the_deep_link() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    let page = browser.get("/.stepgate/login?to=%2Ferp%2F7%3Fa%3Db%26c").await;
    assert!(page.status() == StatusCode::OK && text(&page).contains("erp.example.com:8443/erp/7<"));
    browser.sign_in("/erp/7?a=b&c", 0).await;
    assert!(browser.jar[SESSION].starts_with("sgs_") && !browser.jar.contains_key(FLOW));
    // Signed in, sign-in leads on; nothing loops.
    assert_eq!(location(&browser.get("/.stepgate/login?to=%2Fx").await), "/x");
    assert_eq!(location(&browser.get("/.stepgate/login").await), "/.stepgate/account");
    let account = browser.get("/.stepgate/account").await;
    assert!(text(&account).contains("Signed in as <strong>ann</strong>"));
}

#[tokio::test]
async fn one_factor_is_enough_where_the_rule_asks_no_more() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    let to = "/.stepgate/login?to=%2Flight%2F";
    let answer = browser.post(to, &[("username", "ann"), ("password", PASSWORD)]).await;
    assert_eq!(location(&browser.follow(answer).await), "/light/");
    // And more where it does: the session is there, the second step is not.
    let short = browser.get("/.stepgate/login?to=%2Ferp").await;
    assert_eq!(location(&short), "/.stepgate/step-up?to=%2Ferp");
    let page = browser.get(&location(&short)).await;
    assert!(
        text(&page).contains("/erp asks for a second step") && text(&page).contains("Changing &#60;master&#62; data")
    );
    let before = browser.jar[SESSION].clone();
    let risen = browser.post(&location(&short), &[("method", "totp"), ("code", &stage.code(0))]).await;
    assert_eq!(location(&risen), "/erp");
    assert_ne!(browser.jar[SESSION], before);
}

#[tokio::test]
async fn what_the_gateway_asks_is_what_the_pages_ask() {
    // An app may know neither letter case nor trailing slashes, so the gateway judges `/ADMIN/` as `/admin` too.
    for to in ["/ADMIN/", "/Admin", "/admin/x/"] {
        let stage = Stage::new();
        let mut browser = Browser::new(&stage);
        browser.sign_in(to, 0).await;
        stage.world.pass(Duration::from_secs(301));
        let answer = browser.get(&format!("/.stepgate/step-up?to={}", crate::auth::text::percent::encode(to))).await;
        assert_eq!((answer.status(), location(&answer)), (StatusCode::OK, String::new()), "{to} is sent round");
    }
}

#[tokio::test]
async fn a_stale_factor_is_asked_again_and_only_then() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    browser.sign_in("/admin/", 0).await;
    assert_eq!(location(&browser.get("/.stepgate/step-up?to=%2Fadmin%2F").await), "/admin/");
    stage.world.pass(Duration::from_secs(301));
    assert_eq!(browser.get("/.stepgate/step-up?to=%2Fadmin%2F").await.status(), StatusCode::OK);
    let answer =
        browser.post("/.stepgate/step-up?to=%2Fadmin%2F", &[("method", "totp"), ("code", &stage.code(0))]).await;
    assert_eq!(location(&answer), "/admin/");
}

#[tokio::test]
async fn the_first_authenticator_is_enrolled_on_the_way() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    let answer = browser.post("/.stepgate/login?to=%2Ferp", &[("username", "bob"), ("password", PASSWORD)]).await;
    assert_eq!(location(&answer), "/.stepgate/enroll?to=%2Ferp&check=cookies");
    assert_eq!(location(&browser.get(&location(&answer)).await), "/.stepgate/enroll?to=%2Ferp");
    // The second-factor page has nothing to ask of him, and sends him here; here nobody sends him back.
    assert_eq!(location(&browser.get("/.stepgate/second-factor?to=%2Ferp").await), "/.stepgate/enroll?to=%2Ferp");
    let page = text(&browser.get("/.stepgate/enroll?to=%2Ferp").await);
    let key = page.split("<code class=\"key\">").nth(1).unwrap().split('<').next().unwrap().replace(' ', "");
    assert!(page.contains("role=\"img\"") && page.contains("otpauth://totp/"));
    let again = text(&browser.post("/.stepgate/enroll?to=%2Ferp", &[("code", "000000")]).await);
    assert!(again.contains("<title>Error: ") && again.contains(&key[..4]));
    let bytes = data_encoding::BASE32_NOPAD.decode(key.as_bytes()).unwrap();
    let code = stage.world.code(&SecretBytes::new(bytes), 0).expose().to_owned();
    let done = browser.post("/.stepgate/enroll?to=%2Ferp", &[("code", &code)]).await;
    let codes = text(&done);
    assert!(codes.contains("I have saved them") && browser.jar.contains_key(SESSION), "{codes}");
    let on = browser.post("/.stepgate/enroll?to=%2Ferp", &[("op", "continue")]).await;
    assert_eq!(location(&on), "/erp");
    // A backup code counts as the second step, and says how many are left.
    let backup = codes.split("<pre").nth(1).unwrap().split('>').nth(1).unwrap().lines().next().unwrap().to_owned();
    let mut other = Browser::new(&stage);
    other.post("/.stepgate/login?to=%2Ferp", &[("username", "bob"), ("password", PASSWORD)]).await;
    let second = "/.stepgate/second-factor?to=%2Ferp";
    let page = text(&other.post(second, &[("op", "way"), ("way", "backup_code")]).await);
    assert!(page.contains("Enter a backup code") && page.contains("Use my authenticator app"));
    let left = text(&other.post(second, &[("method", "backup_code"), ("code", &backup)]).await);
    assert!(left.contains("You have 9 backup codes left."), "{left}");
    assert_eq!(location(&other.post(second, &[("op", "continue")]).await), "/erp");
}

#[tokio::test]
async fn a_late_enrolment_asks_for_the_password_again_and_does_not_loop() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    browser.post("/.stepgate/login?to=%2Ferp", &[("username", "bob"), ("password", PASSWORD)]).await;
    stage.world.pass(Duration::from_secs(700));
    let mut target = "/.stepgate/second-factor?to=%2Ferp".to_owned();
    for _ in 0..5 {
        let answer = browser.get(&target).await;
        if answer.status() == StatusCode::OK {
            assert!(text(&answer).contains("Before an authenticator is added"));
            let again = browser.post(&target, &[("method", "password"), ("code", PASSWORD)]).await;
            assert!(text(&browser.follow(again).await).contains("otpauth"));
            return;
        }
        target = location(&answer);
    }
    panic!("the pages send the person around: {target}");
}

#[tokio::test]
async fn signed_in_people_prove_themselves_before_they_enrol() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    browser.post("/.stepgate/login?to=%2Flight%2F", &[("username", "bob"), ("password", PASSWORD)]).await;
    stage.world.pass(Duration::from_secs(700));
    let ask = browser.get("/.stepgate/step-up?to=%2Ferp").await;
    assert_eq!(location(&ask), "/.stepgate/enroll?to=%2Ferp");
    let first = browser.get("/.stepgate/enroll?to=%2Ferp").await;
    assert_eq!(location(&first), "/.stepgate/step-up?to=%2Ferp&then=enroll");
    let page = text(&browser.get(&location(&first)).await);
    assert!(page.contains("autocomplete=\"current-password\"") && page.contains("readonly"));
    let risen = browser.post(&location(&first), &[("method", "password"), ("code", PASSWORD)]).await;
    assert_eq!(location(&risen), "/.stepgate/enroll?to=%2Ferp");
    assert_eq!(browser.get("/.stepgate/enroll?to=%2Ferp").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn mistakes_are_told_at_the_field_and_in_the_summary() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    let wrong = browser.post("/.stepgate/login?to=%2F", &[("username", "ann"), ("password", "no")]).await;
    let page = text(&wrong);
    assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("<title>Error: Sign in") && page.contains("value=\"ann\"") && !page.contains("value=\"no\""));
    assert_eq!(page.matches("The user name or the password is not correct").count(), 2);
    let nobody = browser.post("/.stepgate/login?to=%2F", &[("username", "nobody"), ("password", "no")]).await;
    assert_eq!(text(&nobody).replace("nobody", "ann"), page);
    let empty = text(&browser.post("/.stepgate/login", &[]).await);
    assert!(empty.contains("Enter your user name") && empty.contains("Enter your password"));
    browser.post("/.stepgate/login?to=%2F", &[("username", "ann"), ("password", PASSWORD)]).await;
    let slow = browser.post("/.stepgate/second-factor?to=%2F", &[("code", &stage.code(-4))]).await;
    assert!(text(&slow).contains("about 2 minutes slow"), "{}", text(&slow));
}

#[tokio::test]
async fn too_many_attempts_are_told_to_wait() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    for _ in 0..30 {
        let answer = browser.post("/.stepgate/login", &[("username", "ann"), ("password", "no")]).await;
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            assert!(header(&answer, "retry-after").parse::<u64>().unwrap() > 0);
            assert!(text(&answer).contains("Wait"));
            return;
        }
    }
    panic!("nobody was told to wait");
}

#[tokio::test]
async fn signing_out_ends_the_session_and_the_cookie() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    browser.sign_in("/", 0).await;
    let kept = browser.jar.clone();
    assert!(text(&browser.get("/.stepgate/logout").await).contains("Sign out everywhere"));
    let out = browser.post("/.stepgate/logout", &[("op", "here")]).await;
    assert_eq!(location(&out), "/.stepgate/signed-out");
    assert!(!browser.jar.contains_key(SESSION) && header(&out, "clear-site-data") == "\"cache\"");
    assert!(text(&browser.get("/.stepgate/signed-out").await).contains("You are signed out"));
    browser.jar = kept;
    assert_eq!(location(&browser.get("/.stepgate/account").await), "/.stepgate/login");
}

#[tokio::test]
async fn middle_pages_without_a_sign_in_offer_a_way_on() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    for page in ["second-factor", "enroll"] {
        let answer = browser.get(&format!("/.stepgate/{page}?to=%2Fx")).await;
        assert!(answer.status() == StatusCode::OK && text(&answer).contains("value=\"restart\""));
        let restart = browser.post(&format!("/.stepgate/{page}?to=%2Fx"), &[("op", "restart")]).await;
        assert_eq!(location(&restart), "/.stepgate/login?to=%2Fx");
        let sent = browser.post(&format!("/.stepgate/{page}?to=%2Fx"), &[("code", "123456")]).await;
        assert!(!browser.jar.contains_key(SESSION) && text(&sent).contains("Start again"));
    }
    assert_eq!(location(&browser.get("/.stepgate/step-up?to=%2Fx").await), "/.stepgate/login?to=%2Fx");
    browser.sign_in("/", 0).await;
    assert!(text(&browser.get("/.stepgate/second-factor?to=%2Fx").await).contains("already signed in"));
}

#[tokio::test]
async fn what_was_told_survives_a_fault_of_the_same_request() {
    use crate::auth::event::What;
    use crate::flow::testing::Blow;
    use crate::portal::reply::Cause;
    let fields = [("username", "bob"), ("password", PASSWORD)];
    let mut opened = 0;
    // Signing in again ends the session that the browser had, after the new one was opened.
    for nth in 1.. {
        let stage = Stage::new();
        let mut browser = Browser::new(&stage);
        browser.post("/.stepgate/login?to=%2Flight%2F", &fields).await;
        let before = stage.world.look(|s| s.sessions.len());
        stage.world.fail(nth, Blow::Before);
        let answer = browser.post("/.stepgate/login?to=%2Flight%2F", &fields).await;
        if stage.world.calls() < nth {
            assert_eq!(answer.status(), StatusCode::SEE_OTHER);
            break;
        }
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE, "call {nth}");
        assert!(matches!(answer.cause, Some(Cause::Store(_))), "call {nth}");
        let told: Vec<What> = answer.events.iter().map(|e| e.what).collect();
        // Whatever was opened reached nobody, and is ended again: that is told, too.
        assert_eq!(stage.world.look(|s| s.sessions.len()), before, "call {nth}");
        if told.contains(&What::SessionOpened { level: None }) {
            assert_eq!(told.last(), Some(&What::SessionRevoked), "call {nth}: {told:?}");
            opened += 1;
        }
    }
    assert!(opened >= 2, "{opened}: the superseding was reached");
}

#[tokio::test]
async fn no_fault_of_a_store_signs_anybody_in() {
    use crate::flow::testing::Blow;
    for blow in [Blow::Before, Blow::After] {
        for nth in 1..40 {
            let stage = Stage::new();
            let mut browser = Browser::new(&stage);
            stage.world.fail(nth, blow);
            let fields = [("username", "ann"), ("password", PASSWORD)];
            let first = browser.post("/.stepgate/login?to=%2Fx", &fields).await;
            let ours = |a: &Reply| a.status() != StatusCode::SERVICE_UNAVAILABLE || a.cause.is_some();
            assert!(ours(&first));
            let second = browser.post("/.stepgate/second-factor?to=%2Fx", &[("code", &stage.code(0))]).await;
            assert!(ours(&second) && second.status() != StatusCode::INTERNAL_SERVER_ERROR);
            let failed = first.status() == 503 || second.status() == 503;
            assert!(!(failed && browser.jar.contains_key(SESSION)), "call {nth}");
        }
    }
}

#[tokio::test]
async fn pages_ask_for_as_many_digits_as_the_authenticator_shows() {
    let world = World::new();
    let ann = world.person("ann");
    let key = world.with_totp(&ann);
    world.person("bob");
    let mut settings = crate::flow::testing::fast_settings();
    settings.totp.digits = 8;
    let policy = Arc::new(policy());
    let portal = portal_with(Arc::new(Flows::new(world.ports(), settings)), policy.clone());
    let stage = Stage { world, portal, policy, key };
    let password = PASSWORD;
    // Bob enrols what is set up now; ann has what she enrolled before, until she has another one.
    for (name, page, digits) in [("bob", "enroll", 8), ("ann", "second-factor", 6)] {
        let mut browser = Browser::new(&stage);
        let next = browser.post("/.stepgate/login?to=%2F", &[("username", name), ("password", password)]).await;
        assert!(location(&next).starts_with(&format!("/.stepgate/{page}?")), "{}", location(&next));
        let shown = text(&browser.follow(next).await);
        assert!(shown.contains(&format!("{digits} digits. Spaces are fine.")), "{name}: {shown}");
        assert!(!shown.contains(&format!("{} digits", 14 - digits)), "{name}: {shown}");
        if name == "bob" {
            assert!(shown.contains("time-based, 8 digits") && shown.contains("digits=8"), "{shown}");
        }
    }
    stage.world.look(|s| s.totp.get_mut(&ann).unwrap().digits = 8);
    let mut browser = Browser::new(&stage);
    let next = browser.post("/.stepgate/login?to=%2Flight%2F", &[("username", "ann"), ("password", password)]).await;
    let next = browser.follow(next).await;
    assert_eq!(location(&next), "/light/");
    let shown = text(&browser.get("/.stepgate/step-up?to=%2Fadmin%2F").await);
    assert!(shown.contains("8 digits. Spaces are fine.") && !shown.contains("6 digits"), "{shown}");
}
