//! `apps[].rules`: what is covered, and what it asks.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::listen::networks;
use super::require::{RequireOptions, Strengths, within_reach};
use crate::auth::network::Networks;
use crate::auth::policy::dead::REFUSED_METHODS;
use crate::auth::policy::pattern::PathPattern;
use crate::auth::policy::rule::{Access, Audience, ChallengeStyle, Rule, RuleId};
use crate::auth::user::{Group, Username};
use crate::config::checker::Checker;
use crate::config::node::At;
use crate::config::placed::Placed;
use crate::config::scalars::Later;

/// One rule. The first that matches wins; where none matches, the request is refused.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RuleOptions {
    /// Its name, unique within the app. Default: rule-1, rule-2, …
    name: Option<Placed<String>>,
    /// A glob on the canonical path: `*` is within one segment, `**` any number of segments.
    path: Option<Placed<String>>,
    /// A regular expression that must match the whole path, where a glob will not do.
    path_regex: Option<Placed<String>>,
    /// Methods, as [POST, PUT]. Default: all.
    methods: Option<Placed<Vec<Placed<String>>>>,
    /// Client networks, as [10.0.0.0/8]. Default: all.
    networks: Option<Placed<Vec<Placed<String>>>>,
    /// Whom it admits. Default: everybody who is signed in well enough.
    allow: Option<Placed<AllowOptions>>,
    /// How well somebody must have proved who they are: a name, or a mapping.
    require: Option<Placed<RequireOptions>>,
    /// `public`: everybody may pass. `deny`: nobody.
    access: Option<Placed<AccessOptions>>,
    /// Not available in this version.
    #[serde(default, rename = "on_risk")]
    _on_risk: Later,
    /// Why, for our pages.
    explanation: Option<String>,
    /// What a refused person can do, for our pages.
    remediation: Option<String>,
    /// `api`: callers are scripts. Default: web.
    kind: Option<KindOptions>,
    /// How challenges are told. Default: auto.
    challenge: Option<ChallengeOptions>,
    /// Origins that may read our 401, as [https://spa.example.com].
    cors: Option<Vec<Placed<String>>>,
}

/// Whom a rule admits: members of any of the groups, and any of the people.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AllowOptions {
    /// Groups.
    groups: Option<Placed<Vec<Placed<String>>>>,
    /// User names.
    users: Option<Placed<Vec<Placed<String>>>>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum AccessOptions {
    Public,
    Deny,
}

#[derive(Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum KindOptions {
    Web,
    Api,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ChallengeOptions {
    Auto,
    Redirect,
    Status,
}

/// Judges the rules of one app; says also where each stands.
pub(in crate::config) fn settle(
    list: Vec<Placed<RuleOptions>>,
    strengths: &Strengths,
    cx: &mut Checker,
) -> (Vec<Arc<Rule>>, Vec<At>) {
    let mut names = HashMap::new();
    let given: HashSet<String> =
        list.iter().filter_map(|r| r.value.name.as_ref()).map(|n| n.value.trim().to_owned()).collect();
    let mut rules = Vec::new();
    let mut spots = Vec::new();
    for (i, options) in list.into_iter().enumerate() {
        let at = options.at;
        if let Some(rule) = one(i + 1, options, &given, &mut names, strengths, cx) {
            rules.push(Arc::new(rule));
            spots.push(at);
        }
    }
    (rules, spots)
}

