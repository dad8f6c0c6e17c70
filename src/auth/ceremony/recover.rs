//! Recovery: what somebody who lost credentials may set anew, by what they could prove. Never more than that is worth: a
//! mailbox, whatever time passes, stands for no second factor.

use serde::{Deserialize, Serialize};

use super::{Ceremony, Complete, Purpose, Step};
use crate::auth::proof::{Method, MethodSet, Offer, Proofs};
use crate::auth::session::Channel;
use crate::auth::time::Timestamp;
use crate::auth::user::Identity;

/// On what terms somebody recovers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoverTerms {
    /// What counts as a second proof beside a mailbox.
    pub second: MethodSet,
    /// Whether the time is over that stands in for one.
    pub waited: bool,
}

/// What may be set anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resets {
    pub password: bool,
    /// One second factor, and backup codes: whoever sets these needs none of the old ones.
    pub factors: bool,
}

impl Resets {
    pub const NOTHING: Self = Self { password: false, factors: false };
    pub const ALL: Self = Self { password: true, factors: true };

    /// By these proofs, of somebody who has a password or none.
    ///
    /// | Proofs | password | factors |
    /// |---|---|---|
    /// | the word of an administrator | yes | yes |
    /// | mailbox and a backup code | yes | yes |
    /// | mailbox and a passkey that verified its user | yes | yes |
    /// | mailbox and what is only held: an app's code, a security key | yes | no |
    /// | mailbox, and a waiting time that everybody was told of | where there is one | no |
    ///
    /// A backup code is what somebody keeps for the day on which a factor is lost (SP 800-63B-4 §4.2.1.1); with a second code
    /// by another way it is enough (§4.2.2.2). A waiting time is no proof: it makes up for a password, which alone leads no
    /// further than one factor does.
    pub fn by(proofs: MethodSet, waited: bool, has_password: bool) -> Self {
        let has = |method| proofs.contains(method);
        if has(Method::RecoveryCode) {
            return Self::ALL;
        }
        if !has(Method::EmailCode) {
            return Self::NOTHING;
        }
        if has(Method::BackupCode) || has(Method::Passkey) || has(Method::BoundPasskey) {
            return Self::ALL;
        }
        let held = has(Method::Totp) || has(Method::SecurityKey);
        Self { password: held || (waited && has_password), factors: false }
    }

    pub const fn is_nothing(self) -> bool {
        !self.password && !self.factors
    }

    /// The names of what may be set, where people can set up what is on `offer`.
    pub fn names(self, offer: Offer, backup_codes: bool) -> Vec<&'static str> {
        let password = self.password.then_some(Method::Password.name());
        let app = (self.factors && offer.enrollable.contains(Method::Totp)).then_some(Method::Totp.name());
        let backup = (self.factors && backup_codes).then_some("backup_codes");
        [password, app, backup].into_iter().flatten().collect()
    }
}

/// A ceremony in which enough was proved to set credentials anew. Made by [`Ceremony::advance`] alone, and no session is
/// opened for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovered {
    ceremony: Ceremony,
    resets: Resets,
}

impl Recovered {
    pub const fn ceremony(&self) -> &Ceremony {
        &self.ceremony
    }

    pub const fn resets(&self) -> Resets {
        self.resets
    }

    pub(super) fn into_ceremony(self) -> Ceremony {
        self.ceremony
    }

    /// Whether more stands behind it than a mailbox and the time that passed.
    pub fn is_proved_twice(&self) -> bool {
        let beside_mail = self.ceremony.proofs.methods().minus(MethodSet::EMPTY.with(Method::EmailCode));
        !beside_mail.is_empty()
    }
}

impl Ceremony {
    /// A recovery of this person, who owns these methods.
    pub fn recovery(
        who: &Identity,
        (owned, locked): (MethodSet, MethodSet),
        credentials: String,
        terms: RecoverTerms,
        (host, channel): (String, Channel),
        now: Timestamp,
    ) -> Self {
        let begun = Self::sign_in(None, None, host, channel, now).identified(who, owned, locked, credentials);
        Self { purpose: Purpose::Recover(terms), requirement: None, proofs: Proofs::none(), ..begun }
    }

    /// What comes next for somebody who recovers.
    pub(super) fn recover(self, terms: RecoverTerms) -> Step {
        let owned = self.enrolled.or(self.locked);
        let proved = self.proofs.methods();
        // What the operator does not accept is worth nothing here.
        let counted = proved.and(terms.second.with(Method::EmailCode).with(Method::RecoveryCode));
        let resets = Resets::by(counted, terms.waited, owned.contains(Method::Password));
        if !resets.is_nothing() {
            return Step::Complete(Complete::Reset(Recovered { ceremony: self, resets }));
        }
        if !counted.contains(Method::EmailCode) {
            return Step::Rejected(self);
        }
        let second = terms.second.and(self.enrolled);
        Step::Ask(self, second)
    }
}

#[cfg(test)]
mod tests;
