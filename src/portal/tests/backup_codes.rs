//! Backup codes made anew: who may, what becomes of the old ones, and that two windows make one set.

use std::time::Duration;

use super::*;
use crate::auth::session::{Channel, SessionToken};
use crate::auth::user::UserId;
use crate::flow::reply::{CodesAsked, CodesRenewed};
use crate::flow::testing::{PASSWORD, client};
use crate::portal::cookies::SESSION;

const PAGE: &str = "/.stepgate/backup-codes";

/// The hidden fields of the first form of a page.
fn form(page: &str) -> Vec<(&str, &str)> {
    let form = page.split("<form").nth(1).unwrap().split("</form>").next().unwrap();
    let inputs = form.split("<input type=\"hidden\" name=\"").skip(1);
    inputs
        .map(|input| {
            (input.split('"').next().unwrap(), input.split("value=\"").nth(1).unwrap().split('"').next().unwrap())
        })
        .collect()
}

fn codes(page: &str) -> Vec<String> {
    let shown = page.split("aria-label=\"Backup codes\">").nth(1).unwrap().split('<').next().unwrap();
    shown.split_whitespace().map(str::to_owned).collect()
}

async fn made(browser: &mut Browser<'_>) -> Vec<String> {
    let question = text(&browser.get(PAGE).await);
    let shown = text(&browser.post(PAGE, &form(&question)).await);
    assert!(shown.contains("The ones you had before no longer work."), "{shown}");
    codes(&shown)
}

#[tokio::test]
async fn a_fresh_second_factor_makes_new_codes_and_ends_the_old_ones() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    let light = "/.stepgate/login?to=%2Flight%2F";
    browser.post(light, &[("username", "ann"), ("password", PASSWORD)]).await;
    assert!(text(&browser.get("/.stepgate/account").await).contains(&format!("href=\"{PAGE}\"")));
    // The password alone is too little.
    let asked = location(&browser.get(PAGE).await);
    assert_eq!(asked, "/.stepgate/step-up?then=backup-codes");
    let page = text(&browser.get(&asked).await);
    assert!(page.contains("Before new backup codes are made, show that it is you."), "{page}");
    assert!(!page.contains("autocomplete=\"current-password\""), "nor does it count: {page}");
    let on = browser.post(&asked, &[("method", "totp"), ("code", &stage.code(0))]).await;
    assert_eq!(location(&on), PAGE);
    let question = text(&browser.get(PAGE).await);
    assert!(question.contains("You have no backup codes left."), "{question}");
    let first = made(&mut browser).await;
    assert_eq!(first.len(), 10);
    // The same form once more, as by loading the page of the codes again.
    let again = text(&browser.post(PAGE, &form(&question)).await);
    assert!(again.contains("shown only once") && !again.contains("aria-label=\"Backup codes\""), "{again}");
    let second = made(&mut browser).await;
    assert!(first.iter().all(|code| !second.contains(code)));
    let mut other = Browser::new(&stage);
    let at = "/.stepgate/second-factor?to=%2Ferp";
    other.post("/.stepgate/login?to=%2Ferp", &[("username", "ann"), ("password", PASSWORD)]).await;
    let old = other.post(at, &[("method", "backup_code"), ("code", &first[0])]).await;
    assert_eq!(old.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let new = other.post(at, &[("method", "backup_code"), ("code", &second[0])]).await;
    assert!(text(&new).contains("You have 9 backup codes left.") && !text(&new).contains("Make new"), "{}", text(&new));
    // What was proved long ago counts no more.
    stage.world.pass(Duration::from_secs(601));
    assert_eq!(location(&browser.get(PAGE).await), "/.stepgate/step-up?then=backup-codes");
    let late = browser.post(PAGE, &form(&question)).await;
    assert_eq!(location(&late), "/.stepgate/step-up?then=backup-codes");
}

#[tokio::test]
async fn the_page_of_the_codes_gives_them_as_a_file_and_no_address_shows_them_again() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    browser.sign_in("/erp", 0).await;
    let question = text(&browser.get(PAGE).await);
    let shown = text(&browser.post(PAGE, &form(&question)).await);
    let codes = codes(&shown);
    let fields = form(&shown);
    let file = browser.post(PAGE, &fields).await;
    assert_eq!(file.headers()["content-disposition"], "attachment;filename=backup-codes.txt");
    assert_eq!(
        (&file.headers()["content-type"], &file.headers()["cache-control"]),
        (&"text/plain; charset=utf-8".parse().unwrap(), &"no-store".parse().unwrap())
    );
    let read: Vec<String> = text(&file).lines().skip(2).map(str::to_owned).collect();
    assert_eq!(read, codes);
    assert!(text(&file).starts_with("Backup codes for the account ann on erp.example.com:8443. "), "{}", text(&file));
    // The page of an enrolment has the same form.
    assert_eq!(text(&browser.post("/.stepgate/enroll", &fields).await), text(&file));
    for at in [PAGE, "/.stepgate/enroll", "/.stepgate/account"] {
        let again = text(&browser.get(at).await);
        assert!(codes.iter().all(|code| !again.contains(code)), "{at}");
    }
    let other = browser.post(PAGE, &[("op", "download"), ("codes", "<script>alert(1)</script>")]).await;
    assert_eq!(other.status(), StatusCode::BAD_REQUEST);
    let nobody = Browser::new(&stage).post(PAGE, &fields).await;
    assert!(codes.iter().all(|code| !text(&nobody).contains(code)));
}

