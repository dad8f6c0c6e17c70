//! Throttling: an attempt is charged before anything is looked up, and forgiven only after a full success.

use std::net::IpAddr;
use std::time::Duration;

use super::Flows;
use super::attempt::{Attempt, Cost};
use super::known_browser::KnownBrowser;
use super::ports::{Account, Answer};
use super::reply::{Client, Outcome};
use super::settings::MethodBudget;
use crate::auth::event::{ThrottleScope, What};
use crate::auth::proof::{Method, MethodSet};
use crate::auth::throttle::{Charge, Charged, Counter, account_of_name, network_charges, newcomer_charges};
use crate::auth::time::Timestamp;
use crate::auth::user::Username;

/// By which counters an attempt is let through, in the order in which they are asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tier {
    /// Those of a known browser.
    KnownBrowser,
    /// Those that all others share.
    Account,
    /// Those of a network, where the others have used up what they share.
    NewNetwork,
}

impl Tier {
    const ALL: [Self; 3] = [Self::KnownBrowser, Self::Account, Self::NewNetwork];
}

impl Flows {
    /// Charges one attempt by `method`; returns how long to wait if no tier is open for it.
    ///
    /// A known browser has counters of its own, so that nobody elsewhere can lock it out; whoever copied its mark and uses
    /// them up leaves it the ways of all others. Those share the account's counter, and where that is used up, each network
    /// has a few attempts of its own. A client's networks come last of each way.
    pub(super) async fn charge(&self, attempt: &mut Attempt<'_>, method: Method) -> Answer<Option<Duration>> {
        let mut full: Option<(Duration, ThrottleScope)> = None;
        for tier in Tier::ALL {
            let Some(costs) = self.costs(attempt, method, tier) else { continue };
            let charges: Vec<Charge> = costs.iter().map(|cost| cost.charge.clone()).collect();
            let (index, wait) = match self.ports.throttle.charge(&charges, attempt.now).await? {
                Charged::Go(states) => {
                    attempt.charged = costs.into_iter().zip(states).collect();
                    self.charge_range(attempt).await;
                    return Ok(None);
                }
                Charged::Wait { index, retry_after } => (index, retry_after),
            };
            let scope = costs.get(index).map_or(ThrottleScope::Account, |cost| cost.scope);
            if tier == Tier::Account && scope == ThrottleScope::Account {
                self.notify_password_locked(attempt).await?;
            }
            if full.is_none_or(|(shortest, _)| wait < shortest) {
                full = Some((wait, scope));
            }
            if tier == Tier::Account && scope != ThrottleScope::Account {
                break;
            }
        }
        let Some((wait, scope)) = full else { return Ok(None) };
        attempt.record(What::Throttled { method, scope });
        Ok(Some(wait))
    }

    /// Charges the attempt once more, as that of an unknown browser, where the mark that it was charged to does not hold
    /// for the account that was found: the account is gone or disabled, or has had other credentials since.
    ///
    /// The mark alone could not tell, and attempts are charged before anything is looked up. Nobody who has no mark of ours
    /// comes this far, so a name that nobody has costs what it did.
    pub(super) async fn charge_unrecognised(
        &self,
        attempt: &mut Attempt<'_>,
        account: Option<&Account>,
        method: Method,
    ) -> Answer<Option<Duration>> {
        if attempt.device.is_none() || self.recheck_browser(attempt, account) {
            return Ok(None);
        }
        self.charge(attempt, method).await
    }

    /// Whether the mark holds for the account; one that does not is none from then on.
    pub(super) fn recheck_browser(&self, attempt: &mut Attempt<'_>, account: Option<&Account>) -> bool {
        let account = account.filter(|account| !account.disabled);
        let holds = |device: &KnownBrowser| account.is_some_and(|a| self.holds(device, &a.identity.id, a.generation));
        let known = attempt.device.as_ref().is_some_and(holds);
        if !known {
            (attempt.device, attempt.browser) = (None, None);
        }
        known
    }

