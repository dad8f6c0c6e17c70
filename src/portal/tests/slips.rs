//! The way of a browser to what asks for a proof for each request, and for each transaction.

use super::*;
use crate::auth::held_request::{FormKeys, HolderToken};
use crate::auth::proof::decision::Decision;
use crate::auth::proof::{Binding, BodyReading, BoundBody};
use crate::auth::secret::SecretBytes;
use crate::auth::slip_token::SlipToken;
use crate::flow::forms::FormHead;
use crate::flow::slips::{SlipAdmission, SlipUse};
use crate::portal::cookies::{HELD, SESSION, SLIP};

const FORM: &str = "application/x-www-form-urlencoded";
const BODY: &str = "to=<7>&pin=1234&sum=12";

fn stage() -> Stage {
    let bound = |name, path, binding| {
        let plain = rule(name, path, Strength::TwoFactor, None);
        let Access::Guarded { audience, requirement } = plain.access.clone() else { panic!("guarded") };
        let access = Access::Guarded { audience, requirement: Requirement { binding, ..requirement } };
        Arc::new(Rule { access, redact: vec!["pin".to_owned()], ..plain })
    };
    let rules = vec![
        bound("once", "/once/**", Binding::Request),
        bound("paid", "/paid/**", Binding::Transaction),
        Arc::new(rule("light", "/light/**", Strength::OneFactor, None)),
        Arc::new(rule("rest", "/**", Strength::TwoFactor, None)),
    ];
    let app = AppPolicy {
        offer: Default::default(),
        host: HOST.to_owned(),
        tolerate: Tolerances::default(),
        rules: rules.into(),
    };
    Stage::ruled(Policy::new([app]))
}

/// Whether a request with the cookies of a browser passes by its slip, which is used up then.
async fn passes(stage: &Stage, browser: &Browser<'_>, method: &str, target: &str, body: &[u8]) -> bool {
    let Some(slip) = browser.jar.get(SLIP).and_then(|slip| SlipToken::parse(slip)) else { return false };
    let app = stage.policy.app(HOST).unwrap();
    let resource = Resource::parse(HOST, method, target.as_bytes(), app.tolerate).unwrap();
    let session = crate::auth::session::SessionToken::parse(&browser.jar[SESSION]).unwrap();
    let asked = info(method, target, &[]);
    let presented = Some((&session, crate::auth::session::Channel::Cookie));
    let digest = <sha2::Sha256 as sha2::Digest>::digest(body).into();
    let slip = SlipUse { token: &slip, body: Some(BoundBody { sha256: digest, reading: BodyReading::HeldForm(FORM) }) };
    let around = Circumstances::of(asked.client_ip);
    let flows = &stage.portal.state.flows;
    match flows.admit_by_slip(app, &resource, &around, presented, slip, &SeenHead::of(&asked)).await.unwrap() {
        SlipAdmission::Decided(decided) => matches!(decided.0.decision, Decision::Permit(_)),
        SlipAdmission::Nothing | SlipAdmission::BodyNeeded => false,
    }
}

#[tokio::test]
async fn a_browser_proves_anew_for_each_request_and_is_not_led_round() {
    let stage = stage();
    let mut browser = Browser::new(&stage);
    browser.sign_in("/", 0).await;
    for _ in 0..6 {
        stage.world.pass(std::time::Duration::from_secs(60));
        let to = location(&browser.open("/once/a?b").await);
        assert_eq!(to, "/.stepgate/step-up?to=%2Fonce%2Fa%3Fb");
        let page = browser.get(&to).await;
        assert!(text(&page).contains("asks for a proof each time"), "{}", text(&page));
        let answer = browser.post(&to, &[("method", "totp"), ("code", &stage.code(0))]).await;
        assert_eq!((answer.status(), location(&answer)), (StatusCode::SEE_OTHER, "/once/a?b".to_owned()));
        let set = answer.headers().get_all("set-cookie").iter().map(|set| set.to_str().unwrap());
        let set = set.filter(|set| set.starts_with(SLIP)).collect::<Vec<_>>();
        assert!(set.len() == 1 && set[0].contains("; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=60"), "{set:?}");
        assert!(passes(&stage, &browser, "GET", "/once/a?b", b"").await);
        assert!(!passes(&stage, &browser, "GET", "/once/a?b", b"").await, "a reload asks again");
    }
}

