//! From an app's host to where people sign in, and back by a ticket (ADR 0024).
//!
//! The rows of one session share its id: the one where somebody signed in, and one on the host of each app that was opened
//! since. They are a family: proofs are copied from the first, and with it all the others end.

use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;

use super::Flows;
use super::attempt::Attempt;
use super::ports::{Answer, StoreError};
use super::reply::{Aftermath, Client, Opened, Outcome};
use crate::auth::event::{Deed, TicketFault, What};
use crate::auth::factor::authenticator::Sealed;
use crate::auth::handoff::{BindingToken, HANDOFF_LASTS, Handoff, TICKET_LASTS, Ticket, TicketToken};
use crate::auth::proof::MethodSet;
use crate::auth::secret::SecretBytes;
use crate::auth::session::{Channel, Pinned, Session, SessionKey, SessionToken};
use crate::auth::slip_token::SlipToken;
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;

/// What handoffs are sealed for.
const CONTEXT: &str = "handoff";

/// The longest sealed text that is looked at: of the longest destination, within a frame as long.
const SEALED_BYTES: usize = 28 * 1024;

/// How long it is remembered that a handoff was used: its own time, and as much again for clocks that differ.
const CLAIMED: Duration = Duration::from_secs(2 * HANDOFF_LASTS.as_secs());

/// What comes of a ticket.
pub enum Arrival {
    /// Signed in on this host too.
    Opened {
        opened: Box<Opened>,
        /// Where the browser came from.
        handoff: Box<Handoff>,
    },
    Rejected(TicketFault),
}

/// What a browser brings to the host that it came from.
pub struct Presented<'a> {
    pub ticket: &'a TicketToken,
    /// What it was given when it was led away.
    pub binding: Option<&'a BindingToken>,
    /// The session that it has on this host.
    pub held: Option<&'a SessionToken>,
}

