//! `factors`: what people prove themselves with.

use schemars::JsonSchema;
use serde::Deserialize;

use super::passkeys::{self, PasskeyOptions, RelyingParty};
use crate::auth::factor::authenticator::AddressKind;
use crate::config::sections::checker::Checker;
use crate::config::sections::one_or::Detailed;
use crate::config::sections::scalars::HumanDuration;
use crate::config::sections::switch::Switch;
use crate::config::yaml::{Span, Spanned};
use crate::flow::settings::FlowSettings;

/// What people prove themselves with, beside the password.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FactorOptions {
    /// Codes of an authenticator app (RFC 6238).
    totp: Option<TotpOptions>,
    /// How many backup codes are made: 4 to 40. Default: 10.
    backup_codes: Option<Spanned<u8>>,
    /// How long ago a proof may be that lets somebody change what they sign in by. Default: 5m.
    enroll_max_age: Option<HumanDuration>,
    /// Passkeys and security keys: on, off, or a mapping. Default: on.
    passkeys: Option<Spanned<Switch<PasskeyOptions>>>,
    /// Codes by mail: on, off, or a mapping. With a password they make `two_steps`, never `two_factor`. Default: off.
    email_code: Option<Spanned<Switch<SentCodeOptions>>>,
    /// Codes by text message: on, off, or a mapping. With a password they make `two_steps`, never `two_factor`.
    /// Default: off.
    sms_code: Option<Spanned<Switch<SentCodeOptions>>>,
    /// Whether a sign-in may begin by a link that is mailed: the address is the first step, the password comes after it.
    /// Default: off.
    email_link: Option<Spanned<bool>>,
}

/// Codes that are sent.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SentCodeOptions {
    /// Digits: 6 or 8. Default: 6.
    digits: Option<Spanned<u8>>,
    /// For how long a code is good: 1m to 10m. Default: 5m.
    lifetime: Option<Spanned<HumanDuration>>,
}

impl Detailed for SentCodeOptions {
    const EXPECTED: &'static str = "`on`, `off`, or a mapping, as `{ digits: 8, lifetime: 5m }`";
    const SCHEMA: &'static str = "SentCodeFactor";
}

/// Codes of an authenticator app.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TotpOptions {
    /// Digits: 6 or 8. Default: 6.
    digits: Option<Spanned<u8>>,
    /// Seconds of a step, as 30s. Default: 30s. Many apps know no other.
    period: Option<Spanned<HumanDuration>>,
    /// Steps accepted on either side: 0 to 2. Default: 1.
    skew: Option<Spanned<u8>>,
    /// Steps looked at on either side to tell people that a clock is off: 0 to 60. Default: 10.
    tell_skew: Option<Spanned<u8>>,
    /// The name people see in their authenticator app. Default: `portal.name`, or Stepgate.
    issuer: Option<Spanned<String>>,
}

/// What is to be judged beside other sections: where codes that are sent are switched on in the file, and by whose passkeys.
#[derive(Default)]
pub(crate) struct SwitchedOn {
    email: Option<Span>,
    sms: Option<Span>,
    link: Option<Span>,
    pub(crate) relying_party: Option<RelyingParty>,
}

impl SwitchedOn {
    /// Whether there is something that sends them; `given`: sections `mail` and `sms`.
    pub(crate) fn need_senders(&self, given: (bool, bool), cx: &mut Checker) {
        for at in self.email.into_iter().chain(self.link).filter(|_| !given.0) {
            let fix = "add `mail: { smtp: \"smtps://mail.example.com\", from: no-reply@example.com }`";
            cx.error(at, "nothing sends mail", fix);
        }
        if let Some(at) = self.sms.filter(|_| !given.1) {
            cx.error(at, "nothing sends text messages", "add `sms: { twilio: { … }, countries: [US] }`");
        }
    }
}

