//! What an operator may set about our pages.

mod accent;

use std::collections::{BTreeMap, BTreeSet};

pub use accent::{Accent, Colour, LowContrast};

use crate::auth::proof::challenge::Dialect;

/// Where people sign in, and what they see there.
#[derive(Clone, Debug, Default)]
pub struct PortalSettings {
    /// Where people sign in once for many apps; `None`: on the host of each app.
    pub host: Option<PortalHost>,
    /// The name of the organisation; empty: "Stepgate".
    pub name: String,
    /// A logo: its media type and bytes.
    pub logo: Option<(String, Vec<u8>)>,
    /// The accent colour.
    pub accent: Option<Accent>,
    /// Where people get help: a mail address or a URL.
    pub support: Option<String>,
    /// What scripts of an app get, by its canonical host; apps that want nothing of it are not named.
    pub scripts: BTreeMap<String, ScriptSettings>,
}

/// What scripts of one app get beside a 401.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScriptSettings {
    /// The libraries that are answered in their own way.
    pub dialects: Vec<Dialect>,
    /// Whether `/.stepgate/step-up.js` is served on its host.
    pub step_up_script: bool,
}

/// The host where people sign in once for many apps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortalHost {
    /// Canonical; no app's.
    pub name: String,
    /// The app hosts that keep their sign-in to themselves.
    pub without: BTreeSet<String>,
}
