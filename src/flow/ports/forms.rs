//! Held forms as values of a moment: the form itself, and beside it whose it is, where nobody had signed in.

use std::borrow::Cow;

use super::transient::{JsonRecord, Typed};
use super::{Answer, TransientKind};
use crate::auth::held_request::{FormKeys, FormOwner, HeldRequest};
use crate::auth::secret::SecretBytes;

impl Typed for HeldRequest {
    const KIND: TransientKind = TransientKind::Form;
    type Key = FormKeys;

    fn name(key: &FormKeys) -> Cow<'_, str> {
        key.name().into()
    }

    fn encode(&self) -> Answer<SecretBytes> {
        self.to_bytes().map_err(|why| Self::KIND.broken(why))
    }

    fn decode(plain: &SecretBytes) -> Answer<Self> {
        Self::from_bytes(plain.expose()).map_err(|why| Self::KIND.broken(why))
    }
}

impl JsonRecord for FormOwner {
    const KIND: TransientKind = TransientKind::Form;
    type Key = FormKeys;

    fn name(key: &FormKeys) -> Cow<'_, str> {
        format!("{}:owner", key.name()).into()
    }
}
