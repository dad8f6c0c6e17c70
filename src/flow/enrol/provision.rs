//! What commands on the machine make for people: a TOTP authenticator without a sign-in.

use crate::auth::factor::authenticator::TotpRecord;
use crate::auth::factor::totp::{self, KEY_BYTES};
use crate::auth::secret::SecretBytes;
use crate::auth::user::Identity;
use crate::flow::Flows;
use crate::flow::ports::{Answer, Records};
use crate::flow::reply::PendingTotp;
use crate::flow::sealing::totp_context;

impl Flows {
    /// Makes and binds a TOTP authenticator in place of any other; the operator hands the secret over.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn provision_totp(&self, who: &Identity) -> Answer<PendingTotp> {
        let key = self.random_secret(KEY_BYTES)?;
        let record = self.totp_record(who, self.ulid()?, &key, None)?;
        self.ports.authenticators.put_totp(&who.id, &record, true, Records::NONE).await?;
        Ok(self.shown(who, &key))
    }

    /// A record of a key, sealed for its owner.
    pub(in crate::flow) fn totp_record(
        &self,
        who: &Identity,
        id: String,
        key: &SecretBytes,
        spent: Option<u64>,
    ) -> Answer<TotpRecord> {
        let (now, settings) = (self.now(), &self.settings.totp);
        Ok(TotpRecord {
            id,
            secret: self.ports.vault.seal(&totp_context(&who.id), key)?,
            digits: settings.digits,
            period: settings.period,
            last_step: spent,
            created_at: now,
            used_at: spent.map(|_| now),
        })
    }

    /// A key as its owner sees it.
    pub(in crate::flow) fn shown(&self, who: &Identity, key: &SecretBytes) -> PendingTotp {
        let settings = &self.settings.totp;
        let uri = totp::uri(key, &self.settings.issuer, who.username.as_str(), settings.digits, settings.period);
        PendingTotp { secret: totp::encode_key(key), uri }
    }
}
