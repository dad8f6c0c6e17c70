//! What the first second factor of an account asks.

/// What the first second factor of an account asks beside a fresh password, so that a stolen password enrols nobody's phone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EnrolmentProof {
    /// Nothing more.
    Password,
    /// A code that was sent to a confirmed address, where the person has one that codes can be sent to.
    #[default]
    MailedCode,
    /// A code that an operator made for them.
    Invitation,
}

impl EnrolmentProof {
    /// Every one, with its name in YAML.
    pub const ALL: [(Self, &'static str); 3] =
        [(Self::Password, "password"), (Self::MailedCode, "mailed_code"), (Self::Invitation, "invitation")];
}
