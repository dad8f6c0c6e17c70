//! Backup codes: hashed with the salt of their set, spent by conditional write.

use super::{Mismatch, Proved, Verified};
use crate::auth::event::{Deed, RejectReason};
use crate::auth::factor::authenticator::{BackupSet, Enrolled};
use crate::auth::factor::backup_codes;
use crate::auth::factor::password::HashBounds;
use crate::auth::notice_kind::NoticeKind;
use crate::auth::proof::Method;
use crate::auth::secret::SecretText;
use crate::auth::user::UserId;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ports::Answer;
use crate::flow::reply::Aftermath;

impl Flows {
    pub(super) async fn verify_backup_code(
        &self,
        attempt: &mut Attempt<'_>,
        user: &UserId,
        (enrolled, set): (&Enrolled, &BackupSet),
        typed: &SecretText,
    ) -> Answer<Verified> {
        let Some(code) = backup_codes::normalise(typed.expose()) else {
            return Ok(Some(Err(Mismatch::code(RejectReason::Malformed))));
        };
        let salt = set.salt.clone();
        let bounds = HashBounds::of(self.hashing.params());
        let digest = move || {
            bounds.admit(backup_codes::params_of(&salt))?;
            backup_codes::code_digest(&code, &salt)
        };
        let Some(digest) = self.hashing.run(&attempt.lane(), digest).await? else { return Ok(None) };
        let left = set.left.saturating_sub(1);
        let records = self.notices(attempt, user, NoticeKind::BackupCodeUsed { left }, enrolled).await?;
        attempt.intend(Deed::Spending, Some(Method::BackupCode));
        if !self.ports.authenticators.spend_backup(user, &digest, &records).await? {
            return Ok(Some(Err(Mismatch::code(RejectReason::Mismatch))));
        }
        let aftermath = Aftermath { backup_codes_left: Some(left) };
        Ok(Some(Ok(Proved { method: Method::BackupCode, aftermath })))
    }
}
