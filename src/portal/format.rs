//! Small pieces of text: dates, waits, percent-encoding.

use std::time::Duration;

use super::messages::text;
use crate::auth::time::Timestamp;

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
    let (year, month, day) = civil(at.as_secs() / 86_400);
    let (hour, minute, _) = clock(at);
    let time = format!("{hour:02}:{minute:02}");
    text!("moment", day = day, month = month, year = year, time = time)
}

/// A moment for machines (RFC 3339): `2026-11-21T08:24:13Z`.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    let (year, month, day) = civil(at.as_secs() / 86_400);
    let (hour, minute, second) = clock(at);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

const fn clock(at: Timestamp) -> (u64, u64, u64) {
    let seconds = at.as_secs() % 86_400;
    (seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Year, month and day of a day counted from the Unix epoch (proleptic Gregorian calendar).
const fn civil(day: u64) -> (u64, u64, u64) {
    // Eras of 400 years that begin on 1 March, so that the leap day is the last of a year.
    let shifted = day + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

/// Percent-encodes everything but the unreserved characters of RFC 3986 §2.3.
pub(crate) fn encode(text: &str) -> String {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    let digit = |n: u8| HEX.get(usize::from(n)).copied().unwrap_or('0');
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    out
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
        assert_eq!(rfc3339(Timestamp::from_secs(0)), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(Timestamp::from_secs(951_782_400)), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(Timestamp::from_secs(1_795_249_453)), "2026-11-21T08:24:13Z");
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
        assert_eq!(encode("/a b?c=d&e=ü"), "%2Fa%20b%3Fc%3Dd%26e%3D%C3%BC");
        assert_eq!(grouped("ABCDEFGHIJ"), "ABCD EFGH IJ");
    }
}
