//! What a new password must be (SP 800-63B-4 §3.1.1.2): long enough, and none of those that are tried first. Composition
//! does not count. The door of `zxcvbn`, whose lists and patterns tell what is tried first.

use super::normalised;
use crate::auth::secret::SecretText;

/// Passwords that are guessed within so many attempts are common: more than any list of `zxcvbn` is long.
const TRIED_FIRST: u64 = 100_000;
/// `zxcvbn` looks at no more characters.
const LOOKED_AT: usize = 100;

/// What new passwords are judged by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordRule {
    min_length: usize,
    max_bytes: usize,
    /// Hosts and the name of the organisation, in lower case.
    ours: Vec<String>,
}

/// Why a new password is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// Fewer characters than this.
    TooShort(usize),
    /// More bytes than this.
    TooLong(usize),
    /// It is the user name, or nearly.
    IsUsername,
    /// It is the name of the organisation or of a host, or nearly.
    IsOurs,
    /// It is one of those that are tried first.
    Common,
    /// It is on the operator's list of those that became known.
    Breached,
}

impl Unfit {
    /// Whether an operator may set it all the same.
    pub const fn can_be_forced(self) -> bool {
        matches!(self, Self::IsUsername | Self::IsOurs | Self::Common | Self::Breached)
    }
}

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooShort(least) => write!(f, "The password needs at least {least} characters."),
            Self::TooLong(most) => write!(f, "The password may have at most {most} bytes."),
            Self::IsUsername => f.write_str("The password must not be the user name."),
            Self::IsOurs => f.write_str("The password must not be the name of this service or of a host of it."),
            Self::Common => f.write_str("This password is one of the first that anybody tries: choose another one."),
            Self::Breached => {
                f.write_str("This password became known by a breach of another service: choose another one.")
            }
        }
    }
}

impl PasswordRule {
    /// A rule of at least `min_length` characters and at most `max_bytes` bytes. `ours`: the hosts and the name of the
    /// organisation, which passwords must not be.
    pub fn new<N: AsRef<str>>(min_length: usize, max_bytes: usize, ours: impl IntoIterator<Item = N>) -> Self {
        let mut words = Vec::new();
        for name in ours {
            let name = name.as_ref().to_lowercase();
            // `erp.example.com` also as `erp`, `example` and `example.com`.
            words.extend(name.split('.').map(str::to_owned));
            words.extend(name.split(['.', ' ', '-', '_', ',']).map(str::to_owned));
            words.extend(name.match_indices('.').filter_map(|(at, _)| name.get(at + 1..)).map(str::to_owned));
            words.push(name.split_whitespace().collect());
            words.push(name);
        }
        words.retain(|word| word.chars().count() > 2);
        words.sort_unstable();
        words.dedup();
        Self { min_length, max_bytes, ours: words }
    }

    /// The rule in one sentence, to be said before anybody types.
    pub fn sentence(&self) -> String {
        let least = self.min_length;
        format!(
            "At least {least} characters, of any kind; not one of the passwords that everybody tries first, not the user \
             name, not the name of this service."
        )
    }

    /// Judges a new password of this user. Characters are code points after normalisation.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn judge(&self, password: &SecretText, username: &str) -> Result<(), Unfit> {
        if password.expose().len() > self.max_bytes {
            return Err(Unfit::TooLong(self.max_bytes));
        }
        let text = normalised(password);
        if text.chars().count() < self.min_length {
            return Err(Unfit::TooShort(self.min_length));
        }
        let name = username.to_lowercase();
        let parts: Vec<&str> = name.split(['@', '.', '-', '_', '+']).chain([name.as_str()]).collect();
        let parts: Vec<&str> = parts.into_iter().filter(|part| part.chars().count() > 2).collect();
        let ours: Vec<&str> = self.ours.iter().map(String::as_str).collect();
        let guessed = |words: &[&str]| is_tried_first(&text, words);
        if text.to_lowercase() == name {
            Err(Unfit::IsUsername)
        } else if is_one_character(&text) || guessed(&[]) {
            Err(Unfit::Common)
        } else if guessed(&parts) {
            Err(Unfit::IsUsername)
        } else if guessed(&ours) {
            Err(Unfit::IsOurs)
        } else {
            Ok(())
        }
    }
}

