//! Why a request is let in, challenged or refused: the same evaluator as in `run`, told in words.

mod access_log_search;
mod address_facts;
pub(super) mod command;
mod cross_origin;
mod question;
mod recorded;
mod risk_facts;
mod table;
#[cfg(test)]
mod tests;
mod text;

use std::net::IpAddr;
use std::sync::Arc;

use serde::Serialize;

use crate::auth::factor::sent_code;
use crate::auth::host;
use crate::auth::proof::comparison::Difference;
use crate::auth::proof::decision::Decision;
use crate::auth::proof::evaluation::Circumstances;
use crate::auth::proof::explanation::{Evaluation, Fit, RuleFit};
use crate::auth::proof::{Method, Offer, Risk};
use crate::auth::reserved_names::{ReservedTarget, is_of_passkeys, reserved};
use crate::auth::resource::{Malformed, Resource, is_never_served};
use crate::auth::session::Session;
use crate::auth::time::Timestamp;
use crate::flow::destination::Destinations;
pub use address_facts::AddressFacts;
pub use cross_origin::CrossOrigin;
use question::subject;
pub use question::{AccountFactors, AskedRisk, AskedSlip, Question};
pub use risk_facts::RiskFacts;
pub(in crate::cli) use text::lack;

/// The answer, for people ([`Explanation::human`]) and as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The canonical host of the app.
    pub host: String,
    pub method: String,
    /// The target as it would be forwarded; `None` if it never is.
    pub target: Option<String>,
    /// Every path that was judged.
    pub readings: Vec<String>,
    /// The client's address.
    pub client_ip: IpAddr,
    /// Who asks, in words.
    pub subject: String,
    /// The rules of the app, in order.
    pub rules: Vec<RuleRow>,
    pub outcome: Outcome,
    /// The stable word for why: of a refusal, of a malformed target, or what is lacking.
    pub reason: Option<&'static str>,
    /// The rule that decided.
    pub rule: Option<String>,
    /// The outcome in one sentence.
    pub sentence: String,
    /// What the standards say of what the rule takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standards: Option<&'static str>,
    /// What would change it.
    pub remedy: Option<String>,
    /// The methods, any of which would bring a challenged person on.
    pub methods: Vec<&'static str>,
    /// What the person can prove, by their account; `None` if it was not looked up.
    pub can_prove: Option<Vec<&'static str>>,
    /// What is to be known of the account beside that.
    pub note: Option<String>,
    /// Where a challenged person is led to, if not to a page on this host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign_in_at: Option<String>,
    /// What rules that are only tried would decide otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<TriedOtherwise>,
    /// The last assessment of the person, where one is recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk: Option<RiskFacts>,
    /// What is known of the client's address, where files say anything of addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<AddressFacts>,
}

/// What becomes of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Forwarded.
    Permit,
    /// Asked for more.
    Challenge,
    /// Not forwarded, whatever is proved.
    Refuse,
    /// Answered before any rule: 400, 404 or 405.
    Malformed,
    /// One of our own addresses: answered here, and no rule judges it.
    Own,
    /// A CORS preflight that a rule lets pass, or answers with what it allows.
    Preflight,
}

impl Outcome {
    /// The word of the JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Challenge => "challenge",
            Self::Refuse => "refuse",
            Self::Malformed => "malformed",
            Self::Own => "own",
            Self::Preflight => "preflight",
        }
    }
}

/// What a rule that is only tried would decide otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TriedOtherwise {
    /// The rule, or the one of the candidate that would decide.
    pub rule: Option<String>,
    /// Whether a whole file is tried.
    pub candidate: bool,
    pub decision: &'static str,
    pub reason: &'static str,
}

impl From<&Difference> for TriedOtherwise {
    fn from(difference: &Difference) -> Self {
        let Difference { rule, candidate, to, reason, .. } = difference;
        let rule = rule.as_ref().map(|rule| rule.id.0.to_string());
        Self { rule, candidate: *candidate, decision: to, reason }
    }
}

