//! A link that is followed: taken once, before anything comes of it.

use super::LINK_LIVES;
use crate::auth::ceremony::{Ceremony, CeremonyKey, CeremonyToken, Verdict};
use crate::auth::event::{Deed, RejectReason, What};
use crate::auth::factor::authenticator::{AddressKind, AddressRecord};
use crate::auth::factor::sent_code;
use crate::auth::link_token::LinkToken;
use crate::auth::proof::Method;
use crate::auth::secret::SecretText;
use crate::auth::session::Channel;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ceremony::stored::Slot;
use crate::flow::ports::{Answer, Attempted, CodeDigest, SignInLink};
use crate::flow::reply::{Client, LinkFollowed, LoginReply, Outcome, ShownCode, WaitingLink};
use crate::flow::risk::SignInGoal;
use crate::flow::standing_person::StandingPerson;

/// Digits of the code that stands for a link.
const DIGITS: u8 = 6;
const METHOD: Method = Method::EmailCode;

impl Flows {
    /// The link of a token, which goes on waiting; `None`: told alike of all that is none.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn waiting_link(
        &self,
        token: &LinkToken,
        browser: Option<&CeremonyToken>,
        client: &Client,
    ) -> Answer<Option<WaitingLink>> {
        let link = self.link_here(token, client).await?;
        Ok(link.map(|link| WaitingLink {
            here: is_of(&link, browser, client.channel),
            by_browser: link.browser.is_some(),
            going: link.going,
            asked_at: link.asked_at,
            client_ip: link.client_ip,
        }))
    }

    /// Follows a link: in the browser that asked for it, or by the script that did.
    ///
    /// # Errors
    /// A store did not answer; nobody is signed in then, and the link may be used up.
    pub async fn follow_link(
        &self,
        token: &LinkToken,
        browser: Option<&CeremonyToken>,
        goal: impl Into<SignInGoal>,
        client: &Client,
    ) -> Outcome<LinkFollowed> {
        let mut attempt = self.begin_attempt("", None, client);
        let reply = self.take_link(&mut attempt, token, browser, goal.into()).await;
        attempt.finish(reply)
    }

    async fn take_link(
        &self,
        attempt: &mut Attempt<'_>,
        token: &LinkToken,
        browser: Option<&CeremonyToken>,
        goal: SignInGoal,
    ) -> Answer<LinkFollowed> {
        let channel = attempt.client.channel;
        let waiting = self.link_here(token, attempt.client).await?;
        let Some(link) = waiting else { return self.over_or_done(attempt, token).await };
        if !is_of(&link, browser, channel) {
            return Ok(over(attempt, RejectReason::NoCode));
        }
        attempt.intend(Deed::Spending, Some(METHOD));
        let left = LINK_LIVES.saturating_sub(attempt.now.since(link.asked_at));
        self.ports.sign_in_links.put(&followed(token), &link, left).await?;
        match self.ports.sign_in_links.take(&token.name()).await? {
            Some(taken) if taken == link => self.go_on(attempt, link, goal).await,
            _ => self.over_or_done(attempt, token).await,
        }
    }

    /// A link that does not wait: whether it is one that has led on.
    async fn over_or_done(&self, attempt: &mut Attempt<'_>, token: &LinkToken) -> Answer<LinkFollowed> {
        let done = self.ports.sign_in_links.load(&followed(token)).await?;
        if done.filter(|link| is_here(link, attempt)).is_none() {
            return Ok(over(attempt, RejectReason::NoCode));
        }
        let _ = over(attempt, RejectReason::AlreadySpent);
        Ok(LinkFollowed::AlreadyDone)
    }

    /// Follows a link in a browser that did not ask for it: the link is used up, and the code that is shown goes on in the browser
    /// that did.
    ///
    /// # Errors
    /// A store did not answer; the link may be used up.
    pub async fn show_link_code(&self, token: &LinkToken, client: &Client) -> Outcome<Option<ShownCode>> {
        let mut attempt = self.begin_attempt("", None, client);
        let reply = self.link_code(&mut attempt, token).await;
        attempt.finish(reply)
    }

    async fn link_code(&self, attempt: &mut Attempt<'_>, token: &LinkToken) -> Answer<Option<ShownCode>> {
        let link = self.link_here(token, attempt.client).await?;
        let Some((browser, link)) = link.and_then(|link| Some((link.browser?, link))) else {
            let _ = over(attempt, RejectReason::NoCode);
            return Ok(None);
        };
        let code = self.draw_code(DIGITS)?;
        attempt.intend(Deed::Spending, Some(METHOD));
        if self.ports.sign_in_links.take(&token.name()).await?.as_ref() != Some(&link) {
            let _ = over(attempt, RejectReason::AlreadySpent);
            return Ok(None);
        }
        let left = LINK_LIVES.saturating_sub(attempt.now.since(link.asked_at));
        self.ports.sign_in_links.put(&shown(&browser), &link, left).await?;
        let digest = self.link_code_digest(&browser, &code);
        let kept = self.ports.codes.put(&code_name(&browser), digest, sent_code::ATTEMPTS, left).await?;
        attempt.clear_intent();
        Ok(kept.then_some(ShownCode { code, expires_in: left }))
    }

    /// Takes the code that the page of a link showed elsewhere, in the browser that asked for the link.
    ///
    /// # Errors
    /// A store did not answer; nobody is signed in then, and the code may be used up.
    pub async fn enter_link_code(
        &self,
        browser: &CeremonyToken,
        typed: &SecretText,
        goal: impl Into<SignInGoal>,
        client: &Client,
    ) -> Outcome<LinkFollowed> {
        let mut attempt = self.begin_attempt("", None, client);
        let reply = self.enter_code(&mut attempt, browser.key(), typed, goal.into()).await;
        attempt.finish(reply)
    }

    async fn enter_code(
        &self,
        attempt: &mut Attempt<'_>,
        browser: CeremonyKey,
        typed: &SecretText,
        goal: SignInGoal,
    ) -> Answer<LinkFollowed> {
        let Some(typed) = sent_code::normalise(typed.expose(), DIGITS) else {
            return Ok(over(attempt, RejectReason::Malformed));
        };
        attempt.intend(Deed::Spending, Some(METHOD));
        match self.ports.codes.attempt(&code_name(&browser), self.link_code_digest(&browser, &typed)).await? {
            Attempted::Right => {}
            Attempted::Wrong { .. } => return Ok(over(attempt, RejectReason::Mismatch)),
            Attempted::Absent => return Ok(over(attempt, RejectReason::NoCode)),
        }
        let here = |link: &SignInLink| link.browser == Some(browser) && is_here(link, attempt);
        match self.ports.sign_in_links.take(&shown(&browser)).await?.filter(here) {
            Some(link) => self.go_on(attempt, link, goal).await,
            None => Ok(over(attempt, RejectReason::NoCode)),
        }
    }

    /// Begins the sign-in of whoever has the address: as long as they still have it, prove themselves with the same, and may sign
    /// in.
    async fn go_on(&self, attempt: &mut Attempt<'_>, link: SignInLink, goal: SignInGoal) -> Answer<LinkFollowed> {
        let Some(user) = link.user else { return Ok(over(attempt, RejectReason::UnknownUser)) };
        let Some(person) = self.unchanged_person(&user, &link.credentials).await? else {
            return Ok(over(attempt, RejectReason::NoCeremony));
        };
        let StandingPerson { account, enrolled, .. } = person;
        self.name_attempt(attempt, &account);
        let has = |a: &AddressRecord| a.kind == AddressKind::Email && a.folded() == link.folded;
        if !enrolled.addresses.iter().any(has) {
            return Ok(over(attempt, RejectReason::NoCeremony));
        }
        if enrolled.locked().contains(METHOD) {
            return Ok(over(attempt, RejectReason::Locked));
        }
        attempt.record(What::ProofAccepted { method: METHOD });
        let (host, channel) = (link.host, link.channel);
        let ceremony = Ceremony::sign_in(None, goal.requirement, host.clone(), channel, attempt.now);
        let ceremony = self.identify(ceremony, &account, &enrolled);
        let step = ceremony.advance(Verdict::Proved(METHOD), self.settings.offer_at(&host), attempt.now);
        Ok(match self.proceed(attempt, &account, step, &Slot::New).await? {
            reply @ LoginReply::Next(_) => LinkFollowed::On(reply),
            // Nothing that a sign-in could begin with.
            _ => LinkFollowed::Over,
        })
    }

    /// A link that waits, asked for on this host.
    async fn link_here(&self, token: &LinkToken, client: &Client) -> Answer<Option<SignInLink>> {
        let attempt = self.begin_attempt("", None, client);
        Ok(self.ports.sign_in_links.load(&token.name()).await?.filter(|link| is_here(link, &attempt)))
    }

    /// What is kept of the code that stands for a link: a keyed digest, for one browser.
    fn link_code_digest(&self, browser: &CeremonyKey, code: &SecretText) -> CodeDigest {
        let data = serde_json::json!([browser.encoded(), code.expose()]).to_string();
        CodeDigest(self.ports.vault.digest("sign-in link code", data.as_bytes()))
    }
}

/// Whether a link was asked for on this host, not too long ago.
fn is_here(link: &SignInLink, attempt: &Attempt<'_>) -> bool {
    link.host == attempt.client.host && attempt.now.since(link.asked_at) < LINK_LIVES
}

/// Whether this browser asked for a link, or a script where a script follows it.
fn is_of(link: &SignInLink, browser: Option<&CeremonyToken>, channel: Channel) -> bool {
    let by_whom = match link.channel {
        Channel::Cookie => link.browser.is_some() && browser.map(CeremonyToken::key) == link.browser,
        Channel::Bearer => link.browser.is_none(),
    };
    by_whom && link.channel == channel
}

/// Where a link stays that has led on, to know it again.
fn followed(token: &LinkToken) -> String {
    format!("followed:{}", token.name())
}

/// Where a link waits for its code.
fn shown(browser: &CeremonyKey) -> String {
    format!("shown:{}", browser.encoded())
}

fn code_name(browser: &CeremonyKey) -> String {
    format!("sign-in-link:{}", browser.encoded())
}

fn over(attempt: &mut Attempt<'_>, reason: RejectReason) -> LinkFollowed {
    attempt.record(What::ProofRejected { method: METHOD, reason });
    LinkFollowed::Over
}
