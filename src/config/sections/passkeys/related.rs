//! The relying party ID beside the hosts: those that lie in it, and those that may be related to it.

use std::collections::BTreeSet;

use super::RelyingParty;
use crate::config::sections::checker::Checker;
use crate::config::sections::registrable_domain::registrable_domain;
use crate::flow::settings::FlowSettings;

/// How many names the domains of related origins may have: what every browser takes (WebAuthn L3 §5.11).
const MOST_LABELS: usize = 5;

/// Judges the relying party ID by the hosts that are to use it, and says which of them are related to it.
pub(crate) fn settle(party: Option<&RelyingParty>, hosts: &[String], flow: &mut FlowSettings, cx: &mut Checker) {
    let Some(party) = party else { return };
    let id = &party.id;
    let within =
        |host: &&str| host.strip_suffix(id.value.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    let (inside, outside): (Vec<&str>, Vec<&str>) = hosts.iter().map(String::as_str).partition(within);
    if inside.is_empty() && !hosts.is_empty() {
        let fix = format!("write a domain that {} lies in", hosts.first().map_or("", String::as_str));
        cx.error(id.at, "no host lies in this domain: browsers would refuse every passkey", fix);
        return;
    }
    if outside.is_empty() {
        return;
    }
    let Some(at) = party.related else {
        let fix = "add `related_origins: on`, choose a domain that all hosts lie in, or leave `rp_id` out: then each host has \
                   passkeys of its own";
        let named = outside.join(", ");
        let message = format!("no passkeys are offered on {named}: browsers refuse them outside of this domain");
        cx.warn(id.at, message, fix);
        return;
    };
    let (related, nameless): (Vec<&str>, Vec<&str>) = outside.into_iter().partition(|host| label(host).is_some());
    if !nameless.is_empty() {
        let fix = "give them a name in a domain that is registered";
        let message = format!("no passkeys are offered on {}: browsers relate domains alone", nameless.join(", "));
        cx.warn(at, message, fix);
    }
    let labels: BTreeSet<&str> = related.iter().filter_map(|host| label(host)).collect();
    if labels.len() > MOST_LABELS {
        let all = labels.into_iter().collect::<Vec<_>>().join(", ");
        let message = format!("browsers relate domains of {MOST_LABELS} names, and these have more: {all}");
        cx.error(
            at,
            message,
            "let some of these apps be on hosts in `rp_id`, or use `portal.host`: one host signs people in",
        );
        return;
    }
    if !related.is_empty() && !hosts.contains(&id.value) {
        let (rp_id, origins) =
            (&id.value, related.iter().map(|host| format!("\"https://{host}\"")).collect::<Vec<_>>());
        let fix = format!("add an app there, or serve there as JSON: {{\"origins\":[{}]}}", origins.join(","));
        let message = format!(
            "browsers ask https://{rp_id}/.well-known/webauthn for related origins, and no host here is {rp_id}"
        );
        cx.warn(id.at, message, fix);
    }
    if let Some(passkeys) = &mut flow.passkeys {
        passkeys.related = related.into_iter().map(str::to_owned).collect();
    }
}

/// What browsers count: the first label of the registrable domain.
fn label(host: &str) -> Option<&str> {
    registrable_domain(host)?.split('.').next()
}
