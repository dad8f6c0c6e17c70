//! `limits`: attempts, and slow or greedy clients.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::auth::throttle::Limit;
use crate::config::sections::checker::Checker;
use crate::config::sections::scalars::{HumanDuration, HumanSize};
use crate::config::yaml::Spanned;
use crate::flow::settings::{LimitSettings, SendLimits, Spend};
use crate::proxy::settings::ClientLimits;

/// Limits of attempts, and against slow or greedy clients.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitOptions {
    /// Passwords per account and client network (/24, /64) from unknown browsers. Default: 20, then one per 30s.
    password: Option<BucketOptions>,
    /// Codes per account from all unknown browsers together. Default: 5, then one per 30s.
    totp: Option<BucketOptions>,
    /// Wrong codes in a row, per account and kind of code, that switch this factor off: 1 to 100. Default: 30.
    lockout: Option<LockoutOptions>,
    /// Wrong passwords per account from all unknown browsers together. Default: 100, then one per 10m.
    password_lockout: Option<BucketOptions>,
    /// Passwords per account and client network where others have used up `password_lockout`; twice as many per /16 and
    /// /48, four times per /32 of IPv6. Default: 5, then one per 8h.
    new_network: Option<BucketOptions>,
    /// The same for all networks of an account together. Default: 500, then one per 5s.
    new_networks: Option<BucketOptions>,
    /// Attempts per account from one known browser. Default: 10, then one per 30s.
    known_browser: Option<BucketOptions>,
    /// Wrong proofs per client address (or /64), for each factor; four times as many per /24 and /48, eight times per /16
    /// and /32 of IPv6. Default: 1000, then one per 1s.
    network: Option<BucketOptions>,
    /// How many codes are sent for one account, from one network and to one address.
    codes: Option<CodeLimitOptions>,
    /// How many codes the whole installation sends.
    spend: Option<SpendOptions>,
    /// Connections at once. Default: what half of the memory bears at worst, at most 10000.
    connections: Option<Spanned<u32>>,
    /// Connections at once from one address. Default: a quarter of all, at most 1000.
    connections_per_client: Option<Spanned<u32>>,
    /// For the TLS handshake. Default: 10s.
    handshake_timeout: Option<HumanDuration>,
    /// For the whole head of a request. Default: 15s.
    header_timeout: Option<HumanDuration>,
    /// Between two pieces of a body. Default: 30s.
    body_timeout: Option<HumanDuration>,
    /// Between two pieces of an answer that the client reads. Default: 60s.
    write_timeout: Option<HumanDuration>,
    /// Bytes per second that a body, or an answer that is waited with, must reach in the long run; 0: any.
    /// Default: 240.
    min_rate: Option<Spanned<u32>>,
    /// Idle between two requests. Default: 75s.
    keepalive: Option<HumanDuration>,
    /// Idle inside a WebSocket. Default: 1h.
    tunnel_idle: Option<HumanDuration>,
    /// Bytes of a request head. Default: 64KiB.
    header_bytes: Option<Spanned<HumanSize>>,
    /// HTTP/2 streams at once on a connection. Default: 100.
    streams: Option<Spanned<u32>>,
    /// Bytes of a body under the reserved prefix: 4KiB to 64KiB. Default: 64KiB.
    portal_body: Option<Spanned<HumanSize>>,
}

/// How many codes are sent, by mail and by text message each.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CodeLimitOptions {
    /// To one address. Default: 3 in 10m.
    address: Option<QuotaOptions>,
    /// To one address, in the long run. Default: 10 in 24h.
    address_day: Option<QuotaOptions>,
    /// For one account. Default: 10 in 10m.
    account: Option<QuotaOptions>,
    /// For one client address (or /64); four times as many per /24 and /48, eight times per /16 and /32 of IPv6.
    /// Default: 30 in 10m.
    network: Option<QuotaOptions>,
}

/// Never more than so many in any stretch of that time.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct QuotaOptions {
    /// Codes.
    most: Spanned<u32>,
    /// The time.
    within: HumanDuration,
}

/// How many codes the whole installation sends.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SpendOptions {
    /// By mail. Default: 1000 in an hour, 5000 in a day.
    email: Option<ChannelSpendOptions>,
    /// By text message. Default: 100 in an hour, 500 in a day.
    sms: Option<ChannelSpendOptions>,
    /// Mails that anybody can ask for: recovery, sign-in links and sign-up, each by itself. They use up nothing of `email`.
    /// Default: half of `email`.
    letters: Option<ChannelSpendOptions>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ChannelSpendOptions {
    /// Codes in any hour.
    per_hour: Option<Spanned<u32>>,
    /// Codes in any day.
    per_day: Option<Spanned<u32>>,
}

/// The most wrong codes in a row that a factor may take (SP 800-63B-4 §3.2.2).
const MOST_WRONG_CODES: u32 = 100;

/// When a factor is switched off.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LockoutOptions {
    /// Wrong codes in a row: 1 to 100.
    tries: Option<Spanned<u32>>,
    /// No longer of use: a factor stays off until its owner proves another one, or an operator switches it on.
    refill: Option<Spanned<HumanDuration>>,
}

/// So many attempts at once, then one more every so often.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BucketOptions {
    /// Attempts at once.
    tries: Option<Spanned<u32>>,
    /// Time until one more attempt.
    refill: Option<HumanDuration>,
}

