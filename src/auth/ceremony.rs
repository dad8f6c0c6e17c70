//! A ceremony: a consuming state machine that asks for proofs until its purpose is met.
//!
//! Signing in, stepping up, enrolling, recovering and deleting are the same machine. It may begin before anybody is named, it owns the
//! challenge it issued, and only [`Ceremony::advance`] makes what it [ends](Complete) in: of these, a session is opened for
//! [`Complete::Open`] alone.

mod assessed;
mod deletion;
mod reached;
mod recover;
mod token;

use serde::{Deserialize, Serialize};

use super::factor::authenticator::Sealed;
use super::proof::{Factor, Method, MethodSet, Offer, Proofs, Requirement, SlipOrder, Strength};
use super::session::{Channel, Session};
use super::time::Timestamp;
use super::user::{Identity, UserId, Username};
pub use assessed::Assessed;
pub use deletion::{DeletionProved, Erasure};
pub use recover::{RecoverTerms, Recovered, Resets};
pub use token::{CeremonyKey, CeremonyToken};

/// What a ceremony is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A new session, for what the destination requires.
    #[default]
    SignIn,
    /// One more proof in the session of this id.
    StepUp(String),
    /// A new authenticator; it ends in a session too.
    Enrol(Parent),
    /// Credentials in the place of those that are lost; it never ends in a session.
    Recover(RecoverTerms),
    /// The end of the account, asked for in the session of this id. It ends in no session.
    Delete(String),
}

/// The sign-in or the session in which somebody enrols.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parent {
    SignIn(CeremonyKey),
    /// By its id.
    Session(String),
}

impl Parent {
    /// Where the enrolment is stored. It has no token: the token of its parent stands for it, so it ends with its parent and
    /// nobody goes on with what another began.
    pub fn enrolment_key(&self) -> CeremonyKey {
        self.key_of("enrol")
    }

    /// Where an address is stored that waits for its code.
    pub fn address_key(&self) -> CeremonyKey {
        self.key_of("address")
    }

    /// Where it is noted that `what` was completed.
    pub fn finished_key(&self, what: &str) -> CeremonyKey {
        self.key_of(&format!("finished {what}"))
    }

    fn key_of(&self, what: &str) -> CeremonyKey {
        CeremonyKey::of(&match self {
            Self::SignIn(key) => format!("{what} in ceremony {}", key.encoded()),
            Self::Session(id) => format!("{what} in session {id}"),
        })
    }
}

/// Whose ceremony it is, as far as that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Who {
    /// The account was found, and something was proved for it.
    Known { user: UserId, username: Username },
    /// Somebody gave a name; nobody looked whether it exists.
    Named { username: Username },
    /// Nobody gave a name, or it is none.
    Nobody {},
}

impl Who {
    pub const fn user(&self) -> Option<&UserId> {
        match self {
            Self::Known { user, .. } => Some(user),
            Self::Named { .. } | Self::Nobody {} => None,
        }
    }

    pub const fn username(&self) -> Option<&Username> {
        match self {
            Self::Known { username, .. } | Self::Named { username } => Some(username),
            Self::Nobody {} => None,
        }
    }
}

/// Proofs under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ceremony {
    #[serde(default)]
    pub purpose: Purpose,
    #[serde(flatten)]
    pub who: Who,
    /// What the destination of a sign-in requires; `None`: the most that the factors of the account can prove.
    #[serde(rename = "goal")]
    pub requirement: Option<Requirement>,
    pub proofs: Proofs,
    /// What the account can prove.
    pub enrolled: MethodSet,
    /// What it could prove, were it not switched off after too many wrong codes.
    #[serde(default)]
    pub locked: MethodSet,
    /// The app host it happens on; of no use elsewhere.
    pub host: String,
    /// How the resulting token will travel.
    pub channel: Channel,
    pub started_at: Timestamp,
    /// Stands for the password and the authenticators of the account as they are: when those change, what was proved with
    /// the old ones is worth nothing.
    pub credentials: String,
    /// When the account's owner had signed in before this; for the page that asks for the second step.
    #[serde(default)]
    pub previous_login: Option<Timestamp>,
    /// What a factor has given out and waits to see answered, sealed for this ceremony.
    #[serde(default)]
    pub challenge: Option<Sealed>,
    /// How unusual it is for its person.
    #[serde(default)]
    pub assessed: Assessed,
    /// The one request that a step-up is for. Such a ceremony is never stored.
    #[serde(skip)]
    pub slip: Option<SlipOrder>,
}

