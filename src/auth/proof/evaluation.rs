//! The one evaluator: of every rule that some reading of a request leads to, to one decision. The gateway and `explain`
//! ask it alike.

use std::net::IpAddr;
use std::sync::Arc;

use crate::auth::origin::Opener;
use crate::auth::policy::rule::Rule;
use crate::auth::proof::decision::{Decision, decide, strictest};
use crate::auth::proof::{MethodSet, Risk};
use crate::auth::resource::Resource;
use crate::auth::session::Session;
use crate::auth::time::Timestamp;

/// What a decision depends on beside the request's target and the person.
#[derive(Clone, Debug)]
pub struct Circumstances {
    /// The client's address.
    pub client: IpAddr,
    /// Who opens a WebSocket; `None` for any other request.
    pub opener: Option<Opener>,
    /// What is known of the risk of who asks.
    pub risk: Risk,
}

/// Decides about a request: each rule that was `judged` for it, the strictest decision wins. Who is signed in is asked for
/// nothing that cannot be proved here, which is what is `served`.
pub fn evaluate(
    judged: &[Option<&Arc<Rule>>],
    served: MethodSet,
    resource: &Resource,
    circumstances: &Circumstances,
    who: Option<&Arc<Session>>,
    now: Timestamp,
) -> Decision {
    let strict =
        judged.iter().map(|rule| decide(*rule, who, &circumstances.risk, now).within(served)).reduce(strictest);
    // Every request has a reading; should one ever have none, no rule covers it.
    let decision = strict.unwrap_or_else(|| decide(None, who, &circumstances.risk, now));
    let decision = match &circumstances.opener {
        Some(opener) => decision.of_handshake(opener),
        None => decision,
    };
    decision.at(resource.path())
}
