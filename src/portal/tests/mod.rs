//! The portal without sockets: real flows over ports in memory, a browser of fifty lines.

mod account_pages;
mod answers;
mod api;
mod backup_codes;
mod bad_input;
mod colours;
mod copied_passkeys;
mod dead_ends;
mod dialects;
mod enumeration;
mod enumeration_sign_up;
mod handoff;
mod journeys;
mod letter_notices;
mod links;
mod locked_factor;
mod matrix;
mod mfa;
mod not_me;
mod notices;
mod openapi;
mod openapi_account;
mod openapi_addresses;
mod openapi_links;
mod openapi_mfa;
mod openapi_passkeys;
mod openapi_recovery;
mod openapi_sign_up;
mod page_samples;
mod pages;
mod pages_recovery;
mod pages_sign_up;
mod pages_usable;
mod passkeys;
mod popups;
mod previous_sign_in;
mod recovery;
mod redirect_guard;
mod sent_codes;
mod shown_tokens;
mod sign_up;
mod slips;
mod tabs;
mod takeover;
mod tokens;
mod ways_on;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};

use super::Portal;
use super::settings::{Accent, Colour, PortalSettings};
use crate::auth::policy::cors::Cors;
use crate::auth::policy::pattern::PathPattern;
use crate::auth::policy::rule::{Access, Audience, Rule};
use crate::auth::policy::{AppPolicy, Policy};
use crate::auth::proof::decision::Decision;
use crate::auth::proof::evaluation::Circumstances;
use crate::auth::proof::{Requirement, Strength};
use crate::auth::resource::{Resource, Tolerances};
use crate::auth::secret::SecretBytes;
use crate::flow::Flows;
use crate::flow::destination::Destinations;
use crate::flow::ports::Letter;
use crate::flow::settings::{FlowSettings, PasskeySettings, RecoverySettings, SignUpPolicy};
use crate::flow::testing::{HOST, World, sending};
use crate::portal::reply::Reply;
use crate::portal::request_info::RequestInfo;
use crate::portal::seen::SeenHead;

/// Most tests look at the response alone.
impl std::ops::Deref for Reply {
    type Target = Response<Bytes>;

    fn deref(&self) -> &Response<Bytes> {
        &self.response
    }
}

/// A reply or its response.
pub(super) trait Answer {
    fn response(&self) -> &Response<Bytes>;
}

impl Answer for Reply {
    fn response(&self) -> &Response<Bytes> {
        &self.response
    }
}

impl Answer for Response<Bytes> {
    fn response(&self) -> &Response<Bytes> {
        self
    }
}

impl From<Response<Bytes>> for Reply {
    fn from(response: Response<Bytes>) -> Self {
        Self { response, events: Vec::new(), cause: None, note: None }
    }
}

pub(super) fn rule(name: &str, path: &str, strength: Strength, max_age: Option<u64>) -> Rule {
    let requirement = Requirement { max_age: max_age.map(std::time::Duration::from_secs), ..Requirement::of(strength) };
    Rule {
        explanation: Some("Changing <master> data".to_owned()),
        remediation: Some("Ask \"finance-it\" & co".to_owned()),
        cors: Cors { origins: vec!["https://spa.example.com".to_owned()], ..Cors::default() },
        ..Rule::new(
            name,
            PathPattern::glob(path).unwrap(),
            Access::Guarded { audience: Audience::default(), requirement },
        )
    }
}

fn policy() -> Policy {
    let rules = vec![
        Arc::new(rule("admin", "/admin/**", Strength::TwoFactor, Some(300))),
        Arc::new(rule("light", "/light/**", Strength::OneFactor, None)),
        Arc::new(rule("vault", "/vault/**", Strength::PhishingResistant, None)),
        Arc::new(rule("rest", "/**", Strength::TwoFactor, None)),
    ];
    Policy::new([AppPolicy {
        offer: Default::default(),
        host: HOST.to_owned(),
        tolerate: Tolerances::default(),
        rules: rules.into(),
    }])
}

