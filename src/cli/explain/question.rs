//! What an operator asks, and who would be behind it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::CrossOrigin;
use crate::auth::proof::{
    BodyReading, BoundBody, Changed, Method, MethodSet, PresentedSlip, Proofs, Risk, RiskLevel, Slip, TransactionDigest,
};
use crate::auth::resource::Resource;
use crate::auth::session::{Channel, Session};
use crate::auth::time::Timestamp;
use crate::auth::user::{Group, Identity, UserId, Username};

/// What an operator asks: a request, and who is behind it.
#[derive(Clone, Debug)]
pub struct Question {
    /// The URL; a scheme is not needed, a fragment is left out as browsers do.
    pub url: String,
    pub method: String,
    /// The client's address.
    pub ip: IpAddr,
    /// Who; with no user, no groups and no proofs, nobody is signed in.
    pub user: Option<String>,
    pub groups: Vec<String>,
    /// What they proved: names of methods, or of RFC 8176 (`mfa` adds nothing and is accepted).
    pub amr: Vec<String>,
    /// How long ago.
    pub age: Option<Duration>,
    /// The account of that name, where somebody looked it up.
    pub known: Option<AccountFactors>,
    /// Whose page sends it.
    pub cross_origin: CrossOrigin,
    /// What they proved and when, where that is known exactly; in place of `amr` and `age`.
    pub proofs: Option<Proofs>,
    /// How unusual they are.
    pub risk: Option<AskedRisk>,
    /// A proof for this one request.
    pub slip: Option<AskedSlip>,
}

/// A slip to suppose: given to this session, for the rules of this host and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AskedSlip {
    /// What was proved for it.
    pub method: Method,
    /// How long ago.
    pub age: Duration,
    /// Whether the very request was told when it was proved.
    pub transaction: bool,
}

impl AskedSlip {
    /// As it would be presented with a request.
    pub(super) fn of(self, who: &Session, rules: Vec<String>, resource: &Resource, now: Timestamp) -> PresentedSlip {
        let Self { method, age, transaction } = self;
        let body = BoundBody { sha256: [0; 32], reading: BodyReading::Plain };
        let told = TransactionDigest::of(resource.method(), resource.host(), &resource.target(), &body);
        let told = transaction.then_some(told);
        let (session, host) = (who.id.clone(), who.host.clone());
        let slip = Slip { session, host, rules, method, transaction: told, proved_at: now.minus(age) };
        PresentedSlip { slip, transaction: told }
    }
}

/// A risk to suppose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AskedRisk {
    pub level: RiskLevel,
    pub changed: Changed,
    /// From when on a proof speaks for it. `None`: as where the session was opened so, or moved since.
    pub since: Option<Timestamp>,
}

impl AskedRisk {
    /// As it would be known of a session.
    pub(super) fn of(self, who: Option<&Arc<Session>>, now: Timestamp) -> Risk {
        let Self { level, changed, since } = self;
        let opened = who.map_or(now, |who| who.created_at);
        let moved = if changed.is_nothing() { opened } else { opened.plus(Duration::from_millis(1)) };
        Risk { level, changed, since: since.unwrap_or(moved), ..Risk::none() }
    }
}

/// What an account says of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountFactors {
    /// What they have to prove with: a password, and what they have set up.
    pub methods: MethodSet,
    /// What of that is switched off after too many wrong codes.
    pub locked: MethodSet,
    /// Whether they are kept from signing in.
    pub disabled: bool,
}

impl AccountFactors {
    /// What they can prove with now.
    pub(crate) fn usable(self) -> MethodSet {
        self.methods.minus(self.locked)
    }
}

/// The session that such a person would have.
pub(super) fn subject(question: &Question, host: &str, now: Timestamp) -> Result<Option<Arc<Session>>, String> {
    let proved = question.proofs.as_ref();
    if question.user.is_none() && question.groups.is_empty() && question.amr.is_empty() && proved.is_none() {
        return Ok(None);
    }
    let name = question.user.as_deref().unwrap_or("somebody");
    let username = Username::parse(name).ok_or_else(|| format!("`{name}` cannot be a user name"))?;
    let at = proved.and_then(Proofs::latest).unwrap_or_else(|| now.minus(question.age.unwrap_or_default()));
    let mut proofs = proved.cloned().unwrap_or_default();
    for name in question.amr.iter().map(|n| n.trim()).filter(|n| !matches!(*n, "" | "mfa")) {
        let known = || Method::ALL.map(Method::name).join(", ");
        let method = Method::from_name(name)
            .ok_or_else(|| format!("`{name}` is no method of proof; known are pwd, otp, sms, swk, hwk, {}", known()))?;
        proofs = proofs.with(method, at);
    }
    Ok(Some(Arc::new(Session {
        id: "explain".to_owned(),
        identity: Identity {
            id: UserId("explain".to_owned()),
            username,
            name: None,
            email: None,
            groups: question.groups.iter().map(|g| Group(g.trim().to_owned())).collect(),
        },
        proofs,
        host: host.to_owned(),
        channel: Channel::Cookie,
        created_at: at,
        seen_at: now,
        generation: 0,
        checked: Default::default(),
        pinned: None,
        previous_login: None,
        client_ip: question.ip,
        user_agent: None,
    })))
}
