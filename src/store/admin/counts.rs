//! Counting what is there, for metrics: seldom asked, bounded, and roughly right where exactness would cost.

use crate::auth::proof::Strength;
use crate::auth::session::Session;
use crate::flow::ports::Answer;
use crate::store::Stores;

/// Sessions that are looked into at most; the rest is assumed to be alike.
pub(in crate::store) const SAMPLE_SIZE: usize = 500;

/// Counts under names of closed sets.
pub type Counts = Vec<(&'static str, u64)>;

/// How many sessions there are, and a few of them.
pub(crate) struct SessionSample {
    pub(crate) total: u64,
    pub(crate) sessions: Vec<Session>,
}

impl Stores {
    /// Sessions by strength: how many, sampled.
    ///
    /// # Errors
    /// The state store does not answer.
    pub async fn sessions(&self) -> Answer<Counts> {
        Ok(by_strength(&self.state.session_sample().await?))
    }

    /// Accounts by what they can prove with.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn enrolled(&self) -> Answer<Counts> {
        self.database.enrolled().await
    }
}

fn by_strength(sampled: &SessionSample) -> Counts {
    let seen = sampled.sessions.len().max(1) as u64;
    let share = |strength: Strength| {
        let of = sampled.sessions.iter().filter(|s| Strength::of(s.proofs.methods()) == Some(strength)).count() as u64;
        (sampled.total.saturating_mul(of) + seen / 2) / seen
    };
    Strength::ALL.map(|strength| (strength.name(), share(strength))).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::proof::{Method, Proofs};
    use crate::auth::time::Timestamp;
    use crate::store::contract::samples::session;

    #[test]
    fn a_sample_stands_for_all() {
        let now = Timestamp::from_secs(1_800_000_000);
        let one = Session { proofs: Proofs::none().with(Method::Password, now), ..session("ann", now) };
        let two = Session { proofs: one.proofs.clone().with(Method::Totp, now), ..one.clone() };
        let sessions = vec![one, two.clone(), two.clone(), two];
        let told = by_strength(&SessionSample { total: 400, sessions });
        assert_eq!(told, [("one_factor", 100), ("two_steps", 0), ("two_factor", 300), ("phishing_resistant", 0)]);
        let none = by_strength(&SessionSample { total: 0, sessions: Vec::new() });
        assert!(none.iter().all(|(_, count)| *count == 0) && none.len() == 4);
    }
}
