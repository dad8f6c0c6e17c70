//! Rules that ask for more than can be proved here: said at once, and nobody is led to do anything for nothing.

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use super::*;
use crate::auth::proof::decision::{Decision, decide};
use crate::auth::proof::evaluation::evaluate;
use crate::auth::proof::{Method as Proof, MethodSet, Offer, Risk};
use crate::auth::session::Session;
use crate::flow::testing::PASSWORD;
use crate::portal::cookies::{FLOW, SESSION};

#[tokio::test]
async fn who_has_an_app_is_told_what_the_rule_wants_and_whom_to_ask() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    let to = "/.stepgate/login?to=%2Fvault%2Fkeys%3Fa%3D1";
    assert!(text(&browser.get(to).await).contains("Signing in will not open it."));
    for name in ["ann", "bob"] {
        let wrong = browser.post(to, &[("username", name), ("password", "no")]).await;
        assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY, "nobody is told before the password is right");
        let answer = browser.post(to, &[("username", name), ("password", PASSWORD)]).await;
        let page = text(&answer);
        assert_eq!((answer.status(), header(&answer, "x-stepgate-response")), (StatusCode::FORBIDDEN, "refusal"));
        for said in
            ["This page asks for a passkey or a security key.", "GET erp.example.com:8443/vault/keys<", "vault", name]
        {
            assert!(page.contains(said), "{said}: {page}");
        }
        assert!(page.contains("Changing &#60;master&#62; data") && page.contains("Ask &#34;finance-it&#34; &#38; co"));
        assert_eq!(page.contains("You have a password and an authenticator app."), name == "ann");
        assert!(!page.contains("class=\"qr\"") && !page.contains("<input"), "nobody is led to enrol for nothing");
        assert!(!browser.jar.contains_key(SESSION) && !browser.jar.contains_key(FLOW));
    }
}

#[tokio::test]
async fn who_is_signed_in_is_told_before_a_code_is_asked() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    browser.post("/.stepgate/login?to=%2Flight%2F", &[("username", "ann"), ("password", PASSWORD)]).await;
    for _ in 0..2 {
        let answer = browser.get("/.stepgate/step-up?to=%2Fvault%2F").await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
        assert!(text(&answer).contains("a passkey or a security key") && !text(&answer).contains("<input"));
        assert!(text(&answer).contains("Signed in as") && text(&answer).contains("/.stepgate/account"));
        let code = stage.code(0);
        let sent = browser.post("/.stepgate/step-up?to=%2Fvault%2F", &[("method", "totp"), ("code", &code)]).await;
        assert_eq!(sent.status(), StatusCode::FORBIDDEN);
        assert!(stage.world.look(|s| s.spent.is_empty()), "and none is spent");
    }
}

/// What the gateway answers by a rule that nobody can meet here.
fn answered(stage: &Stage, info: &RequestInfo, session: Option<&Arc<Session>>) -> Reply {
    let rule = Arc::new(rule("vault", "/**", Strength::PhishingResistant, None));
    let resource = Resource::parse(HOST, "GET", b"/x?q", Tolerances::default()).unwrap();
    let around = Circumstances::of(info.client_ip);
    let (served, now) = (Offer::BASIC.served, crate::auth::time::Timestamp::from_secs(2));
    match evaluate(&[Some(&rule)], served, &resource, &around, session, now) {
        Decision::Challenge(challenged) => stage.portal.challenge(info, &challenged),
        Decision::Refuse(refusal) => stage.portal.refusal(info, &refusal).into(),
        Decision::Permit(_) => panic!("let in"),
    }
}

#[tokio::test]
async fn machines_are_refused_once_signing_in_cannot_help() {
    let stage = Stage::new();
    let mut browser = Browser::new(&stage);
    browser.sign_in("/", 0).await;
    let session = stage.world.look(|s| s.sessions.values().next().unwrap().0.clone());
    let tell = |method, headers: &[(&str, &str)], who: Option<Arc<Session>>| {
        answered(&stage, &info(method, "/x?q", headers), who.as_ref())
    };
    let frame = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
    let navigation = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    // Nobody yet: they may well be told to sign in.
    assert_eq!(tell("GET", &[("sec-fetch-mode", "cors")], None).status(), StatusCode::UNAUTHORIZED);
    let told = tell("GET", &[("sec-fetch-mode", "cors")], Some(session.clone()));
    assert_eq!((told.status(), header(&told, "content-type")), (StatusCode::FORBIDDEN, "application/problem+json"));
    let body: Value = serde_json::from_slice(told.body()).unwrap();
    assert_eq!((&body["code"], &body["rule"]), (&json!("factor_unavailable"), &json!("vault")));
    assert_eq!(body["methods"], json!(["passkey", "security_key"]));
    assert_eq!(body["remediation"], "Ask \"finance-it\" & co");
    assert!(!told.headers().contains_key("www-authenticate"));
    let grpc = tell("POST", &[("content-type", "application/grpc")], Some(session.clone()));
    assert_eq!(header(&grpc, "grpc-status"), "7");
    let framed = tell("GET", &frame, Some(session.clone()));
    assert!(framed.status() == StatusCode::FORBIDDEN && !framed.headers().contains_key("x-frame-options"));
    let form = tell("POST", &navigation, Some(session.clone()));
    assert!(form.status() == StatusCode::FORBIDDEN && !text(&form).contains("send the form again"), "{}", text(&form));
    let page = tell("GET", &navigation, Some(session));
    assert!(page.status() == StatusCode::FORBIDDEN && text(&page).contains("a passkey or a security key"));
}

