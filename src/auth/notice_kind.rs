//! What a person is told of by letter, whoever did it.

use serde::{Deserialize, Serialize};

use super::proof::Method;
use super::time::Timestamp;

/// Something that happened to an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// Somebody signed in with a browser that was not known.
    NewBrowser,
    FactorAdded(Method),
    FactorRemoved(Method),
    /// All second factors are gone.
    MfaDisabled,
    /// Backup codes were made, in place of any others.
    BackupCodesMade,
    BackupCodeUsed {
        /// How many there are now.
        left: u32,
    },
    PasswordChanged,
    /// The address, masked.
    AddressAdded(String),
    /// The address, masked.
    AddressRemoved(String),
    /// Somebody who cannot sign in has begun to recover the account.
    RecoveryBegun {
        /// When it may be finished.
        ready_at: Timestamp,
    },
    RecoveryCancelled,
    RecoveryFinished,
    /// Too many wrong codes have switched a factor off.
    FactorLocked(Method),
    /// Too many wrong passwords: unknown browsers are slowed down.
    PasswordLocked,
    AccountDisabled,
    AccountDeleted,
}

impl NoticeKind {
    /// Its name among counters.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NewBrowser => "new_browser",
            Self::FactorAdded(_) => "factor_added",
            Self::FactorRemoved(_) => "factor_removed",
            Self::MfaDisabled => "mfa_disabled",
            Self::BackupCodesMade => "backup_codes_made",
            Self::BackupCodeUsed { .. } => "backup_code_used",
            Self::PasswordChanged => "password_changed",
            Self::AddressAdded(_) => "address_added",
            Self::AddressRemoved(_) => "address_removed",
            Self::RecoveryBegun { .. } => "recovery_begun",
            Self::RecoveryCancelled => "recovery_cancelled",
            Self::RecoveryFinished => "recovery_finished",
            Self::FactorLocked(_) => "factor_locked",
            Self::PasswordLocked => "password_locked",
            Self::AccountDisabled => "account_disabled",
            Self::AccountDeleted => "account_deleted",
        }
    }

    /// Whether what it tells of ends a recovery that waits: its person signs in by something else from then on, or by nothing.
    pub const fn ends_recovery(&self) -> bool {
        match self {
            Self::FactorAdded(_)
            | Self::FactorRemoved(_)
            | Self::MfaDisabled
            | Self::PasswordChanged
            | Self::AddressAdded(_)
            | Self::AddressRemoved(_)
            | Self::AccountDisabled => true,
            Self::NewBrowser
            | Self::BackupCodesMade
            | Self::BackupCodeUsed { .. }
            | Self::RecoveryBegun { .. }
            | Self::RecoveryCancelled
            | Self::RecoveryFinished
            | Self::FactorLocked(_)
            | Self::PasswordLocked
            | Self::AccountDeleted => false,
        }
    }
}
