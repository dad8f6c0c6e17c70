//! Signing in by a passkey alone. Nobody is named before, and nothing is stored for who looks at the page: what was asked
//! travels in it, sealed, and the first to present it claims it before the signature is looked at.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

use crate::auth::ceremony::{Ceremony, Verdict};
use crate::auth::event::{RejectReason, What};
use crate::auth::factor::authenticator::{Enrolled, Sealed};
use crate::auth::factor::passkey::{
    self, AuthenticationResponse, CHALLENGE_BYTES, PasskeyRecord, RequestOptions, UserVerification, Violation,
    challenge_name,
};
use crate::auth::proof::Method;
use crate::auth::secret::{SecretBytes, SecretText};
use crate::auth::session::Channel;
use crate::auth::time::Timestamp;
use crate::auth::user::{UserId, Username};
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ceremony::stored::Slot;
use crate::flow::ports::{Account, Answer, StoreError};
use crate::flow::reply::{Client, LoginReply, Outcome, Rejection, SignInChallenge};
use crate::flow::risk::SignInGoal;

/// How long a sign-in page may lie there.
const PRESENTED_WITHIN: Duration = Duration::from_secs(600);

/// What was asked of a visitor.
#[derive(Serialize, Deserialize)]
struct Asked {
    challenge: [u8; CHALLENGE_BYTES],
    at: Timestamp,
    channel: Channel,
    /// Only this person, where a script named one.
    username: Option<Username>,
    /// Whether one was named: by a name that nobody can have, too.
    #[serde(default)]
    named: bool,
}

/// A credential id that somebody has.
struct Known {
    account: Account,
    enrolled: Enrolled,
    passkey: PasskeyRecord,
}

