//! Phone numbers in their one international form (E.164). The door of `phonenumber`.

use phonenumber::metadata::DATABASE;
use phonenumber::{Mode, Type};
use unicode_normalization::UnicodeNormalization;

/// The longest text that is looked at, in bytes.
const MAX_TEXT: usize = 64;

/// A country, by its two letters (ISO 3166-1).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Country(phonenumber::country::Id);

impl std::fmt::Debug for Country {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

impl Country {
    /// The country of these letters, if it has phone numbers of its own.
    pub fn parse(text: &str) -> Option<Self> {
        let letters = text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase());
        letters.then(|| text.parse().ok().map(Self)).flatten()
    }

    /// Its two letters.
    pub fn code(&self) -> &str {
        self.0.as_ref()
    }
}

/// Why no text message goes to a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberRefusal {
    /// It is no number in international form.
    Malformed,
    /// It costs whoever calls it more than others, or takes no text messages.
    Kind,
    /// It is of a country that is not served.
    Country,
}

/// A number that may be sent a text message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneNumber {
    /// With `+` and digits alone.
    pub e164: String,
    /// Of which country.
    pub country: Country,
}

impl PhoneNumber {
    /// The number in what a person typed: `+`, and digits that are grouped as they like.
    ///
    /// # Errors
    /// There is none, or none for text messages.
    pub fn parse(typed: &str) -> Result<Self, NumberRefusal> {
        let digits = international(typed).ok_or(NumberRefusal::Malformed)?;
        let number = phonenumber::parse(None, digits).map_err(|_| NumberRefusal::Malformed)?;
        let country = number.country().id().filter(|_| number.is_valid()).ok_or(NumberRefusal::Malformed)?;
        match number.number_type(&DATABASE) {
            Type::Mobile | Type::FixedLineOrMobile | Type::FixedLine | Type::Voip => {}
            // Personal numbers (`+44 70`) cost as much as premium ones.
            _ => return Err(NumberRefusal::Kind),
        }
        Ok(Self { e164: number.format().mode(Mode::E164).to_string(), country: Country(country) })
    }

    /// The same number, if its country is one of these.
    ///
    /// # Errors
    /// It is of another one.
    pub fn of(self, countries: &[Country]) -> Result<Self, NumberRefusal> {
        if countries.contains(&self.country) { Ok(self) } else { Err(NumberRefusal::Country) }
    }
}

/// `+` and the digits behind it; the library is shown nothing else.
fn international(typed: &str) -> Option<String> {
    if typed.len() > MAX_TEXT {
        return None;
    }
    let plain: String = typed.trim().nfkc().collect();
    let rest = plain.strip_prefix('+')?;
    let grouped = |c: char| c.is_whitespace() || matches!(c, '-' | '.' | '/' | '(' | ')' | '\u{2010}'..='\u{2015}');
    let digits: String = rest.chars().filter(|c| !grouped(*c)).collect();
    let sane = (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    sane.then(|| format!("+{digits}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(typed: &str) -> Result<(String, String), NumberRefusal> {
        PhoneNumber::parse(typed).map(|number| (number.e164, number.country.code().to_owned()))
    }

    #[test]
    fn a_number_has_one_form_and_a_country() {
        for (typed, e164, country) in [
            ("+1 (650) 253-0000", "+16502530000", "US"),
            (" +49 1512 3456789", "+4915123456789", "DE"),
            ("+\u{ff14}\u{ff19} 1512 3456789", "+4915123456789", "DE"),
            ("+1 613 782 7274", "+16137827274", "CA"),
            ("+44 7400 123456", "+447400123456", "GB"),
            ("+39 312 345 6789", "+393123456789", "IT"),
        ] {
            assert_eq!(read(typed), Ok((e164.to_owned(), country.to_owned())), "{typed}");
        }
    }

    #[test]
    fn what_costs_more_and_what_is_no_number_is_refused() {
        for (typed, why) in [
            ("0151 23456789", NumberRefusal::Malformed),
            ("+", NumberRefusal::Malformed),
            ("+1 253 0000", NumberRefusal::Malformed),
            ("tel:+16502530000", NumberRefusal::Malformed),
            ("+16502530000;phone-context=é", NumberRefusal::Malformed),
            ("+49 900 1234567", NumberRefusal::Kind),     // premium
            ("+1 900 253 0000", NumberRefusal::Kind),     // premium
            ("+49 180 5123456", NumberRefusal::Kind),     // shared cost
            ("+44 70 1234 5678", NumberRefusal::Kind),    // personal
            ("+1 800 723 3456", NumberRefusal::Kind),     // toll free
            ("+979 123456789", NumberRefusal::Malformed), // of no country
        ] {
            assert_eq!(read(typed), Err(why), "{typed}");
        }
    }

    #[test]
    fn only_the_countries_that_are_named_are_served() {
        let number = || PhoneNumber::parse("+16137827274").unwrap();
        let countries = |codes: &[&str]| codes.iter().map(|code| Country::parse(code).unwrap()).collect::<Vec<_>>();
        assert!(number().of(&countries(&["US", "CA"])).is_ok());
        assert_eq!(number().of(&countries(&["US", "DE"])), Err(NumberRefusal::Country), "the code +1 is of many");
        assert_eq!(number().of(&[]), Err(NumberRefusal::Country), "nobody's by default");
        for other in ["us", "USA", "", "XX", "+1"] {
            assert!(Country::parse(other).is_none(), "{other}");
        }
    }

    proptest! {
        #[test]
        fn what_was_read_reads_again(digits in "\\+[0-9]{7,15}") {
            if let Ok(number) = PhoneNumber::parse(&digits) {
                let again = PhoneNumber::parse(&number.e164);
                prop_assert_eq!(again, Ok(number));
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = PhoneNumber::parse(&text);
        }
    }
}
