use std::time::Duration;

use super::*;
use crate::auth::session::Channel;

/// A browser that is signed in on every host.
async fn everywhere(hosts: &Hosts, later: i64) -> Tabs<'_> {
    let mut ann = Tabs::new(hosts);
    ann.sign_in(&url(ERP, "/"), later).await;
    ann.open(&url(CRM, "/")).await;
    ann
}

async fn is_live(hosts: &Hosts, tabs: &Tabs<'_>, host: &str) -> bool {
    let token = tabs.token(host).expect("a cookie is kept");
    hosts.flows.session(&token, Channel::Cookie, host, true).await.unwrap().is_some()
}

#[tokio::test]
async fn signing_out_on_one_host_ends_the_session_on_all_and_no_other() {
    for out in [ERP, CRM, LOGIN] {
        let hosts = Hosts::new();
        let (mut ann, elsewhere) = (everywhere(&hosts, 0).await, everywhere(&hosts, 1).await);
        let held = ann.jars.clone();
        ann.ask("POST", &url(out, "/.stepgate/logout"), "op=here", &[]).await;
        ann.jars = held;
        for host in [ERP, CRM, LOGIN] {
            assert!(!is_live(&hosts, &ann, host).await, "{out}: {host}");
            assert!(is_live(&hosts, &elsewhere, host).await, "another browser is another session");
        }
        assert_eq!(ann.open(&url(ERP, "/")).await.status(), StatusCode::OK);
        assert!(ann.at().contains("/.stepgate/login?handoff="), "{}", ann.at());
    }
}

#[tokio::test]
async fn signing_out_ends_the_session_on_all_hosts_where_nobody_signs_in_for_many_any_more() {
    for out in [ERP, CRM] {
        let hosts = Hosts::new();
        let (ann, elsewhere) = (everywhere(&hosts, 0).await, everywhere(&hosts, 1).await);
        // As after a reload of a configuration without `portal.host`.
        let flows = Flows::new(hosts.world.ports(), fast_settings());
        let token = ann.token(out).unwrap();
        let session = flows.session(&token, Channel::Cookie, out, true).await.unwrap().unwrap();
        let client = crate::flow::reply::Client { host: out.to_owned(), ..crate::flow::testing::client() };
        assert_eq!(flows.logout(&token, &session, false, &client).await.unwrap().value, 3);
        for host in [ERP, CRM, LOGIN] {
            assert!(!is_live(&hosts, &ann, host).await, "{out}: {host}");
            assert!(is_live(&hosts, &elsewhere, host).await, "another browser is another session");
        }
    }
}

#[tokio::test]
async fn whoever_signs_in_as_somebody_else_leaves_no_host_behind() {
    let hosts = Hosts::new();
    let mut ann = everywhere(&hosts, 0).await;
    let held = ann.jars.clone();
    // Another tab had the form open.
    let mut form = Tabs::new(&hosts);
    form.open(&url(ERP, "/light/")).await;
    ann.led = vec![form.at().to_owned()];
    ann.submit(&[("username", "bob"), ("password", PASSWORD)]).await;
    let ids = hosts.world.look(|s| s.sessions.values().map(|(row, _)| row.identity.id.0.clone()).collect::<Vec<_>>());
    assert!(ids.iter().all(|id| id == "01BOB"), "{ids:?}");
    ann.jars = held;
    for host in [ERP, CRM, LOGIN] {
        assert!(!is_live(&hosts, &ann, host).await, "{host}");
    }
}

#[tokio::test]
async fn who_is_at_work_in_one_app_is_at_work_in_all() {
    let hosts = Hosts::new();
    let mut ann = everywhere(&hosts, 0).await;
    for _ in 0..5 {
        hosts.world.pass(Duration::from_secs(40 * 60));
        assert_eq!(text(&ann.open(&url(ERP, "/")).await), "the app");
    }
    // The other app was not used for hours: by way of the portal, and without a prompt.
    assert!(!is_live(&hosts, &ann, CRM).await && is_live(&hosts, &ann, LOGIN).await);
    assert_eq!(text(&ann.open(&url(CRM, "/")).await), "the app");
    // All end together when nothing was used, and in all when they are too old.
    hosts.world.pass(Duration::from_secs(3601));
    for host in [ERP, CRM, LOGIN] {
        assert!(!is_live(&hosts, &ann, host).await, "{host}");
    }
}

#[tokio::test]
async fn every_host_ends_with_the_age_of_the_sign_in() {
    let hosts = Hosts::new();
    let mut ann = everywhere(&hosts, 0).await;
    for turn in 0..18 {
        hosts.world.pass(Duration::from_secs(40 * 60));
        let host = if turn % 2 == 0 { ERP } else { CRM };
        let page = ann.open(&url(host, "/")).await;
        assert_eq!(text(&page) == "the app", turn < 17, "{turn}");
    }
}

#[tokio::test]
async fn a_row_that_a_ticket_opens_while_its_family_ends_does_not_outlive_it() {
    for after in 0..12 {
        let hosts = Hosts::new();
        let mut ann = Tabs::new(&hosts);
        ann.sign_in(&url(CRM, "/"), 0).await;
        let ticket = ann.ticket(&url(ERP, "/")).await;
        let (token, held) = (ann.token(CRM).unwrap(), ann.jars.clone());
        let session = hosts.flows.session(&token, Channel::Cookie, CRM, true).await.unwrap().unwrap();
        let client = crate::flow::testing::client();
        // Interleaved by every number of turns between the two.
        let ends = async {
            for _ in 0..after {
                tokio::task::yield_now().await;
            }
            hosts.flows.logout(&token, &session, false, &client).await.unwrap();
        };
        hosts.world.gives_turns.store(true, std::sync::atomic::Ordering::SeqCst);
        let mut browser = Tabs { hosts: &hosts, jars: held, led: Vec::new() };
        let ((), _) = tokio::join!(ends, browser.get(&ticket));
        assert!(hosts.world.look(|s| s.sessions.is_empty()), "after {after}");
    }
}
