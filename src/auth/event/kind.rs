//! The kinds of events, without what was special about one: what the audit trail is read by.

use super::What;

/// Writes the kinds with their words, so that none can be left out where all are listed.
macro_rules! kinds {
    ($($kind:ident = $word:literal,)*) => {
        /// The kind of an event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventKind {
            $($kind,)*
        }

        impl EventKind {
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The word for it: in the log, in the audit trail, in what commands tell.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $word,)*
                }
            }
        }

        impl What {
            pub const fn kind(self) -> EventKind {
                match self {
                    $(Self::$kind { .. } => EventKind::$kind,)*
                }
            }
        }
    };
}

kinds! {
    ProofAccepted = "proof_accepted",
    ProofRejected = "proof_rejected",
    Throttled = "throttled",
    SignInAssessed = "sign_in_assessed",
    SessionAssessed = "session_assessed",
    SessionUnusual = "session_unusual",
    SignInUnassessed = "sign_in_unassessed",
    SessionAbandoned = "session_abandoned",
    SignInDisowned = "sign_in_disowned",
    RiskPinned = "risk_pinned",
    RiskPinCleared = "risk_pin_cleared",
    RiskProfileErased = "risk_profile_erased",
    SessionOpened = "session_opened",
    SessionShared = "session_shared",
    TicketRejected = "ticket_rejected",
    SessionElevated = "session_elevated",
    FormHeld = "form_held",
    FormSent = "form_sent",
    FormDiscarded = "form_discarded",
    SlipIssued = "slip_issued",
    SlipSpent = "slip_spent",
    SessionRevoked = "session_revoked",
    SessionsRevoked = "sessions_revoked",
    AuthenticatorAdded = "authenticator_added",
    CodeSent = "code_sent",
    PasskeyCounter = "passkey_counter",
    FactorLocked = "factor_locked",
    FactorUnlocked = "factor_unlocked",
    AuthenticatorRemoved = "authenticator_removed",
    BackupCodesMade = "backup_codes_made",
    PasswordRehashed = "password_rehashed",
    AccountCreated = "account_created",
    SignUpBegun = "sign_up_begun",
    SignedUp = "signed_up",
    InvitationMade = "invitation_made",
    InvitationAccepted = "invitation_accepted",
    InvitationRevoked = "invitation_revoked",
    AccountDisabled = "account_disabled",
    AccountEnabled = "account_enabled",
    AccountDeleted = "account_deleted",
    DeletionAsked = "deletion_asked",
    RecoveryBegun = "recovery_begun",
    RecoveryWaiting = "recovery_waiting",
    RecoveryGranted = "recovery_granted",
    RecoveryCancelled = "recovery_cancelled",
    RecoveryFinished = "recovery_finished",
    RecoveryCodeIssued = "recovery_code_issued",
    EnrolmentCodeIssued = "enrolment_code_issued",
    PasswordSet = "password_set",
    PasswordForced = "password_forced",
    ProfileSet = "profile_set",
    GroupsSet = "groups_set",
    BrowsersForgotten = "browsers_forgotten",
    DataExported = "data_exported",
    Unsettled = "unsettled",
}

impl EventKind {
    /// The kind of that name; `None`: a later version of this program wrote it.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}