pub(super) fn portal_with(flows: Arc<Flows>, policy: Arc<Policy>) -> Portal {
    let settings = PortalSettings {
        name: "Example <Ltd>".to_owned(),
        logo: Some(("image/png".to_owned(), b"\x89PNG".to_vec())),
        accent: Accent::new(Colour::parse("#1f4fd8").unwrap()).ok(),
        support: Some("it-help@example.com".to_owned()),
        ..PortalSettings::default()
    };
    Portal::new(flows, Destinations::new(policy), settings).with_jwks(Arc::new(|| "{\"keys\":[]}".to_owned()))
}

pub(super) fn info(method: &str, target: &str, headers: &[(&str, &str)]) -> RequestInfo {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    RequestInfo {
        request_id: "01JREQUEST".to_owned(),
        scheme: "https",
        authority: format!("{HOST}:8443"),
        letter_origin: None,
        host: HOST.to_owned(),
        client_ip: "192.0.2.7".parse().unwrap(),
        method: Method::from_bytes(method.as_bytes()).unwrap(),
        target: target.to_owned(),
        cookies: super::cookies::Cookies::read(&map),
        headers: map,
    }
}

pub(super) async fn send(portal: &Portal, info: &RequestInfo, body: impl Into<Bytes>) -> Reply {
    let mut request = Request::builder().method(info.method.clone()).uri(&info.target).body(body.into()).unwrap();
    *request.headers_mut() = info.headers.clone();
    portal.respond(request, info).await
}

/// A world with `ann` (password and TOTP) and `bob` (password only), and the portal over it.
pub(super) struct Stage {
    pub(super) world: Arc<World>,
    pub(super) portal: Portal,
    pub(super) policy: Arc<Policy>,
    pub(super) key: SecretBytes,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self::ruled(policy())
    }

    /// The same where codes are sent and passkeys are switched on.
    pub(super) fn with_all() -> Self {
        let stage = Self::new();
        let recovery = Some(RecoverySettings::default());
        let settings = FlowSettings {
            passkeys: Some(PasskeySettings::default()),
            email_link: true,
            recovery,
            sign_up: SignUpPolicy::Open,
            ..sending()
        };
        let flows = Arc::new(Flows::new(stage.world.ports(), settings));
        Self { portal: portal_with(flows, stage.policy.clone()), ..stage }
    }

    /// The last code that was sent.
    pub(super) fn last_code(&self) -> String {
        self.world.look(|s| match s.letters.last() {
            Some((Letter::SignInCode(code) | Letter::AddressCode(code), _)) => code.code.expose().to_owned(),
            _ => panic!("no code was sent"),
        })
    }

    /// Where the last link leads, and its token.
    pub(super) fn last_link(&self) -> (String, String) {
        self.world.look(|s| {
            let url = |letter: &Letter| match letter {
                Letter::Link(link) => Some(link.url.clone()),
                _ => None,
            };
            let url = s.letters.iter().rev().find_map(|(letter, _)| url(letter)).expect("a link was sent");
            let (_, target) = url.expose().split_once(&format!("{HOST}:8443")).unwrap();
            (target.to_owned(), target.split_once("token=").unwrap().1.to_owned())
        })
    }

    /// The same under other rules.
    pub(super) fn ruled(policy: Policy) -> Self {
        let world = World::new();
        let ann = world.person("ann");
        let key = world.with_totp(&ann);
        world.person("bob");
        let policy = Arc::new(policy);
        let portal = portal_with(world.flows(), policy.clone());
        Self { world, portal, policy, key }
    }

    pub(super) fn code(&self, later: i64) -> String {
        self.world.code(&self.key, later).expose().to_owned()
    }
}

/// A browser: cookies, and headers as a navigation sends them.
pub(super) struct Browser<'a> {
    stage: &'a Stage,
    pub(super) jar: BTreeMap<String, String>,
    /// Where it is.
    pub(super) ip: &'static str,
}

impl<'a> Browser<'a> {
    pub(super) fn new(stage: &'a Stage) -> Self {
        Self { stage, jar: BTreeMap::new(), ip: "192.0.2.7" }
    }

    pub(super) async fn get(&mut self, target: &str) -> Reply {
        self.go("GET", target, String::new()).await
    }

    pub(super) async fn post(&mut self, target: &str, fields: &[(&str, &str)]) -> Reply {
        let pairs: Vec<String> = fields
            .iter()
            .map(|(n, v)| {
                format!("{}={}", crate::auth::text::percent::encode(n), crate::auth::text::percent::encode(v))
            })
            .collect();
        self.go("POST", target, pairs.join("&")).await
    }

