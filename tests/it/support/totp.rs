//! RFC 6238 once more, written apart from the product: SHA-1, 30 s, 6 digits.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use data_encoding::BASE32_NOPAD;

/// The code of a base32 secret in a time step.
pub(crate) fn at_step(secret: &str, step: u64) -> String {
    let key = BASE32_NOPAD.decode(secret.as_bytes()).expect("base32");
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key), &step.to_be_bytes());
    let tag = tag.as_ref();
    let from = usize::from(tag[19] & 15);
    let word = u32::from_be_bytes(tag[from..from + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", word % 1_000_000)
}

/// Seconds since the epoch.
#[expect(clippy::disallowed_methods, reason = "tests are the authenticator, which has a clock of its own")]
fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A time step that goes on for 15 s at least, so that the codes of the one before and the one after it count for as
/// long, like a person who waits for the next code when the one shown is about to change.
pub(crate) fn step_now() -> u64 {
    while seconds() % 30 >= 15 {
        std::thread::park_timeout(std::time::Duration::from_millis(50));
    }
    seconds() / 30
}

/// The code of now.
pub(crate) fn code(secret: &str) -> String {
    at_step(secret, seconds() / 30)
}

#[test]
fn computes_the_codes_of_the_standard() {
    let secret = BASE32_NOPAD.encode(b"12345678901234567890");
    for (time, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
        assert_eq!(at_step(&secret, time / 30), code);
    }
}
