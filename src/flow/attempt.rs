//! Attempts: charged before anything is looked up, forgiven only after a full success.

use std::time::Duration;

use super::Flows;
use super::device::Device;
use super::ports::{Account, Answer};
use super::reply::{Client, Failed, Outcome, Told};
use crate::auth::event::{Deed, Event, ThrottleScope, What};
use crate::auth::proof::{Method, MethodSet};
use crate::auth::throttle::{Charge, Charged, account_key, account_of_name, device_key, lockout_key, network_key};
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
    /// What was begun and is not told by an event yet: should a store fail now, it may have happened.
    under_way: Option<(Deed, Option<Method>)>,
}

impl Trying<'_> {
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
        let (events, under_way) = (Vec::new(), None);
        Trying { client, now, user, username, account, device, session: None, browser, events, under_way }
    }

    /// Charges one attempt by `method`; tells how long to wait if a counter is full.
    ///
    /// A known browser has counters of its own, so that nobody elsewhere can lock it out. All others share the
    /// account's; their network's comes last, so that a flood on one account does not fill it.
    pub(super) async fn charge(&self, trying: &mut Trying<'_>, method: Method) -> Answer<Option<Duration>> {
        let limits = &self.settings.limits;
        let (factor, lockout) = match method {
            Method::Password => (limits.password, limits.password_lockout),
            _ => (limits.totp, limits.lockout),
        };
        let account = trying.account.as_str();
        let charges = match trying.device.as_ref().and_then(|d| d.known_for(method)) {
            Some(id) => {
                let key = device_key(method, account, id);
                let lockout = Charge { key: format!("{key}:lockout"), limit: lockout };
                vec![Charge { key, limit: limits.known_browser }, lockout]
            }
            None => vec![
                Charge { key: account_key(method, account), limit: factor },
                Charge { key: lockout_key(method, account), limit: lockout },
                Charge { key: network_key(method, trying.client.ip), limit: limits.network },
            ],
        };
        match self.ports.throttle.charge(&charges, trying.now).await? {
            Charged::Go => Ok(None),
            Charged::Wait { index, retry_after } => {
                let scope = if index == 2 { ThrottleScope::Network } else { ThrottleScope::Account };
                trying.note(What::Throttled { method, scope });
                Ok(Some(retry_after))
            }
        }
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

    /// Forgets the counters of the methods just proved, as far as they were charged: those of this account from
    /// such a browser, never the network's, never those of a factor that was not proved.
    pub(super) async fn forgive(&self, trying: &Trying<'_>, proved: MethodSet) -> Answer<()> {
        let account = trying.account.as_str();
        let mut keys = Vec::new();
        for method in proved.iter() {
            match trying.device.as_ref().and_then(|d| d.known_for(method)) {
                Some(id) => {
                    let key = device_key(method, account, id);
                    keys.extend([format!("{key}:lockout"), key]);
                }
                None => keys.extend([account_key(method, account), lockout_key(method, account)]),
            }
        }
        self.ports.throttle.forgive(&keys).await
    }
}
