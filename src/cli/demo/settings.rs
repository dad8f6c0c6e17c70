//! The demo's settings: what a configuration file of it would say.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use super::directory::DemoDirectory;
use super::elsewhere;
use crate::auth::address::phone_number::Country;
use crate::auth::held_request::HoldTerms;
use crate::auth::policy::pattern::PathPattern;
use crate::auth::policy::rule::{Access, Audience, Rule};
use crate::auth::policy::trial::AppRules;
use crate::auth::policy::{AppPolicy, Policy};
use crate::auth::proof::{Method, Offer, OnChange, OnRisk, Requirement, RiskAction, Strength};
use crate::auth::resource::Tolerances;
use crate::auth::secret::SecretText;
use crate::auth::user::Group;
use crate::cli::exit::{CommandResult, Failure};
use crate::config::Settings;
use crate::flow::settings::{
    EnrolmentProof, FlowSettings, PasskeySettings, RecoverySettings, RiskSettings, SentCodeSettings, SignUpPolicy,
};
use crate::notify::kept::KeptLetters;
use crate::notify::settings::NotifySettings;
use crate::portal::settings::{PortalHost, PortalSettings, ScriptSettings};
use crate::proxy::settings::{
    AppSettings, ClientLimits, CookieSettings, IdentitySettings, JwtSettings, Listen, ProxySettings, Server,
    UpstreamSettings,
};
use crate::store::places::settings::PlaceSettings;
use crate::store::settings::{KeySettings, StateSettings, StoreSettings};

/// The port if none is asked for; the next free one is taken.
const PORT: u16 = 8080;
/// How far to look for a free one.
const PORTS: u16 = 200;
/// The first host of the demo: browsers take it for a secure context. People sign in on it.
const HOST: &str = "localhost";
/// Two more, whose people sign in at [`PORTAL`]. Browsers look names under `localhost` up on the machine itself.
pub(super) const SHARED: [&str; 2] = ["first.localhost", "second.localhost"];
/// Where people sign in once for both.
pub(super) const PORTAL: &str = "login.localhost";
/// The name in authenticator apps and on the pages.
const NAME: &str = "Stepgate demo";

/// Where to listen: `localhost` on both families where there are both, and a free port for the admin listener.
pub(super) async fn listen(port: Option<u16>) -> CommandResult<Listen> {
    let plain = match port {
        Some(port) => {
            free(port).await.map_err(|fault| Failure::failed(format!("cannot listen on port {port}: {fault}")))?
        }
        None => next_free().await?,
    };
    Ok(Listen { plain, admin: Some((Ipv4Addr::LOCALHOST, 0).into()), ..Listen::default() })
}

async fn next_free() -> CommandResult<Vec<SocketAddr>> {
    for port in PORT..PORT + PORTS {
        if let Ok(addresses) = free(port).await {
            return Ok(addresses);
        }
    }
    Err(Failure::failed(format!("no free port from {PORT} to {}; name one with --port", PORT + PORTS - 1)))
}

/// The loopback addresses on which `port` is free; an error if it is taken on one of them.
async fn free(port: u16) -> io::Result<Vec<SocketAddr>> {
    let four = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?.local_addr()?;
    match TcpListener::bind((Ipv6Addr::LOCALHOST, four.port())).await {
        Ok(six) => Ok(vec![four, six.local_addr()?]),
        // Taken by somebody else: a browser would meet them at `localhost`.
        Err(fault) if fault.kind() == io::ErrorKind::AddrInUse => Err(fault),
        // No IPv6 on this machine.
        Err(_) => Ok(vec![four]),
    }
}

pub(super) fn settings(
    directory: &DemoDirectory,
    listen: Listen,
    app: SocketAddr,
    letters: Arc<KeptLetters>,
) -> CommandResult<Settings> {
    let file = |name: &str| directory.path().join(name);
    let places = elsewhere::write_places(directory.path())
        .map_err(|fault| Failure::failed(format!("cannot write the places: {fault}")))?;
    let places = PlaceSettings { city: Some(places.clone()), asn: Some(places), private: true, ..Default::default() };
    let server = Server { host: app.ip().to_string(), port: app.port(), tls: false };
    let portal_host = Some(PORTAL.to_owned());
    let flow = flow(portal_host.clone());
    let policy = policy(&flow)?;
    let once = PortalHost { name: PORTAL.to_owned(), without: [HOST.to_owned()].into() };
    let app = |host: &str| AppSettings {
        host: host.to_owned(),
        upstream: UpstreamSettings::new(vec![server.clone()]),
        identity: identity(),
        max_body: Some(2 * 1024 * 1024 * 1024),
        rewrite: true,
        cookies: CookieSettings::default(),
        hold: Some(HoldTerms::default()),
    };
    let wanted = ScriptSettings { step_up_script: true, dialects: Vec::new() };
    let scripts = hosts().map(|host| (host.to_owned(), wanted.clone())).collect();
    Ok(Settings {
        flow,
        portal: PortalSettings { name: NAME.to_owned(), host: Some(once), scripts, ..PortalSettings::default() },
        notify: NotifySettings { name: Some(NAME.to_owned()), kept: Some(letters), ..NotifySettings::default() },
        proxy: ProxySettings {
            listen,
            certificates: Vec::new(),
            trusted_proxies: elsewhere::trusted(),
            limits: ClientLimits::default(),
            apps: hosts().map(app).collect(),
            portal_host,
            // Nobody waits long for a demo to end.
            shutdown_grace: Duration::from_secs(2),
        },
        store: StoreSettings {
            database: SecretText::new(format!("sqlite://{}", file("stepgate.db").display())),
            state: StateSettings::Embedded(None),
            keys: KeySettings::Beside(file("master.key")),
            places,
            breached_passwords: None,
        },
        policy,
        warnings: Vec::new(),
    })
}

