//! A slip: what somebody holds beside their session who proved something for one request (ADR 0028).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::binding::{Binding, TransactionDigest};
use super::method::{Method, MethodSet};
use super::requirement::Requirement;
use crate::auth::policy::rule::Rule;
use crate::auth::session::Session;
use crate::auth::time::Timestamp;

/// How long a slip lives.
pub const SLIP_LIVES: Duration = Duration::from_secs(60);

/// How far the clock of the node that gave a slip may be ahead.
const CLOCK_SKEW: Duration = Duration::from_secs(5);

/// What a slip was given for. It serves nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slip {
    /// The id of the session, which survives a step-up.
    pub session: String,
    /// The app host on which it is used.
    pub host: String,
    /// The rules that asked for it, by [`Rule::asking`]: one for each reading of the request.
    pub rules: Vec<String>,
    /// What was proved for it.
    pub method: Method,
    /// The very request, where that was told.
    pub transaction: Option<TransactionDigest>,
    /// When it was proved.
    pub proved_at: Timestamp,
}

/// What a slip is to be given for, once something was proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlipOrder {
    pub host: String,
    pub rules: Vec<String>,
    /// What counts for every one of the rules.
    pub methods: MethodSet,
    pub transaction: Option<TransactionDigest>,
}

impl SlipOrder {
    /// The slip for this proof; `None` if the proof is not one of those that count.
    pub fn slip(&self, session: &Session, method: Method, now: Timestamp) -> Option<Slip> {
        let Self { host, rules, methods, transaction } = self;
        let counts = !methods.and(MethodSet::EMPTY.with(method).closed()).is_empty();
        counts.then(|| Slip {
            session: session.id.clone(),
            host: host.clone(),
            rules: rules.clone(),
            method,
            transaction: *transaction,
            proved_at: now,
        })
    }
}

/// A slip beside the request that presents it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresentedSlip {
    pub slip: Slip,
    /// What stands for the request; `None` until its body was read.
    pub transaction: Option<TransactionDigest>,
}

impl PresentedSlip {
    /// Whether it is what the rule asks for beside the session's proofs: of this session, host and rule, proved by what renews
    /// the strength, in time, and, where a transaction was told, of that one.
    pub(super) fn serves(&self, session: &Session, rule: &Rule, requirement: &Requirement, now: Timestamp) -> bool {
        let Self { slip, transaction } = self;
        let told = match (requirement.binding, &slip.transaction) {
            (_, Some(told)) => transaction.as_ref() == Some(told),
            (Binding::Session | Binding::Request, None) => true,
            (Binding::Transaction, None) => false,
        };
        told && slip.session == session.id
            && slip.host == session.host
            && slip.rules.contains(&rule.asking())
            && slip.proved_at <= now.plus(CLOCK_SKEW)
            && now.since(slip.proved_at) <= SLIP_LIVES
            && !requirement.renewing().and(MethodSet::EMPTY.with(slip.method).closed()).is_empty()
    }
}
