//! What a server said, as it may stand in a log: without addresses, numbers and codes.

/// The longest text that is kept of an answer.
const LONGEST: usize = 200;
/// So many digits may be a code or a telephone number.
const DIGITS: usize = 5;

/// The text of a server, without what may name a person.
pub(super) fn redacted(text: &str, to: &str) -> String {
    let local = to.split('@').next().unwrap_or_default();
    let mut shown = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let digits = word.chars().filter(char::is_ascii_digit).count();
        let person = word.contains('@') || digits >= DIGITS || (!local.is_empty() && bare.eq_ignore_ascii_case(local));
        if !shown.is_empty() {
            shown.push(' ');
        }
        shown.push_str(if person { "…" } else { word });
        if shown.len() > LONGEST {
            return shown.chars().take(LONGEST).chain(['…']).collect();
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::redacted;

    #[test]
    fn addresses_numbers_and_codes_are_left_out() {
        for (said, shown) in [
            ("550 5.1.1 <ann@example.test>: Recipient rejected", "550 5.1.1 … Recipient rejected"),
            ("user 'Ann' unknown\r\nin table", "user … unknown in table"),
            ("The 'To' number +15550100 is not valid", "The 'To' number … is not valid"),
            ("code=123456;", "…"),
            ("", ""),
        ] {
            assert_eq!(redacted(said, "ann@example.test"), shown);
        }
        assert!(redacted(&"long ".repeat(99), "").chars().count() <= super::LONGEST + 1);
    }
}
