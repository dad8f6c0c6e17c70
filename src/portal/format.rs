//! Small pieces of text: dates, waits, lists.

use std::net::IpAddr;
use std::time::Duration;

use super::messages::text;
use crate::auth::proof::Method;
use crate::auth::time::{CalendarTime, Timestamp};
use crate::flow::account::AgentName;

/// A wait as people say it, rounded up: `30 seconds`, `2 minutes`.
pub(crate) fn wait(wait: Duration) -> String {
    let seconds = wait_seconds(wait);
    match seconds {
        ..=90 => text!("duration-seconds", count = seconds),
        91..=5400 => text!("duration-minutes", count = seconds.div_ceil(60)),
        _ => text!("duration-hours", count = seconds.div_ceil(3600)),
    }
}

/// A length of time as it was set: `an hour`, `90 seconds`, `12 hours`.
pub(crate) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let exactly = |unit: u64| seconds >= unit && seconds.is_multiple_of(unit);
    match seconds {
        _ if exactly(86_400) => text!("span-days", count = seconds / 86_400),
        _ if exactly(3600) => text!("span-hours", count = seconds / 3600),
        _ if exactly(60) => text!("span-minutes", count = seconds / 60),
        _ => text!("span-seconds", count = seconds),
    }
}

/// How long a path may be to be shown whole, in characters.
const WHOLE: usize = 60;

/// A path for people: without its middle where it is long.
pub(crate) fn path(path: &str) -> String {
    let all: Vec<char> = path.chars().collect();
    if all.len() <= WHOLE {
        return path.to_owned();
    }
    // No character is cut: `%C3%BC` is one to whoever wrote it.
    let head = (0..WHOLE / 2).rev().find(|at| !is_inside(&all, *at)).unwrap_or(0);
    let tail = (all.len() - WHOLE / 2..all.len()).find(|at| !is_inside(&all, *at)).unwrap_or(all.len());
    let part = |chars: Option<&[char]>| chars.unwrap_or_default().iter().collect::<String>();
    format!("{}…{}", part(all.get(..head)), part(all.get(tail..)))
}

/// Whether a cut there would part an escape, or the escapes of one character in UTF-8 (RFC 3629 §3).
fn is_inside(all: &[char], at: usize) -> bool {
    let escape = |from: usize| match all.get(from..from.saturating_add(3)) {
        Some(['%', high, low]) => Some(high.to_digit(16)? * 16 + low.to_digit(16)?),
        _ => None,
    };
    let continues = (0x80..0xC0).contains(&escape(at).unwrap_or(0));
    let follows = at.checked_sub(3).and_then(escape).is_some_and(|byte| byte >= 0x80);
    (continues && follows) || (1..=2).any(|n| at.checked_sub(n).and_then(escape).is_some())
}

/// How long ago, as people say it, rounded down: `2 hours ago`.
pub(crate) fn ago(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..60 => text!("age-moment"),
        60..3600 => text!("age-minutes", count = seconds / 60),
        3600..86_400 => text!("age-hours", count = seconds / 3600),
        _ => text!("age-days", count = seconds / 86_400),
    }
}

/// A number of bytes as people say it: `12 KiB`.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..=9_999 => text!("size-bytes", size = bytes),
        10_000..=1_048_575 => text!("size-kib", size = bytes / 1024),
        _ => text!("size-mib", size = bytes / 1_048_576),
    }
}

/// Whole seconds for `Retry-After`, rounded up, at least one.
pub(crate) fn wait_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// All of these, as people say it: `a, b and c`.
pub(crate) fn all_of(items: &[String]) -> String {
    match items {
        [first @ .., last] if !first.is_empty() => text!("list-and", first = first.join(", "), last = last),
        few => few.concat(),
    }
}

/// Any of these, as people say it: `a, b or c`.
pub(crate) fn any_of(items: &[String]) -> String {
    match items {
        [first @ .., last] if !first.is_empty() => text!("list-or", first = first.join(", "), last = last),
        few => few.concat(),
    }
}

