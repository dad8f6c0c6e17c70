//! Making an account by the pages, without JavaScript.

use super::*;
use crate::flow::ports::LetterLink;

const PAGE: &str = "/.stepgate/signup";
const OWN: &str = "a kettle of nine herrings";

fn letter(stage: &Stage) -> LetterLink {
    stage.world.look(|s| match s.letters.last() {
        Some((Letter::Link(link), _)) => link.clone(),
        _ => panic!("no letter"),
    })
}

fn accounts(stage: &Stage) -> usize {
    stage.world.look(|s| s.accounts.len())
}

#[tokio::test]
async fn a_code_makes_an_account_that_sets_up_a_second_factor() {
    let stage = Stage::with_all();
    let before = accounts(&stage);
    let mut browser = Browser::new(&stage);
    assert!(text(&browser.get("/.stepgate/login").await).contains("href=\"/.stepgate/signup\""));
    let form = text(&browser.get(PAGE).await);
    assert!(form.contains("At least 15 characters"), "the rule stands before anybody types: {form}");
    let unusable = [("op", "begin"), ("email", "nobody"), ("username", "new"), ("password", "short")];
    let wrong = browser.post(PAGE, &unusable).await;
    assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let wrong = text(&wrong);
    assert!(wrong.contains("value=\"nobody\"") && wrong.contains("value=\"new\""), "kept: {wrong}");
    assert!(!wrong.contains("short"), "but not the password: {wrong}");
    let given = [("op", "begin"), ("email", "new@example.com"), ("password", OWN), ("enable_mfa", "yes")];
    let sent = text(&browser.post(PAGE, &given).await);
    assert!(sent.contains("name=\"code\"") && !sent.contains(OWN), "{sent}");
    assert_eq!(accounts(&stage), before, "nothing is made until the address is confirmed");
    let code = letter(&stage).code.unwrap();
    let confirm = |code: &str, password: &str| {
        [("op", "code"), ("email", "new@example.com"), ("code", code), ("password", password)]
            .map(|(name, value)| (name, value.to_owned()))
    };
    let wrong = confirm(code.expose(), "seven swans on the ice");
    let wrong = browser.post(PAGE, &wrong.each_ref().map(|(name, value)| (*name, value.as_str()))).await;
    assert_eq!((wrong.status(), accounts(&stage)), (StatusCode::UNPROCESSABLE_ENTITY, before));
    let right = confirm(code.expose(), OWN);
    let right = right.each_ref().map(|(name, value)| (*name, value.as_str()));
    let made = browser.post(PAGE, &right).await;
    assert!(location(&made).starts_with("/.stepgate/enroll"), "{} {}", location(&made), text(&made));
    assert_eq!(accounts(&stage), before + 1);
    let enroll = browser.follow(made).await;
    assert!(text(&enroll).contains("<svg"), "{}", text(&enroll));
    assert_eq!(browser.post(PAGE, &right).await.status(), StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_link_asks_who_reached_the_address_and_looking_makes_nothing() {
    let stage = Stage::with_all();
    let before = accounts(&stage);
    let mut began = Browser::new(&stage);
    let given = [("op", "begin"), ("email", "new@example.com"), ("username", "ann"), ("password", OWN)];
    let sent = text(&began.post(PAGE, &given).await);
    let (link, _) = stage.last_link();
    // The answer to an address that somebody has is the same.
    let mut elsewhere = Browser::new(&stage);
    for _ in 0..3 {
        let page = text(&elsewhere.get(&link).await);
        assert!(page.contains("name=\"op\" value=\"confirm\"") && page.contains("name=\"password\""), "{page}");
    }
    assert_eq!(accounts(&stage), before);
    let op = ("op", "confirm");
    let wrong = elsewhere.post(&link, &[op, ("password", "seven swans on the ice")]).await;
    assert_eq!((wrong.status(), accounts(&stage)), (StatusCode::UNPROCESSABLE_ENTITY, before));
    // Only whoever reached the address is told that the name is somebody's.
    let taken = text(&elsewhere.post(&link, &[op, ("password", OWN)]).await);
    assert!(taken.contains("name=\"username\" value=\"\"") && taken.contains("id=\"username-error\""), "{taken}");
    let made = elsewhere.post(&link, &[op, ("password", OWN), ("username", "anne")]).await;
    assert_eq!((made.status(), accounts(&stage)), (StatusCode::SEE_OTHER, before + 1));
    assert_eq!(elsewhere.get(&link).await.status(), StatusCode::GONE);
    assert_eq!(elsewhere.post(&link, &[op, ("password", OWN)]).await.status(), StatusCode::CONFLICT);
    let again = text(&began.post(PAGE, &given).await);
    assert_eq!(again, sent, "whoever has the address");
    assert!(letter(&stage).code.is_none());
}

#[tokio::test]
async fn the_browser_that_began_is_not_asked_for_the_password_again() {
    let stage = Stage::with_all();
    let before = accounts(&stage);
    let [mut began, mut elsewhere] = [0, 1].map(|_| Browser::new(&stage));
    for (email, by_code) in [("new@example.com", true), ("newer@example.com", false)] {
        let given = [("op", "begin"), ("email", email), ("password", OWN), ("enable_mfa", "yes")];
        let sent = text(&began.post(PAGE, &given).await);
        assert!(sent.contains("name=\"code\"") && !sent.contains("name=\"password\""), "{sent}");
        let (link, _) = stage.last_link();
        let code = letter(&stage).code.unwrap();
        // Another browser is asked, whatever it leaves out.
        let made = accounts(&stage);
        let by_link = [("op", "confirm")];
        let with_code = [("op", "code"), ("email", email), ("code", code.expose())];
        assert!(text(&elsewhere.get(&link).await).contains("name=\"password\""));
        for answer in [elsewhere.post(&link, &by_link).await, elsewhere.post(PAGE, &with_code).await] {
            assert_eq!((answer.status(), accounts(&stage)), (StatusCode::UNPROCESSABLE_ENTITY, made));
            assert!(text(&answer).contains("id=\"password-error\""), "{}", text(&answer));
        }
        let answer = match by_code {
            true => began.post(PAGE, &with_code).await,
            false => {
                assert!(!text(&began.get(&link).await).contains("name=\"password\""));
                began.post(&link, &by_link).await
            }
        };
        assert_eq!((answer.status(), accounts(&stage)), (StatusCode::SEE_OTHER, made + 1));
    }
    assert_eq!(accounts(&stage), before + 2);
}

#[tokio::test]
async fn an_invitation_takes_a_new_password_where_nobody_signs_up_alone() {
    let stage = Stage::new();
    let before = accounts(&stage);
    let mut browser = Browser::new(&stage);
    assert_eq!(browser.get(PAGE).await.status(), StatusCode::NOT_FOUND);
    assert!(!text(&browser.get("/.stepgate/login").await).contains("/.stepgate/signup"));
    let invitation = crate::flow::ports::Invitation {
        id: "01INVITED".to_owned(),
        email: "bea@example.com".to_owned(),
        groups: Vec::new(),
        created_at: stage.portal.state.flows.ports.clock.now(),
        expires_at: stage.portal.state.flows.ports.clock.now().plus(std::time::Duration::from_secs(3600)),
        used_at: None,
    };
    let token = crate::auth::link_token::LinkToken::mint(&[7; 32]);
    let sign_ups = &stage.portal.state.flows.ports.sign_ups;
    sign_ups.invite(&invitation, &token.name(), crate::flow::ports::Records::NONE).await.unwrap();
    let link = format!("{PAGE}?token={}", token.expose());
    let shown = text(&browser.get(&link).await);
    assert!(shown.contains("At least 15 characters") && shown.contains("bea@example.com"), "{shown}");
    let short = browser.post(&link, &[("op", "confirm"), ("username", "bea"), ("password", "short")]).await;
    assert_eq!(short.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(text(&short).contains("value=\"bea\""), "kept: {}", text(&short));
    let made = browser.post(&link, &[("op", "confirm"), ("username", "bea"), ("password", OWN)]).await;
    assert_eq!((made.status(), accounts(&stage)), (StatusCode::SEE_OTHER, before + 1));
    assert_eq!(browser.get(&link).await.status(), StatusCode::GONE);
}
