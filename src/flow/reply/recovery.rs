//! What becomes of a recovery.

use std::time::Duration;

use super::{Locked, PendingTotp, Rejection, Submission};
use crate::auth::ceremony::Resets;
use crate::auth::factor::password::Unfit;
use crate::auth::proof::MethodSet;
use crate::auth::recovery_token::RecoveryToken;
use crate::auth::secret::SecretText;
use crate::auth::time::Timestamp;
use crate::auth::user::Username;

/// What somebody presents who recovers.
pub struct RecoveryProof {
    pub code: RecoveryCode,
    /// A second proof.
    pub second: Option<Submission>,
    /// Whether to wait, where there is a second proof that could be given.
    pub wait: bool,
}

/// A code that lets somebody recover.
pub enum RecoveryCode {
    /// One that was mailed.
    Mailed(SecretText),
    /// One of an administrator, for who has this name.
    Issued { username: String, code: SecretText },
}

/// What becomes of the proofs of a recovery.
pub enum RecoveryReply {
    /// Credentials may be set.
    Granted(RecoveryGrant),
    /// A second proof must be given, or waited for.
    Ask {
        /// Any of these.
        methods: MethodSet,
        /// How long to wait where none is at hand; `None`: waiting leads nowhere.
        wait: Option<Duration>,
    },
    /// It goes on at that moment, or at once with one of these.
    Waiting {
        ready_at: Timestamp,
        methods: MethodSet,
    },
    /// The code has led to a recovery already.
    Done,
    Rejected(Rejection),
    Locked(Locked),
    /// Too many attempts; the next is evaluated after this long.
    Wait(Duration),
    /// Hashing is full.
    Busy,
}

/// A recovery in which enough was proved.
pub struct RecoveryGrant {
    pub token: RecoveryToken,
    pub username: Username,
    pub can: Resets,
    pub expires_in: Duration,
}

/// What a granted recovery is to whoever looks at it.
pub enum ShownGrant {
    /// Whose it is, and what may be set.
    Open {
        username: Username,
        can: Resets,
    },
    /// Another request sets at this moment, and may fail.
    UnderWay,
    Over,
}

/// What becomes of the wish for the secret of a new authenticator app.
pub enum RecoveredTotp {
    /// The same one until it is confirmed.
    Pending(PendingTotp),
    /// More than was proved for.
    Forbidden,
    /// Another request sets at this moment, and may fail.
    UnderWay,
    /// It was set already.
    Done,
    Gone,
}

/// What is to be set anew.
#[derive(Default)]
pub struct Renewal {
    pub password: Option<SecretText>,
    /// The first code of the app whose secret was shown.
    pub totp_code: Option<SecretText>,
    /// Whether to make backup codes in the place of all others.
    pub backup_codes: bool,
}

/// What becomes of that.
pub enum RenewalReply {
    /// It is set; backup codes are shown this once.
    Set {
        username: Username,
        backup_codes: Vec<SecretText>,
    },
    /// Nothing is to be set.
    Nothing,
    /// More than was proved for.
    Forbidden,
    /// The password cannot be taken.
    Unfit(Unfit),
    /// Another request sets at this moment, and may fail.
    UnderWay,
    /// It was set already.
    Done,
    Rejected(Rejection),
    Wait(Duration),
    /// Hashing is full.
    Busy,
}

/// A recovery that waits, as whoever reads a letter about it sees it.
pub struct ShownRecovery {
    pub username: Username,
    pub ready_at: Timestamp,
}
