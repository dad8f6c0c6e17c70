//! What happened to an account, in sentences for its owner. Every kind of event has one here, or is said to have none: what
//! only an operator understands, and what is a step of something that is told.

use std::time::Duration;

use super::format;
use super::messages::text;
use crate::auth::event::EventKind;
use crate::auth::history::{Activity, ActivityCursor};
use crate::auth::proof::Method;
use crate::auth::session::Session;
use crate::flow::Flows;
use crate::flow::account::AgentName;
use crate::flow::ports::Answer;

/// How far back it goes.
const REMEMBERED: Duration = Duration::from_secs(90 * 24 * 3600);
/// How many are told at once at least, where there are as many.
const AT_ONCE: usize = 20;
/// How many rows are read at once, and how often.
const ROWS: u32 = 60;
const ROUNDS: usize = 8;

/// Something that happened, with its sentence.
pub(crate) struct ActivityEntry {
    pub(crate) row: Activity,
    pub(crate) sentence: String,
    /// The country of the address, where it is known.
    pub(crate) country: Option<String>,
}

impl ActivityEntry {
    /// From where; `None`: from the machine of the gateway itself.
    pub(crate) fn place(&self) -> Option<String> {
        self.row.ip.map(|ip| format::address(ip, self.country.as_deref()))
    }

    /// By which browser or script, where that was noted.
    pub(crate) fn agent(&self) -> Option<AgentName> {
        self.row.agent.as_deref().map(AgentName::read)
    }
}

/// What happened to the account of a session, the newest first, from `before` on; and where it goes on.
pub(crate) async fn read(
    flows: &Flows,
    session: &Session,
    before: Option<ActivityCursor>,
) -> Answer<(Vec<ActivityEntry>, Option<ActivityCursor>)> {
    let now = flows.ports.clock.now();
    let (user, from) = (&session.identity.id, now.minus(REMEMBERED));
    let (mut entries, mut next) = (Vec::new(), Some(before.unwrap_or_else(|| ActivityCursor::from(now))));
    for _ in 0..ROUNDS {
        let Some(at) = next.filter(|_| entries.len() < AT_ONCE) else { break };
        let page = flows.ports.history.activity(user, from, at, ROWS).await?;
        entries.extend(page.rows.into_iter().filter_map(|row| {
            let sentence = sentence(row.kind, row.method)?;
            let country = row.ip.and_then(|ip| flows.country_of(ip));
            Some(ActivityEntry { row, sentence, country })
        }));
        next = page.next;
    }
    Ok((entries, next))
}

/// What an event says to the owner of the account.
pub(crate) fn sentence(kind: EventKind, method: Option<Method>) -> Option<String> {
    use EventKind as K;
    let by = || method.map_or_else(String::new, format::method);
    Some(match kind {
        K::ProofAccepted => text!("activity-proof-accepted", method = by()),
        K::ProofRejected => text!("activity-proof-rejected", method = by()),
        K::SessionOpened => text!("activity-session-opened"),
        K::SessionRevoked => text!("activity-session-revoked"),
        K::SessionsRevoked => text!("activity-sessions-revoked"),
        K::SessionAbandoned => text!("activity-session-abandoned"),
        K::SignInDisowned => text!("activity-sign-in-disowned"),
        K::RiskProfileErased => text!("activity-risk-profile-erased"),
        K::SlipIssued => text!("activity-slip-issued", method = by()),
        K::AuthenticatorAdded => text!("activity-authenticator-added", method = by()),
        K::AuthenticatorRemoved => text!("activity-authenticator-removed", method = by()),
        K::CodeSent => text!("activity-code-sent", method = by()),
        K::PasskeyCounter => text!("activity-passkey-counter"),
        K::FactorLocked => text!("activity-factor-locked", method = by()),
        K::FactorUnlocked => text!("activity-factor-unlocked", method = by()),
        K::BackupCodesMade => text!("activity-backup-codes-made"),
        K::AccountCreated => text!("activity-account-created"),
        K::SignedUp => text!("activity-signed-up"),
        K::InvitationAccepted => text!("activity-invitation-accepted"),
        K::AccountDisabled => text!("activity-account-disabled"),
        K::AccountEnabled => text!("activity-account-enabled"),
        K::AccountDeleted => text!("activity-account-deleted"),
        K::DeletionAsked => text!("activity-deletion-asked"),
        K::RecoveryBegun => text!("activity-recovery-begun"),
        K::RecoveryWaiting => text!("activity-recovery-waiting"),
        K::RecoveryGranted => text!("activity-recovery-granted"),
        K::RecoveryCancelled => text!("activity-recovery-cancelled"),
        K::RecoveryFinished => text!("activity-recovery-finished"),
        K::EnrolmentCodeIssued => text!("activity-enrolment-code-issued"),
        K::RecoveryCodeIssued => text!("activity-recovery-code-issued"),
        K::PasswordSet => text!("activity-password-set"),
        K::ProfileSet => text!("activity-profile-set"),
        K::GroupsSet => text!("activity-groups-set"),
        K::BrowsersForgotten => text!("activity-browsers-forgotten"),
        K::DataExported => text!("activity-data-exported"),
        // Steps of what is told, and what only an operator understands.
        K::Throttled
        | K::SignInAssessed
        | K::SessionAssessed
        | K::SessionUnusual
        | K::SignInUnassessed
        | K::RiskPinned
        | K::RiskPinCleared
        | K::SessionShared
        | K::TicketRejected
        | K::SessionElevated
        | K::FormHeld
        | K::FormSent
        | K::FormDiscarded
        | K::SlipSpent
        | K::SignUpBegun
        | K::InvitationMade
        | K::InvitationRevoked
        | K::PasswordRehashed
        | K::PasswordForced
        | K::Unsettled => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No sentence holds a word of ours, and none is empty.
    #[test]
    fn every_event_that_is_told_has_a_sentence_for_people() {
        for kind in EventKind::ALL {
            let Some(told) = sentence(*kind, Some(Method::Totp)) else { continue };
            assert!(told.ends_with('.') && told.len() >= 10, "{told}");
            assert!(!told.contains('_') && !told.contains(kind.name()), "{told}");
        }
        assert!(sentence(EventKind::SessionOpened, None).is_some());
        assert!(
            EventKind::ALL.iter().filter(|kind| sentence(**kind, None).is_none()).count() < EventKind::ALL.len() / 2
        );
    }
}
