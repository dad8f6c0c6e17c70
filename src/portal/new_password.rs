//! What a new password must be, and why one is not taken, in the words of pages and of problems.

use crate::auth::factor::password::{PasswordRule, Unfit};
use crate::portal::messages::text;

/// What stands beside a field for a new password, before anybody types.
pub(crate) fn hint(rule: &PasswordRule) -> String {
    text!("new-password-hint", least = rule.least())
}

/// Why a new password is not taken.
pub(crate) fn reason(unfit: Unfit) -> String {
    match unfit {
        Unfit::TooShort { least, .. } => text!("new-password-too-short", least = least),
        Unfit::TooLong(most) => text!("new-password-too-long", most = most),
        Unfit::IsUsername => text!("new-password-is-username"),
        Unfit::IsPersonal => text!("new-password-is-personal"),
        Unfit::IsOurs => text!("new-password-is-ours"),
        Unfit::Common => text!("new-password-common"),
        Unfit::Breached => text!("new-password-breached"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_and_each_reason_have_words() {
        assert!(hint(&PasswordRule::default()).starts_with("At least 15 characters"));
        let all = [
            Unfit::TooShort { least: 15, has: 3 },
            Unfit::TooLong(4096),
            Unfit::IsUsername,
            Unfit::IsPersonal,
            Unfit::IsOurs,
            Unfit::Common,
            Unfit::Breached,
        ];
        let words: std::collections::BTreeSet<String> = all.into_iter().map(reason).collect();
        assert_eq!(words.len(), all.len());
        assert!(words.iter().all(|text| text.ends_with('.') && !text.starts_with("new-password")), "{words:?}");
    }
}
