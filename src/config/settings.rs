//! What a configuration file means, checked.

use crate::auth::policy::Policy;
use crate::flow::settings::FlowSettings;
use crate::notify::settings::NotifySettings;
use crate::portal::settings::PortalSettings;
use crate::proxy::settings::ProxySettings;
use crate::store::settings::StoreSettings;

/// Everything that one configuration file says, checked.
pub struct Settings {
    pub flow: FlowSettings,
    /// For our pages.
    pub portal: PortalSettings,
    /// For letters.
    pub notify: NotifySettings,
    pub proxy: ProxySettings,
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
    pub count: usize,
}
