//! Passkeys as pages and programs see them: what the browser's dialog ended with, fixed addresses.

use super::*;
use crate::flow::settings::{FlowSettings, PasskeySettings};
use crate::flow::testing::fast_settings;

fn settings(passkeys: PasskeySettings) -> FlowSettings {
    FlowSettings { passkeys: Some(passkeys), ..fast_settings() }
}

/// The stage of the other tests, with passkeys.
fn stage(passkeys: PasskeySettings) -> Stage {
    let Stage { world, policy, key, .. } = Stage::new();
    let flows = Arc::new(Flows::new(world.ports(), settings(passkeys)));
    let portal = portal_with(flows, policy.clone());
    Stage { world, portal, policy, key }
}

/// A dialog and a password stand on the page.
fn offers_both(page: &str) -> bool {
    page.contains("data-webauthn=\"get\"") && page.contains("autocomplete=\"username webauthn\"")
}

#[tokio::test]
async fn what_the_browser_ended_with_is_told_beside_the_other_ways() {
    let stage = stage(PasskeySettings::default());
    let mut browser = Browser::new(&stage);
    for (error, says) in [
        ("JavaScriptNotEnabled", "needs JavaScript"),
        ("NotAllowedError", "was told to stop"),
        ("AbortError", "was told to stop"),
        ("NotSupportedError", "cannot use passkeys"),
        ("SecurityError", "do not work at this address"),
        ("ConstraintError", "cannot do what is asked"),
        ("<script>", "Try again, or use another way"),
    ] {
        let fields = [("op", "passkey"), ("assertion", ""), ("webauthn_error", error)];
        let answer = browser.post("/.stepgate/login?to=%2Fx", &fields).await;
        let page = text(&answer);
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{error}");
        assert!(page.contains(says) && page.contains("<title>Error: ") && offers_both(&page), "{error}: {page}");
        let shown = page.replace("value=\"JavaScriptNotEnabled\"", "");
        assert!(!shown.contains(error), "{error} is no word for people");
    }
}

#[tokio::test]
async fn what_is_no_answer_signs_nobody_in() {
    let stage = stage(PasskeySettings::default());
    let mut browser = Browser::new(&stage);
    let page = text(&browser.get("/.stepgate/login").await);
    let state = page.split("name=\"state\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    // The first one takes the challenge, whatever it is; the second one has none to answer.
    for (assertion, says) in [("{}", "could not be verified"), ("{}", "was used already")] {
        let fields = [("op", "passkey"), ("state", &state), ("assertion", assertion), ("webauthn_error", "")];
        let answer = browser.post("/.stepgate/login", &fields).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert!(text(&answer).contains(says), "{}", text(&answer));
        assert!(!browser.jar.contains_key("__Host-stepgate"));
    }
}

#[tokio::test]
async fn fixed_addresses_answer_where_the_passkeys_belong() {
    let here = stage(PasskeySettings::default());
    let get = async |stage: &Stage, name: &str| {
        send(&stage.portal, &info("GET", &format!("/.well-known/{name}"), &[]), "").await
    };
    let answer = get(&here, "passkey-endpoints").await;
    assert_eq!((answer.status(), header(&answer, "content-type")), (StatusCode::OK, "application/json"));
    let told: serde_json::Value = serde_json::from_str(&text(&answer)).unwrap();
    assert_eq!(told["manage"], format!("https://{HOST}:8443/.stepgate/account"));
    let origins: serde_json::Value = serde_json::from_str(&text(&get(&here, "webauthn").await)).unwrap();
    assert_eq!(origins, serde_json::json!({ "origins": [format!("https://{HOST}:8443")] }));
    assert_eq!(location(&get(&here, "change-password").await), "/.stepgate/password");
    let parent = HOST.split_once('.').unwrap().1.to_owned();
    let elsewhere = stage(PasskeySettings { rp_id: Some(parent), ..PasskeySettings::default() });
    for name in ["passkey-endpoints", "webauthn"] {
        assert_eq!(get(&elsewhere, name).await.status(), StatusCode::NOT_FOUND, "{name}");
        assert_eq!(get(&Stage::new(), name).await.status(), StatusCode::NOT_FOUND, "{name}");
    }
}

#[tokio::test]
async fn the_host_of_the_passkeys_names_the_origins_outside_of_its_domain() {
    let (rp_id, related) = (Some(HOST.to_owned()), vec!["shop.example.net".to_owned(), "example.de".to_owned()]);
    let stage = stage(PasskeySettings { rp_id, related, ..PasskeySettings::default() });
    let told = send(&stage.portal, &info("GET", "/.well-known/webauthn", &[]), "").await;
    assert_eq!((told.status(), header(&told, "content-type")), (StatusCode::OK, "application/json"));
    let told: serde_json::Value = serde_json::from_str(&text(&told)).unwrap();
    assert_eq!(told, serde_json::json!({ "origins": ["https://shop.example.net:8443", "https://example.de:8443"] }));
}
