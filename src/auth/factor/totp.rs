//! Time-based one-time codes (RFC 6238) with SHA-1. The door of `totp-rs`.

use data_encoding::BASE32_NOPAD;
use subtle::ConstantTimeEq;
use unicode_normalization::UnicodeNormalization;

use crate::auth::secret::{SecretBytes, SecretText};
use crate::auth::text::invisible::is_invisible;
use crate::auth::text::percent;
use crate::auth::time::Timestamp;

/// Random bytes in a new key: 160 bits (RFC 4226 §4, R6).
pub const KEY_BYTES: usize = 20;

/// The longest text that is searched for a code, in bytes.
const MAX_TEXT: usize = 512;

/// The shape of codes and the window in which they count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TotpParams {
    /// Digits: 6 to 8.
    pub digits: u8,
    /// Seconds of a step.
    pub period: u64,
    /// Steps accepted on either side of now.
    pub skew: u64,
    /// Steps looked at on either side to tell that a clock is off; none of them is accepted.
    pub tell_skew: u64,
}

/// What a code is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Matched {
    /// It is the code of this step, in the window and later than every step spent.
    Step(u64),
    /// It is a code of the window whose step, or a later one, was spent before.
    Spent,
    /// It is the code of a step outside the window: never accepted.
    ClockOff {
        /// The step it belongs to.
        step: u64,
        /// How far its clock is off, in seconds; positive: ahead.
        seconds: i64,
    },
    /// It is no code of this key.
    Wrong,
    /// The text holds nothing of the shape of a code.
    Malformed,
}

/// Matches what a person typed against a key at `now`. Every candidate step is computed and compared in
/// constant time; steps up to `last_step` are refused.
pub fn check(key: &SecretBytes, typed: &str, params: TotpParams, last_step: Option<u64>, now: Timestamp) -> Matched {
    let Some(code) = normalise(typed, params.digits) else { return Matched::Malformed };
    let current = now.as_secs() / params.period.max(1);
    let reach = params.skew.max(params.tell_skew);
    let (mut fresh, mut spent, mut off) = (None, false, None);
    for step in current.saturating_sub(reach)..=current.saturating_add(reach) {
        let expected = code_at(key, step, params.digits);
        if !bool::from(expected.expose().as_bytes().ct_eq(code.expose().as_bytes())) {
            continue;
        }
        if step.abs_diff(current) > params.skew {
            off = off.or(Some(step));
        } else if last_step.is_some_and(|last| step <= last) {
            spent = true;
        } else {
            fresh = fresh.or(Some(step));
        }
    }
    match (fresh, spent, off) {
        (Some(step), _, _) => Matched::Step(step),
        (None, true, _) => Matched::Spent,
        (None, false, Some(step)) => Matched::ClockOff { step, seconds: offset(step, current, params.period) },
        (None, false, None) => Matched::Wrong,
    }
}

/// The code of one step, with leading zeros.
pub fn code_at(key: &SecretBytes, step: u64, digits: u8) -> SecretText {
    // A step length of one second makes the library's time the step itself.
    let totp = totp_rs::Builder::new()
        .with_secret(key.expose().to_vec())
        .with_digits(digits.clamp(6, 8))
        .with_step_duration(1)
        .build_noncompliant();
    SecretText::new(totp.generate(step).to_string())
}

/// The digits of a code in what a person typed or pasted: spaces, hyphens and invisible characters are
/// dropped, digits of other scripts understood, and a line around one code of the right length tolerated.
pub fn normalise(typed: &str, digits: u8) -> Option<SecretText> {
    if typed.len() > MAX_TEXT {
        return None;
    }
    let wanted = usize::from(digits);
    let plain: Vec<char> = typed.nfkc().filter(|c| !is_invisible(*c)).map(ascii_digit).collect();
    let mut runs: Vec<String> = Vec::new();
    let (mut run, mut gap) = (String::new(), 0_u8);
    for c in plain.into_iter().chain(std::iter::once('.')) {
        if c.is_ascii_digit() {
            run.push(c);
            gap = 0;
        } else if !run.is_empty() && gap < 3 && (c.is_whitespace() || is_dash(c)) {
            gap += 1;
        } else if !run.is_empty() {
            runs.push(std::mem::take(&mut run));
            gap = 0;
        }
    }
    let mut fitting = runs.into_iter().filter(|r| r.len() == wanted);
    let code = fitting.next()?;
    // A message may say its code twice.
    fitting.all(|other| other == code).then(|| SecretText::new(code))
}

/// The key as people type it: base32 without padding (RFC 4648 §6).
pub fn encode_key(key: &SecretBytes) -> SecretText {
    SecretText::new(BASE32_NOPAD.encode(key.expose()))
}

/// The `otpauth://` URI that authenticator apps read from a QR code.
pub fn uri(key: &SecretBytes, issuer: &str, account: &str, digits: u8, period: u64) -> SecretText {
    // A colon separates issuer and account in the label, so neither may hold one.
    let (issuer, account) = (percent::encode(&issuer.replace(':', " ")), percent::encode(&account.replace(':', " ")));
    let secret = encode_key(key);
    SecretText::new(format!(
        "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits={digits}&period={period}",
        secret.expose()
    ))
}

