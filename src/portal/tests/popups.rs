//! The window of a script: it ends on a page that says so, whichever way it came.

use super::*;
use crate::flow::testing::PASSWORD;
use crate::portal::settings::ScriptSettings;

const POPUP: &str = "36b8f84d-df4e-4d49-b662-bcde71a8764f";

#[tokio::test]
async fn a_sign_in_leads_to_the_last_page_and_not_to_the_app() {
    let stage = Stage::new();
    let done = format!("/.stepgate/done?to=%2Fadmin%2F7&for=POST&popup={POPUP}");
    Browser::new(&stage).sign_in_at(&done.replace("done", "login"), &done, 0).await;
}

#[tokio::test]
async fn a_proof_leads_to_the_last_page_which_says_what_to_do() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    let answer = browser.post("/.stepgate/login?to=%2Flight%2F", &[("username", "ann"), ("password", PASSWORD)]).await;
    assert_eq!(location(&browser.follow(answer).await), "/light/");
    let page = format!("/.stepgate/step-up?to=%2Fadmin%2F7&for=POST&popup={POPUP}");
    assert_eq!(browser.get(&page).await.status(), StatusCode::OK);
    let risen = browser.post(&page, &[("method", "totp"), ("code", &stage.code(0))]).await;
    let done = format!("/.stepgate/done?to=%2Fadmin%2F7&for=POST&popup={POPUP}");
    assert_eq!(location(&risen), done);
    let last = browser.get(&done).await;
    assert_eq!((last.status(), header(&last, "x-stepgate-response")), (StatusCode::OK, "done"));
    assert_eq!(header(&last, "cross-origin-opener-policy"), "same-origin");
    assert!(text(&last).contains("close this window") && text(&last).contains("/admin/7"), "{}", text(&last));
    assert!(!text(&last).contains(POPUP), "the name of the window stands in its address alone");
    // Nothing is missing any more: the way is the same without a prompt, however often it is gone.
    for _ in 0..8 {
        assert_eq!(location(&browser.get(&page).await), done);
    }
}

#[tokio::test]
async fn a_window_without_a_name_goes_on_as_ever() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    for bad in ["", "&popup=", "&popup=x", "&popup=36B8F84D-DF4E-4D49-B662-BCDE71A8764F"] {
        assert_eq!(location(&browser.get(&format!("/.stepgate/done?to=%2Flight%2F{bad}")).await), "/light/");
    }
    let twice = format!("/.stepgate/done?to=%2Flight%2F&popup={POPUP}&popup={POPUP}");
    assert_eq!(location(&browser.get(&twice).await), "/light/");
}

#[tokio::test]
async fn the_script_is_served_on_the_hosts_of_apps_that_want_it() {
    let stage = Stage::new();
    let fetch = [("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "script")];
    let asked = info("GET", "/.stepgate/step-up.js", &fetch);
    assert_eq!(send(&stage.portal, &asked, "").await.status(), StatusCode::NOT_FOUND);
    let scripts = ScriptSettings { step_up_script: true, ..ScriptSettings::default() };
    let settings = PortalSettings { scripts: [(HOST.to_owned(), scripts)].into(), ..PortalSettings::default() };
    let portal = Portal::new(stage.world.flows(), Destinations::new(stage.policy.clone()), settings);
    let script = send(&portal, &asked, "").await;
    assert_eq!((script.status(), header(&script, "content-type")), (StatusCode::OK, "text/javascript; charset=utf-8"));
    assert!(header(&script, "etag").starts_with('"') && header(&script, "x-content-type-options") == "nosniff");
    // Whose policy takes scripts of its own origin alone, takes it: it needs nothing that such a policy forbids.
    assert!(!["eval(", "Function(", "innerHTML", "document.write"].iter().any(|bad| text(&script).contains(bad)));
    let elsewhere = RequestInfo { host: "crm.example.com".to_owned(), ..asked };
    assert_eq!(send(&portal, &elsewhere, "").await.status(), StatusCode::NOT_FOUND);
}
