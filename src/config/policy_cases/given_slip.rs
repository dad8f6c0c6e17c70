//! `given.slip`: a proof for this one request, beside what the session has proved.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::auth::proof::Method;
use crate::config::report::Problems;
use crate::config::sections::scalars::HumanDuration;
use crate::config::yaml::Spanned;

/// A slip of this session, for the rules of this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GivenSlip {
    pub method: Method,
    /// How long ago it was given.
    pub age: Duration,
    /// Whether the very request was told when it was given.
    pub transaction: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SlipOptions {
    /// What was proved for it.
    method: Spanned<String>,
    /// How long ago. Default: just now.
    age: Option<HumanDuration>,
    /// Whether it was given for this very request. Default: false.
    transaction: Option<bool>,
}

impl SlipOptions {
    pub(super) fn validate(self, problems: &mut Problems) -> Option<GivenSlip> {
        let Some(method) = Method::from_name(self.method.value.trim()) else {
            let known = Method::ALL.map(Method::name).join(", ");
            problems.error(self.method.at, "this is no method of proof", format!("known are {known}"));
            return None;
        };
        let age = self.age.map_or(Duration::ZERO, |age| age.0);
        Some(GivenSlip { method, age, transaction: self.transaction.unwrap_or(false) })
    }
}
