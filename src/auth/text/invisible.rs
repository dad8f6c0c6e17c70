//! Characters that nobody sees.

/// Characters that leave no mark or change the direction of others: `Default_Ignorable_Code_Point` (UAX #44, which
/// includes every `Bidi_Control`), the annotation marks and the blank of Braille.
pub fn is_invisible(c: char) -> bool {
    const RANGES: [(char, char); 20] = [
        ('\u{ad}', '\u{ad}'),
        ('\u{34f}', '\u{34f}'),
        ('\u{61c}', '\u{61c}'),
        ('\u{115f}', '\u{1160}'),
        ('\u{17b4}', '\u{17b5}'),
        ('\u{180b}', '\u{180f}'),
        ('\u{200b}', '\u{200f}'),
        ('\u{2028}', '\u{202e}'),
        ('\u{2060}', '\u{206f}'),
        ('\u{2800}', '\u{2800}'),
        ('\u{3164}', '\u{3164}'),
        ('\u{fe00}', '\u{fe0f}'),
        ('\u{feff}', '\u{feff}'),
        ('\u{ffa0}', '\u{ffa0}'),
        ('\u{fff0}', '\u{fffb}'),
        ('\u{1bca0}', '\u{1bca3}'),
        ('\u{1d159}', '\u{1d159}'),
        ('\u{1d173}', '\u{1d17a}'),
        ('\u{e0000}', '\u{e0fff}'),
        ('\u{fdd0}', '\u{fdef}'),
    ];
    RANGES.iter().any(|(first, last)| (*first..=*last).contains(&c))
}