/// What became of an attempt at one proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was right, and where it is one-time, it is spent.
    Proved(Method),
    /// It was wrong.
    Failed(Method),
}

/// What a ceremony ends in whose purpose is met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Complete {
    /// A session may be opened.
    Open(Completed),
    /// Credentials may be set, and nothing else.
    Reset(Recovered),
    /// The account may be erased, and nothing else.
    Erase(DeletionProved),
}

/// A ceremony whose purpose is met, and for which a session may be opened. Made by [`Ceremony::advance`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completed {
    ceremony: Ceremony,
    method: Method,
}

impl Completed {
    pub const fn ceremony(&self) -> &Ceremony {
        &self.ceremony
    }

    /// The proof that met it.
    pub const fn method(&self) -> Method {
        self.method
    }
}

/// Where a ceremony stands after a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Step {
    /// Any of these methods brings it on.
    Ask(Ceremony, MethodSet),
    /// The purpose is met.
    Complete(Complete),
    /// The proof was wrong; the ceremony stands where it stood.
    Rejected(Ceremony),
    /// The account owns no method that would do, and could set one up. Never admits.
    Stuck(Ceremony),
    /// What the account owns would do, but is switched off: nothing can be set up in its place. Never admits.
    Locked(Ceremony),
    /// Nothing that the account owns or could set up would do. Never admits.
    OutOfReach(Ceremony),
}

impl Step {
    /// The ceremony, wherever it stands.
    pub fn ceremony(self) -> Ceremony {
        match self {
            Self::Complete(Complete::Open(completed)) => completed.ceremony,
            Self::Complete(Complete::Reset(recovered)) => recovered.into_ceremony(),
            Self::Complete(Complete::Erase(proved)) => proved.into_ceremony(),
            Self::Ask(ceremony, _)
            | Self::Rejected(ceremony)
            | Self::Stuck(ceremony)
            | Self::Locked(ceremony)
            | Self::OutOfReach(ceremony) => ceremony,
        }
    }
}

impl Ceremony {
    /// A sign-in of somebody of whom no more than a name is known.
    pub fn sign_in(
        username: Option<Username>,
        requirement: Option<Requirement>,
        host: String,
        channel: Channel,
        now: Timestamp,
    ) -> Self {
        Self {
            purpose: Purpose::SignIn,
            who: username.map_or(Who::Nobody {}, |username| Who::Named { username }),
            requirement,
            proofs: Proofs::none(),
            enrolled: MethodSet::EMPTY,
            locked: MethodSet::EMPTY,
            host,
            channel,
            started_at: now,
            credentials: String::new(),
            previous_login: None,
            challenge: None,
            assessed: Assessed::default(),
            slip: None,
        }
    }

    /// One more proof in a session; what the session has proved is taken over.
    pub fn step_up(session: &Session, now: Timestamp) -> Self {
        let blank = Self::sign_in(None, None, session.host.clone(), session.channel, now);
        Self {
            purpose: Purpose::StepUp(session.id.clone()),
            who: Who::Known { user: session.identity.id.clone(), username: session.identity.username.clone() },
            proofs: session.proofs.clone(),
            previous_login: session.previous_login,
            ..blank
        }
    }

    /// An enrolment in this ceremony, which is a sign-in under way or a step-up.
    #[must_use]
    pub fn enrolment(self, parent: Parent, challenge: Option<Sealed>) -> Self {
        Self { purpose: Purpose::Enrol(parent), requirement: None, challenge, ..self }
    }

    /// The account was found; it owns these methods, of which some are switched off.
    #[must_use]
    pub fn identified(self, who: &Identity, owned: MethodSet, locked: MethodSet, credentials: String) -> Self {
        let who = Who::Known { user: who.id.clone(), username: who.username.clone() };
        let mut ceremony = Self { who, credentials, ..self };
        ceremony.set_methods(owned, locked);
        ceremony.requirement = ceremony.required();
        ceremony
    }

    /// Takes note of what the account owns, and of what is switched off of it.
    pub fn set_methods(&mut self, owned: MethodSet, locked: MethodSet) {
        (self.enrolled, self.locked) = (owned.minus(locked), owned.and(locked));
    }

