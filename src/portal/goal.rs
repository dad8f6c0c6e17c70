//! Where a person goes after signing in, and how well they must be proved to get there.

use std::net::IpAddr;

use super::words;
use crate::auth::policy::Policy;
use crate::auth::policy::rule::{Access, Rule};
use crate::auth::proof::Proofs;
use crate::auth::requirement::{Requirement, Shortfall, Strength};
use crate::auth::resource::Resource;
use crate::auth::return_to::ReturnTo;
use crate::auth::time::Timestamp;

/// A destination, and the method that is to be used there (a challenged POST asks for more than the GET may).
#[derive(Clone)]
pub(crate) struct Goal {
    /// Where.
    pub(crate) to: ReturnTo,
    /// Whether the address named one that could be read.
    pub(crate) given: bool,
    /// `GET`, or the method of the request that was challenged.
    pub(crate) method: String,
}

impl Goal {
    /// Reads the destination of one of our URLs; whatever cannot be read is the start page.
    pub(crate) fn read(query: &[(String, String)]) -> Self {
        let only = |name: &str| {
            let mut all = query.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str());
            all.next().filter(|_| all.next().is_none())
        };
        let to = only("to").and_then(ReturnTo::parse);
        let method = only("for")
            .filter(|m| (1..=16).contains(&m.len()) && m.bytes().all(|b| b.is_ascii_uppercase()))
            .unwrap_or("GET");
        Self { given: to.is_some(), to: to.unwrap_or_else(ReturnTo::root), method: method.to_owned() }
    }

    /// The destination of a challenged request.
    pub(crate) fn of(target: &str, method: &str) -> Self {
        let to = ReturnTo::parse(target);
        let method = if method == "HEAD" { "GET" } else { method };
        Self { given: to.is_some(), to: to.unwrap_or_else(ReturnTo::root), method: method.to_owned() }
    }

    /// The URL of one of our pages for this destination.
    pub(crate) fn page(&self, page: &str) -> String {
        let to = words::encode(self.to.as_str());
        let method = if self.method == "GET" { String::new() } else { format!("&for={}", words::encode(&self.method)) };
        format!("{}{page}?to={to}{method}", super::PREFIX)
    }

    /// Whether the destination is one of our own pages.
    pub(crate) fn is_ours(&self) -> bool {
        self.to.as_str().starts_with(super::PREFIX)
    }

    /// The rules that guard the destination, one for each reading of its path; strongest requirement first.
    pub(crate) fn guards<'p>(&self, policy: &'p Policy, host: &str, client: IpAddr) -> Vec<(&'p Rule, Requirement)> {
        let Some(app) = policy.app(host) else { return Vec::new() };
        let Ok(resource) = Resource::parse(host, &self.method, self.to.as_str().as_bytes(), app.tolerate) else {
            return Vec::new();
        };
        let mut found: Vec<(&Rule, Requirement)> = resource
            .readings()
            .filter_map(|reading| app.rule_for(reading, &resource, client))
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
    use super::*;

    #[test]
    fn urls_keep_the_destination_and_its_method() {
        let pairs = |q: &[(&str, &str)]| q.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>();
        let goal = Goal::of("/a?b=c&d=e%20f", "GET");
        assert_eq!(goal.page("login"), "/.stepgate/login?to=%2Fa%3Fb%3Dc%26d%3De%2520f");
        assert_eq!(Goal::of("/a", "POST").page("step-up"), "/.stepgate/step-up?to=%2Fa&for=POST");
        assert_eq!(Goal::read(&pairs(&[("to", "/a?b=c")])).to.as_str(), "/a?b=c");
        assert!(!Goal::read(&pairs(&[("to", "/a"), ("to", "/b")])).given);
        assert!(!Goal::read(&pairs(&[("to", "//evil.example/")])).given);
        assert_eq!(Goal::read(&pairs(&[("for", "post")])).method, "GET");
    }
}