    /// What an attempt costs by one tier; `None` if that tier is not open to this client.
    fn costs(&self, attempt: &Attempt<'_>, method: Method, tier: Tier) -> Option<Vec<Cost>> {
        let (limits, account, ip) = (&self.settings.limits, attempt.account.as_str(), attempt.client.ip);
        let budget = limits.budget(method);
        if budget == MethodBudget::Signature && tier != Tier::Account {
            return None;
        }
        let kept = |scope, counter: Counter<'_>, limit| Cost {
            scope,
            refundable: false,
            charge: Charge { key: counter.key(method), limit },
        };
        let refunded = |scope, charge| Cost { scope, refundable: true, charge };
        if tier == Tier::KnownBrowser {
            let id = attempt.device.as_ref()?.known_for(method)?;
            let mut costs = vec![kept(ThrottleScope::Browser, Counter::Browser(account, id), limits.known_browser)];
            if let MethodBudget::Password { failures, .. } = budget {
                costs.push(kept(ThrottleScope::Browser, Counter::BrowserFailures(account, id), failures));
            }
            return Some(costs);
        }
        let mut costs = match budget {
            MethodBudget::Password { pace, failures } => {
                let mut costs = vec![kept(ThrottleScope::AccountNetwork, Counter::AccountNetwork(account, ip), pace)];
                if tier == Tier::Account {
                    let charge = Charge { key: Counter::Failures(account).key(method), limit: failures };
                    costs.push(refunded(ThrottleScope::Account, charge));
                }
                costs
            }
            // Whoever gets this far knows the password: all of them together get no more than this.
            MethodBudget::Code(limit) => vec![kept(ThrottleScope::Factor, Counter::Account(account), limit)],
            MethodBudget::Signature => Vec::new(),
        };
        if tier == Tier::NewNetwork {
            let charges = newcomer_charges(method, account, ip, limits.new_network, limits.new_networks);
            costs.extend(charges.into_iter().map(|charge| refunded(ThrottleScope::AccountNetwork, charge)));
        }
        let networks = network_charges(method, ip, limits.network);
        costs.extend(networks.into_iter().map(|charge| refunded(ThrottleScope::Network, charge)));
        Some(costs)
    }

    /// Charges the networks of who shows a token that may be none of ours, before anything is looked up by it; how long to
    /// wait where too many were shown. No token can be guessed: what is held off is who reads the stores at will.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn charge_token(&self, client: &Client) -> Outcome<Option<Duration>> {
        let mut attempt = self.begin_attempt("", None, client);
        let charges = network_charges(Method::RecoveryCode, client.ip, self.settings.limits.network);
        let charges: Vec<Charge> =
            charges.into_iter().map(|c| Charge { key: format!("token:{}", c.key), ..c }).collect();
        let reply = match self.ports.throttle.charge(&charges, attempt.now).await {
            Ok(Charged::Go(_)) => Ok(None),
            Ok(Charged::Wait { retry_after, .. }) => {
                attempt.record(What::Throttled { method: Method::RecoveryCode, scope: ThrottleScope::Network });
                Ok(Some(retry_after))
            }
            Err(fault) => Err(fault),
        };
        attempt.finish(reply)
    }

    /// Gives back what a right proof shall not have cost: networks and accounts are slowed by who fails only. What
    /// only a full sign-in forgives stays charged.
    pub(super) async fn refund_correct(&self, attempt: &mut Attempt<'_>) -> Answer<()> {
        let charged = std::mem::take(&mut attempt.charged);
        self.give_back(attempt, charged.into_iter().filter(|(cost, _)| cost.refundable)).await
    }

    /// Gives back an attempt that was not evaluated.
    pub(super) async fn refund(&self, attempt: &mut Attempt<'_>) -> Answer<()> {
        let charged = std::mem::take(&mut attempt.charged);
        self.give_back(attempt, charged.into_iter()).await
    }

    async fn give_back(
        &self,
        attempt: &mut Attempt<'_>,
        charged: impl Iterator<Item = (Cost, Timestamp)>,
    ) -> Answer<()> {
        self.leave_range(attempt).await;
        let charged = charged.map(|(cost, until)| (cost.charge, until)).chain(attempt.range.charged.take());
        let charged: Vec<(Charge, Timestamp)> = charged.collect();
        if charged.is_empty() { Ok(()) } else { self.ports.throttle.give_back(&charged, attempt.now).await }
    }

    /// Forgets the counters of the methods just proved: those of this account from such a browser and from this network,
    /// never those of others, never those of a factor that was not proved.
    pub(super) async fn forgive(&self, attempt: &Attempt<'_>, proved: MethodSet) -> Answer<()> {
        let (account, ip) = (attempt.account.as_str(), attempt.client.ip);
        let mut keys = Vec::new();
        for method in proved.iter() {
            let known = attempt.device.as_ref().and_then(|d| d.known_for(method));
            if let Some(id) = known {
                keys.extend(
                    [Counter::BrowserFailures(account, id), Counter::Browser(account, id)].map(|c| c.key(method)),
                );
            }
            match self.settings.limits.budget(method) {
                MethodBudget::Password { .. } => {
                    let own = [Counter::AccountNetwork(account, ip), Counter::new_network(account, ip)];
                    keys.extend(own.map(|counter| counter.key(method)));
                }
                MethodBudget::Code(_) if known.is_none() => keys.push(Counter::Account(account).key(method)),
                MethodBudget::Code(_) | MethodBudget::Signature => {}
            }
        }
        self.ports.throttle.forgive(&keys).await
    }

    /// Forgets what an operator can forget of the counters of an account: those of the account, and those of networks
    /// that are named.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn forgive_all(&self, username: &Username, networks: &[IpAddr]) -> Answer<()> {
        let (account, limits) = (account_of_name(username.as_str()), &self.settings.limits);
        let mut keys: Vec<String> = MethodSet::ALL
            .iter()
            .flat_map(|method| [Counter::Account(&account), Counter::Failures(&account)].map(|c| c.key(method)))
            .collect();
        for ip in networks {
            keys.push(Counter::AccountNetwork(&account, *ip).key(Method::Password));
            let newcomers = newcomer_charges(Method::Password, &account, *ip, limits.new_network, limits.new_networks);
            keys.extend(newcomers.into_iter().map(|charge| charge.key));
            for method in MethodSet::ALL.iter() {
                keys.extend(network_charges(method, *ip, limits.network).into_iter().map(|charge| charge.key));
            }
        }
        self.ports.throttle.forgive(&keys).await
    }
}