    /// Opens an address of the app, as the proxy would answer: a challenge or a refusal of ours, or 200 from the app.
    pub(super) async fn open(&mut self, target: &str) -> Reply {
        let asked = self.asking("GET", target);
        let state = &self.stage.portal.state;
        let app = self.stage.policy.app(&asked.host).unwrap();
        let resource = Resource::parse(&asked.host, "GET", target.as_bytes(), app.tolerate).unwrap();
        let presented = super::cookies::session_token(&asked.headers);
        let around = Circumstances::of(asked.client_ip);
        let decision = state
            .flows
            .admit(app, &resource, &around, presented.token(), &SeenHead::of(&asked))
            .await
            .unwrap()
            .decision;
        let answer = match decision {
            Decision::Permit(_) => Response::new(Bytes::from_static(b"the app")).into(),
            Decision::Challenge(challenged) => self.stage.portal.challenge(&asked, &challenged),
            Decision::Refuse(refusal) => self.stage.portal.refusal(&asked, &refusal).into(),
        };
        self.keep(&answer);
        answer
    }

    async fn go(&mut self, method: &str, target: &str, body: String) -> Reply {
        let asked = self.asking(method, target);
        let answer = send(&self.stage.portal, &asked, body).await;
        // As the edge does.
        self.stage.world.remember(&answer.events);
        self.keep(&answer);
        answer
    }

    fn asking(&self, method: &str, target: &str) -> RequestInfo {
        let cookies: Vec<String> = self.jar.iter().map(|(n, v)| format!("{n}={v}")).collect();
        let cookies = cookies.join("; ");
        let mut headers = vec![
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
            ("sec-fetch-site", "same-origin"),
            ("accept", "text/html"),
        ];
        if !cookies.is_empty() {
            headers.push(("cookie", &cookies));
        }
        if method == "POST" {
            headers.push(("content-type", "application/x-www-form-urlencoded"));
        }
        RequestInfo { client_ip: self.ip.parse().unwrap(), ..info(method, target, &headers) }
    }

    /// Keeps the cookies of an answer.
    fn keep(&mut self, answer: &Response<Bytes>) {
        for set in answer.headers().get_all("set-cookie") {
            let (pair, rest) = set.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if rest.contains("Max-Age=0") {
                self.jar.remove(name);
            } else {
                self.jar.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// Goes where an answer leads as long as it leads to pages of ours, and gives the last answer.
    pub(super) async fn follow(&mut self, mut answer: Reply) -> Reply {
        for _ in 0..10 {
            let to = location(&answer);
            if !to.starts_with("/.stepgate/") {
                return answer;
            }
            answer = self.get(&to).await;
        }
        panic!("sent on and on, last to {}", location(&answer));
    }

    /// Signs ann in with both factors.
    pub(super) async fn sign_in(&mut self, to: &str, later: i64) {
        let target = format!("/.stepgate/login?to={}", crate::auth::text::percent::encode(to));
        self.sign_in_at(&target, to, later).await;
    }

    /// Signs ann in with both factors on the page of a challenge.
    pub(super) async fn sign_in_at(&mut self, page: &str, to: &str, later: i64) {
        let answer = self.post(page, &[("username", "ann"), ("password", crate::flow::testing::PASSWORD)]).await;
        let next = location(&answer);
        assert!(next.starts_with("/.stepgate/second-factor?to="), "{next}");
        let answer = self.post(&next, &[("method", "totp"), ("code", &self.stage.code(later))]).await;
        assert_eq!((answer.status(), location(&answer)), (StatusCode::SEE_OTHER, to.to_owned()));
    }
}

pub(super) fn location(answer: &impl Answer) -> String {
    answer.response().headers().get("location").map_or("", |l| l.to_str().unwrap()).to_owned()
}

pub(super) fn text(answer: &impl Answer) -> String {
    String::from_utf8(answer.response().body().to_vec()).unwrap()
}

pub(super) fn header<'a>(answer: &'a impl Answer, name: &str) -> &'a str {
    answer.response().headers().get(name).map_or("", |v| v.to_str().unwrap())
}
