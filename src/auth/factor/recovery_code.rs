//! Codes that an administrator issues to somebody who can prove nothing else. So much chance is in one that its digest needs
//! no slow hash (SP 800-63B-4 §3.1.2.2: at least 112 bits).

use super::backup_codes::ALPHABET;
use crate::auth::secret::SecretText;

/// Random bytes in one code; five bits of each are used, 125 in all.
pub const CODE_BYTES: usize = 25;
/// Characters between two hyphens.
const GROUP: usize = 5;

/// A code of fresh random bytes, grouped for reading: `xxxxx-xxxxx-xxxxx-xxxxx-xxxxx`.
pub fn mint(random: &[u8; CODE_BYTES]) -> SecretText {
    let mut text = String::with_capacity(CODE_BYTES + CODE_BYTES / GROUP);
    for (place, byte) in random.iter().enumerate() {
        if place > 0 && place % GROUP == 0 {
            text.push('-');
        }
        // 256 is a multiple of 32, so every character is equally likely.
        text.extend(ALPHABET.get(usize::from(byte % 32)));
    }
    SecretText::new(text)
}

/// The characters of a code in what a person typed; look-alikes are read as what was meant.
pub fn normalise(typed: &str) -> Option<SecretText> {
    super::backup_codes::characters(typed).filter(|code| code.expose().len() == CODE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_alikes_and_grouping_do_not_matter() {
        let random = std::array::from_fn(|n| u8::try_from(n).unwrap());
        let code = mint(&random);
        assert_eq!(code.expose(), "01234-56789-abcde-fghjk-mnpqr");
        for typed in ["01234-56789-abcde-fghjk-mnpqr", "O1234 56789 ABCDE FGHJK MNPQR", " oi23456789abcdefghjkmnpqr\n"]
        {
            assert_eq!(normalise(typed).unwrap().expose(), "0123456789abcdefghjkmnpqr", "{typed}");
        }
        for typed in ["", "01234-56789-abcde-fghjk-mnpq", "01234-56789-abcde-fghjk-mnpqrs", "012z-ma019-810z", "!"] {
            assert!(normalise(typed).is_none(), "{typed}");
        }
    }
}
