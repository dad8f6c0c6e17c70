//! The first second factor of an account: what stands between a stolen password and a stranger's phone.

use crate::auth::factor::authenticator::{AddressKind, Enrolled};
use crate::auth::proof::{Factor, Method, MethodSet, Strength};
use crate::flow::Flows;
use crate::flow::ports::Account;
use crate::flow::settings::EnrolmentProof;

impl Flows {
    /// What is still missing before the first second factor of an account may be set up, by what was proved `fresh`; empty:
    /// nothing, or it would not be the first. The password always, and what the operator asks beside it.
    pub(super) fn missing_for_first(&self, account: &Account, enrolled: &Enrolled, fresh: MethodSet) -> MethodSet {
        if Strength::of(self.factors_anywhere(account, enrolled)) > Some(Strength::OneFactor) {
            return MethodSet::EMPTY;
        }
        let password = MethodSet::EMPTY.with(Method::Password);
        if account.password_hash.is_some() && !fresh.contains(Method::Password) {
            return password;
        }
        let beside = match self.settings.enroll {
            EnrolmentProof::Password => MethodSet::EMPTY,
            EnrolmentProof::MailedCode => self.reachable(enrolled),
            EnrolmentProof::Invitation => MethodSet::EMPTY.with(Method::RecoveryCode),
        };
        if fresh.and(beside).is_empty() { beside } else { MethodSet::EMPTY }
    }

    /// Whether a code may be sent to a mail address of this person although none signs anybody in here: for the first second
    /// factor, and for nothing else.
    pub(in crate::flow) fn mails_for_first(&self, account: &Account, enrolled: &Enrolled) -> bool {
        self.settings.enroll == EnrolmentProof::MailedCode
            && self
                .missing_for_first(account, enrolled, MethodSet::EMPTY.with(Method::Password))
                .contains(Method::EmailCode)
    }

    /// What can be asked of this person in a sign-in before they set up their first second factor.
    pub(in crate::flow) fn asked_for_first(&self, account: &Account, enrolled: &Enrolled) -> MethodSet {
        let password = MethodSet::EMPTY.with(Method::Password);
        match self.missing_for_first(account, enrolled, MethodSet::EMPTY) {
            MethodSet::EMPTY => MethodSet::EMPTY,
            first => first.or(self.missing_for_first(account, enrolled, password)),
        }
    }

    /// The codes that can be sent to this person: by mail wherever there is mail, by text message where these are served.
    fn reachable(&self, enrolled: &Enrolled) -> MethodSet {
        let sent = |kind: &AddressKind| {
            let served =
                self.settings.served().contains(kind.method()) || (*kind == AddressKind::Email && self.settings.mail);
            served && self.address_for_codes(enrolled, *kind).is_some()
        };
        AddressKind::ALL.iter().filter(|kind| sent(kind)).map(|kind| kind.method()).collect()
    }

    /// The factors of an account, of every relying party; a sent code is none.
    pub(in crate::flow) fn factors_anywhere(&self, account: &Account, enrolled: &Enrolled) -> MethodSet {
        let all = enrolled.methods(account.password_hash.is_some(), None).closed().and(self.settings.served());
        all.iter().filter(|m| m.factor() != Factor::Reached).collect()
    }
}
