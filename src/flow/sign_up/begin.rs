//! The beginning of a sign-up: a letter to an address, whoever has it.

use super::{SIGN_UP_LIVES, SignUpBegun, SignUpForm, SignUpMistake};
use crate::auth::address::mail_address;
use crate::auth::event::{Deed, ThrottleScope, What};
use crate::auth::factor::authenticator::AddressKind;
use crate::auth::factor::password::PasswordOwner;
use crate::auth::factor::sent_code;
use crate::auth::link_token::LinkToken;
use crate::auth::network::client_network;
use crate::auth::proof::Method;
use crate::auth::secret::SecretText;
use crate::auth::user::Username;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::new_password::NewPassword;
use crate::flow::ports::{Answer, Claim, Letter, LetterKey, LetterLink, LinkPurpose, Quota, Recipient, SignUpLink};
use crate::flow::reply::{Client, Outcome};
use crate::flow::settings::LetterBudget;

/// How many sign-ups of one network may be begun within [`PER`].
const MOST_OF_A_NETWORK: u32 = 100;
const PER: std::time::Duration = std::time::Duration::from_secs(3600);
/// Digits of a code.
pub(super) const DIGITS: u8 = 6;

/// What was given, as it can be used.
struct Usable {
    email: String,
    username: Username,
}

impl Flows {
    /// Begins a sign-up. What is told depends on what was given, and on nobody's account.
    ///
    /// # Errors
    /// A store did not answer; a letter may be on its way that confirms nothing.
    pub async fn begin_sign_up(&self, form: SignUpForm<'_>, client: &Client) -> Outcome<SignUpBegun> {
        // A name that nobody can have: what is charged here is not what its owner signs in by.
        let typed = mail_address::parse(form.email).map_or_else(String::new, |email| mail_address::folded(&email));
        let mut attempt = self.begin_attempt(&format!("sign-up {typed}"), None, client);
        let reply = self.sign_up(&mut attempt, form).await;
        attempt.finish(reply)
    }

    async fn sign_up(&self, attempt: &mut Attempt<'_>, form: SignUpForm<'_>) -> Answer<SignUpBegun> {
        if !self.settings.sign_up.is_on() {
            return Ok(SignUpBegun::Off);
        }
        let usable = match self.usable(&form) {
            Ok(usable) => usable,
            Err(mistakes) => return Ok(SignUpBegun::Unusable(mistakes)),
        };
        let network = client_network(attempt.client.ip);
        let quota = [Quota { key: format!("sign-ups:{network}"), most: MOST_OF_A_NETWORK }];
        if !self.ports.quotas.enter(&quota, &self.ulid()?, PER, attempt.now).await? {
            attempt.record(What::Throttled { method: Method::EmailCode, scope: ThrottleScope::Network });
            return Ok(SignUpBegun::Wait(PER));
        }
        let room = self.charge_asker(attempt, AddressKind::Email).await?;
        let whose = PasswordOwner { username: usable.username.as_str(), personal: &[usable.email.as_str()] };
        let password_hash = match self.new_password(attempt, &form.password, &whose).await? {
            NewPassword::Fit(hash) => hash.expose().to_owned(),
            NewPassword::Unfit(unfit) => return Ok(SignUpBegun::Unusable(vec![SignUpMistake::Password(unfit)])),
            NewPassword::Busy => {
                attempt.record(What::Throttled { method: Method::Password, scope: ThrottleScope::Hashing });
                return Ok(SignUpBegun::Busy);
            }
        };
        let claim = Claim {
            username: usable.username.as_str().to_owned(),
            password_hash,
            enable_mfa: form.enable_mfa,
            browser: form.browser.map(|browser| self.sign_up_browser(browser)),
        };
        self.ask_to_confirm_sign_up(attempt, &usable.email, claim, room).await?;
        attempt.record(What::SignUpBegun);
        Ok(SignUpBegun::Sent { email: usable.email, expires_in: SIGN_UP_LIVES })
    }

    /// Whatever is wrong with what was given, as far as it can be seen at once.
    fn usable(&self, form: &SignUpForm<'_>) -> Result<Usable, Vec<SignUpMistake>> {
        let mut mistakes = Vec::new();
        let email = mail_address::parse(form.email);
        match &email {
            None => mistakes.push(SignUpMistake::Email),
            Some(email) if !self.settings.sign_up.admits(email) => mistakes.push(SignUpMistake::Domain),
            Some(_) => {}
        }
        let given = form.username.map(str::trim).filter(|name| !name.is_empty());
        let username = match (given, &email) {
            (Some(name), email) => new_username(name, email.as_deref().unwrap_or_default()),
            (None, Some(email)) => new_username(email, email),
            (None, None) => None,
        };
        if username.is_none() && (given.is_some() || email.is_some()) {
            mistakes.push(SignUpMistake::Username);
        }
        match (email, username) {
            (Some(email), Some(username)) if mistakes.is_empty() => Ok(Usable { email, username }),
            _ => Err(mistakes),
        }
    }

    async fn ask_to_confirm_sign_up(
        &self,
        attempt: &mut Attempt<'_>,
        email: &str,
        claim: Claim,
        room: bool,
    ) -> Answer<()> {
        let (key, folded) = (self.sign_up_key(email), mail_address::folded(email));
        let taken = self.ports.addresses.owner(AddressKind::Email, &folded).await?.is_some();
        let room = room && self.charge_letter(attempt, ("sign-up", LetterBudget::SignUp), &folded, true).await?;
        attempt.intend(Deed::Sending, Some(Method::EmailCode));
        self.add_claim(&key, email, claim, taken).await?;
        if !room {
            attempt.clear_intent();
            return Ok(());
        }
        let token = LinkToken::mint(&self.random()?);
        let link = SignUpLink { leads_to: key.clone(), done: false };
        self.ports.sign_up_links.put(&LetterKey(token.name()), &link, SIGN_UP_LIVES).await?;
        let code = self.draw_code(DIGITS)?;
        let (digest, _) = self.sign_up_code(&key, code.expose());
        let name = format!("sign-up:{}", key.0);
        let kept = self.ports.codes.put(&name, digest, sent_code::ATTEMPTS, SIGN_UP_LIVES).await?;
        let origin = &attempt.client.letter_origin;
        let (purpose, url, code) = if taken {
            (LinkPurpose::AddressTaken, format!("{origin}/.stepgate/login"), None)
        } else {
            let url = format!("{origin}/.stepgate/signup?token={}", token.expose());
            (LinkPurpose::SignUp, url, Some(code).filter(|_| kept))
        };
        let letter = Letter::Link(LetterLink {
            to: Recipient::Email(email.to_owned()),
            purpose,
            url: SecretText::new(url),
            code,
            host: attempt.client.host.clone(),
            valid: SIGN_UP_LIVES,
        });
        self.ports.outbox.put(&letter, attempt.now, attempt.now.plus(SIGN_UP_LIVES)).await?;
        attempt.record(What::CodeSent { method: Method::EmailCode });
        Ok(())
    }
}

/// A name for a new account: one that cannot pass for another to the eye. A name that is an address is that of its owner, so that
/// no answer to a name tells whose address is confirmed, and nobody's letters are looked for by another's name.
pub(super) fn new_username(typed: &str, email: &str) -> Option<Username> {
    let name = Username::parse(typed).filter(|name| name.first_invisible().is_none())?;
    let is_anothers = mail_address::parse(name.as_str())
        .is_some_and(|address| mail_address::folded(&address) != mail_address::folded(email));
    (!is_anothers).then_some(name)
}
