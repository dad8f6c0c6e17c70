//! The links of letters: what a fault leaves of one, and what one says of an account that is gone.

use super::sent_codes::with_address;
use super::*;
use crate::auth::factor::authenticator::AddressKind;
use crate::auth::link_token::LinkToken;
use crate::auth::notice_kind::NoticeKind;
use crate::auth::user::Username;
use crate::flow::notices::{LINK_LASTS, LetterDisowned, NoticeFacts, notice_records};
use crate::flow::ports::{AccountChange, Letter, NoticeLink};
use crate::flow::testing::{Blow, HOST, World, client};

#[tokio::test]
async fn a_store_that_fails_costs_nobody_the_button() {
    for nth in 1.. {
        let world = World::new();
        let (user, flows) = (world.person("ann"), world.flows());
        let one = Some(Requirement::of(Strength::OneFactor));
        let open = opened(flows.begin(given("ann", PASSWORD), one, Channel::Cookie, &client()).await.unwrap());
        let token = LinkToken::mint(&[7; 32]);
        let link = NoticeLink { user: Some(user), at: flows.ports.clock.now() };
        flows.ports.notice_links.put(&token, &link, LINK_LASTS).await.unwrap();
        world.fail(nth, Blow::Before);
        let first = flows.disown_by_letter(&token, &client()).await;
        let reached = world.calls() >= nth;
        world.fail(0, Blow::Before);
        if !reached {
            assert!(nth > 4 && first.is_ok_and(|told| matches!(told.value, LetterDisowned::Done { ended: 1 })));
            return;
        }
        assert!(first.is_err(), "call {nth}");
        let again = flows.disown_by_letter(&token, &client()).await.unwrap();
        assert!(matches!(again.value, LetterDisowned::Done { .. }), "call {nth}: the link is lost");
        world.forget_checks();
        assert!(flows.session(&open.token, Channel::Cookie, HOST, true).await.unwrap().is_none(), "call {nth}");
    }
}

#[tokio::test]
async fn the_link_about_an_account_that_is_gone_names_nobody() {
    let world = World::new();
    let ann = world.person("ann");
    with_address(&world, &ann, AddressKind::Email, "ann@example.com");
    let (ports, username) = (world.ports(), Username::parse("ann").unwrap());
    let enrolled = ports.authenticators.of(&ann).await.unwrap();
    for (kind, names) in [(NoticeKind::PasswordChanged, true), (NoticeKind::AccountDeleted, false)] {
        let (user, username, at) = (&ann, &username, ports.clock.now());
        let facts = NoticeFacts { user, username, kind, at, origin: None, host: HOST, page_origin: "https://x" };
        let records = notice_records(&ports, facts, &enrolled).await.unwrap();
        assert!(ports.accounts.change_recorded(&ann, AccountChange::SessionsEnded, &records).await.unwrap());
        let url = world.look(|s| match s.letters.last() {
            Some((Letter::Notice(notice), _)) => notice.url.expose().to_owned(),
            _ => panic!("nothing was told"),
        });
        let token = LinkToken::parse(url.split_once("?token=").unwrap().1).unwrap();
        let link = ports.notice_links.load(&token).await.unwrap().unwrap();
        assert_eq!(link.user.is_some(), names);
    }
}