/// A form of ann's that waits.
async fn keep(stage: &Stage, browser: &mut Browser<'_>, kind: &str, body: &str) -> FormKeys {
    let flows = &stage.portal.state.flows;
    let token = crate::auth::session::SessionToken::parse(&browser.jar[SESSION]).unwrap();
    let session = flows.session(&token, crate::auth::session::Channel::Cookie, HOST, true).await.unwrap().unwrap();
    let holder = browser.jar.get(HELD).and_then(|holder| HolderToken::parse(holder));
    let room = flows.form_room(holder.as_ref(), Some(&session), [192, 0, 2, 7].into()).await.unwrap().unwrap();
    let head = FormHead {
        host: HOST.to_owned(),
        method: "POST".to_owned(),
        target: "/paid/a?b=1".to_owned(),
        content_type: kind.to_owned(),
        origin: None,
        referer: None,
    };
    let keys = flows.hold_form(room, head, SecretBytes::new(body.as_bytes().to_vec())).await.unwrap();
    browser.jar.insert(HELD.to_owned(), keys.holder.expose().to_owned());
    keys
}

fn page_of(keys: &FormKeys) -> String {
    format!("/.stepgate/step-up?to=%2Fpaid%2Fa%3Fb%3D1&for=POST&form={}", keys.id.expose())
}

