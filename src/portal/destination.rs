//! Where a person goes after signing in, and how well they must be proved to get there.

use std::net::IpAddr;

use super::format;
use crate::auth::policy::Policy;
use crate::auth::policy::rule::{Access, Rule};
use crate::auth::proof::{Proofs, Requirement, Shortfall, Strength};
use crate::auth::resource::{Resource, Tolerances};
use crate::auth::return_to::ReturnTo;
use crate::auth::time::Timestamp;

/// A destination, and the method that is to be used there (a challenged POST asks for more than the GET may).
#[derive(Clone)]
pub(crate) struct Destination {
    /// What is to be opened.
    pub(crate) to: ReturnTo,
    /// Where to go instead once it can be: the page around it, where that is a frame.
    pub(crate) around: Option<ReturnTo>,
    /// Whether the address named one that could be read.
    pub(crate) given: bool,
    /// `GET`, or the method of the request that was challenged.
    pub(crate) method: String,
    /// What is to be done on the way there.
    pub(crate) action: Option<RequestedAction>,
    /// Setting up an authenticator is for who is signed in, whoever else began to sign in meanwhile.
    pub(crate) as_session: bool,
    /// How often the browser had been sent there when it was challenged.
    pub(crate) redirects: u8,
    /// The browser was just given its first cookie: does it send it back?
    pub(crate) check_cookies: bool,
}

/// What a person asked us for before they go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestedAction {
    /// To set up an authenticator.
    Enroll,
    /// To make new backup codes.
    BackupCodes,
    /// To sign out everywhere.
    SignOut,
}

impl RequestedAction {
    const ALL: [Self; 3] = [Self::Enroll, Self::BackupCodes, Self::SignOut];

    /// The word for it in the query.
    const fn name(self) -> &'static str {
        match self {
            Self::Enroll => "enroll",
            Self::BackupCodes => "backup-codes",
            Self::SignOut => "sign-out-everywhere",
        }
    }

    /// The page for it, for somebody who is signed in.
    const fn page(self) -> &'static str {
        match self {
            Self::Enroll => "enroll",
            Self::BackupCodes => "backup-codes",
            Self::SignOut => "logout",
        }
    }
}

