//! The time that somebody waits who has no second proof: told at once to every confirmed address, with a link that ends it. It
//! stands in SQL, and asking again does not move it.

use super::verify::Reached;
use crate::auth::event::{Deed, What};
use crate::auth::factor::authenticator::{AddressKind, Enrolled};
use crate::auth::link_token::LinkToken;
use crate::auth::notice_kind::NoticeKind;
use crate::auth::proof::{Method, MethodSet, Strength};
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ports::{Account, Answer, Letter, LinkPurpose, RecoveryRef, WaitingRecovery};
use crate::flow::reply::{Client, Outcome, ShownRecovery};
use crate::flow::settings::RecoverySettings;

impl Flows {
    /// Begins to wait, unless the person waits already; answers when it goes on.
    pub(super) async fn begin_waiting(&self, attempt: &mut Attempt<'_>, who: &Reached) -> Answer<Timestamp> {
        let token = LinkToken::mint(&self.random()?);
        let ready_at = attempt.now.plus(who.settings.wait);
        let new = WaitingRecovery {
            user: who.account.identity.id.clone(),
            begun_at: attempt.now,
            ready_at,
            ends_at: ready_at.plus(RecoverySettings::OPEN_FOR),
            disown_key: token.name(),
            credentials: who.account.generation.credentials,
        };
        let link = |to: &str| {
            let url = attempt.client.letter_url("recover-stop", &token);
            Letter::Link(attempt.client.letter_link(to, LinkPurpose::RecoveryWaits, url, who.settings.wait))
        };
        let to = who.enrolled.addresses.iter().filter(|address| address.kind == AddressKind::Email);
        let letters = to.map(|address| self.ports.outbox.seal(&link(&address.value), attempt.now, new.ends_at));
        let begun = NoticeKind::RecoveryBegun { ready_at };
        let mut records = self.notices(attempt, &who.account.identity.id, begun, &who.enrolled).await?;
        records.letters.extend(letters.collect::<Answer<Vec<_>>>()?);
        let stands = self.ports.recoveries.begin(&new, &records).await?;
        if stands.disown_key == new.disown_key {
            attempt.record(What::RecoveryWaiting);
        }
        Ok(stands.ready_at)
    }

    /// The recovery that a link ends, as long as it waits.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn recovery_to_stop(&self, token: &LinkToken) -> Answer<Option<ShownRecovery>> {
        let key = token.name();
        let waiting = self.ports.recoveries.waiting(RecoveryRef::Disowned(&key), self.now()).await?;
        let Some(WaitingRecovery { user, ready_at, .. }) = waiting else { return Ok(None) };
        let account = self.ports.accounts.load(&user).await?;
        Ok(account.map(|account| ShownRecovery { username: account.identity.username, ready_at }))
    }

    /// Takes the word of whoever reads a letter that a recovery was not theirs: it ends. `false`: none waits.
    ///
    /// # Errors
    /// A store did not answer; it may still wait.
    pub async fn stop_recovery(&self, token: &LinkToken, client: &Client) -> Outcome<bool> {
        let mut attempt = self.begin_attempt("", None, client);
        let reply = self.stop(&mut attempt, token).await;
        attempt.finish(reply)
    }

    async fn stop(&self, attempt: &mut Attempt<'_>, token: &LinkToken) -> Answer<bool> {
        let key = token.name();
        let which = RecoveryRef::Disowned(&key);
        let Some(waiting) = self.ports.recoveries.waiting(which, attempt.now).await? else { return Ok(false) };
        let Some(account) = self.ports.accounts.load(&waiting.user).await? else { return Ok(false) };
        self.name_attempt(attempt, &account);
        let enrolled = self.ports.authenticators.of(&waiting.user).await?;
        self.end_waiting(attempt, which, &waiting.user, &enrolled).await
    }

    /// Ends what waits for somebody who has just signed in with all that they have: they need no recovery, and whoever began
    /// it could not do that.
    pub(in crate::flow) async fn end_needless_recovery(
        &self,
        attempt: &mut Attempt<'_>,
        account: &Account,
        proved: MethodSet,
    ) -> Answer<()> {
        if self.settings.recovery.is_none() {
            return Ok(());
        }
        let user: &UserId = &account.identity.id;
        if self.ports.recoveries.waiting(RecoveryRef::Of(user), attempt.now).await?.is_none() {
            return Ok(());
        }
        let enrolled: Enrolled = self.ports.authenticators.of(user).await?;
        let owned = self.owned_at(account, &enrolled, &attempt.client.host);
        let factors = owned.minus(MethodSet::EMPTY.with(Method::EmailCode).with(Method::SmsCode));
        if Strength::of(proved) >= Strength::of(factors) {
            self.end_waiting(attempt, RecoveryRef::Of(user), user, &enrolled).await?;
        }
        Ok(())
    }

    /// Ends what waits for somebody, if anything does.
    pub(in crate::flow) async fn end_any_recovery(&self, attempt: &mut Attempt<'_>, user: &UserId) -> Answer<()> {
        if self.ports.recoveries.waiting(RecoveryRef::Of(user), attempt.now).await?.is_some() {
            let enrolled = self.ports.authenticators.of(user).await?;
            self.end_waiting(attempt, RecoveryRef::Of(user), user, &enrolled).await?;
        }
        Ok(())
    }

    async fn end_waiting(
        &self,
        attempt: &mut Attempt<'_>,
        which: RecoveryRef<'_>,
        user: &UserId,
        enrolled: &Enrolled,
    ) -> Answer<bool> {
        let records = self.notices(attempt, user, NoticeKind::RecoveryCancelled, enrolled).await?;
        attempt.intend(Deed::Ending, None);
        let ended = self.ports.recoveries.end(which, attempt.now, &records).await?;
        attempt.clear_intent();
        if ended {
            attempt.record(What::RecoveryCancelled);
        }
        Ok(ended)
    }
}
