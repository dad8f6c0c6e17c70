//! What is decided of a request, in the order in which it is looked at: host, target, reserved prefix, size, preflight,
//! rule. Values in, values out: whoever is asked for a verdict need not speak HTTP.

use std::sync::Arc;

use http::{HeaderValue, Method};

use super::arrival::Arrival;
use super::client_address::AcceptedOn;
use super::head::{self, Head, Rejection, reject};
use super::site::{Served, Site, Sites};
use super::{preflight, related, websocket};
use crate::auth::held_request::NotHeld;
use crate::auth::policy::cors::Forbidden;
use crate::auth::policy::preflight::Preflighted;
use crate::auth::policy::rule::Rule;
use crate::auth::proof::decision::{Challenged, Decision, Permit, Refusal};
use crate::auth::proof::evaluation::Circumstances;
use crate::auth::proof::{Lack, Risk};
use crate::auth::reserved_names::{PREFIX, ReservedTarget, is_of_passkeys, is_of_portal, reserved};
use crate::auth::resource::{Malformed, Resource, Tolerances};
use crate::auth::session::Session;
use crate::auth::slip_token::SlipToken;
use crate::flow::risk::SessionAssessment;
use crate::portal::cookies::{SessionCredential, session_token};
use crate::portal::error::PortalError;

/// Leave to go to the app. Only [`Permit`] opens it, with one exception that an operator may make: a CORS
/// preflight, which asks for leave itself and carries neither body nor credentials.
#[derive(Debug)]
pub(crate) enum Pass {
    /// The decision permitted it.
    Permit(Permit),
    /// A CORS preflight, where this rule says `preflight: pass`.
    Preflight(Arc<Rule>),
}

/// An answer of ours, not yet put into words.
#[derive(Debug)]
pub(crate) enum OwnAnswer {
    /// `OPTIONS *` asks about the server, not about an app (RFC 9110 §9.3.7).
    Options,
    /// Come back by https, to this address.
    ToHttps(HeaderValue),
    /// The same, of a form that was sent in the clear and is not repeated.
    PlainHttp,
    Challenge(Challenged),
    Refusal(Refusal),
    PreflightGranted(Arc<Rule>),
    PreflightForbidden(Arc<Rule>, Forbidden),
}

/// What is to be done with a request.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// On to the app.
    Forward(Pass),
    /// To the portal, with this target.
    Portal(String),
    Respond(OwnAnswer),
    /// A challenge of a form: it is kept first, if it is not larger than that, or it is said why not.
    Hold(Challenged, Result<u64, NotHeld>),
    /// It is not answered as asked, whoever asks.
    Reject(Rejection),
}

/// What became of a request, for the access event and the counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// `permit`, `challenge`, `refuse`, `preflight`, `own`, `fault`.
    pub(crate) decision: &'static str,
    /// The exact reason, a stable word.
    pub(crate) reason: &'static str,
}

/// What was decided of a request, and what that is about.
pub(crate) struct Judgement {
    pub(crate) site: Option<Arc<Site>>,
    pub(crate) resource: Option<Resource>,
    pub(crate) websocket: bool,
    /// What the decision depends on beside.
    pub(crate) circumstances: Option<Circumstances>,
    /// What was known of the risk of who asks, where anything was.
    pub(crate) risk: Option<Risk>,
    /// How the session was assessed at this request, where it was.
    pub(crate) assessed: Option<Arc<SessionAssessment>>,
    /// What the client presented where somebody was to be known.
    pub(crate) credential: SessionCredential,
    /// What the app would have to tolerate, if that is why the request was rejected: words of the configuration.
    pub(crate) lacking: Vec<&'static str>,
    /// By its head it may stand for a form; only its body tells whether it does.
    pub(crate) may_stand_for_form: bool,
    /// A proof for one request is presented, and serves this one if its body is the one that was told.
    pub(crate) awaits_body: Option<SlipToken>,
    pub(crate) verdict: Verdict,
}

