//! Forms that wait until they may be sent (ADR 0027): kept, shown to whose they are, taken once, put back, discarded.

use std::net::IpAddr;
use std::sync::Arc;

use super::Flows;
use super::ports::{Answer, Quota, Taken};
use super::reply::{Outcome, WithEvents};
use crate::auth::event::{Event, FormRecord, What};
use crate::auth::held_request::{FORM_WAITS, FormId, FormKeys, FormOwner, HeldHead, HeldRequest, HolderToken};
use crate::auth::network::client_network;
use crate::auth::secret::SecretBytes;
use crate::auth::session::Session;

/// How many forms of one session may wait.
pub const OF_SESSION: u32 = 4;
/// How many from one address (one /64 of IPv6), of people who are signed in, and as many of others.
pub const OF_ADDRESS: u32 = 16;
/// How many of all people who are signed in, and as many of all others.
pub const OF_ALL: u32 = 256;

/// Room for one form. It is had before a body is read, so that what is read is bounded as well.
pub struct FormRoom {
    keys: FormKeys,
    quotas: Vec<String>,
    owner: Option<FormOwner>,
}

/// The head of a form that is to be kept.
pub struct FormHead {
    pub host: String,
    pub method: String,
    /// Path and query as they were judged.
    pub target: String,
    pub content_type: String,
    pub origin: Option<String>,
    pub referer: Option<String>,
}

/// What is found of a form.
pub enum FormLookup<T> {
    Found(T),
    /// It was sent or discarded, its time is over, or it never was; or it belongs elsewhere than it was asked for.
    Absent,
    /// It is another person's, or of a session that has ended.
    OfAnother,
}

/// A form that waits, as its owner sees it.
pub struct WaitingForm {
    pub head: HeldHead,
    /// Bytes of its body.
    pub size: usize,
}

/// A form that was taken to be sent, and what puts it back.
pub struct TakenForm {
    pub request: HeldRequest,
    keys: FormKeys,
    taken: Taken,
}

impl TakenForm {
    pub const fn id(&self) -> &FormId {
        &self.keys.id
    }
}

impl Flows {
    /// Room for one more form; `None` if as many wait as may. `holder`: what the browser has from an earlier form; `who`: who
    /// is signed in.
    ///
    /// # Errors
    /// A store did not answer, or there is no randomness.
    pub async fn form_room(
        &self,
        holder: Option<&HolderToken>,
        who: Option<&Session>,
        client: IpAddr,
    ) -> Answer<Option<FormRoom>> {
        let holder = match holder {
            Some(holder) => holder.clone(),
            None => HolderToken::mint(&self.random()?),
        };
        let keys = FormKeys { id: FormId::mint(&self.random()?), holder };
        let quotas = quotas(who, client);
        if !self.ports.quotas.enter(&quotas, &keys.name(), FORM_WAITS, self.now()).await? {
            return Ok(None);
        }
        let quotas = quotas.into_iter().map(|quota| quota.key).collect();
        Ok(Some(FormRoom { keys, quotas, owner: who.map(FormOwner::of) }))
    }

    /// Keeps a form.
    ///
    /// # Errors
    /// The store did not answer; it may be kept, and nobody knows by which keys.
    pub async fn hold_form(&self, room: FormRoom, head: FormHead, body: SecretBytes) -> Answer<FormKeys> {
        let FormRoom { keys, quotas, owner } = room;
        let FormHead { host, method, target, content_type, origin, referer } = head;
        let held_at = self.now();
        let head = HeldHead { host, method, target, content_type, origin, referer, owner, held_at, quotas };
        self.ports.forms.put(&keys, &HeldRequest { head, body }, FORM_WAITS).await?;
        Ok(keys)
    }

    /// Gives room back that no form needs.
    ///
    /// # Errors
    /// The store did not answer; the room is taken until the form would have ended.
    pub async fn leave_room(&self, room: &FormRoom) -> Answer<()> {
        self.ports.quotas.leave(&room.quotas, &room.keys.name()).await
    }

