//! The page behind the link of a letter about an account.

use super::*;
use crate::auth::event::What;
use crate::auth::link_token::LinkToken;
use crate::flow::notices::{LINK_LASTS, NOTICE_PAGE};
use crate::flow::ports::NoticeLink;

const ELSEWHERE: &str = "203.0.113.77";

/// A letter was sent; its link.
async fn linked(stage: &Stage, bytes: u8) -> String {
    let user = stage.world.look(|s| s.accounts.keys().find(|id| id.0 == "01ANN").unwrap().clone());
    let ports = stage.world.ports();
    let token = LinkToken::mint(&[bytes; 32]);
    let link = NoticeLink { user: Some(user), at: ports.clock.now() };
    ports.notice_links.put(&token, &link, LINK_LASTS).await.unwrap();
    format!("{NOTICE_PAGE}?token={}", token.expose())
}

#[tokio::test]
async fn a_link_leads_to_a_button_that_signs_everybody_out_once() {
    let stage = Stage::new();
    let mut owner = Browser::new(&stage);
    owner.sign_in("/erp", 0).await;
    assert_eq!(text(&owner.open("/erp").await), "the app");
    let page = linked(&stage, 1).await;
    let mut reader = Browser { ip: ELSEWHERE, ..Browser::new(&stage) };
    for method in ["GET", "HEAD", "GET"] {
        let shown = reader.go(method, &page, String::new()).await;
        assert_eq!(shown.status(), StatusCode::OK);
        assert!(method == "HEAD" || text(&shown).contains("value=\"disown\""), "{}", text(&shown));
        assert!(method == "HEAD" || text(&shown).contains("your account"), "{}", text(&shown));
    }
    // Not from another site, not without the button, not with another token.
    let mut far = reader.asking("POST", &page);
    far.headers.insert("sec-fetch-site", HeaderValue::from_static("cross-site"));
    assert_eq!(send(&stage.portal, &far, "op=disown").await.status(), StatusCode::FORBIDDEN);
    assert_eq!(reader.post(&page, &[]).await.status(), StatusCode::BAD_REQUEST);
    let other = format!("{NOTICE_PAGE}?token={}", LinkToken::mint(&[9; 32]).expose());
    for unknown in [other.as_str(), NOTICE_PAGE, "/.stepgate/notice?token=x"] {
        assert!(text(&reader.post(unknown, &[("op", "disown")]).await).contains("of no use any more"), "{unknown}");
        assert!(text(&reader.get(unknown).await).contains("of no use any more"), "{unknown}");
    }
    assert_eq!(text(&owner.open("/erp").await), "the app", "nothing of that did anything");

    let told = reader.post(&page, &[("op", "disown")]).await;
    let words: Vec<_> = told.events.iter().map(|event| event.what).collect();
    assert_eq!(words, [What::SignInDisowned, What::SessionsRevoked]);
    assert!(text(&told).contains("1 session of your account has ended") && text(&told).contains("it-help@example.com"));
    assert!(reader.jar.is_empty(), "nobody is signed in by it");
    stage.world.forget_checks();
    assert_ne!(text(&owner.open("/erp").await), "the app");
    for again in [reader.post(&page, &[("op", "disown")]).await, reader.get(&page).await] {
        assert!(text(&again).contains("of no use any more") && again.events.is_empty());
    }
}

#[tokio::test]
async fn of_many_at_once_one_is_told_that_it_was_done() {
    let stage = Stage::new();
    let page = linked(&stage, 2).await;
    let reader = Browser::new(&stage);
    let asked = reader.asking("POST", &page);
    let all = futures_util::future::join_all((0..8).map(|_| send(&stage.portal, &asked, "op=disown"))).await;
    assert_eq!(all.iter().filter(|answer| text(*answer).contains("Everybody is signed out")).count(), 1);
}
