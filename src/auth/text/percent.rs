//! Percent-encoding (RFC 3986 §2.1): one decoder and one encoder. How lax a decoder is, its caller says in what it does
//! with a [`Octet::StrayPercent`].

/// One octet of a percent-encoded text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Octet {
    /// It stood for itself.
    Plain(u8),
    /// It was written as a triplet.
    Encoded(u8),
    /// A `%` that begins no triplet: strict decoders refuse it, lenient ones keep it.
    StrayPercent,
}

/// The octets of a text, decoded once.
pub const fn octets(text: &[u8]) -> Octets<'_> {
    Octets(text)
}

/// See [`octets`].
#[derive(Clone, Debug)]
pub struct Octets<'a>(&'a [u8]);

impl Iterator for Octets<'_> {
    type Item = Octet;

    fn next(&mut self) -> Option<Octet> {
        let (octet, length) = match (self.0.first()?, triplet(self.0)) {
            (_, Some(octet)) => (Octet::Encoded(octet), 3),
            (b'%', None) => (Octet::StrayPercent, 1),
            (plain, None) => (Octet::Plain(*plain), 1),
        };
        self.0 = self.0.get(length..).unwrap_or_default();
        Some(octet)
    }
}

/// The octet that a text's first three bytes stand for, if they are a triplet.
pub fn triplet(text: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = text else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()
}

/// Decodes once, leniently: a stray `%` stays, octets that are no UTF-8 are replaced.
pub fn decode_lenient(text: &str) -> String {
    let octet = |octet| match octet {
        Octet::Plain(octet) | Octet::Encoded(octet) => octet,
        Octet::StrayPercent => b'%',
    };
    let octets: Vec<u8> = octets(text.as_bytes()).map(octet).collect();
    String::from_utf8(octets).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

/// Encodes all but the unreserved characters.
pub fn encode(text: &str) -> String {
    encode_unless(text, is_unreserved)
}

/// Encodes every octet that does not stand for itself.
pub fn encode_unless(text: &str, stands: impl Fn(u8) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        // Only ASCII can stand for itself: a String holds no single octet of another character.
        if byte.is_ascii() && stands(byte) { out.push(char::from(byte)) } else { push_triplet(&mut out, byte) }
    }
    out
}

/// Writes an octet as a triplet, with capital digits (RFC 3986 §2.1).
pub fn push_triplet(out: &mut String, octet: u8) {
    let digit = |value: u8| char::from(if value < 10 { b'0' + value } else { b'A' + value - 10 });
    out.extend(['%', digit(octet >> 4), digit(octet & 15)]);
}

/// `unreserved` of RFC 3986 §2.3.
pub const fn is_unreserved(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Digits by the rules of RFC 3986 alone, told by looking at each position of the text.
    fn expected(text: &[u8]) -> Vec<Octet> {
        let mut all = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let digits = text.get(at + 1..at + 3).filter(|d| d.iter().all(u8::is_ascii_hexdigit));
            match digits.filter(|_| text[at] == b'%') {
                Some(digits) => {
                    let digits = std::str::from_utf8(digits).unwrap();
                    all.push(Octet::Encoded(u8::from_str_radix(digits, 16).unwrap()));
                    at += 3;
                }
                None => {
                    all.push(if text[at] == b'%' { Octet::StrayPercent } else { Octet::Plain(text[at]) });
                    at += 1;
                }
            }
        }
        all
    }

    proptest! {
        #![proptest_config(crate::auth::generated::cases(512))]

        #[test]
        fn every_text_is_read_as_the_rfc_reads_it(text in "([%]|[0-9a-fA-F]|[ -~]|\\PC|[+-]){0,24}") {
            prop_assert_eq!(octets(text.as_bytes()).collect::<Vec<_>>(), expected(text.as_bytes()));
        }

        #[test]
        fn what_is_encoded_reads_back(text in "\\PC{0,24}", kept in "[ -$&-~]{0,8}") {
            let encoded = encode(&text);
            prop_assert_eq!(&decode_lenient(&encoded), &text);
            prop_assert!(encoded.bytes().all(|b| is_unreserved(b) || b == b'%'));
            let partly = encode_unless(&text, |b| kept.as_bytes().contains(&b));
            prop_assert_eq!(decode_lenient(&partly), text);
        }
    }

    #[test]
    fn a_stray_percent_is_named_and_a_sign_is_no_digit() {
        assert_eq!(decode_lenient("100%"), "100%");
        assert_eq!(decode_lenient("%zz%4"), "%zz%4");
        assert_eq!(decode_lenient("%+a%-1"), "%+a%-1");
        assert_eq!(decode_lenient("%25%41%ff"), "%A\u{fffd}");
        assert_eq!(encode("/a b?c=d&e=ü"), "%2Fa%20b%3Fc%3Dd%26e%3D%C3%BC");
    }
}
