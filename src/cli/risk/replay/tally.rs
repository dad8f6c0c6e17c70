//! What a candidate policy would have done with the sign-ins that the trail remembers, beside what was done.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;

use super::answered::{Answered, done};
use super::requests::{MONTH, RequestRow, Requests};
use crate::auth::event::{PastRisk, RiskGuard};
use crate::auth::history::{AssessedSignIn, TrailRow, TrailStep};
use crate::auth::proof::{Changed, OnChange, OnRisk, RiskAction, RiskLevel};
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::destination::Destinations;
use crate::flow::settings::RiskSettings;
use crate::risk::settings::{Settings, Thresholds};
use crate::risk::target::LearntScores;
use crate::risk::{Cohort, LevelBasis, Signal};

/// Of everybody.
pub(super) const ALL: &str = "all";
/// Of who is not scored yet.
const UNSCORED: &str = "unscored";
/// The policy that is tried.
pub(super) struct Candidate<'a> {
    pub(super) risk: &'a RiskSettings,
    pub(super) destinations: &'a Destinations,
}

impl Candidate<'_> {
    fn model(&self) -> &Settings {
        &self.risk.model
    }

    /// What the rules of the destination do, the strictest of them; one that the file does not have does as by default.
    fn on_risk(&self, risk: &PastRisk) -> OnRisk {
        let of = |guard: &RiskGuard| self.destinations.on_risk(&guard.host, &guard.rule).unwrap_or(self.risk.on_risk);
        let strictest = risk.guards.iter().map(of).reduce(OnRisk::or_stricter);
        strictest.unwrap_or(self.risk.on_risk)
    }

    /// The same of a session that is used from elsewhere.
    fn on_change(&self, risk: &PastRisk, changed: Changed) -> RiskAction {
        let of =
            |guard: &RiskGuard| self.destinations.on_change(&guard.host, &guard.rule).unwrap_or(self.risk.on_change);
        risk.guards.iter().map(|guard| OnChange::of(&of(guard), changed)).max().unwrap_or_default()
    }

    fn level(&self, basis: &LevelBasis, thresholds: &Thresholds) -> RiskLevel {
        basis.level(thresholds, self.model().minimum)
    }
}

fn basis(level: &str, risk: &PastRisk, model: &Settings) -> LevelBasis {
    let is_general = |name: &str| Signal::of(name).is_some_and(LevelBasis::is_general);
    let sum = |holds: &dyn Fn(&str) -> bool| {
        risk.terms.iter().filter(|term| holds(&term.signal)).map(|term| term.evidence).sum::<f64>()
    };
    let (general, velocity) = (sum(&is_general), sum(&|name| Signal::of(name) == Some(Signal::Velocity)));
    let unscored = level == RiskLevel::Unscored.name();
    LevelBasis {
        score: risk.score,
        general,
        velocity,
        sign_ins: risk.sign_ins.unwrap_or(if unscored { 0 } else { model.minimum }),
        is_pinned: risk.pinned,
        is_dormant: risk.dormant,
    }
}

/// What a kind of sign-ins comes to.
#[derive(Default)]
struct Counted {
    people: HashSet<UserId>,
    sign_ins: u64,
    by_candidate: [u64; 3],
    really: [u64; 3],
}

/// Everything counted, sign-in by sign-in.
pub(super) struct Tally<'a> {
    candidate: Candidate<'a>,
    learnt: LearntScores,
    thresholds: Thresholds,
    hour: u64,
    cohorts: BTreeMap<&'static str, Counted>,
    /// By what was done, and by what the candidate would do, of sign-ins that opened a session.
    both: [[u64; 3]; 3],
    /// What the candidate would do with those that opened none.
    given_up: [u64; 3],
    /// How sessions were assessed when they were opened.
    sessions: HashMap<String, LevelBasis>,
    requests: Requests,
    span: Option<(Timestamp, Timestamp)>,
    older: u64,
}

/// A row of the table.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct CohortRow {
    pub(super) cohort: &'static str,
    pub(super) people: usize,
    pub(super) sign_ins: u64,
    pub(super) prompts: u64,
    /// Prompts of its sign-ins.
    pub(super) share: f64,
    /// Prompts of one of its people in 30 days.
    pub(super) per_person_and_month: f64,
    pub(super) denied: u64,
    /// What was done, where it was not only counted.
    pub(super) really_prompted: u64,
    pub(super) really_per_person_and_month: f64,
    pub(super) really_denied: u64,
}

/// All of it.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Replayed {
    pub(super) from: String,
    pub(super) until: String,
    pub(super) days: f64,
    pub(super) medium: f64,
    pub(super) high: f64,
    pub(super) cohorts: Vec<CohortRow>,
    /// Of sign-ins that opened a session: by what was done, how many the candidate would leave, prompt, deny.
    pub(super) nothing_was_done: [u64; 3],
    pub(super) were_prompted: [u64; 3],
    pub(super) were_denied: [u64; 3],
    /// The same of sign-ins that opened no session.
    pub(super) opened_no_session: [u64; 3],
    /// What is asked later, at requests of sessions that are unusual, or used from elsewhere.
    pub(super) at_requests: RequestRow,
    /// Rows of an earlier version, of which less is known.
    pub(super) older_rows: u64,
}

impl<'a> Tally<'a> {
    pub(super) fn new(candidate: Candidate<'a>) -> Self {
        let thresholds = candidate.model().thresholds;
        Self {
            candidate,
            learnt: LearntScores::default(),
            thresholds,
            hour: 0,
            cohorts: BTreeMap::new(),
            both: [[0; 3]; 3],
            given_up: [0; 3],
            sessions: HashMap::new(),
            requests: Requests::default(),
            span: None,
            older: 0,
        }
    }

