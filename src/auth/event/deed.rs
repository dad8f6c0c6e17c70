//! What can be under way when a store fails.

/// A change that was asked of a store and not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Deed {
    /// A one-time proof was being spent.
    Spending,
    /// A stored password hash was being renewed.
    Rehash,
    /// A session was being opened, or was rising.
    Opening,
    /// Sessions were being ended.
    Ending,
    /// An authenticator was being bound.
    Binding,
    /// Backup codes were being made.
    BackupCodes,
    /// A code was being sent.
    Sending,
    /// An account was being made by its owner.
    SigningUp,
}

impl Deed {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spending => "spending",
            Self::Rehash => "rehash",
            Self::Opening => "opening",
            Self::Ending => "ending",
            Self::Binding => "binding",
            Self::BackupCodes => "backup_codes",
            Self::Sending => "sending",
            Self::SigningUp => "signing_up",
        }
    }
}
