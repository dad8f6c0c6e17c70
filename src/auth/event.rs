//! What happened: the only thing that logs, the audit trail and counters are made from.

mod deed;
mod form_record;
mod kind;
mod reasons;
mod risk_record;
mod what;

use std::net::IpAddr;
use std::sync::Arc;

use super::user::{Identity, UserId, Username};
pub use deed::Deed;
pub use form_record::FormRecord;
pub use kind::EventKind;
pub use reasons::{RejectReason, ThrottleScope, TicketFault};
pub use risk_record::{PastRisk, PastTerm, RiskGuard, RiskRecord, RiskTerm, Weight};
pub use what::What;

/// Something worth remembering about a proof, a session or an account. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Event {
    #[serde(flatten)]
    pub what: What,
    /// Whose account; `None` if the name given belongs to nobody.
    pub user: Option<UserId>,
    /// The canonical name given, if it could be one.
    pub username: Option<Username>,
    /// From where; `None` for commands on the machine itself.
    pub client_ip: Option<IpAddr>,
    /// The session concerned.
    pub session: Option<String>,
    /// The browser that did it, by a tag of the mark it carries; `None` for scripts and browsers without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub browser: Option<String>,
    /// What the browser or the script calls itself, by the names that people know: `Firefox/Linux`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Why a sign-in is as unusual as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk: Option<Arc<RiskRecord>>,
    /// The operator who did it, as the machine knows them; `None`: nobody did it by a command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The form concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form: Option<Arc<FormRecord>>,
    /// Whether the sign-in that this ends is learnt as usual for its person.
    #[serde(skip_serializing_if = "is_false")]
    pub learnt: bool,
    /// Whether the audit trail has it already, written in the transaction of its change: it is logged and counted alone.
    #[serde(skip)]
    pub is_written: bool,
}

impl Event {
    /// Something that happened to an account, or to nobody's.
    pub fn of(what: What, who: Option<&Identity>) -> Self {
        Self {
            what,
            user: who.map(|who| who.id.clone()),
            username: who.map(|who| who.username.clone()),
            client_ip: None,
            session: None,
            browser: None,
            risk: None,
            by: None,
            agent: None,
            form: None,
            learnt: false,
            is_written: false,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

#[cfg(test)]
mod tests;