fn one(
    number: usize,
    options: Placed<RuleOptions>,
    given: &HashSet<String>,
    names: &mut HashMap<String, usize>,
    strengths: &Strengths,
    cx: &mut Checker,
) -> Option<Rule> {
    let Placed { value: o, at } = options;
    let name = match &o.name {
        Some(name) => named(name, names, cx),
        // never a name that somebody else has
        None => (0..).map(|n| format!("rule-{number}{}", "-".repeat(n))).find(|n| !given.contains(n)),
    };
    let pattern = pattern(at, o.path, o.path_regex, cx);
    let methods = o.methods.and_then(|m| methods(&m, cx)).unwrap_or_default();
    let networks = match &o.networks {
        Some(list) if list.value.is_empty() && !cx.is_thinned(list.at) => {
            cx.error(list.at, "an empty list would cover no client", "leave `networks` out to cover all");
            Networks::default()
        }
        Some(list) => networks(&list.value, cx),
        None => Networks::default(),
    };
    let access = access(at, o.access, o.require, o.allow, strengths, cx);
    let cors = o.cors.into_iter().flatten().filter_map(|c| origin(&c, cx)).collect();
    Some(Rule {
        id: RuleId(name?.into()),
        pattern: pattern?,
        methods,
        networks,
        access: access?,
        explanation: o.explanation,
        remediation: o.remediation,
        api: o.kind == Some(KindOptions::Api),
        challenge: match o.challenge {
            None | Some(ChallengeOptions::Auto) => ChallengeStyle::Auto,
            Some(ChallengeOptions::Redirect) => ChallengeStyle::Redirect,
            Some(ChallengeOptions::Status) => ChallengeStyle::Status,
        },
        cors,
        place: Some(cx.problems.place(at).into()),
    })
}

