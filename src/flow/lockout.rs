//! Wrong codes in a row, counted in SQL before a code is looked at: what switches a factor off (SP 800-63B-4 §3.2.2).
//!
//! A right code takes back the wrong ones that came from the same place before it: the known browser, or without a mark
//! the network. Those from elsewhere stay, because whoever guesses must not be given a new start each time the owner signs
//! in. They are forgotten a year after the last one from there.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;

use super::Flows;
use super::attempt::Attempt;
use super::ports::{Answer, CodeAttempt, Counted, Records};
use crate::auth::event::What;
use crate::auth::factor::authenticator::Enrolled;
use crate::auth::network::client_network;
use crate::auth::notice_kind::NoticeKind;
use crate::auth::proof::{Factor, Method, MethodSet};
use crate::auth::user::UserId;

/// How long wrong codes count.
const COUNTED_FOR: Duration = Duration::from_secs(365 * 24 * 3600);

impl Flows {
    /// Counts a code before it is looked at; every browser, known or not, counts.
    ///
    /// Beside the answer: the letters about it, which are written if it switches the factor off. They are made only when that
    /// is what it would do.
    pub(super) async fn count_code(
        &self,
        attempt: &Attempt<'_>,
        user: &UserId,
        method: Method,
        enrolled: &Enrolled,
    ) -> Answer<(Counted, Records)> {
        let place = self.origin_tag(attempt, method);
        let count =
            async |records| self.ports.lockouts.count(&self.code_attempt(attempt, user, method, &place, records)).await;
        let counted = count(if self.settings.mail { None } else { Some(Records::NONE) }).await?;
        if counted != Counted::Last {
            return Ok((counted, Records::default()));
        }
        let notices = self.notices(attempt, user, NoticeKind::FactorLocked(method), enrolled).await?;
        Ok((count(Some(&notices)).await?, notices))
    }

    /// Takes a code back that was not looked at.
    pub(super) async fn take_back_code(
        &self,
        attempt: &Attempt<'_>,
        user: &UserId,
        method: Method,
        notices: &Records,
    ) -> Answer<()> {
        let place = self.origin_tag(attempt, method);
        self.ports.lockouts.take_back(&self.code_attempt(attempt, user, method, &place, Some(notices))).await
    }

    /// Forgives the wrong codes that came from where a right one came from.
    pub(super) async fn forgive_codes(
        &self,
        attempt: &Attempt<'_>,
        user: &UserId,
        method: Method,
        notices: &Records,
    ) -> Answer<()> {
        let place = self.origin_tag(attempt, method);
        self.ports.lockouts.forgive(&self.code_attempt(attempt, user, method, &place, Some(notices))).await
    }

    /// Switches on again what was off, if its owner has just proved another second factor; what that was.
    pub(super) async fn unlock(
        &self,
        attempt: &mut Attempt<'_>,
        user: &UserId,
        locked: MethodSet,
        proved: MethodSet,
    ) -> Answer<MethodSet> {
        let possessed = proved.minus(locked).iter().any(|m| matches!(m.factor(), Factor::Possession | Factor::Both));
        if locked.is_empty() || !possessed {
            return Ok(MethodSet::EMPTY);
        }
        let unlocked = self.ports.lockouts.unlock(user).await?;
        for method in unlocked.iter() {
            attempt.record(What::FactorUnlocked { method });
        }
        Ok(unlocked)
    }

    fn code_attempt<'a>(
        &self,
        attempt: &Attempt<'_>,
        user: &'a UserId,
        method: Method,
        place: &'a str,
        records: Option<&'a Records>,
    ) -> CodeAttempt<'a> {
        let (now, tries) = (attempt.now, self.settings.limits.lockout);
        CodeAttempt { user, method, place, tries, now, forget_before: now.minus(COUNTED_FOR), records }
    }

    /// Stands for the known browser or the network of an attempt.
    fn origin_tag(&self, attempt: &Attempt<'_>, method: Method) -> String {
        let from = match attempt.device.as_ref().and_then(|device| device.known_for(method)) {
            Some(id) => format!("browser|{id}"),
            None => format!("network|{}", client_network(attempt.client.ip)),
        };
        let digest = self.ports.vault.digest("wrong-codes", from.as_bytes());
        BASE64URL_NOPAD.encode(digest.get(..16).unwrap_or_default())
    }
}