    /// Counts a sign-in of the trail.
    pub(super) fn add(&mut self, sign_in: &AssessedSignIn) {
        self.follow_target(sign_in);
        let risk = &sign_in.risk;
        let (first, last) = self.span.unwrap_or((sign_in.at, sign_in.at));
        self.span = Some((first.min(sign_in.at), last.max(sign_in.at)));
        self.older += u64::from(risk.sign_ins.is_none());
        let basis = basis(&sign_in.level, risk, self.candidate.model());
        let level = self.candidate.level(&basis, &self.thresholds);
        let candidate = Answered::to(self.candidate.on_risk(risk).of(level), sign_in);
        let really = Answered::to(done(risk), sign_in);
        if let Some(session) = &sign_in.session {
            self.sessions.insert(session.clone(), basis);
        }
        if !sign_in.opened {
            count(&mut self.given_up, candidate);
            return;
        }
        if let Some(row) = self.both.get_mut(really as usize) {
            count(row, candidate);
        }
        let named = Cohort::ALL.into_iter().map(Cohort::name).filter(|name| risk.cohorts.iter().any(|had| had == name));
        let unscored = (level == RiskLevel::Unscored).then_some(UNSCORED);
        for cohort in [ALL].into_iter().chain(named).chain(unscored) {
            let counted = self.cohorts.entry(cohort).or_default();
            counted.people.insert(sign_in.user.clone());
            counted.sign_ins += 1;
            count(&mut counted.by_candidate, candidate);
            count(&mut counted.really, really);
        }
    }

    /// Counts a request of a session that was unusual, or used from elsewhere. Where the session was assessed anew at it, that
    /// counts, as it does at work: never for more than medium, unless the person is held at the highest level.
    pub(super) fn add_use(&mut self, row: TrailRow) {
        let (TrailStep::Used(level, risk), Some(session)) = (row.step, row.session) else { return };
        let at = |basis: &LevelBasis| self.candidate.level(basis, &self.thresholds);
        let recorded = || RiskLevel::ALL.into_iter().find(|one| one.name() == level).unwrap_or_default();
        let opened = self.sessions.get(&session).map_or_else(recorded, at);
        let anew = (!risk.terms.is_empty()).then(|| at(&basis(&level, &risk, self.candidate.model())));
        let most = if risk.pinned { RiskLevel::High } else { RiskLevel::Medium };
        let anew = anew.map(|level| level.min(most)).filter(|level| *level >= RiskLevel::Medium);
        let level = anew.map_or(opened, |anew| anew.max(opened));
        let changed = Changed::named(&risk.changed);
        let action = self.candidate.on_risk(&risk).of(level).max(self.candidate.on_change(&risk, changed));
        let answered = |action| match action {
            RiskAction::StepUp if risk.recognised => Answered::Nothing,
            RiskAction::Deny => Answered::Denied,
            RiskAction::StepUp => Answered::Prompted,
            RiskAction::Permit => Answered::Nothing,
        };
        self.requests.add(&row.user, (session, row.ip), answered(action), answered(done(&risk)));
    }

    /// Where thresholds follow a rate, they are set anew each hour, as they are at work.
    fn follow_target(&mut self, sign_in: &AssessedSignIn) {
        let Some(rate) = self.candidate.model().target else { return };
        let hour = sign_in.at.as_secs() / 3600;
        if hour != self.hour {
            (self.hour, self.thresholds) = (hour, self.learnt.thresholds(&rate));
        }
        let is_scored =
            basis(&sign_in.level, &sign_in.risk, self.candidate.model()).sign_ins >= self.candidate.model().minimum;
        if sign_in.learnt && is_scored {
            self.learnt.add(sign_in.at, &sign_in.user, sign_in.risk.score);
        }
    }

    /// What it came to; `None`: there was nothing.
    pub(super) fn finish(self) -> Option<Replayed> {
        let (first, last) = self.span?;
        let days = (last.since(first).as_secs_f64() / 86_400.0).max(1.0);
        let thresholds = match self.candidate.model().target {
            Some(rate) => self.learnt.thresholds(&rate),
            None => self.thresholds,
        };
        let row = |(cohort, counted): (&&'static str, &Counted)| {
            let [_, prompts, denied] = counted.by_candidate;
            let [_, really_prompted, really_denied] = counted.really;
            let monthly = |count: u64| count as f64 / counted.people.len().max(1) as f64 / days * MONTH;
            CohortRow {
                cohort,
                people: counted.people.len(),
                sign_ins: counted.sign_ins,
                prompts,
                share: prompts as f64 / counted.sign_ins.max(1) as f64,
                per_person_and_month: monthly(prompts),
                denied,
                really_prompted,
                really_per_person_and_month: monthly(really_prompted),
                really_denied,
            }
        };
        let people = self.cohorts.get(ALL).map_or(0, |counted| counted.people.len());
        let order = |name: &str| (name != ALL, name == UNSCORED);
        let mut cohorts: Vec<CohortRow> = self.cohorts.iter().map(row).collect();
        cohorts.sort_by_key(|row| order(row.cohort));
        let [nothing_was_done, were_prompted, were_denied] = self.both;
        Some(Replayed {
            from: first.rfc3339(),
            until: last.rfc3339(),
            days,
            medium: thresholds.medium,
            high: thresholds.high,
            cohorts,
            nothing_was_done,
            were_prompted,
            were_denied,
            opened_no_session: self.given_up,
            at_requests: self.requests.row(people, days),
            older_rows: self.older,
        })
    }
}

fn count(counts: &mut [u64; 3], answered: Answered) {
    if let Some(count) = counts.get_mut(answered as usize) {
        *count += 1;
    }
}
