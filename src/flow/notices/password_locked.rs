//! Letters about too many wrong passwords for a name, before anybody has signed in: as much is done for a name that nobody has.

use std::time::Duration;

use super::{KEPT_FOR, LINK_LASTS, notice_letters};
use crate::auth::link_token::LinkToken;
use crate::auth::notice_kind::NoticeKind;
use crate::auth::proof::Method;
use crate::auth::throttle::{Charge, Charged, Counter, Limit};
use crate::auth::user::UserId;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ports::{Account, Answer, Letter, NoticeLink};

/// After this, too many wrong passwords for a name are told of once more.
const INTERVAL: Duration = Duration::from_secs(86_400);

impl Flows {
    /// Tells the owner of an account, once a day at most, that too many wrong passwords slow unknown browsers down. As much is
    /// done for a name that nobody has: as many links and letters are written as somebody can have addresses, whoever has how
    /// many.
    pub(in crate::flow) async fn notify_password_locked(&self, attempt: &Attempt<'_>) -> Answer<()> {
        if !self.settings.mail {
            return Ok(());
        }
        let key = Counter::FailuresNotice(&attempt.account).key(Method::Password);
        let charge = Charge { key, limit: Limit { tries: 1, refill: INTERVAL } };
        let charges = std::slice::from_ref(&charge);
        let Charged::Go(states) = self.ports.throttle.charge(charges, attempt.now).await? else { return Ok(()) };
        let written = self.write_password_locked(attempt).await;
        if written.is_err() {
            // Rather twice to some address than not for a day.
            let charged: Vec<_> = states.into_iter().map(|until| (charge.clone(), until)).collect();
            self.ports.throttle.give_back(&charged, attempt.now).await?;
        }
        written
    }

    async fn write_password_locked(&self, attempt: &Attempt<'_>) -> Answer<()> {
        let found = match &attempt.username {
            Some(name) => self.ports.accounts.find(name).await?.filter(|account| !account.disabled),
            None => None,
        };
        let nobody = UserId(String::new());
        let user = found.as_ref().map_or(&nobody, |account| &account.identity.id);
        let enrolled = self.ports.authenticators.of(user).await?;
        let mut letters = match &found {
            Some(Account { identity, .. }) => {
                let facts = self.notice_facts(attempt, (&identity.id, &identity.username), NoticeKind::PasswordLocked);
                notice_letters(&self.ports, facts, &enrolled).await?
            }
            None => Vec::new(),
        };
        let most = usize::try_from(self.settings.codes.most_addresses).unwrap_or(usize::MAX);
        while letters.len() < most {
            let (token, link) = (LinkToken::mint(&self.random()?), NoticeLink { user: None, at: attempt.now });
            self.ports.notice_links.put(&token, &link, LINK_LASTS).await?;
            letters.push(Letter::Nobody);
        }
        for letter in &letters {
            self.ports.outbox.put(letter, attempt.now, attempt.now.plus(KEPT_FOR)).await?;
        }
        Ok(())
    }
}