pub(crate) fn validate(
    options: Option<Spanned<FactorOptions>>,
    flow: &mut FlowSettings,
    cx: &mut Checker,
) -> SwitchedOn {
    let Some(options) = options.map(|o| o.value) else {
        return SwitchedOn { relying_party: passkeys::validate(None, flow, cx), ..SwitchedOn::default() };
    };
    within(&mut flow.backup_codes, options.backup_codes, (4, 40), cx);
    if let Some(time) = options.enroll_max_age {
        flow.enroll_max_age = time.0;
    }
    let link = options.email_link.filter(|given| given.value).map(|given| given.at);
    flow.email_link = link.is_some();
    let switched = SwitchedOn {
        link,
        email: sent_code(options.email_code, AddressKind::Email, flow, cx),
        sms: sent_code(options.sms_code, AddressKind::Sms, flow, cx),
        relying_party: passkeys::validate(options.passkeys, flow, cx),
    };
    if let Some(totp) = options.totp {
        validate_totp(totp, flow, cx);
    }
    switched
}

fn validate_totp(totp: TotpOptions, flow: &mut FlowSettings, cx: &mut Checker) {
    match totp.digits {
        Some(d) if d.value != 6 && d.value != 8 => cx.error(d.at, "codes have 6 or 8 digits", "write 6"),
        Some(d) => flow.totp.digits = d.value,
        None => {}
    }
    within(&mut flow.totp.skew, totp.skew, (0, 2), cx);
    within(&mut flow.totp.tell_skew, totp.tell_skew, (0, 60), cx);
    if let Some(period) = totp.period {
        let time = period.value.0;
        if time.subsec_nanos() != 0 || !(15..=120).contains(&time.as_secs()) {
            cx.error(period.at, "a step lasts 15 to 120 whole seconds", "write `30s`");
        } else {
            flow.totp.period = time.as_secs();
        }
    }
    if let Some(issuer) = totp.issuer {
        set_issuer(flow, &issuer, cx);
    }
}

/// Where this way is switched on, if it is.
fn sent_code(
    given: Option<Spanned<Switch<SentCodeOptions>>>,
    kind: AddressKind,
    flow: &mut FlowSettings,
    cx: &mut Checker,
) -> Option<Span> {
    let Some(Spanned { value: Switch::On(options), at }) = given else { return None };
    flow.offer = flow.offer.with(kind.method(), false);
    let Some(options) = options else { return Some(at) };
    let shape = match kind {
        AddressKind::Email => &mut flow.codes.email,
        AddressKind::Sms => &mut flow.codes.sms,
    };
    match options.digits {
        Some(d) if d.value != 6 && d.value != 8 => cx.error(d.at, "codes have 6 or 8 digits", "write 6"),
        Some(d) => shape.digits = d.value,
        None => {}
    }
    let Some(lifetime) = options.lifetime else { return Some(at) };
    if (60..=600).contains(&lifetime.value.0.as_secs()) {
        shape.lifetime = lifetime.value.0;
    } else {
        let fix = "write 1m to 10m: longer is not allowed (SP 800-63B-4 §3.1.3.2)";
        cx.error(lifetime.at, "a code that is sent is good for 1 to 10 minutes", fix);
    }
    Some(at)
}

/// Names the gateway in authenticator apps; a colon ends the issuer in an otpauth label.
pub(crate) fn set_issuer(flow: &mut FlowSettings, issuer: &Spanned<String>, cx: &mut Checker) {
    let name = issuer.value.trim();
    let unusable = name.is_empty() || name.chars().count() > 60 || name.chars().any(|c| c == ':' || c.is_control());
    if unusable {
        let fix = "write 1 to 60 characters without `:`; it is shown in authenticator apps";
        cx.error(issuer.at, "not a usable name", fix);
    } else {
        name.clone_into(&mut flow.issuer);
    }
}

fn within(slot: &mut u8, value: Option<Spanned<u8>>, (least, most): (u8, u8), cx: &mut Checker) {
    match value {
        Some(v) if v.value < least || v.value > most => {
            cx.error(v.at, "out of range", format!("{least} to {most} are possible"));
        }
        Some(v) => *slot = v.value,
        None => {}
    }
}
