//! Codes that are sent to an address (SP 800-63B-4 §3.1.3.2): random, short-lived, good once.

use super::totp;
use crate::auth::secret::SecretText;

/// Random bytes that a code is made of: enough for eight digits but once in 10³² times.
pub const RANDOM_BYTES: usize = 32;
/// What the standards say of the codes that meet `two_steps`.
pub const STANDARDS: &str = "a code that is sent meets `two_steps`: SP 800-63B-4 takes mail for no authenticator (§3.1.3.1) \
                             and restricts text messages (§3.2.9), as ASVS 5.0 does (6.6.1)";
/// Misses that end a code.
pub const ATTEMPTS: u32 = 5;

/// A code of so many digits from fresh random bytes. `None`: too many of them had to be left out; draw again.
pub fn mint(random: &[u8; RANDOM_BYTES], digits: u8) -> Option<SecretText> {
    // Of 256 values the last six would make some digits likelier: they are left out.
    let fair = random.iter().filter(|byte| **byte < 250).map(|byte| char::from(b'0' + byte % 10));
    let code: String = fair.take(usize::from(digits)).collect();
    (code.len() == usize::from(digits)).then(|| SecretText::new(code))
}

/// The code in what a person typed, also in the whole text of the message.
pub fn normalise(typed: &str, digits: u8) -> Option<SecretText> {
    totp::normalise(typed, digits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bytes_that_would_favour_a_digit_are_left_out() {
        let mut random = [255; RANDOM_BYTES];
        assert!(mint(&random, 6).is_none());
        random[20..28].copy_from_slice(&[0, 9, 10, 249, 250, 123, 77, 1]);
        assert_eq!(mint(&random, 6).unwrap().expose(), "090937");
        assert!(mint(&random, 8).is_none());
        let mut counts = [0_u32; 10];
        for byte in 0..=255 {
            let mut random = [255; RANDOM_BYTES];
            random[..6].fill(byte);
            if let Some(code) = mint(&random, 6) {
                counts[usize::from(code.expose().as_bytes()[0] - b'0')] += 1;
            }
        }
        assert_eq!(counts, [25; 10], "each digit by as many bytes");
    }

    #[test]
    fn the_whole_message_may_be_pasted() {
        let message = "123456 is your code for erp.example.com. It is good for 5 minutes.\n\n@erp.example.com #123456";
        assert_eq!(normalise(message, 6).unwrap().expose(), "123456");
        assert_eq!(normalise(" 1234-5678 ", 8).unwrap().expose(), "12345678");
        assert!(normalise("123456 or 654321", 6).is_none());
    }

    proptest! {
        #[test]
        fn a_code_survives_being_typed(random in any::<[u8; RANDOM_BYTES]>(), digits in prop::sample::select(vec![6_u8, 8])) {
            let code = mint(&random, digits).unwrap();
            let typed = normalise(code.expose(), digits).unwrap();
            prop_assert_eq!(typed.expose(), code.expose());
        }
    }
}
