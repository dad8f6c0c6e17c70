//! Proofs that come along with the change that they are for, as scripts send them: each is verified like any other, and then
//! counts as if the session had proved it a moment before.

use std::sync::Arc;

use super::Verification;
use crate::auth::proof::MethodSet;
use crate::auth::session::Session;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ceremony::stored::Slot;
use crate::flow::enrol::Enrollee;
use crate::flow::ports::Answer;
use crate::flow::reply::{Locked, ProofsAlong, Submission, Unproved};

impl Flows {
    /// Verifies what came along, the password first, and adds it to what the session of `who` has proved.
    pub(in crate::flow) async fn prove_along(
        &self,
        attempt: &mut Attempt<'_>,
        who: &mut Enrollee,
        along: ProofsAlong,
    ) -> Answer<Result<(), Unproved>> {
        let password = along.password.map(Submission::Password);
        let code = along.code.map(|(method, text)| self.classify_code(Submission::of(method, text)));
        for submission in password.into_iter().chain(code) {
            let method = submission.method();
            if let Some(wait) = self.charge(attempt, method).await? {
                return Ok(Err(Unproved::Wait(wait)));
            }
            let verified = self.verify(attempt, &who.account, &who.enrolled, &who.slot, submission).await?;
            match verified {
                Verification::Right(proved) => {
                    self.forgive(attempt, MethodSet::EMPTY.with(proved)).await?;
                    who.ceremony.proofs = who.ceremony.proofs.clone().with(proved, attempt.now);
                }
                Verification::Wrong(rejection) => return Ok(Err(Unproved::Rejected(rejection))),
                Verification::Busy => return Ok(Err(Unproved::Busy)),
                Verification::Locked => {
                    let others = who.ceremony.available(attempt.now);
                    return Ok(Err(Unproved::Locked(Locked { methods: MethodSet::EMPTY.with(method), others })));
                }
            }
        }
        if let Slot::Session(_, session) = &mut who.slot {
            *session = Arc::new(Session { proofs: who.ceremony.proofs.clone(), ..session.as_ref().clone() });
        }
        Ok(Ok(()))
    }
}
