//! The passkeys of an account, each a card.

use crate::portal::messages::text;

/// A passkey of an account.
pub(crate) struct PasskeyCard {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) created: String,
    pub(crate) last_used: Option<String>,
    /// Whether it stays on its device; otherwise it may be copied to others of its owner.
    pub(crate) bound: bool,
    /// Where it works, if that is not here.
    pub(crate) elsewhere: Option<String>,
}

impl PasskeyCard {
    /// Where it is kept.
    pub(crate) fn kept(&self) -> String {
        if self.bound { text!("passkey-bound") } else { text!("passkey-synced") }
    }

    pub(crate) fn used(&self) -> String {
        match &self.last_used {
            Some(moment) => text!("passkey-used", moment = moment),
            None => text!("passkey-unused"),
        }
    }
}

/// Something that the password manager of the browser is told (WebAuthn L3 §5.1.10).
pub(crate) struct PasskeySignal {
    /// The method of `PublicKeyCredential`, without what all begin with.
    pub(crate) method: &'static str,
    /// Its options in JSON.
    pub(crate) about: String,
}