fn offset(step: u64, current: u64, period: u64) -> i64 {
    let size = i64::try_from(step.abs_diff(current).saturating_mul(period)).unwrap_or(i64::MAX);
    if step < current { -size } else { size }
}

fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// Digits of the scripts whose keyboards type them, as ASCII; all else unchanged.
fn ascii_digit(c: char) -> char {
    let zeros = [0x0660_u32, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0e50];
    let value = zeros.iter().find_map(|zero| u32::from(c).checked_sub(*zero).filter(|v| *v < 10));
    value.and_then(|v| char::from_digit(v, 10)).unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PARAMS: TotpParams = TotpParams { digits: 6, period: 30, skew: 1, tell_skew: 10 };

    fn key() -> SecretBytes {
        SecretBytes::new(b"12345678901234567890".to_vec())
    }

    fn at(step: u64) -> Timestamp {
        Timestamp::from_secs(step * 30 + 7)
    }

    fn code(step: u64) -> String {
        code_at(&key(), step, 6).expose().to_owned()
    }

    #[test]
    fn the_vectors_of_rfc_6238_appendix_b() {
        for (time, expected) in [
            (59_u64, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            assert_eq!(code_at(&key(), time / 30, 8).expose(), expected);
            let params = TotpParams { digits: 8, ..PARAMS };
            assert_eq!(check(&key(), expected, params, None, Timestamp::from_secs(time)), Matched::Step(time / 30));
        }
    }

    #[test]
    fn the_window_is_one_step_and_what_is_near_is_told_but_not_accepted() {
        let now = 41_152_263_u64;
        for delta in -12_i64..=12 {
            let step = now.checked_add_signed(delta).unwrap();
            let expected = match delta.abs() {
                0 | 1 => Matched::Step(step),
                2..=10 => Matched::ClockOff { step, seconds: delta * 30 },
                _ => Matched::Wrong,
            };
            assert_eq!(check(&key(), &code(step), PARAMS, None, at(now)), expected, "{delta}");
        }
    }

    #[test]
    fn spent_steps_and_earlier_ones_are_refused() {
        let now = 41_152_263;
        assert_eq!(check(&key(), &code(now), PARAMS, Some(now), at(now)), Matched::Spent);
        assert_eq!(check(&key(), &code(now - 1), PARAMS, Some(now), at(now)), Matched::Spent);
        assert_eq!(check(&key(), &code(now + 1), PARAMS, Some(now), at(now)), Matched::Step(now + 1));
        assert_eq!(check(&key(), &code(now), PARAMS, Some(now), at(now + 1)), Matched::Spent);
    }

    #[test]
    fn codes_are_read_as_people_give_them() {
        for text in [
            "123456",
            " 123 456 ",
            "123-456",
            "12 34 56",
            "\u{200e}123\u{a0}456\u{feff}",
            "\u{ff11}\u{ff12}\u{ff13}\u{ff14}\u{ff15}\u{ff16}",
            "\u{661}\u{662}\u{663}\u{664}\u{665}\u{666}",
            "123\u{2013}456",
            "Your code is 123456.",
            "Example Ltd: 123 456 (valid for 30 s)",
            "123456\r\n",
        ] {
            assert_eq!(normalise(text, 6).map(|c| c.expose().to_owned()).as_deref(), Some("123456"), "{text:?}");
        }
        for text in ["", "12345", "1234567", "12345a6", "123456 654321", "abcdef", "123456 or 654321", "\0", "123/456"]
        {
            assert!(normalise(text, 6).is_none(), "{text:?}");
        }
        assert!(normalise(&"1".repeat(10_000), 6).is_none());
        assert_eq!(check(&key(), "12345", PARAMS, None, at(9)), Matched::Malformed);
    }

    #[test]
    fn the_uri_is_escaped() {
        let uri = uri(&key(), "Example & Söhne: Ltd", "ann@example.com", 6, 30);
        assert_eq!(
            uri.expose(),
            "otpauth://totp/Example%20%26%20S%C3%B6hne%20%20Ltd:ann%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Example%20%26%20S%C3%B6hne%20%20Ltd&algorithm=SHA1&digits=6&period=30"
        );
    }

    proptest! {
        #[test]
        fn no_text_panics_and_only_the_window_is_accepted(text in ".{0,40}", step in 0_u64..1 << 40) {
            match check(&key(), &text, PARAMS, None, at(step)) {
                Matched::Step(s) => prop_assert!(s.abs_diff(step) <= 1),
                Matched::ClockOff { step: s, .. } => prop_assert!(s.abs_diff(step) > 1),
                Matched::Spent => prop_assert!(false),
                Matched::Wrong | Matched::Malformed => {}
            }
        }

        #[test]
        fn a_step_is_accepted_once(first in 100_u64..1 << 40, delta in 0_u64..3, later in 0_u64..4) {
            let typed = code(first);
            let Matched::Step(step) = check(&key(), &typed, PARAMS, None, at(first + delta.min(1))) else {
                return Err(TestCaseError::fail("not accepted"));
            };
            prop_assert!(!matches!(check(&key(), &typed, PARAMS, Some(step.max(first)), at(first + later)), Matched::Step(s) if s <= first));
        }
    }
}