#[tokio::test]
async fn who_has_few_left_is_warned_where_it_helps() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    browser.sign_in("/erp", 0).await;
    let all = made(&mut browser).await;
    for (n, code) in all.iter().enumerate() {
        let left = 9 - n;
        let mut other = Browser::new(&stage);
        other.post("/.stepgate/login?to=%2Ferp", &[("username", "ann"), ("password", PASSWORD)]).await;
        let told = other.post("/.stepgate/second-factor?to=%2Ferp", &[("method", "backup_code"), ("code", code)]).await;
        let (told, account) = (text(&told), text(&browser.get("/.stepgate/account").await));
        assert_eq!(told.contains("href=\"/.stepgate/backup-codes?to=%2Ferp\""), left <= 3, "{left}: {told}");
        assert_eq!(account.contains("Make new ones before you need them."), left <= 3, "{left}: {account}");
        let plural = if left == 1 { "" } else { "s" };
        let said = if left == 0 {
            "That was your last backup code.".to_owned()
        } else {
            format!("You have {left} backup code{plural} left.")
        };
        assert!(told.contains(&said), "{said} {told}");
    }
}

#[tokio::test]
async fn nobody_else_gets_there() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    assert_eq!(location(&browser.get(PAGE).await), "/.stepgate/login?then=backup-codes");
    assert_eq!(location(&browser.post(PAGE, &[("op", "make")]).await), "/.stepgate/login?then=backup-codes");
    // Bob has no app that backup codes could stand for.
    let light = "/.stepgate/login?to=%2Flight%2F";
    browser.post(light, &[("username", "bob"), ("password", PASSWORD)]).await;
    assert!(!text(&browser.get("/.stepgate/account").await).contains(PAGE));
    assert_eq!(location(&browser.get(PAGE).await), "/.stepgate/account");
    assert_eq!(location(&browser.post(PAGE, &[("op", "make")]).await), "/.stepgate/account");
    assert!(stage.world.look(|s| s.backup.is_empty()));
}

#[tokio::test]
async fn two_windows_make_one_set() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    browser.sign_in("/erp", 0).await;
    let flows = stage.portal.state.flows.clone();
    let token = SessionToken::parse(&browser.jar[SESSION]).unwrap();
    let session = flows.session(&token, Channel::Cookie, HOST, true).await.unwrap().unwrap();
    let CodesAsked::Ready { set, .. } = flows.codes_asked(&token, &session, &client()).await.unwrap() else {
        panic!("not ready")
    };
    let (client, ann) = (client(), UserId("01ANN".to_owned()));
    let tries = (0..20).map(|_| flows.renew_codes(&token, &session, &set, &client));
    let replies = futures_util::future::join_all(tries).await;
    let made = replies.into_iter().filter(|told| matches!(told.as_ref().unwrap().value, CodesRenewed::Made(_))).count();
    assert_eq!((made, stage.world.look(|s| s.backup[&ann].1.len())), (1, 10));
}

#[tokio::test]
async fn a_script_makes_them_by_a_call() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    let call = "/.stepgate/api/v1/backup-codes";
    browser.post("/.stepgate/login?to=%2Flight%2F", &[("username", "bob"), ("password", PASSWORD)]).await;
    let none = text(&browser.post(call, &[]).await);
    assert!(none.contains("\"no_second_factor\"") && none.contains("409"), "{none}");
    let mut browser = Browser::new(&stage);
    browser.sign_in("/erp", 0).await;
    let read = |answer: String| -> Vec<String> {
        let body: serde_json::Value = serde_json::from_str(&answer).unwrap();
        serde_json::from_value(body["backup_codes"].clone()).unwrap()
    };
    let first = read(text(&browser.post(call, &[]).await));
    let second = read(text(&browser.post(call, &[]).await));
    assert!(second.len() == 10 && first.iter().all(|code| !second.contains(code)));
    stage.world.pass(Duration::from_secs(601));
    let late = text(&browser.post(call, &[]).await);
    assert!(late.contains("\"proof_required\"") && late.contains("\"methods\":[\"totp\",\"backup_code\"]"), "{late}");
}
