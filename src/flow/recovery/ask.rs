//! The code that goes by mail. Whoever asks is answered alike, whether or not there is somebody to send it to: the same reads,
//! the same writes, the same words.

use std::time::Duration;

use crate::auth::address::mail_address;
use crate::auth::event::{Deed, What};
use crate::auth::factor::authenticator::{AddressKind, AddressRecord};
use crate::auth::link_token::LinkToken;
use crate::auth::secret::SecretText;
use crate::auth::user::{UserId, Username};
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ports::{Account, Answer, Letter, LetterLink, LinkPurpose, MailedCode};
use crate::flow::reply::{Client, Outcome};
use crate::flow::requested_letters::RequestedLetter;
use crate::flow::settings::RecoverySettings;

/// Whom a code goes to.
struct Addressee {
    account: Account,
    credentials: String,
    address: AddressRecord,
}

impl Flows {
    /// Sends a code to the person of that name or confirmed address. Answers for how long one is good; `None`: nobody recovers
    /// here by themselves.
    ///
    /// # Errors
    /// A store did not answer; a code may be on its way that leads nowhere.
    pub async fn ask_recovery(&self, typed: &str, client: &Client) -> Outcome<Option<Duration>> {
        self.ask_recovery_of(typed, true, client).await
    }

    /// As [`Self::ask_recovery`], for the owner of a confirmed address: no name is looked for.
    ///
    /// # Errors
    /// A store did not answer; a code may be on its way that leads nowhere.
    pub async fn ask_recovery_by_address(&self, typed: &str, client: &Client) -> Outcome<Option<Duration>> {
        self.ask_recovery_of(typed, false, client).await
    }

    async fn ask_recovery_of(&self, typed: &str, named: bool, client: &Client) -> Outcome<Option<Duration>> {
        let mut attempt = self.begin_attempt(typed, None, client);
        let reply = match self.settings.recovery {
            Some(_) => self.send_recovery(&mut attempt, (typed, named)).await.map(Some),
            None => Ok(None),
        };
        attempt.finish(reply)
    }

    async fn send_recovery(&self, attempt: &mut Attempt<'_>, (typed, named): (&str, bool)) -> Answer<Duration> {
        let lives = RecoverySettings::CODE_LIVES;
        if !self.charge_letter_asker(attempt, RequestedLetter::RECOVERY).await? {
            return Ok(lives);
        }
        let found = self.recovering(typed, named).await?;
        match &found {
            Some(found) => self.name_attempt(attempt, &found.account),
            None => attempt.device = None,
        }
        // Nobody's address is that of the name that was given.
        let address = found.as_ref().map(|found| found.address.folded());
        let (is_sent, nobody) = (address.is_some(), format!("nobody {}", attempt.account));
        let folded = address.unwrap_or(nobody);
        let room = self.charge_requested_letter(attempt, RequestedLetter::RECOVERY, &folded, is_sent).await?;
        // Where there is no room for a letter, as much is written as for nobody.
        let found = found.filter(|_| room);
        let token = LinkToken::mint(&self.random()?);
        let user = found.as_ref().map(|found| found.account.identity.id.clone());
        let credentials = found.as_ref().map(|found| found.credentials.clone()).unwrap_or_default();
        let (host, sent_at) = (attempt.client.host.clone(), attempt.now);
        let mailed = MailedCode::Waits { user, host, credentials, sent_at };
        attempt.intend(Deed::Sending, None);
        self.ports.mailed_codes.put(&token, &mailed, lives).await?;
        let letter = found.as_ref().map_or(Letter::Nobody, |found| {
            let (to, url) = (found.address.value.as_str(), attempt.client.letter_url("recover", &token));
            let letter = attempt.client.letter_link(to, LinkPurpose::Recovery, url, lives);
            Letter::Link(LetterLink { code: Some(SecretText::new(token.expose().to_owned())), ..letter })
        });
        self.ports.outbox.put(&letter, attempt.now, attempt.now.plus(lives)).await?;
        match found {
            Some(_) => attempt.record(What::RecoveryBegun),
            None => attempt.clear_intent(),
        }
        Ok(lives)
    }

    /// Who is meant, and where they are reached: at the address that was given, or the newest of theirs. As much is read for
    /// nobody.
    async fn recovering(&self, typed: &str, named: bool) -> Answer<Option<Addressee>> {
        let given = mail_address::parse(typed).map(|given| mail_address::folded(&given));
        let by_name = match Username::parse(typed).filter(|_| named) {
            Some(name) => self.ports.accounts.find(&name).await?,
            None => None,
        };
        let owner = self.ports.addresses.owner(AddressKind::Email, given.as_deref().unwrap_or_default()).await?;
        let nobody = UserId(String::new());
        // Anybody can choose a name; an address was confirmed.
        let by_name = by_name.as_ref().map(|account| &account.identity.id);
        let user = owner.as_ref().or(by_name).unwrap_or(&nobody);
        let account = self.ports.accounts.load(user).await?.filter(|account| !account.disabled);
        let enrolled = self.ports.authenticators.of(user).await?;
        let credentials = account.as_ref().map(|account| self.credentials(account, &enrolled)).unwrap_or_default();
        let mut addresses = enrolled.addresses.into_iter().filter(|address| address.kind == AddressKind::Email);
        let newest = addresses.next();
        let named = std::iter::once(newest.clone()).flatten().chain(addresses);
        let named = named.into_iter().find(|address| Some(address.folded()) == given);
        Ok(account.zip(named.or(newest)).map(|(account, address)| Addressee { account, credentials, address }))
    }
}
