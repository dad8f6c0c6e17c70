//! Challenges of somebody who has a sign-in or a session: bound to it and to a purpose, taken before a signature is
//! looked at.

use std::time::Duration;

use crate::auth::factor::passkey::{AuthenticationResponse, Hint, RequestOptions, UserVerification, challenge_name};
use crate::auth::proof::{Method, MethodSet, TransactionDigest};
use crate::flow::Flows;
use crate::flow::ceremony::stored::{Resumed, Slot};
use crate::flow::enrol::tidy;
use crate::flow::ports::{Answer, ApprovalChallenge, ChallengePurpose, IssuedChallenge};
use crate::flow::reply::{AssertionAsked, CeremonyRef, Client, PasskeyWish};

/// How long an answer may take.
const ANSWERED_WITHIN: Duration = Duration::from_secs(300);

/// Names a challenge of a purpose in a sign-in or a session, in a store that never sees it.
fn key(bond: &str, purpose: ChallengePurpose, challenge: &[u8]) -> String {
    format!("{}:{bond}:{}", purpose.name(), challenge_name(challenge))
}

impl Flows {
    /// Asks for a signature, in a sign-in under way or in a session. `wanted`: the methods that would help, where the
    /// caller knows; in a sign-in the flow does. `approves`: the transaction that its owner sees beside.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn ask_assertion(
        &self,
        at: &CeremonyRef,
        wanted: Option<MethodSet>,
        approves: Option<TransactionDigest>,
        client: &Client,
    ) -> Answer<AssertionAsked> {
        let (attempt, resumed) = self.resume(at, client).await?;
        let Some(Resumed { ceremony, slot }) = resumed else { return Ok(AssertionAsked::Gone) };
        let Ok(account) = self.account_of(&ceremony, &slot).await? else { return Ok(AssertionAsked::Gone) };
        let enrolled = self.ports.authenticators.of(&account.identity.id).await?;
        let rp_id = self.settings.rp_id(&client.host);
        let offered = self.settings.offer_at(&client.host).served.contains(Method::Passkey);
        if !offered || !enrolled.passkeys.iter().any(|passkey| passkey.rp_id == rp_id) {
            return Ok(AssertionAsked::NoPasskey);
        }
        let helpful = match slot {
            Slot::Session(..) => wanted.unwrap_or(MethodSet::ALL),
            Slot::New | Slot::Stored(_) | Slot::Recovery(_) => ceremony.helpful(attempt.now),
        };
        // Possession alone would not do.
        let possession = helpful.contains(Method::SecurityKey);
        let verification = if possession { UserVerification::Preferred } else { UserVerification::Required };
        let Some(bond) = slot.bond() else { return Ok(AssertionAsked::Gone) };
        let (purpose, wish) = (ChallengePurpose::Prove, PasskeyWish::default());
        let asked_of = self.credentials(&account, &enrolled);
        let issued = self.issue_challenge((&bond, asked_of), purpose, verification, wish, approves).await?;
        let options = RequestOptions::new(rp_id, &issued.challenge, &enrolled.passkeys, verification);
        Ok(AssertionAsked::Asked(Box::new(options.with_hints(Hint::of(helpful)))))
    }

    /// Keeps a new challenge for the answer to it.
    pub(in crate::flow) async fn issue_challenge(
        &self,
        (bond, credentials): (&str, String),
        purpose: ChallengePurpose,
        user_verification: UserVerification,
        wish: PasskeyWish<'_>,
        approves: Option<TransactionDigest>,
    ) -> Answer<IssuedChallenge> {
        let nonce = self.random()?;
        let approves = approves.map(|transaction| ApprovalChallenge { nonce, transaction });
        let issued = IssuedChallenge {
            challenge: approves.map_or(nonce, |approves| approves.challenge()),
            approves,
            user_verification,
            issued_at: self.now(),
            name: wish.name.map(tidy),
            mediation: wish.mediation,
            credentials: Some(credentials),
        };
        self.ports.challenges.put(&key(bond, purpose, &issued.challenge), &issued, ANSWERED_WITHIN).await?;
        Ok(issued)
    }

    /// Takes the challenge that an answer claims to answer; only the first caller gets it, whatever becomes of the answer.
    pub(in crate::flow) async fn take_challenge(
        &self,
        (bond, credentials): (&str, &str),
        purpose: ChallengePurpose,
        claimed: Option<Vec<u8>>,
    ) -> Answer<Option<IssuedChallenge>> {
        let Some(claimed) = claimed.filter(|bytes| bytes.len() == crate::auth::factor::passkey::CHALLENGE_BYTES) else {
            return Ok(None);
        };
        let taken = self.ports.challenges.take(&key(bond, purpose, &claimed)).await?;
        let holds = |issued: &IssuedChallenge| issued.credentials.as_deref().is_none_or(|then| then == credentials);
        Ok(taken.filter(|issued| holds(issued) && self.now().since(issued.issued_at) <= ANSWERED_WITHIN))
    }

    /// Takes the challenge of a proof.
    pub(in crate::flow) async fn take_asked(
        &self,
        slot: &Slot,
        credentials: &str,
        response: &AuthenticationResponse,
    ) -> Answer<Option<IssuedChallenge>> {
        let Some(bond) = slot.bond() else { return Ok(None) };
        self.take_challenge((&bond, credentials), ChallengePurpose::Prove, response.claimed_challenge()).await
    }
}
