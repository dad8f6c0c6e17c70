//! Signing in once for many hosts: two apps, the host where people sign in, and browsers that keep cookies by host.

mod family;
mod journeys;
mod letters;
mod refused;
mod slips;

use super::*;
use crate::auth::proof::Binding;
use crate::auth::proof::decision::Decision;
use crate::auth::session::SessionToken;
use crate::flow::admit::Admission;
use crate::flow::settings::FlowSettings;
use crate::flow::slips::{SlipAdmission, SlipUse};
use crate::flow::testing::{PASSWORD, fast_settings};
use crate::portal::cookies;
use crate::portal::error::PortalError;
use crate::portal::seen::SeenHead;
use crate::portal::settings::PortalHost;

pub(super) const ERP: &str = "erp.example.com";
pub(super) const CRM: &str = "crm.example.com";
/// Keeps its sign-in to itself.
pub(super) const OLD: &str = "old.example.com";
pub(super) const LOGIN: &str = "login.example.com";

pub(super) struct Hosts {
    pub(super) world: Arc<World>,
    pub(super) flows: Arc<Flows>,
    pub(super) portal: Portal,
    policy: Arc<Policy>,
    pub(super) key: SecretBytes,
}

impl Hosts {
    pub(super) fn new() -> Self {
        let world = World::new();
        let ann = world.person("ann");
        let key = world.with_totp(&ann);
        world.person("bob");
        let rules = |host: &str| {
            let audience = |group: &str| {
                let groups = vec![crate::auth::user::Group(group.to_owned())];
                Access::Guarded {
                    audience: Audience { groups, users: Vec::new() },
                    requirement: Requirement::of(Strength::OneFactor),
                }
            };
            let closed = Rule::new("closed", PathPattern::glob("/closed/**").unwrap(), audience("nobody"));
            let once = rule("once", "/once/**", Strength::TwoFactor, None);
            let Access::Guarded { audience: all, requirement } = once.access.clone() else { panic!("guarded") };
            let requirement = Requirement { binding: Binding::Request, ..requirement };
            let mut rules = vec![
                Arc::new(closed),
                Arc::new(Rule { access: Access::Guarded { audience: all, requirement }, ..once }),
                Arc::new(rule("admin", "/admin/**", Strength::TwoFactor, Some(300))),
                Arc::new(rule("light", "/light/**", Strength::OneFactor, None)),
                Arc::new(rule("rest", "/**", Strength::TwoFactor, None)),
            ];
            if host == OLD {
                rules.insert(0, Arc::new(Rule::new("start", PathPattern::glob("/").unwrap(), audience("nobody"))));
            }
            AppPolicy {
                host: host.to_owned(),
                tolerate: Tolerances::default(),
                offer: Default::default(),
                rules: rules.into(),
            }
        };
        let policy = Arc::new(Policy::new([ERP, CRM, OLD].map(rules)));
        let settings = FlowSettings { portal_host: Some(LOGIN.to_owned()), ..fast_settings() };
        let flows = Arc::new(Flows::new(world.ports(), settings));
        let host = Some(PortalHost { name: LOGIN.to_owned(), without: [OLD.to_owned()].into() });
        let settings = PortalSettings { host, ..PortalSettings::default() };
        let portal = Portal::new(flows.clone(), Destinations::new(policy.clone()), settings);
        Self { world, flows, portal, policy, key }
    }

    pub(super) fn code(&self, later: i64) -> String {
        self.world.code(&self.key, later).expose().to_owned()
    }
}

/// A browser: cookies by host, and where it was led.
pub(super) struct Tabs<'a> {
    pub(super) hosts: &'a Hosts,
    pub(super) jars: BTreeMap<String, BTreeMap<String, String>>,
    /// Every address that it was led to since it was last told where to go.
    pub(super) led: Vec<String>,
}

pub(super) fn url(host: &str, target: &str) -> String {
    format!("https://{host}:8443{target}")
}

/// Host and target of an address.
fn parts(url: &str) -> (String, String) {
    let rest = url.strip_prefix("https://").unwrap_or_else(|| panic!("not ours: {url}"));
    let (authority, target) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.strip_suffix(":8443").unwrap_or_else(|| panic!("another port: {url}"));
    (host.to_owned(), target.to_owned())
}

impl<'a> Tabs<'a> {
    pub(super) fn new(hosts: &'a Hosts) -> Self {
        Self { hosts, jars: BTreeMap::new(), led: Vec::new() }
    }

    pub(super) fn cookie(&self, host: &str, name: &str) -> Option<String> {
        self.jars.get(host)?.get(name).cloned()
    }

    /// The session that it has on a host.
    pub(super) fn token(&self, host: &str) -> Option<SessionToken> {
        SessionToken::parse(&self.cookie(host, cookies::SESSION)?)
    }

