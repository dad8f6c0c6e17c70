//! Sign-ins under way, and tickets to the hosts of apps, as values of a moment.

use std::borrow::Cow;

use super::TransientKind;
use super::transient::JsonRecord;
use crate::auth::ceremony::{Ceremony, CeremonyKey};
use crate::auth::handoff::{Ticket, TicketToken};

impl JsonRecord for Ceremony {
    const KIND: TransientKind = TransientKind::Ceremony;
    type Key = CeremonyKey;

    fn name(key: &CeremonyKey) -> Cow<'_, str> {
        key.encoded().into()
    }
}

impl JsonRecord for Ticket {
    const KIND: TransientKind = TransientKind::Ticket;
    type Key = TicketToken;

    fn name(key: &TicketToken) -> Cow<'_, str> {
        key.name().into()
    }
}
