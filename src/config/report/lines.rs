//! Lines and columns of byte offsets, without reading the file again for each.

/// Characters are counted up to every so many bytes: a line may be as long as the file.
const STRIDE: usize = 1024;

/// Where the lines of a text begin.
pub(super) struct LineIndex {
    starts: Vec<usize>,
    /// Characters before each multiple of [`STRIDE`].
    characters: Vec<usize>,
}

impl LineIndex {
    pub(super) fn new(text: &str) -> Self {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(newlines.map(|(at, _)| at + 1)).collect();
        let chunks = text.as_bytes().chunks(STRIDE).scan(0, |sum, chunk| {
            *sum += count(chunk);
            Some(*sum)
        });
        Self { starts, characters: std::iter::once(0).chain(chunks).collect() }
    }

    /// The line that holds an offset, from 0, and the offset of its first byte.
    pub(super) fn line_at(&self, offset: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        (line, self.starts.get(line).copied().unwrap_or(0))
    }

    /// The line and the column of a byte offset, both from 1; the column counts characters.
    pub(super) fn line_and_column(&self, text: &str, offset: usize) -> (usize, usize) {
        let offset = text.floor_char_boundary(offset);
        let (line, start) = self.line_at(offset);
        let mark = if text.get(start..offset).is_some_and(|line| line.starts_with('\u{feff}')) { 1 } else { 0 };
        (line + 1, self.characters_before(text, offset) - self.characters_before(text, start) - mark + 1)
    }

    fn characters_before(&self, text: &str, offset: usize) -> usize {
        let strides = offset / STRIDE;
        let rest = text.as_bytes().get(strides * STRIDE..offset).unwrap_or_default();
        self.characters.get(strides).copied().unwrap_or(0) + count(rest)
    }
}

/// Characters that begin in these bytes.
fn count(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(crate::auth::generated::cases(128))]

        #[test]
        fn places_are_as_counted_from_the_beginning(
            text in "\u{feff}?(x{0,700}|ä{0,700}|\n|[a-zé€🔑]{0,9}){0,8}",
            offset in 0_usize..6000,
        ) {
            let before = &text[..text.floor_char_boundary(offset)];
            let line = before.rsplit('\n').next().unwrap().trim_start_matches('\u{feff}').chars().count();
            let expected = (before.matches('\n').count() + 1, line + 1);
            prop_assert_eq!(LineIndex::new(&text).line_and_column(&text, offset), expected);
        }
    }
}
