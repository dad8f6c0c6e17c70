use std::time::Duration;

use super::*;
use crate::auth::event::{TicketFault, What};
use crate::flow::testing::Blow;

/// The ticket of somebody who is signed in, not used yet.
async fn ticket_of_ann(hosts: &Hosts) -> (Tabs<'_>, String) {
    let mut ann = Tabs::new(hosts);
    ann.sign_in(&url(CRM, "/"), 0).await;
    let ticket = ann.ticket(&url(ERP, "/")).await;
    (ann, ticket)
}

/// Why tickets were refused, as the trail has it.
fn refusals(hosts: &Hosts) -> Vec<TicketFault> {
    let why = |what: What| if let What::TicketRejected { reason } = what { Some(reason) } else { None };
    hosts.world.look(|s| s.trail.iter().filter_map(|(_, event)| why(event.what)).collect())
}

#[tokio::test]
async fn a_ticket_in_a_link_signs_nobody_in() {
    let hosts = Hosts::new();
    let (mut ann, ticket) = ticket_of_ann(&hosts).await;
    // Login CSRF: whoever follows the link would be signed in as ann.
    let mut bob = Tabs::new(&hosts);
    opens_nothing(&bob.get(&ticket).await);
    assert_eq!(refusals(&hosts), [TicketFault::OtherBrowser]);
    assert!(bob.token(ERP).is_none());
    // And it is used up by that.
    opens_nothing(&ann.get(&ticket).await);
}

#[tokio::test]
async fn a_ticket_is_for_the_browser_that_was_led_away() {
    let hosts = Hosts::new();
    let (_, ticket) = ticket_of_ann(&hosts).await;
    let mut bob = Tabs::new(&hosts);
    bob.open(&url(ERP, "/")).await;
    assert!(bob.cookie(ERP, cookies::BINDING).is_some());
    opens_nothing(&bob.get(&ticket).await);
    assert_eq!(refusals(&hosts), [TicketFault::OtherBrowser]);
}