fn named(name: &Placed<String>, names: &mut HashMap<String, usize>, cx: &mut Checker) -> Option<String> {
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

fn pattern(
    at: At,
    path: Option<Placed<String>>,
    regex: Option<Placed<String>>,
    cx: &mut Checker,
) -> Option<PathPattern> {
    if let (Some(_), Some(regex)) = (&path, &regex) {
        cx.error(regex.at, "`path` and `path_regex` are both given", "keep one of them");
    } else if path.is_none() && regex.is_none() && !cx.is_gone(at, "path_regex") {
        cx.need::<()>(None, at, "path", "write `path: /**` to cover everything");
    }
    let glob = path.and_then(|path| glob(&path, cx));
    let regex = regex.and_then(|regex| expression(&regex, cx));
    glob.xor(regex)
}

fn glob(path: &Placed<String>, cx: &mut Checker) -> Option<PathPattern> {
    if !path.value.starts_with('/') {
        cx.error(path.at, "a path begins with `/`", format!("write `/{}`", crate::config::trouble::short(&path.value)));
        return None;
    }
    let fix = "write it like `/reports/*/edit` or `/admin/**`";
    PathPattern::glob(&path.value).map_err(|why| cx.error(path.at, why.to_string(), fix)).ok()
}

fn expression(regex: &Placed<String>, cx: &mut Checker) -> Option<PathPattern> {
    // told here as well, so that a mistake in the expression never waits for the first request
    if let Err(e) = regex::Regex::new(&regex.value) {
        let why = e.to_string();
        let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let fix = "write it like \"/v[0-9]+/.*\"; a backslash before a sign lets it stand for itself";
        cx.error(regex.at, format!("not a regular expression: {why}"), fix);
        return None;
    }
    if regex.value.trim_matches(['^', '$']).is_empty() {
        cx.error(regex.at, "an empty expression covers no path", "write `/.*` to cover everything");
        return None;
    }
    let fix = "write a simpler one, or several rules";
    PathPattern::regex(&regex.value).map_err(|why| cx.error(regex.at, why.to_string(), fix)).ok()
}

fn methods(list: &Placed<Vec<Placed<String>>>, cx: &mut Checker) -> Option<Vec<String>> {
    if list.value.is_empty() && !cx.is_thinned(list.at) {
        cx.error(list.at, "an empty list would cover no request", "leave `methods` out to cover all");
    }
    let mut all = Vec::new();
    for method in &list.value {
        let upper = method.value.to_ascii_uppercase();
        let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        if upper.is_empty() || !upper.bytes().all(|b| b.is_ascii_uppercase() || b == b'-' || b == b'_') {
            cx.error(method.at, "not an HTTP method", "write it like GET or POST");
        } else if all.contains(&upper) {
            cx.error(method.at, "this method is here twice", "keep one of them");
        } else {
            if REFUSED_METHODS.contains(&upper.as_str()) {
                cx.warn(method.at, "the gateway refuses this method before any rule", "leave it out");
            } else if !known.contains(&upper.as_str()) {
                let near = crate::config::trouble::nearest(
                    &upper.to_lowercase(),
                    ["get", "head", "post", "put", "patch", "delete", "options"].into_iter(),
                );
                let fix = near.map_or_else(String::new, |n| format!("did you mean {}?", n.to_uppercase()));
                cx.warn(method.at, "not one of the usual methods", fix);
            }
            all.push(upper);
        }
    }
    Some(all)
}

fn access(
    at: At,
    access: Option<Placed<AccessOptions>>,
    require: Option<Placed<RequireOptions>>,
    allow: Option<Placed<AllowOptions>>,
    strengths: &Strengths,
    cx: &mut Checker,
) -> Option<Access> {
    match (access, require) {
        (Some(access), require) => {
            if let Some(at) = require.as_ref().map(|r| r.at).or_else(|| allow.as_ref().map(|a| a.at)) {
                let fix = "leave out `access`, or `allow` and `require`";
                cx.error(at, "`access` asks nobody who they are; `allow` and `require` mean nothing beside it", fix);
            }
            // one of them goes; what is wrong with it is told all the same
            if let Some(require) = require {
                let _ = strengths.resolve(&require, cx);
            }
            if let Some(allow) = allow {
                let _ = audience(allow, cx);
            }
            Some(match access.value {
                AccessOptions::Public => Access::Public,
                AccessOptions::Deny => Access::Deny,
            })
        }
        (None, Some(require)) => {
            let audience = allow.map_or_else(|| Some(Audience::default()), |a| audience(a, cx));
            let requirement = strengths.resolve(&require, cx)?;
            if !within_reach(&requirement) {
                let name = requirement.strength.name();
                cx.warn(
                    require.at,
                    format!("nobody can pass here: this version has no method that reaches `{name}`"),
                    "passkeys are not available in this version; ask for `two_factor`",
                );
            }
            Some(Access::Guarded { audience: audience?, requirement })
        }
        (None, None) => {
            if !cx.is_gone(at, "require") && !cx.is_gone(at, "access") {
                let fix = "add `require: two_factor`, `access: public` or `access: deny`";
                cx.error(at, "this rule says neither `require` nor `access`", fix);
            }
            None
        }
    }
}

fn audience(allow: Placed<AllowOptions>, cx: &mut Checker) -> Option<Audience> {
    let Placed { value: allow, at } = allow;
    let mut audience = Audience::default();
    for group in allow.groups.iter().flat_map(|g| &g.value) {
        let name = group.value.trim();
        if name.is_empty() || name.contains(',') || name.chars().any(char::is_control) {
            cx.error(group.at, "not the name of a group", "names are not empty and hold no comma");
        }
        audience.groups.push(Group(name.to_owned()));
    }
    for user in allow.users.iter().flat_map(|u| &u.value) {
        match Username::parse(&user.value) {
            Some(name) => audience.users.push(name),
            None => cx.error(user.at, "not a usable user name", "without spaces and commas"),
        }
    }
    // an empty audience means everybody: nobody may get there by an empty list
    if audience.groups.is_empty() && audience.users.is_empty() {
        let lists = [&allow.groups, &allow.users];
        let told = ["groups", "users"].iter().any(|k| cx.is_gone(at, k))
            || lists.into_iter().flatten().any(|l| cx.is_thinned(l.at) || !l.value.is_empty());
        if !told {
            cx.error(at, "`allow` names nobody", "name groups or users, or leave `allow` out to admit everybody");
        }
        return None;
    }
    Some(audience)
}

fn origin(text: &Placed<String>, cx: &mut Checker) -> Option<String> {
    let parsed = url::Url::parse(&text.value).ok().filter(|u| matches!(u.scheme(), "http" | "https"));
    let origin = parsed.map(|u| u.origin().ascii_serialization());
    if origin.as_deref() != Some(text.value.trim_end_matches('/')) || text.value.ends_with('/') {
        let fix = origin.map_or_else(|| "write it like https://spa.example.com".to_owned(), |o| format!("write `{o}`"));
        cx.error(text.at, "not an origin", fix);
        return None;
    }
    origin
}
