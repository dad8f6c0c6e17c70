//! A refusal: who asked for what, which rule refused it, in the operator's words, and what one can do.

use http::StatusCode;

use super::answers::{Facts, Fault};
use super::base::Core;
use super::challenge::readable_by;
use super::ctx::{Answered, page};
use super::fault::{self, grpc};
use super::goal::Goal;
use super::headers::Framable;
use super::pages::{Link, Notice};
use super::problem::Problem;
use super::support;
use super::telling::{telling, wants_page};
use super::words;
use crate::auth::policy::rule::{Access, Rule};
use crate::auth::proof::challenge::ChallengeKind;
use crate::auth::proof::decision::{Refusal, RefusalReason};

/// Tells a refusal.
pub(crate) fn answer(core: &Core, facts: &Facts, refusal: &Refusal) -> Answered {
    if refusal.reason == RefusalReason::WellKnown {
        return fault::answer(core, facts, Fault::NotFound);
    }
    let rule = refusal.rule.as_deref();
    let how = telling(facts, rule);
    if how == ChallengeKind::Grpc {
        return grpc(7, "Access is refused");
    }
    let mut answer = if wants_page(how) { denied(core, facts, refusal) } else { problem(facts, refusal) };
    if how == ChallengeKind::Frame {
        answer.extensions_mut().insert(Framable);
    }
    if let Some(rule) = rule {
        readable_by(&mut answer, facts, rule);
    }
    answer
}

fn problem(facts: &Facts, refusal: &Refusal) -> Answered {
    let mut problem = Problem::new(StatusCode::FORBIDDEN, "refused", "Access is refused.")
        .kind("refusal")
        .with("reason", refusal.reason.code());
    if let Some(rule) = &refusal.rule {
        problem = problem.with("rule", rule.id.0.as_ref());
        for (name, text) in [("explanation", &rule.explanation), ("remediation", &rule.remediation)] {
            if let Some(text) = text {
                problem = problem.with(name, text.as_str());
            }
        }
    }
    problem.answer(facts)
}

fn denied(core: &Core, facts: &Facts, refusal: &Refusal) -> Answered {
    let path = words::path(facts.target.split('?').next().unwrap_or("/"));
    let who = refusal.subject.as_ref().map(|s| s.identity.username.as_str());
    let rule = refusal.rule.as_deref();
    let shell = core.skin.shell(&facts.request_id);
    let whom = support::whom(&shell);
    let mut lines = vec![match who {
        Some(who) => format!("{who} cannot open {path}."),
        None => format!("{path} cannot be opened."),
    }];
    // What to do first: what the operator wrote, if anything.
    let mut items: Vec<String> = rule.and_then(|rule| rule.remediation.clone()).into_iter().collect();
    match refusal.reason {
        RefusalReason::NotInAudience => {
            lines.extend(rule.and_then(audience));
            if items.is_empty() {
                items.push(format!("If you need it, ask {whom}."));
            }
        }
        RefusalReason::DenyRule => {
            lines.push("It is closed to everybody.".to_owned());
            if items.is_empty() {
                items.push(format!("If that is a mistake, tell {whom}."));
            }
        }
        RefusalReason::ForeignOrigin => {
            lines.push("It was asked for by a page of another site.".to_owned());
            items.push(format!("If you trust that page and need what it does, tell {whom}."));
        }
        RefusalReason::WellKnown => lines.push("There is nothing at this address.".to_owned()),
        RefusalReason::NoRule => {
            lines.push("Nothing is open to anybody at this address.".to_owned());
            items.push("Check the address.".to_owned());
            items.push(format!("If it is right, tell {whom}."));
        }
    }
    let asked = format!("{} {}{path}", facts.method, facts.authority);
    let mut shown = vec![("Asked for", asked.clone())];
    if let Some(who) = who {
        shown.insert(0, ("Signed in as", who.to_owned()));
    }
    if let Some(rule) = rule {
        shown.extend(rule.explanation.clone().map(|text| ("What it is for", text)));
        shown.push(("Rule", rule.id.0.to_string()));
    }
    shown.push(("Reference", facts.request_id.clone()));
    let (subject, link) = match refusal.reason {
        RefusalReason::NotInAudience => (format!("Access to {}{path}", facts.authority), "Ask for access"),
        _ => (format!("{}{path} is closed", facts.authority), "Ask for help"),
    };
    let ask = support::Request { subject: &subject, asked: &asked, who, link }.link(&shell, facts);
    // Where nobody gets in, another account does not help.
    let other = who.filter(|_| refusal.reason == RefusalReason::NotInAudience).map(|_| {
        let goal = Goal::of(&facts.target, facts.method.as_str(), core.tolerances(&facts.host));
        Link::to(goal.page("logout"), "Use another account")
    });
    let (list, links) = (Some("What you can do"), ask.into_iter().chain(other).collect());
    let notice = Notice { lines, list, items, facts: shown, links, ..Notice::new(&shell, "You cannot open this page") };
    page(StatusCode::FORBIDDEN, "refusal", &notice)
}

/// To whom a rule is open.
fn audience(rule: &Rule) -> Option<String> {
    let Access::Guarded { audience, .. } = &rule.access else { return None };
    let groups: Vec<&str> = audience.groups.iter().map(|g| g.0.as_str()).collect();
    match groups.as_slice() {
        [] => Some("It is open to certain people only.".to_owned()),
        [one] => Some(format!("It is open to the group {one}.")),
        many => Some(format!("It is open to the groups {}.", many.join(", "))),
    }
}
