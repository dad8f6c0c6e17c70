//! The sentences of an explanation.

use std::sync::Arc;
use std::time::Duration;

use super::AccountFactors;
use crate::auth::proof::decision::{Challenged, Decision, RefusalReason};
use crate::auth::proof::{Factor, Lack, Method, MethodSet, Offer, Requirement};
use crate::auth::resource::Malformed;
use crate::auth::session::Session;
use crate::auth::text::percent::encode_unless;
use crate::auth::time::{Timestamp, short_duration};

/// The stable word for what is lacking.
pub(in crate::cli) const fn lack(lack: Lack) -> &'static str {
    match lack {
        Lack::Login => "login_required",
        Lack::Stronger => "stronger_required",
        Lack::Fresher => "fresher_required",
        Lack::Recognition => "risk",
        Lack::Once => "once",
        Lack::Transaction => "transaction",
    }
}

/// Who asks: `root (staff, admins), proved password, totp 31m ago`.
pub(super) fn subject(who: Option<&Arc<Session>>, now: Timestamp) -> String {
    let Some(session) = who else { return "nobody signed in".to_owned() };
    let groups: Vec<&str> = session.identity.groups.iter().map(|g| g.0.as_str()).collect();
    let groups = if groups.is_empty() { "no groups".to_owned() } else { groups.join(", ") };
    let proofs = match session.proofs.latest() {
        None => "nothing proved".to_owned(),
        Some(at) => format!("proved {} {}", names(session.proofs.methods()), ago(now.since(at))),
    };
    format!("{} ({groups}), {proofs}", session.identity.username)
}

/// The outcome in one sentence.
pub(super) fn sentence(decision: &Decision) -> String {
    match decision {
        Decision::Permit(permit) => {
            let rule = &permit.rule().id.0;
            match permit.subject() {
                None => format!("Everybody may pass: rule {rule} is public."),
                Some(s) => format!(
                    "{} may pass: rule {rule} asks for {}, which is met.",
                    s.identity.username,
                    permit.rule().access
                ),
            }
        }
        Decision::Challenge(c) => {
            let rule = &c.rule.id.0;
            let who = c.subject.as_ref().map_or("Somebody", |s| s.identity.username.as_str());
            let must = match (c.subject.is_some(), c.shortfall.lack) {
                (false, _) => "has to sign in",
                (true, Lack::Login) => "has to prove who they are",
                (true, Lack::Stronger) => "has to prove more",
                (true, Lack::Fresher) => "has to prove it afresh",
                (true, Lack::Recognition) => "is not recognised and has to prove two factors now",
                (true, Lack::Once) => "has to prove it anew for each request",
                (true, Lack::Transaction) => "has to prove it anew for this very request, after seeing what it sends",
            };
            format!("{who} {must}: rule {rule} asks for {}.", c.rule.access)
        }
        Decision::Refuse(r) => {
            let rule = r.rule.as_ref().map_or("", |rule| rule.id.0.as_ref());
            match r.reason {
                RefusalReason::NoRule => "Nobody may pass: no rule covers some reading of this request.".to_owned(),
                RefusalReason::DenyRule => format!("Nobody may pass: rule {rule} denies everybody."),
                RefusalReason::OutOfReach(requirement) => format!(
                    "Answered with 403: rule {rule} asks for {requirement}, which nobody can prove here (out_of_reach)."
                ),
                RefusalReason::Unrecognised => {
                    format!("Answered with 403: rule {rule} admits nobody at this risk (risk).")
                }
                RefusalReason::ForeignOrigin => {
                    format!(
                        "Answered with 403: rule {rule} lets pages of the app itself open WebSockets (foreign_origin)."
                    )
                }
                RefusalReason::WellKnown => {
                    let why = if rule.is_empty() {
                        "no rule covers it".to_owned()
                    } else {
                        format!("rule {rule} does not open it")
                    };
                    format!("Answered with 404, as programs that look here cannot sign in: {why} (well_known).")
                }
                RefusalReason::NotInAudience => {
                    let who = r.subject.as_ref().map_or("Nobody", |s| s.identity.username.as_str());
                    format!(
                        "{who} may not pass: rule {rule} asks for {}.",
                        r.rule.as_ref().map(|rule| rule.access.to_string()).unwrap_or_default()
                    )
                }
            }
        }
    }
}

