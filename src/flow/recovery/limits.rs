//! How many letters about a recovery are sent, by counters and a budget of their own: nobody uses up what people sign in by.
//!
//! Anybody can ask for them, so there are three ways to one: that of a browser which the person has signed in with, that which
//! all others share, and where that is used up a few for each network. Whoever keeps asking uses up their own networks and no
//! one else's, and what one address gets in a day is bounded all the same.

use crate::auth::event::{ThrottleScope, What};
use crate::auth::factor::authenticator::{AddressKind, AddressRecord};
use crate::auth::proof::Method;
use crate::auth::throttle::{Charge, Charged, Counter, SendCounter, network_charges, newcomer_charges};
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ports::Answer;
use crate::flow::settings::{LetterBudget, RecoverySettings};

const KIND: AddressKind = AddressKind::Email;
const METHOD: Method = Method::RecoveryCode;

/// By which counters a letter may be sent, in the order in which they are asked.
#[derive(Clone, Copy)]
enum LetterTier {
    KnownBrowser,
    Address,
    NewNetwork,
}

impl LetterTier {
    const ALL: [Self; 3] = [Self::KnownBrowser, Self::Address, Self::NewNetwork];
}

impl Flows {
    /// Charges the networks of whoever asks, before anything is looked up; `false`: too many were asked for from there.
    pub(super) async fn charge_recovery_asker(&self, attempt: &mut Attempt<'_>) -> Answer<bool> {
        let limit = self.settings.codes.limits.network;
        let charges = network_charges(METHOD, attempt.client.ip, limit).into_iter();
        let charge = |Charge { key, limit }| Charge { key: SendCounter::Network(&key).key(KIND), limit };
        let charges: Vec<Charge> = charges.map(charge).collect();
        let go = self.ports.throttle.charge(&charges, attempt.now).await?.is_go();
        if !go {
            attempt.record(What::Throttled { method: METHOD, scope: ThrottleScope::Network });
        }
        Ok(go)
    }

    /// Charges for a letter to this address; `false`: too many went there, or in all. Nobody's address is that of the name that
    /// was given.
    pub(super) async fn charge_recovery_letter(
        &self,
        attempt: &mut Attempt<'_>,
        address: Option<&AddressRecord>,
        settings: RecoverySettings,
    ) -> Answer<bool> {
        let name = address.map_or_else(|| format!("nobody {}", attempt.account), AddressRecord::folded);
        let (tag, budget) = (self.counter_tag("recover", &name), LetterBudget::Recovery);
        let payer = if address.is_some() { budget.name() } else { budget.nobody() };
        let spend = self.settings.codes.limits.letter_spend(budget);
        let charge = |counter: SendCounter<'_>, limit| Charge { key: counter.key(KIND), limit };
        let whole = [charge(SendCounter::Hour(payer), spend.per_hour), charge(SendCounter::Day(payer), spend.per_day)];
        let (mut room, mut scope) = (false, ThrottleScope::Address);
        for tier in LetterTier::ALL {
            let own = self.letter_charges(attempt, tier, &tag, settings);
            let is_open = own.is_some() && !room;
            let own = own.unwrap_or_default();
            let count = own.len();
            let mut charges: Vec<Charge> = own.into_iter().chain(whole.iter().cloned()).collect();
            if !is_open {
                // As many calls, whichever has room: how long an answer takes tells nothing of the one before.
                charges.iter_mut().for_each(|charge| charge.key = format!("spare:{}", charge.key));
            }
            match self.ports.throttle.charge(&charges, attempt.now).await? {
                Charged::Go(_) => room |= is_open,
                Charged::Wait { index, .. } if is_open && index >= count => scope = ThrottleScope::Installation,
                Charged::Wait { .. } => {}
            }
        }
        if !room {
            attempt.record(What::Throttled { method: METHOD, scope });
        }
        Ok(room)
    }

    /// What a letter costs by one tier; `None` if that tier is not open to this client.
    fn letter_charges(
        &self,
        attempt: &Attempt<'_>,
        tier: LetterTier,
        tag: &str,
        RecoverySettings { letters, .. }: RecoverySettings,
    ) -> Option<Vec<Charge>> {
        let limits = &self.settings.codes.limits;
        match tier {
            LetterTier::KnownBrowser => {
                let id = attempt.device.as_ref()?.id();
                Some(vec![Charge { key: Counter::Browser(tag, id).key(METHOD), limit: letters.known_browser }])
            }
            LetterTier::Address => Some(vec![
                Charge { key: SendCounter::Address(tag).key(KIND), limit: limits.address },
                Charge { key: SendCounter::AddressDay(tag).key(KIND), limit: limits.address_day },
            ]),
            LetterTier::NewNetwork => {
                Some(newcomer_charges(METHOD, tag, attempt.client.ip, letters.new_network, letters.new_networks))
            }
        }
    }
}