impl Destination {
    /// Reads the destination of one of our URLs, on an app with these tolerances; whatever cannot be read is the
    /// start page.
    pub(crate) fn from_query(query: &[(String, String)], tolerate: Tolerances) -> Self {
        let only = |name: &str| {
            let mut all = query.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str());
            all.next().filter(|_| all.next().is_none())
        };
        let given = query.iter().any(|(n, _)| n == "to");
        let to = only("to").and_then(|to| ReturnTo::parse(to, tolerate)).unwrap_or_else(ReturnTo::root);
        let action =
            only("then").and_then(|word| RequestedAction::ALL.into_iter().find(|action| action.name() == word));
        let around = only("around").and_then(|to| ReturnTo::parse(to, tolerate));
        let as_session = only("as") == Some("session");
        let redirects = only("turn").and_then(|count| count.parse().ok()).unwrap_or(0);
        let method = only("for")
            .filter(|m| (1..=16).contains(&m.len()) && m.bytes().all(|b| b.is_ascii_uppercase()))
            .unwrap_or("GET");
        let check_cookies = only("check") == Some("cookies");
        Self { given, to, around, method: method.to_owned(), action, as_session, redirects, check_cookies }
    }

    /// The destination of a challenged request; without its query where that is too long to be kept.
    pub(crate) fn of_request(target: &str, method: &str, tolerate: Tolerances) -> Self {
        let cut = || ReturnTo::parse(target.split('?').next().unwrap_or("/"), tolerate);
        let to = ReturnTo::parse(target, tolerate).or_else(cut).unwrap_or_else(ReturnTo::root);
        let method = if method == "HEAD" { "GET" } else { method };
        Self {
            given: true,
            to,
            around: None,
            method: method.to_owned(),
            action: None,
            as_session: false,
            redirects: 0,
            check_cookies: false,
        }
    }

    /// The same destination, by way of a look whether the browser keeps our cookies.
    pub(crate) fn with_cookie_check(&self) -> Self {
        Self { check_cookies: true, ..self.clone() }
    }

    /// The same destination, without that look.
    pub(crate) fn without_cookie_check(&self) -> Self {
        Self { check_cookies: false, ..self.clone() }
    }

    /// Whether this is `target` without its query.
    pub(crate) fn is_cut(&self, target: &str) -> bool {
        target.contains('?') && !self.to.as_str().contains('?')
    }

    /// The same destination, after this is done.
    pub(crate) fn with_action(&self, action: RequestedAction) -> Self {
        Self { action: Some(action), ..self.clone() }
    }

    /// The same destination, and what is set up on the way is set up for who is signed in.
    pub(crate) fn as_session(&self) -> Self {
        Self { as_session: true, ..self.clone() }
    }

    /// The same destination, shown in a frame of this page.
    pub(crate) fn within_frame_of(self, around: Option<ReturnTo>) -> Self {
        Self { around: around.filter(|page| *page != self.to), ..self }
    }

    /// Where one ends up.
    pub(crate) fn landing(&self) -> &ReturnTo {
        self.around.as_ref().unwrap_or(&self.to)
    }

    /// The same destination, for a browser that was sent there so often before.
    pub(crate) fn with_redirects(self, redirects: u8) -> Self {
        Self { redirects, ..self }
    }

    /// The URL of one of our pages for this destination.
    pub(crate) fn page_url(&self, page: &str) -> String {
        let mut parts = Vec::new();
        if self.given {
            parts.push(format!("to={}", format::encode(self.to.as_str())));
        }
        if let Some(around) = &self.around {
            parts.push(format!("around={}", format::encode(around.as_str())));
        }
        if self.method != "GET" {
            parts.push(format!("for={}", format::encode(&self.method)));
        }
        if let Some(action) = self.action {
            parts.push(format!("then={}", action.name()));
        }
        if self.as_session {
            parts.push("as=session".to_owned());
        }
        if self.redirects > 0 {
            parts.push(format!("turn={}", self.redirects));
        }
        if self.check_cookies {
            parts.push("check=cookies".to_owned());
        }
        let query = if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) };
        format!("{}{page}{query}", super::PREFIX)
    }

    /// Where to go once everything is proved. Without a deep link people see their account first, and there their
    /// previous sign-in.
    pub(crate) fn next_url(&self) -> String {
        if let Some(action) = self.action {
            Self { action: None, ..self.clone() }.page_url(action.page())
        } else if self.given {
            self.landing().as_str().to_owned()
        } else {
            format!("{}account", super::PREFIX)
        }
    }

    /// The rules that guard the destination, one for each reading of it that the gateway judges; strongest
    /// requirement first. Were one left out here, who met all others would be sent there and back for ever.
    pub(crate) fn guards<'p>(&self, policy: &'p Policy, host: &str, client: IpAddr) -> Vec<(&'p Rule, Requirement)> {
        // Whoever may sign in may sign out, wherever they were going.
        let app = policy.app(host).filter(|_| self.action != Some(RequestedAction::SignOut));
        let Some(app) = app else { return Vec::new() };
        let target = self.to.target();
        let Ok(resource) = Resource::parse(host, &self.method, target.as_bytes(), app.tolerate) else {
            return Vec::new();
        };
        let mut found: Vec<(&Rule, Requirement)> = app
            .judged(&resource, client)
            .flatten()
            .filter_map(|rule| match &rule.access {
                Access::Guarded { requirement, .. } => Some((rule.as_ref(), *requirement)),
                Access::Public | Access::Deny => None,
            })
            .collect();
        found.sort_by_key(|(_, r)| {
            let age = r.max_age.map_or(u128::MAX, |a| a.as_millis());
            (std::cmp::Reverse(r.strength), age)
        });
        found
    }

    /// What a sign-in must reach: what the strongest guard asks, or one factor where nothing asks.
    pub(crate) fn requirement(&self, policy: &Policy, host: &str, client: IpAddr) -> Requirement {
        self.guards(policy, host, client).first().map_or(Requirement::of(Strength::OneFactor), |(_, r)| *r)
    }

    /// What these proofs lack for the destination, and the rule that asks for it.
    pub(crate) fn missing<'p>(
        &self,
        policy: &'p Policy,
        host: &str,
        client: IpAddr,
        proofs: &Proofs,
        now: Timestamp,
    ) -> Option<(&'p Rule, Requirement, Shortfall)> {
        self.guards(policy, host, client)
            .into_iter()
            .find_map(|(rule, requirement)| requirement.shortfall(proofs, now).map(|s| (rule, requirement, s)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use proptest::prelude::*;
    use proptest::sample::{select, subsequence};

    use super::*;
    use crate::auth::policy::AppPolicy;
    use crate::auth::policy::pattern::PathPattern;
    use crate::auth::policy::rule::Audience;
    use crate::auth::proof::Method;
    use crate::auth::proof::decision::{Decision, decide, strictest};
    use crate::auth::resource::Tolerances;
    use crate::auth::session::{Channel, Session};
    use crate::auth::user::{Identity, UserId, Username};

    const HOST: &str = "app.example";
    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn rules() -> impl Strategy<Value = Vec<Arc<Rule>>> {
        let globs = select(vec!["/**", "/a/**", "/A/**", "/a", "/a/", "/*/b", "/b"]);
        let strengths = select(vec![Strength::OneFactor, Strength::TwoFactor, Strength::PhishingResistant]);
        let rule = (globs, strengths, prop::option::of(0_u64..200), any::<bool>()).prop_map(|(glob, s, age, open)| {
            let requirement = Requirement { max_age: age.map(Duration::from_secs), ..Requirement::of(s) };
            let guarded = Access::Guarded { audience: Audience::default(), requirement };
            Arc::new(Rule::new(glob, PathPattern::glob(glob).unwrap(), if open { Access::Public } else { guarded }))
        });
        prop::collection::vec(rule, 1..5)
    }

    fn session(proofs: Proofs) -> Arc<Session> {
        let username = Username::parse("ann").unwrap();
        let identity = Identity { id: UserId("01A".into()), username, name: None, email: None, groups: Vec::new() };
        Arc::new(Session {
            id: "01S".into(),
            identity,
            proofs,
            host: HOST.into(),
            channel: Channel::Cookie,
            created_at: NOW,
            seen_at: NOW,
            generation: 0,
            checked: Default::default(),
            previous_login: None,
            client_ip: "192.0.2.1".parse().unwrap(),
            user_agent: None,
        })
    }

    proptest! {
        /// Who is challenged is asked for something by our pages, and who is asked for nothing is let through:
        /// otherwise people go round in a circle.
        #[test]
        fn pages_ask_exactly_where_the_gateway_challenges(
            rules in rules(), path in "(/(a|A|b|B|a;x|x)){1,3}/?", tolerant: bool,
            proved in subsequence(vec![Method::Password, Method::Totp, Method::Passkey], 0..=3), ago in 0_u64..200,
        ) {
            let tolerate = Tolerances { path_parameters: tolerant, ..Tolerances::default() };
            let app = AppPolicy { host: HOST.into(), tolerate, rules: rules.into() };
            let Ok(resource) = Resource::parse(HOST, "GET", path.as_bytes(), tolerate) else { return Ok(()) };
            let client = "192.0.2.1".parse().unwrap();
            let proofs = proved.iter().fold(Proofs::none(), |p, m| p.with(*m, NOW.minus(Duration::from_secs(ago))));
            let who = session(proofs.clone());
            let decision = app.judged(&resource, client).map(|rule| decide(rule, Some(&who), NOW)).reduce(strictest);
            let policy = Policy::new([app]);
            let missing = Destination::of_request(&path, "GET", tolerate).missing(&policy, HOST, client, &proofs, NOW);
            match decision {
                Some(Decision::Challenge(_)) => prop_assert!(missing.is_some(), "sent round: {}", path),
                Some(Decision::Permit(_)) => prop_assert!(missing.is_none(), "asked for nothing: {}", path),
                // Whoever proves whatever: a page says so, and nobody is sent anywhere.
                Some(Decision::Refuse(_)) | None => {}
            }
        }
    }

    const STRICT: Tolerances =
        Tolerances { path_parameters: false, encoded_slashes: false, double_slashes: false, latin1: false };

    #[test]
    fn urls_keep_the_destination_and_its_method() {
        let pairs = |q: &[(&str, &str)]| q.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>();
        let destination = Destination::of_request("/a?b=c&d=e%20f", "GET", STRICT);
        assert_eq!(destination.page_url("login"), "/.stepgate/login?to=%2Fa%3Fb%3Dc%26d%3De%2520f");
        assert_eq!(
            Destination::of_request("/a", "POST", STRICT).page_url("step-up"),
            "/.stepgate/step-up?to=%2Fa&for=POST"
        );
        assert_eq!(Destination::from_query(&pairs(&[("to", "/a?b=c")]), STRICT).to.as_str(), "/a?b=c");
        for bad in [&[("to", "/a"), ("to", "/b")][..], &[("to", "//evil.example/")], &[("to", "")]] {
            assert_eq!(Destination::from_query(&pairs(bad), STRICT).next_url(), "/");
        }
        assert_eq!(Destination::from_query(&pairs(&[]), STRICT).next_url(), "/.stepgate/account");
        assert_eq!(
            Destination::of_request("/a", "GET", STRICT).with_action(RequestedAction::Enroll).next_url(),
            "/.stepgate/enroll?to=%2Fa"
        );
        assert_eq!(Destination::from_query(&pairs(&[("for", "post")]), STRICT).method, "GET");
    }
}