#[tokio::test]
async fn a_script_is_told_that_nothing_can_be_enrolled_for_its_wish() {
    let stage = Stage::new();
    for (name, strength, methods) in [
        ("bob", "two_factor", json!(["totp"])),
        ("bob", "phishing_resistant", json!([])),
        ("ann", "phishing_resistant", json!([])),
    ] {
        let body = json!({"username": name, "password": PASSWORD, "strength": strength}).to_string();
        let asked = info("POST", "/.stepgate/api/v1/login", &[("content-type", "application/json")]);
        let told: Value = serde_json::from_slice(send(&stage.portal, &asked, body).await.body()).unwrap();
        assert_eq!((&told["status"], &told["methods"]), (&json!("enrollment_required"), &methods), "{name} {strength}");
    }
}

/// What a person does who answers whatever the pages ask, and always rightly.
struct Person<'a> {
    stage: &'a Stage,
    name: &'static str,
    /// The key of the app, once there is one.
    key: Option<SecretBytes>,
    backup: Vec<String>,
    /// How many codes they typed, of the app or of paper.
    codes: usize,
}

impl Person<'_> {
    /// The fields that answer a page; `None` if it asks nothing.
    fn reply(&mut self, page: &str) -> Option<Vec<(&'static str, String)>> {
        let code = |person: &mut Self| {
            person.stage.world.pass(Duration::from_secs(30));
            person.codes += 1;
            person.stage.world.code(person.key.as_ref().unwrap(), 0).expose().to_owned()
        };
        if page.contains("I have saved them") || page.contains("value=\"continue\"") {
            for line in page.split("<pre").nth(1).and_then(|p| p.split('>').nth(1)).unwrap_or_default().lines() {
                self.backup.extend((line.len() == 15).then(|| line.to_owned()));
            }
            return Some(vec![("op", "continue".to_owned())]);
        }
        if page.contains("name=\"username\"") && page.contains("Sign in</h1>") {
            return Some(vec![("username", self.name.to_owned()), ("password", PASSWORD.to_owned())]);
        }
        if let Some(key) = page.split("<code class=\"key\">").nth(1) {
            let text = key.split('<').next().unwrap().replace(' ', "");
            self.key = Some(SecretBytes::new(data_encoding::BASE32_NOPAD.decode(text.as_bytes()).unwrap()));
            return Some(vec![("code", code(self))]);
        }
        let method = page.split("name=\"method\" value=\"").nth(1)?.split('"').next()?.to_owned();
        let proof = match method.as_str() {
            "password" => PASSWORD.to_owned(),
            "totp" => code(self),
            _ => {
                self.codes += 1;
                self.backup.pop().expect("nobody is asked for what they cannot have")
            }
        };
        Some(vec![("method", method), ("code", proof)])
    }
}

async fn walk(stage: &Stage, person: &mut Person<'_>, first: &str) -> Result<(), TestCaseError> {
    let mut browser = Browser::new(stage);
    let mut target = first.to_owned();
    for _ in 0..14 {
        let mut answer = browser.get(&target).await;
        while let Some(fields) = person.reply(&text(&answer)).filter(|_| answer.status() == StatusCode::OK) {
            let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
            answer = browser.post(&target, &fields).await;
        }
        if answer.status() == StatusCode::FORBIDDEN {
            prop_assert_eq!(person.codes, 0, "codes were asked for nothing");
            prop_assert!(text(&answer).contains("This page asks for "), "{}", text(&answer));
            return Ok(());
        }
        prop_assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{} {}", target, text(&answer));
        target = location(&answer);
        if target == "/x" || target == "/light" {
            let policy = stage.policy.clone();
            let session = stage.world.look(|s| s.sessions.values().next().unwrap().0.clone());
            let now = stage.world.ports().clock.now();
            let rule = policy.app(HOST).unwrap().rules.first().unwrap().clone();
            match decide(Some(&rule), Some(&session), &Risk::none(), None, now) {
                Decision::Permit(_) => return Ok(()),
                // What the gateway does then.
                Decision::Challenge(_) => target = "/.stepgate/step-up?to=%2Fx".to_owned(),
                Decision::Refuse(refusal) => return Err(TestCaseError::fail(format!("{refusal:?}"))),
            }
        }
    }
    Err(TestCaseError::fail(format!("{} is led on and on, last to {target}", person.name)))
}

proptest! {
    #![proptest_config(crate::auth::generated::cases(96))]

    /// Whatever a rule asks: who answers every question of our pages rightly is let in, or was told before the
    /// first code that there is no way in.
    #[test]
    fn no_rule_leads_into_a_dead_end(
        strength in select(vec![Strength::OneFactor, Strength::TwoFactor, Strength::PhishingResistant]),
        counted in subsequence(Proof::ALL.to_vec(), 0..=8), max_age in prop::option::of(60_u64..900),
        name in select(vec!["ann", "bob"]), lightly: bool,
    ) {
        let counted: MethodSet = counted.into_iter().collect();
        let mut first = rule("only", "/x", strength, max_age);
        first.access = Access::Guarded {
            audience: Audience::default(),
            requirement: Requirement { max_age: max_age.map(Duration::from_secs), methods: counted, ..Requirement::of(strength) },
        };
        let rules = vec![Arc::new(first), Arc::new(rule("light", "/light", Strength::OneFactor, None))];
        let stage = Stage::ruled(Policy::new([AppPolicy { offer: Default::default(), host: HOST.to_owned(), tolerate: Tolerances::default(), rules: rules.into() }]));
        let key = (name == "ann").then(|| stage.key.clone());
        let mut person = Person { stage: &stage, name, key, backup: Vec::new(), codes: 0 };
        // By a lighter door first, and on from there, or straight.
        let first = if lightly { "/.stepgate/login?to=%2Flight" } else { "/.stepgate/login?to=%2Fx" };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(walk(&stage, &mut person, first))?;
    }
}
