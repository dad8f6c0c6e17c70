//! A challenge, told by the kind of request: what is missing and where to give it.

use http::header::{AUTHORIZATION, REFERER};
use http::{Method, StatusCode};

use super::client_kind::{self, kind_in, wants_html};
use super::cors::readable_by;
use super::dialect;
use super::grpc::grpc;
use super::problem::Problem;
use crate::auth::held_request::{FORM_WAITS, FormKeys, FormTraits, HoldTerms, NotHeld};
use crate::auth::proof::challenge::{ChallengeKind, Dialect};
use crate::auth::proof::decision::Challenged;
use crate::auth::proof::{Binding, Lack, Strength};
use crate::auth::reserved_names::is_our_bearer;
use crate::auth::return_to::ReturnTo;
use crate::portal::cookies::{self, SessionCredential};
use crate::portal::destination::Destination;
use crate::portal::format;
use crate::portal::handoff;
use crate::portal::messages::text;
use crate::portal::pages::{Link, NoticePage, method_names};
use crate::portal::redirect_guard;
use crate::portal::reply::{ChallengeForm, Note, Reply, page, see_other, with_cookie};
use crate::portal::request_info::RequestInfo;
use crate::portal::state::PortalState;

/// What became of the form that a challenged request sends.
pub(crate) enum FormOutcome<'a> {
    /// It sends none, or nobody has looked.
    Unknown,
    /// It waits.
    Held(&'a FormKeys),
    NotHeld(NotHeld),
}

/// Whether a challenged request sends a form that is to be kept; `None`: it sends none.
pub(crate) fn admit_form(
    state: &PortalState,
    info: &RequestInfo,
    challenged: &Challenged,
    form: &FormTraits<'_>,
    terms: Option<&HoldTerms>,
) -> Option<Result<u64, NotHeld>> {
    let to = || Destination::of_request(&info.target, info.method.as_str(), state.destinations.tolerances(&info.host));
    match kind_of(state, info, challenged) {
        ChallengeKind::Form if to().is_cut(&info.target) => Some(Err(NotHeld::LongAddress)),
        ChallengeKind::Form => Some(form.admit(terms)),
        ChallengeKind::Frame => Some(Err(NotHeld::Frame)),
        _ => None,
    }
}

