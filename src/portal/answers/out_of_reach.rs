//! A rule asks for more than anybody can prove here: told honestly, before anybody types a code or scans a picture
//! for nothing. Being signed in changes nothing about it, so it is a refusal (403), never another challenge.

use http::StatusCode;

use super::problem::Problem;
use crate::auth::proof::decision::RuleSummary;
use crate::auth::proof::{Method, MethodSet, Requirement};
use crate::portal::format;
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
}

/// Answers scripts: `factor_unavailable`.
pub(super) fn problem(rule: Option<RuleSummary<'_>>, requirement: Requirement, owned: MethodSet) -> Problem {
    let title = "A factor is needed that cannot be set up here.";
    let problem = Problem::new(StatusCode::FORBIDDEN, "factor_unavailable", title)
        .kind("refusal")
        .with("acr_values", vec![requirement.strength.acr()])
        .with("methods", method_names(requirement.lacking(owned)));
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
    Unreached { who, owned, signed_in }: Unreached<'_>,
    asked: &str,
) -> Reply {
    let shell = state.theme.shell(&info.request_id);
    let wanted = format::listed(requirement.lacking(owned).iter().map(noun), "or");
    let owned = owned.and(MethodSet::SERVED);
    let mut lines = vec![format!("This page asks for {wanted}.")];
    if !owned.is_empty() {
        lines.push(format!("You have {}. That is not enough here.", format::listed(owned.iter().map(noun), "and")));
    }
    lines.push("What is missing cannot be set up here, so signing in again does not help.".to_owned());
    let own = rule.and_then(|rule| rule.remediation.map(str::to_owned));
    let whom = support_contact::whom(shell.support.as_ref());
    let items = vec![own.unwrap_or_else(|| format!("Ask {whom} for another way to do what you want to do here."))];
    let mut shown = vec![(if signed_in { "Signed in as" } else { "User name" }, who.to_owned())];
    shown.push(("Asked for", asked.to_owned()));
    if let Some(rule) = rule {
        shown.extend(rule.explanation.map(|text| ("What it is for", text.to_owned())));
        shown.push(("Rule", rule.name.to_owned()));
    }
    shown.push(("Reference", info.request_id.clone()));
    let subject = format!("{} asks for {wanted}", info.authority);
    let ask = support_contact::SupportRequest { subject: &subject, asked, who: Some(who), link: "Ask for help" };
    let link = match signed_in {
        true => Link::to("/.stepgate/account", "Your account"),
        false => Link::to("/.stepgate/login", "Sign in without opening this page"),
    };
    let list = Some("What you can do");
    let links = ask.link(shell.support.as_ref(), info).into_iter().chain([link]).collect();
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

/// A method as one thing that somebody has.
const fn noun(method: Method) -> &'static str {
    match method {
        Method::Password => "a password",
        Method::Totp => "an authenticator app",
        Method::Passkey => "a passkey",
        Method::SecurityKey => "a security key",
        Method::BackupCode => "backup codes",
        Method::EmailCode => "a code by mail",
        Method::SmsCode => "a code by text message",
        Method::RecoveryCode => "a recovery code",
    }
}
