//! New backup codes for somebody who is signed in: a privilege of who has just proved a second factor, and a passkey where
//! they have one.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;

use crate::auth::event::{Deed, ThrottleScope, What};
use crate::auth::factor::authenticator::Enrolled;
use crate::auth::factor::backup_codes::{self, CODE_BYTES};
use crate::auth::notice_kind::NoticeKind;
use crate::auth::proof::{Factor, Method, MethodSet};
use crate::auth::secret::SecretText;
use crate::auth::session::{Session, SessionToken};
use crate::auth::user::UserId;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ports::Answer;
use crate::flow::reply::{Client, CodesAsked, CodesRenewed, Outcome};

/// How long a set that was replaced is remembered, so that two windows do not replace it twice.
const CLAIM: Duration = Duration::from_secs(60);

/// A set of backup codes just made: to show, and to store.
#[derive(Default)]
pub(in crate::flow) struct NewCodes {
    pub(in crate::flow) codes: Vec<SecretText>,
    pub(in crate::flow) salt: Vec<u8>,
    pub(in crate::flow) digests: Vec<Vec<u8>>,
}

/// A set that may be replaced.
struct Replaced {
    owner: UserId,
    left: u32,
    set: String,
    enrolled: Enrolled,
}

impl Flows {
    /// Whether somebody may make new backup codes now, and in place of which.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn codes_asked(&self, token: &SessionToken, session: &Session, client: &Client) -> Answer<CodesAsked> {
        let who = &session.identity;
        let attempt = self.begin_attempt(who.username.as_str(), Some(who.id.clone()), client);
        Ok(match self.replaced(token, &attempt).await? {
            Ok(Replaced { left, set, .. }) => CodesAsked::Ready { left, set },
            Err(asked) => asked,
        })
    }

    /// Makes new backup codes in place of `set`, as [`Self::codes_asked`] named it.
    ///
    /// # Errors
    /// A store did not answer; the old codes may be gone, and the new ones are shown to nobody.
    pub async fn renew_codes(
        &self,
        token: &SessionToken,
        session: &Session,
        set: &str,
        client: &Client,
    ) -> Outcome<CodesRenewed> {
        let who = &session.identity;
        let mut attempt = self.begin_attempt(who.username.as_str(), Some(who.id.clone()), client);
        attempt.session = Some(session.id.clone());
        let reply = self.replace_codes(&mut attempt, token, set).await;
        attempt.finish(reply)
    }

    async fn replace_codes(&self, attempt: &mut Attempt<'_>, token: &SessionToken, set: &str) -> Answer<CodesRenewed> {
        let current = match self.replaced(token, attempt).await? {
            Ok(current) => current,
            Err(asked) => return Ok(CodesRenewed::Asked(asked)),
        };
        if current.set != set {
            return Ok(CodesRenewed::Over);
        }
        let Some(made) = self.make_codes(attempt).await? else {
            attempt.record(What::Throttled { method: Method::BackupCode, scope: ThrottleScope::Hashing });
            return Ok(CodesRenewed::Busy);
        };
        let owner = &current.owner;
        if !self.ports.ledger.claim(&format!("backup:{owner}:{set}"), CLAIM).await? {
            return Ok(CodesRenewed::Over);
        }
        self.put_codes(attempt, owner, &made, &current.enrolled).await?;
        Ok(CodesRenewed::Made(made.codes))
    }

    /// Makes a set of backup codes. `None`: hashing is full.
    pub(in crate::flow) async fn make_codes(&self, attempt: &Attempt<'_>) -> Answer<Option<NewCodes>> {
        let salt = backup_codes::set_salt(&self.random()?, self.hashing.params());
        let mut codes = Vec::new();
        for _ in 0..self.settings.backup_codes {
            codes.push(backup_codes::mint(&self.random::<CODE_BYTES>()?));
        }
        let (of_salt, of_codes) = (salt.clone(), codes.clone());
        let hashed = self
            .hashing
            .run(&attempt.lane(), move || {
                of_codes.iter().map(|code| backup_codes::code_digest(code, &of_salt)).collect()
            })
            .await?;
        Ok(hashed.map(|digests| NewCodes { salt, codes, digests }))
    }

    /// Stores a set of backup codes in place of any other.
    pub(super) async fn put_codes(
        &self,
        attempt: &mut Attempt<'_>,
        owner: &UserId,
        made: &NewCodes,
        enrolled: &Enrolled,
    ) -> Answer<()> {
        let records = self.notices(attempt, owner, NoticeKind::BackupCodesMade, enrolled).await?;
        attempt.intend(Deed::BackupCodes, None);
        self.ports.authenticators.put_backup(owner, &made.salt, &made.digests, &records).await?;
        attempt.record(What::BackupCodesMade);
        Ok(())
    }

    /// The set of the person, if they may replace it; otherwise what they must do first.
    async fn replaced(&self, token: &SessionToken, attempt: &Attempt<'_>) -> Answer<Result<Replaced, CodesAsked>> {
        let Some(session) = self.live_session(&token.key(), attempt).await? else { return Ok(Err(CodesAsked::Gone)) };
        let owner = session.identity.id.clone();
        let Ok(account) = self.standing_account(&owner).await? else { return Ok(Err(CodesAsked::Gone)) };
        let enrolled = self.ports.authenticators.of(&owner).await?;
        let owned = self.owned_at(&account, &enrolled, &session.host);
        let held = |method: &Method| matches!(method.factor(), Factor::Possession | Factor::Both);
        if !owned.iter().any(|method| method != Method::BackupCode && held(&method)) || self.settings.backup_codes == 0
        {
            return Ok(Err(CodesAsked::NoFactor));
        }
        let fresh = session.proofs.fresh(self.settings.enroll_max_age, attempt.now);
        if !fresh.iter().any(|method| held(&method)) {
            return Ok(Err(CodesAsked::ProveFirst(owned.iter().filter(held).collect::<MethodSet>())));
        }
        // Codes stand in for what is lost, a passkey too: a weaker proof must not make them.
        let resisting: MethodSet =
            self.factors_anywhere(&account, &enrolled).iter().filter(|m| m.resists_phishing()).collect();
        let proved = fresh.iter().any(|m| m.resists_phishing() || m == Method::BackupCode);
        if !resisting.is_empty() && !proved {
            return Ok(Err(CodesAsked::ProveFirst(resisting)));
        }
        let salt = enrolled.backup.as_ref().map_or(&[][..], |set| set.salt.as_slice());
        let digest = self.ports.vault.digest("backup-set", salt);
        let set = BASE64URL_NOPAD.encode(digest.get(..9).unwrap_or_default());
        let left = enrolled.backup.as_ref().map_or(0, |set| set.left);
        Ok(Ok(Replaced { owner, left, set, enrolled }))
    }
}
