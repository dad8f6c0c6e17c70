//! Slips as values of a moment.

use std::borrow::Cow;

use super::TransientKind;
use super::transient::JsonRecord;
use crate::auth::proof::Slip;
use crate::auth::slip_token::SlipToken;

impl JsonRecord for Slip {
    const KIND: TransientKind = TransientKind::Slip;
    type Key = SlipToken;

    fn name(key: &SlipToken) -> Cow<'_, str> {
        key.name().into()
    }
}
