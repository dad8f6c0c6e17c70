//! Attempts: charged before anything is looked up, forgiven only after a full success.

use std::net::IpAddr;
use std::time::Duration;

use super::Flows;
use super::hashing::Lane;
use super::known_browser::KnownBrowser;
use super::ports::{Account, Answer};
use super::reply::{Client, Outcome, WithEvents};
use crate::auth::event::{Deed, Event, ThrottleScope, What};
use crate::auth::network::wide_networks;
use crate::auth::proof::{Method, MethodSet};
use crate::auth::throttle::{
    Charge, Charged, account_key, account_of_name, device_key, device_lockout_key, lockout_key, network_charges,
    newcomer_charges, pace_key,
};
use crate::auth::time::Timestamp;
use crate::auth::user::{UserId, Username};

/// One attempt to authenticate, as the counters and the events see it.
pub(super) struct Attempt<'a> {
    pub(super) client: &'a Client,
    pub(super) now: Timestamp,
    pub(super) user: Option<UserId>,
    pub(super) username: Option<Username>,
    /// The throttle's name of the account: the digest of its canonical name, whether or not anybody has it.
    pub(super) account: String,
    pub(super) device: Option<KnownBrowser>,
    pub(super) session: Option<String>,
    /// The tag of the browser, as soon as it carries a mark.
    pub(super) browser: Option<String>,
    events: Vec<Event>,
    /// What the attempt under way was charged, and the state it brought each counter to.
    charged: Vec<(Cost, Timestamp)>,
    /// What was begun and has no event yet: should a store fail now, it may have happened.
    under_way: Option<(Deed, Option<Method>)>,
}

/// By which counters an attempt is let through.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Those of a known browser.
    Known,
    /// Those that all others share.
    Account,
    /// Those of a network, where the others have used up what they share.
    Newcomer,
}

/// One counter that an attempt is charged to.
struct Cost {
    scope: ThrottleScope,
    /// Whether a right proof gets it back at once.
    returns: bool,
    charge: Charge,
}

impl Attempt<'_> {
    /// With whom this attempt waits in turn for a place to hash.
    pub(super) fn lane(&self) -> Lane {
        match &self.device {
            Some(device) => Lane::Known(device.id().to_owned()),
            None => Lane::Network(wide_networks(self.client.ip).pop()),
        }
    }

    /// Notes what is about to be done, before a store is asked to do it.
    pub(super) fn intend(&mut self, deed: Deed, method: Option<Method>) {
        self.under_way = Some((deed, method));
    }

    /// What was begun did not happen, or needs no event.
    pub(super) fn clear_intent(&mut self) {
        self.under_way = None;
    }

    /// Ends the attempt and hands over its events, whatever came of it.
    pub(super) fn finish<T>(mut self, reply: Answer<T>) -> Outcome<T> {
        match reply {
            Ok(reply) => Ok(WithEvents { value: reply, events: self.events }),
            Err(cause) => {
                if let Some((deed, method)) = self.under_way.take() {
                    self.record(What::Unsettled { deed, method });
                }
                Err(WithEvents { value: cause, events: self.events })
            }
        }
    }

    /// Records what happened, which settles what was begun.
    pub(super) fn record(&mut self, what: What) {
        self.clear_intent();
        self.events.push(Event {
            what,
            user: self.user.clone(),
            username: self.username.clone(),
            client_ip: Some(self.client.ip),
            session: self.session.clone(),
            browser: self.browser.clone(),
        });
    }
}