/// Tells a challenge.
pub(crate) fn reply(state: &PortalState, info: &RequestInfo, challenged: &Challenged, sent: &FormOutcome<'_>) -> Reply {
    let destination =
        Destination::of_request(&info.target, info.method.as_str(), state.destinations.tolerances(&info.host));
    let kind = kind_of(state, info, challenged);
    let destination = match kind {
        ChallengeKind::Frame => destination.within(around(state, info)),
        ChallengeKind::Dialect(dialect) => destination.within(Some(page_of(state, info, dialect))),
        _ => destination,
    };
    let turn = redirect_guard::count(&info.cookies, &destination, state.flows.ports.clock.now());
    let destination = destination.with_redirects(turn);
    let destination = match sent {
        FormOutcome::Held(keys) => destination.with_form(keys.id.clone()),
        FormOutcome::Unknown | FormOutcome::NotHeld(_) => destination,
    };
    let unshown = is_unshown(challenged, &destination);
    let page_name = if challenged.subject.is_some() { "step-up" } else { "login" };
    let url = destination.page_url(page_name);
    let way_on = (!unshown || challenged.shortfall.lack != Lack::Transaction).then_some(url.as_str());
    let (form, reply) = match kind {
        ChallengeKind::Redirect if destination.is_cut(&info.target) => {
            (ChallengeForm::Page, query_lost(state, info, challenged, &url))
        }
        ChallengeKind::Redirect if state.portal_of(&info.host).is_some() => {
            (ChallengeForm::Handoff, handoff::lead(state, info, &destination, page_name))
        }
        ChallengeKind::Redirect => (ChallengeForm::Redirect, see_other(&url, "challenge")),
        ChallengeKind::Frame if unshown => (ChallengeForm::Frame, frame_unshown(state, info)),
        ChallengeKind::Frame => (ChallengeForm::Frame, frame(state, info, challenged, &url)),
        ChallengeKind::Form => match sent {
            FormOutcome::Held(keys) => {
                let on = match state.portal_of(&info.host) {
                    Some(_) => handoff::lead(state, info, &destination, page_name),
                    None => see_other(&url, "challenge"),
                };
                (ChallengeForm::HeldForm, with_cookie(on, cookies::set_holder(&keys.holder, FORM_WAITS)))
            }
            FormOutcome::NotHeld(why) if unshown => (ChallengeForm::LostForm, form_unshown(state, info, *why)),
            FormOutcome::Unknown if unshown => (ChallengeForm::LostForm, form_unshown(state, info, NotHeld::Off)),
            FormOutcome::NotHeld(why) => (ChallengeForm::LostForm, form_lost(state, info, challenged, &url, *why)),
            FormOutcome::Unknown => (ChallengeForm::LostForm, form_lost(state, info, challenged, &url, NotHeld::Off)),
        },
        ChallengeKind::Grpc => {
            (ChallengeForm::Grpc, grpc(info, 16, &text!("challenge-grpc", wanted = wanted(challenged))))
        }
        ChallengeKind::Problem | ChallengeKind::WebSocket => {
            (ChallengeForm::Problem, problem(state, info, challenged, way_on))
        }
        // It would be led to a page that cannot help: what was typed stays where it is.
        ChallengeKind::Dialect(_) if way_on.is_none() => {
            (ChallengeForm::Problem, problem(state, info, challenged, None))
        }
        ChallengeKind::Dialect(Dialect::Htmx) => {
            (ChallengeForm::Htmx, dialect::htmx(problem(state, info, challenged, way_on), &url))
        }
        ChallengeKind::Dialect(Dialect::Faces) => (ChallengeForm::Faces, dialect::faces(&url)),
    };
    let mut reply = dialect::varied(reply, dialects(state, info));
    if !wants_html(kind) {
        readable_by(&mut reply, info, &challenged.rule.cors.origins);
    }
    reply.noted(Note::Challenge(form))
}

/// Whether what is sent must be approved of, and no page of ours can show it: it has a body that was not kept.
fn is_unshown(challenged: &Challenged, destination: &Destination) -> bool {
    let bound = challenged.requirement.binding == Binding::Transaction;
    bound && destination.method != "GET" && destination.form.is_none()
}

/// The libraries that this host has answered in their own way.
fn dialects<'s>(state: &'s PortalState, info: &RequestInfo) -> &'s [Dialect] {
    state.scripts.get(&info.host).map_or(&[], |scripts| &scripts.dialects)
}

fn kind_of(state: &PortalState, info: &RequestInfo, challenged: &Challenged) -> ChallengeKind {
    kind_in(info, challenged.rule.hints(), client_kind::dialect(info, dialects(state, info)))
}

/// What is missing, as the messages name it. Where one factor does, it may be the password: no second step.
fn wanted(challenged: &Challenged) -> &'static str {
    match &challenged.subject {
        None => "sign-in",
        Some(_) if challenged.requirement.strength == Strength::OneFactor => "proof",
        Some(_) => "step-up",
    }
}

fn frame(state: &PortalState, info: &RequestInfo, challenged: &Challenged, url: &str) -> Reply {
    let wanted = wanted(challenged);
    let shell = state.theme.shell(&info.request_id);
    let lost = !matches!(info.method, Method::GET | Method::HEAD);
    let lines = [text!("challenge-frame", wanted = wanted)].into_iter();
    let notice = NoticePage {
        lines: lines.chain(lost.then(|| text!("challenge-frame-form"))).collect(),
        links: vec![Link::to(url, text!("challenge-link", wanted = wanted))],
        ..NoticePage::new(&shell, text!("challenge-frame-title", wanted = wanted))
    };
    page(StatusCode::UNAUTHORIZED, "challenge", &notice).framable()
}