/// How far a clock is off: `about 2 minutes slow`. Positive seconds: fast.
pub(crate) fn clock_off(seconds: i64) -> String {
    let away = wait(Duration::from_secs(seconds.unsigned_abs()));
    if seconds > 0 { text!("clock-fast", duration = away) } else { text!("clock-slow", duration = away) }
}

/// A moment for people: `21 November 2026, 08:24 UTC`.
pub(crate) fn moment(at: Timestamp) -> String {
    let CalendarTime { year, month, day, hour, minute, .. } = at.calendar();
    let time = format!("{hour:02}:{minute:02}");
    text!("moment", day = day, month = month, year = year, time = time)
}

/// A method as a thing that somebody has: `an authenticator app`.
pub(crate) fn method(method: Method) -> String {
    match method {
        Method::Password => text!("method-password"),
        Method::Totp => text!("method-totp"),
        Method::Passkey => text!("method-passkey"),
        Method::BoundPasskey => text!("method-bound-passkey"),
        Method::SecurityKey => text!("method-security-key"),
        Method::BackupCode => text!("method-backup-code"),
        Method::EmailCode => text!("method-email-code"),
        Method::SmsCode => text!("method-sms-code"),
        Method::RecoveryCode => text!("method-recovery-code"),
    }
}

/// An address and its country, where that is known.
pub(crate) fn address(address: IpAddr, country: Option<&str>) -> String {
    match country {
        Some(country) => text!("place-in-country", address = address.to_string(), country = country),
        None => text!("place-address", address = address.to_string()),
    }
}

/// A browser and its system, in words.
pub(crate) fn agent(agent: AgentName) -> String {
    match (agent.browser, agent.system) {
        _ if agent.is_script => text!("agent-script"),
        (Some(browser), Some(system)) => text!("agent-on-system", browser = browser, system = system),
        (Some(browser), None) => browser.to_owned(),
        (None, Some(system)) => text!("agent-of-system", system = system),
        (None, None) => text!("agent-unknown"),
    }
}

/// A secret in groups of four, for reading aloud and typing.
pub(crate) fn grouped(secret: &str) -> String {
    let chars: Vec<char> = secret.chars().collect();
    chars.chunks(4).map(|c| c.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        assert_eq!(moment(Timestamp::from_secs(1_795_249_453)), "21 November 2026, 08:24 UTC");
    }

    #[test]
    fn waits_round_up() {
        assert_eq!(wait(Duration::from_millis(200)), "1 second");
        assert_eq!(wait(Duration::from_secs(91)), "2 minutes");
        assert_eq!(wait(Duration::from_secs(7200)), "2 hours");
        assert_eq!(clock_off(-120), "about 2 minutes slow");
        assert_eq!(clock_off(60), "about 60 seconds fast");
    }

    #[test]
    fn spans_are_said_as_they_were_set() {
        for (seconds, said) in [
            (3600, "an hour"),
            (43_200, "12 hours"),
            (86_400, "a day"),
            (60, "a minute"),
            (90, "90 seconds"),
            (5400, "90 minutes"),
            (1, "a second"),
            (7, "7 seconds"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), said);
        }
    }

    #[test]
    fn long_paths_lose_their_middle() {
        for whole in ["/", "/erp/7", &format!("/{}", "ü".repeat(59))] {
            assert_eq!(path(whole), whole);
        }
        for (unit, first) in
            [("a", "a"), ("ü", "ü"), ("%2F", "%2F"), ("%C3%BC", "%C3"), ("%E2%82%AC", "%E2"), ("%F0%9F%94%91", "%F0")]
        {
            for length in 11..200 {
                let long = format!("/{}", unit.repeat(length));
                let shown = path(&long);
                assert!(shown.chars().count() <= WHOLE, "{shown}");
                let Some((head, tail)) = shown.split_once('…') else { continue };
                assert!(long.starts_with(head) && long.ends_with(tail) && tail.starts_with(first), "{shown}");
                assert_eq!((head.len() - 1) % unit.len(), 0, "{shown}");
                assert_eq!(tail.len() % unit.len(), 0, "{shown}");
            }
        }
    }

    #[test]
    fn texts() {
        assert_eq!(grouped("ABCDEFGHIJ"), "ABCD EFGH IJ");
    }
}
