//! What an operator may set about recovery.

use std::time::Duration;

use crate::auth::proof::{Method, MethodSet};

const HOUR: Duration = Duration::from_secs(3600);

/// How somebody gets back in who can no longer sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecoverySettings {
    /// How long somebody waits who has no second proof. Default: 24 h.
    pub wait: Duration,
    /// What counts as a second proof. Default: backup codes, passkeys and codes of an app.
    pub second_proof: MethodSet,
}

impl RecoverySettings {
    /// For how long a mailed code is good.
    pub const CODE_LIVES: Duration = Duration::from_secs(600);
    /// For how long somebody may set credentials who has proved enough.
    pub const LASTS: Duration = Duration::from_secs(900);
    /// For how long one request at most keeps others from setting: longer than any store is waited for, and short enough to
    /// be waited for by who comes after a node that died.
    pub const FINISHING_LASTS: Duration = Duration::from_secs(10);
    /// For how long somebody may go on who has waited: past a weekend.
    pub const OPEN_FOR: Duration = Duration::from_secs(72 * 3600);
    /// The longest life of an administrator's code (SP 800-63B-4 §4.2.1.2).
    pub const ISSUED_CODE_LIVES: Duration = Duration::from_secs(24 * 3600);
}

impl Default for RecoverySettings {
    fn default() -> Self {
        let second = [Method::BackupCode, Method::Totp, Method::Passkey, Method::BoundPasskey, Method::SecurityKey];
        Self { wait: HOUR * 24, second_proof: second.into_iter().collect() }
    }
}