pub(crate) fn validate(
    options: Option<Spanned<LimitOptions>>,
    attempts: &mut LimitSettings,
    codes: &mut SendLimits,
    clients: &mut ClientLimits,
    cx: &mut Checker,
) {
    let Some(options) = options.map(|o| o.value) else { return };
    bucket(&mut attempts.password, options.password, cx);
    bucket(&mut attempts.totp, options.totp, cx);
    lockout(&mut attempts.lockout, options.lockout, cx);
    bucket(&mut attempts.password_lockout, options.password_lockout, cx);
    bucket(&mut attempts.new_network, options.new_network, cx);
    bucket(&mut attempts.new_networks, options.new_networks, cx);
    bucket(&mut attempts.known_browser, options.known_browser, cx);
    bucket(&mut attempts.network, options.network, cx);
    if let Some(options) = options.codes {
        quota(&mut codes.address, options.address, cx);
        quota(&mut codes.address_day, options.address_day, cx);
        quota(&mut codes.account, options.account, cx);
        quota(&mut codes.network, options.network, cx);
    }
    if let Some(options) = options.spend {
        spend(&mut codes.email, options.email, cx);
        spend(&mut codes.sms, options.sms, cx);
        codes.letters = Spend { per_hour: codes.email.per_hour.halved(), per_day: codes.email.per_day.halved() };
        spend(&mut codes.letters, options.letters, cx);
    }

    let count = |slot: &mut Option<usize>, value: Option<Spanned<u32>>, cx: &mut Checker| {
        if let Some(n) = value.and_then(|v| at_least_one(v, cx)) {
            *slot = Some(usize::try_from(n).unwrap_or(usize::MAX));
        }
    };
    count(&mut clients.connections, options.connections, cx);
    count(&mut clients.connections_per_client, options.connections_per_client, cx);
    if let Some(n) = options.streams.and_then(|v| at_least_one(v, cx)) {
        clients.streams = n;
    }
    if let Some(rate) = options.min_rate {
        clients.min_rate = rate.value;
    }
    let time = |slot: &mut Duration, value: Option<HumanDuration>| {
        if let Some(t) = value {
            *slot = t.0;
        }
    };
    time(&mut clients.handshake_timeout, options.handshake_timeout);
    time(&mut clients.header_timeout, options.header_timeout);
    time(&mut clients.body_timeout, options.body_timeout);
    time(&mut clients.write_timeout, options.write_timeout);
    time(&mut clients.keepalive, options.keepalive);
    time(&mut clients.tunnel_idle, options.tunnel_idle);
    bytes(&mut clients.header_bytes, options.header_bytes, (4 * 1024, 1024 * 1024), cx);
    bytes(&mut clients.portal_body, options.portal_body, (4 * 1024, 64 * 1024), cx);
}

fn at_least_one(value: Spanned<u32>, cx: &mut Checker) -> Option<u32> {
    if value.value == 0 {
        cx.error(value.at, "zero would refuse everybody", "write at least 1");
        return None;
    }
    Some(value.value)
}

/// Wrong codes that switch a factor off. What has no pace is not refilled.
fn lockout(tries: &mut u32, options: Option<LockoutOptions>, cx: &mut Checker) {
    let Some(options) = options else { return };
    if let Some(refill) = options.refill {
        let fix = "leave `refill` out; `stepgate user unlock` switches a factor on again";
        cx.warn(refill.at, "a factor that is guessed is switched off, and no time switches it on again", fix);
    }
    let Some(given) = options.tries else { return };
    if given.value == 0 || given.value > MOST_WRONG_CODES {
        cx.error(given.at, "out of range", format!("1 to {MOST_WRONG_CODES} are possible (SP 800-63B-4 §3.2.2)"));
    } else {
        *tries = given.value;
    }
}

fn quota(limit: &mut Limit, options: Option<QuotaOptions>, cx: &mut Checker) {
    let Some(QuotaOptions { most, within }) = options else { return };
    if let Some(most) = at_least_one(most, cx) {
        *limit = Limit::at_most(most, within.0);
    }
}

fn spend(limit: &mut Spend, options: Option<ChannelSpendOptions>, cx: &mut Checker) {
    let Some(ChannelSpendOptions { per_hour, per_day }) = options else { return };
    let mut set = |slot: &mut Limit, most: Option<Spanned<u32>>, hours: u64| {
        if let Some(most) = most.and_then(|most| at_least_one(most, cx)) {
            *slot = Limit::at_most(most, Duration::from_secs(hours * 3600));
        }
    };
    set(&mut limit.per_hour, per_hour, 1);
    set(&mut limit.per_day, per_day, 24);
}

fn bucket(limit: &mut Limit, options: Option<BucketOptions>, cx: &mut Checker) {
    let Some(options) = options else { return };
    if let Some(tries) = options.tries.and_then(|t| at_least_one(t, cx)) {
        limit.tries = tries;
    }
    if let Some(refill) = options.refill {
        limit.refill = refill.0;
    }
}

/// A size that must lie between two bounds to be of use.
fn bytes(slot: &mut usize, value: Option<Spanned<HumanSize>>, (least, most): (u64, u64), cx: &mut Checker) {
    let Some(size) = value else { return };
    if size.value.0 < least || size.value.0 > most {
        cx.error(size.at, "out of range", format!("{least} to {most} bytes are possible"));
    } else {
        *slot = usize::try_from(size.value.0).unwrap_or(usize::MAX);
    }
}
