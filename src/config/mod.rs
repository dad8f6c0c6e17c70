//! The staircase: text to settings. Sees every room's settings type; seen by app and cli only.

mod checker;
mod decode;
mod harmless;
mod load;
mod node;
mod parse;
mod placed;
mod placeholder;
mod problem;
mod render;
mod scalars;
mod schema;
mod sections;
mod shadow;
mod sweep;
mod trouble;

#[cfg(test)]
mod tests;

use std::path::Path;

use crate::auth::policy::Policy;
use crate::flow::settings::FlowSettings;
use crate::portal::settings::PortalSettings;
use crate::proxy::settings::ProxySettings;
use crate::store::settings::StoreSettings;

pub use load::{Loaded, inspect};
pub use problem::{Problem, Severity};
pub use schema::json_schema;

/// Everything that one configuration file says, checked.
pub struct Settings {
    /// For the flows.
    pub flow: FlowSettings,
    /// For our pages.
    pub portal: PortalSettings,
    /// For the proxy.
    pub proxy: ProxySettings,
    /// For the stores.
    pub store: StoreSettings,
    /// The rules.
    pub policy: Policy,
    /// What `check` warns of, rendered: rules that can never match, and the like.
    pub warnings: Vec<String>,
}

/// Everything that is wrong with a configuration file, rendered for a terminal:
/// `file:line:col`, snippet, reason, fix, for each problem, in the order of the file.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct Report {
    /// The rendered problems.
    pub text: String,
    /// How many.
    pub count: usize,
}

/// Loads a configuration file.
///
/// # Errors
/// Every problem of the file at once.
pub fn load(path: &Path) -> Result<Settings, Report> {
    let Loaded { settings, problems } = inspect(path, None);
    settings.ok_or_else(|| Report { text: render::all(problems.iter(), false), count: errors(&problems) })
}

fn errors(problems: &[Problem]) -> usize {
    problems.iter().filter(|p| p.severity == Severity::Error).count()
}
