//! Passkeys of a host and of a person: what is asked of a browser, and what becomes of the answers.

mod challenge;
mod manage;
mod sign_in;
mod upgrade;

use crate::auth::factor::passkey::{Expected, UserHandle, UserVerification};
use crate::auth::user::UserId;
use crate::flow::Flows;
use crate::flow::reply::Client;

impl Flows {
    /// Stands for an account towards authenticators, and tells nobody whose it is.
    pub(super) fn user_handle(&self, user: &UserId) -> UserHandle {
        self.ports.vault.digest("passkey-user", user.0.as_bytes())
    }

    /// What the answer of a browser on this host must say.
    pub(super) fn expected<'a>(
        &'a self,
        client: &'a Client,
        challenge: &'a [u8],
        user_verification: UserVerification,
    ) -> Expected<'a> {
        Expected { rp_id: self.settings.rp_id(&client.host), origin: &client.origin, challenge, user_verification }
    }
}
