//! The things that happen.

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::deed::Deed;
use super::reasons::{RejectReason, ThrottleScope, TicketFault};
use crate::auth::proof::{Method, RiskLevel, TransactionDigest};

/// The closed list of things that happen, with their exact reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    ProofAccepted {
        method: Method,
    },
    ProofRejected {
        method: Method,
        /// Why, exactly.
        reason: RejectReason,
    },
    /// An attempt was not evaluated: too many before it.
    Throttled {
        method: Method,
        /// Which counter was full.
        scope: ThrottleScope,
    },
    /// A sign-in was compared with what is usual for its person.
    SignInAssessed {
        level: RiskLevel,
    },
    /// A session was compared with what is usual for its person, where it is used from elsewhere than it was opened.
    SessionAssessed {
        level: RiskLevel,
    },
    /// A session that is unusual, or is used from elsewhere than it was, reached a rule that lets it through otherwise.
    SessionUnusual {
        level: RiskLevel,
    },
    /// A sign-in could not be compared: the store did not answer, and `fail` said what follows.
    SignInUnassessed,
    /// A session looked stolen, and nobody showed that it is theirs: it was ended.
    SessionAbandoned,
    /// The person said that a sign-in was not theirs: they count as high risk.
    SignInDisowned,
    /// An operator pinned a person at high risk.
    RiskPinned,
    /// A person is no longer pinned.
    RiskPinCleared,
    /// What was usual for a person was forgotten.
    RiskProfileErased,
    SessionOpened {
        /// How unusual the sign-in was, where that is assessed.
        level: Option<RiskLevel>,
    },
    /// A session that was opened where people sign in got a token for the host of an app.
    SessionShared,
    /// A ticket to the host of an app was refused.
    TicketRejected {
        reason: TicketFault,
    },
    /// A session rose to a new token.
    SessionElevated,
    /// A form met a challenge and was kept.
    FormHeld,
    /// A form that was kept was given to its app, once.
    FormSent,
    /// A form that was kept was discarded by its owner.
    FormDiscarded,
    /// Something was proved for one request; of a transaction, what was shown and proved, by its digest.
    SlipIssued {
        method: Method,
        transaction: Option<TransactionDigest>,
    },
    /// That request was let through.
    SlipSpent {
        method: Method,
        transaction: Option<TransactionDigest>,
    },
    /// A session was ended by its owner or an operator.
    SessionRevoked,
    /// Every session of a person was ended.
    SessionsRevoked,
    /// An authenticator was bound to an account.
    AuthenticatorAdded {
        method: Method,
    },
    /// A code is on its way to an address of the person.
    CodeSent {
        method: Method,
    },
    /// A passkey whose counter did not grow was refused: there may be two of it.
    PasskeyCounter,
    /// A second factor was switched off after too many wrong codes.
    FactorLocked {
        method: Method,
    },
    /// It was switched on again, by another proof of its owner or by an operator.
    FactorUnlocked {
        method: Method,
    },
    AuthenticatorRemoved {
        method: Method,
    },
    /// An operator made a code by which somebody sets up their first second factor.
    EnrolmentCodeIssued,
    /// Backup codes were made; earlier ones no longer count.
    BackupCodesMade,
    /// The stored password hash was renewed with current parameters.
    PasswordRehashed,
    /// An account was made.
    AccountCreated,
    /// Somebody asked to make an account for themselves.
    SignUpBegun,
    /// An account was made by its owner, who confirmed an address.
    SignedUp,
    /// An operator invited somebody to make an account.
    InvitationMade,
    /// An account was made by whom an operator had invited.
    InvitationAccepted,
    InvitationRevoked,
    AccountDisabled,
    AccountEnabled,
    AccountDeleted,
    /// The owner of an account asked for the link that deletes it.
    DeletionAsked,
    /// A code went by mail to somebody who cannot sign in.
    RecoveryBegun,
    /// A recovery waits, for want of a second proof; every confirmed address was told.
    RecoveryWaiting,
    /// Enough was proved to set credentials anew.
    RecoveryGranted,
    /// A recovery that waited was ended by its owner or an operator.
    RecoveryCancelled,
    /// Credentials were set anew.
    RecoveryFinished,
    /// An operator issued a code by which everything is set anew.
    RecoveryCodeIssued,
    PasswordSet,
    /// An operator set a password that the rules refuse.
    PasswordForced,
    /// The name for people or the mail address was set.
    ProfileSet,
    /// An account was put into other groups.
    GroupsSet,
    /// The browsers that its owner was known by count as new ones.
    BrowsersForgotten,
    /// Its owner took all that is held of them.
    DataExported,
    /// A store failed while this was done: it may have happened or not, and nothing was granted for it.
    Unsettled {
        /// What was under way.
        deed: Deed,
        /// By which method, where it was a proof.
        method: Option<Method>,
    },
}

impl What {
    /// The word for it: in the log, in the audit trail, in what commands tell.
    pub const fn action(self) -> &'static str {
        self.kind().name()
    }

    /// The method concerned.
    pub const fn method(self) -> Option<Method> {
        match self {
            Self::ProofAccepted { method }
            | Self::ProofRejected { method, .. }
            | Self::Throttled { method, .. }
            | Self::AuthenticatorAdded { method }
            | Self::CodeSent { method }
            | Self::SlipIssued { method, .. }
            | Self::SlipSpent { method, .. }
            | Self::FactorLocked { method }
            | Self::FactorUnlocked { method }
            | Self::AuthenticatorRemoved { method } => Some(method),
            Self::Unsettled { method, .. } => method,
            _ => None,
        }
    }

    /// What stands for the request concerned.
    pub const fn transaction(self) -> Option<TransactionDigest> {
        match self {
            Self::SlipIssued { transaction, .. } | Self::SlipSpent { transaction, .. } => transaction,
            _ => None,
        }
    }

    /// The exact reason, by one word.
    pub const fn reason(self) -> Option<&'static str> {
        match self.detail() {
            Some((_, word)) => Some(word),
            None => None,
        }
    }

    /// What else is kept of it: the member's name, and the word.
    const fn detail(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::ProofRejected { reason, .. } => Some(("reason", reason.name())),
            Self::TicketRejected { reason } => Some(("reason", reason.name())),
            Self::SignInAssessed { level }
            | Self::SessionAssessed { level }
            | Self::SessionUnusual { level }
            | Self::SessionOpened { level: Some(level) } => Some(("level", level.name())),
            Self::Throttled { scope, .. } => Some(("scope", scope.name())),
            Self::Unsettled { deed, .. } => Some(("deed", deed.name())),
            _ => None,
        }
    }
}

/// As it is kept in the audit trail: `{"action":"proof_rejected","method":"totp","reason":"mismatch"}`.
impl Serialize for What {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("action", self.action())?;
        // Of what was under way, the method is always told, also that there was none.
        if self.method().is_some() || matches!(self, Self::Unsettled { .. }) {
            members.serialize_entry("method", &self.method().map(Method::name))?;
        }
        if let Some((name, word)) = self.detail() {
            members.serialize_entry(name, word)?;
        }
        if let Some(transaction) = self.transaction() {
            members.serialize_entry("transaction", &transaction.hex())?;
        }
        members.end()
    }
}
