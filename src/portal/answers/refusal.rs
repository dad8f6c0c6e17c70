//! A refusal: who asked for what, which rule refused it, in the operator's words, and what one can do.

use http::StatusCode;

use super::client_kind::{challenge_kind, wants_html};
use super::cors::readable_by;
use super::error_page;
use super::grpc::grpc;
use super::out_of_reach::{self, Unreached};
use super::problem::Problem;
use crate::auth::proof::MethodSet;
use crate::auth::proof::challenge::ChallengeKind;
use crate::auth::proof::decision::{Refusal, RefusalReason};
use crate::auth::user::Group;
use crate::portal::destination::Destination;
use crate::portal::error::PortalError;
use crate::portal::format;
use crate::portal::messages::text;
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
        (RefusalReason::OutOfReach(_), ChallengeKind::Grpc) => grpc(info, 7, &text!("unattainable-grpc")),
        (_, ChallengeKind::Grpc) => grpc(info, 7, &text!("refusal-grpc")),
        (RefusalReason::OutOfReach(requirement), kind) => {
            let subject = refusal.subject.as_ref();
            let owned = subject.map_or(MethodSet::EMPTY, |session| session.proofs.methods());
            let who = subject.map_or("", |session| session.identity.username.as_str());
            let path = format::path(info.target.split('?').next().unwrap_or("/"));
            let asked = format!("{} {}{path}", info.method, info.authority);
            match wants_html(kind) {
                true => {
                    let person = Unreached { who, owned, signed_in: true, unrecognised: false };
                    out_of_reach::page_reply(state, info, summary, requirement, person, &asked)
                }
                false => {
                    let offer = state.destinations.offer(&info.host);
                    out_of_reach::problem(summary, requirement, owned, offer).reply(info)
                }
            }
        }
        (_, kind) if wants_html(kind) => denied(state, info, refusal),
        _ => problem(info, refusal),
    };
    if kind == ChallengeKind::Frame {
        answer = answer.framable();
    }
    if let Some(rule) = rule {
        readable_by(&mut answer, info, &rule.cors.origins);
    }
    answer
}

fn problem(info: &RequestInfo, refusal: &Refusal) -> Reply {
    let problem = Problem::new(StatusCode::FORBIDDEN, "refused", text!("problem-refused-title"))
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
        Some(who) => text!("refusal-user", user = who, path = &path),
        None => text!("refusal-nobody", path = &path),
    }];
    // What to do first: what the operator wrote, if anything.
    let mut items: Vec<String> = rule.and_then(|rule| rule.remediation.clone()).into_iter().collect();
    match refusal.reason {
        RefusalReason::NotInAudience => {
            lines.extend(rule.map(|rule| audience(rule.access.groups())));
            if items.is_empty() {
                items.push(text!("refusal-audience-ask", support = whom));
            }
        }
        RefusalReason::DenyRule => {
            lines.push(text!("refusal-closed"));
            if items.is_empty() {
                items.push(text!("refusal-closed-mistake", support = whom));
            }
        }
        RefusalReason::Unrecognised => {
            lines.push(text!("refusal-risk"));
            if items.is_empty() {
                items.push(text!("refusal-risk-usual"));
            }
            items.push(text!("refusal-risk-ask", support = whom));
        }
        RefusalReason::ForeignOrigin => {
            lines.push(text!("refusal-other-site"));
            items.push(text!("refusal-other-site-trusted", support = whom));
        }
        RefusalReason::OutOfReach(_) | RefusalReason::WellKnown => lines.push(text!("refusal-nothing-there")),
        RefusalReason::NoRule => {
            lines.push(text!("refusal-nothing-open"));
            items.push(text!("refusal-check-address"));
            items.push(text!("refusal-address-right", support = whom));
        }
    }
    let asked = format!("{} {}{path}", info.method, info.authority);
    let mut shown = vec![(text!("fact-asked-for"), asked.clone())];
    if let Some(who) = who {
        shown.insert(0, (text!("fact-signed-in-as"), who.to_owned()));
    }
    if let Some(rule) = rule {
        shown.extend(rule.explanation.clone().map(|text| (text!("fact-purpose"), text)));
        shown.push((text!("fact-rule"), rule.id.0.to_string()));
    }
    shown.push((text!("fact-reference"), info.request_id.clone()));
    let place = format!("{}{path}", info.authority);
    let (subject, link) = match refusal.reason {
        RefusalReason::NotInAudience => (text!("letter-subject-access", place = place), text!("action-ask-for-access")),
        _ => (text!("letter-subject-closed", place = place), text!("action-ask-for-help")),
    };
    let ask = support_contact::SupportRequest { subject: &subject, asked: &asked, who, link }
        .link(shell.support.as_ref(), info);
    // Where nobody gets in, another account does not help.
    let other = who.filter(|_| refusal.reason == RefusalReason::NotInAudience).map(|_| {
        let destination =
            Destination::of_request(&info.target, info.method.as_str(), state.destinations.tolerances(&info.host));
        Link::to(destination.page_url("logout"), text!("action-other-account"))
    });
    let (list, links) = (Some(text!("refusal-what-to-do")), ask.into_iter().chain(other).collect());
    let notice =
        NoticePage { lines, list, items, details: shown, links, ..NoticePage::new(&shell, text!("refusal-title")) };
    page(StatusCode::FORBIDDEN, "refusal", &notice)
}

/// To whom a rule is open.
fn audience(groups: &[Group]) -> String {
    let groups: Vec<&str> = groups.iter().map(|g| g.0.as_str()).collect();
    match groups.as_slice() {
        [] => text!("refusal-audience-some"),
        [one] => text!("refusal-audience-group", group = *one),
        many => text!("refusal-audience-groups", groups = many.join(", ")),
    }
}
