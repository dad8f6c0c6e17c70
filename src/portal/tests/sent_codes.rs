//! Codes that are sent, as people meet them: asked for by a button, typed in, asked for again; and the addresses.

use super::*;
use crate::auth::factor::authenticator::{AddressKind, AddressRecord};
use crate::auth::user::UserId;
use crate::flow::testing::{PASSWORD, sending};

const ADDRESSES: &str = "/.stepgate/addresses";

/// Where two steps are enough.
fn steps() -> Stage {
    let stage = Stage::ruled(Policy::new([AppPolicy {
        offer: sending().offer,
        host: HOST.to_owned(),
        tolerate: Tolerances::default(),
        rules: vec![
            Arc::new(rule("light", "/light/**", Strength::OneFactor, None)),
            Arc::new(rule("steps", "/**", Strength::TwoSteps, None)),
        ]
        .into(),
    }]));
    let flows = Arc::new(Flows::new(stage.world.ports(), sending()));
    Stage { portal: portal_with(flows, stage.policy.clone()), ..stage }
}

pub(super) fn with_mail(stage: &Stage, name: &str) {
    let confirmed_at = crate::auth::time::Timestamp::from_secs(crate::flow::testing::START);
    let value = format!("{name}@example.com");
    let address = AddressRecord { id: format!("A{name}"), kind: AddressKind::Email, value, confirmed_at };
    stage.world.look(|s| s.addresses.push((UserId(format!("01{}", name.to_uppercase())), address)));
}

#[tokio::test]
async fn a_code_by_mail_is_asked_for_by_a_button_and_signs_in() {
    let stage = steps();
    with_mail(&stage, "bob");
    let mut browser = Browser::new(&stage);
    let login = "/.stepgate/login?to=%2Forders";
    let next = location(&browser.post(login, &[("username", "bob"), ("password", PASSWORD)]).await);
    assert!(next.starts_with("/.stepgate/second-factor"), "{next}");
    // To look at the page sends nothing, however often.
    for _ in 0..3 {
        let shown = browser.get(&next).await;
        let page = text(&browser.follow(shown).await);
        assert!(page.contains("Send me a code by mail") && page.contains("good for 5 minutes"), "{page}");
    }
    assert!(stage.world.look(|s| s.letters.is_empty()));
    let page = text(&browser.post(&next, &[("op", "send"), ("method", "email_code")]).await);
    assert!(page.contains("on its way to <strong>b•••@e•••.com</strong>"), "{page}");
    assert!(!page.contains("bob@example.com"), "nor is the address told");
    assert!(page.contains("autocomplete=\"one-time-code\"") && page.contains("inputmode=\"numeric\""), "{page}");
    assert!(page.contains("I have not received it") && page.contains("Send a new code"), "{page}");
    let code = stage.last_code();
    let wrong = browser.post(&next, &[("method", "email_code"), ("code", "000000")]).await;
    assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(text(&wrong).contains("Enter the newest one that was sent to you"));
    let again = text(&browser.post(&next, &[("op", "send"), ("method", "email_code")]).await);
    assert!(again.contains("on its way to"), "{again}");
    let old = browser.post(&next, &[("method", "email_code"), ("code", &code)]).await;
    assert_eq!(old.status(), StatusCode::UNPROCESSABLE_ENTITY, "the newest counts");
    let whole = format!("{} is your code.\n\n@{HOST} #{0}", stage.last_code());
    let open = browser.post(&next, &[("method", "email_code"), ("code", &whole)]).await;
    assert_eq!((open.status(), location(&open)), (StatusCode::SEE_OTHER, "/orders".to_owned()));
}

