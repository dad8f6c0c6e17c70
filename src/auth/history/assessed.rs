//! Sign-ins that were assessed, and what became of them, as the audit trail remembers both.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::auth::event::PastRisk;
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;

/// How long after its assessment a sign-in may be completed.
const COMPLETED_WITHIN: Duration = Duration::from_secs(3600);

/// A row of the trail.
#[derive(Clone, Debug, PartialEq)]
pub struct TrailRow {
    pub at: Timestamp,
    pub user: UserId,
    pub ip: Option<IpAddr>,
    pub session: Option<String>,
    pub step: TrailStep,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum TrailStep {
    /// A sign-in was assessed: its level, and why.
    Assessed(String, Box<PastRisk>),
    /// A session was opened; whether that was learnt as usual.
    Opened { learnt: bool },
    /// A session that was unusual, or used from elsewhere, reached a rule: its level, and what is known of it.
    Used(String, Box<PastRisk>),
}

/// A sign-in that was assessed.
#[derive(Clone, Debug, PartialEq)]
pub struct AssessedSignIn {
    pub at: Timestamp,
    pub user: UserId,
    /// The level that it was.
    pub level: String,
    pub risk: PastRisk,
    /// Whether it opened a session, and which one, where that is known.
    pub opened: bool,
    pub session: Option<String>,
    /// Whether it was learnt as usual for its person.
    pub learnt: bool,
}

/// Assessed sign-ins that wait for what becomes of them; rows come in the order of time.
#[derive(Default)]
pub struct SignInsUnderWay {
    waiting: HashMap<UserId, Vec<(Option<IpAddr>, AssessedSignIn)>>,
}

impl SignInsUnderWay {
    /// Takes a row; answers the sign-in that it completes.
    pub fn take(&mut self, row: TrailRow) -> Option<AssessedSignIn> {
        let TrailRow { at, user, ip, session, step } = row;
        match step {
            TrailStep::Assessed(level, risk) => {
                let (user_id, opened, learnt) = (user.clone(), false, false);
                let assessed = AssessedSignIn { at, user: user_id, level, risk: *risk, opened, session: None, learnt };
                self.waiting.entry(user).or_default().push((ip, assessed));
                None
            }
            TrailStep::Opened { learnt } => {
                let waiting = self.waiting.get_mut(&user)?;
                let fresh = |one: &AssessedSignIn| at.since(one.at) <= COMPLETED_WITHIN;
                // That from the same address, or else the latest.
                let same = waiting.iter().rposition(|(from, one)| *from == ip && fresh(one));
                let place = same.or_else(|| waiting.iter().rposition(|(_, one)| fresh(one)))?;
                let (_, assessed) = waiting.remove(place);
                Some(AssessedSignIn { opened: true, session, learnt, ..assessed })
            }
            TrailStep::Used(..) => None,
        }
    }

    /// Those that nobody completed, and that nobody can any more at this moment.
    pub fn given_up(&mut self, now: Option<Timestamp>) -> Vec<AssessedSignIn> {
        let mut over = Vec::new();
        self.waiting.retain(|_, waiting| {
            let mut open = Vec::new();
            for (ip, one) in waiting.drain(..) {
                match now.is_none_or(|now| now.since(one.at) > COMPLETED_WITHIN) {
                    true => over.push(one),
                    false => open.push((ip, one)),
                }
            }
            *waiting = open;
            !waiting.is_empty()
        });
        over.sort_by(|a, b| (a.at, &a.user.0).cmp(&(b.at, &b.user.0)));
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(seconds: u64, user: &str, ip: u8, step: TrailStep) -> TrailRow {
        let at = Timestamp::from_secs(1_800_000_000 + seconds);
        TrailRow { at, user: UserId(user.into()), ip: Some([192, 0, 2, ip].into()), session: None, step }
    }

    fn assessed(score: f64) -> TrailStep {
        TrailStep::Assessed("low".into(), Box::new(PastRisk { score, ..PastRisk::default() }))
    }

    #[test]
    fn a_session_completes_the_sign_in_from_its_address() {
        let mut under_way = SignInsUnderWay::default();
        let opened = |learnt| TrailStep::Opened { learnt };
        for (seconds, ip, score) in [(0, 1, 1.0), (5, 2, 2.0)] {
            assert_eq!(under_way.take(row(seconds, "ann", ip, assessed(score))), None);
        }
        assert_eq!(under_way.take(row(6, "bob", 1, opened(true))), None, "nobody's");
        let own = under_way.take(row(9, "ann", 1, opened(true))).unwrap();
        assert_eq!((own.risk.score, own.opened, own.learnt), (1.0, true, true));
        let moved = under_way.take(row(10, "ann", 3, opened(false))).unwrap();
        assert_eq!((moved.risk.score, moved.learnt), (2.0, false));
        under_way.take(row(20, "ann", 4, assessed(3.0)));
        assert!(under_way.given_up(Some(Timestamp::from_secs(1_800_000_020 + 3600))).is_empty());
        let over = under_way.given_up(Some(Timestamp::from_secs(1_800_000_021 + 3600)));
        assert_eq!(over.iter().map(|one| (one.risk.score, one.opened)).collect::<Vec<_>>(), [(3.0, false)]);
        assert_eq!(under_way.take(row(5000, "ann", 4, opened(true))), None, "too late");
    }
}
