//! A sign-in under way: a consuming state machine that asks for proofs until the goal is met.

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::proof::Requirement;
use super::proof::{Method, MethodSet, Proofs};
use super::secret::SecretText;
use super::session::{Channel, TOKEN_BYTES, well_formed};
use super::time::Timestamp;
use super::user::{UserId, Username};

/// The bearer secret of a ceremony. Of another shape than a session token; never stored.
#[derive(Clone)]
pub struct CeremonyToken(SecretText);

/// What stores know of a ceremony token: its digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CeremonyKey([u8; 32]);

const CEREMONY_PREFIX: &str = "sgc_";

impl CeremonyToken {
    /// Makes a token of fresh random bytes.
    pub fn mint(random: &[u8; TOKEN_BYTES]) -> Self {
        Self(SecretText::new(format!("{CEREMONY_PREFIX}{}", BASE64URL_NOPAD.encode(random))))
    }

    /// Reads a token that a client sent; `None` unless it has exactly the shape of one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        well_formed(text, CEREMONY_PREFIX).then(|| Self(SecretText::new(text.to_owned())))
    }

    /// The text for the cookie or the JSON answer.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The digest under which the ceremony is kept.
    pub fn key(&self) -> CeremonyKey {
        CeremonyKey(Sha256::digest(self.0.expose().as_bytes()).into())
    }
}

impl CeremonyKey {
    /// The digest as text, for store keys.
    pub fn encoded(&self) -> String {
        BASE64URL_NOPAD.encode(&self.0)
    }
}

/// A sign-in under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ceremony {
    /// Who says they are signing in; the name as canonicalised.
    pub username: Username,
    /// The account; `None` where nobody has that name (the ceremony goes on all the same).
    pub user: Option<UserId>,
    /// What the destination needs.
    pub goal: Requirement,
    /// What was proved so far.
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
    /// When it began.
    pub started_at: Timestamp,
    /// Stands for the password and the authenticators of the account as they are: when those change, what
    /// was proved with the old ones is worth nothing.
    pub credentials: String,
    /// When the account's owner had signed in before this; for the page that asks for the second step.
    #[serde(default)]
    pub previous_login: Option<Timestamp>,
}

/// What became of an attempt at one proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was right, and where it is one-time, it is spent.
    Proved(Method),
    /// It was wrong.
    Failed(Method),
}

/// Where a ceremony stands after a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Step {
    /// Any of these methods brings it on.
    Ask(Ceremony, MethodSet),
    /// The goal is met; a session may be opened.
    Complete(Ceremony),
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
            Self::Ask(ceremony, _)
            | Self::Complete(ceremony)
            | Self::Rejected(ceremony)
            | Self::Stuck(ceremony)
            | Self::Locked(ceremony)
            | Self::OutOfReach(ceremony) => ceremony,
        }
    }
}

impl Ceremony {
    /// Takes note of what is switched off by now.
    pub fn know(&mut self, locked: MethodSet) {
        let owned = self.enrolled.or(self.locked);
        (self.enrolled, self.locked) = (owned.minus(locked), owned.and(locked));
    }

    /// The methods at hand, any of which would bring it on.
    pub fn would_help(&self, now: Timestamp) -> MethodSet {
        self.missing(now).and(self.enrolled)
    }

    /// The methods that would bring it on, were they not switched off.
    pub fn locked_that_would_help(&self, now: Timestamp) -> MethodSet {
        self.missing(now).and(self.locked)
    }

    fn missing(&self, now: Timestamp) -> MethodSet {
        self.goal.shortfall(&self.proofs, now).map_or(MethodSet::EMPTY, |shortfall| shortfall.methods)
    }

