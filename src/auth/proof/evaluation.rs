//! The one evaluator: of every rule that some reading of a request leads to, to one decision. The gateway and `explain`
//! ask it alike.

use std::net::IpAddr;
use std::sync::Arc;

use crate::auth::origin::Opener;
use crate::auth::policy::rule::Rule;
use crate::auth::proof::decision::{Decision, decide, strictest};
use crate::auth::proof::{MethodSet, PresentedSlip, Risk};
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
    /// A proof for this one request, if one is presented.
    pub slip: Option<PresentedSlip>,
}

impl Circumstances {
    /// A client, of whose risk nothing is known and who presents nothing.
    pub const fn of(client: IpAddr) -> Self {
        Self { client, opener: None, risk: Risk::none(), slip: None }
    }
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
    let Circumstances { opener, risk, slip, .. } = circumstances;
    let slip = slip.as_ref().filter(|slip| may_spend(resource, opener.as_ref(), slip));
    let strict = judged.iter().map(|rule| decide(*rule, who, risk, slip, now).within(served)).reduce(strictest);
    // Every request has a reading; should one ever have none, no rule covers it.
    let decision = strict.unwrap_or_else(|| decide(None, who, risk, None, now));
    let decision = match opener {
        Some(opener) => decision.of_handshake(opener),
        None => decision,
    };
    decision.at(resource.path())
}

/// Whether a request may use a slip up. What only looks ahead may not, whatever else it may be taken for. A transaction is all
/// that a request says: not what may be taken for another one, or names another resource; nor a WebSocket, whose messages
/// come later.
fn may_spend(resource: &Resource, opener: Option<&Opener>, slip: &PresentedSlip) -> bool {
    let looks_ahead = resource.methods().any(|method| matches!(method, "HEAD" | "OPTIONS"));
    let says_all = || opener.is_none() && resource.methods().count() == 1 && resource.is_alone();
    !looks_ahead && (slip.slip.transaction.is_none() || says_all())
}