/// The page around a frame, as the browser names it: on this very origin, and not a page inside the frame, where a
/// link was followed.
fn around(state: &PortalState, info: &RequestInfo) -> Option<ReturnTo> {
    if info.headers.contains_key("sec-fetch-user") {
        return None;
    }
    page_here(state, info, info.headers.get(REFERER)?.to_str().ok()?)
}

/// The page on which a library asked: there one lands again, for what was asked is a part of a page, or answers no GET.
/// A Faces view is asked at its own address.
fn page_of(state: &PortalState, info: &RequestInfo, dialect: Dialect) -> ReturnTo {
    let named = |name: &str| info.headers.get(name).and_then(|url| page_here(state, info, url.to_str().ok()?));
    let current = match dialect {
        Dialect::Htmx => named("hx-current-url").or_else(|| named("referer")),
        Dialect::Faces => {
            named("referer").or_else(|| ReturnTo::parse(&info.target, state.destinations.tolerances(&info.host)))
        }
    };
    current.unwrap_or_else(ReturnTo::root)
}

/// The page at this address, if it is on this very origin and none of ours.
fn page_here(state: &PortalState, info: &RequestInfo, url: &str) -> Option<ReturnTo> {
    let (authority, _) = url.strip_prefix(info.scheme)?.strip_prefix("://")?.split_once('/')?;
    let port = if info.scheme == "https" { ":443" } else { ":80" };
    let bare = |authority: &str| authority.strip_suffix(port).unwrap_or(authority).to_ascii_lowercase();
    if bare(authority) != bare(&info.authority) {
        return None;
    }
    let target = url.get(info.scheme.len() + "://".len() + authority.len()..)?;
    ReturnTo::parse(target, state.destinations.tolerances(&info.host))
}

/// The address does not fit into the address of a page of ours.
fn query_lost(state: &PortalState, info: &RequestInfo, challenged: &Challenged, url: &str) -> Reply {
    let wanted = wanted(challenged);
    let shell = state.theme.shell(&info.request_id);
    let notice = NoticePage {
        lines: vec![text!("challenge-long-address"), text!("challenge-long-address-how")],
        links: vec![Link::aside(url, text!("challenge-link", wanted = wanted))],
        ..NoticePage::new(&shell, text!("challenge-first-title", wanted = wanted))
    };
    page(StatusCode::UNAUTHORIZED, "challenge", &notice)
}

fn form_lost(state: &PortalState, info: &RequestInfo, challenged: &Challenged, url: &str, why: NotHeld) -> Reply {
    let wanted = wanted(challenged);
    let shell = state.theme.shell(&info.request_id);
    let because = not_held(why);
    let lines = [text!("challenge-form", wanted = wanted)].into_iter().chain(because);
    let notice = NoticePage {
        lines: lines.chain([text!("challenge-form-how")]).collect(),
        links: vec![Link::aside(url, text!("challenge-link", wanted = wanted))],
        ..NoticePage::new(&shell, text!("challenge-form-title"))
    };
    page(StatusCode::UNAUTHORIZED, "challenge", &notice)
}

/// Why a form was not kept, where that is worth a word.
fn not_held(why: NotHeld) -> Option<String> {
    match why {
        NotHeld::Off | NotHeld::Frame => None,
        NotHeld::LongAddress => Some(text!("challenge-form-long-address")),
        NotHeld::CrossOrigin => Some(text!("challenge-form-elsewhere")),
        NotHeld::OtherType => Some(text!("challenge-form-other-type")),
        NotHeld::TooLarge { limit } => Some(text!("challenge-form-too-large", size = format::size(limit))),
        NotHeld::Full => Some(text!("challenge-form-full")),
    }
}

/// A form that must be seen before it is sent, and cannot be shown. No page leads on: the next form would end here as well.
fn form_unshown(state: &PortalState, info: &RequestInfo, why: NotHeld) -> Reply {
    let shell = state.theme.shell(&info.request_id);
    let because = match why {
        NotHeld::CrossOrigin => Some(text!("challenge-unshown-elsewhere")),
        _ => not_held(why),
    };
    let how = match why {
        NotHeld::Full => text!("challenge-unshown-later"),
        NotHeld::CrossOrigin => text!("challenge-unshown-here"),
        _ => text!("challenge-unshown-how"),
    };
    let lines = [text!("challenge-unshown")].into_iter().chain(because).chain([how]).collect();
    let notice = NoticePage { lines, ..NoticePage::new(&shell, text!("challenge-form-title")) };
    page(StatusCode::UNAUTHORIZED, "challenge", &notice)
}

