//! Addresses at which a person is reached: how they are read, compared and shown.

pub mod mail_address;
pub mod phone_number;

/// What stands for the letters that a mask hides.
const HIDDEN: &str = "\u{2022}\u{2022}\u{2022}";

/// A mail address as people may see it who have not proved that it is theirs: `a•••@e•••.com`.
pub fn masked_mail(address: &str) -> String {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let first = |text: &str| text.chars().next().map_or_else(String::new, String::from);
    let (name, end) = match domain.rsplit_once('.') {
        Some((name, end)) => (name, format!(".{end}")),
        None => (domain, String::new()),
    };
    format!("{}{HIDDEN}@{}{HIDDEN}{end}", first(local), first(name))
}

/// A phone number as people may see it who have not proved that it is theirs: `••• 12`.
pub fn masked_phone(number: &str) -> String {
    let digits: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
    let last: String = digits.iter().skip(digits.len().saturating_sub(2)).collect();
    format!("{HIDDEN} {last}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_tells_whose_it_is_to_its_owner_alone() {
        for (address, mask) in [
            ("ann@example.com", "a•••@e•••.com"),
            ("a@b", "a•••@b•••"),
            ("jürgen@xn--bcher-kva.example.co.uk", "j•••@x•••.uk"),
            ("", "•••@•••"),
        ] {
            assert_eq!(masked_mail(address), mask);
        }
        assert_eq!(masked_phone("+12025550112"), "••• 12");
        assert_eq!(masked_phone("+1"), "••• 1");
    }
}
