//! The whole file.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::app::AppOptions;
use super::factors::FactorOptions;
use super::limits::LimitOptions;
use super::listen::ListenOptions;
use super::portal::PortalOptions;
use super::require::StrengthOptions;
use super::secrets::SecretOptions;
use super::session::SessionOptions;
use super::state::StateOptions;
use super::tls::TlsOptions;
use super::users::UserOptions;
use crate::config::placed::Placed;
use crate::config::scalars::{Hidden, Later, Time};

/// The configuration of Stepgate.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Root {
    /// Where to listen. Default: https on 0.0.0.0:443, and http on 0.0.0.0:80 that redirects there.
    pub(in crate::config) listen: Option<Placed<ListenOptions>>,
    /// Certificates and keys, re-read when the files change.
    pub(in crate::config) tls: Option<Placed<TlsOptions>>,
    /// Networks whose X-Forwarded-For, -Proto and -Host, or Forwarded, are believed. Default: none.
    pub(in crate::config) trusted_proxies: Option<Vec<Placed<String>>>,
    /// Look and words of our pages.
    pub(in crate::config) portal: Option<Placed<PortalOptions>>,
    /// The accounts.
    pub(in crate::config) users: Option<Placed<UserOptions>>,
    /// Where sessions and counters live: a URL, or a mapping. Default: embedded in the SQLite file.
    pub(in crate::config) state: Option<Placed<StateOptions>>,
    /// A file that holds the URL of the state store.
    pub(in crate::config) state_file: Option<Placed<String>>,
    /// The master keys.
    pub(in crate::config) secrets: Option<Placed<SecretOptions>>,
    /// What people prove themselves with.
    pub(in crate::config) factors: Option<Placed<FactorOptions>>,
    /// How long sessions live.
    pub(in crate::config) session: Option<Placed<SessionOptions>>,
    /// Limits of attempts, and against slow or greedy clients.
    pub(in crate::config) limits: Option<Placed<LimitOptions>>,
    /// Not available in this version.
    #[serde(default, rename = "mail")]
    pub(in crate::config) _mail: Later,
    /// Not available in this version.
    #[serde(default, rename = "sms")]
    pub(in crate::config) _sms: Later,
    /// Not available in this version.
    #[serde(default, rename = "risk")]
    pub(in crate::config) _risk: Later,
    /// Names that rules may use beside one_factor, two_factor and phishing_resistant.
    #[serde(default)]
    pub(in crate::config) strengths: BTreeMap<Placed<String>, Placed<StrengthOptions>>,
    /// How long a stopping process lets requests finish. Default: 30s.
    pub(in crate::config) shutdown_grace: Option<Time>,
    /// The apps that are protected.
    pub(in crate::config) apps: Option<Placed<Vec<Placed<AppOptions>>>>,
}

/// A URL that may hold a password, or a mapping that says more.
pub(in crate::config) type Url = Placed<Hidden>;
