//! What a rule asks, in the words of the configuration: `two_factor, not older than 5m, only group admins`.

use std::fmt;

use super::rule::{Access, Audience};
use crate::auth::proof::{Binding, Method, MethodSet, Requirement};
use crate::auth::time::short_duration;
use crate::auth::user::Group;

impl Access {
    /// The groups that may pass, where only some may.
    pub fn groups(&self) -> &[Group] {
        match self {
            Self::Guarded { audience, .. } => &audience.groups,
            Self::Public | Self::Deny => &[],
        }
    }

    /// Who may pass, where only some may: `group admins or user ann`.
    pub fn members(&self) -> Option<String> {
        match self {
            Self::Guarded { audience, .. } => members(audience),
            Self::Public | Self::Deny => None,
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => f.write_str("public"),
            Self::Deny => f.write_str("deny"),
            Self::Guarded { audience, requirement } => {
                write!(f, "{requirement}")?;
                members(audience).map_or(Ok(()), |members| write!(f, ", only {members}"))
            }
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.strength.name())?;
        if self.methods != MethodSet::ALL {
            write!(f, " by {}", self.methods.iter().map(Method::name).collect::<Vec<_>>().join(", "))?;
        }
        self.max_age.map_or(Ok(()), |age| write!(f, ", not older than {}", short_duration(age)))?;
        f.write_str(match self.binding {
            Binding::Session => "",
            Binding::Request => ", anew for each request",
            Binding::Transaction => ", anew for each transaction",
        })
    }
}

fn members(audience: &Audience) -> Option<String> {
    let groups = audience.groups.iter().map(|g| format!("group {}", g.0));
    let users = audience.users.iter().map(|u| format!("user {u}"));
    let all: Vec<String> = groups.chain(users).collect();
    (!all.is_empty()).then(|| all.join(" or "))
}
