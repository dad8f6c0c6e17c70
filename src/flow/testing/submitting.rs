//! What a test hands in, in one call.

use std::sync::Arc;

use crate::auth::ceremony::CeremonyToken;
use crate::auth::proof::Method;
use crate::auth::secret::SecretText;
use crate::auth::session::{Session, SessionToken};
use crate::flow::Flows;
use crate::flow::reply::{CeremonyRef, Client, LoginReply, Outcome, Submission};

impl Flows {
    /// Submits the second factor of a sign-in.
    pub(crate) async fn second_factor(
        &self,
        token: &CeremonyToken,
        method: Method,
        code: SecretText,
        client: &Client,
    ) -> Outcome<LoginReply> {
        self.submit(&CeremonyRef::SignIn(token.clone()), Submission::of(method, code), client).await
    }

    /// Submits a step-up.
    pub(crate) async fn elevate(
        &self,
        token: &SessionToken,
        session: &Arc<Session>,
        method: Method,
        code: SecretText,
        client: &Client,
    ) -> Outcome<LoginReply> {
        self.submit(&CeremonyRef::Session(token.clone(), session.clone()), Submission::of(method, code), client).await
    }
}
