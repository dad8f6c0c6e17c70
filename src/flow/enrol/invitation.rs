//! Codes by which an operator lets somebody set up their first second factor, where a fresh password alone does not.

use std::time::Duration;

use crate::auth::factor::authenticator::Enrolled;
use crate::auth::factor::backup_codes::{self, CODE_BYTES};
use crate::auth::secret::SecretText;
use crate::auth::user::UserId;
use crate::flow::Flows;
use crate::flow::ports::{Account, Answer, CodeDigest};
use crate::flow::standing_person::StandingPerson;

/// How long such a code is good.
const ENROLMENT_CODE_LIVES: Duration = Duration::from_secs(24 * 3600);
/// Nobody guesses 65 bits, and whoever knows a password alone shall not use up what its owner was given.
const TRIES: u32 = u32::MAX;

impl Flows {
    /// Makes a code for somebody, in place of one before; `None`: they are gone or disabled.
    ///
    /// # Errors
    /// A store did not answer; the code before may be over.
    pub async fn issue_enrolment_code(&self, user: &UserId) -> Answer<Option<SecretText>> {
        let Some(StandingPerson { account, enrolled, .. }) = self.standing_person(user).await? else { return Ok(None) };
        let code = backup_codes::mint(&self.random::<CODE_BYTES>()?);
        let Some(plain) = backup_codes::normalise(code.expose()) else { return Ok(None) };
        let (name, digest) = self.enrolment_code(&account, &enrolled, &plain);
        let kept = self.ports.codes.put(&name, digest, TRIES, ENROLMENT_CODE_LIVES).await?;
        Ok(kept.then_some(code))
    }

    /// For how long the code that somebody was given last is good yet.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn enrolment_code_good_for(&self, user: &UserId) -> Answer<Option<Duration>> {
        self.ports.codes.good_for(&key(user)).await
    }

    /// Where such a code is kept, and what is kept of it: void once its person proves themselves by anything else.
    pub(in crate::flow) fn enrolment_code(
        &self,
        account: &Account,
        enrolled: &Enrolled,
        code: &SecretText,
    ) -> (String, CodeDigest) {
        let user = &account.identity.id;
        let data = serde_json::json!([user.0, self.credentials(account, enrolled), code.expose()]).to_string();
        let digest = CodeDigest(self.ports.vault.digest("enrolment-code", data.as_bytes()));
        (key(user), digest)
    }
}

fn key(user: &UserId) -> String {
    format!("enrolment:{user}")
}