    /// Takes a verdict and says what comes next. The only way on.
    pub fn advance(mut self, verdict: Verdict, now: Timestamp) -> Step {
        let method = match verdict {
            Verdict::Failed(_) => return Step::Rejected(self),
            Verdict::Proved(method) => method,
        };
        self.proofs = self.proofs.with(method, now);
        if self.user.is_none() {
            return Step::Rejected(self);
        }
        match self.goal.shortfall(&self.proofs, now) {
            None => Step::Complete(self),
            Some(shortfall) => {
                let at_hand = self.enrolled.or(self.proofs.methods());
                let owned = shortfall.methods.and(self.enrolled);
                // Nobody is asked for a code, or led to set up an app, that cannot lead where they are going.
                if self.goal.is_within(at_hand) && !owned.is_empty() {
                    Step::Ask(self, owned)
                } else if !self.locked.is_empty()
                    && [at_hand, at_hand.or(self.locked)].into_iter().any(|owned| self.goal.is_attainable(owned))
                {
                    Step::Locked(self)
                } else if self.goal.is_attainable(at_hand) {
                    Step::Stuck(self)
                } else {
                    Step::OutOfReach(self)
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::proof::Strength;
    use proptest::prelude::*;

    fn ceremony(goal: Requirement, enrolled: MethodSet, user: bool) -> Option<Ceremony> {
        Some(Ceremony {
            username: Username::parse("ann")?,
            user: user.then(|| UserId("01ANN".to_owned())),
            goal,
            proofs: Proofs::none(),
            enrolled,
            locked: MethodSet::EMPTY,
            host: "erp.example.com".to_owned(),
            channel: Channel::Cookie,
            started_at: Timestamp::from_secs(1000),
            credentials: String::new(),
            previous_login: None,
        })
    }

    fn methods() -> impl Strategy<Value = MethodSet> {
        proptest::collection::vec(0_usize..9, 0..9).prop_map(|all| all.into_iter().map(|n| Method::ALL[n]).collect())
    }

    fn strengths() -> impl Strategy<Value = Strength> {
        proptest::sample::select(&Strength::ALL[..])
    }

    proptest! {
        #[test]
        fn it_completes_only_when_somebody_met_the_goal(
            strength in strengths(), counted in methods(), owned in methods(), locked in methods(), user: bool,
            verdicts in proptest::collection::vec((any::<bool>(), 0_usize..9, 0_u64..100), 1..8),
        ) {
            let goal = Requirement { strength, max_age: None, methods: counted };
            let (locked, enrolled) = (locked.and(owned), owned.minus(locked));
            let mut at = Ceremony { locked, ..ceremony(goal, enrolled, user).unwrap() };
            let mut now = 1000;
            for (right, method, later) in verdicts {
                now += later;
                let (method, now) = (Method::ALL[method], Timestamp::from_secs(now));
                let before = at.proofs.clone();
                let verdict = if right { Verdict::Proved(method) } else { Verdict::Failed(method) };
                at = match at.advance(verdict, now) {
                    Step::Complete(done) => {
                        prop_assert!(right && user);
                        prop_assert!(done.goal.shortfall(&done.proofs, now).is_none());
                        return Ok(());
                    }
                    Step::Ask(next, asked) => {
                        prop_assert!(right && user && !asked.is_empty());
                        prop_assert_eq!(asked.minus(enrolled), MethodSet::EMPTY);
                        next
                    }
                    Step::Stuck(next) => {
                        prop_assert!(right && user);
                        prop_assert!(next.locked.is_empty(), "nothing is set up in the place of what is switched off");
                        prop_assert!(next.goal.shortfall(&next.proofs, now).is_some());
                        prop_assert!(next.goal.is_attainable(next.enrolled.or(next.proofs.methods())));
                        next
                    }
                    Step::Locked(next) => {
                        prop_assert!(right && user && !next.locked.is_empty());
                        prop_assert!(next.goal.shortfall(&next.proofs, now).is_some());
                        next
                    }
                    Step::OutOfReach(next) => {
                        prop_assert!(right && user);
                        // Not even by proving everything that is there or could be.
                        let at_hand = next.enrolled.or(next.proofs.methods());
                        let most = at_hand.or(at_hand.enrollable()).iter().fold(next.proofs.clone(), |p, m| p.with(m, now));
                        prop_assert!(next.goal.shortfall(&most, now).is_some());
                        next
                    }
                    Step::Rejected(next) => {
                        prop_assert!(!right || !user);
                        prop_assert!(right || next.proofs == before);
                        next
                    }
                };
            }
        }
    }

    #[test]
    fn tokens_have_one_shape_and_no_other_is_read() {
        let token = CeremonyToken::mint(&[7; TOKEN_BYTES]);
        let text = token.expose().to_owned();
        assert!(CeremonyToken::parse(&text).is_some_and(|t| t.key() == token.key()));
        for bad in [
            "",
            "sgc_",
            &text[..text.len() - 1],
            &format!("{text}A"),
            &text.replace("sgc_", "sgs_"),
            &format!(" {text}"),
        ] {
            assert!(CeremonyToken::parse(bad).is_none(), "{bad}");
        }
    }
}
