//! A sign-in that begins by a link in a letter: it shows that an address is reached, which is no factor. The password and all
//! else that the destination asks come after it.
//!
//! Whoever asks for one is answered alike, whether or not there is somebody to send it to, and whether or not too many were
//! asked for. The link goes on in the browser that asked alone. In another one it shows a code that is good there, so that a
//! link which was passed on, or that somebody else had asked for, gives nobody anything.

mod follow;

use std::time::Duration;

use super::Flows;
use super::attempt::Attempt;
use super::ports::{Account, Answer, Letter, LinkPurpose, SignInLink};
use super::reply::{Client, LinkAsked, Outcome};
use super::requested_letters::RequestedLetter;
use crate::auth::address::mail_address;
use crate::auth::ceremony::{Ceremony, CeremonyToken};
use crate::auth::event::{Deed, What};
use crate::auth::factor::authenticator::{AddressKind, Enrolled};
use crate::auth::link_token::LinkToken;
use crate::auth::proof::Method;
use crate::auth::session::Channel;
use crate::auth::user::UserId;

/// How long a link is good.
const LINK_LIVES: Duration = LinkAsked::LIVES;

/// The page of a link.
const PAGE: &str = "login-link";

/// What is found of an address: nothing of it is told.
struct Found {
    account: Option<Account>,
    enrolled: Enrolled,
    /// Whether a link may go there.
    reachable: bool,
}

impl Flows {
    /// Sends a link to a mail address, or to nobody. `going`: where its person goes, by the query of our pages.
    ///
    /// # Errors
    /// A store did not answer; a link may be on its way that opens nothing.
    pub async fn send_sign_in_link(&self, typed: &str, going: &str, client: &Client) -> Outcome<LinkAsked> {
        let folded = mail_address::parse(typed).map(|address| mail_address::folded(&address));
        let mut attempt = self.begin_attempt(folded.as_deref().unwrap_or_default(), None, client);
        // Nobody is named by an address that nobody looked for.
        attempt.username = None;
        let reply = match folded {
            _ if !self.settings.email_link => Ok(LinkAsked::NotServed),
            None => Ok(LinkAsked::Malformed),
            Some(folded) => self.send_link(&mut attempt, &folded, going).await,
        };
        attempt.finish(reply)
    }

    async fn send_link(&self, attempt: &mut Attempt<'_>, folded: &str, going: &str) -> Answer<LinkAsked> {
        let room = self.charge_letter_asker(attempt, RequestedLetter::SIGN_IN_LINK).await?;
        let browser = match attempt.client.channel {
            Channel::Cookie => Some(CeremonyToken::mint(&self.random()?)),
            Channel::Bearer => None,
        };
        let sent = LinkAsked::Sent { browser: browser.clone(), expires_in: LINK_LIVES };
        if !room {
            return Ok(sent);
        }
        let token = LinkToken::mint(&self.random()?);
        let Found { account, enrolled, reachable } = self.who_has(folded, &attempt.client.host).await?;
        let address = enrolled.addresses.iter().find(|a| a.kind == AddressKind::Email && a.folded() == folded);
        let address = address.filter(|_| reachable);
        match account.as_ref().filter(|_| address.is_some()) {
            Some(account) => self.name_attempt(attempt, account),
            None => attempt.device = None,
        }
        let letter = RequestedLetter::SIGN_IN_LINK;
        let room = self.charge_requested_letter(attempt, letter, folded, address.is_some()).await?;
        // Where there is no room for a letter, as much is written as for nobody.
        let address = address.filter(|_| room);
        let owner = account.filter(|_| address.is_some());
        let credentials = owner.as_ref().map_or_else(String::new, |account| self.credentials(account, &enrolled));
        let link = SignInLink {
            user: owner.as_ref().map(|account| account.identity.id.clone()),
            credentials,
            folded: folded.to_owned(),
            host: attempt.client.host.clone(),
            channel: attempt.client.channel,
            browser: browser.as_ref().map(CeremonyToken::key),
            going: going.to_owned(),
            asked_at: attempt.now,
            client_ip: attempt.client.ip,
        };
        attempt.intend(Deed::Sending, Some(Method::EmailCode));
        self.ports.sign_in_links.put(&token.name(), &link, LINK_LIVES).await?;
        let letter = address.map_or(Letter::Nobody, |address| {
            let url = attempt.client.letter_url(PAGE, &token);
            Letter::Link(attempt.client.letter_link(&address.value, LinkPurpose::SignIn, url, LINK_LIVES))
        });
        self.ports.outbox.put(&letter, attempt.now, attempt.now.plus(LINK_LIVES)).await?;
        match owner {
            Some(_) => attempt.record(What::CodeSent { method: Method::EmailCode }),
            None => attempt.clear_intent(),
        }
        Ok(sent)
    }

    /// Who has an address, and whether a link would lead them anywhere; as much is read where nobody has it.
    async fn who_has(&self, folded: &str, host: &str) -> Answer<Found> {
        let owner = self.ports.addresses.owner(AddressKind::Email, folded).await?;
        let owner = owner.unwrap_or_else(|| UserId(String::new()));
        let account = self.ports.accounts.load(&owner).await?;
        let enrolled = self.ports.authenticators.of(&owner).await?;
        let leads = |account: &Account| {
            let ceremony = Ceremony::sign_in(None, None, host.to_owned(), Channel::Cookie, self.now());
            !self.identify(ceremony, account, &enrolled).first_factors().is_empty()
        };
        let reachable = account.as_ref().is_some_and(|account| !account.disabled && leads(account))
            && !enrolled.locked().contains(Method::EmailCode);
        Ok(Found { account, enrolled, reachable })
    }
}