fn identity() -> IdentitySettings {
    IdentitySettings {
        user: Some("Remote-User".to_owned()),
        groups: Some("Remote-Groups".to_owned()),
        email: Some("Remote-Email".to_owned()),
        name: Some("Remote-Name".to_owned()),
        jwt: Some(JwtSettings {
            header: "X-Stepgate-Assertion".to_owned(),
            audience: "demo".to_owned(),
            lifetime: Duration::from_secs(60),
            risk: false,
        }),
        basic_auth: None,
        pass: Vec::new(),
    }
}

fn policy(flow: &FlowSettings) -> CommandResult<Policy> {
    let two_factor = Requirement::of(Strength::TwoFactor);
    let admins = Access::Guarded {
        audience: Audience { groups: vec![Group("admins".to_owned())], users: Vec::new() },
        requirement: Requirement { max_age: Some(Duration::from_secs(300)), ..two_factor },
    };
    let staff = Access::Guarded { audience: Audience::default(), requirement: two_factor };
    let mut administration = rule("administration", "/admin/**", admins)?;
    administration.explanation = Some("Changing how the app works asks for a fresh second step".to_owned());
    administration.remediation = Some("Sign in as root, who is in the group admins".to_owned());
    let two_steps = Requirement::of(Strength::TwoSteps);
    let mailed = Access::Guarded { audience: Audience::default(), requirement: two_steps };
    let mut risky = rule(
        "risky",
        "/risky/**",
        Access::Guarded { audience: Audience::default(), requirement: Requirement::of(Strength::OneFactor) },
    )?;
    risky.on_risk = OnRisk { medium: RiskAction::StepUp, high: RiskAction::Deny, ..OnRisk::default() };
    risky.on_change = OnChange { network: RiskAction::StepUp, ..OnChange::default() };
    let fresh = Requirement { max_age: Some(Duration::from_secs(60)), ..two_factor };
    let mut saving =
        rule("orders-save", "/orders/**", Access::Guarded { audience: Audience::default(), requirement: fresh })?;
    saving.methods = vec!["POST".to_owned()];
    let one_factor =
        Access::Guarded { audience: Audience::default(), requirement: Requirement::of(Strength::OneFactor) };
    let rules = vec![
        rule("public", "/public/**", Access::Public)?,
        administration,
        rule("mailed", "/mailed/**", mailed)?,
        risky,
        saving,
        rule("orders", "/orders/**", one_factor)?,
        rule("everything-else", "/**", staff)?,
    ];
    let rules: AppRules = rules.into_iter().map(Arc::new).collect();
    Ok(Policy::new(hosts().map(|host| AppPolicy {
        offer: flow.offer_at(host),
        host: host.to_owned(),
        tolerate: Tolerances::default(),
        rules: rules.clone(),
    })))
}

/// How people sign in: codes are sent too, and kept where they can be looked at.
fn flow(portal_host: Option<String>) -> FlowSettings {
    let codes = SentCodeSettings { countries: Country::parse("US").into_iter().collect(), ..Default::default() };
    let offer = Offer::BASIC.with(Method::EmailCode, false).with(Method::SmsCode, false);
    let risk = Some(RiskSettings::default());
    // Nobody waits a day for a demo.
    let recovery = Some(RecoverySettings { wait: Duration::from_secs(10), ..RecoverySettings::default() });
    let passkeys = Some(PasskeySettings { alone: vec![HOST.to_owned()], ..PasskeySettings::default() });
    FlowSettings {
        issuer: NAME.to_owned(),
        portal_host,
        offer,
        passkeys,
        codes,
        email_link: true,
        recovery,
        risk,
        mail: true,
        sign_up: SignUpPolicy::Open,
        // Who tries the demo need not look into the outbox first.
        enroll: EnrolmentProof::Password,
        ..FlowSettings::default()
    }
}

/// The hosts of the sample app.
fn hosts() -> impl Iterator<Item = &'static str> {
    [HOST].into_iter().chain(SHARED)
}

fn rule(name: &str, path: &str, access: Access) -> CommandResult<Rule> {
    let pattern = PathPattern::glob(path).map_err(|fault| Failure::failed(format!("{path}: {fault}")))?;
    Ok(Rule::new(name, pattern, access))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_rule() {
        let policy = policy(&flow(None)).unwrap();
        let app = policy.app(HOST).unwrap();
        let rule = |path: &str| {
            let found = app.rule_for(path, "GET", Ipv4Addr::LOCALHOST.into());
            found.unwrap().id.0.to_string()
        };
        assert_eq!(rule("/public/echo"), "public");
        assert_eq!(rule("/admin/"), "administration");
        assert_eq!(rule("/mailed/post"), "mailed");
        assert_eq!(rule("/admin/users"), "administration");
        assert_eq!(rule("/risky/"), "risky");
        for path in ["/", "/echo", "/form", "/ws", "/publicity"] {
            assert_eq!(rule(path), "everything-else", "{path}");
        }
    }

    #[tokio::test]
    async fn a_taken_port_is_refused_if_asked_for() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        assert!(listen(Some(taken.local_addr().unwrap().port())).await.is_err());
    }

    #[tokio::test]
    async fn a_free_port_is_found() {
        let found = listen(None).await.unwrap();
        assert!(found.plain.iter().all(|a| a.ip().is_loopback() && a.port() == found.plain[0].port()));
    }
}
