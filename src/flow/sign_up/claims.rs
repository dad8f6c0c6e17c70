//! Who began a sign-up, and how they are told apart.

use data_encoding::BASE64URL_NOPAD;

use super::{ANOTHER_NAME_LIVES, ClaimedBy, SIGN_UP_LIVES};
use crate::auth::address::mail_address;
use crate::auth::factor::password;
use crate::auth::handoff::BindingToken;
use crate::auth::secret::SecretText;
use crate::auth::time::Timestamp;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ports::{Answer, Claim, CodeDigest, LetterKey, PendingSignUp, SignUpKey, StoreError};

/// How many may claim one address at once; the oldest goes first.
pub(super) const MOST_CLAIMS: usize = 3;

/// How often it is tried to keep one where others do the same at the same moment. As many as there may be: whoever loses a round loses
/// it to somebody who has kept theirs.
const AT_ONCE: usize = 16;

/// What became of the wish to confirm a sign-up.
pub(super) enum Marked {
    /// This request confirms it, and nobody else until then.
    Own { email: String, until: Timestamp },
    /// Another one does, and may fail.
    UnderWay,
    /// The claim is not among those that wait any more.
    Dropped,
    /// Nothing waits.
    Gone,
}

impl Flows {
    /// Where the sign-up of an address is kept.
    pub(super) fn sign_up_key(&self, email: &str) -> SignUpKey {
        let email = mail_address::parse(email).unwrap_or_else(|| email.to_owned());
        SignUpKey(self.sign_up_digest("sign-up", mail_address::folded(&email).as_bytes()))
    }

    /// What is kept of a code, and what it is called once it was right.
    pub(super) fn sign_up_code(&self, key: &SignUpKey, code: &str) -> (CodeDigest, LetterKey) {
        let data = serde_json::json!([key.0, code]).to_string();
        let name = self.sign_up_digest("sign-up-code-name", data.as_bytes());
        (CodeDigest(self.ports.vault.digest("sign-up-code", data.as_bytes())), LetterKey(format!("code {name}")))
    }

    /// What is kept of the browser that begins.
    pub(super) fn sign_up_browser(&self, browser: &BindingToken) -> String {
        self.sign_up_digest("sign-up-browser", browser.expose().as_bytes())
    }

    fn sign_up_digest(&self, purpose: &str, data: &[u8]) -> String {
        BASE64URL_NOPAD.encode(&self.ports.vault.digest(purpose, data))
    }

    /// Puts a claim before those that wait for an address. Of those who begin at the same moment none is lost: each adds its own
    /// to what is there, in its place, where nobody else has added one meanwhile.
    pub(super) async fn add_claim(&self, key: &SignUpKey, email: &str, claim: Claim, taken: bool) -> Answer<()> {
        let (waiting, lives) = (&self.ports.pending_sign_ups, SIGN_UP_LIVES + ANOTHER_NAME_LIVES);
        let ends_at = self.now().plus(lives);
        for _ in 0..AT_ONCE {
            let mut claims = vec![claim.clone()];
            let Some((before, held)) = waiting.load_held(key).await? else {
                let first = PendingSignUp { email: email.to_owned(), claims, taken, ends_at, confirming_until: None };
                if waiting.put_new(key, &first, lives).await?.claims == first.claims {
                    break;
                }
                continue;
            };
            for earlier in before.claims {
                if claims.len() < MOST_CLAIMS && !claims.contains(&earlier) {
                    claims.push(earlier);
                }
            }
            let confirming_until = before.confirming_until;
            let pending = PendingSignUp { email: email.to_owned(), claims, taken, ends_at, confirming_until };
            if waiting.compare_and_set(key, &held, &pending, lives).await?.is_some() {
                break;
            }
        }
        Ok(())
    }

    /// Marks a sign-up as being confirmed by one request. The mark lapses: should this node die, it can be confirmed again,
    /// and no two accounts are made of it, for the database has each address once.
    pub(super) async fn mark_sign_up(&self, key: &SignUpKey, claim: &Claim) -> Answer<Marked> {
        let waiting = &self.ports.pending_sign_ups;
        for _ in 0..AT_ONCE {
            let now = self.now();
            let Some((pending, held)) = waiting.load_held(key).await? else { return Ok(Marked::Gone) };
            if !pending.claims.contains(claim) {
                return Ok(Marked::Dropped);
            }
            if pending.is_confirmed_at(now) {
                return Ok(Marked::UnderWay);
            }
            let until = now.plus(PendingSignUp::CONFIRMING_LASTS);
            let marked = PendingSignUp { confirming_until: Some(until), ..pending };
            if waiting.compare_and_set(key, &held, &marked, marked.lives(now)).await?.is_some() {
                return Ok(Marked::Own { email: marked.email, until });
            }
        }
        Ok(Marked::UnderWay)
    }

    /// Takes that mark away, whoever has added a claim meanwhile: it can be confirmed again at once.
    pub(super) async fn unmark_sign_up(&self, key: &SignUpKey, until: Timestamp) -> Answer<()> {
        let waiting = &self.ports.pending_sign_ups;
        for _ in 0..AT_ONCE {
            let Some((pending, held)) = waiting.load_held(key).await? else { break };
            if pending.confirming_until != Some(until) {
                break;
            }
            let open = PendingSignUp { confirming_until: None, ..pending };
            if waiting.compare_and_set(key, &held, &open, open.lives(self.now())).await?.is_some() {
                break;
            }
        }
        Ok(())
    }

    /// The claim of whoever asks; an inner `None`: none of them is. `None`: hashing is full. The work is the same whether or not
    /// anything waits there.
    pub(super) async fn claim_of(
        &self,
        attempt: &Attempt<'_>,
        pending: Option<&PendingSignUp>,
        by: &ClaimedBy,
    ) -> Answer<Option<Option<Claim>>> {
        let claims = pending.filter(|pending| !pending.taken).map_or(&[][..], |pending| &pending.claims);
        let typed = match by {
            ClaimedBy::Browser(browser) => {
                let digest = self.sign_up_browser(browser);
                let found = claims.iter().find(|claim| claim.browser.as_ref() == Some(&digest));
                return Ok(Some(found.cloned()));
            }
            ClaimedBy::Password(typed) => typed.clone(),
        };
        let hashes: Vec<SecretText> = claims.iter().map(|claim| SecretText::new(claim.password_hash.clone())).collect();
        let (params, most) = (self.hashing.params(), self.settings.password.max_bytes);
        let lane = attempt.lane();
        let looked = self.hashing.run(&lane, move || {
            let nobody = password::dummy(params);
            let mut found = None;
            for at in 0..MOST_CLAIMS {
                let right = password::verify(&typed, hashes.get(at).unwrap_or(&nobody), most)?;
                found = found.or_else(|| (right && at < hashes.len()).then_some(at));
            }
            Ok(found)
        });
        let found = looked.await.map_err(|fault| StoreError::new("flow", fault.cause))?;
        Ok(found.map(|at| at.and_then(|at| claims.get(at)).cloned()))
    }
}
