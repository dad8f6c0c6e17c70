//! Words in lines of a terminal.

/// What becomes of a word that fits no line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LongWord {
    /// It is cut, so that no line is longer than asked.
    Cut,
    /// It stays whole, to be copied.
    Overflow,
}

/// Words in lines of at most `width` columns, each line ended: the first begins with `first`, the others with `rest`.
pub fn wrap(text: &str, first: &str, rest: &str, width: usize, long: LongWord) -> String {
    let (mut out, mut length) = (first.to_owned(), first.chars().count());
    let mut is_empty = true;
    for word in text.split_whitespace() {
        if !is_empty && length + 1 + word.chars().count() > width {
            begin_line(&mut out, &mut length, rest);
            is_empty = true;
        }
        if !is_empty {
            out.push(' ');
            length += 1;
        }
        for c in word.chars() {
            if length == width && long == LongWord::Cut {
                begin_line(&mut out, &mut length, rest);
            }
            out.push(c);
            length += 1;
        }
        is_empty = false;
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn begin_line(out: &mut String, length: &mut usize, rest: &str) {
    out.push('\n');
    out.push_str(rest);
    *length = rest.chars().count();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_asked_and_no_word_is_lost() {
        for (text, width) in [("", 9), ("one two three", 9), ("a verylongwordthatfitsnowhere b", 9), ("é é é é é é", 5)]
        {
            let cut = wrap(text, "1 ", "  ", width, LongWord::Cut);
            assert!(cut.lines().all(|line| line.chars().count() <= width), "{cut}");
            let squeezed = |text: &str| text.split_whitespace().collect::<String>();
            assert_eq!(squeezed(&cut), squeezed(&format!("1 {text}")));
            let whole = wrap(text, "1 ", "  ", width, LongWord::Overflow);
            assert!(text.split_whitespace().all(|word| whole.contains(word)), "{whole}");
        }
        assert_eq!(wrap("one two three", "- ", "  ", 9, LongWord::Cut), "- one two\n  three\n");
    }
}
