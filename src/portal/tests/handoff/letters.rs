//! Links in letters that were asked for on the host of an app, by a call of the API.

use super::*;
use crate::auth::link_token::LinkToken;
use crate::auth::user::UserId;
use crate::flow::notices::LINK_LASTS;
use crate::flow::ports::NoticeLink;

#[tokio::test]
async fn the_page_of_a_letter_stays_where_its_link_leads() {
    let hosts = Hosts::new();
    for page in ["notice", "recover", "recover-stop", "delete", "login-link", "signup"] {
        for (query, stays) in [("?token=sgl_x", true), ("", false), ("?to=%2F", false)] {
            for method in ["GET", "POST"] {
                let at = url(ERP, &format!("/.stepgate/{page}{query}"));
                let answer = Tabs::new(&hosts).ask(method, &at, "", &[]).await;
                assert_ne!(location(&answer).starts_with(&url(LOGIN, "/")), stays, "{method} {page}{query}");
            }
        }
    }
    for page in ["login", "account", "second-factor"] {
        let answer = Tabs::new(&hosts).get(&url(ERP, &format!("/.stepgate/{page}?token=x"))).await;
        assert!(location(&answer).starts_with(&url(LOGIN, "/")), "{page} is of no letter");
    }
}

#[tokio::test]
async fn this_was_not_me_works_on_the_host_of_an_app() {
    let hosts = Hosts::new();
    let token = LinkToken::mint(&[1; 32]);
    let ports = hosts.world.ports();
    let user = hosts.world.look(|s| s.accounts.keys().find(|id| id.0 == "01ANN").cloned());
    let link = NoticeLink { user: Some(user.unwrap_or_else(|| UserId(String::new()))), at: ports.clock.now() };
    ports.notice_links.put(&token, &link, LINK_LASTS).await.unwrap();
    let mut reader = Tabs::new(&hosts);
    let shown = reader.open(&url(ERP, &format!("/.stepgate/notice?token={}", token.expose()))).await;
    assert!(text(&shown).contains("value=\"disown\""), "{}", text(&shown));
    let told = reader.submit(&[("op", "disown")]).await;
    assert!(text(&told).contains("Everybody is signed out"), "{}", text(&told));
}
