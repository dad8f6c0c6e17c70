//! The window in which a script of an app lets a person sign in or prove more.

/// Binds the window to the script that opened it, which made this up. No secret: who knows it can tell a script of the same
/// origin that it may try again, and no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PopupId(String);

impl PopupId {
    /// Reads what `crypto.randomUUID()` makes; `None` for anything else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let fits = |(i, byte): (usize, u8)| match i {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        };
        (text.len() == 36 && text.bytes().enumerate().all(fits)).then(|| Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_browsers_make_up_is_taken() {
        let good = "36b8f84d-df4e-4d49-b662-bcde71a8764f";
        assert_eq!(PopupId::parse(good).unwrap().as_str(), good);
        for bad in [
            "",
            &good[1..],
            &format!("{good}0"),
            &good.to_uppercase(),
            &good.replace('-', "0"),
            &good.replace('f', "&"),
            &good.replace('f', "\""),
        ] {
            assert_eq!(PopupId::parse(bad), None, "{bad}");
        }
    }
}
