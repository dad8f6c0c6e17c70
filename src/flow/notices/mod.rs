//! Letters that tell people what happened to their account, at every mail address that they confirmed. They are sealed
//! before the change that they tell of, and written with it.

mod disown;
mod password_locked;

use std::time::Duration;

use super::Flows;
use super::agent_name::AgentName;
use super::attempt::Attempt;
use super::ports::{
    Account, Answer, Letter, LetterNotice, NoticeLink, NoticeOrigin, Ports, Recipient, Records, RecoveryRef,
};
use crate::auth::factor::authenticator::{AddressKind, Enrolled};
use crate::auth::link_token::LinkToken;
use crate::auth::network::client_network;
use crate::auth::notice_kind::NoticeKind;
use crate::auth::secret::SecretText;
use crate::auth::session::Channel;
use crate::auth::throttle::{Charge, Charged, Limit};
use crate::auth::time::Timestamp;
use crate::auth::user::{UserId, Username};

pub use disown::LetterDisowned;

/// The page that the link leads to.
pub const NOTICE_PAGE: &str = "/.stepgate/notice";
/// How long the link is good.
pub const LINK_LASTS: Duration = Duration::from_secs(7 * 86_400);
/// After this a letter that nobody took is of no use.
const KEPT_FOR: Duration = Duration::from_secs(3 * 86_400);
/// A letter about the last code of too many waits until that was looked at: where it was right, it is taken back.
const HELD_FOR: Duration = Duration::from_secs(60);
/// After this a script that signs in from the same network is told of once more.
const SCRIPT_NOTICE_INTERVAL: Duration = Duration::from_secs(30 * 86_400);

/// Whose account it is, and what happened to it.
pub struct NoticeFacts<'a> {
    pub user: &'a UserId,
    pub username: &'a Username,
    pub kind: NoticeKind,
    pub at: Timestamp,
    /// `None`: an operator does it on the machine.
    pub origin: Option<NoticeOrigin>,
    /// The host whose page the link leads to, and its origin.
    pub host: &'a str,
    pub page_origin: &'a str,
}

/// The letters about something, sealed, one to each confirmed mail address in `enrolled`, and about the recovery that ends by it,
/// if one waits. Nothing where there is none, or where too many told of the same lately.
///
/// # Errors
/// A store did not answer.
pub async fn notice_records(ports: &Ports, facts: NoticeFacts<'_>, enrolled: &Enrolled) -> Answer<Records> {
    let (at, held) = (facts.at, matches!(facts.kind, NoticeKind::FactorLocked(_)));
    let due_at = if held { at.plus(HELD_FOR) } else { at };
    let ended = NoticeFacts { kind: NoticeKind::RecoveryCancelled, origin: facts.origin.clone(), ..facts };
    let ends = facts.kind.ends_recovery() && ports.recoveries.waiting(RecoveryRef::Of(facts.user), at).await?.is_some();
    let mut letters = notice_letters(ports, facts, enrolled).await?;
    if ends {
        letters.extend(notice_letters(ports, ended, enrolled).await?);
    }
    let sealed = letters.iter().map(|letter| ports.outbox.seal(letter, due_at, at.plus(KEPT_FOR)));
    Ok(Records::letters(sealed.collect::<Answer<_>>()?))
}

/// As [`notice_records`], not sealed.
async fn notice_letters(ports: &Ports, facts: NoticeFacts<'_>, enrolled: &Enrolled) -> Answer<Vec<Letter>> {
    let mut letters = Vec::new();
    let NoticeFacts { user, username, kind, at, origin, host, page_origin } = facts;
    let addresses: Vec<_> = enrolled.addresses.iter().filter(|address| address.kind == AddressKind::Email).collect();
    if addresses.is_empty() || !is_within_limit(ports, user, &kind, at).await? {
        return Ok(letters);
    }
    for address in addresses {
        // Each has a link of its own: whoever reads one address cannot use up what was sent to another.
        let mut random = [0; 32];
        ports.entropy.fill(&mut random)?;
        let token = LinkToken::mint(&random);
        let (username, kind) = (username.clone(), kind.clone());
        let link = NoticeLink { user: (kind != NoticeKind::AccountDeleted).then(|| user.clone()), at };
        ports.notice_links.put(&token, &link, LINK_LASTS).await?;
        let letter = LetterNotice {
            to: Recipient::Email(address.value.clone()),
            kind,
            username,
            at,
            origin: origin.clone(),
            url: SecretText::new(format!("{page_origin}{NOTICE_PAGE}?token={}", token.expose())),
            host: host.to_owned(),
        };
        letters.push(Letter::Notice(letter));
    }
    Ok(letters)
}

