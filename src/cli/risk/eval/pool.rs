//! One workload or several, judged: each file is an installation of its own, whose people nobody else knows.

use std::collections::BTreeMap;

use super::replay::{RowScores, replay};
use super::rows::{LEGIT, Workload};
use crate::auth::proof::RiskLevel;
use crate::cli::risk::random::Random;
use crate::risk::settings::Settings;

/// A row that was judged, with all that figures are made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judged {
    pub(crate) user: u32,
    /// By [`Pool::attackers`]; `None` for the person's own.
    pub(crate) attacker: Option<usize>,
    pub(crate) before: u32,
    pub(crate) time: u64,
    pub(crate) line: u64,
    pub(crate) stepgate: f64,
    pub(crate) freeman: f64,
    pub(crate) level: RiskLevel,
    mobile: bool,
    ipv6: bool,
    country: u32,
}

/// All rows of all files.
#[derive(Default)]
pub(crate) struct Pool {
    /// Those of one file one after another, in the order of the file.
    pub(crate) rows: Vec<Judged>,
    pub(crate) attackers: Vec<String>,
    pub(crate) people: usize,
    pub(crate) skipped: u64,
    /// The people of each cohort.
    pub(crate) cohorts: BTreeMap<String, Vec<bool>>,
    /// Names of people, for the scores of a single file.
    pub(crate) names: Vec<String>,
}

impl Pool {
    /// Judges a file and adds it; as [`replay`] does.
    pub(crate) fn add(
        &mut self,
        workload: &Workload,
        settings: &Settings,
        as_gateway: bool,
        progress: impl FnMut(usize),
    ) {
        let mut outcomes = replay(workload, settings.clone(), as_gateway, progress);
        outcomes.sort_by_key(|outcome| outcome.row);
        let numbers = self.attackers_of(workload);
        let first = self.people as u32;
        let begin = self.rows.len();
        for RowScores { row, user, kind, before, stepgate, freeman, level } in outcomes {
            let Some(seen) = workload.rows.get(row) else { continue };
            self.rows.push(Judged {
                user: first + user,
                attacker: numbers.get(kind as usize).copied().flatten(),
                before,
                time: seen.time,
                line: seen.line,
                stepgate,
                freeman,
                level,
                mobile: workload.texts.get(seen.device).eq_ignore_ascii_case("mobile"),
                ipv6: seen.address.is_ipv6(),
                country: seen.country,
            });
        }
        self.people += workload.users.len();
        self.skipped += workload.skipped;
        self.names.extend((0..workload.users.len() as u32).map(|user| workload.users.get(user).to_owned()));
        for (user, label) in &workload.cohorts {
            for name in workload.texts.get(*label).split_whitespace() {
                self.join(name, (first + user) as usize);
            }
        }
        self.find_cohorts(begin);
    }

    /// The rows that both models score: those of people who signed in before.
    pub(crate) fn scored(&self) -> impl Iterator<Item = &Judged> {
        self.rows.iter().filter(|row| row.before > 0)
    }

    fn attackers_of(&mut self, workload: &Workload) -> Vec<Option<usize>> {
        let mut number = |kind: u32| {
            let name = workload.kinds.get(kind);
            if name == LEGIT || name.is_empty() {
                return None;
            }
            Some(self.attackers.iter().position(|known| known == name).unwrap_or_else(|| {
                self.attackers.push(name.to_owned());
                self.attackers.len() - 1
            }))
        };
        (0..workload.kinds.len() as u32).map(&mut number).collect()
    }

    fn join(&mut self, cohort: &str, user: usize) {
        let people = self.cohorts.entry(cohort.to_owned()).or_default();
        if people.len() <= user {
            people.resize(user + 1, false);
        }
        if let Some(member) = people.get_mut(user) {
            *member = true;
        }
    }

    /// Cohorts that the rows themselves tell, each of people by their own sign-ins.
    fn find_cohorts(&mut self, begin: usize) {
        let mut habits: BTreeMap<u32, Habits> = BTreeMap::new();
        for row in self.rows.iter().skip(begin).filter(|row| row.attacker.is_none()) {
            let habit = habits.entry(row.user).or_insert_with(|| Habits { country: row.country, ..Habits::default() });
            habit.count += 1;
            habit.mobile += u64::from(row.mobile);
            habit.ipv6 += u64::from(row.ipv6);
            habit.abroad |= row.country != habit.country;
            (habit.first, habit.last) = (habit.first.min(row.time), habit.last.max(row.time));
        }
        for (user, habit) in habits {
            let names = [
                ("mostly mobile", habit.mobile * 2 > habit.count),
                ("mostly IPv6", habit.ipv6 * 2 > habit.count),
                ("several countries", habit.abroad),
                ("rare: under one a month", habit.last.saturating_sub(habit.first) > (habit.count - 1) * 30 * 86_400),
            ];
            for (name, _) in names.into_iter().filter(|(_, is)| *is) {
                self.join(name, user as usize);
            }
        }
    }

    /// The seed of the resamples: the same workload has the same intervals.
    pub(crate) fn seed(&self) -> u64 {
        Random::new(self.rows.len() as u64).next()
    }
}

struct Habits {
    count: u64,
    mobile: u64,
    ipv6: u64,
    country: u32,
    abroad: bool,
    first: u64,
    last: u64,
}

impl Default for Habits {
    fn default() -> Self {
        Self { count: 0, mobile: 0, ipv6: 0, country: 0, abroad: false, first: u64::MAX, last: 0 }
    }
}
