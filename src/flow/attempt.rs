//! One attempt to authenticate: who, from where, and what happened in it.

use super::Flows;
use super::hashing::Lane;
use super::known_browser::KnownBrowser;
use super::ports::{Account, Answer};
use super::reply::{Aftermath, Client, Outcome, WithEvents};
use super::risk::{RangeVelocity, SignInGoal};
use std::sync::Arc;

use crate::auth::event::{Deed, Event, RiskRecord, ThrottleScope, What};
use crate::auth::network::wide_networks;
use crate::auth::proof::{Method, TransactionDigest};
use crate::auth::throttle::{Charge, account_of_name};
use crate::auth::time::Timestamp;
use crate::auth::user::{Identity, UserId, Username};

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
    /// What the destination asks, where the sign-in was begun by a link and is not assessed yet.
    pub(super) goal: Option<SignInGoal>,
    /// The transaction that is approved of by it.
    pub(super) approves: Option<TransactionDigest>,
    /// The tag of the browser, as soon as it carries a mark.
    pub(super) browser: Option<String>,
    /// What the factor that was just proved has to say.
    pub(super) aftermath: Aftermath,
    /// Whether what it opens is learnt as usual for its person.
    pub(super) learnt: bool,
    /// Whether the password that was proved is one that became known, from a browser that is not.
    pub(super) breached: bool,
    /// What goes wrong in the address range of the client.
    pub(super) range: RangeVelocity,
    events: Vec<Event>,
    /// What the attempt under way was charged, and the state it brought each counter to.
    pub(super) charged: Vec<(Cost, Timestamp)>,
    /// What was begun and has no event yet: should a store fail now, it may have happened.
    under_way: Option<(Deed, Option<Method>)>,
}

/// One counter that an attempt is charged to.
pub(super) struct Cost {
    pub(super) scope: ThrottleScope,
    /// Whether a right proof gets it back at once.
    pub(super) refundable: bool,
    pub(super) charge: Charge,
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
        self.push(what, None);
    }

    /// Records an assessment and its reasons.
    pub(super) fn record_risk(&mut self, what: What, risk: Arc<RiskRecord>) {
        self.push(what, Some(risk));
    }

    /// What happens to an account that is made in this attempt, to be written in the same transaction. No browser carries a mark
    /// of it yet.
    pub(super) fn event_of_new(&self, what: What, who: &Identity) -> Event {
        let (client_ip, agent) = (Some(self.client.ip), self.client.agent_name().word());
        Event { client_ip, agent, is_written: true, ..Event::of(what, Some(who)) }
    }

    /// Hands over an event that the trail has by its change, which settles what was begun.
    pub(super) fn record_written(&mut self, event: Event) {
        self.clear_intent();
        self.events.push(event);
    }

    fn push(&mut self, what: What, risk: Option<Arc<RiskRecord>>) {
        self.clear_intent();
        self.events.push(Event {
            user: self.user.clone(),
            username: self.username.clone(),
            client_ip: Some(self.client.ip),
            session: self.session.clone(),
            browser: self.browser.clone(),
            risk,
            learnt: self.learnt && matches!(what, What::SessionOpened { .. }),
            agent: self.client.agent_name().word(),
            ..Event::of(what, None)
        });
    }
}

impl Flows {
    /// Names the account of an attempt that began without a name.
    pub(super) fn name_attempt(&self, attempt: &mut Attempt<'_>, account: &Account) {
        let who = &account.identity;
        attempt.user = Some(who.id.clone());
        attempt.username = Some(who.username.clone());
        attempt.account = account_of_name(who.username.as_str());
        attempt.device = self.known_device(attempt.client.device.as_ref(), &attempt.account, attempt.now);
        attempt.browser = attempt.device.as_ref().map(|device| self.browser_tag(device));
        self.recheck_browser(attempt, Some(account));
    }

    /// Begins an attempt under this name.
    pub(super) fn begin_attempt<'a>(&self, name: &str, user: Option<UserId>, client: &'a Client) -> Attempt<'a> {
        let (now, account) = (self.now(), account_of_name(name));
        let device = self.known_device(client.device.as_ref(), &account, now);
        let username = Username::parse(name);
        let browser = device.as_ref().map(|device| self.browser_tag(device));
        Attempt {
            client,
            now,
            user,
            username,
            account,
            device,
            session: None,
            goal: None,
            approves: None,
            browser,
            aftermath: Aftermath::default(),
            learnt: false,
            breached: false,
            range: RangeVelocity::default(),
            events: Vec::new(),
            charged: Vec::new(),
            under_way: None,
        }
    }
}