/// One rule, and how the request fits it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleRow {
    /// Its place, from 1.
    pub number: usize,
    pub name: String,
    /// Where it stands in the configuration: `file:line:column`.
    pub place: Option<String>,
    /// Whether it is only tried.
    #[serde(skip_serializing_if = "is_false")]
    pub shadow: bool,
    /// Whether it decided.
    pub chosen: bool,
    /// Whether some reading of the request led to it.
    pub judged: bool,
    pub pattern: String,
    /// Whether the path fits.
    pub path: Fit,
    /// Whether the method fits.
    pub method: Fit,
    /// Whether the client's network fits.
    pub network: Fit,
    /// Whether the person is of the audience.
    pub audience: Fit,
    /// What it asks, in words.
    pub asks: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// Answers a question by the production evaluator.
///
/// # Errors
/// In words for the operator: a URL, user or method of proof that cannot be, or a host without app.
pub fn explain(destinations: &Destinations, question: &Question, now: Timestamp) -> Result<Explanation, String> {
    let (host, target) = split_url(&question.url)?;
    if !destinations.hosts().contains(&host.as_str()) {
        return Err(no_app(destinations, &host));
    }
    let tolerate = destinations.tolerances(&host);
    let who = subject(question, &host, now)?;
    let early = |early: BeforeRules<'_>| Ok(without_rules(question, &host, early, who.as_ref(), now));
    if is_never_served(&question.method) {
        return early(BeforeRules::Method);
    }
    let resource = match Resource::parse(&host, &question.method, target.as_bytes(), tolerate) {
        Ok(resource) => resource,
        Err(reason) => {
            return early(BeforeRules::Malformed(reason, &target, tolerate.lacking(target.as_bytes())));
        }
    };
    match reserved(&resource, target.as_bytes()) {
        ReservedTarget::Plainly => early(BeforeRules::Own(resource.path())),
        ReservedTarget::Oddly => early(BeforeRules::Disguised),
        ReservedTarget::No
            if destinations.offer(&host).relying_party && is_of_passkeys(&resource, target.as_bytes()) =>
        {
            early(BeforeRules::Own(resource.path()))
        }
        ReservedTarget::No => {
            let opener = question.cross_origin.opener(&question.url, resource.host());
            let risk = question.risk.map_or_else(Risk::none, |risk| risk.of(who.as_ref(), now));
            let asked = question.slip.zip(who.as_ref());
            let slip = asked.map(|(slip, who)| slip.of(who, destinations.asking(&host), &resource, now));
            let circumstances = Circumstances { opener, risk, slip, ..Circumstances::of(question.ip) };
            let evaluation = destinations.explain(&resource, &circumstances, who.as_ref(), now);
            let evaluation = evaluation.ok_or_else(|| no_app(destinations, &host))?;
            let told = judged(&resource, question, &evaluation, (who.as_ref(), destinations.offer(&host)), now);
            Ok(cross_origin::explain_preflight(told, destinations, &resource, (question.ip, &question.cross_origin)))
        }
    }
}

/// Why no rule is asked; in the order in which the gateway looks.
enum BeforeRules<'a> {
    Method,
    Malformed(Malformed, &'a str, Vec<&'static str>),
    Own(&'a str),
    Disguised,
}

