//! Recovery: the way back for somebody who can no longer sign in. It yields a ceremony that sets credentials and never opens a
//! session, and no more than the proofs given are worth ([`Resets`](crate::auth::ceremony::Resets)).
//!
//! A code goes by mail, whoever asks. With a second proof it leads on at once; without one, after a time that every confirmed
//! address is told of, which stands in SQL.

mod ask;
mod assertion;
mod finish;
mod issued;
mod new_credentials;
mod reset;
mod totp;
mod verify;
mod waiting;

pub use issued::issue_recovery_code;

use crate::auth::factor::authenticator::Enrolled;
use crate::auth::recovery_token::RecoveryToken;
use crate::auth::time::Timestamp;
use crate::flow::Flows;
use crate::flow::ports::{Account, Answer, GrantedRecovery, Held, OpenRecovery};
use crate::flow::reply::{Client, ShownGrant};
use crate::flow::settings::RecoverySettings;
use crate::flow::standing_person::StandingPerson;

/// A granted recovery that is not over.
struct Standing {
    open: OpenRecovery,
    account: Account,
    /// What the person has before it.
    enrolled: Enrolled,
}

/// What a token of a recovery stands for.
enum GrantState {
    /// What may be set, and the grant as it was read.
    Open(Box<Standing>, Held<GrantedRecovery>),
    /// Another request sets at this moment, and may fail.
    UnderWay,
    Done,
    Gone,
}

impl Flows {
    /// What may be set in a recovery, and whose it is.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn shown_grant(&self, token: &RecoveryToken, client: &Client) -> Answer<ShownGrant> {
        Ok(match self.granted(token, client, self.now()).await? {
            GrantState::Open(standing, _) => {
                let Standing { open, account, .. } = *standing;
                ShownGrant::Open { username: account.identity.username, can: open.recovered.resets() }
            }
            GrantState::UnderWay => ShownGrant::UnderWay,
            GrantState::Done | GrantState::Gone => ShownGrant::Over,
        })
    }

    /// The recovery of a token, on its own host and by the way that it was begun.
    async fn granted(&self, token: &RecoveryToken, client: &Client, now: Timestamp) -> Answer<GrantState> {
        let Some((kept, held)) = self.ports.recoveries_granted.load_held(token).await? else {
            return Ok(GrantState::Gone);
        };
        let (open, under_way) = match kept {
            GrantedRecovery::Open(open) => (open, false),
            // Whoever finished it until then is gone, or so slow that another one may try.
            GrantedRecovery::Finishing { open, until } => (open, until > now),
            GrantedRecovery::Done => return Ok(GrantState::Done),
        };
        let ceremony = open.recovered.ceremony();
        let here = ceremony.host == client.host && ceremony.channel == client.channel;
        let Some(user) = ceremony.who.user().filter(|_| here) else { return Ok(GrantState::Gone) };
        if under_way {
            return Ok(GrantState::UnderWay);
        }
        if now.since(open.began()) >= RecoverySettings::LASTS {
            return Ok(GrantState::Gone);
        }
        let Some(person) = self.unchanged_person(user, &ceremony.credentials).await? else {
            return self.grant_changed(token, now).await;
        };
        let StandingPerson { account, enrolled, .. } = person;
        Ok(GrantState::Open(Box::new(Standing { open, account, enrolled }), held))
    }

    /// What a recovery is whose person signs in by something else than a moment ago: it may be this very recovery that was
    /// finished meanwhile.
    async fn grant_changed(&self, token: &RecoveryToken, now: Timestamp) -> Answer<GrantState> {
        Ok(match self.ports.recoveries_granted.load(token).await? {
            Some(GrantedRecovery::Done) => GrantState::Done,
            Some(GrantedRecovery::Finishing { until, .. }) if until > now => GrantState::UnderWay,
            _ => GrantState::Gone,
        })
    }
}