/// Whether a verdict stands, or depends on who asks.
enum EarlyVerdict {
    Final(Verdict),
    Ask(Circumstances),
}

impl Judgement {
    /// For a request of which nothing could be read.
    pub(crate) const fn rejected(rejection: Rejection) -> Self {
        Self {
            site: None,
            resource: None,
            websocket: false,
            circumstances: None,
            risk: None,
            assessed: None,
            credential: SessionCredential::None,
            lacking: Vec::new(),
            awaits_body: None,
            may_stand_for_form: false,
            verdict: Verdict::Reject(rejection),
        }
    }

    /// Judges as far as that goes without knowing who asks. `Some`: that decides, in these circumstances; until then
    /// nothing is permitted. `is_whole`: no body follows the head.
    pub(crate) fn begin(
        head: &Head<'_>,
        arrival: &Arrival,
        accepted_on: &AcceptedOn,
        sites: &Sites,
        https_port: u16,
        is_whole: bool,
    ) -> (Self, Option<Circumstances>) {
        let mut judgement = Self::rejected(reject(PortalError::Unavailable, "unanswered"));
        match judgement.look(head, arrival, accepted_on, sites, https_port, is_whole) {
            Ok(EarlyVerdict::Ask(circumstances)) => return (judgement, Some(circumstances)),
            Ok(EarlyVerdict::Final(verdict)) => judgement.verdict = verdict,
            Err(rejection) => judgement.verdict = Verdict::Reject(rejection),
        }
        (judgement, None)
    }

    fn look(
        &mut self,
        head: &Head<'_>,
        arrival: &Arrival,
        accepted_on: &AcceptedOn,
        sites: &Sites,
        https_port: u16,
        is_whole: bool,
    ) -> Result<EarlyVerdict, Rejection> {
        let authority = arrival.authority.as_ref().ok_or_else(|| reject(PortalError::BadRequest, "no_host"))?;
        // A trusted proxy may ask for any app over one connection.
        let accepted_on = if arrival.through_proxy { &AcceptedOn::Plain } else { accepted_on };
        let site = match sites.find(&authority.host, accepted_on) {
            Ok(Served::App(site)) => site,
            Ok(Served::Portal) => return portal(head, arrival, &authority.host, https_port).map(EarlyVerdict::Final),
            Err(_) if let Some(target) = asset(head) => return Ok(EarlyVerdict::Final(Verdict::Portal(target))),
            Err(rejection) => return Err(rejection),
        };
        self.site = Some(site.clone());
        if head.target == b"*" && *head.method == Method::OPTIONS {
            return Ok(EarlyVerdict::Final(Verdict::Respond(OwnAnswer::Options)));
        }
        let resource = self.parse(head, site, authority.port)?;
        if arrival.to_https {
            return Ok(EarlyVerdict::Final(Verdict::Respond(to_https(head.method, &site.host, https_port, &resource))));
        }
        match reserved(&resource, head.target) {
            ReservedTarget::No if site.policy.offer.relying_party && is_of_passkeys(&resource, head.target) => {
                return Ok(EarlyVerdict::Final(Verdict::Portal(resource.target())));
            }
            ReservedTarget::No => {}
            ReservedTarget::Plainly => return Ok(EarlyVerdict::Final(Verdict::Portal(resource.target()))),
            ReservedTarget::Oddly => return Err(reject(PortalError::NotFound, "reserved_prefix_disguised")),
        }
        if let Some(limit) = site.settings.max_body
            && head::announced(head.headers).is_some_and(|length| length > limit)
        {
            return Err(reject(PortalError::TooLarge { limit }, "body_too_large"));
        }
        self.websocket = websocket::is_websocket(head.headers, head.version);
        let resource = self.resource.insert(resource);
        let client = arrival.client.ok_or_else(|| reject(PortalError::Unavailable, "no_client"))?;
        if is_whole
            && preflight::may_be_one(head)
            && let Some(asked) = preflight::read(head.headers)
        {
            match site.policy.preflighted(resource, client, &asked) {
                Preflighted::Judged => {}
                Preflighted::Passed(rule) => {
                    return Ok(EarlyVerdict::Final(Verdict::Forward(Pass::Preflight(rule.clone()))));
                }
                Preflighted::Granted(rule, _) => {
                    return Ok(EarlyVerdict::Final(Verdict::Respond(OwnAnswer::PreflightGranted(rule.clone()))));
                }
                Preflighted::Forbidden(rule, why) => {
                    return Ok(EarlyVerdict::Final(Verdict::Respond(OwnAnswer::PreflightForbidden(rule.clone(), why))));
                }
            }
        }
        self.credential = session_token(head.headers);
        let opener = self.websocket.then(|| websocket::opener(head.headers, authority, arrival.https));
        Ok(EarlyVerdict::Ask(Circumstances { opener, ..Circumstances::of(client) }))
    }