fn is_tried_first(text: &str, words: &[&str]) -> bool {
    text.chars().count() <= LOOKED_AT && zxcvbn::zxcvbn(text, words).guesses() < TRIED_FIRST
}

fn is_one_character(text: &str) -> bool {
    let mut chars = text.chars();
    let first = chars.next();
    chars.all(|c| Some(c) == first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(password: &str, username: &str) -> Result<(), Unfit> {
        let rule = PasswordRule::new(8, 4096, ["erp.contoso-works.example", "Contoso Works Ltd"]);
        rule.judge(&SecretText::new(password.to_owned()), username)
    }

    #[test]
    fn new_passwords_are_judged_by_code_points() {
        assert_eq!(judged("\u{1F600}".repeat(7).as_str(), "ann"), Err(Unfit::TooShort(8)));
        assert_eq!(judged("Annabelle1", "annabelle1"), Err(Unfit::IsUsername));
        assert_eq!(judged(&"ab".repeat(3000), "ann"), Err(Unfit::TooLong(4096)));
        assert_eq!(judged(&"a".repeat(3000), "ann"), Err(Unfit::Common));
    }

    #[test]
    fn what_everybody_tries_first_is_refused() {
        for common in [
            "password",
            "Password",
            "PASSWORD",
            "password1",
            "p@ssw0rd",
            "12345678",
            "123456789",
            "qwertyuiop",
            "iloveyou",
            "baseball",
            "sunshine",
            "princess",
            "drowssap",
            "abcdefgh",
            "aaaaaaaa",
            "abcabcabc",
            "1q2w3e4r",
            "trustno1",
            "letmein1",
            "football",
            "superman",
            "michelle",
            "jennifer",
            "whatever",
            "11111111",
            "asdfghjkl",
        ] {
            assert_eq!(judged(common, "ann"), Err(Unfit::Common), "{common}");
        }
    }

    #[test]
    fn the_user_the_host_and_the_organisation_are_refused() {
        for (password, username, told) in [
            ("vornekhaal", "vornekhaal", Unfit::IsUsername),
            ("V0rnekhaal", "vornekhaal@corp.example", Unfit::IsUsername),
            ("laahkenrov", "vornekhaal", Unfit::IsUsername),
            ("contosoworks", "ann", Unfit::IsOurs),
            ("Contoso Works Ltd", "ann", Unfit::IsOurs),
            ("erp.contoso-works.example", "ann", Unfit::IsOurs),
            ("contoso-works", "ann", Unfit::IsOurs),
        ] {
            assert_eq!(judged(password, username), Err(told), "{password}");
        }
    }

    #[test]
    fn others_are_taken() {
        for fit in [
            "correct horse",
            "correct horse battery",
            "a password for tests",
            "another password",
            "gezdgnbvgy3tqojq",
            "vornekhaal plays tennis",
            "contoso pays on fridays",
            "\u{43f}\u{43e}\u{433}\u{43e}\u{434}\u{430} \u{445}\u{43e}\u{440}\u{43e}\u{448}\u{430}\u{44f}",
            &"never ending story ".repeat(100),
        ] {
            assert_eq!(judged(fit, "vornekhaal"), Ok(()), "{fit}");
        }
    }

    #[test]
    fn no_password_takes_long_to_judge_or_panics() {
        for odd in [
            "\u{0}\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\u{7}",
            "\u{1F600}\u{200d}\u{1F600}\u{200d}xyz",
            &"qwerty1!".repeat(12),
            &"x".repeat(101),
        ] {
            let _ = judged(odd, "ann");
        }
    }
}
