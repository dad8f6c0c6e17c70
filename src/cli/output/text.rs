//! Text for a terminal, with nothing in it that drives the terminal or hides.

use crate::auth::text::invisible;

/// Whether a character drives a terminal, is seen by nobody, or turns others around.
pub(crate) fn needs_escape(c: char) -> bool {
    c.is_control() || invisible::is_invisible(c)
}

/// Text from a store, made harmless for a terminal: control characters are escaped, and those that nobody sees.
pub(crate) fn escape(text: &str) -> String {
    text.chars().flat_map(|c| if needs_escape(c) { c.escape_unicode().collect() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_could_drive_a_terminal() {
        assert_eq!(escape("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(escape("a\u{202e}b\u{200b}é"), "a\\u{202e}b\\u{200b}é");
    }
}
