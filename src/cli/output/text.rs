//! Text for a terminal: wrapped, and with nothing in it that drives the terminal or hides.

use crate::auth::user::is_hidden;

/// Words in lines of at most `width` columns: the first begins with `first`, the others with `rest`. A word that fits
/// no line is cut.
pub(crate) fn wrap(text: &str, first: &str, rest: &str, width: usize) -> String {
    let length = |text: &str| text.chars().count();
    let (mut out, mut line) = (String::new(), first.to_owned());
    let mut bare = true;
    for word in text.split_whitespace() {
        if !bare && length(&line) + 1 + length(word) > width {
            out.push_str(&line);
            out.push('\n');
            rest.clone_into(&mut line);
            bare = true;
        }
        if !bare {
            line.push(' ');
        }
        for c in word.chars() {
            if length(&line) == width {
                out.push_str(&line);
                out.push('\n');
                rest.clone_into(&mut line);
            }
            line.push(c);
        }
        bare = false;
    }
    out.push_str(line.trim_end());
    out.push('\n');
    out
}

/// Whether a character drives a terminal, is seen by nobody, or turns others around.
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_control() || is_hidden(c)
}

/// Text from a store, made harmless for a terminal: control characters are escaped, and those that nobody sees.
pub(crate) fn escape(text: &str) -> String {
    text.chars().flat_map(|c| if is_invisible(c) { c.escape_unicode().collect() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_could_drive_a_terminal() {
        assert_eq!(escape("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(escape("a\u{202e}b\u{200b}é"), "a\\u{202e}b\\u{200b}é");
    }

    #[test]
    fn no_line_is_wider_than_asked_and_no_word_is_lost() {
        for (text, width) in [("", 9), ("one two three", 9), ("a verylongwordthatfitsnowhere b", 9), ("é é é é é é", 5)]
        {
            let told = wrap(text, "1 ", "  ", width);
            assert!(told.lines().all(|line| line.chars().count() <= width), "{told}");
            let squeezed = |text: &str| text.split_whitespace().collect::<String>();
            assert_eq!(squeezed(&told), squeezed(&format!("1 {text}")));
        }
        assert_eq!(wrap("one two three", "- ", "  ", 9), "- one two\n  three\n");
    }
}
