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
        used(self.last_used.as_deref())
    }
}

/// The authenticator app of an account.
pub(crate) struct AppCard {
    /// What its person calls it.
    pub(crate) name: Option<String>,
    pub(crate) created: String,
    pub(crate) last_used: Option<String>,
}

impl AppCard {
    /// What stands for its id in forms.
    pub(crate) const RENAMING: &str = "totp";

    pub(crate) fn title(&self) -> String {
        self.name.clone().unwrap_or_else(|| text!("app-card"))
    }

    pub(crate) fn used(&self) -> String {
        used(self.last_used.as_deref())
    }
}

fn used(last: Option<&str>) -> String {
    match last {
        Some(moment) => text!("passkey-used", moment = moment),
        None => text!("passkey-unused"),
    }
}

/// Something that the password manager of the browser is told (WebAuthn L3 §5.1.10).
pub(crate) struct PasskeySignal {
    /// The method of `PublicKeyCredential`, without what all begin with.
    pub(crate) method: &'static str,
    /// Its options in JSON.
    pub(crate) about: String,
}
