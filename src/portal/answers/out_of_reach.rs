//! A rule asks for more than anybody can prove here: told honestly, before anybody types a code or scans a picture
//! for nothing. Being signed in changes nothing about it, so it is a refusal (403), never another challenge.

use http::StatusCode;

use super::client_kind::{challenge_kind, wants_html};
use super::cors::readable_by;
use super::grpc::grpc;
use super::headers::Framable;
use super::problem::Problem;
use crate::auth::policy::rule::Rule;
use crate::auth::proof::challenge::ChallengeKind;
use crate::auth::proof::decision::Challenged;
use crate::auth::proof::{Method, MethodSet, Requirement};
use crate::portal::format;
use crate::portal::pages::{Link, NoticePage, method_names};
use crate::portal::reply::{Reply, page};
use crate::portal::request_info::RequestInfo;
use crate::portal::state::PortalState;
use crate::portal::support_contact;

/// What is out of whose reach.
pub(crate) struct Reach<'a> {
    /// The rule that asks; `None` where it is gone by now.
    pub(crate) rule: Option<&'a Rule>,
    pub(crate) requirement: Requirement,
    /// Who asked, once proved.
    pub(crate) who: &'a str,
    /// What they have.
    pub(crate) owned: MethodSet,
    /// What was asked for: method, host and path.
    pub(crate) asked: String,
    /// Whether a session is open.
    pub(crate) signed_in: bool,
}

impl Reach<'_> {
    /// The methods that are missing, any of which would do.
    fn lacking(&self) -> MethodSet {
        let named = self.requirement.out_of_reach(self.owned);
        if named.is_empty() { self.requirement.counted().minus(self.owned) } else { named }
    }
}

/// Whether a challenge asks a signed-in person for what nobody can prove in this version.
pub(crate) fn is_hopeless(challenged: &Challenged) -> bool {
    let proved = challenged.subject.as_ref().map(|session| session.proofs.methods());
    proved.is_some_and(|proved| !challenged.requirement.is_within(proved.or(MethodSet::SERVED)))
}

/// Answers such a challenge where it is not told by leading to a page.
pub(crate) fn reply(state: &PortalState, info: &RequestInfo, challenged: &Challenged) -> Reply {
    let path = info.target.split('?').next().unwrap_or("/");
    let reach = Reach {
        rule: Some(&challenged.rule),
        requirement: challenged.requirement,
        who: challenged.subject.as_ref().map_or("", |s| s.identity.username.as_str()),
        owned: challenged.subject.as_ref().map_or(MethodSet::EMPTY, |s| s.proofs.methods()),
        asked: format!("{} {}{}", info.method, info.authority, format::path(path)),
        signed_in: true,
    };
    let how = challenge_kind(info, Some(&challenged.rule));
    let mut answer = match how {
        ChallengeKind::Grpc => return grpc(7, "A factor is needed that cannot be set up here"),
        how if wants_html(how) => page_reply(state, info, &reach),
        _ => problem(info, &reach),
    };
    if how == ChallengeKind::Frame {
        answer.extensions_mut().insert(Framable);
    }
    readable_by(&mut answer, info, &challenged.rule);
    answer
}

fn problem(info: &RequestInfo, reach: &Reach<'_>) -> Reply {
    let title = "A factor is needed that cannot be set up here.";
    let mut problem = Problem::new(StatusCode::FORBIDDEN, "factor_unavailable", title)
        .kind("refusal")
        .with("acr_values", vec![reach.requirement.strength.acr()])
        .with("methods", method_names(reach.lacking()));
    if let Some(rule) = reach.rule {
        problem = problem.with("rule", rule.id.0.as_ref());
        for (name, text) in [("explanation", &rule.explanation), ("remediation", &rule.remediation)] {
            if let Some(text) = text {
                problem = problem.with(name, text.as_str());
            }
        }
    }
    problem.reply(info)
}

/// The page: what the rule wants, what one has, and whom to ask.
pub(crate) fn page_reply(state: &PortalState, info: &RequestInfo, reach: &Reach<'_>) -> Reply {
    let shell = state.theme.shell(&info.request_id);
    let wanted = format::listed(reach.lacking().iter().map(noun), "or");
    let owned = reach.owned.and(MethodSet::SERVED);
    let mut lines = vec![format!("This page asks for {wanted}.")];
    if !owned.is_empty() {
        lines.push(format!("You have {}. That is not enough here.", format::listed(owned.iter().map(noun), "and")));
    }
    lines.push("What is missing cannot be set up here, so signing in again does not help.".to_owned());
    let own = reach.rule.and_then(|rule| rule.remediation.clone());
    let whom = support_contact::whom(shell.support.as_ref());
    let items = vec![own.unwrap_or_else(|| format!("Ask {whom} for another way to do what you want to do here."))];
    let mut shown = vec![("Signed in as", reach.who.to_owned())];
    if !reach.signed_in {
        shown = vec![("User name", reach.who.to_owned())];
    }
    shown.push(("Asked for", reach.asked.clone()));
    if let Some(rule) = reach.rule {
        shown.extend(rule.explanation.clone().map(|text| ("What it is for", text)));
        shown.push(("Rule", rule.id.0.to_string()));
    }
    shown.push(("Reference", info.request_id.clone()));
    let subject = format!("{} asks for {wanted}", info.authority);
    let ask = support_contact::SupportRequest {
        subject: &subject,
        asked: &reach.asked,
        who: Some(reach.who),
        link: "Ask for help",
    };
    let link = match reach.signed_in {
        true => Link::to("/.stepgate/account", "Your account"),
        false => Link::to("/.stepgate/login", "Sign in without opening this page"),
    };
    let (list, links) =
        (Some("What you can do"), ask.link(shell.support.as_ref(), info).into_iter().chain([link]).collect());
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