impl Flows {
    /// What a browser is to keep that has nothing of the kind.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn mint_binding(&self) -> Answer<BindingToken> {
        Ok(BindingToken::mint(&self.random()?))
    }

    /// A name for a new handoff.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn handoff_id(&self) -> Answer<String> {
        self.ulid()
    }

    /// A handoff as it stands in an address. Nothing is stored for it.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn seal_handoff(&self, handoff: &Handoff) -> Answer<String> {
        let plain = serde_json::to_vec(handoff).map_err(|e| StoreError::new("flow", e))?;
        let sealed = self.ports.vault.seal(CONTEXT, &SecretBytes::new(plain))?;
        Ok(BASE64URL_NOPAD.encode(&sealed.0))
    }

    /// Reads what stands in an address; `None` if we did not write it. Whether it is still good, [`Self::issue_ticket`] says.
    pub fn open_handoff(&self, sealed: &str) -> Option<Handoff> {
        if sealed.len() > SEALED_BYTES {
            return None;
        }
        let sealed = Sealed(BASE64URL_NOPAD.decode(sealed.as_bytes()).ok()?);
        let plain = self.ports.vault.open(CONTEXT, &sealed).ok()?;
        serde_json::from_slice(plain.expose()).ok()
    }

    /// A ticket for a handoff, for who is signed in; `None` if it is too old or was used.
    ///
    /// # Errors
    /// A store did not answer; the handoff may be used up, and there is no ticket.
    pub async fn issue_ticket(
        &self,
        handoff: &Handoff,
        session: &Session,
        slip: Option<&SlipToken>,
    ) -> Answer<Option<TicketToken>> {
        if Some(&session.host) != self.settings.portal_host.as_ref() || session.channel != Channel::Cookie {
            return Err(StoreError::invariant("a ticket comes from where people sign in"));
        }
        let now = self.now();
        let mark = format!("handoff:{}", handoff.id);
        if handoff.time_left(now).is_zero() || !self.ports.ledger.claim(&mark, CLAIMED).await? {
            return Ok(None);
        }
        let token = TicketToken::mint(&self.random()?);
        let (user, id) = (session.identity.id.clone(), session.id.clone());
        // What it stands for goes along, not the token: no store sees that, and the app's host gets one of its own.
        let slip = match slip {
            Some(slip) => self.carry_slip(slip, &handoff.host, session).await?,
            None => None,
        };
        let ticket = Ticket { handoff: handoff.clone(), user, session: id, issued_at: now, slip };
        self.ports.tickets.put(&token, &ticket, TICKET_LASTS).await?;
        Ok(Some(token))
    }

    /// Takes a ticket on the host of an app, and opens a session there. Whatever becomes of it, the ticket is used up.
    ///
    /// # Errors
    /// A store did not answer; no session reaches anybody.
    pub async fn arrive(&self, presented: Presented<'_>, client: &Client) -> Outcome<Arrival> {
        let mut attempt = self.begin_attempt("", None, client);
        let arrival = self.take_ticket(&mut attempt, presented).await;
        attempt.finish(arrival)
    }

    async fn take_ticket(&self, attempt: &mut Attempt<'_>, presented: Presented<'_>) -> Answer<Arrival> {
        let now = attempt.now;
        let Some(ticket) = self.ports.tickets.take(presented.ticket).await? else {
            // Anybody can say so; nothing is remembered of it.
            return Ok(Arrival::Rejected(TicketFault::Absent));
        };
        let Ticket { handoff, user, session: id, issued_at, slip } = ticket;
        (attempt.user, attempt.session) = (Some(user.clone()), Some(id.clone()));
        let ours = presented.binding.is_some_and(|binding| binding.key() == handoff.binding);
        let fault = match () {
            () if now.since(issued_at) >= TICKET_LASTS => Some(TicketFault::Absent),
            () if handoff.host != attempt.client.host => Some(TicketFault::OtherHost),
            () if !ours => Some(TicketFault::OtherBrowser),
            () => None,
        };
        let head = match fault {
            None => self.family_head(now, &user, &id).await?,
            Some(_) => None,
        };
        let Some(head) = head else { return Ok(reject(attempt, fault.unwrap_or(TicketFault::NoSession))) };
        attempt.username = Some(head.identity.username.clone());
        match self.share(attempt, &head, presented.held).await? {
            Some(mut opened) => {
                if let Some(slip) =
                    slip.filter(|slip| slip.session == opened.session.id && slip.host == opened.session.host)
                {
                    match self.issue_slip(&slip).await {
                        Ok(token) => opened.slip = Some(token),
                        Err(fault) => return Err(self.revoke_undelivered(attempt, &opened.token.key(), fault).await),
                    }
                }
                Ok(Arrival::Opened { opened: Box::new(opened), handoff: Box::new(handoff) })
            }
            None => Ok(reject(attempt, TicketFault::NoSession)),
        }
    }

    /// Opens a session of the same family on this host, in place of the one that it has here. `None`: the family has ended.
    async fn share(
        &self,
        attempt: &mut Attempt<'_>,
        head: &Session,
        held: Option<&SessionToken>,
    ) -> Answer<Option<Opened>> {
        let (client, now) = (attempt.client, attempt.now);
        let session = Session {
            host: client.host.clone(),
            seen_at: now,
            client_ip: client.ip,
            user_agent: client.short_user_agent(),
            checked: Default::default(),
            // What its browser carries on the other host is not sent here.
            pinned: head.pinned.clone().map(|pinned| Pinned { device: None, ..pinned }),
            ..head.clone()
        };
        let old = match held {
            Some(token) => self.same_family(token, &session).await?,
            None => None,
        };
        let token = SessionToken::mint(&self.random()?);
        let ends_at = self.settings.session.ends_at(&session);
        attempt.intend(Deed::Opening, None);
        let sessions = &self.ports.sessions;
        let replaced = match &old {
            Some(_) => sessions.replace(old.as_ref(), &token.key(), &session, ends_at).await,
            None => Ok(false),
        };
        let opened = match replaced {
            Ok(false) => sessions.replace(None, &token.key(), &session, ends_at).await,
            replaced => replaced,
        };
        match opened {
            Ok(true) => {}
            Ok(false) => return Err(StoreError::invariant("a new session was refused")),
            // It may be open all the same, under a token that reaches nobody.
            Err(fault) => return Err(self.revoke_undelivered(attempt, &token.key(), fault).await),
        }
        attempt.record(What::SessionShared);
        // Whoever ended the family in that very moment has not seen this one.
        match self.has_head(&session.identity.id, &session.id).await {
            Ok(true) => {}
            Ok(false) => {
                attempt.intend(Deed::Ending, None);
                sessions.revoke(&token.key()).await?;
                attempt.record(What::SessionRevoked);
                return Ok(None);
            }
            Err(fault) => return Err(self.revoke_undelivered(attempt, &token.key(), fault).await),
        }
        let (session, none) = (Arc::new(session), MethodSet::EMPTY);
        let aftermath = Aftermath::default();
        Ok(Some(Opened {
            token,
            session,
            ends_at,
            device: None,
            slip: None,
            aftermath,
            locked: none,
            unlocked: none,
            notice: None,
        }))
    }

    /// The key of a token, where it holds a session of the same family on the same host.
    async fn same_family(&self, token: &SessionToken, session: &Session) -> Answer<Option<SessionKey>> {
        let found = self.ports.sessions.load(&token.key()).await?;
        let same =
            |held: &Arc<Session>| (&held.id, &held.host, held.channel) == (&session.id, &session.host, session.channel);
        Ok(found.filter(same).map(|_| token.key()))
    }

    /// The live session of a family where its owner signed in.
    async fn family_head(&self, now: Timestamp, user: &UserId, id: &str) -> Answer<Option<Arc<Session>>> {
        let Some(portal) = &self.settings.portal_host else { return Ok(None) };
        for key in self.head_keys(user, id).await? {
            if let Some(head) = self.session_under(now, &key, Channel::Cookie, portal, true).await? {
                return Ok(Some(head));
            }
        }
        Ok(None)
    }

    async fn has_head(&self, user: &UserId, id: &str) -> Answer<bool> {
        Ok(!self.head_keys(user, id).await?.is_empty())
    }

    /// Under which keys a family is kept where its owner signed in, as the store itself says: one, or none.
    async fn head_keys(&self, user: &UserId, id: &str) -> Answer<Vec<SessionKey>> {
        let Some(portal) = &self.settings.portal_host else { return Ok(Vec::new()) };
        let head =
            |session: &Session| session.id == id && session.host == *portal && session.channel == Channel::Cookie;
        let all = self.ports.sessions.of_user(user).await?;
        Ok(all.iter().filter(|(_, kept)| kept.as_ref().is_ok_and(head)).map(|(key, _)| *key).collect())
    }

    /// Who uses one app is at work in all: a use on the host of an app counts where its owner signed in.
    pub(super) async fn touch_head(&self, now: Timestamp, session: &Session) -> Answer<()> {
        let portal = self.settings.portal_host.as_ref().filter(|portal| **portal != session.host);
        if portal.is_none() || session.channel != Channel::Cookie {
            return Ok(());
        }
        let used = Session { seen_at: now, ..session.clone() };
        for key in self.head_keys(&session.identity.id, &session.id).await? {
            self.touched.put(key, now);
            self.ports.sessions.touch(&key, now, self.settings.session.ends_at(&used)).await?;
        }
        Ok(())
    }

    /// Ends a session and all of its family. Says how many ended.
    pub(super) async fn end_family(&self, key: &SessionKey, session: &Session) -> Answer<u64> {
        let (sessions, user) = (&self.ports.sessions, &session.identity.id);
        if self.settings.portal_host.is_some() {
            let ended = u64::from(sessions.revoke(key).await?);
            return Ok(ended + sessions.revoke_family(user, &session.id).await?);
        }
        // People may have signed in for many hosts until the configuration changed. No ticket opens a session any more, so one
        // look is enough; this one ends last, so that whoever meets a fault can sign out again.
        let all = sessions.of_user(user).await?;
        let of_family = |kept: &Answer<Session>| kept.as_ref().is_ok_and(|kept| kept.id == session.id);
        let mut ended = 0;
        for (other, _) in all.iter().filter(|(other, kept)| other != key && of_family(kept)) {
            ended += u64::from(sessions.revoke(other).await?);
        }
        Ok(ended + u64::from(sessions.revoke(key).await?))
    }
}

fn reject(attempt: &mut Attempt<'_>, reason: TicketFault) -> Arrival {
    attempt.record(What::TicketRejected { reason });
    Arrival::Rejected(reason)
}
