//! How many letters are sent that anybody can ask for, to anybody: about a recovery, and links to sign in by. Each kind has
//! counters and a budget of its own, so that nobody uses up what people sign in by.
//!
//! There are three ways to one: that of a browser which the person has signed in with, that which
//! all others share, and where that is used up a few for each network. Whoever keeps asking uses up their own networks and no
//! one else's, and what one address gets in a day is bounded all the same.

use crate::auth::event::{ThrottleScope, What};
use crate::auth::factor::authenticator::AddressKind;
use crate::auth::proof::Method;
use crate::auth::throttle::{Charge, Charged, Counter, SendCounter, network_charges, newcomer_charges};
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ports::Answer;
use crate::flow::settings::LetterBudget;

const KIND: AddressKind = AddressKind::Email;

/// What is asked for.
#[derive(Clone, Copy)]
pub(super) struct RequestedLetter {
    /// Whose counters these are.
    purpose: &'static str,
    method: Method,
    budget: LetterBudget,
}

impl RequestedLetter {
    pub(super) const RECOVERY: Self =
        Self { purpose: "recover", method: Method::RecoveryCode, budget: LetterBudget::Recovery };
    pub(super) const SIGN_IN_LINK: Self =
        Self { purpose: "sign-in link", method: Method::EmailCode, budget: LetterBudget::SignInLink };
}

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
    pub(super) async fn charge_letter_asker(
        &self,
        attempt: &mut Attempt<'_>,
        RequestedLetter { method, .. }: RequestedLetter,
    ) -> Answer<bool> {
        let limit = self.settings.codes.limits.network;
        let charges = network_charges(method, attempt.client.ip, limit).into_iter();
        let charge = |Charge { key, limit }| Charge { key: SendCounter::Network(&key).key(KIND), limit };
        let charges: Vec<Charge> = charges.map(charge).collect();
        let go = self.ports.throttle.charge(&charges, attempt.now).await?.is_go();
        if !go {
            attempt.record(What::Throttled { method, scope: ThrottleScope::Network });
        }
        Ok(go)
    }

    /// Charges for a letter to this address; `false`: too many went there, or in all. What goes to nobody costs nothing, and is
    /// counted for itself.
    pub(super) async fn charge_requested_letter(
        &self,
        attempt: &mut Attempt<'_>,
        RequestedLetter { purpose, method, budget }: RequestedLetter,
        folded: &str,
        is_sent: bool,
    ) -> Answer<bool> {
        let tag = self.counter_tag(purpose, folded);
        let payer = if is_sent { budget.name() } else { budget.nobody() };
        let spend = self.settings.codes.limits.letter_spend(budget);
        let charge = |counter: SendCounter<'_>, limit| Charge { key: counter.key(KIND), limit };
        let whole = [charge(SendCounter::Hour(payer), spend.per_hour), charge(SendCounter::Day(payer), spend.per_day)];
        let (mut room, mut scope) = (false, ThrottleScope::Address);
        for tier in LetterTier::ALL {
            let own = self.letter_charges(attempt, tier, &tag, method);
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
            attempt.record(What::Throttled { method, scope });
        }
        Ok(room)
    }

    /// What a letter costs by one tier; `None` if that tier is not open to this client.
    fn letter_charges(
        &self,
        attempt: &Attempt<'_>,
        tier: LetterTier,
        tag: &str,
        method: Method,
    ) -> Option<Vec<Charge>> {
        let limits = &self.settings.codes.limits;
        let letters = &limits.requested;
        match tier {
            LetterTier::KnownBrowser => {
                let id = attempt.device.as_ref()?.id();
                Some(vec![Charge { key: Counter::Browser(tag, id).key(method), limit: letters.known_browser }])
            }
            LetterTier::Address => Some(vec![
                Charge { key: SendCounter::Address(tag).key(KIND), limit: limits.address },
                Charge { key: SendCounter::AddressDay(tag).key(KIND), limit: limits.address_day },
            ]),
            LetterTier::NewNetwork => {
                Some(newcomer_charges(method, tag, attempt.client.ip, letters.new_network, letters.new_networks))
            }
        }
    }
}