/// How many of a kind a person is told of: ten an hour of what only they themselves, or who is signed in as them, can bring
/// about. `None`: each of them.
const fn limit(kind: &NoticeKind) -> Option<Limit> {
    match kind {
        NoticeKind::NewBrowser
        | NoticeKind::FactorAdded(_)
        | NoticeKind::FactorRemoved(_)
        | NoticeKind::BackupCodesMade
        | NoticeKind::AddressAdded(_)
        | NoticeKind::AddressRemoved(_)
        | NoticeKind::MfaDisabled
        | NoticeKind::PasswordChanged
        | NoticeKind::AccountDisabled => Some(Limit { tries: 10, refill: Duration::from_secs(360) }),
        // There are few codes; a recovery and a deletion take a letter each, which is limited itself; what is switched off is
        // switched on by its person, and many wrong codes, which take their time, switch it off again. One that was missed
        // could be an account that is lost.
        NoticeKind::FactorLocked(_)
        | NoticeKind::PasswordLocked
        | NoticeKind::BackupCodeUsed { .. }
        | NoticeKind::RecoveryBegun { .. }
        | NoticeKind::RecoveryCancelled
        | NoticeKind::RecoveryFinished
        | NoticeKind::AccountDeleted => None,
    }
}

async fn is_within_limit(ports: &Ports, user: &UserId, kind: &NoticeKind, now: Timestamp) -> Answer<bool> {
    let Some(limit) = limit(kind) else { return Ok(true) };
    let charge = Charge { key: format!("notice:{}:{user}", kind.name()), limit };
    Ok(matches!(ports.throttle.charge(&[charge], now).await?, Charged::Go(_)))
}

impl Flows {
    /// The letters about a change that is about to be made in this attempt, to be handed to it. `enrolled`: what the person has
    /// before it, with an address that comes.
    pub(in crate::flow) async fn notices(
        &self,
        attempt: &Attempt<'_>,
        user: &UserId,
        kind: NoticeKind,
        enrolled: &Enrolled,
    ) -> Answer<Records> {
        match &attempt.username {
            Some(username) => self.notices_to(attempt, (user, username), kind, enrolled).await,
            None => Ok(Records::default()),
        }
    }

    /// The same where the attempt does not say whose account it is.
    pub(in crate::flow) async fn notices_to(
        &self,
        attempt: &Attempt<'_>,
        (user, username): (&UserId, &Username),
        kind: NoticeKind,
        enrolled: &Enrolled,
    ) -> Answer<Records> {
        if !self.settings.mail {
            return Ok(Records::default());
        }
        notice_records(&self.ports, self.notice_facts(attempt, (user, username), kind), enrolled).await
    }

    /// Tells of what no database keeps, before it is done.
    pub(in crate::flow) async fn notify_first(
        &self,
        attempt: &Attempt<'_>,
        account: &Account,
        kind: NoticeKind,
        enrolled: &Enrolled,
    ) -> Answer<()> {
        if !self.settings.mail {
            return Ok(());
        }
        let whose = (&account.identity.id, &account.identity.username);
        for letter in notice_letters(&self.ports, self.notice_facts(attempt, whose, kind), enrolled).await? {
            self.ports.outbox.put(&letter, attempt.now, attempt.now.plus(KEPT_FOR)).await?;
        }
        Ok(())
    }

    fn notice_facts<'a>(
        &self,
        attempt: &'a Attempt<'_>,
        (user, username): (&'a UserId, &'a Username),
        kind: NoticeKind,
    ) -> NoticeFacts<'a> {
        let (host, page_origin) = (attempt.client.host.as_str(), attempt.client.letter_origin.as_str());
        let origin = Some(self.notice_origin(attempt));
        NoticeFacts { user, username, kind, at: attempt.now, origin, host, page_origin }
    }

    /// The letters about a sign-in with a browser that is not known, to be written with it. The first sign-in of all is
    /// nobody's surprise. Scripts keep no mark: each network of theirs is told of once in a while.
    pub(in crate::flow) async fn new_browser_notices(
        &self,
        attempt: &Attempt<'_>,
        account: &Account,
    ) -> Answer<Records> {
        if !self.settings.mail || attempt.device.is_some() || account.last_login_at.is_none() {
            return Ok(Records::default());
        }
        let user = &account.identity.id;
        if attempt.client.channel == Channel::Bearer {
            let key = format!("notice:script:{user}:{}", client_network(attempt.client.ip));
            let charge = Charge { key, limit: Limit { tries: 1, refill: SCRIPT_NOTICE_INTERVAL } };
            if !matches!(self.ports.throttle.charge(&[charge], attempt.now).await?, Charged::Go(_)) {
                return Ok(Records::default());
            }
        }
        let enrolled = self.ports.authenticators.of(user).await?;
        self.notices(attempt, user, NoticeKind::NewBrowser, &enrolled).await
    }

    fn notice_origin(&self, attempt: &Attempt<'_>) -> NoticeOrigin {
        let client = attempt.client;
        let hints = client.hints.each_ref().map(|hint| hint.as_deref());
        NoticeOrigin {
            ip: client.ip.to_string(),
            country: self.ports.places.place(client.ip).country.map(|country| country.to_string()),
            network_owner: self.ports.places.network_owner(client.ip),
            agent: AgentName::seen(client.user_agent.as_deref(), hints).word(),
        }
    }
}