impl Flows {
    /// Begins an attempt under this name.
    pub(super) fn begin_attempt<'a>(&self, name: &str, user: Option<UserId>, client: &'a Client) -> Attempt<'a> {
        let (now, account) = (self.now(), account_of_name(name));
        let device = self.known_device(client.device.as_ref(), &account, now);
        let username = Username::parse(name);
        let browser = device.as_ref().map(|device| self.browser_tag(device));
        let (events, charged, under_way) = (Vec::new(), Vec::new(), None);
        Attempt { client, now, user, username, account, device, session: None, browser, events, charged, under_way }
    }

    /// Charges one attempt by `method`; tells how long to wait if no way is open for it.
    ///
    /// A known browser has counters of its own, so that nobody elsewhere can lock it out; whoever copied its mark and uses
    /// them up leaves it the ways of all others. Those share the account's counter, and where that is used up, each network
    /// has a few attempts of its own. A client's networks come last of each way.
    pub(super) async fn charge(&self, attempt: &mut Attempt<'_>, method: Method) -> Answer<Option<Duration>> {
        let mut full: Option<(Duration, ThrottleScope)> = None;
        for way in [Way::Known, Way::Account, Way::Newcomer] {
            let Some(costs) = self.costs(attempt, method, way) else { continue };
            let charges: Vec<Charge> = costs.iter().map(|cost| cost.charge.clone()).collect();
            let (index, wait) = match self.ports.throttle.charge(&charges, attempt.now).await? {
                Charged::Go(states) => {
                    attempt.charged = costs.into_iter().zip(states).collect();
                    return Ok(None);
                }
                Charged::Wait { index, retry_after } => (index, retry_after),
            };
            let scope = costs.get(index).map_or(ThrottleScope::Account, |cost| cost.scope);
            if full.is_none_or(|(shortest, _)| wait < shortest) {
                full = Some((wait, scope));
            }
            if way == Way::Account && scope != ThrottleScope::Account {
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

    /// What an attempt costs by one way; `None` if that way is not open to this client.
    fn costs(&self, attempt: &Attempt<'_>, method: Method, way: Way) -> Option<Vec<Cost>> {
        let (limits, account, ip) = (&self.settings.limits, attempt.account.as_str(), attempt.client.ip);
        let password = method == Method::Password;
        let cost = |scope, returns, charge| Cost { scope, returns, charge };
        let one = |scope, returns, key, limit| cost(scope, returns, Charge { key, limit });
        if way == Way::Known {
            let id = attempt.device.as_ref()?.known_for(method)?;
            let mut costs =
                vec![one(ThrottleScope::Browser, false, device_key(method, account, id), limits.known_browser)];
            if password {
                let key = device_lockout_key(method, account, id);
                costs.push(one(ThrottleScope::Browser, false, key, limits.password_lockout));
            }
            return Some(costs);
        }
        let mut costs = Vec::new();
        if password {
            costs.push(one(ThrottleScope::AccountNetwork, false, pace_key(method, account, ip), limits.password));
        } else {
            // Who gets as far knows the password: all of them together get no more than this.
            costs.push(one(ThrottleScope::Factor, false, account_key(method, account), limits.totp));
        }
        match way {
            Way::Account if password => {
                let key = lockout_key(method, account);
                costs.push(one(ThrottleScope::Account, true, key, limits.password_lockout));
            }
            Way::Newcomer => {
                let charges = newcomer_charges(method, account, ip, limits.new_network, limits.new_networks);
                costs.extend(charges.into_iter().map(|charge| cost(ThrottleScope::AccountNetwork, true, charge)));
            }
            _ => {}
        }
        let networks = network_charges(method, ip, limits.network);
        costs.extend(networks.into_iter().map(|charge| cost(ThrottleScope::Network, true, charge)));
        Some(costs)
    }

    /// Gives back what a right proof shall not have cost: networks and accounts are slowed by who fails only. What
    /// only a full sign-in forgives stays charged.
    pub(super) async fn refund_correct(&self, attempt: &mut Attempt<'_>) -> Answer<()> {
        let charged = std::mem::take(&mut attempt.charged);
        self.give_back(charged.into_iter().filter(|(cost, _)| cost.returns), attempt.now).await
    }

    /// Gives back an attempt that was not evaluated.
    pub(super) async fn refund(&self, attempt: &mut Attempt<'_>) -> Answer<()> {
        let charged = std::mem::take(&mut attempt.charged);
        self.give_back(charged.into_iter(), attempt.now).await
    }

    async fn give_back(&self, charged: impl Iterator<Item = (Cost, Timestamp)>, now: Timestamp) -> Answer<()> {
        let charged: Vec<(Charge, Timestamp)> = charged.map(|(cost, until)| (cost.charge, until)).collect();
        if charged.is_empty() { Ok(()) } else { self.ports.throttle.give_back(&charged, now).await }
    }

    /// Forgets the counters of the methods just proved: those of this account from such a browser and from this network,
    /// never those of others, never those of a factor that was not proved.
    pub(super) async fn forgive(&self, attempt: &Attempt<'_>, proved: MethodSet) -> Answer<()> {
        let (account, ip) = (attempt.account.as_str(), attempt.client.ip);
        let mut keys = Vec::new();
        for method in proved.iter() {
            let known = attempt.device.as_ref().and_then(|d| d.known_for(method));
            if let Some(id) = known {
                keys.extend([device_lockout_key(method, account, id), device_key(method, account, id)]);
            }
            if method == Method::Password {
                let limits = &self.settings.limits;
                keys.push(pace_key(method, account, ip));
                let own = newcomer_charges(method, account, ip, limits.new_network, limits.new_networks);
                keys.extend(own.into_iter().next().map(|charge| charge.key));
            } else if known.is_none() {
                keys.push(account_key(method, account));
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
        let mut keys: Vec<String> =
            MethodSet::SERVED.iter().flat_map(|m| [account_key(m, &account), lockout_key(m, &account)]).collect();
        for ip in networks {
            keys.push(pace_key(Method::Password, &account, *ip));
            let newcomers = newcomer_charges(Method::Password, &account, *ip, limits.new_network, limits.new_networks);
            keys.extend(newcomers.into_iter().map(|charge| charge.key));
            for method in MethodSet::SERVED.iter() {
                keys.extend(network_charges(method, *ip, limits.network).into_iter().map(|charge| charge.key));
            }
        }
        self.ports.throttle.forgive(&keys).await
    }
}
