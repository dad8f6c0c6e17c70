//! A challenge, told by the kind of request: what is missing and where to give it.

use http::header::{ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS};
use http::header::{AUTHORIZATION, ORIGIN, REFERER, VARY};
use http::{HeaderValue, StatusCode};

use super::answers::{Facts, ToldAs};
use super::base::Core;
use super::cookies::{self, Presented};
use super::ctx::{Answered, page, see_other};
use super::fault::grpc;
use super::goal::Goal;
use super::headers::Framable;
use super::out_of_reach;
use super::pages::{Link, Notice, Way};
use super::problem::Problem;
use super::telling::telling;
use super::turns;
use crate::auth::policy::rule::Rule;
use crate::auth::proof::MethodSet;
use crate::auth::proof::challenge::ChallengeKind;
use crate::auth::proof::decision::Challenged;
use crate::auth::return_to::ReturnTo;

/// Tells a challenge.
pub(crate) fn answer(core: &Core, facts: &Facts, challenged: &Challenged) -> Answered {
    let goal = Goal::of(&facts.target, facts.method.as_str(), core.tolerances(&facts.host));
    let goal = match telling(facts, Some(&challenged.rule)) {
        ChallengeKind::Frame => goal.inside(around(core, facts)),
        _ => goal,
    };
    let turn = turns::taken(&facts.headers, &goal, core.flows.ports.clock.now());
    let goal = goal.after(turn);
    let url = goal.page(if challenged.subject.is_some() { "step-up" } else { "login" });
    let (kind, mut answer) = match telling(facts, Some(&challenged.rule)) {
        ChallengeKind::Redirect if goal.is_cut(&facts.target) => ("page", query_lost(core, facts, challenged, &url)),
        // The page there knows what the person has.
        ChallengeKind::Redirect => ("redirect", see_other(&url, "challenge")),
        _ if out_of_reach::is_hopeless(challenged) => ("page", out_of_reach::answer(core, facts, challenged)),
        ChallengeKind::Frame => ("frame", frame(core, facts, challenged, &url)),
        ChallengeKind::FormLost => ("form", form_lost(core, facts, challenged, &url)),
        ChallengeKind::Grpc => ("grpc", grpc(16, "A sign-in is needed")),
        ChallengeKind::Problem | ChallengeKind::WebSocket => ("problem", problem(facts, challenged, &url)),
    };
    answer.extensions_mut().insert(ToldAs(kind));
    answer
}

/// What is missing, in the words of pages, and those of the link that leads to it.
const fn wanted(challenged: &Challenged) -> (&'static str, &'static str) {
    match challenged.subject {
        Some(_) => ("A second step", "Confirm it is you"),
        None => ("A sign-in", "Sign in"),
    }
}

fn frame(core: &Core, facts: &Facts, challenged: &Challenged, url: &str) -> Answered {
    let (what, link) = wanted(challenged);
    let heading = if challenged.subject.is_some() { "A second step is needed" } else { "Your session ended" };
    let shell = core.skin.shell(&facts.request_id);
    let notice = Notice {
        lines: vec![format!("{what} is needed for this part of the page. It opens in the whole window.")],
        links: vec![Link::to(url, link)],
        ..Notice::new(&shell, heading)
    };
    let mut answer = page(StatusCode::UNAUTHORIZED, "challenge", &notice);
    answer.extensions_mut().insert(Framable);
    answer
}

/// The page around a frame, as the browser names it: on this very origin, and not a page inside the frame, where a
/// link was followed.
fn around(core: &Core, facts: &Facts) -> Option<ReturnTo> {
    if facts.headers.contains_key("sec-fetch-user") {
        return None;
    }
    let referer = facts.headers.get(REFERER)?.to_str().ok()?;
    let (authority, _) = referer.strip_prefix(facts.scheme)?.strip_prefix("://")?.split_once('/')?;
    let port = if facts.scheme == "https" { ":443" } else { ":80" };
    let bare = |authority: &str| authority.strip_suffix(port).unwrap_or(authority).to_ascii_lowercase();
    if bare(authority) != bare(&facts.authority) {
        return None;
    }
    let target = referer.get(facts.scheme.len() + "://".len() + authority.len()..)?;
    ReturnTo::parse(target, core.tolerances(&facts.host))
}