    fn asking(&self, method: &str, host: &str, target: &str, more: &[(&str, &str)]) -> RequestInfo {
        let none = BTreeMap::new();
        let jar = self.jars.get(host).unwrap_or(&none);
        let cookies = jar.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let mut headers = vec![
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
            ("sec-fetch-site", "same-origin"),
            ("accept", "text/html"),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        headers.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
        headers.extend(more);
        if !cookies.is_empty() {
            headers.push(("cookie", &cookies));
        }
        let (host, authority) = (host.to_owned(), format!("{host}:8443"));
        RequestInfo { host, authority, ..info(method, target, &headers) }
    }

    /// Opens an address, as the proxy answers it.
    pub(super) async fn get(&mut self, url: &str) -> Reply {
        self.ask("GET", url, "", &[]).await
    }

    pub(super) async fn ask(&mut self, method: &str, url: &str, body: &str, more: &[(&str, &str)]) -> Reply {
        let (host, target) = parts(url);
        let info = self.asking(method, &host, &target, more);
        let portal = &self.hosts.portal;
        let answer = match target.starts_with("/.stepgate/") || host == LOGIN {
            true => send(portal, &info, body.to_owned()).await,
            false => self.app(&info).await,
        };
        self.hosts.world.remember(&answer.events);
        let jar = self.jars.entry(host).or_default();
        for set in answer.headers().get_all("set-cookie") {
            let (pair, rest) = set.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if rest.contains("Max-Age=0") {
                jar.remove(name);
            } else {
                jar.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    async fn app(&self, info: &RequestInfo) -> Reply {
        let (portal, app) = (&self.hosts.portal, self.hosts.policy.app(&info.host).unwrap());
        let resource = Resource::parse(&info.host, info.method.as_str(), info.target.as_bytes(), app.tolerate).unwrap();
        let presented = cookies::session_token(&info.headers);
        let around = Circumstances::of(info.client_ip);
        let seen = SeenHead::of(info);
        let Ok(Admission { decision, .. }) =
            self.hosts.flows.admit(app, &resource, &around, presented.token(), &seen).await
        else {
            return portal.error(info, PortalError::Unavailable).into();
        };
        let decision = match (decision, cookies::slip_token(&info.headers, &presented)) {
            (Decision::Challenge(challenged), Some(token)) => {
                let slip = SlipUse { token: &token, body: None };
                match self.hosts.flows.admit_by_slip(app, &resource, &around, presented.token(), slip, &seen).await {
                    Ok(SlipAdmission::Decided(decided)) => decided.0.decision,
                    Ok(_) => Decision::Challenge(challenged),
                    Err(_) => return portal.error(info, PortalError::Unavailable).into(),
                }
            }
            (decision, _) => decision,
        };
        match decision {
            Decision::Permit(_) => Response::new(Bytes::from_static(b"the app")).into(),
            Decision::Challenge(challenged) => portal.challenge(info, &challenged),
            Decision::Refuse(refusal) => portal.refusal(info, &refusal).into(),
        }
    }

    /// Goes where an answer leads, on whatever host of ours.
    pub(super) async fn follow(&mut self, from: &str, mut answer: Reply) -> Reply {
        let mut at = from.to_owned();
        for _ in 0..12 {
            let to = location(&answer);
            if to.is_empty() {
                self.led.push(at);
                return answer;
            }
            at = if to.starts_with('/') { url(&parts(&at).0, &to) } else { to };
            self.led.push(at.clone());
            answer = self.get(&at).await;
        }
        panic!("led on and on: {:#?}", self.led);
    }

    /// Opens an address and goes where it leads.
    pub(super) async fn open(&mut self, url: &str) -> Reply {
        self.led.clear();
        let answer = self.get(url).await;
        self.follow(url, answer).await
    }

    /// Where it is.
    pub(super) fn at(&self) -> &str {
        self.led.last().expect("it was led somewhere")
    }

    /// Fills a form of the page where it is, and goes where that leads.
    pub(super) async fn submit(&mut self, fields: &[(&str, &str)]) -> Reply {
        let encode = crate::auth::text::percent::encode;
        let pairs: Vec<String> = fields.iter().map(|(n, v)| format!("{}={}", encode(n), encode(v))).collect();
        let at = self.at().to_owned();
        self.led.clear();
        let answer = self.ask("POST", &at, &pairs.join("&"), &[]).await;
        self.follow(&at, answer).await
    }

    /// Signs ann in with both factors where it is asked to.
    pub(super) async fn sign_in(&mut self, to: &str, later: i64) -> Reply {
        self.open(to).await;
        assert!(self.at().starts_with(&url(LOGIN, "/.stepgate/login?handoff=")), "{}", self.at());
        self.submit(&[("username", "ann"), ("password", PASSWORD)]).await;
        let code = self.hosts.code(later);
        self.submit(&[("method", "totp"), ("code", &code)]).await
    }

    /// The address of a ticket for a destination, in a browser that has a session; not followed.
    pub(super) async fn ticket(&mut self, to: &str) -> String {
        let mut answer = self.get(to).await;
        for _ in 0..4 {
            let next = location(&answer);
            if next.contains("/.stepgate/arrive?ticket=") {
                return next;
            }
            let next = if next.starts_with('/') { url(LOGIN, &next) } else { next };
            answer = self.get(&next).await;
        }
        panic!("no ticket: {}", location(&answer));
    }
}

/// That nobody is signed in by an answer.
pub(super) fn opens_nothing(answer: &Reply) {
    assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{}", text(answer));
    let session = format!("{}=", cookies::SESSION);
    assert!(answer.headers().get_all("set-cookie").iter().all(|set| !set.to_str().unwrap().starts_with(&session)));
}
