//! `access`, `require` and `allow`: whom a rule admits, and how well proved.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::auth::policy::rule::{Access, Audience};
use crate::auth::proof::Method;
use crate::auth::user::{Group, Username};
use crate::config::sections::checker::Checker;
use crate::config::sections::require::{RequireOptions, Strengths};
use crate::config::yaml::{Span, Spanned};

/// Whom a rule admits: members of any of the groups, and any of the people.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AllowOptions {
    /// Groups.
    groups: Option<Spanned<Vec<Spanned<String>>>>,
    /// User names.
    users: Option<Spanned<Vec<Spanned<String>>>>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum AccessOptions {
    Public,
    Deny,
}

/// What a rule that stands at `at` asks.
pub(super) fn access(
    at: Span,
    access: Option<Spanned<AccessOptions>>,
    require: Option<Spanned<RequireOptions>>,
    allow: Option<Spanned<AllowOptions>>,
    strengths: &Strengths,
    cx: &mut Checker,
) -> Option<Access> {
    match (access, require) {
        (Some(access), require) => {
            if let Some(at) = require.as_ref().map(|r| r.at).or_else(|| allow.as_ref().map(|a| a.at)) {
                let fix = "leave out `access`, or `allow` and `require`";
                cx.error(at, "`access` asks nobody who they are; `allow` and `require` mean nothing beside it", fix);
            }
            // one of them goes; what is wrong with it is reported all the same
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
            if !strengths.within_reach(&requirement) {
                let name = requirement.strength.name();
                let lacking: Vec<&str> = strengths.lacking(&requirement).iter().map(Method::name).collect();
                cx.warn(
                    require.at,
                    format!("nobody can pass here: no method that is switched on reaches `{name}`"),
                    format!("it would take one of {}: see `factors`, or ask for less", lacking.join(", ")),
                );
            }
            Some(Access::Guarded { audience: audience?, requirement })
        }
        (None, None) => {
            if !cx.was_removed(at, "require") && !cx.was_removed(at, "access") {
                let fix = "add `require: two_factor`, `access: public` or `access: deny`";
                cx.error(at, "this rule says neither `require` nor `access`", fix);
            }
            None
        }
    }
}

fn audience(allow: Spanned<AllowOptions>, cx: &mut Checker) -> Option<Audience> {
    let Spanned { value: allow, at } = allow;
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
        let reported = ["groups", "users"].iter().any(|k| cx.was_removed(at, k))
            || lists.into_iter().flatten().any(|l| cx.has_removed_items(l.at) || !l.value.is_empty());
        if !reported {
            cx.error(at, "`allow` names nobody", "name groups or users, or leave `allow` out to admit everybody");
        }
        return None;
    }
    Some(audience)
}
