//! `apps[].rules`: what is covered, and what it asks.

mod access;
mod binding;
mod challenge;
mod cors;
mod methods;
mod pattern;
pub(crate) mod risk;
pub(crate) mod unreachable;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use self::challenge::ChallengeOptions;
use super::listen::networks;
use super::require::{RequireOptions, Strengths};
use crate::auth::network::Networks;
use crate::auth::policy::rule::{Access, Rule, RuleId};
use crate::config::sections::checker::Checker;
use crate::config::yaml::{Span, Spanned};
use crate::flow::settings::RiskSettings;
use access::{AccessOptions, AllowOptions};
use binding::BindingOptions;
pub(crate) use binding::TransactionPlace;
use cors::{CorsOptions, PreflightOptions};

/// One rule. The first that matches wins; where none matches, the request is refused.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleOptions {
    /// Its name, unique within the app. Default: rule-1, rule-2, …
    name: Option<Spanned<String>>,
    /// A glob on the canonical path: `*` is within one segment, `**` any number of segments.
    path: Option<Spanned<String>>,
    /// A regular expression that must match the whole path, where a glob will not do.
    path_regex: Option<Spanned<String>>,
    /// Methods, as [POST, PUT]. Default: all. GET covers HEAD, unless another rule for the path names HEAD.
    methods: Option<Spanned<Vec<Spanned<String>>>>,
    /// Client networks, as [10.0.0.0/8]. Default: all.
    networks: Option<Spanned<Vec<Spanned<String>>>>,
    /// Whom it admits. Default: everybody who is signed in well enough.
    allow: Option<Spanned<AllowOptions>>,
    /// How well somebody must have proved who they are: a name, or a mapping.
    require: Option<Spanned<RequireOptions>>,
    /// `public`: everybody may pass. `deny`: nobody.
    access: Option<Spanned<AccessOptions>>,
    /// A proof serves one request: each request that the rule covers asks for one anew.
    once: Option<Spanned<bool>>,
    /// A proof serves one request that was told beforehand: people see what they send, scripts tell its digest.
    transaction: Option<Spanned<bool>>,
    /// The fields of forms whose values are not shown there, as [pin].
    redact: Option<Spanned<Vec<String>>>,
    /// What is done where a sign-in was unusual for its person: permit, step_up or deny. Default: as `risk.on_risk`.
    on_risk: Option<risk::RiskKey>,
    /// What is done where a session is used from elsewhere: permit, step_up or deny. Default: as `risk.on_change`.
    on_change: Option<risk::ChangeKey>,
    /// Why, for our pages.
    explanation: Option<String>,
    /// What a refused person can do, for our pages.
    remediation: Option<String>,
    /// `api`: callers are scripts. Default: web.
    kind: Option<KindOptions>,
    /// How challenges are told. Default: auto.
    challenge: Option<Spanned<ChallengeOptions>>,
    /// Origins that may read our 401, as [https://spa.example.com]; or a mapping: the gateway answers their preflights.
    cors: Option<Spanned<CorsOptions>>,
    /// `pass`: true CORS preflights go to the app, without identity. Default: they are requests like any other.
    preflight: Option<Spanned<PreflightOptions>>,
    /// `shadow`: it decides nothing, and what it would decide, were it alone enforced in its place, is counted and logged.
    /// Default: enforce.
    mode: Option<RuleModeOptions>,
}

#[derive(Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum RuleModeOptions {
    Enforce,
    Shadow,
}

#[derive(Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum KindOptions {
    Web,
    Api,
}

/// Judges the rules of one app; says also where each stands.
pub(crate) fn validate(
    list: Vec<Spanned<RuleOptions>>,
    strengths: &Strengths,
    risk: Option<&RiskSettings>,
    place: TransactionPlace,
    cx: &mut Checker,
) -> (Vec<Arc<Rule>>, Vec<Span>) {
    let mut names = HashMap::new();
    let given: HashSet<String> =
        list.iter().filter_map(|r| r.value.name.as_ref()).map(|n| n.value.trim().to_owned()).collect();
    let mut rules = Vec::new();
    let mut spots = Vec::new();
    for (i, options) in list.into_iter().enumerate() {
        let at = options.at;
        if let Some(rule) = one(i + 1, options, &given, &mut names, (strengths, risk, place), cx) {
            rules.push(Arc::new(rule));
            spots.push(at);
        }
    }
    (rules, spots)
}

fn one(
    number: usize,
    options: Spanned<RuleOptions>,
    given: &HashSet<String>,
    names: &mut HashMap<String, usize>,
    (strengths, defaults, place): (&Strengths, Option<&RiskSettings>, TransactionPlace),
    cx: &mut Checker,
) -> Option<Rule> {
    let Spanned { value: o, at } = options;
    let name = match &o.name {
        Some(name) => named(name, names, cx),
        // never a name that somebody else has
        None => (0..).map(|n| format!("rule-{number}{}", "-".repeat(n))).find(|n| !given.contains(n)),
    };
    let pattern = pattern::pattern(at, o.path, o.path_regex, cx);
    let methods =
        o.methods.and_then(|m| methods::methods(&m, "leave `methods` out to cover all", cx)).unwrap_or_default();
    let networks = match &o.networks {
        Some(list) if list.value.is_empty() && !cx.has_removed_items(list.at) => {
            cx.error(list.at, "an empty list would cover no client", "leave `networks` out to cover all");
            Networks::default()
        }
        Some(list) => networks(&list.value, cx),
        None => Networks::default(),
    };
    let access = access::access(at, o.access, o.require, o.allow, strengths, cx);
    let asked = BindingOptions { once: o.once, transaction: o.transaction, redact: o.redact };
    let (access, redact) = binding::bound(access, asked, &methods, place, cx);
    let asks = access.as_ref().is_none_or(|access| matches!(access, Access::Guarded { .. }));
    let (on_risk, on_change) = risk::validate(o.on_risk, o.on_change, asks, defaults, cx);
    let deny = matches!(access, Some(Access::Deny));
    let api = o.kind == Some(KindOptions::Api);
    let challenge = challenge::style(o.challenge, asks, api, cx);
    let cors = cors::validate(o.cors, o.preflight, &methods, deny, cx);
    Some(Rule {
        id: RuleId(name?.into()),
        pattern: pattern?,
        methods,
        networks,
        access: access?,
        redact,
        on_risk,
        on_change,
        explanation: o.explanation,
        remediation: o.remediation,
        api,
        challenge,
        cors,
        shadow: o.mode == Some(RuleModeOptions::Shadow),
        place: Some(cx.problems.place(at).into()),
    })
}

fn named(name: &Spanned<String>, names: &mut HashMap<String, usize>, cx: &mut Checker) -> Option<String> {
    let text = name.value.trim();
    if text.is_empty() || text.len() > 64 || !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
        cx.error(name.at, "not a usable name", "1 to 64 letters, digits, `-`, `_` or `.`: it goes to logs and metrics");
        return None;
    }
    let line = cx.problems.line_of(name.at);
    if let Some(first) = names.insert(text.to_owned(), line) {
        cx.error(name.at, format!("this name is taken already in line {first}"), "names are unique within an app");
        return None;
    }
    Some(text.to_owned())
}
