//! What an installation lets people prove, and set up.

use super::method::{Factor, Method, MethodSet};

/// What people can prove at a host, and what of it they can set up by themselves on the way there. A setting: two hosts may
/// differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The methods that are verified.
    pub served: MethodSet,
    /// Those of them that a sign-in can lead to set up.
    pub enrollable: MethodSet,
    /// Whether passkeys of the host are its own, so that programs ask it about them at fixed addresses.
    pub relying_party: bool,
}

impl Offer {
    /// Passwords, authenticator apps and backup codes.
    pub const BASIC: Self = {
        let enrollable = MethodSet::EMPTY.with(Method::Totp).with(Method::BackupCode);
        Self { served: enrollable.with(Method::Password), enrollable, relying_party: false }
    };

    /// This offer and `method`, which people set up in a sign-in where `enrollable`.
    #[must_use]
    pub const fn with(self, method: Method, enrollable: bool) -> Self {
        let more = if enrollable { self.enrollable.with(method) } else { self.enrollable };
        Self { served: self.served.with(method), enrollable: more, ..self }
    }

    /// What somebody who owns these methods can set up. Backup codes come along with the first thing that they stand in for,
    /// and are not made anew beside it.
    #[must_use]
    pub fn set_up(self, owned: MethodSet) -> MethodSet {
        let backup = MethodSet::EMPTY.with(Method::BackupCode);
        let others = self.enrollable.minus(owned.closed()).minus(backup);
        let stood_for =
            |m: &Method| *m != Method::BackupCode && matches!(m.factor(), Factor::Possession | Factor::Both);
        if others.is_empty() || owned.iter().any(|m| stood_for(&m)) {
            others
        } else {
            others.or(self.enrollable.and(backup))
        }
    }

    /// The most that somebody who owns these methods can come to own.
    #[must_use]
    pub fn most(self, owned: MethodSet) -> MethodSet {
        owned.or(self.set_up(owned)).closed()
    }
}

impl Default for Offer {
    fn default() -> Self {
        Self::BASIC
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backup_codes_come_with_the_first_thing_that_they_stand_in_for() {
        let (totp, backup) = (MethodSet::EMPTY.with(Method::Totp), MethodSet::EMPTY.with(Method::BackupCode));
        let password = MethodSet::EMPTY.with(Method::Password);
        assert_eq!(Offer::BASIC.set_up(password), totp.or(backup));
        assert_eq!(Offer::BASIC.set_up(password.or(totp)), MethodSet::EMPTY);
        let passkeys = Offer::BASIC.with(Method::Passkey, true).with(Method::EmailCode, false);
        let passkey = MethodSet::EMPTY.with(Method::Passkey);
        assert_eq!(passkeys.set_up(password), totp.or(backup).or(passkey));
        assert_eq!(passkeys.set_up(password.or(totp)), passkey);
        assert_eq!(passkeys.set_up(passkey), totp, "their codes were made with the passkey");
        assert!(passkeys.served.contains(Method::EmailCode) && !passkeys.set_up(password).contains(Method::EmailCode));
        assert_eq!(passkeys.set_up(MethodSet::EMPTY.with(Method::BoundPasskey)), totp, "a bound passkey is one");
    }
}