    /// What a request is about: its target, by every method that it may be taken for, and the other resources that it
    /// names.
    fn parse(&mut self, head: &Head<'_>, site: &Site, port: Option<u16>) -> Result<Resource, Rejection> {
        let tolerate = site.policy.tolerate;
        let parsed = Resource::parse(&site.host, head.method.as_str(), head.target, tolerate).map_err(|why| {
            if why.tolerance().is_some() {
                self.lacking = tolerate.lacking(head.target);
            }
            malformed(why)
        })?;
        let all = head::other_methods(head.headers).try_fold(parsed, Resource::taken_for);
        let resource = all.map_err(|malformed| reject(PortalError::BadRequest, malformed.code()))?;
        related::read(resource, head.headers, tolerate, port).map_err(|(rejection, lacking)| {
            self.lacking = lacking;
            rejection
        })
    }

    /// Takes the decision of the rules.
    pub(crate) fn decide(&mut self, decision: Decision) {
        self.verdict = match decision {
            Decision::Permit(permit) => Verdict::Forward(Pass::Permit(permit)),
            Decision::Challenge(challenged) => Verdict::Respond(OwnAnswer::Challenge(challenged)),
            Decision::Refuse(refusal) => Verdict::Respond(OwnAnswer::Refusal(refusal)),
        };
    }

    /// The challenge that only a proof for this one request would meet.
    pub(crate) fn wants_slip(&self) -> bool {
        let lack = match &self.verdict {
            Verdict::Respond(OwnAnswer::Challenge(challenged)) => challenged.shortfall.lack,
            _ => return false,
        };
        matches!(lack, Lack::Once | Lack::Transaction)
    }

    pub(crate) const fn pass(&self) -> Option<&Pass> {
        match &self.verdict {
            Verdict::Forward(pass) => Some(pass),
            _ => None,
        }
    }

    pub(crate) fn permit(&self) -> Option<&Permit> {
        match self.pass()? {
            Pass::Permit(permit) => Some(permit),
            Pass::Preflight(_) => None,
        }
    }

    /// The rule that decided.
    pub(crate) fn rule(&self) -> Option<&Arc<Rule>> {
        match &self.verdict {
            Verdict::Forward(Pass::Permit(permit)) => Some(permit.rule()),
            Verdict::Forward(Pass::Preflight(rule)) => Some(rule),
            Verdict::Respond(answer) => match answer {
                OwnAnswer::Challenge(challenged) => Some(&challenged.rule),
                OwnAnswer::Refusal(refusal) => refusal.rule.as_ref(),
                OwnAnswer::PreflightGranted(rule) | OwnAnswer::PreflightForbidden(rule, _) => Some(rule),
                OwnAnswer::Options | OwnAnswer::ToHttps(_) | OwnAnswer::PlainHttp => None,
            },
            Verdict::Hold(challenged, _) => Some(&challenged.rule),
            Verdict::Portal(_) | Verdict::Reject(_) => None,
        }
    }

