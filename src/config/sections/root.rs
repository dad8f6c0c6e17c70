//! The whole file.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::app::AppOptions;
use super::enroll::EnrollOption;
use super::factors::FactorOptions;
use super::limits::LimitOptions;
use super::listen::ListenOptions;
use super::mail::MailOptions;
use super::one_or::OffOr;
use super::policy::PolicyOptions;
use super::portal::PortalOptions;
use super::recovery::RecoveryOptions;
use super::require::StrengthOptions;
use super::risk::RiskOptions;
use super::secrets::SecretOptions;
use super::session::SessionOptions;
use super::sms::SmsOptions;
use super::state::StateOptions;
use super::tls::TlsOptions;
use super::users::UserOptions;
use crate::config::sections::scalars::HumanDuration;
use crate::config::yaml::Spanned;

/// The configuration of Stepgate.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Root {
    /// Where to listen. Default: https on 0.0.0.0:443, and http on 0.0.0.0:80 that redirects there.
    pub(crate) listen: Option<Spanned<ListenOptions>>,
    /// Certificates and keys, re-read when the files change.
    pub(crate) tls: Option<Spanned<TlsOptions>>,
    /// Networks whose X-Forwarded-For, -Proto and -Host, or Forwarded, are believed. Default: none.
    pub(crate) trusted_proxies: Option<Vec<Spanned<String>>>,
    /// Look and words of our pages.
    pub(crate) portal: Option<Spanned<PortalOptions>>,
    /// The accounts.
    pub(crate) users: Option<Spanned<UserOptions>>,
    /// Where sessions and counters live: a URL, or a mapping. Default: embedded in the SQLite file.
    pub(crate) state: Option<Spanned<StateOptions>>,
    /// A file that holds the URL of the state store.
    pub(crate) state_file: Option<Spanned<String>>,
    /// The master keys.
    pub(crate) secrets: Option<Spanned<SecretOptions>>,
    /// What people prove themselves with.
    pub(crate) factors: Option<Spanned<FactorOptions>>,
    /// What the first second factor of an account asks beside a fresh password: password (nothing more), mailed_code (a code
    /// sent to a confirmed address, where the person has one), or invitation (a code of `stepgate user enrol-code`). Default:
    /// mailed_code.
    pub(crate) enroll: Option<Spanned<EnrollOption>>,
    /// How long sessions live.
    pub(crate) session: Option<Spanned<SessionOptions>>,
    /// Limits of attempts, and against slow or greedy clients.
    pub(crate) limits: Option<Spanned<LimitOptions>>,
    /// The server that takes mails. Default: off.
    pub(crate) mail: Option<Spanned<OffOr<MailOptions>>>,
    /// What sends text messages. Default: off.
    pub(crate) sms: Option<Spanned<OffOr<SmsOptions>>>,
    /// How somebody gets back in who can no longer sign in. Default: off.
    pub(crate) recovery: Option<Spanned<OffOr<RecoveryOptions>>>,
    /// How sign-ins and requests are compared with what is usual for their person. Default: off.
    pub(crate) risk: Option<Spanned<OffOr<RiskOptions>>>,
    /// Names that rules may use beside one_factor, two_steps, two_factor and phishing_resistant.
    #[serde(default)]
    pub(crate) strengths: BTreeMap<Spanned<String>, Spanned<StrengthOptions>>,
    /// What is tried beside the rules in force. Default: nothing.
    pub(crate) policy: Option<Spanned<PolicyOptions>>,
    /// How long a stopping process lets requests finish. Default: 30s.
    pub(crate) shutdown_grace: Option<HumanDuration>,
    /// The apps that are protected.
    pub(crate) apps: Option<Spanned<Vec<Spanned<AppOptions>>>>,
}
