//! Why an answer of an authenticator is refused: one word for each check (WebAuthn L3 §7.1 and §7.2).

/// The check that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Violation {
    /// It is no such JSON, or a member is missing, doubled or of another type.
    Shape,
    /// `type` is not `public-key`.
    CredentialType,
    /// `id` is not `rawId`.
    CredentialId,
    /// The client data is not JSON of the form that browsers write.
    ClientData,
    /// What was signed is for another ceremony.
    ClientDataType,
    /// Another challenge.
    Challenge,
    /// Another origin, byte for byte.
    Origin,
    /// In a frame of another site.
    CrossOrigin,
    /// In a frame, and the page around it is named.
    TopOrigin,
    /// The authenticator data cannot be read, or is more than its flags say.
    AuthenticatorData,
    /// Made for another relying party.
    RpId,
    UserPresence,
    /// The user was not verified where that is required.
    UserVerification,
    /// Backed up, though it may not be.
    BackupState,
    /// It may be backed up now and could not before, or the other way round.
    BackupEligibility,
    /// Not one of the person's credentials.
    Owner,
    /// For another person, or for nobody where it must tell whose it is.
    UserHandle,
    Signature,
    /// The counter did not grow: there may be two of it.
    Counter,
    /// An algorithm that was not offered.
    Algorithm,
    /// The attestation statement does not hold.
    Attestation,
    /// No attestation that leads to one of the roots, where one is required.
    NotAttested,
    /// A model that the operator refuses, or does not allow.
    Model,
}

impl Violation {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shape => "shape",
            Self::CredentialType => "credential_type",
            Self::CredentialId => "credential_id",
            Self::ClientData => "client_data",
            Self::ClientDataType => "client_data_type",
            Self::Challenge => "challenge",
            Self::Origin => "origin",
            Self::CrossOrigin => "cross_origin",
            Self::TopOrigin => "top_origin",
            Self::AuthenticatorData => "authenticator_data",
            Self::RpId => "rp_id",
            Self::UserPresence => "user_presence",
            Self::UserVerification => "user_verification",
            Self::BackupState => "backup_state",
            Self::BackupEligibility => "backup_eligibility",
            Self::Owner => "owner",
            Self::UserHandle => "user_handle",
            Self::Signature => "signature",
            Self::Counter => "counter",
            Self::Algorithm => "algorithm",
            Self::Attestation => "attestation",
            Self::NotAttested => "not_attested",
            Self::Model => "model",
        }
    }
}