    /// Who is signed in, where that was asked for.
    pub(crate) fn subject(&self) -> Option<&Arc<Session>> {
        match &self.verdict {
            Verdict::Forward(Pass::Permit(permit)) => permit.subject(),
            Verdict::Respond(OwnAnswer::Challenge(challenged)) | Verdict::Hold(challenged, _) => {
                challenged.subject.as_ref()
            }
            Verdict::Respond(OwnAnswer::Refusal(refusal)) => refusal.subject.as_ref(),
            _ => None,
        }
    }

    /// What is to be told of it, should nothing else happen.
    pub(crate) fn outcome(&self) -> Outcome {
        let (decision, reason) = match &self.verdict {
            Verdict::Forward(Pass::Permit(_)) => ("permit", "permitted"),
            Verdict::Forward(Pass::Preflight(_)) => ("preflight", "passed"),
            Verdict::Portal(_) => ("own", "portal"),
            Verdict::Hold(challenged, _) => ("challenge", challenged.shortfall.lack.code()),
            Verdict::Respond(answer) => match answer {
                OwnAnswer::Options => ("own", "options"),
                OwnAnswer::ToHttps(_) => ("own", "to_https"),
                OwnAnswer::PlainHttp => ("fault", "plain_http"),
                OwnAnswer::Challenge(challenged) => ("challenge", challenged.shortfall.lack.code()),
                OwnAnswer::Refusal(refusal) => ("refuse", refusal.reason.code()),
                OwnAnswer::PreflightGranted(_) => ("preflight", "granted"),
                OwnAnswer::PreflightForbidden(_, why) => ("refuse", why.code()),
            },
            Verdict::Reject(rejection) => ("fault", rejection.reason),
        };
        Outcome { decision, reason }
    }
}

/// A target that cannot be read.
fn malformed(why: Malformed) -> Rejection {
    let odd_method = why == Malformed::OddMethod;
    reject(if odd_method { PortalError::BadRequest } else { PortalError::OddAddress }, why.code())
}

/// A request to the host that has our pages and no app.
fn portal(head: &Head<'_>, arrival: &Arrival, host: &str, https_port: u16) -> Result<Verdict, Rejection> {
    if head.target == b"*" && *head.method == Method::OPTIONS {
        return Ok(Verdict::Respond(OwnAnswer::Options));
    }
    let resource =
        Resource::parse(host, head.method.as_str(), head.target, Tolerances::default()).map_err(malformed)?;
    if arrival.to_https {
        return Ok(Verdict::Respond(to_https(head.method, host, https_port, &resource)));
    }
    match reserved(&resource, head.target) {
        ReservedTarget::Plainly => Ok(Verdict::Portal(resource.target())),
        ReservedTarget::No if resource.path() == "/" || is_of_portal(&resource, head.target) => {
            Ok(Verdict::Portal(resource.target()))
        }
        ReservedTarget::No => Err(reject(PortalError::NotFound, "portal_has_no_app")),
        ReservedTarget::Oddly => Err(reject(PortalError::NotFound, "reserved_prefix_disguised")),
    }
}

/// What is said in the clear to whom nothing is served so. Forms that were sent in the clear are not repeated.
fn to_https(method: &Method, host: &str, port: u16, resource: &Resource) -> OwnAnswer {
    let port = if port == 443 { String::new() } else { format!(":{port}") };
    let location = HeaderValue::from_str(&format!("https://{host}{port}{}", resource.ascii_target()));
    match location {
        Ok(location) if matches!(*method, Method::GET | Method::HEAD) => OwnAnswer::ToHttps(location),
        _ => OwnAnswer::PlainHttp,
    }
}

/// The style sheet or the logo of our pages, plainly asked for. They are served on any host: the page that says
/// that a host is not served here needs them too.
fn asset(head: &Head<'_>) -> Option<String> {
    let target = std::str::from_utf8(head.target).ok()?;
    let name = target.strip_prefix(PREFIX)?.strip_prefix("assets/")?;
    let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.');
    (plain && matches!(*head.method, Method::GET | Method::HEAD)).then(|| target.to_owned())
}