/// The address does not fit into the address of a page of ours.
fn query_lost(core: &Core, facts: &Facts, challenged: &Challenged, url: &str) -> Answered {
    let (what, link) = wanted(challenged);
    let shell = core.skin.shell(&facts.request_id);
    let notice = Notice {
        lines: vec![
            "The address of this page is too long to be kept meanwhile.".to_owned(),
            "The link opens a new window. When you are done there, come back to this window and load it again."
                .to_owned(),
        ],
        links: vec![Link::aside(url, link)],
        ..Notice::new(&shell, format!("{what} is needed first"))
    };
    page(StatusCode::UNAUTHORIZED, "challenge", &notice)
}

fn form_lost(core: &Core, facts: &Facts, challenged: &Challenged, url: &str) -> Answered {
    let (what, link) = wanted(challenged);
    let shell = core.skin.shell(&facts.request_id);
    let notice = Notice {
        lines: vec![
            format!("{what} is needed before this form can be sent."),
            "Your browser may still have what you typed. The link opens a new window: when you are done there, come back to this window, go \
             back one page and send the form again."
                .to_owned(),
        ],
        links: vec![Link::aside(url, link)],
        ..Notice::new(&shell, "Your form was not sent")
    };
    page(StatusCode::UNAUTHORIZED, "challenge", &notice)
}

fn problem(facts: &Facts, challenged: &Challenged, url: &str) -> Answered {
    let requirement = challenged.requirement;
    let acr = requirement.strength.acr();
    let ours = facts.headers.get_all(AUTHORIZATION).iter().any(cookies::is_our_bearer);
    // Beside a cookie of ours, an Authorization is the app's affair; without one, it is a script that asks.
    let script = match cookies::session_token(&facts.headers) {
        Presented::Bearer(_) => true,
        Presented::Cookie(_) => ours,
        Presented::None | Presented::Ambiguous => facts.headers.contains_key(AUTHORIZATION),
    };
    let scheme = if script { "Bearer" } else { "StepUp" };
    let mut header = format!("{scheme} realm=\"{}\"", facts.host);
    let (code, title) = match &challenged.subject {
        Some(_) => ("step_up_required", "A second step is needed."),
        None => ("login_required", "A sign-in is needed."),
    };
    // A token of ours that counts for nothing is told so (RFC 6750 §3.1); all else is too little authentication
    // (RFC 9470 §3).
    let spurned = ours && challenged.subject.is_none();
    let error = if spurned { "invalid_token" } else { "insufficient_user_authentication" };
    header.push_str(&format!(", error=\"{error}\""));
    header.push_str(&format!(", acr_values=\"{acr}\""));
    let mut problem = Problem::new(StatusCode::UNAUTHORIZED, code, title)
        .kind("challenge")
        .with("error", error)
        .with("acr_values", vec![acr])
        .with("login_url", format!("{}://{}{url}", facts.scheme, facts.authority))
        .with("methods", offered(challenged.shortfall.methods));
    if let Some(age) = requirement.max_age {
        header.push_str(&format!(", max_age=\"{}\"", age.as_secs()));
        problem = problem.with("max_age", age.as_secs());
    }
    let mut answer = problem.challenged(header).answer(facts);
    readable_by(&mut answer, facts, &challenged.rule);
    answer
}

/// The names of the methods that would help, those with a form of ours before all others.
pub(crate) fn offered(methods: MethodSet) -> Vec<&'static str> {
    let here: Vec<&str> = methods.iter().filter_map(Way::of).map(|w| w.name).collect();
    if here.is_empty() { methods.iter().map(crate::auth::proof::Method::name).collect() } else { here }
}

/// Lets scripts of the origins that the rule names read the answer (Fetch standard, CORS protocol).
pub(crate) fn readable_by(answer: &mut Answered, facts: &Facts, rule: &Rule) {
    if rule.cors.origins.is_empty() {
        return;
    }
    // A copy that was made for nobody, or for one origin, is of no use to another.
    answer.headers_mut().append(VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = facts.headers.get(ORIGIN) else { return };
    if !rule.cors.origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()) {
        return;
    }
    let headers = answer.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("WWW-Authenticate, X-Request-Id"));
}