/// What would change the outcome.
pub(super) fn remedy(
    decision: &Decision,
    known: Option<AccountFactors>,
    offer: Offer,
    now: Timestamp,
) -> Option<String> {
    match decision {
        Decision::Permit(_) => None,
        Decision::Challenge(c) => Some(challenge_remedy(c, known, offer, now)),
        Decision::Refuse(r) => Some(match (r.reason, &r.rule) {
            (RefusalReason::NoRule, _) => "A rule that covers it.".to_owned(),
            (RefusalReason::DenyRule, _) => "An earlier rule that covers it.".to_owned(),
            (RefusalReason::NotInAudience, Some(rule)) => {
                let own = rule.remediation.as_ref().map_or_else(String::new, |text| format!(" ({text})"));
                format!("Being {}{own}.", rule.access.members().unwrap_or_else(|| "signed in".to_owned()))
            }
            (RefusalReason::NotInAudience, None) => return None,
            (RefusalReason::OutOfReach(requirement), _) => {
                let proved = r.subject.as_ref().map_or(MethodSet::EMPTY, |s| s.proofs.methods());
                out_of_reach(&requirement, proved, offer).unwrap_or_default()
            }
            (RefusalReason::Unrecognised, _) => {
                "Coming from a network and with a device that is usual for this person.".to_owned()
            }
            (RefusalReason::ForeignOrigin, _) => "The origin in `cors` of that rule, if its pages may.".to_owned(),
            (RefusalReason::WellKnown, _) => "A rule before it that opens the address: `access: public`.".to_owned(),
        }),
    }
}

fn challenge_remedy(c: &Challenged, known: Option<AccountFactors>, offer: Offer, now: Timestamp) -> String {
    if c.shortfall.methods.is_empty() {
        return "Nothing: no methods that count here reach that strength together.".to_owned();
    }
    let proved = c.subject.as_ref().map_or(MethodSet::EMPTY, |s| s.proofs.methods());
    if let Some(text) = out_of_reach(&c.requirement, proved, offer) {
        return text;
    }
    let strength = c.requirement.strength.name();
    if c.shortfall.lack == Lack::Login {
        return format!("Needs {strength}: {}.", sign_in(&c.requirement, known, offer));
    }
    let mut served = c.shortfall.methods.and(offer.served);
    if let Some(known) = known {
        let owned = served.and(known.usable());
        if owned.is_empty() {
            let leads = |m: &Method| c.requirement.is_within(known.methods.or(proved).with(*m));
            let more = names(served.and(set_up_first(known.methods, offer)).iter().filter(leads).collect());
            return match more.is_empty() {
                true => format!("Needs {strength}, and nothing that this account has set up brings it on."),
                false => format!("Needs {strength}. First to be set up: {more}."),
            };
        }
        served = owned;
    }
    let methods = one_of(if served.is_empty() { c.shortfall.methods } else { served });
    let last = c.subject.as_ref().and_then(|s| c.shortfall.methods.iter().filter_map(|m| s.proofs.when(m)).max());
    match (c.shortfall.lack, c.requirement.max_age, last) {
        (Lack::Fresher, Some(age), Some(at)) => {
            format!(
                "Needs {strength} within {}; last was {}. It takes {methods}.",
                short_duration(age),
                ago(now.since(at))
            )
        }
        _ => format!("Needs {strength}. It takes {methods}."),
    }
}

/// What it would take where nobody can prove it here; `None` if somebody can.
fn out_of_reach(requirement: &Requirement, proved: MethodSet, offer: Offer) -> Option<String> {
    let served = proved.or(offer.served);
    let (strength, lacking) = (requirement.strength.name(), names(requirement.lacking(served, offer)));
    (!requirement.is_within(served))
        .then(|| format!("Nothing that is switched on reaches {strength} here; it would take one of: {lacking}."))
}

