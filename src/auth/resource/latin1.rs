//! Octets as apps from before UTF-8 read them: one octet, one character.

/// How the octets of a path become characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charset {
    /// UTF-8; octets that are none stay encoded.
    Utf8,
    /// Windows-1252, as browsers read what says that it is Latin-1 (WHATWG Encoding).
    Windows1252,
    /// ISO 8859-1, as Java and WSGI read it.
    Latin1,
}

/// The characters of 0x80 to 0x9F in Windows-1252; where it has none, the control character of Latin-1.
const C1: [char; 32] = [
    '\u{20ac}', '\u{81}', '\u{201a}', '\u{192}', '\u{201e}', '\u{2026}', '\u{2020}', '\u{2021}', '\u{2c6}', '\u{2030}',
    '\u{160}', '\u{2039}', '\u{152}', '\u{8d}', '\u{17d}', '\u{8f}', '\u{90}', '\u{2018}', '\u{2019}', '\u{201c}',
    '\u{201d}', '\u{2022}', '\u{2013}', '\u{2014}', '\u{2dc}', '\u{2122}', '\u{161}', '\u{203a}', '\u{153}', '\u{9d}',
    '\u{17e}', '\u{178}',
];

impl Charset {
    /// The character of one octet that is no ASCII.
    fn character(self, octet: u8) -> char {
        let c1 = usize::from(octet).checked_sub(0x80).and_then(|at| C1.get(at));
        c1.copied().filter(|_| self == Self::Windows1252).unwrap_or_else(|| char::from(octet))
    }

    /// Adds octets, none of them ASCII, that stand together in a path, where they are written as `source`: three bytes
    /// each. `false`: in UTF-8, some of them are none.
    pub(super) fn read(self, octets: &[u8], source: &str, out: &mut String) -> bool {
        if self != Self::Utf8 {
            out.extend(octets.iter().map(|octet| self.character(*octet)));
            return true;
        }
        let (mut at, mut whole) = (0, true);
        for chunk in octets.utf8_chunks() {
            out.push_str(chunk.valid());
            at += chunk.valid().len();
            let end = at + chunk.invalid().len();
            out.push_str(source.get(at * 3..end * 3).unwrap_or_default());
            whole &= end == at;
            at = end;
        }
        whole
    }
}

/// Whether octets hold an overlong form of an ASCII character (RFC 3629 §3): more of them than it needs, which lax
/// decoders take for it. Nobody writes these but to get something past a filter.
pub(super) fn is_overlong(octets: &[u8]) -> bool {
    (0..octets.len()).any(|at| {
        matches!(
            octets.get(at..).unwrap_or_default(),
            [0xc0 | 0xc1, 0x80..=0xbf, ..]
                | [0xe0, 0x80 | 0x81, 0x80..=0xbf, ..]
                | [0xf0, 0x80, 0x80 | 0x81, 0x80..=0xbf, ..]
        )
    })
}
