//! The rules: chosen by app, path, method and network, never by who asks.

pub mod cors;
mod description;
mod glob;
pub mod head;
pub mod index;
pub mod pattern;
pub mod preflight;
pub mod rule;
#[cfg(test)]
mod tests;
pub mod trial;
pub mod unreachable;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::proof::{Method, MethodSet, Offer};
use super::resource::{Resource, Tolerances};
use head::{GET, HEAD};
use index::IndexedRules;
use rule::{Access, Rule};
use trial::AppRules;

/// The rules of one app, in the operator's order.
#[derive(Clone, Debug)]
pub struct AppPolicy {
    /// The app's host, canonical.
    pub host: String,
    /// What this app's URLs need (`tolerate`).
    pub tolerate: Tolerances,
    /// What can be proved at this host.
    pub offer: Offer,
    /// First match wins; none matches = refused.
    pub rules: AppRules,
}

impl AppPolicy {
    /// The first rule in force that covers one reading of a request by one method ([`IndexedRules::rule_for`]).
    pub fn rule_for(&self, path: &str, method: &str, client: IpAddr) -> Option<&Arc<Rule>> {
        self.rules.rule_for(path, method, client)
    }

    /// The rules in force that some server's reading of the request leads to ([`IndexedRules::judged`]).
    pub fn judged<'a>(&'a self, resource: &Resource, client: IpAddr) -> impl Iterator<Item = Option<&'a Arc<Rule>>> {
        self.rules.judged(resource, client)
    }
}

impl IndexedRules {
    /// The first rule that covers one reading of a request by one method, without knowing who asks.
    ///
    /// HEAD asks what GET asks (RFC 9110 §9.3.2): where no rule for this path and client names HEAD, it is the rule for GET.
    pub fn rule_for(&self, path: &str, method: &str, client: IpAddr) -> Option<&Arc<Rule>> {
        self.first_for(method, client, |test| self.first(path, test))
    }

    /// The first rule for a method among those that cover a path, as `search` finds the first of them that passes a test.
    fn first_for<'a>(
        &'a self,
        method: &str,
        client: IpAddr,
        search: impl Fn(&dyn Fn(&Rule) -> bool) -> Option<&'a Arc<Rule>>,
    ) -> Option<&'a Arc<Rule>> {
        let names_head = |rule: &Rule| rule.names(HEAD) && rule.covers_client(client);
        let method = if method == HEAD && search(&names_head).is_none() { GET } else { method };
        search(&|rule| rule.applies(method, client))
    }

    /// The rules that some server's reading of a request leads to; each must be decided, and the
    /// strictest decision wins. `None`: a reading that no rule covers. Never empty; one item for
    /// nearly all requests, without repeats of one rule in a row.
    ///
    /// The other resources that the request names are judged with it. Beside the readings of the path and the methods that
    /// it may be taken for, this judges what a server makes of it that knows neither letter case nor trailing slashes, so
    /// `/ADMIN/` never gets by a rule for `/admin`. HEAD is judged as GET too, unless its rule names HEAD and not GET: only
    /// who writes that has meant it to be otherwise.
    pub fn judged<'a>(&'a self, resource: &Resource, client: IpAddr) -> impl Iterator<Item = Option<&'a Arc<Rule>>> {
        let mut before: Option<Option<*const Rule>> = None;
        std::iter::once(resource)
            .chain(resource.others())
            .flat_map(|resource| resource.methods().map(move |method| (resource, method)))
            .flat_map(|(resource, method)| resource.readings().map(move |path| (method, path)))
            .flat_map(move |(method, path)| {
                let both = self.both(path, method, client);
                let meant = method != HEAD || both.iter().all(|rule| rule.is_some_and(|rule| head::is_meant(rule)));
                let as_get = (!meant).then(|| self.both(path, GET, client));
                both.into_iter().chain(as_get.into_iter().flatten())
            })
            .filter(move |rule| {
                let this = Some(rule.map(Arc::as_ptr));
                let repeated = before == this;
                before = this;
                !repeated
            })
    }

    /// The first rule that covers a path exactly, and the first that covers it loosely.
    fn both<'a>(&'a self, path: &str, method: &str, client: IpAddr) -> [Option<&'a Arc<Rule>>; 2] {
        let exact = self.rule_for(path, method, client);
        [exact, self.loose_rule(path, exact, method, client)]
    }

    /// The first rule that covers a path loosely. Never weaker than none at all: the exact one, if no rule does.
    fn loose_rule<'a>(
        &'a self,
        path: &str,
        exact: Option<&'a Arc<Rule>>,
        method: &str,
        client: IpAddr,
    ) -> Option<&'a Arc<Rule>> {
        if pattern::is_loose(path) && self.are_steady() {
            return exact;
        }
        let loose = pattern::loosely(path);
        self.first_for(method, client, |test| self.first_loosely(&loose, test)).or(exact)
    }
}

/// Every app's rules, by canonical host.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    apps: HashMap<String, Arc<AppPolicy>>,
}

impl Policy {
    /// A policy of these apps.
    pub fn new(apps: impl IntoIterator<Item = AppPolicy>) -> Self {
        Self { apps: apps.into_iter().map(|a| (a.host.clone(), Arc::new(a))).collect() }
    }

    /// The app that answers to a canonical host.
    pub fn app(&self, host: &str) -> Option<&Arc<AppPolicy>> {
        self.apps.get(host)
    }

    /// The same rules in force, with those of another policy tried beside them, at the hosts that both have.
    #[must_use]
    pub fn beside(self, candidate: &Self) -> Self {
        let tried = |app: Arc<AppPolicy>| match candidate.app(&app.host) {
            Some(other) => {
                let rules = app.rules.clone().beside(other.rules.in_force().clone());
                Arc::new(AppPolicy { rules, ..AppPolicy::clone(&app) })
            }
            None => app,
        };
        Self { apps: self.apps.into_iter().map(|(host, app)| (host, tried(app))).collect() }
    }

    /// Whether a password alone lets anybody in anywhere. Groups are no matter: people are put into others later.
    pub fn admits_by_password(&self) -> bool {
        let alone = MethodSet::EMPTY.with(Method::Password);
        let admits = |rule: &Arc<Rule>| matches!(&rule.access, Access::Guarded { requirement, .. } if requirement.is_within(alone));
        self.apps().any(|app| app.rules.all().iter().any(admits))
    }

    /// Every app.
    pub fn apps(&self) -> impl Iterator<Item = &Arc<AppPolicy>> {
        self.apps.values()
    }
}

/// The rules that can never be chosen: (index, index of the earlier rule that covers all they cover). One that is only
/// tried hides no other.
///
/// Certain, not complete: rules covered only by several earlier ones together are not found.
pub fn shadowed(rules: &[Arc<Rule>]) -> Vec<(usize, usize)> {
    let by = |index: usize, rule: &Rule| {
        let earlier = rules.iter().take(index).position(|e| !e.shadow && e.covers_all_of(rule))?;
        Some((index, earlier))
    };
    rules.iter().enumerate().filter_map(|(index, rule)| by(index, rule)).collect()
}
