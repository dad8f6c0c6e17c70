//! What is asked of sessions after the sign-in: at requests of those that are unusual, or used from elsewhere.

use std::collections::HashSet;
use std::net::IpAddr;

use serde::Serialize;

use super::answered::Answered;
use crate::auth::user::UserId;

/// A month, for people who compare.
pub(super) const MONTH: f64 = 30.0;

/// A session at one address: who was asked there has shown that it is them.
type Place = (String, Option<IpAddr>);

/// Where sessions were prompted and denied.
#[derive(Default)]
struct Asked {
    prompted: HashSet<Place>,
    denied: HashSet<Place>,
}

impl Asked {
    fn add(&mut self, place: &Place, answered: Answered) {
        match answered {
            Answered::Nothing => false,
            Answered::Prompted => self.prompted.insert(place.clone()),
            Answered::Denied => self.denied.insert(place.clone()),
        };
    }
}

/// Everything counted, request by request.
#[derive(Default)]
pub(super) struct Requests {
    people: HashSet<UserId>,
    sessions: HashSet<String>,
    candidate: Asked,
    really: Asked,
}

/// What it comes to.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct RequestRow {
    pub(super) people: usize,
    pub(super) sessions: usize,
    /// One for a session and an address.
    pub(super) prompts: usize,
    /// Of one person of all who signed in, in 30 days.
    pub(super) per_person_and_month: f64,
    /// Sessions that were shut out, counted so too.
    pub(super) denied: usize,
    pub(super) really_prompted: usize,
    pub(super) really_per_person_and_month: f64,
    pub(super) really_denied: usize,
}

impl Requests {
    pub(super) fn add(&mut self, user: &UserId, place: Place, candidate: Answered, really: Answered) {
        self.people.insert(user.clone());
        self.sessions.insert(place.0.clone());
        self.candidate.add(&place, candidate);
        self.really.add(&place, really);
    }

    /// `people`: all who signed in.
    pub(super) fn row(&self, people: usize, days: f64) -> RequestRow {
        let monthly = |count: usize| count as f64 / people.max(1) as f64 / days * MONTH;
        let (prompts, really_prompted) = (self.candidate.prompted.len(), self.really.prompted.len());
        RequestRow {
            people: self.people.len(),
            sessions: self.sessions.len(),
            prompts,
            per_person_and_month: monthly(prompts),
            denied: self.candidate.denied.len(),
            really_prompted,
            really_per_person_and_month: monthly(really_prompted),
            really_denied: self.really.denied.len(),
        }
    }
}
