use std::time::Duration;

use super::*;

#[tokio::test]
async fn one_sign_in_opens_both_apps() {
    let hosts = Hosts::new();
    let mut ann = Tabs::new(&hosts);
    let app = ann.sign_in(&url(ERP, "/orders?id=7"), 0).await;
    assert_eq!((text(&app).as_str(), ann.at()), ("the app", url(ERP, "/orders?id=7").as_str()));
    let app = ann.open(&url(CRM, "/")).await;
    assert_eq!((text(&app).as_str(), ann.at()), ("the app", url(CRM, "/").as_str()));
    // Through the host where people sign in, and no page of it was shown.
    assert!(ann.led[0].starts_with(&url(LOGIN, "/.stepgate/login?handoff=")), "{:?}", ann.led);
    let rows = hosts.world.look(|s| s.sessions.values().map(|(row, _)| row.clone()).collect::<Vec<_>>());
    let mut on: Vec<&str> = rows.iter().map(|row| row.host.as_str()).collect();
    on.sort_unstable();
    assert_eq!(on, [CRM, ERP, LOGIN]);
    assert!(rows.iter().all(|row| row.id == rows[0].id && row.proofs == rows[0].proofs));
    assert!(rows.iter().all(|row| row.created_at == rows[0].created_at));
    // A token of one host is none of another.
    let token = ann.token(ERP).unwrap();
    let channel = crate::auth::session::Channel::Cookie;
    assert!(hosts.flows.session(&token, channel, ERP, true).await.unwrap().is_some());
    for host in [CRM, LOGIN] {
        assert!(hosts.flows.session(&token, channel, host, true).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_challenge_to_nobody_is_kept_nowhere() {
    let hosts = Hosts::new();
    for turn in 0..50 {
        let mut anyone = Tabs::new(&hosts);
        anyone.open(&url(ERP, &format!("/{turn}"))).await;
        assert!(anyone.at().contains("/.stepgate/login?handoff="));
    }
    let kept =
        hosts.world.look(|s| s.transient.len() + s.sessions.len() + s.marks.len() + s.counters.len() + s.trail.len());
    assert_eq!(kept, 0);
}

#[tokio::test]
async fn a_rule_that_asks_more_sends_by_the_portal_which_asks_once_for_all() {
    let hosts = Hosts::new();
    let mut ann = Tabs::new(&hosts);
    ann.sign_in(&url(ERP, "/"), 0).await;
    ann.open(&url(CRM, "/")).await;
    let (erp, crm) = (ann.token(ERP).unwrap(), ann.token(CRM).unwrap());
    hosts.world.pass(Duration::from_secs(400));
    ann.open(&url(ERP, "/admin/users")).await;
    assert!(ann.at().starts_with(&url(LOGIN, "/.stepgate/step-up?handoff=")), "{:?}", ann.led);
    let code = hosts.code(0);
    let app = ann.submit(&[("method", "totp"), ("code", &code)]).await;
    assert_eq!((text(&app).as_str(), ann.at()), ("the app", url(ERP, "/admin/users").as_str()));
    assert!(ann.token(ERP).unwrap().key() != erp.key(), "a stronger session is a new token");
    // Elsewhere it is as it was, and what asks more there gets it without a prompt.
    assert_eq!(ann.token(CRM).unwrap().key(), crm.key());
    assert_eq!(text(&ann.open(&url(CRM, "/")).await), "the app");
    assert_eq!(ann.led, [url(CRM, "/")]);
    let app = ann.open(&url(CRM, "/admin/users")).await;
    assert_eq!((text(&app).as_str(), ann.at()), ("the app", url(CRM, "/admin/users").as_str()));
    assert!(ann.token(CRM).unwrap().key() != crm.key());
}

#[tokio::test]
async fn two_tabs_at_once_do_not_undo_each_other() {
    let hosts = Hosts::new();
    let mut ann = Tabs::new(&hosts);
    ann.open(&url(ERP, "/one")).await;
    let first = ann.at().to_owned();
    ann.open(&url(ERP, "/two")).await;
    ann.submit(&[("username", "ann"), ("password", PASSWORD)]).await;
    let code = hosts.code(0);
    assert_eq!(text(&ann.submit(&[("method", "totp"), ("code", &code)]).await), "the app");
    let app = ann.open(&first).await;
    assert_eq!((text(&app).as_str(), ann.at()), ("the app", url(ERP, "/one").as_str()));
}

#[tokio::test]
async fn forms_reach_the_app_of_a_handoff_that_was_read_and_no_other() {
    let hosts = Hosts::new();
    let mut ann = Tabs::new(&hosts);
    let policy = |answer: &Reply| header(answer, "content-security-policy").to_owned();
    let page = ann.open(&url(ERP, "/")).await;
    assert!(policy(&page).contains(&format!("form-action 'self' {};", url(ERP, ""))), "{}", policy(&page));
    let sealed = ann.at().to_owned();
    let page = ann.submit(&[("username", "ann"), ("password", "wrong")]).await;
    assert!(policy(&page).contains(&format!("form-action 'self' {};", url(ERP, ""))), "{}", policy(&page));
    for bare in [url(LOGIN, "/.stepgate/login"), format!("{sealed}A"), sealed.replace("handoff=", "handoff=x&handoff=")]
    {
        let page = ann.get(&bare).await;
        assert_eq!(page.status(), StatusCode::OK, "{bare}");
        assert!(policy(&page).contains("form-action 'self';"), "{bare}: {}", policy(&page));
    }
}

#[tokio::test]
async fn our_pages_on_an_app_lead_to_the_portal_but_for_the_way_out_and_the_api() {
    let hosts = Hosts::new();
    let mut ann = Tabs::new(&hosts);
    for page in ["login", "step-up", "enroll", "second-factor", "account", "backup-codes"] {
        let away = location(&ann.get(&url(ERP, &format!("/.stepgate/{page}"))).await);
        assert_eq!(away, url(LOGIN, &format!("/.stepgate/{page}")));
        let away = location(&ann.get(&url(ERP, &format!("/.stepgate/{page}?to=%2Fa&then=enroll"))).await);
        assert!(away.starts_with(&url(LOGIN, &format!("/.stepgate/{page}?handoff="))), "{away}");
        assert!(away.ends_with("&then=enroll"), "{away}");
    }
    let out = ann.get(&url(ERP, "/.stepgate/logout")).await;
    assert_eq!(location(&out), "/.stepgate/signed-out");
    assert_eq!(ann.get(&url(ERP, "/.stepgate/session")).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(ann.get(&url(ERP, "/.stepgate/api/openapi.json")).await.status(), StatusCode::OK);
    // An app that keeps its sign-in to itself is not led away from.
    ann.open(&url(OLD, "/x")).await;
    assert!(ann.at().starts_with(&url(OLD, "/.stepgate/login?to=")), "{}", ann.at());
}

#[tokio::test]
async fn what_cannot_be_led_away_is_told_an_address_that_leads_there() {
    let hosts = Hosts::new();
    let mut ann = Tabs::new(&hosts);
    let script = [("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty"), ("accept", "application/json")];
    let problem = ann.ask("GET", &url(ERP, "/orders"), "", &script).await;
    assert_eq!(problem.status(), StatusCode::UNAUTHORIZED);
    let told: serde_json::Value = serde_json::from_slice(problem.body()).unwrap();
    let app = ann.sign_in(told["login_url"].as_str().unwrap(), 0).await;
    assert_eq!((text(&app).as_str(), ann.at()), ("the app", url(ERP, "/orders").as_str()));
}

#[tokio::test]
async fn scripts_sign_in_on_the_host_of_the_app() {
    let hosts = Hosts::new();
    let mut script = Tabs::new(&hosts);
    let body = serde_json::json!({ "username": "ann", "password": PASSWORD, "otp": hosts.code(0) }).to_string();
    let json = [("content-type", "application/json"), ("accept", "application/json")];
    let opened = script.ask("POST", &url(CRM, "/.stepgate/api/v1/login"), &body, &json).await;
    assert_eq!(opened.status(), StatusCode::OK, "{}", text(&opened));
    let token: serde_json::Value = serde_json::from_slice(opened.body()).unwrap();
    let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap());
    let asked = [("authorization", bearer.as_str()), ("sec-fetch-mode", "cors")];
    assert_eq!(text(&script.ask("GET", &url(CRM, "/"), "", &asked).await), "the app");
    assert_eq!(script.ask("GET", &url(ERP, "/"), "", &asked).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn without_a_destination_the_portal_lists_the_apps_that_may_be_opened() {
    let hosts = Hosts::new();
    let mut ann = Tabs::new(&hosts);
    ann.open(&url(LOGIN, "/")).await;
    assert_eq!(ann.at(), url(LOGIN, "/.stepgate/login"));
    ann.submit(&[("username", "ann"), ("password", PASSWORD)]).await;
    assert_eq!(ann.at(), url(LOGIN, "/"), "one factor is asked where nothing asks for more");
    let page = text(&ann.open(&url(LOGIN, "/")).await);
    for host in [ERP, CRM] {
        assert!(page.contains(&format!("href=\"{}\"", url(host, "/"))), "{page}");
    }
    assert!(!page.contains(OLD), "its start page is open to nobody: {page}");
}

#[tokio::test]
async fn a_frame_leads_to_the_page_around_it() {
    let hosts = Hosts::new();
    let mut ann = Tabs::new(&hosts);
    let around = url(ERP, "/desk?tab=3");
    let framed = [("sec-fetch-dest", "iframe"), ("referer", around.as_str())];
    let page = ann.ask("GET", &url(ERP, "/inbox"), "", &framed).await;
    assert_eq!(page.status(), StatusCode::UNAUTHORIZED);
    let link = text(&page).split("href=\"/.stepgate/login").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let link = format!("/.stepgate/login{}", link.replace("&amp;", "&").replace("&#38;", "&"));
    let app = ann.sign_in(&url(ERP, &link), 0).await;
    assert_eq!((text(&app).as_str(), ann.at()), ("the app", around.as_str()));
}

#[tokio::test]
async fn the_window_of_a_script_ends_on_the_host_of_its_app() {
    let hosts = Hosts::new();
    let mut ann = Tabs::new(&hosts);
    let popup = "36b8f84d-df4e-4d49-b662-bcde71a8764f";
    let page = url(ERP, &format!("/.stepgate/login?to=%2Forders&for=POST&popup={popup}"));
    let last = ann.sign_in(&page, 0).await;
    assert!(ann.led.iter().any(|at| at.starts_with(&url(LOGIN, "/.stepgate/"))), "{:?}", ann.led);
    assert_eq!(ann.at(), url(ERP, &format!("/.stepgate/done?to=%2Forders&for=POST&popup={popup}")));
    assert!(text(&last).contains("close this window"), "{}", text(&last));
}
