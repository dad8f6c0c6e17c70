//! Slips as values of a moment.

use std::borrow::Cow;

use super::transient::{Typed, read, written};
use super::{Answer, TransientKind};
use crate::auth::proof::Slip;
use crate::auth::secret::SecretBytes;
use crate::auth::slip_token::SlipToken;

impl Typed for Slip {
    const KIND: TransientKind = TransientKind::Slip;
    type Key = SlipToken;

    fn name(key: &SlipToken) -> Cow<'_, str> {
        key.name().into()
    }

    fn encode(&self) -> Answer<SecretBytes> {
        written(self)
    }

    fn decode(plain: &SecretBytes) -> Answer<Self> {
        read(plain)
    }
}
