//! Codes of administrators: printed once, kept as a keyed digest, good once.

use data_encoding::BASE64URL_NOPAD;

use crate::auth::event::{RejectReason, What};
use crate::auth::factor::recovery_code;
use crate::auth::proof::Method;
use crate::auth::secret::SecretText;
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ports::{Account, Answer, IssuedCode, IssuedCodeUse, Ports, Records, Vault};

/// Issues a code by which a person sets everything anew, in the place of an earlier one. It is told to nobody else.
///
/// # Errors
/// A store did not answer; the earlier one may still stand.
pub async fn issue_recovery_code(
    ports: &Ports,
    user: &UserId,
    expires_at: Timestamp,
    records: &Records,
) -> Answer<SecretText> {
    let mut random = [0; recovery_code::CODE_BYTES];
    ports.entropy.fill(&mut random)?;
    let code = recovery_code::mint(&random);
    let digest = digest(ports.vault.as_ref(), user, recovery_code::normalise(code.expose()).as_ref());
    ports.recoveries.issue(user, &IssuedCode { digest: &digest, expires_at }, records).await?;
    Ok(code)
}

/// For one person, and keyed, so that a copy of the table is of no use.
fn digest(vault: &dyn Vault, user: &UserId, code: Option<&SecretText>) -> String {
    let data = serde_json::json!([user.0, code.map(SecretText::expose)]).to_string();
    BASE64URL_NOPAD.encode(&vault.digest("recovery-code", data.as_bytes()))
}

/// What became of the code of an administrator that somebody gave.
pub(super) enum IssuedProof {
    Right(Box<Account>),
    /// It has led on before.
    Used,
    Wrong,
}

impl Flows {
    /// Spends the code of an administrator for who has the name of this attempt; as much is done for nobody.
    pub(super) async fn spend_issued_code(&self, attempt: &mut Attempt<'_>, typed: &SecretText) -> Answer<IssuedProof> {
        let method = Method::RecoveryCode;
        let found = match attempt.username.clone() {
            Some(name) => self.ports.accounts.find(&name).await?,
            None => None,
        };
        let code = recovery_code::normalise(typed.expose());
        let nobody = UserId(String::new());
        let user = found.as_ref().map_or(&nobody, |account| &account.identity.id);
        let digest = digest(self.ports.vault.as_ref(), user, code.as_ref());
        let used = self.ports.recoveries.spend_issued(user, &digest, attempt.now).await?;
        attempt.user = found.as_ref().map(|account| account.identity.id.clone());
        let (reason, proof) = match (found, used) {
            (None, _) => (RejectReason::UnknownUser, IssuedProof::Wrong),
            (Some(_), _) if code.is_none() => (RejectReason::Malformed, IssuedProof::Wrong),
            (Some(_), IssuedCodeUse::Unknown) => (RejectReason::Mismatch, IssuedProof::Wrong),
            (Some(account), _) if account.disabled => (RejectReason::Disabled, IssuedProof::Wrong),
            (Some(_), IssuedCodeUse::Repeated) => (RejectReason::AlreadySpent, IssuedProof::Used),
            (Some(account), IssuedCodeUse::First) => return Ok(IssuedProof::Right(Box::new(account))),
        };
        attempt.record(What::ProofRejected { method, reason });
        Ok(proof)
    }
}
