//! `policy`: what is tried beside the rules in force.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::yaml::Spanned;

/// What is tried beside the rules in force.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyOptions {
    /// Another configuration file: what its rules would decide otherwise, at the hosts that both files have, is counted and
    /// logged. Nothing else of it is used. Read again with this one. Default: none.
    pub(crate) candidate: Option<Spanned<String>>,
}