impl Flows {
    /// A challenge for the sign-in page of this host; `None`: there are no passkeys here. Asks no store, and tells of no
    /// name whether it exists.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn sign_in_challenge(&self, username: Option<&str>, client: &Client) -> Answer<Option<SignInChallenge>> {
        if !self.settings.offer_at(&client.host).served.contains(Method::Passkey) {
            return Ok(None);
        }
        let asked = Asked {
            challenge: self.random()?,
            at: self.now(),
            channel: client.channel,
            username: username.and_then(Username::parse),
            named: username.is_some(),
        };
        let plain = serde_json::to_vec(&asked).map_err(|cause| StoreError::new("flow", cause))?;
        let sealed = self.ports.vault.seal(&context(&client.host), &SecretBytes::new(plain))?;
        let rp_id = self.settings.rp_id(&client.host);
        Ok(Some(SignInChallenge {
            state: SecretText::new(BASE64URL_NOPAD.encode(&sealed.0)),
            options: RequestOptions::new(rp_id, &asked.challenge, &[], UserVerification::Required),
        }))
    }

    /// Signs in by the answer to a challenge of [`Self::sign_in_challenge`].
    ///
    /// # Errors
    /// A store did not answer; nobody is signed in then.
    pub async fn sign_in_by_passkey(
        &self,
        state: &SecretText,
        assertion: &SecretText,
        goal: impl Into<SignInGoal>,
        client: &Client,
    ) -> Outcome<LoginReply> {
        let mut attempt = self.begin_attempt("", None, client);
        let reply = self.passwordless(&mut attempt, state, assertion, goal.into()).await;
        attempt.finish(reply)
    }

    async fn passwordless(
        &self,
        attempt: &mut Attempt<'_>,
        state: &SecretText,
        assertion: &SecretText,
        goal: SignInGoal,
    ) -> Answer<LoginReply> {
        let method = Method::Passkey;
        if let Some(wait) = self.charge(attempt, method).await? {
            return Ok(LoginReply::Wait(wait));
        }
        let wrong = |attempt: &mut Attempt<'_>, reason, unknown| {
            attempt.record(What::ProofRejected { method, reason });
            Ok(LoginReply::Rejected(Rejection::WrongPasskey { unknown }))
        };
        let Some(asked) = self.asked(state, attempt) else {
            return Ok(LoginReply::Rejected(Self::reject_ended(attempt, method, RejectReason::NoCeremony)));
        };
        // Burnt before anything is looked at.
        let mark = format!("passkey:{}", challenge_name(&asked.challenge));
        if !self.ports.ledger.claim(&mark, PRESENTED_WITHIN * 2).await? {
            return Ok(LoginReply::Rejected(Self::reject_ended(attempt, method, RejectReason::AlreadySpent)));
        }
        let Ok(response) = AuthenticationResponse::parse(assertion.expose()) else {
            return wrong(attempt, RejectReason::Malformed, false);
        };
        let client = attempt.client;
        let expected = self.expected(client, &asked.challenge, UserVerification::Required);
        let Some(known) = self.known(&response).await? else {
            passkey::verify_nobodys(&response, &expected);
            return wrong(attempt, RejectReason::NotEnrolled, true);
        };
        self.name_attempt(attempt, &known.account);
        let handle = self.user_handle(&known.account.identity.id);
        let signer = passkey::Signer { passkey: &known.passkey, user_handle: &handle, discoverable: true };
        let proved = passkey::authenticate(&response, &expected, signer);
        let named = match &asked.username {
            Some(name) => *name == known.account.identity.username,
            None => !asked.named,
        };
        let proved = if named { proved } else { Err(Violation::Owner) };
        let proved = match self.note_use(attempt, &known.account.identity.id, &known.passkey, proved).await? {
            Ok(proved) => proved,
            Err(violation) => return wrong(attempt, RejectReason::Passkey(violation), false),
        };
        if known.account.disabled {
            return wrong(attempt, RejectReason::Disabled, false);
        }
        attempt.record(What::ProofAccepted { method: proved });
        self.refund_correct(attempt).await?;
        let Known { account, enrolled, .. } = known;
        let host = client.host.clone();
        let ceremony = Ceremony::sign_in(None, goal.requirement, host, client.channel, attempt.now);
        let ceremony = self.identify(ceremony, &account, &enrolled);
        let ceremony = self.assess(attempt, &account, ceremony, &goal).await?;
        let offer = self.settings.offer_at(&client.host);
        let step = ceremony.advance(Verdict::Proved(proved), offer, attempt.now);
        self.proceed(attempt, &account, step, &Slot::New).await
    }

    /// What was asked on this host, by this way, not too long ago.
    fn asked(&self, state: &SecretText, attempt: &Attempt<'_>) -> Option<Asked> {
        let sealed = Sealed(BASE64URL_NOPAD.decode(state.expose().as_bytes()).ok()?);
        // What does not open was not asked here.
        let plain = self.ports.vault.open(&context(&attempt.client.host), &sealed).ok()?;
        let asked: Asked = serde_json::from_slice(plain.expose()).ok()?;
        let fresh = asked.at <= attempt.now && attempt.now.since(asked.at) <= PRESENTED_WITHIN;
        (fresh && asked.channel == attempt.client.channel).then_some(asked)
    }

    /// Who has a credential; as much is read where nobody has.
    async fn known(&self, response: &AuthenticationResponse) -> Answer<Option<Known>> {
        let found = self.ports.passkeys.find(response.credential_id()).await?;
        let nobody = UserId(String::new());
        let owner = found.as_ref().map_or(&nobody, |(owner, _)| owner);
        let account = self.ports.accounts.load(owner).await?;
        let enrolled = self.ports.authenticators.of(owner).await?;
        Ok(match (account, found) {
            (Some(account), Some((_, passkey))) => Some(Known { account, enrolled, passkey }),
            _ => None,
        })
    }
}

/// What a sealed challenge is for: it opens on its host only.
fn context(host: &str) -> String {
    format!("passkey sign-in:{host}")
}
