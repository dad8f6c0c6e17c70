//! The secret of a new authenticator app in a recovery. It follows from the token of the recovery and our own keys, so that it is
//! the same however often and wherever it is asked for, and nothing is kept of it until its first code is right.

use super::{GrantState, Standing};
use crate::auth::factor::totp::KEY_BYTES;
use crate::auth::proof::Method;
use crate::auth::recovery_token::RecoveryToken;
use crate::auth::secret::SecretBytes;
use crate::flow::ports::{Answer, StoreError};
use crate::flow::reply::{Client, RecoveredTotp};
use crate::flow::{Flows, ulid_of};

impl Flows {
    /// The secret of a new authenticator app.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn recovery_totp(&self, token: &RecoveryToken, client: &Client) -> Answer<RecoveredTotp> {
        let standing = match self.granted(token, client, self.now()).await? {
            GrantState::Open(standing, _) => standing,
            GrantState::UnderWay => return Ok(RecoveredTotp::UnderWay),
            GrantState::Done => return Ok(RecoveredTotp::Done),
            GrantState::Gone => return Ok(RecoveredTotp::Gone),
        };
        let offered = self.settings.offer_at(&client.host).enrollable.contains(Method::Totp);
        if !standing.open.recovered.resets().factors || !offered {
            return Ok(RecoveredTotp::Forbidden);
        }
        let (_, key) = self.recovery_key(token, &standing)?;
        Ok(RecoveredTotp::Pending(self.shown(&standing.account.identity, &key)))
    }

    /// The id and the key of the authenticator that a recovery may set.
    pub(super) fn recovery_key(&self, token: &RecoveryToken, standing: &Standing) -> Answer<(String, SecretBytes)> {
        let data = serde_json::json!([standing.account.identity.id.0, token.name()]).to_string();
        let digest = |purpose| self.ports.vault.digest(purpose, data.as_bytes());
        let short = || StoreError::invariant("a digest is too short");
        let (key, id) = (digest("recovery totp key"), digest("recovery totp id"));
        let key = key.get(..KEY_BYTES).ok_or_else(short)?.to_vec();
        let random = id.first_chunk::<16>().ok_or_else(short)?;
        let began = standing.open.began();
        Ok((ulid_of(began, u128::from_be_bytes(*random)), SecretBytes::new(key)))
    }
}
