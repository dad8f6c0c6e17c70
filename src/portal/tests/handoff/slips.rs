//! A proof for one request, made where people sign in, and used on the host of the app.

use std::time::Duration;

use super::*;
use crate::auth::handoff::{TICKET_LASTS, TicketToken};
use crate::auth::proof::Slip;
use crate::auth::slip_token::SlipToken;
use crate::auth::time::Timestamp;
use crate::flow::ports::Clock;
use crate::portal::cookies::SLIP;

const TO: &str = "/once/a?b";

/// Whether somebody can use it still.
fn is_kept(hosts: &Hosts, slip: &str) -> bool {
    let name = SlipToken::parse(slip).unwrap().name();
    hosts.world.look(|s| s.transient.keys().any(|(_, key)| *key == name))
}

/// Until when it is kept.
fn kept_until(hosts: &Hosts, slip: &str) -> Timestamp {
    let name = SlipToken::parse(slip).unwrap().name();
    hosts.world.look(|s| s.transient.iter().find(|((_, key), _)| *key == name).unwrap().1.1)
}

/// Proves once more for a request to ERP; the address of the ticket that takes the browser there.
async fn proved(ann: &mut Tabs<'_>) -> String {
    ann.hosts.world.pass(Duration::from_secs(60));
    ann.open(&url(ERP, TO)).await;
    assert!(ann.at().starts_with(&url(LOGIN, "/.stepgate/step-up?handoff=")), "{:?}", ann.led);
    let (at, code) = (ann.at().to_owned(), ann.hosts.code(0));
    let answer = ann.ask("POST", &at, &format!("method=totp&code={code}"), &[]).await;
    let away = location(&answer);
    assert!(away.starts_with("/.stepgate/depart?handoff="), "{away}");
    let ticket = location(&ann.get(&url(LOGIN, &away)).await);
    assert!(ticket.starts_with(&url(ERP, "/.stepgate/arrive?ticket=sgt_")), "{ticket}");
    ticket
}

#[tokio::test]
async fn it_arrives_under_another_token_and_serves_there_once() {
    let hosts = Hosts::new();
    let mut ann = Tabs::new(&hosts);
    ann.sign_in(&url(ERP, "/"), 0).await;
    assert_eq!(text(&ann.open(&url(CRM, "/")).await), "the app");
    let ticket = proved(&mut ann).await;
    let given = ann.cookie(LOGIN, SLIP).unwrap();
    assert!(ann.cookie(ERP, SLIP).is_none() && !is_kept(&hosts, &given), "the ticket took it");
    assert_eq!(location(&ann.get(&ticket).await), TO);
    let arrived = ann.cookie(ERP, SLIP).unwrap();
    assert!(arrived != given && is_kept(&hosts, &arrived));
    // Neither is worth anything elsewhere, and that uses none up.
    ann.jars.get_mut(CRM).unwrap().insert(SLIP.to_owned(), arrived.clone());
    assert_eq!(ann.get(&url(CRM, TO)).await.status(), StatusCode::SEE_OTHER, "the session is of the same family");
    ann.jars.get_mut(ERP).unwrap().insert(SLIP.to_owned(), given);
    assert_eq!(ann.get(&url(ERP, TO)).await.status(), StatusCode::SEE_OTHER);
    ann.jars.get_mut(ERP).unwrap().insert(SLIP.to_owned(), arrived.clone());
    assert_eq!(text(&ann.get(&url(ERP, TO)).await), "the app");
    assert!(!is_kept(&hosts, &arrived));
    assert_eq!(ann.get(&url(ERP, TO)).await.status(), StatusCode::SEE_OTHER, "a reload asks again");
    opens_nothing(&ann.get(&ticket).await);
}

#[tokio::test]
async fn the_way_takes_of_its_minute() {
    let hosts = Hosts::new();
    let mut ann = Tabs::new(&hosts);
    ann.sign_in(&url(ERP, "/"), 0).await;
    for (waits, status) in [(19, StatusCode::OK), (21, StatusCode::SEE_OTHER)] {
        let ticket = proved(&mut ann).await;
        let proved_at = Clock::now(&*hosts.world);
        hosts.world.pass(Duration::from_secs(40));
        assert_eq!(location(&ann.get(&ticket).await), TO);
        let slip = ann.cookie(ERP, SLIP).unwrap();
        assert_eq!(kept_until(&hosts, &slip), proved_at.plus(Duration::from_secs(60)));
        hosts.world.pass(Duration::from_secs(waits));
        assert_eq!(ann.get(&url(ERP, TO)).await.status(), status, "{waits}");
    }
}

#[tokio::test]
async fn a_slip_for_another_host_stays_behind() {
    let hosts = Hosts::new();
    let mut ann = Tabs::new(&hosts);
    ann.sign_in(&url(ERP, "/"), 0).await;
    ann.open(&url(ERP, TO)).await;
    hosts.world.pass(Duration::from_secs(60));
    let (at, code) = (ann.at().to_owned(), hosts.code(0));
    ann.ask("POST", &at, &format!("method=totp&code={code}"), &[]).await;
    assert!(ann.cookie(LOGIN, SLIP).is_some());
    // The way to another app comes in between.
    let ticket = ann.ticket(&url(CRM, "/")).await;
    assert_eq!(location(&ann.get(&ticket).await), "/");
    assert!(ann.cookie(CRM, SLIP).is_none());
    assert_eq!(text(&ann.get(&url(CRM, "/")).await), "the app");
    assert_eq!(ann.get(&url(CRM, TO)).await.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_ticket_with_a_slip_of_another_host_or_session_brings_none() {
    let hosts = Hosts::new();
    let mut ann = Tabs::new(&hosts);
    ann.sign_in(&url(ERP, "/"), 0).await;
    type Change = fn(Slip) -> Slip;
    let changes: [(Change, bool); 3] = [
        (|slip| slip, true),
        (|slip| Slip { host: CRM.to_owned(), ..slip }, false),
        (|slip| Slip { session: "01OTHER".to_owned(), ..slip }, false),
    ];
    for (n, (change, brings)) in changes.into_iter().enumerate() {
        ann.jars.get_mut(ERP).unwrap().remove(SLIP);
        let address = proved(&mut ann).await;
        let token = TicketToken::parse(address.split("ticket=").nth(1).unwrap()).unwrap();
        let tickets = &hosts.flows.ports.tickets;
        let mut ticket = tickets.take(&token).await.unwrap().unwrap();
        ticket.slip = ticket.slip.map(change);
        tickets.put(&token, &ticket, TICKET_LASTS).await.unwrap();
        assert_eq!(location(&ann.get(&address).await), TO);
        assert_eq!(ann.cookie(ERP, SLIP).is_some(), brings, "{n}");
    }
}
