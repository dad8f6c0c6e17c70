//! Profiles of risk, kept as values of a moment: sealed, and gone by themselves after the last sign-in.

use std::borrow::Cow;

use super::transient::{TransientKind, Typed};
use super::{Answer, StoreError};
use crate::auth::secret::SecretBytes;
use crate::risk::Profile;

impl Typed for Profile {
    const KIND: TransientKind = TransientKind::RiskProfile;
    /// A keyed digest of whose it is.
    type Key = str;

    fn name(key: &str) -> Cow<'_, str> {
        key.into()
    }

    fn encode(&self) -> Answer<SecretBytes> {
        Ok(SecretBytes::new(Self::encode(self)))
    }

    fn decode(plain: &SecretBytes) -> Answer<Self> {
        Self::decode(plain.expose()).ok_or_else(|| StoreError::new("state", "not a profile of this version"))
    }
}