/// The same for what was sent from a part of a page.
fn frame_unshown(state: &PortalState, info: &RequestInfo) -> Reply {
    let shell = state.theme.shell(&info.request_id);
    let lines = vec![text!("challenge-unshown"), text!("challenge-unshown-frame")];
    let notice = NoticePage { lines, ..NoticePage::new(&shell, text!("challenge-form-title")) };
    page(StatusCode::UNAUTHORIZED, "challenge", &notice).framable()
}

/// Why somebody is challenged, as scripts read it.
const fn reason(challenged: &Challenged) -> &'static str {
    match (&challenged.subject, challenged.shortfall.lack) {
        (None, _) | (_, Lack::Login) => "login_required",
        (_, Lack::Stronger) => "mfa_required",
        (_, Lack::Fresher) => "mfa_expired",
        (_, Lack::Recognition) => "risk",
        (_, Lack::Once) => "once",
        (_, Lack::Transaction) => "transaction",
    }
}

/// A challenge for scripts; without a way on, the page has to ask for the proof by itself.
fn problem(state: &PortalState, info: &RequestInfo, challenged: &Challenged, way_on: Option<&str>) -> Reply {
    let wanted = challenged.shortfall.methods;
    let here = wanted.and(state.flows.settings.offer_at(&info.host).served);
    let requirement = challenged.requirement;
    let acr = requirement.strength.acr();
    let ours = info.headers.get_all(AUTHORIZATION).iter().any(|value| is_our_bearer(value.as_bytes()));
    // Beside a cookie of ours, an Authorization is the app's affair; without one, it is a script that asks.
    let script = match info.cookies.session {
        SessionCredential::Bearer(_) => true,
        SessionCredential::Cookie(_) => ours,
        SessionCredential::None | SessionCredential::Ambiguous => info.headers.contains_key(AUTHORIZATION),
    };
    let scheme = if script { "Bearer" } else { "StepUp" };
    let mut header = format!("{scheme} realm=\"{}\"", info.host);
    let (code, title) = match &challenged.subject {
        Some(_) if requirement.strength == Strength::OneFactor => ("step_up_required", text!("problem-proof-title")),
        Some(_) => ("step_up_required", text!("problem-step-up-title")),
        None => ("login_required", text!("problem-sign-in-title")),
    };
    // A token of ours that counts for nothing is told so (RFC 6750 §3.1); all else is too little authentication
    // (RFC 9470 §3).
    let spurned = ours && challenged.subject.is_none();
    let error = if spurned { "invalid_token" } else { "insufficient_user_authentication" };
    header.push_str(&format!(", error=\"{error}\""));
    header.push_str(&format!(", acr_values=\"{acr}\""));
    let mut problem = Problem::new(StatusCode::UNAUTHORIZED, code, title)
        .kind("challenge")
        .with("reason", reason(challenged))
        .with("error", error)
        .with("acr_values", vec![acr])
        .with("methods", method_names(if here.is_empty() { wanted } else { here }));
    problem = match way_on {
        Some(url) => problem.with("login_url", format!("{}://{}{url}", info.scheme, info.authority)),
        None => problem.with("detail", text!("problem-transaction-detail")),
    };
    if let Some(age) = requirement.max_age {
        header.push_str(&format!(", max_age=\"{}\"", age.as_secs()));
        problem = problem.with("max_age", age.as_secs());
    }
    let proved = challenged.subject.as_ref().map(|session| session.proofs.methods());
    if proved.is_some_and(|proved| requirement.leaves_out_copies(proved)) {
        problem = problem.with("detail", text!("problem-uncounted-detail"));
    }
    problem.challenged(header).reply(info)
}