/// What a sign-in takes: `password and one of totp, backup_code`. It begins with something that one knows.
fn sign_in(requirement: &Requirement, known: Option<AccountFactors>, offer: Offer) -> String {
    let at_hand = offer.served.and(requirement.counted());
    let at_hand = known.map_or(at_hand, |known| at_hand.and(known.usable()));
    let reaches = |method: Method, and: MethodSet| requirement.is_within(and.with(method));
    let first = |method: &Method| matches!(method.factor(), Factor::Knowledge | Factor::Both);
    let alone: MethodSet = at_hand.iter().filter(first).filter(|m| reaches(*m, MethodSet::EMPTY)).collect();
    let password = MethodSet::EMPTY.with(Method::Password);
    let second: MethodSet = at_hand.minus(alone).minus(password).iter().filter(|m| reaches(*m, password)).collect();
    let mut ways = Vec::new();
    if !alone.is_empty() {
        ways.push(one_of(alone));
    }
    if at_hand.contains(Method::Password) && !alone.contains(Method::Password) {
        let enrollable: MethodSet = set_up_first(known.map_or(at_hand, |known| known.methods), offer)
            .and(requirement.counted())
            .minus(at_hand)
            .iter()
            .filter(|m| reaches(*m, password))
            .collect();
        if !second.is_empty() {
            ways.push(format!("password and {}", one_of(second)));
        } else if !enrollable.is_empty() {
            ways.push(format!("password, and then setting up {}", one_of(enrollable)));
        }
    }
    if ways.is_empty() { "nothing that this account has set up reaches it".to_owned() } else { ways.join(", or ") }
}

/// What people with these methods can set up; backup codes come with what they stand in for.
fn set_up_first(methods: MethodSet, offer: Offer) -> MethodSet {
    offer.set_up(methods).minus(MethodSet::EMPTY.with(Method::BackupCode)).named()
}

/// `totp`, or `one of totp, backup_code`.
fn one_of(methods: MethodSet) -> String {
    let several = methods.iter().count() > 1;
    format!("{}{}", if several { "one of " } else { "" }, names(methods))
}

/// What is said of an account that may not sign in, or of which a factor is switched off.
pub(super) fn note(known: AccountFactors) -> Option<String> {
    if known.disabled {
        return Some("This account is disabled: nobody can sign in by it, and none of its sessions lasts.".to_owned());
    }
    let off = names(known.locked);
    (!off.is_empty()).then(|| format!("Switched off after too many wrong codes: {off} (`stepgate user unlock`)."))
}

/// Why a target is malformed, in one sentence.
pub(super) fn malformed(reason: Malformed) -> String {
    let why = match reason {
        Malformed::NotOriginForm => "it does not begin with a slash",
        Malformed::TooLong => "it is too long",
        Malformed::OddMethod => "the method is no upper-case token",
        Malformed::OddByte => "the path has a character that must be encoded",
        Malformed::OddQuery => "the query has a character that must be encoded",
        Malformed::Fragment => "it has a `#`",
        Malformed::BadPercent => "a `%` is not followed by two hexadecimal digits",
        Malformed::Control => "it has a control character",
        Malformed::NotUtf8 => "the path is not UTF-8 once decoded",
        Malformed::DotSegment => "a segment of the path consists of dots",
        Malformed::DoubleSlash => "the path has two slashes in a row",
        Malformed::EncodedSlash => "the path has an encoded slash or backslash",
        Malformed::Backslash => "the path has a backslash",
        Malformed::PathParameter => "the path has a `;`",
        Malformed::LookAlike => "the path has a character that folds into a slash",
        Malformed::TooManyReadings => "it can be read in too many ways",
    };
    format!("Answered with 400 before any rule: {why} ({}).", reason.code())
}

/// The tolerances that would let it in, if there are any.
pub(super) fn tolerance(lacking: &[&str]) -> Option<String> {
    let names = lacking.join(", ");
    let told = || format!("If the app needs such URLs: `tolerate: [{names}]`; every reading is then judged.");
    (!lacking.is_empty()).then(told)
}

/// What is said of a method that no app is ever asked by.
pub(super) fn never_served(method: &str) -> String {
    format!("Answered with 405 before any rule: {method} is never served (method).")
}

/// What is said of an address of ours.
pub(super) fn own(path: &str) -> String {
    format!("{path} is one of Stepgate's own addresses: it is answered here, and no rule judges it.")
}

/// What is said of an address that some server could read as ours.
pub(super) fn disguised() -> String {
    "Answered with 404 before any rule: some reading of the path is one of Stepgate's own addresses \
     (reserved_prefix_disguised)."
        .to_owned()
}

/// How a browser would have written a target, if that is another one.
pub(super) fn spelled(target: &str) -> Option<String> {
    let encoded = encode_unless(target, |byte| byte != b' ');
    (encoded != target).then(|| format!("Browsers send it encoded: ask about {encoded}"))
}

fn names(methods: MethodSet) -> String {
    methods.iter().map(Method::name).collect::<Vec<_>>().join(", ")
}

fn ago(age: Duration) -> String {
    if age < Duration::from_secs(1) { "just now".to_owned() } else { format!("{} ago", short_duration(age)) }
}