#[tokio::test]
async fn full_limits_and_nobody_look_like_everybody() {
    let stage = steps();
    with_mail(&stage, "bob");
    let mut browser = Browser::new(&stage);
    let login = "/.stepgate/login?to=%2Forders";
    let next = location(&browser.post(login, &[("username", "bob"), ("password", PASSWORD)]).await);
    let mut pages = std::collections::BTreeSet::new();
    for _ in 0..6 {
        let page = browser.post(&next, &[("op", "send"), ("method", "email_code")]).await;
        pages.insert((page.status().as_u16(), text(&page)));
    }
    assert_eq!((pages.len(), stage.world.look(|s| s.letters.len())), (1, 3), "3 in 10 min, told to nobody");
}

#[tokio::test]
async fn whoever_gave_five_wrong_codes_is_told_that_no_new_one_comes() {
    let stage = steps();
    with_mail(&stage, "bob");
    let mut browser = Browser::new(&stage);
    let login = "/.stepgate/login?to=%2Forders";
    let next = location(&browser.post(login, &[("username", "bob"), ("password", PASSWORD)]).await);
    let send = [("op", "send"), ("method", "email_code")];
    browser.post(&next, &send).await;
    let wrong = if stage.last_code() == "000000" { "000001" } else { "000000" };
    for _ in 0..5 {
        browser.post(&next, &[("method", "email_code"), ("code", wrong)]).await;
    }
    let told = browser.post(&next, &send).await;
    assert_eq!(told.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(text(&told).contains("Too many wrong codes. Use another way"), "{}", text(&told));
    assert!(!text(&told).contains("on its way to"));
}

#[tokio::test]
async fn addresses_are_added_and_confirmed_on_a_page_and_removed() {
    let stage = steps();
    let mut browser = Browser::new(&stage);
    assert_eq!(location(&browser.get(ADDRESSES).await), "/.stepgate/login?then=addresses");
    browser.post("/.stepgate/login?to=%2Flight%2F", &[("username", "bob"), ("password", PASSWORD)]).await;
    assert!(text(&browser.get("/.stepgate/account").await).contains(&format!("href=\"{ADDRESSES}\"")));
    assert!(text(&browser.get(ADDRESSES).await).contains("There is no address yet."));
    let add = |address| [("op", "add"), ("channel", "email"), ("address", address)];
    let wrong = browser.post(ADDRESSES, &add("bob")).await;
    assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        text(&wrong).contains("Enter a mail address like") && text(&wrong).contains("value=\"bob\""),
        "{}",
        text(&wrong)
    );
    let sent = text(&browser.post(ADDRESSES, &add("bob@example.com")).await);
    assert!(sent.contains("Confirm bob@example.com") && sent.contains("There is no address yet."), "{sent}");
    // A page that is loaded again goes on with it.
    assert!(text(&browser.get(ADDRESSES).await).contains("Confirm bob@example.com"));
    let code = stage.last_code();
    let done = text(&browser.post(ADDRESSES, &[("op", "confirm"), ("code", &code)]).await);
    assert!(done.contains("bob@example.com is confirmed.") && done.contains("Codes go here."), "{done}");
    assert!(!done.contains("Confirm bob@example.com"), "{done}");
    // From now on bob can prove more than a password, and must.
    let asked = location(&browser.get(ADDRESSES).await);
    assert_eq!(asked, "/.stepgate/step-up?then=addresses");
    let page = text(&browser.post(&asked, &[("op", "way"), ("way", "email_code")]).await);
    assert!(page.contains("Before your addresses are changed") && page.contains("b•••@e•••.com"), "{page}");
    let on = browser.post(&asked, &[("method", "email_code"), ("code", &stage.last_code())]).await;
    assert_eq!(location(&on), ADDRESSES);
    let id = stage.world.look(|s| s.addresses[0].1.id.clone());
    let kept = browser.post(ADDRESSES, &[("op", "remove"), ("id", &id)]).await;
    assert_eq!(kept.status(), StatusCode::UNPROCESSABLE_ENTITY, "it is no success");
    let kept = text(&kept);
    assert!(kept.contains("the rule steps asks for codes") && kept.contains("role=\"alert\""), "{kept}");
    assert_eq!(stage.world.look(|s| s.addresses.len()), 1);
}