    /// The form of these keys, on this host. Where nobody had signed in when it was kept, it belongs to whoever looks first.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn waiting_form(&self, keys: &FormKeys, host: &str, who: &Session) -> Answer<FormLookup<WaitingForm>> {
        Ok(match self.waiting_request(keys, host, who).await? {
            FormLookup::Found(HeldRequest { head, body }) => {
                FormLookup::Found(WaitingForm { head, size: body.expose().len() })
            }
            FormLookup::Absent => FormLookup::Absent,
            FormLookup::OfAnother => FormLookup::OfAnother,
        })
    }

    /// The same, with its body.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn waiting_request(&self, keys: &FormKeys, host: &str, who: &Session) -> Answer<FormLookup<HeldRequest>> {
        let Some(request) = self.ports.forms.load(keys).await? else { return Ok(FormLookup::Absent) };
        if request.head.host != host || !request.head.is_within(FORM_WAITS, self.now()) {
            return Ok(FormLookup::Absent);
        }
        Ok(match self.is_owner(keys, &request.head, who).await? {
            true => FormLookup::Found(request),
            false => FormLookup::OfAnother,
        })
    }

    /// Takes a form to send it: the first who asks gets it, for the request that was kept and for whose it is. Nobody else's
    /// question takes it away from them.
    ///
    /// # Errors
    /// A store did not answer; the form may be lost, and is not to be sent.
    pub async fn take_form(
        &self,
        keys: &FormKeys,
        (host, method, target): (&str, &str, &str),
        who: &Session,
    ) -> Answer<FormLookup<TakenForm>> {
        let WaitingForm { head, .. } = match self.waiting_form(keys, host, who).await? {
            FormLookup::Found(waiting) => waiting,
            FormLookup::Absent => return Ok(FormLookup::Absent),
            FormLookup::OfAnother => return Ok(FormLookup::OfAnother),
        };
        if !head.is_of(host, method, target) {
            return Ok(FormLookup::Absent);
        }
        let Some((request, taken)) = self.ports.forms.take_whole(keys).await? else { return Ok(FormLookup::Absent) };
        // One pair of keys never stands for two forms; should it, what was judged is what is sent.
        if request.head != head {
            return Ok(FormLookup::Absent);
        }
        Ok(FormLookup::Found(TakenForm { request, keys: keys.clone(), taken }))
    }

    /// Puts a form back of which nothing was sent; `false` if its time is over.
    ///
    /// # Errors
    /// The store did not answer; it may wait again.
    pub async fn put_form_back(&self, form: &TakenForm) -> Answer<bool> {
        self.ports.forms.put_back(&form.keys, &form.taken).await
    }

    /// Notes that a form which was taken waits no more.
    ///
    /// # Errors
    /// The store did not answer; it counts for its quotas until it would have ended.
    pub async fn form_is_sent(&self, form: &TakenForm) -> Answer<()> {
        self.ports.quotas.leave(&form.request.head.quotas, &form.keys.name()).await
    }

    /// Discards a form, for whose it is.
    ///
    /// # Errors
    /// A store did not answer; it may still wait.
    pub async fn discard_form(
        &self,
        keys: &FormKeys,
        host: &str,
        who: &Session,
        client: IpAddr,
    ) -> Outcome<FormLookup<()>> {
        let (value, events) = match self.take_to_discard(keys, host, who).await {
            Ok(FormLookup::Found(form)) => {
                let event = form_event(What::FormDiscarded, self.form_record(&form, None), Some(who), client);
                (FormLookup::Found(()), vec![event])
            }
            Ok(FormLookup::Absent) => (FormLookup::Absent, Vec::new()),
            Ok(FormLookup::OfAnother) => (FormLookup::OfAnother, Vec::new()),
            Err(cause) => return Err(WithEvents { value: cause, events: Vec::new() }),
        };
        Ok(WithEvents { value, events })
    }

    async fn take_to_discard(&self, keys: &FormKeys, host: &str, who: &Session) -> Answer<FormLookup<HeldRequest>> {
        match self.waiting_form(keys, host, who).await? {
            FormLookup::Found(_) => {
                let Some(form) = self.ports.forms.take(keys).await? else { return Ok(FormLookup::Absent) };
                self.ports.quotas.leave(&form.head.quotas, &keys.name()).await?;
                Ok(FormLookup::Found(form))
            }
            FormLookup::Absent => Ok(FormLookup::Absent),
            FormLookup::OfAnother => Ok(FormLookup::OfAnother),
        }
    }

    async fn is_owner(&self, keys: &FormKeys, head: &HeldHead, who: &Session) -> Answer<bool> {
        let asks = FormOwner::of(who);
        Ok(match &head.owner {
            Some(owner) => *owner == asks,
            // It outlives the form, so nobody is first twice.
            None => self.ports.form_owners.put_new(keys, &asks, 2 * FORM_WAITS).await? == asks,
        })
    }
}

impl Flows {
    /// What the trail keeps of a form.
    pub fn form_record(&self, form: &HeldRequest, rule: Option<&str>) -> FormRecord {
        form.record(rule, self.ports.vault.digest(FormRecord::PURPOSE, form.body.expose()))
    }
}

/// What is remembered of a form: what became of it, and by whom, from where.
pub fn form_event(what: What, form: FormRecord, who: Option<&Session>, client: IpAddr) -> Event {
    Event {
        client_ip: Some(client),
        session: who.map(|who| who.id.clone()),
        form: Some(Arc::new(form)),
        ..Event::of(what, who.map(|who| &who.identity))
    }
}

/// What a form counts for. Those of strangers are counted apart, so that they take no room from who is signed in.
fn quotas(who: Option<&Session>, client: IpAddr) -> Vec<Quota> {
    let client = client.to_canonical();
    let address = if client.is_ipv4() { client.to_string() } else { client_network(client).to_string() };
    let class = if who.is_some() { "people" } else { "others" };
    let quota = |key: String, most| Quota { key, most };
    let session = who.map(|session| quota(format!("form:session:{}", session.id), OF_SESSION));
    let shared = [quota(format!("form:{class}:{address}"), OF_ADDRESS), quota(format!("form:{class}"), OF_ALL)];
    session.into_iter().chain(shared).collect()
}
