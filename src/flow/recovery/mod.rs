//! Recovery: the way back for somebody who can no longer sign in. It yields a ceremony that sets credentials and never opens a
//! session, and no more than the proofs given are worth ([`Resets`](crate::auth::ceremony::Resets)).
//!
//! A code goes by mail, whoever asks. With a second proof it leads on at once; without one, after a time that every confirmed
//! address is told of, which stands in SQL.

mod ask;
mod assertion;
mod finish;
mod issued;
mod limits;
mod totp;
mod verify;
mod waiting;

pub use issued::issue_recovery_code;

use crate::auth::ceremony::Recovered;
use crate::auth::factor::authenticator::Enrolled;
use crate::auth::recovery_token::RecoveryToken;
use crate::auth::time::Timestamp;
use crate::flow::Flows;
use crate::flow::ports::{Account, Answer, GrantedRecovery};
use crate::flow::reply::{Client, ShownGrant};
use crate::flow::settings::RecoverySettings;
use crate::flow::standing_person::StandingPerson;

/// A granted recovery that is not over.
struct Standing {
    recovered: Recovered,
    credentials: u64,
    waited: Option<String>,
    account: Account,
    /// What the person has before it.
    enrolled: Enrolled,
}

/// What a token of a recovery stands for.
enum GrantState {
    Open(Box<Standing>),
    Done,
    Gone,
}

impl Flows {
    /// What may be set in a recovery, and whose it is; `None`: it is over.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn shown_grant(&self, token: &RecoveryToken, client: &Client) -> Answer<Option<ShownGrant>> {
        let GrantState::Open(standing) = self.granted(token, client, self.now()).await? else { return Ok(None) };
        let (username, can) = (standing.account.identity.username, standing.recovered.resets());
        Ok(Some(ShownGrant { username, can }))
    }

    /// The recovery of a token, on its own host and by the way that it was begun.
    async fn granted(&self, token: &RecoveryToken, client: &Client, now: Timestamp) -> Answer<GrantState> {
        let (recovered, credentials, waited) = match self.ports.recoveries_granted.load(token).await? {
            Some(GrantedRecovery::Open { recovered, credentials, waited }) => (*recovered, credentials, waited),
            Some(GrantedRecovery::Done) => return Ok(GrantState::Done),
            None => return Ok(GrantState::Gone),
        };
        let ceremony = recovered.ceremony();
        let here = ceremony.host == client.host && ceremony.channel == client.channel;
        let fresh = now.since(ceremony.started_at) < RecoverySettings::LASTS;
        let Some(user) = ceremony.who.user().filter(|_| here && fresh) else { return Ok(GrantState::Gone) };
        let Some(person) = self.unchanged_person(user, &ceremony.credentials).await? else {
            return Ok(GrantState::Gone);
        };
        let StandingPerson { account, enrolled, .. } = person;
        Ok(GrantState::Open(Box::new(Standing { recovered, credentials, waited, account, enrolled })))
    }
}
