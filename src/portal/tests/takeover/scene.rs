//! An account, signed in by its owner, and the gateway before it.

use std::time::Duration;

use super::Recovery;
use crate::auth::factor::authenticator::{AddressKind, AddressRecord};
use crate::auth::session::SessionToken;
use crate::auth::throttle::Limit;
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::testing::{PASSWORD, State};
use crate::portal::tests::*;

/// Where the owner is mailed.
pub(super) const MAIL: &str = "ann@example.com";
/// For how long a recovery waits.
pub(super) const WAIT: Duration = Duration::from_secs(24 * 3600);
/// Where somebody else is.
const ELSEWHERE: &str = "203.0.113.9";

pub(super) struct Scene {
    pub(super) stage: Stage,
    pub(super) recovery: Recovery,
    pub(super) ann: UserId,
    /// The key of the owner's app, where there is one.
    pub(super) key: Option<SecretBytes>,
    /// The cookie of the owner's browser.
    pub(super) cookie: String,
    /// What there was before the theft.
    pub(super) before: State,
}

/// Nothing that is tried here is to fail by being tried often.
fn unlimited() -> FlowSettings {
    let much = Limit { tries: 100_000, refill: Duration::from_millis(1) };
    let mut settings =
        FlowSettings { mail: true, passkeys: Some(PasskeySettings::default()), email_link: true, ..sending() };
    let limits = &mut settings.codes.limits;
    for limit in [&mut limits.address, &mut limits.address_day, &mut limits.account, &mut limits.network] {
        *limit = much;
    }
    for limit in [
        &mut settings.limits.password,
        &mut settings.limits.password_lockout,
        &mut settings.limits.totp,
        &mut settings.limits.network,
    ] {
        *limit = much;
    }
    settings.limits.lockout = 100;
    settings
}

/// Apps by what they ask.
fn apps() -> Policy {
    let rules = vec![
        Arc::new(rule("one", "/one/**", Strength::OneFactor, None)),
        Arc::new(rule("steps", "/steps/**", Strength::TwoSteps, None)),
        Arc::new(rule("two", "/two/**", Strength::TwoFactor, None)),
        Arc::new(rule("fresh", "/fresh/**", Strength::TwoFactor, Some(300))),
    ];
    of_rules(rules)
}

fn of_rules(rules: Vec<Arc<Rule>>) -> Policy {
    let (offer, tolerate) = (Default::default(), Tolerances::default());
    Policy::new([AppPolicy { offer, host: HOST.to_owned(), tolerate, rules: rules.into() }])
}

impl Scene {
    pub(super) async fn new(has_second: bool, recovery: Recovery) -> Self {
        let world = World::new();
        let ann = world.person("ann");
        let key = has_second.then(|| world.with_totp(&ann));
        let (id, value) = ("Aann".to_owned(), MAIL.to_owned());
        let confirmed_at = Timestamp::from_secs(1);
        let address = AddressRecord { id, kind: AddressKind::Email, value, confirmed_at };
        world.look(|s| {
            s.addresses.push((ann.clone(), address));
            if has_second {
                s.backup.insert(ann.clone(), (vec![7; 16], [vec![1; 32]].into()));
            }
        });
        let settings = RecoverySettings { wait: WAIT, ..RecoverySettings::default() };
        let settings = FlowSettings { recovery: (recovery != Recovery::Off).then_some(settings), ..unlimited() };
        let flows = Arc::new(Flows::new(world.ports(), settings));
        let apps = Arc::new(apps());
        let portal = portal_with(flows.clone(), apps.clone());
        let stage = Stage { portal, policy: apps, key: SecretBytes::new(Vec::new()), world };
        let mut scene = Self { stage, recovery, ann, key, cookie: String::new(), before: State::default() };
        // The second browser is told of by letter.
        for ip in ["192.0.2.1", "198.51.100.1"] {
            scene.cookie = scene.sign_in(ip).await;
        }
        // No rule of the portal needs a second factor from here on: what is refused is refused for who asks, not by a rule.
        let lax = Arc::new(of_rules(vec![Arc::new(rule("all", "/**", Strength::OneFactor, None))]));
        scene.stage.portal = portal_with(flows, lax);
        if recovery == Recovery::Waits {
            scene.begin_recovery().await;
        }
        scene.stage.world.pass(Duration::from_secs(361));
        scene.before = scene.stage.world.look(|s| s.clone());
        scene
    }

    /// Signs the owner in with all that the account has; the cookie.
    async fn sign_in(&self, ip: &'static str) -> String {
        self.stage.world.pass(Duration::from_secs(60));
        let mut browser = Browser { ip, ..Browser::new(&self.stage) };
        let page = match &self.key {
            Some(_) => "/.stepgate/login?to=%2Ftwo%2F",
            None => "/.stepgate/login?to=%2Fone%2F",
        };
        let answer = browser.post(page, &[("username", "ann"), ("password", PASSWORD)]).await;
        if let Some(key) = &self.key {
            let code = self.stage.world.code(key, 0);
            browser.post("/.stepgate/second-factor?to=%2Ftwo%2F", &[("method", "totp"), ("code", code.expose())]).await;
        }
        let cookie = browser.jar.get(crate::auth::reserved_names::SESSION);
        cookie.unwrap_or_else(|| panic!("{} {}", location(&answer), text(&answer))).clone()
    }

    async fn begin_recovery(&self) {
        let post = async |call: &str, body: serde_json::Value| {
            let path = format!("/.stepgate/api/v1/{call}");
            send(&self.stage.portal, &info("POST", &path, &[("content-type", "application/json")]), body.to_string())
                .await
        };
        post("recover", serde_json::json!({"username": "ann"})).await;
        let code = self.stage.last_link().1;
        post("recover/verify", serde_json::json!({ "code": code, "wait": true })).await;
        assert_eq!(self.stage.world.look(|s| s.recoveries.len()), 1);
    }

    /// The name under which the owner's session is kept.
    pub(super) fn session(&self) -> crate::auth::session::SessionKey {
        SessionToken::parse(&self.cookie).unwrap().key()
    }

    /// A request of somebody elsewhere, or in the owner's browser.
    pub(super) async fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)], body: String) -> Reply {
        let mut asked = info(method, target, headers);
        asked.client_ip = ELSEWHERE.parse().unwrap();
        send(&self.stage.portal, &asked, body).await
    }

    /// Whether an app lets a session in.
    pub(super) async fn admits(&self, path: &str, headers: &[(&str, &str)]) -> bool {
        let asked = info("GET", path, headers);
        let app = self.stage.policy.app(HOST).unwrap();
        let resource = Resource::parse(HOST, "GET", path.as_bytes(), app.tolerate).unwrap();
        let around = Circumstances::of(asked.client_ip);
        let presented = crate::portal::cookies::session_token(&asked.headers);
        let flows = &self.stage.portal.state.flows;
        let admitted = flows.admit(app, &resource, &around, presented.token(), &SeenHead::of(&asked)).await;
        matches!(admitted.unwrap().decision, Decision::Permit(_))
    }
}