fn shown_digest(page: &str) -> String {
    page.split("name=\"transaction\" value=\"")
        .nth(1)
        .unwrap_or_else(|| panic!("{page}"))
        .split('"')
        .next()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn what_is_sent_is_shown_and_a_code_is_for_that_alone() {
    let stage = stage();
    let mut browser = Browser::new(&stage);
    browser.sign_in("/", 0).await;
    stage.world.pass(std::time::Duration::from_secs(60));
    let keys = keep(&stage, &mut browser, FORM, BODY).await;
    let other = keep(&stage, &mut browser, FORM, "to=8&sum=12").await;
    let page = text(&browser.get(&page_of(&keys)).await);
    for part in [
        "POST <code>",
        "/paid/a?b=1",
        "<dt>to</dt><dd>&#60;7&#62;</dd>",
        "Not shown (4 letters)",
        "<dt>sum</dt><dd>12</dd>",
    ] {
        assert!(page.contains(part), "{part} not in {page}");
    }
    assert!(!page.contains("1234"), "{page}");
    let (digest, code) = (shown_digest(&page), stage.code(0));
    let another = shown_digest(&text(&browser.get(&page_of(&other)).await));
    assert_ne!(digest, another);
    for wrong in ["", another.as_str(), "00"] {
        let fields = [("method", "totp"), ("code", code.as_str()), ("transaction", wrong)];
        let answer = browser.post(&page_of(&keys), &fields).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert!(text(&answer).contains("is not what this page showed"), "{}", text(&answer));
        assert!(!browser.jar.contains_key(SLIP));
    }
    let fields = [("method", "totp"), ("code", code.as_str()), ("transaction", digest.as_str())];
    let answer = browser.post(&page_of(&keys), &fields).await;
    assert!(
        location(&answer).starts_with("/.stepgate/form?to=%2Fpaid%2Fa%3Fb%3D1&for=POST&form="),
        "the code was not spent"
    );
    for (method, target, body) in [
        ("POST", "/paid/a?b=1", "to=8&sum=12"),
        ("POST", "/paid/a?b=2", BODY),
        ("PUT", "/paid/a?b=1", BODY),
        ("POST", "/once/a", BODY),
    ] {
        assert!(!passes(&stage, &browser, method, target, body.as_bytes()).await, "{method} {target} {body}");
    }
    assert!(passes(&stage, &browser, "POST", "/paid/a?b=1", BODY.as_bytes()).await);
    assert!(!passes(&stage, &browser, "POST", "/paid/a?b=1", BODY.as_bytes()).await);
    let told: Vec<String> =
        stage.world.look(|s| s.trail.iter().map(|(_, event)| serde_json::to_string(event).unwrap()).collect());
    let issued = told.iter().find(|event| event.contains("slip_issued")).unwrap_or_else(|| panic!("{told:?}"));
    assert!(
        issued.contains(&format!("\"transaction\":\"{digest}\"")) && issued.contains("\"method\":\"totp\""),
        "{issued}"
    );
}

#[tokio::test]
async fn what_cannot_be_shown_cannot_be_approved() {
    let stage = stage();
    let mut browser = Browser::new(&stage);
    browser.sign_in("/", 0).await;
    let odd = keep(&stage, &mut browser, "multipart/form-data; boundary=b", "--b\n\nx").await;
    for page in [page_of(&odd), "/.stepgate/step-up?to=%2Fpaid%2Fa%3Fb%3D1&for=POST".to_owned()] {
        let answer = browser.get(&page).await;
        assert_eq!(answer.status(), StatusCode::CONFLICT, "{page}");
        assert!(text(&answer).contains("cannot be approved here") && !text(&answer).contains("name=\"code\""));
    }
    // A form is shown for its own address alone.
    let kept = page_of(&keep(&stage, &mut browser, FORM, BODY).await);
    assert!(text(&browser.get(&kept).await).contains("name=\"code\""));
    let elsewhere = text(&browser.get(&kept.replace("%2Fpaid%2Fa", "%2Fpaid%2Fb")).await);
    assert!(elsewhere.contains("not waiting any more") && !elsewhere.contains("name=\"code\""), "{elsewhere}");
    let get = text(&browser.get("/.stepgate/step-up?to=%2Fpaid%2Fa%3Fb%3D1").await);
    assert!(get.contains("GET <code>") && get.contains("/paid/a?b=1</code>"), "its address is all that it says: {get}");
}

#[tokio::test]
async fn what_a_session_lacks_is_proved_where_nothing_can_be_shown_yet() {
    let stage = stage();
    let mut browser = Browser::new(&stage);
    let fields = [("username", "ann"), ("password", crate::flow::testing::PASSWORD)];
    let answer = browser.post("/.stepgate/login?to=%2Flight%2F", &fields).await;
    browser.follow(answer).await;
    let page = "/.stepgate/step-up?to=%2Fpaid%2Fa&for=POST";
    let asked = browser.get(page).await;
    assert_eq!(asked.status(), StatusCode::OK, "{}", text(&asked));
    assert!(!text(&asked).contains("name=\"transaction\""), "{}", text(&asked));
    let risen = browser.post(page, &[("method", "totp"), ("code", &stage.code(0))]).await;
    assert_eq!(location(&risen), "/.stepgate/done?to=%2Fpaid%2Fa&for=POST");
    assert!(!browser.jar.contains_key(SLIP), "nothing was approved of");
    assert_eq!(browser.get(page).await.status(), StatusCode::CONFLICT, "nothing else is missing");
}

#[tokio::test]
async fn a_proof_for_what_is_sent_again_is_not_used_up_by_the_way_back() {
    let stage = stage();
    let mut browser = Browser::new(&stage);
    browser.sign_in("/", 0).await;
    stage.world.pass(std::time::Duration::from_secs(60));
    let page = "/.stepgate/step-up?to=%2Fonce%2Fa&for=POST";
    let risen = browser.post(page, &[("method", "totp"), ("code", &stage.code(0))]).await;
    assert_eq!(location(&risen), "/.stepgate/done?to=%2Fonce%2Fa&for=POST");
    let last = browser.get(&location(&risen)).await;
    assert_eq!((last.status(), header(&last, "x-stepgate-response")), (StatusCode::OK, "done"));
    assert!(text(&last).contains("close this window"), "{}", text(&last));
    assert!(passes(&stage, &browser, "POST", "/once/a", b"large").await);
    let elsewhere = browser.get("/.stepgate/done?to=%2Flight%2Fa&for=POST").await;
    assert_eq!(location(&elsewhere), "/light/a", "where a session is enough, its address opens as ever");
}
