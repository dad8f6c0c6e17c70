//! `factors.passkeys`: whose passkeys are accepted, where, and of which models.

mod related;

use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) use related::settle;

use super::registrable_domain::registrable_domain;
use crate::auth::factor::passkey::{Aaguid, AttestationDemand, ModelPolicy, Roots};
use crate::auth::host;
use crate::config::sections::checker::Checker;
use crate::config::sections::one_or::Detailed;
use crate::config::sections::switch::Switch;
use crate::config::yaml::{Span, Spanned};
use crate::flow::settings::{FlowSettings, PasskeySettings};

/// The largest file of roots, in bytes.
const ROOTS_BYTES: u64 = 4 << 20;

/// Passkeys and security keys (WebAuthn).
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasskeyOptions {
    /// The relying party ID: a domain that the hosts lie in, as example.com. Passkeys work for all hosts below it, and are
    /// lost when it changes. Default: `portal.host`, or each host for itself.
    rp_id: Option<Spanned<String>>,
    /// Whether hosts outside of `rp_id` use its passkeys, too, as related origins (WebAuthn L3 §5.11), which browsers look up at
    /// https://RP_ID/.well-known/webauthn. Their domains may have five names in all: example.com and example.de have one.
    /// Default: off.
    related_origins: Option<Spanned<bool>>,
    /// Only authenticators of these models (AAGUIDs) may be registered. Default: all.
    allow: Option<Spanned<Vec<Spanned<String>>>>,
    /// Authenticators of these models (AAGUIDs) may not be registered.
    refuse: Option<Vec<Spanned<String>>>,
    /// Whether authenticators must attest their model: none, wanted or required. Default: none.
    attestation: Option<Spanned<AttestationChoice>>,
    /// The certificates that attestations may lead to, in a PEM file.
    roots: Option<Spanned<String>>,
    /// Whether a browser may make a passkey by itself after a sign-in by password, without a question. It tries at most once
    /// in 30 days a person. Default: off.
    upgrade: Option<Spanned<bool>>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum AttestationChoice {
    /// Nobody is asked.
    None,
    /// What leads to one of the roots counts as attested; what does not, does no harm.
    Wanted,
    /// Only what leads to one of the roots is registered.
    Required,
}

impl Detailed for PasskeyOptions {
    const EXPECTED: &'static str = "`on`, `off`, or a mapping as `{ rp_id: example.com }`";
    const SCHEMA: &'static str = "PasskeyChoice";
}

/// The relying party ID as it stands in the file.
pub(crate) struct RelyingParty {
    id: Spanned<String>,
    /// Where hosts outside of it are let in.
    related: Option<Span>,
}

/// Judges the options; the relying party ID is to be judged once the hosts are known.
pub(crate) fn validate(
    choice: Option<Spanned<Switch<PasskeyOptions>>>,
    flow: &mut FlowSettings,
    cx: &mut Checker,
) -> Option<RelyingParty> {
    let options = match choice.map(|c| c.value) {
        Some(Switch::Off) => {
            flow.passkeys = None;
            return None;
        }
        None => None,
        Some(Switch::On(options)) => options,
    };
    let models = options.as_ref().map(|options| models(options, cx)).unwrap_or_default();
    let upgrade = options.as_ref().and_then(|options| options.upgrade.as_ref()).is_some_and(|given| given.value);
    let related = options.as_ref().and_then(|options| options.related_origins.as_ref()).filter(|given| given.value);
    let related = related.map(|given| given.at);
    let party = options.as_ref().and_then(|options| options.rp_id.as_ref());
    if let Some(at) = related.filter(|_| party.is_none()) {
        let fix = "add `rp_id: example.com`, the domain whose passkeys the other hosts are to use";
        cx.error(at, "there is no domain that hosts could be related to", fix);
    }
    let party = party.and_then(|text| relying_party(text, cx)).map(|id| RelyingParty { id, related });
    let named = party.as_ref().map(|party| party.id.value.clone());
    flow.passkeys = Some(PasskeySettings { rp_id: named, models, upgrade, ..PasskeySettings::default() });
    party
}

fn relying_party(text: &Spanned<String>, cx: &mut Checker) -> Option<Spanned<String>> {
    const FIX: &str = "write the domain that your hosts have in common, as example.com, without scheme and port";
    let Some(name) = host::from_operator(text.value.trim()) else {
        cx.error(text.at, "not a domain", FIX);
        return None;
    };
    if name != "localhost" && registrable_domain(&name).is_none() {
        cx.error(
            text.at,
            "an address, a single name or a public suffix is no relying party ID: browsers refuse it",
            FIX,
        );
        return None;
    }
    Some(Spanned { value: name, at: text.at })
}

fn models(options: &PasskeyOptions, cx: &mut Checker) -> ModelPolicy {
    let errors = cx.problems.errors();
    let mut all = |list: &[Spanned<String>]| -> Vec<Aaguid> {
        let one = |text: &Spanned<String>, cx: &mut Checker| {
            let aaguid = Aaguid::parse(text.value.trim());
            if aaguid.is_none() {
                let fix = "write it as ee882879-721c-4913-9775-3dfcce97072a; the maker of the key tells it";
                cx.error(text.at, "not an AAGUID", fix);
            }
            aaguid
        };
        list.iter().filter_map(|text| one(text, cx)).collect()
    };
    let allow = options.allow.as_ref().map(|list| all(&list.value)).unwrap_or_default();
    let refuse = options.refuse.as_ref().map(|list| all(list)).unwrap_or_default();
    let attestation = match options.attestation.as_ref().map(|a| a.value) {
        None | Some(AttestationChoice::None) => AttestationDemand::None,
        Some(AttestationChoice::Wanted) => AttestationDemand::Wanted,
        Some(AttestationChoice::Required) => AttestationDemand::Required,
    };
    let roots = options.roots.as_ref().and_then(|path| roots(path, cx));
    if let Some(at) = options.attestation.as_ref().filter(|_| attestation != AttestationDemand::None).map(|a| a.at)
        && options.roots.is_none()
    {
        cx.error(at, "no attestation can be judged without roots", "add `roots: attestation-roots.pem`");
    }
    if let Some(upgrade) = options.upgrade.as_ref().filter(|upgrade| upgrade.value)
        && attestation == AttestationDemand::Required
    {
        let fix = "leave `upgrade` out, or choose `attestation: wanted`";
        cx.warn(
            upgrade.at,
            "what a browser makes without a question is not attested: every such passkey is refused",
            fix,
        );
    }
    if let Some(path) = options.roots.as_ref().filter(|_| attestation == AttestationDemand::None) {
        let fix = "add `attestation: wanted` or `attestation: required`";
        cx.warn(path.at, "these roots are not used: attestation is not asked for", fix);
    }
    if let Some(list) = options.allow.as_ref() {
        if list.value.is_empty() {
            let fix = "name a model, or leave `allow` out to allow all";
            cx.error(list.at, "this list is empty, and nobody could register a passkey", fix);
        } else if attestation != AttestationDemand::Required && cx.problems.errors() == errors {
            let fix = "add `attestation: required` and `roots`, or take it as advice to honest people";
            cx.warn(list.at, "a model that is not attested is only claimed: software can claim any of these", fix);
        }
    }
    ModelPolicy { allow, refuse, attestation, roots: roots.unwrap_or_default() }
}

fn roots(path: &Spanned<String>, cx: &mut Checker) -> Option<Roots> {
    let bytes = cx.read(path, ROOTS_BYTES)?;
    let fix = "give the certificates of the makers' roots in PEM, one after the other";
    let text = String::from_utf8(bytes).ok();
    match text.map(|text| Roots::from_pem(&text)) {
        Some(Ok(roots)) if !roots.is_empty() => return Some(roots),
        Some(Err(fault)) => cx.error(path.at, format!("cannot be read: {fault}"), fix),
        _ => cx.error(path.at, "there is no certificate in it", fix),
    }
    None
}
