//! What a new password must be (SP 800-63B-4 §3.1.1.2): long enough, and none of those that are tried first. Composition
//! does not count. The door of `zxcvbn`, whose lists and patterns tell what is tried first.

use zxcvbn::matching::patterns::MatchPattern;

use super::normalised;
use crate::auth::secret::SecretText;

/// Passwords that are guessed within so many attempts are common: more than any list of `zxcvbn` is long.
const TRIED_FIRST: u64 = 100_000;
/// `zxcvbn` looks at no more characters.
const LOOKED_AT: usize = 100;

/// The fewest characters of a password that is proved beside a second factor, and of any.
pub const LEAST_BESIDE_A_SECOND: usize = 8;
/// The fewest characters of a password that lets somebody in alone.
pub const LEAST_ALONE: usize = 15;

/// What new passwords are judged by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordRule {
    min_length: usize,
    max_bytes: usize,
    /// Hosts and the name of the organisation, in lower case.
    ours: Vec<String>,
}

/// Whose a new password is to be.
#[derive(Clone, Copy, Default)]
pub struct PasswordOwner<'a> {
    pub username: &'a str,
    /// Names for people, and mail addresses.
    pub personal: &'a [&'a str],
}

impl<'a> PasswordOwner<'a> {
    /// Of whom no more than the user name is known.
    pub const fn named(username: &'a str) -> Self {
        Self { username, personal: &[] }
    }
}

/// Why a new password is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    TooShort {
        /// How many characters it needs.
        least: usize,
        has: usize,
    },
    /// More bytes than this.
    TooLong(usize),
    /// It is the user name, or nearly.
    IsUsername,
    /// It is the name or an address of the person, or nearly.
    IsPersonal,
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
        match self {
            Self::TooShort { has, .. } => has >= LEAST_BESIDE_A_SECOND,
            Self::TooLong(_) => false,
            Self::IsUsername | Self::IsPersonal | Self::IsOurs | Self::Common | Self::Breached => true,
        }
    }

    /// The stable word for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooShort { .. } => "too_short",
            Self::TooLong(_) => "too_long",
            Self::IsUsername => "is_username",
            Self::IsPersonal => "is_name_or_address",
            Self::IsOurs => "is_service_name",
            Self::Common => "common",
            Self::Breached => "breached",
        }
    }
}

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooShort { least, .. } => write!(f, "The password needs at least {least} characters."),
            Self::TooLong(most) => write!(f, "The password may have at most {most} bytes."),
            Self::IsUsername => f.write_str("The password must not be the user name."),
            Self::IsPersonal => f.write_str("The password must not be the person's name or address."),
            Self::IsOurs => f.write_str("The password must not be the name of this service or of a host of it."),
            Self::Common => f.write_str("This password is one of the first that anybody tries: choose another one."),
            Self::Breached => {
                f.write_str("This password became known by a breach of another service: choose another one.")
            }
        }
    }
}

/// What holds where nothing else is said: a password may have to do alone.
impl Default for PasswordRule {
    fn default() -> Self {
        Self::new(LEAST_ALONE, 4096, [""; 0])
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

    /// How many characters a password needs.
    pub const fn least(&self) -> usize {
        self.min_length
    }

    /// The rule in one sentence, to be said before anybody types.
    pub fn sentence(&self) -> String {
        let least = self.min_length;
        format!(
            "At least {least} characters, of any kind; not one of the passwords that everybody tries first, not the user \
             name, a name or an address of the person, not the name of this service."
        )
    }

    /// Judges a new password of this person. Characters are code points after normalisation.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn judge(&self, password: &SecretText, whose: &PasswordOwner<'_>) -> Result<(), Unfit> {
        if password.expose().len() > self.max_bytes {
            return Err(Unfit::TooLong(self.max_bytes));
        }
        let text = normalised(password);
        let has = text.chars().count();
        if has < self.min_length {
            return Err(Unfit::TooShort { least: self.min_length, has });
        }
        let (name, personal) = (words_of(&[whose.username]), words_of(whose.personal));
        let is = |words: &[String]| words.iter().any(|word| text.to_lowercase() == *word);
        if is(&name) {
            Err(Unfit::IsUsername)
        } else if is(&personal) {
            Err(Unfit::IsPersonal)
        } else if is_one_character(&text) || is_tried_first(&text, &[]) {
            Err(Unfit::Common)
        } else if is_tried_first(&text, &name) {
            Err(Unfit::IsUsername)
        } else if is_tried_first(&text, &personal) {
            Err(Unfit::IsPersonal)
        } else if is_tried_first(&text, &self.ours) {
            Err(Unfit::IsOurs)
        } else {
            Ok(())
        }
    }
}

/// Names and addresses in lower case, whole and in their parts.
fn words_of(texts: &[&str]) -> Vec<String> {
    let lower = texts.iter().map(|text| text.to_lowercase());
    let words = lower.flat_map(|text| {
        let parts: Vec<String> = text.split(['@', '.', '-', '_', '+', ' ']).map(str::to_owned).collect();
        let sides: Vec<String> = text.split('@').map(str::to_owned).collect();
        parts.into_iter().chain(sides).chain([text.split_whitespace().collect(), text])
    });
    words.filter(|word: &String| word.chars().count() > 2).collect()
}

/// Whether it is guessed early, or is as a whole a word of a list.
fn is_tried_first(text: &str, words: &[String]) -> bool {
    if text.chars().count() > LOOKED_AT {
        return false;
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let judged = zxcvbn::zxcvbn(text, &words);
    let is_listed = matches!(judged.sequence(), [only] if matches!(only.pattern, MatchPattern::Dictionary(_)));
    is_listed || judged.guesses() < TRIED_FIRST
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
        rule.judge(&SecretText::new(password.to_owned()), &PasswordOwner::named(username))
    }

    #[test]
    fn new_passwords_are_judged_by_code_points() {
        assert_eq!(judged("\u{1F600}".repeat(7).as_str(), "ann"), Err(Unfit::TooShort { least: 8, has: 7 }));
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
        let whose = PasswordOwner { username: "ann", personal: &["Vornek Haalborg", "v.haalborg@zzyx-mail.example"] };
        let rule = PasswordRule::new(8, 4096, [""; 0]);
        for password in
            ["haalborg", "VornekHaalborg", "vornek haalborg", "v.haalborg@zzyx-mail.example", "zzyx-mail.example"]
        {
            let judged = rule.judge(&SecretText::new(password.to_owned()), &whose);
            assert_eq!(judged, Err(Unfit::IsPersonal), "{password}");
        }
    }

    #[test]
    fn a_word_of_a_list_is_refused_however_late_it_is_tried() {
        // Upper and lower case and digits for letters make some 400,000 spellings of it.
        for listed in ["Understanding", "uNDerSTanDing", "Und3r5t4nd1ng", "Congratulations"] {
            assert_eq!(judged(listed, "ann"), Err(Unfit::Common), "{listed}");
        }
    }

    #[test]
    fn an_operator_may_set_what_is_guessed_but_nothing_shorter_than_eight() {
        assert!(Unfit::TooShort { least: 15, has: 8 }.can_be_forced());
        assert!(!Unfit::TooShort { least: 15, has: 7 }.can_be_forced());
        assert!(!Unfit::TooLong(4096).can_be_forced() && Unfit::Breached.can_be_forced());
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
