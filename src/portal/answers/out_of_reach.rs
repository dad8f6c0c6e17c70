//! A rule asks for more than anybody can prove here: told honestly, before anybody types a code or scans a picture
//! for nothing. Being signed in changes nothing about it, so it is a refusal (403), never another challenge.

use http::StatusCode;

use super::problem::Problem;
use crate::auth::proof::decision::RuleSummary;
use crate::auth::proof::{MethodSet, Offer, Requirement};
use crate::portal::format;
use crate::portal::messages::text;
use crate::portal::pages::{Link, NoticePage, method_names};
use crate::portal::reply::{Reply, page};
use crate::portal::request_info::RequestInfo;
use crate::portal::state::PortalState;
use crate::portal::support_contact;

/// Who cannot reach something, and what they have.
pub(crate) struct Unreached<'a> {
    pub(crate) who: &'a str,
    pub(crate) owned: MethodSet,
    /// Whether a session is open.
    pub(crate) signed_in: bool,
    /// They would reach it from where they are recognised.
    pub(crate) unrecognised: bool,
}

/// Answers scripts: `factor_unavailable`.
pub(super) fn problem(
    rule: Option<RuleSummary<'_>>,
    requirement: Requirement,
    owned: MethodSet,
    offer: Offer,
) -> Problem {
    let title = text!("problem-unattainable-title");
    let problem = Problem::new(StatusCode::FORBIDDEN, "factor_unavailable", title)
        .kind("refusal")
        .with("acr_values", vec![requirement.strength.acr()])
        .with("methods", method_names(requirement.lacking(owned, offer)));
    match rule {
        Some(rule) => problem.by_rule(rule),
        None => problem,
    }
}

/// The page: what the rule wants, what one has, and whom to ask. `asked`: method, host and path.
pub(crate) fn page_reply(
    state: &PortalState,
    info: &RequestInfo,
    rule: Option<RuleSummary<'_>>,
    requirement: Requirement,
    Unreached { who, owned, signed_in, unrecognised }: Unreached<'_>,
    asked: &str,
) -> Reply {
    let (shell, offer) = (state.theme.shell(&info.request_id), state.flows.settings.offer_at(&info.host));
    let wanted = format::any_of(&nouns(requirement.lacking(owned, offer)));
    let owned = owned.and(offer.served);
    let mut lines = vec![text!("unattainable-wanted", methods = &wanted)];
    if !owned.is_empty() {
        lines.push(text!("unattainable-owned", methods = format::all_of(&nouns(owned))));
    }
    lines.push(text!("unattainable-useless"));
    if unrecognised {
        lines = vec![text!("refusal-risk")];
    }
    let own = rule.and_then(|rule| rule.remediation.map(str::to_owned));
    let whom = support_contact::whom(shell.support.as_ref());
    let items = match unrecognised {
        true => vec![own.unwrap_or_else(|| text!("refusal-risk-usual")), text!("refusal-risk-ask", support = whom)],
        false => vec![own.unwrap_or_else(|| text!("unattainable-ask", support = whom))],
    };
    let mut shown =
        vec![(if signed_in { text!("fact-signed-in-as") } else { text!("fact-user-name") }, who.to_owned())];
    shown.push((text!("fact-asked-for"), asked.to_owned()));
    if let Some(rule) = rule {
        shown.extend(rule.explanation.map(|text| (text!("fact-purpose"), text.to_owned())));
        shown.push((text!("fact-rule"), rule.name.to_owned()));
    }
    shown.push((text!("fact-reference"), info.request_id.clone()));
    let subject = text!("letter-subject-unattainable", host = &info.authority, methods = wanted);
    let ask = support_contact::SupportRequest {
        subject: &subject,
        asked,
        who: Some(who),
        link: text!("action-ask-for-help"),
    };
    let link = match signed_in {
        true => Link::to("/.stepgate/account", text!("action-your-account")),
        false => Link::to("/.stepgate/login", text!("unattainable-sign-in")),
    };
    let list = Some(text!("refusal-what-to-do"));
    let links = ask.link(shell.support.as_ref(), info).into_iter().chain([link]).collect();
    let notice =
        NoticePage { lines, list, items, details: shown, links, ..NoticePage::new(&shell, text!("refusal-title")) };
    page(StatusCode::FORBIDDEN, "refusal", &notice)
}

/// Methods as things that somebody has.
fn nouns(methods: MethodSet) -> Vec<String> {
    methods.iter().map(format::method).collect()
}
