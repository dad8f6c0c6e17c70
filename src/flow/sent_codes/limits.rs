//! How many codes are sent. Who asks is charged before anything is looked up, the address after; the counters of the
//! installation come last, so that nobody uses them up who may have no more codes anyway.

use super::CodeSlot;
use crate::auth::event::{ThrottleScope, What};
use crate::auth::factor::authenticator::{AddressKind, AddressRecord};
use crate::auth::throttle::{Charge, Charged, SendCounter, network_charges};
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ports::Answer;
use crate::flow::settings::{LetterBudget, Spend};

impl Flows {
    /// Charges the account and the networks of whoever asks; `false`: too many were asked for.
    pub(in crate::flow) async fn charge_asker(&self, attempt: &mut Attempt<'_>, kind: AddressKind) -> Answer<bool> {
        let limits = &self.settings.codes.limits;
        let charge = |counter: SendCounter<'_>, limit| Charge { key: counter.key(kind), limit };
        let mut charges =
            vec![(ThrottleScope::Account, charge(SendCounter::Account(&attempt.account), limits.account))];
        for Charge { key, limit } in network_charges(kind.method(), attempt.client.ip, limits.network) {
            charges.push((ThrottleScope::Network, charge(SendCounter::Network(&key), limit)));
        }
        self.charge_all(attempt, kind, charges).await
    }

    /// Charges the address and the installation; `false`: too many went there, or in all.
    pub(in crate::flow) async fn charge_address(
        &self,
        attempt: &mut Attempt<'_>,
        code: &CodeSlot,
        address: Option<&AddressRecord>,
    ) -> Answer<bool> {
        let tag = self.address_tag(attempt, code, address);
        let limits = &self.settings.codes.limits;
        // What goes to nobody costs nothing, and is counted for itself.
        let payer = if address.is_some() { LetterBudget::Proved.name() } else { LetterBudget::Proved.nobody() };
        self.charge_sending(attempt, (code.kind, &tag), (payer, limits.spend(code.kind))).await
    }

    /// Charges a mail address for a letter of this purpose, and the installation; `false`: too many went there, or in all.
    pub(in crate::flow) async fn charge_letter(
        &self,
        attempt: &mut Attempt<'_>,
        (purpose, budget): (&str, LetterBudget),
        folded: &str,
        is_sent: bool,
    ) -> Answer<bool> {
        let tag = self.counter_tag(purpose, folded);
        let payer = if is_sent { budget.name() } else { budget.nobody() };
        let spend = self.settings.codes.limits.letter_spend(budget);
        self.charge_sending(attempt, (AddressKind::Email, &tag), (payer, spend)).await
    }

    async fn charge_sending(
        &self,
        attempt: &mut Attempt<'_>,
        (kind, tag): (AddressKind, &str),
        (payer, spend): (&str, Spend),
    ) -> Answer<bool> {
        let limits = &self.settings.codes.limits;
        let charge = |counter: SendCounter<'_>, limit| Charge { key: counter.key(kind), limit };
        let charges = vec![
            (ThrottleScope::Address, charge(SendCounter::Address(tag), limits.address)),
            (ThrottleScope::Address, charge(SendCounter::AddressDay(tag), limits.address_day)),
            (ThrottleScope::Installation, charge(SendCounter::Hour(payer), spend.per_hour)),
            (ThrottleScope::Installation, charge(SendCounter::Day(payer), spend.per_day)),
        ];
        self.charge_all(attempt, kind, charges).await
    }

    async fn charge_all(
        &self,
        attempt: &mut Attempt<'_>,
        kind: AddressKind,
        charges: Vec<(ThrottleScope, Charge)>,
    ) -> Answer<bool> {
        let (scopes, charges): (Vec<ThrottleScope>, Vec<Charge>) = charges.into_iter().unzip();
        match self.ports.throttle.charge(&charges, attempt.now).await? {
            Charged::Go(_) => Ok(true),
            Charged::Wait { index, .. } => {
                let scope = scopes.get(index).copied().unwrap_or(ThrottleScope::Account);
                attempt.record(What::Throttled { method: kind.method(), scope });
                Ok(false)
            }
        }
    }
}
