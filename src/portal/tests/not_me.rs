//! "This was not me", on the pages.

use std::time::Duration;

use super::*;
use crate::auth::event::What;
use crate::auth::proof::{OnRisk, RiskAction};
use crate::flow::testing::{PASSWORD, client_at, fast_settings, risk_from};
use crate::portal::cookies::SESSION;

const PAGE: &str = "/.stepgate/not-me";
const EVIL: &str = "203.0.113.66";

/// Where rules do this at high risk; the person is known by twenty sign-ins.
async fn stage(high: RiskAction, enforced: bool) -> Stage {
    let on_risk = OnRisk { high, ..OnRisk::default() };
    let light = Rule { on_risk, ..rule("light", "/light/**", Strength::OneFactor, None) };
    let policy = Policy::new([AppPolicy {
        offer: Default::default(),
        host: HOST.to_owned(),
        tolerate: Tolerances::default(),
        rules: vec![Arc::new(light)].into(),
    }]);
    let Stage { world, policy, key, .. } = Stage::ruled(policy);
    for (address, country, asn) in [("192.0.2.7", "NO", 100), (EVIL, "RO", 200)] {
        world.place_at(address, country, asn);
    }
    // By what is seen, nobody is high.
    let risk = risk_from(enforced, 2.0, 50.0);
    let flows = Arc::new(Flows::new(world.ports(), FlowSettings { risk: Some(risk), ..fast_settings() }));
    let home = client_at("192.0.2.7");
    let ann = world.look(|s| s.accounts.values().find(|a| a.identity.username.as_str() == "ann").unwrap().clone());
    flows.learn_usual(&ann.identity.id, &home, 20).await.unwrap();
    Stage { portal: portal_with(flows, policy.clone()), world, policy, key }
}

async fn by_password(browser: &mut Browser<'_>) -> Reply {
    browser.jar.remove(SESSION);
    browser.stage.world.pass(Duration::from_secs(60));
    let fields = [("username", "ann"), ("password", PASSWORD)];
    let answer = browser.post("/.stepgate/login?to=%2Flight%2F", &fields).await;
    browser.follow(answer).await
}