    /// Takes note of what is switched off by now.
    pub fn set_locked(&mut self, locked: MethodSet) {
        self.set_methods(self.enrolled.or(self.locked), locked);
    }

    /// The methods at hand, any of which would bring it on.
    pub fn available(&self, now: Timestamp) -> MethodSet {
        self.missing(now).and(self.enrolled)
    }

    /// The methods that would bring it on, were they not switched off.
    pub fn locked_that_would_help(&self, now: Timestamp) -> MethodSet {
        self.missing(now).and(self.locked)
    }

    /// The methods, owned or not, any of which would bring it on.
    pub fn helpful(&self, now: Timestamp) -> MethodSet {
        match self.required() {
            Some(_) => self.missing(now),
            None => MethodSet::ALL,
        }
    }

    /// What could be set up, any of which would lead to what is required.
    pub fn enrollable(&self, offer: Offer) -> MethodSet {
        let at_hand = self.enrolled.or(self.proofs.methods());
        let leads = |m: &Method| self.required().is_none_or(|required| required.is_within(at_hand.with(*m)));
        let more = offer.set_up(at_hand).minus(MethodSet::EMPTY.with(Method::BackupCode));
        more.iter().filter(leads).collect::<MethodSet>().named()
    }

    fn missing(&self, now: Timestamp) -> MethodSet {
        if self.is_unproved() {
            return self.first_factors();
        }
        match self.required() {
            Some(required) => required.shortfall(&self.proofs, now).map_or(MethodSet::EMPTY, |short| short.methods),
            // Any one proof does.
            None => self.enrolled.or(self.locked),
        }
    }

    /// What must be proved; `None`: one proof, whichever it is. A sign-in always requires something, also if its record says
    /// nothing of it.
    fn required(&self) -> Option<Requirement> {
        let owned = self.enrolled.or(self.locked);
        // No code is sent that nobody asked for: it is no factor.
        let factors = || owned.iter().filter(|m| m.factor() != Factor::Reached).collect();
        let most = || Requirement::of(Strength::of(factors()).unwrap_or(Strength::OneFactor));
        match self.purpose {
            Purpose::SignIn => Some(self.requirement.unwrap_or_else(most)),
            Purpose::StepUp(_) | Purpose::Enrol(_) | Purpose::Recover(_) | Purpose::Delete(_) => None,
        }
    }

    /// Takes a verdict and returns what comes next, where people can set up what is on `offer`. The only way on.
    pub fn advance(mut self, verdict: Verdict, offer: Offer, now: Timestamp) -> Step {
        let method = match verdict {
            Verdict::Failed(_) => return Step::Rejected(self),
            Verdict::Proved(method) => method,
        };
        if self.is_unproved() && !self.first_factors().contains(method) {
            return Step::Rejected(self);
        }
        self.proofs = self.proofs.with(method, now);
        if self.who.user().is_none() {
            return Step::Rejected(self);
        }
        if let Purpose::Recover(terms) = self.purpose {
            return self.recover(terms);
        }
        if let Purpose::Delete(_) = self.purpose {
            return self.delete();
        }
        if self.is_unproved() {
            let first = self.first_factors();
            return if first.is_empty() { Step::Rejected(self) } else { Step::Ask(self, first.named()) };
        }
        let required = self.required();
        let short = required.and_then(|required| required.shortfall(&self.proofs, now).map(|short| (required, short)));
        let Some((required, shortfall)) = short else {
            return Step::Complete(Complete::Open(Completed { ceremony: self, method }));
        };
        let at_hand = self.enrolled.or(self.proofs.methods());
        let owned = shortfall.methods.and(self.enrolled);
        // Nobody is asked for a code, or led to set up an app, that cannot lead where they are going.
        if required.is_within(at_hand) && !owned.is_empty() {
            Step::Ask(self, owned)
        } else if !self.locked.is_empty()
            && [at_hand, at_hand.or(self.locked)].into_iter().any(|owned| required.is_attainable(owned, offer))
        {
            Step::Locked(self)
        } else if required.is_attainable(at_hand, offer) {
            Step::Stuck(self)
        } else {
            Step::OutOfReach(self)
        }
    }
}

#[cfg(test)]
mod tests;
