//! `enroll`: what the first second factor of an account asks.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::sections::checker::Checker;
use crate::config::yaml::Spanned;
use crate::flow::settings::EnrolmentProof;

/// What the first second factor of an account asks beside a fresh password.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EnrollOption {
    /// Nothing more.
    Password,
    /// A code that is sent to a confirmed address, where the person has one.
    MailedCode,
    /// A code that `stepgate user enrol-code` makes.
    Invitation,
}

/// `mail`: whether there is mail, or a mistake in it is told already.
pub(crate) fn validate(option: Option<Spanned<EnrollOption>>, mail: bool, cx: &mut Checker) -> EnrolmentProof {
    let Some(Spanned { value, at }) = option else { return EnrolmentProof::default() };
    match value {
        EnrollOption::Password => EnrolmentProof::Password,
        EnrollOption::Invitation => EnrolmentProof::Invitation,
        EnrollOption::MailedCode => {
            if !mail {
                let fix = "add `mail: { smtp: \"smtps://mail.example.com\", from: no-reply@example.com }`, or write \
                    `enroll: invitation`";
                cx.error(at, "nothing sends mail, so a password alone would enrol a first factor", fix);
            }
            EnrolmentProof::MailedCode
        }
    }
}
