//! A refusal: who asked for what, which rule refused it, in the operator's words, and what one can do.

use http::StatusCode;

use super::client_kind::{challenge_kind, wants_html};
use super::cors::readable_by;
use super::error_page;
use super::grpc::grpc;
use super::headers::Framable;
use super::out_of_reach::{self, Unreached};
use super::problem::Problem;
use crate::auth::proof::MethodSet;
use crate::auth::proof::challenge::ChallengeKind;
use crate::auth::proof::decision::{Refusal, RefusalReason};
use crate::auth::user::Group;
use crate::portal::destination::Destination;
use crate::portal::error::PortalError;
use crate::portal::format;
use crate::portal::pages::{Link, NoticePage};
use crate::portal::reply::{Reply, page};
use crate::portal::request_info::RequestInfo;
use crate::portal::state::PortalState;
use crate::portal::support_contact;

/// Tells a refusal.
pub(crate) fn reply(state: &PortalState, info: &RequestInfo, refusal: &Refusal) -> Reply {
    if refusal.reason == RefusalReason::WellKnown {
        return error_page::reply(state, info, PortalError::NotFound);
    }
    let rule = refusal.rule.as_deref();
    let kind = challenge_kind(info, rule.map(|rule| rule.hints()).unwrap_or_default());
    let summary = rule.map(|rule| rule.summary());
    let mut answer = match (refusal.reason, kind) {
        (RefusalReason::OutOfReach(_), ChallengeKind::Grpc) => {
            return grpc(7, "A factor is needed that cannot be set up here");
        }
        (_, ChallengeKind::Grpc) => return grpc(7, "Access is refused"),
        (RefusalReason::OutOfReach(requirement), kind) => {
            let subject = refusal.subject.as_ref();
            let owned = subject.map_or(MethodSet::EMPTY, |session| session.proofs.methods());
            let who = subject.map_or("", |session| session.identity.username.as_str());
            let path = format::path(info.target.split('?').next().unwrap_or("/"));
            let asked = format!("{} {}{path}", info.method, info.authority);
            match wants_html(kind) {
                true => {
                    let person = Unreached { who, owned, signed_in: true };
                    out_of_reach::page_reply(state, info, summary, requirement, person, &asked)
                }
                false => out_of_reach::problem(summary, requirement, owned).reply(info),
            }
        }
        (_, kind) if wants_html(kind) => denied(state, info, refusal),
        _ => problem(info, refusal),
    };
    if kind == ChallengeKind::Frame {
        answer.extensions_mut().insert(Framable);
    }
    if let Some(rule) = rule {
        readable_by(&mut answer, info, &rule.cors.origins);
    }
    answer
}

fn problem(info: &RequestInfo, refusal: &Refusal) -> Reply {
    let problem = Problem::new(StatusCode::FORBIDDEN, "refused", "Access is refused.")
        .kind("refusal")
        .with("reason", refusal.reason.code());
    match &refusal.rule {
        Some(rule) => problem.by_rule(rule.summary()),
        None => problem,
    }
    .reply(info)
}

fn denied(state: &PortalState, info: &RequestInfo, refusal: &Refusal) -> Reply {
    let path = format::path(info.target.split('?').next().unwrap_or("/"));
    let who = refusal.subject.as_ref().map(|s| s.identity.username.as_str());
    let rule = refusal.rule.as_deref();
    let shell = state.theme.shell(&info.request_id);
    let whom = support_contact::whom(shell.support.as_ref());
    let mut lines = vec![match who {
        Some(who) => format!("{who} cannot open {path}."),
        None => format!("{path} cannot be opened."),
    }];
    // What to do first: what the operator wrote, if anything.
    let mut items: Vec<String> = rule.and_then(|rule| rule.remediation.clone()).into_iter().collect();
    match refusal.reason {
        RefusalReason::NotInAudience => {
            lines.extend(rule.map(|rule| audience(rule.access.groups())));
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
        RefusalReason::OutOfReach(_) | RefusalReason::WellKnown => {
            lines.push("There is nothing at this address.".to_owned())
        }
        RefusalReason::NoRule => {
            lines.push("Nothing is open to anybody at this address.".to_owned());
            items.push("Check the address.".to_owned());
            items.push(format!("If it is right, tell {whom}."));
        }
    }
    let asked = format!("{} {}{path}", info.method, info.authority);
    let mut shown = vec![("Asked for", asked.clone())];
    if let Some(who) = who {
        shown.insert(0, ("Signed in as", who.to_owned()));
    }
    if let Some(rule) = rule {
        shown.extend(rule.explanation.clone().map(|text| ("What it is for", text)));
        shown.push(("Rule", rule.id.0.to_string()));
    }
    shown.push(("Reference", info.request_id.clone()));
    let (subject, link) = match refusal.reason {
        RefusalReason::NotInAudience => (format!("Access to {}{path}", info.authority), "Ask for access"),
        _ => (format!("{}{path} is closed", info.authority), "Ask for help"),
    };
    let ask = support_contact::SupportRequest { subject: &subject, asked: &asked, who, link }
        .link(shell.support.as_ref(), info);
    // Where nobody gets in, another account does not help.
    let other = who.filter(|_| refusal.reason == RefusalReason::NotInAudience).map(|_| {
        let destination =
            Destination::of_request(&info.target, info.method.as_str(), state.destinations.tolerances(&info.host));
        Link::to(destination.page_url("logout"), "Use another account")
    });
    let (list, links) = (Some("What you can do"), ask.into_iter().chain(other).collect());
    let notice = NoticePage {
        lines,
        list,
        items,
        details: shown,
        links,
        ..NoticePage::new(&shell, "You cannot open this page")
    };
    page(StatusCode::FORBIDDEN, "refusal", &notice)
}

/// To whom a rule is open.
fn audience(groups: &[Group]) -> String {
    let groups: Vec<&str> = groups.iter().map(|g| g.0.as_str()).collect();
    match groups.as_slice() {
        [] => "It is open to certain people only.".to_owned(),
        [one] => format!("It is open to the group {one}."),
        many => format!("It is open to the groups {}.", many.join(", ")),
    }
}
