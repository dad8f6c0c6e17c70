//! Browsers that keep no cookie, and browsers that are sent back again and again: both are told, and none loops.

use proptest::prelude::*;

use super::*;
use crate::flow::testing::PASSWORD;
use crate::portal::cookies::{FLOW, SESSION, TURNS};
use crate::portal::reply::Note;

fn noted(answer: &Reply) -> Option<&'static str> {
    answer.note.map(Note::name)
}

#[tokio::test]
async fn a_browser_that_keeps_no_cookie_is_told_so_and_not_asked_again() {
    let stage = Stage::new();
    for (name, to) in [("ann", "/erp?a=b"), ("bob", "/erp"), ("ann", "/light/")] {
        let mut browser = Browser::new(&stage);
        let target = format!("/.stepgate/login?to={}", crate::auth::text::percent::encode(to));
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
        let asked = RequestInfo {
            scheme: "http",
            host: host.to_owned(),
            authority: format!("{host}:8080"),
            ..info("GET", "/.stepgate/login?to=%2F&check=cookies", &[("accept", "text/html")])
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

/// As the gateway would send a browser back that is signed in, if the two ever disagreed: the challenge of somebody who
/// is not, told to a browser with the cookies of somebody who is.
async fn sent_back(browser: &mut Browser<'_>, to: &str) -> Reply {
    let session = browser.jar.remove(SESSION);
    let challenge = browser.open(to).await;
    browser.jar.extend(session.map(|token| (SESSION.to_owned(), token)));
    browser.get(&location(&challenge)).await
}

#[tokio::test]
async fn a_browser_that_is_sent_back_again_and_again_is_stopped() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    browser.sign_in("/", 0).await;
    for n in 1..=3 {
        let on = sent_back(&mut browser, "/erp/7").await;
        assert_eq!(location(&on), "/erp/7");
        assert!(header(&on, "set-cookie").starts_with(&format!("{TURNS}={n}.")), "{}", header(&on, "set-cookie"));
        // Another place is another matter, and takes nothing from the count of this one.
        assert_eq!(location(&sent_back(&mut browser, &format!("/other/{n}")).await), format!("/other/{n}"));
    }
    let told = sent_back(&mut browser, "/erp/7").await;
    assert_eq!((told.status(), header(&told, "x-stepgate-response")), (StatusCode::CONFLICT, "loop"));
    assert_eq!(noted(&told), Some("redirect_loop"));
    for said in ["erp.example.com:8443/erp/7 3 times in a row", "it-help@example.com", "rest", "01JREQUEST"] {
        assert!(text(&told).contains(said), "{said}: {}", text(&told));
    }
    let once_more = browser.post("/.stepgate/login?to=%2Ferp%2F7&turn=3", &[("op", "continue")]).await;
    assert_eq!(location(&once_more), "/erp/7");
    assert_eq!(location(&sent_back(&mut browser, "/erp/7").await), "/erp/7", "who tries again can");
}

#[tokio::test]
async fn a_page_that_is_only_loaded_again_is_no_turn() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    let tabs = [(); 5].map(|()| "/erp/7");
    let mut pages = Vec::new();
    for to in tabs {
        pages.push(location(&browser.open(to).await));
    }
    browser.sign_in("/erp/7", 0).await;
    for page in pages.iter().cycle().take(20) {
        assert_eq!(location(&browser.get(page).await), "/erp/7");
    }
    let step_up = pages[0].replace("login", "step-up");
    for _ in 0..5 {
        assert_eq!(location(&browser.get(&step_up).await), "/erp/7");
    }
    assert_eq!(browser.open("/erp/7").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn who_signs_in_again_and_again_is_told_that_it_does_not_help() {
    // As two nodes do that share no state, or whose clocks are far apart.
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    for n in 0..3 {
        let challenge = location(&browser.open("/erp").await);
        assert_eq!(browser.get(&challenge).await.status(), StatusCode::OK, "turn {n}");
        browser.sign_in_at(&challenge, "/erp", 0).await;
        assert!(browser.jar[TURNS].starts_with(&format!("{}.", n + 1)), "{}", browser.jar[TURNS]);
        stage.world.look(|s| s.sessions.clear());
        stage.world.pass(std::time::Duration::from_secs(30));
    }
    let challenge = location(&browser.open("/erp").await);
    let told = browser.get(&challenge).await;
    assert_eq!((told.status(), noted(&told)), (StatusCode::CONFLICT, Some("redirect_loop")));
    let challenge = location(&browser.open("/erp").await);
    assert_eq!(browser.get(&challenge).await.status(), StatusCode::OK, "who tries again can");
    // Signing out is no turn.
    browser.sign_in_at(&challenge, "/erp", 0).await;
    browser.post("/.stepgate/logout", &[("op", "here")]).await;
    assert!(!browser.jar.contains_key(TURNS) && !browser.jar.contains_key(FLOW));
}

#[tokio::test]
async fn a_turn_counts_no_longer_than_the_place_would_trust_the_proof_or_the_session() {
    let rules = vec![Arc::new(rule("quick", "/quick", Strength::OneFactor, Some(20)))];
    let policy = Policy::new([AppPolicy {
        offer: Default::default(),
        host: HOST.to_owned(),
        tolerate: Tolerances::default(),
        rules: rules.into(),
    }]);
    let stage = Stage::ruled(policy);
    let mut browser = Browser::new(&stage);
    for (to, age) in [("/quick", "; Max-Age=20"), ("/elsewhere", "; Max-Age=90")] {
        browser.jar.clear();
        let target = format!("/.stepgate/login?to={}", crate::auth::text::percent::encode(to));
        let answer = browser.post(&target, &[("username", "ann"), ("password", PASSWORD)]).await;
        let set: Vec<_> = answer.headers().get_all("set-cookie").iter().map(|c| c.to_str().unwrap()).collect();
        assert!(set.iter().any(|c| c.starts_with(TURNS) && c.ends_with(age)), "{set:?}");
    }
    // Only what is left of it, where it is older.
    stage.world.pass(std::time::Duration::from_secs(15));
    browser.jar.remove(TURNS);
    let on = browser.get("/.stepgate/login?to=%2Fquick").await;
    assert_eq!((location(&on).as_str(), header(&on, "set-cookie").ends_with("; Max-Age=5")), ("/quick", true));
}

proptest! {
    /// Whatever stands in the cookie, people are sent on or told; it is never more than a count.
    #[test]
    fn a_forged_count_does_no_more_than_show_a_page(text in "([0-9]{0,4}\\.[0-9a-f]{0,9}\\.[0-9a-f]{0,20}~?){0,3}|[ -:<-~]{0,40}") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let stage = Stage::new();
            let mut browser = Browser::new(&stage);
            browser.jar.insert(TURNS.to_owned(), text);
            let answer = browser.get("/.stepgate/login?to=%2Ferp&turn=3").await;
            prop_assert!(matches!(answer.status(), StatusCode::OK | StatusCode::CONFLICT));
            prop_assert_eq!(browser.open("/erp").await.status(), StatusCode::SEE_OTHER);
            prop_assert!(!browser.jar.contains_key(SESSION));
            Ok(())
        })?;
    }
}
