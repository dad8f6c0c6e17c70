//! Backup codes: look-up secrets (SP 800-63B §3.1.2), each good for one sign-in.

use crate::auth::factor::password::{HashFault, HashParams, digest};
use crate::auth::secret::SecretText;

/// Random bytes in one code; five bits of each are used, 65 in all.
pub const CODE_BYTES: usize = 13;
/// Characters of a code: as they are made now, and as they were made before.
const LENGTHS: [usize; 2] = [CODE_BYTES, 10];
/// Before which characters a code is parted for reading.
const PARTED: [usize; 2] = [4, 9];
/// Random bytes in the salt of a set.
pub const SET_SALT_BYTES: usize = 16;

/// Crockford's base 32: no I, L, O, U.
pub(super) const ALPHABET: [char; 32] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'j', 'k', 'm', 'n', 'p',
    'q', 'r', 's', 't', 'v', 'w', 'x', 'y', 'z',
];

/// A code of fresh random bytes, grouped for reading: `xxxx-xxxxx-xxxx`.
pub fn mint(random: &[u8; CODE_BYTES]) -> SecretText {
    let mut text = String::with_capacity(CODE_BYTES + PARTED.len());
    for (place, byte) in random.iter().enumerate() {
        if PARTED.contains(&place) {
            text.push('-');
        }
        // 256 is a multiple of 32, so every character is equally likely.
        text.extend(ALPHABET.get(usize::from(byte % 32)));
    }
    SecretText::new(text)
}

/// The characters of a code in what a person typed; look-alikes are read as what was meant.
pub fn normalise(typed: &str) -> Option<SecretText> {
    characters(typed).filter(|code| LENGTHS.contains(&code.expose().len()))
}

/// The characters of any such code in what a person typed, however many; `None`: it holds something else.
pub(super) fn characters(typed: &str) -> Option<SecretText> {
    if typed.len() > 128 {
        return None;
    }
    let mut code = String::with_capacity(CODE_BYTES);
    for c in typed.chars().flat_map(char::to_lowercase) {
        match c {
            'o' => code.push('0'),
            'i' | 'l' => code.push('1'),
            c if ALPHABET.contains(&c) => code.push(c),
            c if c.is_whitespace() || matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{200b}' | '\u{feff}') => {}
            _ => return None,
        }
    }
    Some(SecretText::new(code))
}

/// The codes in a text that a page of ours sent: as they were shown, and nothing else. `None`: it holds something else,
/// or more than `most`.
pub fn shown(text: &str, most: usize) -> Option<Vec<SecretText>> {
    let written = |code: &&str| {
        let places = code.chars().enumerate();
        let parted = places.clone().filter(|(_, c)| *c == '-').map(|(place, _)| place).eq([4, 10]);
        parted
            && code.len() == CODE_BYTES + PARTED.len()
            && places.clone().all(|(_, c)| c == '-' || ALPHABET.contains(&c))
    };
    let codes: Vec<&str> = text.split_ascii_whitespace().collect();
    let all = (1..=most).contains(&codes.len()) && codes.iter().all(written);
    all.then(|| codes.into_iter().map(|code| SecretText::new(code.to_owned())).collect())
}

/// The salt kept with a set: the parameters and the random part, so that codes made earlier still verify
/// after the parameters were changed.
pub fn set_salt(random: &[u8; SET_SALT_BYTES], params: HashParams) -> Vec<u8> {
    let numbers = [params.memory_kib, params.iterations, params.parallelism];
    numbers.iter().flat_map(|n| n.to_be_bytes()).chain(random.iter().copied()).collect()
}

/// What one hash of a set costs, as its salt says.
pub fn params_of(salt: &[u8]) -> HashParams {
    let number = |at: usize| {
        let bytes = salt.get(at * 4..at * 4 + 4).and_then(|b| <[u8; 4]>::try_from(b).ok());
        bytes.map_or(0, u32::from_be_bytes)
    };
    HashParams { memory_kib: number(0), iterations: number(1), parallelism: number(2) }
}

