//! The secret of a new authenticator app in a recovery: the same one until it is confirmed, sealed in the recovery itself.

use super::{GrantState, Standing};
use crate::auth::factor::totp::KEY_BYTES;
use crate::auth::proof::Method;
use crate::auth::recovery_token::RecoveryToken;
use crate::auth::secret::SecretBytes;
use crate::auth::user::UserId;
use crate::flow::Flows;
use crate::flow::ports::{Answer, GrantedRecovery, StoreError};
use crate::flow::reply::{Client, RecoveredTotp};
use crate::flow::settings::RecoverySettings;

/// Characters of a ULID: the authenticator's id, sealed with the key while it waits.
const ID_LENGTH: usize = 26;

/// What the secret is sealed for.
fn context(user: &UserId, token: &RecoveryToken) -> String {
    format!("recovery totp:{user}:{}", token.name())
}

impl Flows {
    /// The secret of a new authenticator app.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn recovery_totp(&self, token: &RecoveryToken, client: &Client) -> Answer<RecoveredTotp> {
        let now = self.now();
        let standing = match self.granted(token, client, now).await? {
            GrantState::Open(standing) => standing,
            GrantState::Done => return Ok(RecoveredTotp::Done),
            GrantState::Gone => return Ok(RecoveredTotp::Gone),
        };
        let Standing { recovered, credentials, waited, account, .. } = *standing;
        let offered = self.settings.offer_at(&client.host).enrollable.contains(Method::Totp);
        if !recovered.resets().factors || !offered {
            return Ok(RecoveredTotp::Forbidden);
        }
        let who = &account.identity;
        if recovered.ceremony().challenge.is_some() {
            let (_, key) = self.waiting_key(token, &who.id, &recovered)?;
            return Ok(RecoveredTotp::Pending(self.shown(who, &key)));
        }
        let key = self.random_secret(KEY_BYTES)?;
        let mut plain = self.ulid()?.into_bytes();
        plain.extend_from_slice(key.expose());
        let challenge = self.ports.vault.seal(&context(&who.id, token), &SecretBytes::new(plain))?;
        let left = RecoverySettings::LASTS.saturating_sub(now.since(recovered.ceremony().started_at));
        let recovered = Box::new(recovered.with_challenge(Some(challenge)));
        let granted = GrantedRecovery::Open { recovered, credentials, waited };
        self.ports.recoveries_granted.put(token, &granted, left).await?;
        Ok(RecoveredTotp::Pending(self.shown(who, &key)))
    }

    /// The id and the key of the authenticator that waits for its first code.
    pub(super) fn waiting_key(
        &self,
        token: &RecoveryToken,
        user: &UserId,
        recovered: &crate::auth::ceremony::Recovered,
    ) -> Answer<(String, SecretBytes)> {
        let damaged = || StoreError::invariant("a waiting key is damaged");
        let challenge = recovered.ceremony().challenge.as_ref().ok_or_else(damaged)?;
        let plain = self.ports.vault.open(&context(user, token), challenge)?;
        let (id, key) = plain.expose().split_at_checked(ID_LENGTH).ok_or_else(damaged)?;
        let id = std::str::from_utf8(id).map_err(|_| damaged())?;
        Ok((id.to_owned(), SecretBytes::new(key.to_vec())))
    }
}
