//! Browsers that keep no cookie, and browsers that are sent back again and again: both are told, and none loops.

use proptest::prelude::*;

use super::*;
use crate::flow::testing::PASSWORD;
use crate::portal::answers::Noted;
use crate::portal::cookies::{FLOW, SESSION, TURNS};

fn noted(answer: &Response<Bytes>) -> Option<&'static str> {
    answer.extensions().get::<Noted>().map(|n| n.0)
}

#[tokio::test]
async fn a_browser_that_keeps_no_cookie_is_told_so_and_not_asked_again() {
    let stage = Stage::new();
    for (name, to) in [("ann", "/erp?a=b"), ("bob", "/erp"), ("ann", "/light/")] {
        let mut browser = Browser::new(&stage);
        let target = format!("/.stepgate/login?to={}", crate::portal::words::encode(to));
        let answer = browser.post(&target, &[("username", name), ("password", PASSWORD)]).await;
        assert!(location(&answer).ends_with("&check=cookies"), "{}", location(&answer));
        browser.jar.clear();
        let told = browser.get(&location(&answer)).await;
        assert_eq!((told.status(), header(&told, "x-stepgate-response")), (StatusCode::BAD_REQUEST, "cookies"));
        assert_eq!(noted(&told), Some("cookie_not_kept"));
        let page = text(&told);
        for said in
            [SESSION, "https://erp.example.com:8443", "15 January 2027, 08:00 UTC", "allow cookies for erp.example.com"]
        {
            assert!(page.contains(said), "{said}: {page}");
        }
        assert!(!page.contains("begins with http://"));
        // The deep link is kept for when it is mended.
        assert!(page.contains("value=\"restart\""), "{page}");
        assert_eq!(location(&browser.post(&location(&answer), &[("op", "restart")]).await), target);
    }
}

#[tokio::test]
async fn a_plain_address_is_named_as_the_reason() {
    let stage = Stage::new();
    for (host, said) in [
        ("erp.example.com", "Open https://erp.example.com instead."),
        ("localhost", "Try another browser."),
        ("[::1]", "Try another browser."),
    ] {
        let asked = Facts {
            scheme: "http",
            host: host.to_owned(),
            authority: format!("{host}:8080"),
            ..facts("GET", "/.stepgate/login?to=%2F&check=cookies", &[("accept", "text/html")])
        };
        let page = text(&send(&stage.portal, &asked, "").await);
        assert!(page.contains(said) && page.contains(&format!("http://{host}:8080")), "{page}");
    }
}

#[tokio::test]
async fn the_look_for_cookies_is_taken_once_and_leaves_no_trace() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    let answer = browser.post("/.stepgate/login?to=%2Ferp", &[("username", "ann"), ("password", PASSWORD)]).await;
    let second = browser.get(&location(&answer)).await;
    assert_eq!(location(&second), "/.stepgate/second-factor?to=%2Ferp");
    // The same page much later, when the sign-in is over and its cookie gone: not the browser's fault.
    browser.jar.clear();
    let late = browser.get(&location(&second)).await;
    assert_eq!((late.status(), header(&late, "x-stepgate-response")), (StatusCode::OK, "start-again"));
    // A browser that has shown a cookie of ours is believed.
    let mut known = Browser::new(&stage);
    known.jar.insert(crate::portal::cookies::DEVICE.to_owned(), "old".to_owned());
    let answer = known.post("/.stepgate/login?to=%2Flight%2F", &[("username", "ann"), ("password", PASSWORD)]).await;
    assert_eq!(location(&answer), "/light/");
}

/// As the gateway would send a browser back that is signed in, if the two ever disagreed.
async fn sent_back(browser: &mut Browser<'_>, to: &str) -> Response<Bytes> {
    browser.get(&format!("/.stepgate/login?to={to}")).await
}

