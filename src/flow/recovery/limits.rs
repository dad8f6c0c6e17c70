//! How many letters about a recovery are sent, by counters of their own: nobody can use up what people sign in by.

use data_encoding::BASE64URL_NOPAD;

use crate::auth::event::{ThrottleScope, What};
use crate::auth::factor::authenticator::{AddressKind, AddressRecord};
use crate::auth::proof::Method;
use crate::auth::throttle::{Charge, Charged, SendCounter, network_charges};
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ports::Answer;
use crate::flow::settings::RecoverySettings;

const KIND: AddressKind = AddressKind::Email;

impl Flows {
    /// Charges the name that was given and the networks of whoever asks; `false`: too many were asked for.
    pub(super) async fn charge_recovery_asker(
        &self,
        attempt: &mut Attempt<'_>,
        settings: RecoverySettings,
    ) -> Answer<bool> {
        let name = format!("recover:{}", attempt.account);
        let key = SendCounter::Account(&name).key(KIND);
        let mut charges = vec![(ThrottleScope::Account, Charge { key, limit: settings.letters })];
        let limit = self.settings.codes.limits.network;
        for Charge { key, limit } in network_charges(Method::RecoveryCode, attempt.client.ip, limit) {
            charges.push((ThrottleScope::Network, Charge { key: SendCounter::Network(&key).key(KIND), limit }));
        }
        self.charge_letters(attempt, charges).await
    }

    /// Charges the address and the installation; `false`: too many went there, or in all. Nobody's address is that of the name
    /// that was given.
    pub(super) async fn charge_recovery_address(
        &self,
        attempt: &mut Attempt<'_>,
        address: Option<&AddressRecord>,
        settings: RecoverySettings,
    ) -> Answer<bool> {
        let name = address.map_or_else(|| format!("nobody {}", attempt.account), AddressRecord::folded);
        let digest = self.ports.vault.digest("address-counter", format!("recover {name}").as_bytes());
        let tag = BASE64URL_NOPAD.encode(digest.get(..16).unwrap_or_default());
        let spend = self.settings.codes.limits.spend(KIND);
        let payer = if address.is_some() { "sent" } else { "nobody" };
        let charge = |counter: SendCounter<'_>, limit| Charge { key: counter.key(KIND), limit };
        let charges = vec![
            (ThrottleScope::Address, charge(SendCounter::Address(&tag), settings.letters)),
            (ThrottleScope::Address, charge(SendCounter::AddressDay(&tag), self.settings.codes.limits.address_day)),
            (ThrottleScope::Installation, charge(SendCounter::Hour(payer), spend.per_hour)),
            (ThrottleScope::Installation, charge(SendCounter::Day(payer), spend.per_day)),
        ];
        self.charge_letters(attempt, charges).await
    }

    async fn charge_letters(&self, attempt: &mut Attempt<'_>, charges: Vec<(ThrottleScope, Charge)>) -> Answer<bool> {
        let (scopes, charges): (Vec<ThrottleScope>, Vec<Charge>) = charges.into_iter().unzip();
        match self.ports.throttle.charge(&charges, attempt.now).await? {
            Charged::Go(_) => Ok(true),
            Charged::Wait { index, .. } => {
                let scope = scopes.get(index).copied().unwrap_or(ThrottleScope::Account);
                attempt.record(What::Throttled { method: Method::RecoveryCode, scope });
                Ok(false)
            }
        }
    }
}