/// The digest of a code within its set: one argon2id hash, whatever the size of the set.
///
/// # Errors
/// The salt was not made by [`set_salt`].
pub fn code_digest(code: &SecretText, salt: &[u8]) -> Result<Vec<u8>, HashFault> {
    let params = params_of(salt);
    let plain: String = code.expose().chars().filter(|c| *c != '-').collect();
    let plain = SecretText::new(plain);
    Ok(digest(plain.expose().as_bytes(), salt, params)?.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FAST: HashParams = HashParams { memory_kib: 8, iterations: 1, parallelism: 1 };

    #[test]
    fn look_alikes_and_grouping_do_not_matter() {
        let code = mint(&[0, 1, 2, 31, 20, 10, 0, 1, 9, 8, 33, 64, 255]);
        assert_eq!(code.expose(), "012z-ma019-810z");
        for typed in ["012z-ma019-810z", "O12Z MA019 810Z", "oi2zma0l98l0z", " 012z\u{2013}ma0i9-8i0z\n"] {
            assert_eq!(normalise(typed).map(|c| c.expose().to_owned()).as_deref(), Some("012zma019810z"), "{typed}");
        }
        for typed in ["", "012z-ma019-810", "012z-ma019-810z0", "012z-ma019-810u", "012z_ma019-810z", "\0"] {
            assert!(normalise(typed).is_none(), "{typed}");
        }
    }

    #[test]
    fn a_code_of_an_older_set_is_read_as_before() {
        for typed in ["012zm-a0198", "O12ZM A0198", "oi2zma0l98"] {
            assert_eq!(normalise(typed).map(|c| c.expose().to_owned()).as_deref(), Some("012zma0198"), "{typed}");
        }
        for typed in ["012zm-a019", "012zm-a01988", "012zm-a019881"] {
            assert!(normalise(typed).is_none(), "{typed}");
        }
        // As it was kept by the version that made it.
        let salt = set_salt(&[3; SET_SALT_BYTES], FAST);
        let typed = normalise("012zm-a0198").unwrap();
        assert_eq!(code_digest(&typed, &salt).unwrap(), digest(b"012zma0198", &salt, FAST).unwrap());
    }

    #[test]
    fn a_list_holds_codes_as_they_were_made_and_nothing_else() {
        let code = mint(&[7; CODE_BYTES]);
        let list = format!("{0} {0}\r\n{0} ", code.expose());
        let read = shown(&list, 3).unwrap();
        assert!(read.len() == 3 && read.iter().all(|read| read.expose() == code.expose()));
        assert!(shown(&list, 2).is_none());
        for other in [
            "",
            " ",
            "7777-77777-777",
            "77777-7777-7777",
            "7777-77777-777<",
            "7777-77777-777U",
            "hello",
            "7777-77777-7777,",
        ] {
            assert!(shown(other, 9).is_none(), "{other}");
        }
    }

    #[test]
    fn a_digest_depends_on_code_and_set_and_nothing_else() {
        let salt = set_salt(&[3; SET_SALT_BYTES], FAST);
        let code = mint(&[5; CODE_BYTES]);
        let typed = normalise(code.expose()).unwrap();
        assert_eq!(code_digest(&code, &salt).unwrap(), code_digest(&typed, &salt).unwrap());
        assert_ne!(code_digest(&code, &salt).unwrap(), code_digest(&code, &set_salt(&[4; 16], FAST)).unwrap());
        assert_ne!(code_digest(&code, &salt).unwrap(), code_digest(&mint(&[6; CODE_BYTES]), &salt).unwrap());
        assert!(code_digest(&code, b"short").is_err());
    }

    proptest! {
        #[test]
        fn every_code_survives_being_typed(random in any::<[u8; CODE_BYTES]>()) {
            let code = mint(&random);
            let typed = normalise(&code.expose().to_uppercase()).unwrap();
            prop_assert_eq!(typed.expose(), code.expose().replace('-', ""));
        }

        #[test]
        fn no_text_panics(text in ".{0,60}") {
            if let Some(code) = normalise(&text) {
                prop_assert!(LENGTHS.contains(&code.expose().len()));
            }
        }
    }
}
