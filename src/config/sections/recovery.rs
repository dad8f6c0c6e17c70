//! `recovery`: how somebody gets back in who can no longer sign in.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::one_or::{Detailed, OffOr};
use crate::auth::proof::{Method, MethodSet};
use crate::config::sections::checker::Checker;
use crate::config::sections::scalars::HumanDuration;
use crate::config::yaml::{Span, Spanned};
use crate::flow::settings::{FlowSettings, RecoverySettings};

/// How somebody gets back in who can no longer sign in.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecoveryOptions {
    /// How long somebody waits who has no second proof, while every confirmed address is told: 10s to 30d. Default: 24h.
    wait: Option<Spanned<HumanDuration>>,
    /// What counts as a second proof beside the mailbox: backup_code, passkey, totp. Default: all of them.
    second_proof: Option<Spanned<Vec<Spanned<String>>>>,
}

impl Detailed for RecoveryOptions {
    const EXPECTED: &'static str =
        "`off` or a mapping, as `recovery: { wait: 24h, second_proof: [backup_code, passkey, totp] }`";
    const SCHEMA: &'static str = "RecoverySection";
}

const LEAST: Duration = Duration::from_secs(10);
const MOST: Duration = Duration::from_secs(30 * 24 * 3600);
/// Nobody is sure to read a letter faster.
const NOTICED: Duration = Duration::from_secs(12 * 3600);

/// `mail`: whether something sends letters.
pub(crate) fn validate(
    options: Option<Spanned<OffOr<RecoveryOptions>>>,
    mail: bool,
    flow: &mut FlowSettings,
    cx: &mut Checker,
) {
    let Some(Spanned { value, at }) = options else { return };
    let Some(options) = value.on() else { return };
    if !mail {
        let fix = "add `mail: { smtp: \"smtps://mail.example.com\", from: no-reply@example.com }`";
        cx.error(at, "recovery begins with a letter, and nothing sends mail", fix);
    }
    let mut settings = RecoverySettings::default();
    if let Some(wait) = options.wait {
        settings.wait = waiting_time(&wait, cx).unwrap_or(settings.wait);
    }
    if let Some(second) = options.second_proof {
        settings.second_proof = second_proof(second, flow, cx);
    }
    flow.recovery = Some(settings);
}

fn waiting_time(wait: &Spanned<HumanDuration>, cx: &mut Checker) -> Option<Duration> {
    let time = wait.value.0;
    if !(LEAST..=MOST).contains(&time) {
        cx.error(wait.at, "the waiting time is 10s to 30d", "write `24h`");
        return None;
    }
    if time < NOTICED {
        let fix = "write `24h`: whoever reads somebody's mail sets their password once it is over";
        cx.warn(
            wait.at,
            "few people read a letter that fast, and only they can stop a recovery that is not theirs",
            fix,
        );
    }
    Some(time)
}

fn second_proof(given: Spanned<Vec<Spanned<String>>>, flow: &FlowSettings, cx: &mut Checker) -> MethodSet {
    let served = flow.served();
    let mut set = MethodSet::EMPTY;
    for name in given.value {
        let methods = match name.value.as_str() {
            "backup_code" => MethodSet::EMPTY.with(Method::BackupCode),
            "totp" => MethodSet::EMPTY.with(Method::Totp),
            "passkey" => MethodSet::PASSKEYS,
            _ => {
                let fix = "backup_code, passkey and totp are possible; what is sent by mail proves nothing beside mail";
                cx.error(name.at, "not a second proof", fix);
                continue;
            }
        };
        if methods.and(served).is_empty() {
            not_served(name.at, cx);
        }
        set = set.or(methods);
    }
    set
}

fn not_served(at: Span, cx: &mut Checker) {
    cx.error(at, "nobody can prove this here", "switch it on in `factors`, or leave it out");
}
