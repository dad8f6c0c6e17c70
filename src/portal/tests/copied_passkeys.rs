//! A passkey that may be copied, where a rule counts only what stays on its device.

use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;

use super::*;
use crate::auth::factor::passkey::PasskeyRecord;
use crate::auth::factor::passkey::testing::SoftKey;
use crate::auth::proof::{Method as Proof, MethodSet};
use crate::auth::user::UserId;
use crate::flow::testing::PASSWORD;

/// `/bound/**` counts passkeys that stay on their device.
fn policy() -> Policy {
    let methods = MethodSet::EMPTY.with(Proof::BoundPasskey);
    let requirement = Requirement { methods, ..Requirement::of(Strength::PhishingResistant) };
    let access = Access::Guarded { audience: Audience::default(), requirement };
    let bound = Rule::new("bound", PathPattern::glob("/bound/**").unwrap(), access);
    let flows = FlowSettings { passkeys: Some(PasskeySettings::default()), ..sending() };
    Policy::new([AppPolicy {
        offer: flows.offer_at(HOST),
        host: HOST.to_owned(),
        tolerate: Tolerances::default(),
        rules: vec![Arc::new(bound), Arc::new(rule("rest", "/**", Strength::OneFactor, None))].into(),
    }])
}

/// Eve has a passkey that may be copied.
async fn eve() -> (Stage, SoftKey) {
    let Stage { world, policy, key, .. } = Stage::ruled(policy());
    let settings = FlowSettings { passkeys: Some(PasskeySettings::default()), ..sending() };
    let flows = Arc::new(Flows::new(world.ports(), settings));
    let eve: UserId = world.person("eve");
    let handle = flows.accepted_credentials(&eve, HOST).await.unwrap().0;
    let origin = format!("https://{HOST}:8443");
    let (backup_eligible, user_handle) = (true, Some(handle));
    let soft = SoftKey { backup_eligible, user_handle, ..SoftKey::new(HOST, &origin, b"copied") };
    let record = PasskeyRecord {
        id: "Peve".to_owned(),
        name: "Key".to_owned(),
        rp_id: HOST.to_owned(),
        credential_id: soft.id.clone(),
        public_key: soft.public_key(),
        aaguid: Default::default(),
        attested: false,
        sign_count: 0,
        user_verified: true,
        backup_eligible: true,
        backup_state: true,
        transports: Vec::new(),
        created_at: flows.ports.clock.now(),
        used_at: None,
    };
    world.look(|s| s.passkeys.push((eve, record)));
    (Stage { portal: portal_with(flows, policy.clone()), world, policy, key }, soft)
}

/// What the dialog of a page asks the browser.
fn options(page: &str) -> Value {
    let escaped = page.split("data-options=\"").nth(1).unwrap().split('"').next().unwrap();
    serde_json::from_str(&escaped.replace("&#34;", "\"").replace("&quot;", "\"")).unwrap()
}

async fn signed_in<'a>(stage: &'a Stage, key: &SoftKey) -> Browser<'a> {
    let mut browser = Browser::new(stage);
    let page = text(&browser.get("/.stepgate/login").await);
    let state = page.split("name=\"state\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let challenge = BASE64URL_NOPAD.decode(options(&page)["challenge"].as_str().unwrap().as_bytes()).unwrap();
    let assertion = key.sign(&challenge).to_string();
    let fields = [("op", "passkey"), ("state", &state), ("assertion", &assertion), ("webauthn_error", "")];
    browser.post("/.stepgate/login", &fields).await;
    assert!(browser.jar.contains_key("__Host-stepgate"), "signed in");
    browser
}

#[tokio::test]
async fn a_person_is_told_why_the_passkey_that_they_have_is_not_enough() {
    let (stage, key) = eve().await;
    let mut browser = signed_in(&stage, &key).await;
    let challenged = browser.open("/bound/x").await;
    let answer = browser.follow(challenged).await;
    let page = text(&answer);
    assert!(page.contains("it does not count for the page you want"), "{page}");
    assert!(!page.contains("You set it up once"), "no word of a second step");
    let asked = options(&page);
    assert_eq!(asked["hints"], serde_json::json!(["security-key", "client-device"]), "the rule says which");
    assert_eq!(asked["authenticatorSelection"]["userVerification"], "required");
    // By themselves they may set up any.
    let page = text(&browser.get("/.stepgate/passkey").await);
    assert!(page.contains("you sign in by your face") && !page.contains("does not count"), "{page}");
    assert_eq!(options(&page)["hints"], serde_json::json!([]));
    // With the password alone there is no way to another one, and why is told, too.
    let mut other = Browser::new(&stage);
    let fields = [("username", "eve"), ("password", PASSWORD)];
    let answer = other.post("/.stepgate/login?to=%2Fbound%2Fx", &fields).await;
    let page = text(&other.follow(answer).await);
    assert!(page.contains("it does not count for the page you want"), "{page}");
    assert!(page.contains("sign in with the passkey that you have"), "{page}");
}

#[tokio::test]
async fn a_program_is_told_why_the_passkey_that_was_proved_is_not_enough() {
    let (stage, key) = eve().await;
    let browser = signed_in(&stage, &key).await;
    let cookie = format!("__Host-stepgate={}", browser.jar["__Host-stepgate"]);
    let told = async |path: &str| {
        let asked = info("GET", path, &[("accept", "application/json"), ("cookie", &cookie)]);
        let app = stage.policy.app(HOST).unwrap();
        let resource = Resource::parse(HOST, "GET", path.as_bytes(), app.tolerate).unwrap();
        let presented = crate::portal::cookies::session_token(&asked.headers);
        let around = Circumstances::of(asked.client_ip);
        let seen = SeenHead::of(&asked);
        let admitted = stage.portal.state.flows.admit(app, &resource, &around, presented.token(), &seen).await;
        let decision = admitted.unwrap().decision;
        let Decision::Challenge(challenged) = decision else { panic!("no challenge") };
        serde_json::from_str::<Value>(&text(&stage.portal.challenge(&asked, &challenged))).unwrap()
    };
    let problem = told("/bound/x").await;
    assert_eq!(problem["code"], "step_up_required");
    assert!(problem["methods"].as_array().unwrap().contains(&"bound_passkey".into()), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("may be copied to other devices"), "{problem}");
}
