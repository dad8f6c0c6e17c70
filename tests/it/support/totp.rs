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

/// The time step of now.
#[expect(clippy::disallowed_methods, reason = "tests are the authenticator, which has a clock of its own")]
pub(crate) fn step_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 30
}

/// The code of now.
pub(crate) fn code(secret: &str) -> String {
    at_step(secret, step_now())
}

#[test]
fn computes_the_codes_of_the_standard() {
    let secret = BASE32_NOPAD.encode(b"12345678901234567890");
    for (time, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
        assert_eq!(at_step(&secret, time / 30), code);
    }
}
