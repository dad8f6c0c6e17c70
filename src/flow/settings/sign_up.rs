//! Who may make an account for themselves.

/// Who may make an account for themselves. Invitations of operators are good whatever it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SignUpPolicy {
    #[default]
    Off,
    /// Anybody with a mail address.
    Open,
    /// Whoever has an address of these domains, in ASCII and lower case.
    Domains(Vec<String>),
    /// Whom an operator invited.
    Invitation,
}

impl SignUpPolicy {
    /// Whether anybody may begin by themselves.
    pub const fn is_on(&self) -> bool {
        matches!(self, Self::Open | Self::Domains(_))
    }

    /// Whether the owner of a mail address may.
    pub fn admits(&self, email: &str) -> bool {
        match self {
            Self::Open => true,
            Self::Domains(domains) => {
                email.rsplit_once('@').is_some_and(|(_, domain)| domains.iter().any(|known| known == domain))
            }
            Self::Off | Self::Invitation => false,
        }
    }
}