#[tokio::test]
async fn a_browser_that_is_sent_back_at_once_is_stopped() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    browser.sign_in("/", 0).await;
    for page in ["login", "step-up"] {
        browser.jar.remove(TURNS);
        for _ in 0..3 {
            let on = browser.get(&format!("/.stepgate/{page}?to=%2Ferp%2F7")).await;
            assert_eq!(location(&on), "/erp/7");
            assert!(
                header(&on, "set-cookie").starts_with(TURNS) && header(&on, "set-cookie").ends_with("; Max-Age=10")
            );
        }
        // Another place, or none at all, is another matter.
        let count = browser.jar[TURNS].clone();
        assert_eq!(location(&sent_back(&mut browser, "%2Fother").await), "/other");
        assert_eq!(location(&browser.get("/.stepgate/login").await), "/.stepgate/account");
        browser.jar.insert(TURNS.to_owned(), count);
        let told = browser.get(&format!("/.stepgate/{page}?to=%2Ferp%2F7")).await;
        assert_eq!((told.status(), header(&told, "x-stepgate-response")), (StatusCode::CONFLICT, "loop"));
        assert_eq!(noted(&told), Some("redirect_loop"));
        for said in ["erp.example.com:8443/erp/7 3 times in a row", "it-help@example.com", "rest", "01JREQUEST"] {
            assert!(text(&told).contains(said), "{said}: {}", text(&told));
        }
        let once_more = browser.post(&format!("/.stepgate/{page}?to=%2Ferp%2F7"), &[("op", "continue")]).await;
        assert_eq!(location(&once_more), "/erp/7");
        assert_eq!(location(&sent_back(&mut browser, "%2Ferp%2F7").await), "/erp/7", "who tries again can");
    }
}

#[tokio::test]
async fn who_signs_in_again_and_again_is_told_that_it_does_not_help() {
    // As two nodes do that share no state, or whose clocks are far apart.
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    for n in 0..3 {
        assert_eq!(sent_back(&mut browser, "%2Ferp").await.status(), StatusCode::OK, "turn {n}");
        browser.sign_in("/erp", 0).await;
        assert!(browser.jar[TURNS].starts_with(&format!("{}.", n + 1)));
        stage.world.look(|s| s.sessions.clear());
        stage.world.pass(std::time::Duration::from_secs(30));
    }
    let told = sent_back(&mut browser, "%2Ferp").await;
    assert_eq!((told.status(), noted(&told)), (StatusCode::CONFLICT, Some("redirect_loop")));
    assert_eq!(sent_back(&mut browser, "%2Ferp").await.status(), StatusCode::OK, "who tries again can");
    // Signing out is no turn.
    browser.sign_in("/erp", 0).await;
    browser.post("/.stepgate/logout", &[("op", "here")]).await;
    assert!(!browser.jar.contains_key(TURNS) && !browser.jar.contains_key(FLOW));
}

#[tokio::test]
async fn a_turn_counts_no_longer_than_the_place_trusts_a_proof() {
    let rules = vec![Arc::new(rule("quick", "/quick", Strength::OneFactor, Some(20)))];
    let policy = Policy::new([AppPolicy { host: HOST.to_owned(), tolerate: Tolerances::default(), rules }]);
    let stage = Stage::ruled(policy);
    for (to, age) in [("/quick", "; Max-Age=20"), ("/elsewhere", "; Max-Age=90")] {
        let mut browser = Browser::new(&stage);
        let target = format!("/.stepgate/login?to={}", crate::portal::words::encode(to));
        let answer = browser.post(&target, &[("username", "ann"), ("password", PASSWORD)]).await;
        let set: Vec<_> = answer.headers().get_all("set-cookie").iter().map(|c| c.to_str().unwrap()).collect();
        assert!(set.iter().any(|c| c.starts_with(TURNS) && c.ends_with(age)), "{set:?}");
    }
}

proptest! {
    /// Whatever stands in the cookie, people are sent on or told; it is never more than a count.
    #[test]
    fn a_forged_count_does_no_more_than_show_a_page(text in "[0-9]{0,4}\\.?[0-9a-f]{0,20}|[ -:<-~]{0,40}") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let stage = Stage::new();
            let mut browser = Browser::new(&stage);
            browser.jar.insert(TURNS.to_owned(), text);
            let answer = sent_back(&mut browser, "%2Ferp").await;
            prop_assert!(matches!(answer.status(), StatusCode::OK | StatusCode::CONFLICT));
            prop_assert!(!browser.jar.contains_key(SESSION));
            Ok(())
        })?;
    }
}