fn judged(
    resource: &Resource,
    question: &Question,
    evaluation: &Evaluation<'_>,
    (who, offer): (Option<&Arc<Session>>, Offer),
    now: Timestamp,
) -> Explanation {
    let known = question.known;
    let decision = &evaluation.decision;
    let row = |(index, fit): (usize, &RuleFit<'_>)| RuleRow {
        number: index + 1,
        name: fit.rule.id.0.to_string(),
        place: fit.rule.place.as_deref().map(str::to_owned),
        shadow: fit.rule.shadow,
        chosen: fit.chosen,
        judged: fit.judged,
        pattern: fit.rule.pattern.as_str().to_owned(),
        path: fit.path,
        method: fit.method,
        network: fit.network,
        audience: fit.audience,
        asks: fit.rule.access.to_string(),
    };
    let (outcome, reason, methods) = match decision {
        Decision::Permit(_) => (Outcome::Permit, None, Vec::new()),
        Decision::Challenge(c) => {
            (Outcome::Challenge, Some(lack(c.shortfall.lack)), c.shortfall.methods.iter().map(Method::name).collect())
        }
        Decision::Refuse(r) => (Outcome::Refuse, Some(r.reason.code()), Vec::new()),
    };
    Explanation {
        host: resource.host().to_owned(),
        method: resource.method().to_owned(),
        target: Some(resource.target()),
        readings: resource.readings().map(str::to_owned).collect(),
        client_ip: question.ip,
        subject: text::subject(who, now),
        rules: evaluation.rules.iter().enumerate().map(row).collect(),
        outcome,
        reason,
        rule: decision.rule().map(|r| r.id.0.to_string()),
        sentence: text::sentence(decision),
        standards: decision
            .rule()
            .is_some_and(|rule| rule.access.is_met_by_sent_codes(offer.served))
            .then_some(sent_code::STANDARDS),
        remedy: text::remedy(decision, known, offer, now),
        methods,
        can_prove: known.map(|known| known.usable().iter().map(Method::name).collect()),
        note: known.and_then(text::note),
        sign_in_at: None,
        tried: evaluation.differences.iter().map(TriedOtherwise::from).collect(),
        risk: None,
        address: None,
    }
}

fn without_rules(
    q: &Question,
    host: &str,
    early: BeforeRules<'_>,
    who: Option<&Arc<Session>>,
    now: Timestamp,
) -> Explanation {
    let own = matches!(early, BeforeRules::Own(_));
    let (reason, sentence, remedy) = match early {
        BeforeRules::Method => ("method", text::never_served(&q.method), None),
        BeforeRules::Malformed(reason, target, lacking) => {
            (reason.code(), text::malformed(reason), text::tolerance(&lacking).or_else(|| text::spelled(target)))
        }
        BeforeRules::Own(path) => ("portal", text::own(path), None),
        BeforeRules::Disguised => ("reserved_prefix_disguised", text::disguised(), None),
    };
    Explanation {
        host: host.to_owned(),
        method: q.method.clone(),
        target: None,
        readings: Vec::new(),
        client_ip: q.ip,
        subject: text::subject(who, now),
        rules: Vec::new(),
        outcome: if own { Outcome::Own } else { Outcome::Malformed },
        reason: Some(reason),
        rule: None,
        sentence,
        standards: None,
        remedy,
        methods: Vec::new(),
        can_prove: q.known.map(|known| known.usable().iter().map(Method::name).collect()),
        note: None,
        sign_in_at: None,
        tried: Vec::new(),
        risk: None,
        address: None,
    }
}

/// The canonical host and the target as a client would send it. Not a WHATWG parser on purpose:
/// that would tidy up exactly what is to be explained.
fn split_url(url: &str) -> Result<(String, String), String> {
    let url = url.split('#').next().unwrap_or_default();
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or(url);
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(end);
    let host = host::canonical(authority)
        .map(|h| h.into_owned())
        .or_else(|| host::from_operator(authority))
        .ok_or_else(|| format!("`{authority}` is no host name; write the URL as https://erp.example.com/path"))?;
    let slash = if target.starts_with('/') { "" } else { "/" };
    // As it stands: what a browser would encode first is not what came if it came like this.
    Ok((host, format!("{slash}{target}")))
}

fn no_app(destinations: &Destinations, host: &str) -> String {
    format!("no app answers to {host} (such requests get 421); configured are: {}", destinations.hosts().join(", "))
}
