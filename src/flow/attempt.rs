//! Attempts: charged before anything is looked up, forgiven only after a full success.

use std::net::IpAddr;
use std::time::Duration;

use super::Flows;
use super::device::Device;
use super::hashing::Lane;
use super::ports::{Account, Answer};
use super::reply::{Client, Failed, Outcome, Told};
use crate::auth::event::{Deed, Event, ThrottleScope, What};
use crate::auth::network::wide_networks;
use crate::auth::proof::{Method, MethodSet};
use crate::auth::throttle::{
    Charge, Charged, account_key, account_of_name, device_key, device_lockout_key, lockout_key, network_charges,
    newcomer_charges, pace_key,
};
use crate::auth::time::Timestamp;
use crate::auth::user::{UserId, Username};

/// Who is trying, as the counters and the events see it.
pub(super) struct Trying<'a> {
    pub(super) client: &'a Client,
    pub(super) now: Timestamp,
    pub(super) user: Option<UserId>,
    pub(super) username: Option<Username>,
    /// The throttle's name of the account: the digest of its canonical name, whether or not anybody has it.
    pub(super) account: String,
    pub(super) device: Option<Device>,
    pub(super) session: Option<String>,
    /// The tag of the browser, as soon as it carries a mark.
    pub(super) browser: Option<String>,
    events: Vec<Event>,
    /// What the attempt under way was charged, and the state it brought each counter to.
    charged: Vec<(Cost, Timestamp)>,
    /// What was begun and is not told by an event yet: should a store fail now, it may have happened.
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

impl Trying<'_> {
    /// With whom this attempt waits in turn for a place to hash.
    pub(super) fn lane(&self) -> Lane {
        match &self.device {
            Some(device) => Lane::Known(device.id().to_owned()),
            None => Lane::Network(wide_networks(self.client.ip).pop()),
        }
    }

    /// Says what is about to be done, before a store is asked to do it.
    pub(super) fn begin(&mut self, deed: Deed, method: Option<Method>) {
        self.under_way = Some((deed, method));
    }

    /// Says that what was begun did not happen, or needs no event.
    pub(super) fn settle(&mut self) {
        self.under_way = None;
    }

    /// Ends the attempt. Whatever comes of it, what happened is told.
    pub(super) fn told<T>(mut self, reply: Answer<T>) -> Outcome<T> {
        match reply {
            Ok(reply) => Ok(Told { reply, events: self.events }),
            Err(cause) => {
                if let Some((deed, method)) = self.under_way.take() {
                    self.note(What::Unsettled { deed, method });
                }
                Err(Failed { cause, events: self.events })
            }
        }
    }

    /// Notes what happened; that settles what was begun.
    pub(super) fn note(&mut self, what: What) {
        self.settle();
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
    /// Begins an attempt of somebody who says to have this name.
    pub(super) fn trying<'a>(&self, name: &str, user: Option<UserId>, client: &'a Client) -> Trying<'a> {
        let (now, account) = (self.now(), account_of_name(name));
        let device = self.known_device(client.device.as_ref(), &account, now);
        let username = Username::parse(name);
        let browser = device.as_ref().map(|device| self.browser_tag(device));
        let (events, charged, under_way) = (Vec::new(), Vec::new(), None);
        Trying { client, now, user, username, account, device, session: None, browser, events, charged, under_way }
    }

    /// Charges one attempt by `method`; tells how long to wait if no way is open for it.
    ///
    /// A known browser has counters of its own, so that nobody elsewhere can lock it out; whoever copied its mark and uses
    /// them up leaves it the ways of all others. Those share the account's counter, and where that is used up, each network
    /// has a few attempts of its own. A client's networks come last of each way.
    pub(super) async fn charge(&self, trying: &mut Trying<'_>, method: Method) -> Answer<Option<Duration>> {
        let mut full: Option<(Duration, ThrottleScope)> = None;
        for way in [Way::Known, Way::Account, Way::Newcomer] {
            let Some(costs) = self.costs(trying, method, way) else { continue };
            let charges: Vec<Charge> = costs.iter().map(|cost| cost.charge.clone()).collect();
            let (index, wait) = match self.ports.throttle.charge(&charges, trying.now).await? {
                Charged::Go(states) => {
                    trying.charged = costs.into_iter().zip(states).collect();
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
        trying.note(What::Throttled { method, scope });
        Ok(Some(wait))
    }

    /// Charges the attempt once more, as that of an unknown browser, where the mark that it was charged to does not hold
    /// for the account that was found: the account is gone or disabled, or has had other credentials since.
    ///
    /// The mark alone could not tell, and attempts are charged before anything is looked up. Nobody who has no mark of ours
    /// comes this far, so a name that nobody has costs what it did.
    pub(super) async fn charge_unless_known(
        &self,
        trying: &mut Trying<'_>,
        account: Option<&Account>,
        method: Method,
    ) -> Answer<Option<Duration>> {
        if trying.device.is_none() || self.still_known(trying, account) {
            return Ok(None);
        }
        self.charge(trying, method).await
    }

    /// Whether the mark holds for the account; one that does not is none from then on.
    pub(super) fn still_known(&self, trying: &mut Trying<'_>, account: Option<&Account>) -> bool {
        let account = account.filter(|account| !account.disabled);
        let holds = |device: &Device| account.is_some_and(|a| self.holds(device, &a.identity.id, a.generation));
        let known = trying.device.as_ref().is_some_and(holds);
        if !known {
            (trying.device, trying.browser) = (None, None);
        }
        known
    }

    /// What an attempt costs by one way; `None` if that way is not open to this client.
    fn costs(&self, trying: &Trying<'_>, method: Method, way: Way) -> Option<Vec<Cost>> {
        let (limits, account, ip) = (&self.settings.limits, trying.account.as_str(), trying.client.ip);
        let password = method == Method::Password;
        let cost = |scope, returns, charge| Cost { scope, returns, charge };
        let one = |scope, returns, key, limit| cost(scope, returns, Charge { key, limit });
        if way == Way::Known {
            let id = trying.device.as_ref()?.known_for(method)?;
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
    pub(super) async fn was_right(&self, trying: &mut Trying<'_>) -> Answer<()> {
        let charged = std::mem::take(&mut trying.charged);
        self.give_back(charged.into_iter().filter(|(cost, _)| cost.returns), trying.now).await
    }

    /// Gives back an attempt that was not evaluated.
    pub(super) async fn was_not_evaluated(&self, trying: &mut Trying<'_>) -> Answer<()> {
        let charged = std::mem::take(&mut trying.charged);
        self.give_back(charged.into_iter(), trying.now).await
    }

    async fn give_back(&self, charged: impl Iterator<Item = (Cost, Timestamp)>, now: Timestamp) -> Answer<()> {
        let charged: Vec<(Charge, Timestamp)> = charged.map(|(cost, until)| (cost.charge, until)).collect();
        if charged.is_empty() { Ok(()) } else { self.ports.throttle.give_back(&charged, now).await }
    }

    /// Forgets the counters of the methods just proved: those of this account from such a browser and from this network,
    /// never those of others, never those of a factor that was not proved.
    pub(super) async fn forgive(&self, trying: &Trying<'_>, proved: MethodSet) -> Answer<()> {
        let (account, ip) = (trying.account.as_str(), trying.client.ip);
        let mut keys = Vec::new();
        for method in proved.iter() {
            let known = trying.device.as_ref().and_then(|d| d.known_for(method));
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
