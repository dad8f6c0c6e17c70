//! One rule: what it covers and what it asks.

use std::net::IpAddr;
use std::sync::Arc;

use super::cors::Cors;
use super::pattern::{PathPattern, loosely};
use crate::auth::network::Networks;
use crate::auth::proof::{MethodSet, OnChange, OnRisk, Requirement, Risk, RiskAction};
use crate::auth::resource::Resource;
use crate::auth::user::{Group, Identity, Username};

/// The name of a rule, as it goes to logs, metrics and pages.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RuleId(pub Arc<str>);

/// What happens to a request that a rule covers.
#[derive(Clone, Debug)]
pub enum Access {
    /// Everybody may pass; no session is looked up.
    Public,
    /// Nobody may pass.
    Deny,
    /// Those of the audience who meet the requirement may pass.
    Guarded {
        audience: Audience,
        /// How well proved.
        requirement: Requirement,
    },
}

impl Access {
    /// Whether a code that was sent to an address is enough beside a password, where these methods are served.
    pub fn is_met_by_sent_codes(&self, served: MethodSet) -> bool {
        matches!(self, Self::Guarded { requirement, .. } if requirement.is_met_by_sent_codes(served))
    }
}

/// Whom a rule admits. Empty: everybody who is signed in.
#[derive(Clone, Debug, Default)]
pub struct Audience {
    /// Members of any of these groups.
    pub groups: Vec<Group>,
    /// Any of these people.
    pub users: Vec<Username>,
}

impl Audience {
    /// Whether `who` belongs to it.
    pub fn admits(&self, who: &Identity) -> bool {
        (self.groups.is_empty() && self.users.is_empty())
            || self.users.contains(&who.username)
            || self.groups.iter().any(|g| who.groups.contains(g))
    }
}

/// How an operator wants challenges of a rule to be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChallengeStyle {
    /// By the kind of request.
    #[default]
    Auto,
    /// Always as a navigation.
    Redirect,
    /// Always as a 401.
    Status,
}

/// One rule of an app.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name, unique within the app.
    pub id: RuleId,
    /// The canonical paths it covers.
    pub pattern: PathPattern,
    /// The methods it covers, upper case; empty: all.
    pub methods: Vec<String>,
    /// The client networks it covers; empty: all.
    pub networks: Networks,
    /// What it does.
    pub access: Access,
    /// The fields of a form whose values are not shown to who approves of it.
    pub redact: Vec<String>,
    /// What it does where a sign-in was unusual.
    pub on_risk: OnRisk,
    /// What it does where a session is used from elsewhere.
    pub on_change: OnChange,
    /// Why, in the operator's words, for our pages.
    pub explanation: Option<String>,
    /// What a refused person can do, in the operator's words.
    pub remediation: Option<String>,
    /// `kind: api`: callers are scripts.
    pub api: bool,
    /// How challenges are told.
    pub challenge: ChallengeStyle,
    /// What scripts of other origins may.
    pub cors: Cors,
    /// `mode: shadow`: it decides nothing, and what it would decide is counted.
    pub shadow: bool,
    /// Where the operator wrote it: `file:line:column`; `None` for rules made by code.
    pub place: Option<Arc<str>>,
}

impl Rule {
    /// A rule for every method and client, told as its kind of request asks, without words of the operator.
    pub fn new(id: &str, pattern: PathPattern, access: Access) -> Self {
        Self {
            id: RuleId(id.into()),
            pattern,
            methods: Vec::new(),
            networks: Networks::default(),
            access,
            redact: Vec::new(),
            on_risk: OnRisk::default(),
            on_change: OnChange::default(),
            explanation: None,
            remediation: None,
            api: false,
            challenge: ChallengeStyle::Auto,
            cors: Cors::default(),
            shadow: false,
            place: None,
        }
    }

    /// What stands for it where something was asked by it. Its name alone may be that of another rule after a reload, or at
    /// another node: one without a name is called by its place in the list.
    pub fn asking(&self) -> String {
        let Self { id, pattern, methods, .. } = self;
        format!("{} {} {}", id.0, pattern.as_str(), methods.join(","))
    }

    /// What it does at this risk.
    pub fn at_risk(&self, risk: &Risk) -> RiskAction {
        let unjudged = risk.unjudged.min(self.on_risk.high);
        self.on_risk.of(risk.level).max(self.on_change.of(risk.changed)).max(unjudged)
    }

    /// Whether method and network are this rule's.
    pub(super) fn applies(&self, method: &str, client: IpAddr) -> bool {
        self.covers_method(method) && self.covers_client(client)
    }

    /// Whether the rule names a method, rather than covering it with all others.
    pub fn names(&self, method: &str) -> bool {
        self.methods.iter().any(|m| m == method)
    }

    /// Whether the method is this rule's.
    pub fn covers_method(&self, method: &str) -> bool {
        self.methods.is_empty() || self.names(method)
    }

    /// Whether the client's network is this rule's.
    pub fn covers_client(&self, client: IpAddr) -> bool {
        self.networks.is_empty() || self.networks.contains(client)
    }

    /// Whether the pattern covers some reading of the path, letter by letter.
    pub fn covers_path(&self, resource: &Resource) -> bool {
        resource.readings().any(|path| self.pattern.matches(path))
    }

    /// Whether it does for a server that knows neither letter case nor trailing slashes.
    pub fn covers_path_loosely(&self, resource: &Resource) -> bool {
        resource.readings().any(|path| self.pattern.matches_loosely(&loosely(path)))
    }

    /// Whether every request that `other` covers is surely covered by this rule too.
    pub fn covers_all_of(&self, other: &Self) -> bool {
        let methods = self.methods.is_empty()
            || (!other.methods.is_empty() && other.methods.iter().all(|m| self.methods.contains(m)));
        methods && self.networks.cover_all_of(&other.networks) && self.pattern.covers_all_of(&other.pattern)
    }
}
