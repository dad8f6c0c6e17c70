//! What an account holds, as its owner may see it; and its name for people.

use crate::auth::event::What;
use crate::auth::proof::{Factor, Method, MethodSet};
use crate::auth::session::Session;
use crate::auth::text::invisible::is_invisible;
use crate::flow::Flows;
use crate::flow::ports::{AccountChange, Answer};
use crate::flow::reply::{AccountOverview, CeremonyRef, Client, Outcome, ProfileChanged, WithEvents};

/// The longest name of a person, in characters.
const NAME_CHARS: usize = 100;

impl Flows {
    /// What the account of a session holds, as the stores have it now; `None`: it is gone or disabled.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn overview(&self, session: &Session) -> Answer<Option<AccountOverview>> {
        let Ok(account) = self.standing_account(&session.identity.id).await? else { return Ok(None) };
        let enrolled = self.ports.authenticators.of(&session.identity.id).await?;
        let methods = self.owned_at(&account, &enrolled, &session.host);
        Ok(Some(AccountOverview {
            has_second_factor: has_second_factor(enrolled.methods(false, None)),
            methods,
            locked: methods.and(enrolled.locked()),
            has_password: account.password_hash.is_some(),
            created_at: account.created_at,
            identity: account.identity,
            enrolled,
        }))
    }

    /// What a person is called who calls themselves so; `None`: nothing of it can be seen, or it is too long.
    pub fn person_name(given: &str) -> Option<String> {
        let name: String = given.trim().chars().filter(|c| !c.is_control() && !is_invisible(*c)).collect();
        let name = name.trim().to_owned();
        (!name.is_empty() && name.chars().count() <= NAME_CHARS).then_some(name)
    }

    /// Gives the owner of a session another name for people, as [`Self::person_name`] writes it, or none.
    ///
    /// # Errors
    /// A store did not answer; it may be set.
    pub async fn rename_person(
        &self,
        at: &CeremonyRef,
        name: Option<String>,
        client: &Client,
    ) -> Outcome<ProfileChanged> {
        let (mut attempt, enrollee) = self.enrollee(at, client).await.map_err(WithEvents::none)?;
        let Some(who) = enrollee else { return Ok(WithEvents::none(ProfileChanged::Gone)) };
        if let Some(methods) = self.missing_for_change(&who, attempt.now) {
            return Ok(WithEvents::none(ProfileChanged::ProveFirst(methods)));
        }
        let change = AccountChange::Profile { name: Some(name), email: None };
        let changed = self.ports.accounts.change(&who.account.identity.id, change).await;
        if matches!(changed, Ok(true)) {
            attempt.record(What::ProfileSet);
        }
        attempt.finish(changed.map(|changed| if changed { ProfileChanged::Changed } else { ProfileChanged::Gone }))
    }
}

/// Whether something is held that counts beside a password; backup codes only stand in for it.
fn has_second_factor(owned: MethodSet) -> bool {
    let held = |method: Method| matches!(method.factor(), Factor::Possession | Factor::Both);
    owned.iter().any(|method| method != Method::BackupCode && held(method))
}