#[tokio::test]
async fn a_ticket_is_for_its_host() {
    let hosts = Hosts::new();
    let (mut ann, ticket) = ticket_of_ann(&hosts).await;
    opens_nothing(&ann.get(&ticket.replace(ERP, CRM)).await);
    assert_eq!(refusals(&hosts), [TicketFault::OtherHost]);
    let hosts = Hosts::new();
    let (mut ann, ticket) = ticket_of_ann(&hosts).await;
    for host in [OLD, LOGIN] {
        assert_eq!(ann.get(&ticket.replace(ERP, host)).await.status(), StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_ticket_is_good_once_and_for_a_minute() {
    let hosts = Hosts::new();
    let (mut ann, ticket) = ticket_of_ann(&hosts).await;
    assert_eq!(location(&ann.get(&ticket).await), "/");
    opens_nothing(&ann.get(&ticket).await);
    let hosts = Hosts::new();
    let (mut ann, late) = ticket_of_ann(&hosts).await;
    hosts.world.pass(Duration::from_secs(60));
    opens_nothing(&ann.get(&late).await);
    let cut = &late[..late.len() - 1];
    for odd in [format!("{late}&ticket=x"), cut.to_owned(), late.replace("sgt_", "sgs_"), url(ERP, "/.stepgate/arrive")]
    {
        opens_nothing(&ann.get(&odd).await);
    }
}

#[tokio::test]
async fn a_cookie_that_a_sibling_host_planted_makes_no_ticket_good() {
    let hosts = Hosts::new();
    let (mut ann, ticket) = ticket_of_ann(&hosts).await;
    let own = ann.cookie(ERP, cookies::BINDING).unwrap();
    // Beside the right one, a look-alike that any host of the domain can set: nobody can say which is meant.
    ann.jars.get_mut(ERP).unwrap().insert("__host-stepgate-binding".to_owned(), own);
    opens_nothing(&ann.get(&ticket).await);
    assert_eq!(refusals(&hosts), [TicketFault::OtherBrowser]);
}

#[tokio::test]
async fn an_ended_session_makes_its_tickets_worthless() {
    let hosts = Hosts::new();
    let (mut ann, ticket) = ticket_of_ann(&hosts).await;
    ann.ask("POST", &url(CRM, "/.stepgate/logout"), "op=here", &[]).await;
    opens_nothing(&ann.get(&ticket).await);
    assert_eq!(refusals(&hosts), [TicketFault::NoSession]);
    assert!(hosts.world.look(|s| s.sessions.is_empty()));
}

#[tokio::test]
async fn a_handoff_gives_one_ticket_and_none_when_it_is_old() {
    let hosts = Hosts::new();
    let mut ann = Tabs::new(&hosts);
    ann.open(&url(ERP, "/orders")).await;
    let handoff = ann.at().replace("/login?", "/depart?");
    ann.submit(&[("username", "ann"), ("password", PASSWORD)]).await;
    let code = hosts.code(0);
    ann.submit(&[("method", "totp"), ("code", &code)]).await;
    // Used: back to the app, and no ticket.
    assert_eq!(location(&ann.get(&handoff).await), url(ERP, "/orders"));
    let fresh = location(&ann.get(&url(CRM, "/orders")).await).replace("/login?", "/depart?");
    hosts.world.pass(Duration::from_secs(300));
    assert_eq!(location(&ann.get(&fresh).await), url(CRM, "/orders"));
    // Whoever needed more than five minutes to sign in still gets there.
    assert_eq!(text(&ann.open(&fresh).await), "the app");
}

#[tokio::test]
async fn nobody_is_sent_anywhere_but_to_a_host_of_ours() {
    let hosts = Hosts::new();
    let mut ann = Tabs::new(&hosts);
    ann.sign_in(&url(ERP, "/"), 0).await;
    let good = location(&ann.get(&url(CRM, "/a")).await).replace("/login?", "/depart?");
    for odd in ["to=https%3A%2F%2Fevil.example", "to=%2F%2Fevil.example", "handoff=", "handoff=%2F%2Fevil.example"] {
        assert_eq!(location(&ann.get(&url(LOGIN, &format!("/.stepgate/depart?{odd}"))).await), "/", "{odd}");
        assert_eq!(location(&ann.get(&url(LOGIN, &format!("/.stepgate/login?{odd}"))).await), "/", "{odd}");
    }
    // The port of a made-up Host is not taken over from the app's host to where people sign in.
    let (_, target) = parts(&good);
    let info = RequestInfo { authority: format!("{LOGIN}:8443"), ..ann.asking("GET", LOGIN, &target, &[]) };
    let there = location(&send(&hosts.portal, &info, "").await);
    assert!(there.starts_with(&url(CRM, "/.stepgate/arrive?ticket=")), "{there}");
}

#[tokio::test]
async fn a_handoff_of_an_app_that_keeps_its_sign_in_is_none() {
    let hosts = Hosts::new();
    let ann = Tabs::new(&hosts);
    let binding = hosts.flows.mint_binding().unwrap().key();
    for host in [OLD, LOGIN, "evil.example"] {
        let handoff = crate::auth::handoff::Handoff {
            form: None,
            popup: None,
            id: "1".to_owned(),
            host: host.to_owned(),
            to: "/".to_owned(),
            around: None,
            method: "GET".to_owned(),
            redirects: 0,
            binding,
            issued_at: crate::flow::ports::Clock::now(hosts.world.as_ref()),
        };
        let sealed = hosts.flows.seal_handoff(&handoff).unwrap();
        let target = format!("/.stepgate/depart?handoff={sealed}");
        let info = ann.asking("GET", LOGIN, &target, &[]);
        assert_eq!(location(&send(&hosts.portal, &info, "").await), "/", "{host}");
    }
}

#[tokio::test]
async fn a_fault_on_the_way_gives_nobody_a_session() {
    for blow in [Blow::Before, Blow::After] {
        for nth in 1..40 {
            let hosts = Hosts::new();
            let mut ann = Tabs::new(&hosts);
            ann.sign_in(&url(CRM, "/"), 0).await;
            let away = location(&ann.get(&url(ERP, "/")).await);
            hosts.world.fail(nth, blow);
            let before = hosts.world.look(|s| s.sessions.len());
            let answer = ann.open(&away).await;
            let calls = hosts.world.calls();
            hosts.world.fail(0, Blow::Before);
            let rows = hosts.world.look(|s| s.sessions.len());
            if nth > calls {
                assert_eq!(text(&answer), "the app");
                break;
            }
            // Some faults may be survived; none leaves a row that nobody holds.
            match ann.token(ERP) {
                Some(_) => assert_eq!(rows, before + 1, "{nth} {blow:?}"),
                None => assert!(text(&answer) != "the app" && rows == before, "{nth} {blow:?}"),
            }
        }
    }
}

#[tokio::test]
async fn no_other_site_and_no_sibling_signs_anybody_in_at_the_portal() {
    let hosts = Hosts::new();
    let mut victim = Tabs::new(&hosts);
    let body = format!("username=bob&password={}", PASSWORD.replace(' ', "+"));
    let page = url(LOGIN, "/.stepgate/login");
    for (site, origin) in [("cross-site", "https://evil.example"), ("same-site", "https://erp.example.com:8443")] {
        let from = [("sec-fetch-site", site), ("origin", origin)];
        let answer = victim.ask("POST", &page, &body, &from).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{site}");
    }
    assert!(victim.jars.get(LOGIN).is_none_or(BTreeMap::is_empty) && hosts.world.look(|s| s.sessions.is_empty()));
    // The same form, from the page itself.
    assert_eq!(victim.ask("POST", &page, &body, &[]).await.status(), StatusCode::SEE_OTHER);
    assert!(victim.token(LOGIN).is_some());
}

#[tokio::test]
async fn a_script_is_led_to_no_other_host_and_not_round_and_round() {
    let hosts = Hosts::new();
    let mut script = Tabs::new(&hosts);
    let body = format!(r#"{{"username":"ann","password":"{PASSWORD}","otp":"{}"}}"#, hosts.code(0));
    let json = [("content-type", "application/json"), ("accept", "application/json")];
    let login = script.ask("POST", &url(LOGIN, "/.stepgate/api/v1/login"), &body, &json).await;
    let token: serde_json::Value = serde_json::from_str(&text(&login)).unwrap();
    let bearer = format!("Bearer {}", token["access_token"].as_str().expect("it is signed in"));
    let mut at = location(&script.get(&url(CRM, "/orders")).await);
    let mut answer = script.ask("GET", &at, "", &[("authorization", &bearer)]).await;
    while answer.status() == StatusCode::SEE_OTHER {
        assert!(script.led.len() < 4, "led on and on: {:#?}", script.led);
        at = url(LOGIN, &location(&answer));
        script.led.push(at.clone());
        answer = script.ask("GET", &at, "", &[("authorization", &bearer)]).await;
    }
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert!(text(&answer).contains("\"code\":\"cookie_required\""), "{}", text(&answer));
}