fn of(page: &str) -> String {
    page.split("name=\"of\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_sign_in_that_was_unusual_is_told_and_disowned_by_a_button() {
    let stage = stage(RiskAction::StepUp, true).await;
    let mut desk = Browser::new(&stage);
    assert_eq!(location(&by_password(&mut desk).await), "/light/");
    let mut evil = Browser { ip: EVIL, ..Browser::new(&stage) };
    by_password(&mut evil).await;
    assert_eq!(text(&evil.open("/light/").await), "the app", "a second step is asked at high alone");
    let page = text(&by_password(&mut desk).await);
    for said in ["Was this you?", EVIL, "did not recognise the network or the device", "href=\"/.stepgate/not-me\""] {
        assert!(page.contains(said), "{said}: {page}");
    }
    // A link leads there and does nothing.
    let page = text(&desk.get(PAGE).await);
    assert!(page.contains("two steps") && page.contains("it-help@example.com"), "{page}");
    let tag = of(&page);
    let mut stranger = Browser::new(&stage);
    assert!(location(&stranger.get(PAGE).await).starts_with("/.stepgate/login"));
    assert!(location(&stranger.post(PAGE, &[("op", "not-me")]).await).starts_with("/.stepgate/login"));
    for fields in [&[][..], &[("op", "here")], &[("op", "not-me")]] {
        assert_eq!(desk.post(PAGE, fields).await.status(), StatusCode::BAD_REQUEST);
    }
    let for_another = desk.post(PAGE, &[("op", "not-me"), ("of", "somebody")]).await;
    assert_eq!(header(&for_another, "x-stepgate-response"), "already");
    let far = RequestInfo {
        headers: [("sec-fetch-site", "cross-site")].into_iter().fold(
            desk.asking("POST", PAGE).headers,
            |mut all, (name, value)| {
                all.insert(name, HeaderValue::from_static(value));
                all
            },
        ),
        ..desk.asking("POST", PAGE)
    };
    assert_eq!(send(&stage.portal, &far, "op=not-me").await.status(), StatusCode::FORBIDDEN);
    assert_eq!(text(&evil.open("/light/").await), "the app", "nothing of that did anything");

    let old = desk.jar.get(SESSION).cloned();
    let told = desk.post(PAGE, &[("op", "not-me"), ("of", &tag)]).await;
    assert!(told.events.iter().any(|event| event.what == What::SignInDisowned), "{:?}", told.events);
    let page = text(&told);
    assert!(page.contains("2 other sessions ended.") && page.contains("two steps"), "{page}");
    assert!(desk.jar.get(SESSION).is_some_and(|new| Some(new) != old.as_ref()), "it goes on under another token");
    assert_ne!(text(&evil.open("/light/").await), "the app");
    // Who knows the password gets no further without the second step, and the person is asked for it too.
    for browser in [&mut evil, &mut desk] {
        by_password(browser).await;
        assert_ne!(text(&browser.open("/light/").await), "the app");
    }
    assert!(page.contains("href=\"/.stepgate/account\""), "{page}");
}

#[tokio::test]
async fn where_nothing_follows_the_page_says_so() {
    for (high, enforced, said) in [
        (RiskAction::Permit, true, "ask for nothing more"),
        (RiskAction::Deny, false, "ask for nothing more"),
        (RiskAction::Deny, true, "or let nobody in"),
    ] {
        let stage = stage(high, enforced).await;
        let mut desk = Browser::new(&stage);
        by_password(&mut desk).await;
        let page = text(&desk.get(PAGE).await);
        assert!(page.contains(said), "{page}");
        let tag = of(&page);
        let done = text(&desk.post(PAGE, &[("op", "not-me"), ("of", &tag)]).await);
        assert!(done.contains(said) && done.contains("There was no other session."), "{done}");
    }
}

#[tokio::test]
async fn where_risk_is_off_it_ends_the_other_sessions_and_what_is_outstanding() {
    let stage = Stage::new();
    let (mut desk, mut evil) = (Browser::new(&stage), Browser { ip: EVIL, ..Browser::new(&stage) });
    desk.sign_in("/erp", 0).await;
    evil.sign_in("/erp", 1).await;
    // A sign-in that needs no password any more.
    let mut begun = Browser { ip: EVIL, ..Browser::new(&stage) };
    let next = begun.post("/.stepgate/login?to=%2Ferp", &[("username", "ann"), ("password", PASSWORD)]).await;
    let next = location(&next);
    assert!(next.starts_with("/.stepgate/second-factor"), "{next}");
    for path in ["/.stepgate/account", "/.stepgate/activity"] {
        assert!(text(&desk.get(path).await).contains("href=\"/.stepgate/not-me\""), "{path}");
    }
    let page = text(&desk.get(PAGE).await);
    assert!(page.contains("recovery that somebody began") && page.contains("who knows your password"), "{page}");
    let old = desk.jar.get(SESSION).cloned();
    let told = desk.post(PAGE, &[("op", "not-me"), ("of", &of(&page))]).await;
    assert!(told.events.iter().any(|event| event.what == What::SignInDisowned), "{:?}", told.events);
    assert!(told.events.iter().all(|event| !matches!(event.what, What::RiskPinned)), "{:?}", told.events);
    let page = text(&told);
    assert!(page.contains("1 other session ended.") && page.contains("href=\"/.stepgate/password\""), "{page}");
    assert!(page.contains("Change your password") && page.contains("are of no use any more"), "{page}");
    assert!(desk.jar.get(SESSION).is_some_and(|new| Some(new) != old.as_ref()), "it goes on under another token");
    assert_eq!(text(&desk.open("/erp").await), "the app");
    assert_ne!(text(&evil.open("/erp").await), "the app");
    stage.world.pass(Duration::from_secs(60));
    begun.post(&next, &[("method", "totp"), ("code", &stage.code(0))]).await;
    assert_ne!(text(&begun.open("/erp").await), "the app", "what was begun is over");
}
