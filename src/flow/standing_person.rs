//! A person as the stores have them now, and what stands for all that they prove themselves with. Whatever waits for somebody
//! (a sign-in under way, a code, a link) keeps that text from when it was given out, and is void once it is another one: so
//! a factor that is added or removed, another password or another address ends all of it, on every node, and nothing has to
//! be looked for.

use super::Flows;
use super::ports::{Account, Answer};
use crate::auth::factor::authenticator::Enrolled;
use crate::auth::user::UserId;

/// Somebody who may sign in.
pub(in crate::flow) struct StandingPerson {
    pub(in crate::flow) account: Account,
    pub(in crate::flow) enrolled: Enrolled,
    /// To be kept with what is given out, and compared when it comes back.
    pub(in crate::flow) credentials: String,
}

impl Flows {
    /// Somebody as the stores have them now; `None`: they are gone or disabled.
    pub(in crate::flow) async fn standing_person(&self, user: &UserId) -> Answer<Option<StandingPerson>> {
        let Ok(account) = self.standing_account(user).await? else { return Ok(None) };
        let enrolled = self.ports.authenticators.of(user).await?;
        let credentials = self.credentials(&account, &enrolled);
        Ok(Some(StandingPerson { account, enrolled, credentials }))
    }

    /// Somebody who proves themselves by the same as when `credentials` were noted; `None`: what was given out then is void.
    pub(in crate::flow) async fn unchanged_person(
        &self,
        user: &UserId,
        credentials: &str,
    ) -> Answer<Option<StandingPerson>> {
        Ok(self.standing_person(user).await?.filter(|person| person.credentials == credentials))
    }
}
