//! Why a request is decided as it is: the decision, and how each rule of the app fits.

use std::net::IpAddr;
use std::sync::Arc;

use serde::Serialize;

use crate::auth::policy::rule::{Access, Rule};
use crate::auth::policy::{AppPolicy, head};
use crate::auth::proof::comparison::{Difference, compare};
use crate::auth::proof::decision::Decision;
use crate::auth::proof::evaluation::{Circumstances, evaluate};
use crate::auth::resource::Resource;
use crate::auth::session::Session;
use crate::auth::time::Timestamp;

/// How a criterion of a rule fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// It fits.
    Hit,
    /// It does not.
    Miss,
    /// It fits for servers that know neither letter case nor trailing slashes.
    Loose,
    /// Known only once somebody signs in.
    May,
}

/// One rule, and how a request fits it.
#[derive(Debug)]
pub struct RuleFit<'a> {
    pub rule: &'a Arc<Rule>,
    /// Whether it decided.
    pub chosen: bool,
    /// Whether some reading of the request led to it.
    pub judged: bool,
    pub path: Fit,
    pub method: Fit,
    pub network: Fit,
    pub audience: Fit,
}

/// A decision and the rules of the app, in order.
#[derive(Debug)]
pub struct Evaluation<'a> {
    pub decision: Decision,
    pub rules: Vec<RuleFit<'a>>,
    /// What rules that are only tried would decide otherwise.
    pub differences: Vec<Difference>,
}

/// Decides as [`evaluate`] does, and tells how each rule fits.
pub fn explain<'a>(
    app: &'a AppPolicy,
    resource: &Resource,
    circumstances: &Circumstances,
    who: Option<&Arc<Session>>,
    now: Timestamp,
) -> Evaluation<'a> {
    let client = circumstances.client;
    let judged: Vec<Option<&Arc<Rule>>> = app.judged(resource, client).collect();
    let decision = evaluate(&judged, app.offer.served, resource, circumstances, who, now);
    let is = |a: Option<&Arc<Rule>>, b: &Arc<Rule>| a.is_some_and(|a| Arc::ptr_eq(a, b));
    let fit = |rule| RuleFit {
        rule,
        chosen: is(decision.rule(), rule),
        judged: judged.iter().any(|j| is(*j, rule)),
        path: path(rule, resource),
        method: fit(head::covers_method(app, rule, resource, client)),
        network: network(rule, client),
        audience: audience(rule, who),
    };
    let rules = app.rules.all().iter().map(fit).collect();
    let trials = app.rules.trials();
    let differences = compare(trials, &decision, app.offer.served, resource, circumstances, who, now);
    Evaluation { decision, rules, differences }
}

const fn fit(fits: bool) -> Fit {
    if fits { Fit::Hit } else { Fit::Miss }
}

fn path(rule: &Rule, resource: &Resource) -> Fit {
    match (rule.covers_path(resource), rule.covers_path_loosely(resource)) {
        (true, _) => Fit::Hit,
        (false, true) => Fit::Loose,
        (false, false) => Fit::Miss,
    }
}

fn network(rule: &Rule, client: IpAddr) -> Fit {
    fit(rule.covers_client(client))
}

fn audience(rule: &Rule, who: Option<&Arc<Session>>) -> Fit {
    match (&rule.access, who) {
        (Access::Public | Access::Deny, _) => Fit::Hit,
        (Access::Guarded { audience, .. }, Some(session)) => fit(audience.admits(&session.identity)),
        (Access::Guarded { .. }, None) => Fit::May,
    }
}
