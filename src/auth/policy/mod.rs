//! The rules: chosen by app, path, method and network, never by who asks.

pub mod pattern;
pub mod rule;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::resource::{Resource, Tolerances};
use rule::Rule;

/// The rules of one app, in the operator's order.
#[derive(Clone, Debug)]
pub struct AppPolicy {
    /// The app's host, canonical.
    pub host: String,
    /// What this app's URLs need (product.md `tolerate`).
    pub tolerate: Tolerances,
    /// First match wins; none matches = refused.
    pub rules: Vec<Arc<Rule>>,
}

impl AppPolicy {
    /// The first rule that covers one reading of a request, without knowing who asks.
    pub fn rule_for(&self, path: &str, resource: &Resource, client: IpAddr) -> Option<&Arc<Rule>> {
        self.rules.iter().find(|rule| rule.covers(path, resource.method(), client))
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

    /// Every app.
    pub fn apps(&self) -> impl Iterator<Item = &Arc<AppPolicy>> {
        self.apps.values()
    }
}
