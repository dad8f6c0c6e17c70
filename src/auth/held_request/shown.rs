//! What a form is about to send, as its owner sees it before they approve of it. What could be read in two ways is not shown,
//! and so cannot be approved.

use super::FormType;
use crate::auth::text::invisible::is_invisible;
use crate::auth::text::percent::{Octet, octets};

/// As many letters of a value are shown.
const SHOWN: usize = 300;
/// A form with more fields is not shown.
const FIELDS: usize = 500;

/// One field of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownField {
    /// Empty where the whole body is one text.
    pub name: String,
    pub value: ShownValue,
}

/// What is shown of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShownValue {
    Text {
        text: String,
        /// Letters that follow.
        left_out: usize,
    },
    File {
        name: String,
        bytes: usize,
    },
    /// The operator keeps it from being shown: so many letters.
    Redacted {
        letters: usize,
    },
}

impl ShownField {
    fn new(name: &str, text: &str, redact: &[String]) -> Self {
        let value = if redact.iter().any(|other| other == name) {
            ShownValue::Redacted { letters: text.chars().count() }
        } else {
            let left_out = text.chars().count().saturating_sub(SHOWN);
            ShownValue::Text { text: visible(text.chars().take(SHOWN)), left_out }
        };
        Self { name: visible(name.chars()), value }
    }
}

/// The fields that a body of this type sends; `None` if it cannot be told for sure.
pub fn shown_fields(content_type: &str, body: &[u8], redact: &[String]) -> Option<Vec<ShownField>> {
    let fields = match FormType::of(content_type)? {
        FormType::UrlEncoded if is_utf8(content_type) => urlencoded(body, redact)?,
        FormType::Multipart => multipart(content_type, body, redact)?,
        // Its fields are no parts of it that could be told apart, so none can be left out.
        FormType::Text if is_utf8(content_type) && redact.is_empty() => {
            vec![ShownField::new("", std::str::from_utf8(body).ok()?, redact)]
        }
        FormType::UrlEncoded | FormType::Text => return None,
    };
    (fields.len() <= FIELDS).then_some(fields)
}

/// Whether a type names no other letters than those of UTF-8.
fn is_utf8(content_type: &str) -> bool {
    let charset = content_type.split_once(';').map(|(_, parameters)| parameters.trim());
    charset.is_none_or(|charset| charset.eq_ignore_ascii_case("charset=utf-8"))
}

/// Without what nobody sees, or what changes how other letters are seen.
fn visible(text: impl Iterator<Item = char>) -> String {
    let seen =
        |c: char| if is_invisible(c) || (c.is_control() && !matches!(c, '\n' | '\r' | '\t')) { '\u{fffd}' } else { c };
    text.map(seen).collect()
}

fn urlencoded(body: &[u8], redact: &[String]) -> Option<Vec<ShownField>> {
    let text = std::str::from_utf8(body).ok()?;
    let decoded = |part: &str| {
        let part = part.replace('+', " ");
        let octets = octets(part.as_bytes()).map(|octet| match octet {
            Octet::Plain(octet) | Octet::Encoded(octet) => octet,
            Octet::StrayPercent => b'%',
        });
        String::from_utf8(octets.collect()).ok()
    };
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let field = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some(ShownField::new(&decoded(name)?, &decoded(value)?, redact))
    };
    pairs.map(field).collect()
}

/// As browsers write it (RFC 7578), and in no other way.
fn multipart(content_type: &str, body: &[u8], redact: &[String]) -> Option<Vec<ShownField>> {
    let boundary = content_type.split_once(';')?.1.trim().strip_prefix("boundary=")?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_'()+,./:=?".contains(&b);
    if boundary.is_empty() || boundary.len() > 70 || !boundary.bytes().all(plain) {
        return None;
    }
    let opening = format!("--{boundary}");
    let delimiter = format!("\r\n--{boundary}");
    let mut rest = body.strip_prefix(opening.as_bytes())?;
    let mut fields = Vec::new();
    loop {
        if matches!(rest, b"--" | b"--\r\n") {
            return Some(fields);
        }
        let part = rest.strip_prefix(b"\r\n")?;
        let end = find(part, delimiter.as_bytes())?;
        let (part, after) = part.split_at_checked(end)?;
        fields.push(one_part(part, redact)?);
        if fields.len() > FIELDS {
            return None;
        }
        rest = after.get(delimiter.len()..)?;
    }
}

fn one_part(part: &[u8], redact: &[String]) -> Option<ShownField> {
    let end = find(part, b"\r\n\r\n")?;
    let (head, value) = part.split_at_checked(end)?;
    let (head, value) = (std::str::from_utf8(head).ok()?, value.get(4..)?);
    let (mut disposition, mut others) = (None, 0);
    for line in head.split("\r\n") {
        let (name, value) = line.split_once(':')?;
        match name.to_ascii_lowercase().as_str() {
            "content-disposition" if disposition.is_none() => disposition = Some(value.trim()),
            "content-type" if others == 0 => others += 1,
            // A coding, or what is told twice.
            _ => return None,
        }
    }
    let parameters = disposition?.strip_prefix("form-data; name=\"")?;
    // Some read it as the sign that the next letter stands for itself.
    if parameters.contains('\\') {
        return None;
    }
    let (name, more) = parameters.split_once('"')?;
    if more.is_empty() {
        return Some(ShownField::new(&unescaped(name), std::str::from_utf8(value).ok()?, redact));
    }
    let (file, more) = more.strip_prefix("; filename=\"")?.split_once('"')?;
    let (name, file) = (unescaped(name), unescaped(file));
    let value = match redact.contains(&name) {
        true => ShownValue::Redacted { letters: file.chars().count() },
        false => ShownValue::File { name: visible(file.chars()), bytes: value.len() },
    };
    more.is_empty().then(|| ShownField { name: visible(name.chars()), value })
}

/// A name as browsers write it (HTML §4.10.21.8).
fn unescaped(name: &str) -> String {
    name.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n")
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KIND: &str = "multipart/form-data; boundary=----b7";

    fn text(name: &str, text: &str) -> ShownField {
        ShownField { name: name.to_owned(), value: ShownValue::Text { text: text.to_owned(), left_out: 0 } }
    }

    fn part(name: &str, more: &str, value: &str) -> String {
        format!("------b7\r\nContent-Disposition: form-data; name=\"{name}\"{more}\r\n\r\n{value}\r\n")
    }

    #[test]
    fn fields_are_shown_as_the_app_reads_them() {
        let shown = |body: &str| {
            shown_fields("application/x-www-form-urlencoded; charset=UTF-8", body.as_bytes(), &[]).unwrap()
        };
        assert_eq!(
            shown("a=b+c&d=%C3%A9&e&=f&&g=h=i"),
            [text("a", "b c"), text("d", "é"), text("e", ""), text("", "f"), text("g", "h=i")]
        );
        assert_eq!(shown("a=%E2%80%AEb%00"), [text("a", "\u{fffd}b\u{fffd}")], "nothing turns the line round");
        assert_eq!(shown("a%E2%80%AE=b"), [text("a\u{fffd}", "b")]);
        let many = |count: usize| "a=b&".repeat(count);
        assert_eq!(shown(&many(500)).len(), 500);
        assert_eq!(shown_fields("application/x-www-form-urlencoded", many(501).as_bytes(), &[]), None);
        let long = shown(&format!("a={}", "x".repeat(301)));
        assert!(matches!(&long[0].value, ShownValue::Text { text, left_out: 1 } if text.len() == 300));
        let secret = shown_fields("application/x-www-form-urlencoded", b"pin=1234&sum=7", &["pin".to_owned()]).unwrap();
        assert_eq!(
            secret,
            [ShownField { name: "pin".into(), value: ShownValue::Redacted { letters: 4 } }, text("sum", "7")]
        );
        assert_eq!(shown_fields("text/plain", b"a=b", &[]).unwrap(), [text("", "a=b")]);
        assert_eq!(shown_fields("application/json", b"{}", &[]), None);
    }

    #[test]
    fn parts_are_shown_only_as_browsers_write_them() {
        let file = "; filename=\"a%22b.pdf\"\r\nContent-Type: application/pdf";
        let body = format!("{}{}------b7--\r\n", part("to", "", "7\r\n8"), part("f", file, "%PDF"));
        let shown = |body: &str| shown_fields(KIND, body.as_bytes(), &[]);
        let expected = ShownField { name: "f".into(), value: ShownValue::File { name: "a\"b.pdf".into(), bytes: 4 } };
        assert_eq!(shown(&body).unwrap(), [text("to", "7\r\n8"), expected]);
        assert_eq!(shown("------b7--").unwrap(), []);
        let turned = part("f\u{202e}", "; filename=\"\u{202e}b\"", "") + "------b7--\r\n";
        let value = ShownValue::File { name: "\u{fffd}b".into(), bytes: 0 };
        assert_eq!(shown(&turned).unwrap(), [ShownField { name: "f\u{fffd}".into(), value }]);
        for bad in [
            String::new(),
            format!("x{body}"),
            format!("{body}x"),
            body.replace("\r\n", "\n"),
            body.replace("------b7--", "------b7"),
            body.replace("form-data; name=\"to\"", "form-data; name=to"),
            body.replace("name=\"to\"", "name=\"to\"; name=\"from\""),
            body.replace("b.pdf\"", "b.pdf\"; filename*=UTF-8\'\'c.pdf"),
            body.replace("Content-Type: application/pdf", "Content-Transfer-Encoding: base64"),
            body.replace("Content-Type: application/pdf", "Content-Disposition: form-data; name=\"g\""),
            part("a", "", "b").repeat(501) + "------b7--\r\n",
        ] {
            assert_eq!(shown(&bad), None, "{bad:?}");
        }
        for more in [
            "",
            "; boundary=",
            "; boundary=\"----b7\"",
            "; xboundary=----b7",
            "; Boundary=x; boundary=----b7",
            "; charset=utf-7; boundary=----b7",
        ] {
            assert_eq!(shown_fields(&format!("multipart/form-data{more}"), body.as_bytes(), &[]), None, "{more}");
        }
        let hidden = shown_fields(KIND, body.as_bytes(), &["f".to_owned(), "to".to_owned()]).unwrap();
        assert!(hidden.iter().all(|field| matches!(field.value, ShownValue::Redacted { .. })), "{hidden:?}");
    }

    /// Two bodies that would look alike, and letters that are read in more ways than one.
    #[test]
    fn what_could_be_read_in_two_ways_is_not_shown() {
        let form = "application/x-www-form-urlencoded";
        for (kind, body) in [
            (form, &b"name=M%FCller"[..]),
            (form, b"n%F6=1"),
            (form, b"name=M\xfcller"),
            ("text/plain", b"M\xfcller"),
            ("application/x-www-form-urlencoded; charset=utf-16", b"a=1"),
            ("text/plain; charset=utf-7", b"a=1"),
            (
                KIND,
                (part("a", "", "b") + "------b7--").replace("name=\"a\"", "name=\"a\\\"; filename=\"x\"").as_bytes(),
            ),
        ] {
            assert_eq!(shown_fields(kind, body, &[]), None, "{kind} {}", body.escape_ascii());
        }
        let latin = [part("a", "", "Z").as_bytes(), b"------b7--"].concat();
        assert!(shown_fields(KIND, &latin, &[]).is_some());
        let latin = latin.iter().map(|b| if *b == b'Z' { 0xfc } else { *b }).collect::<Vec<_>>();
        assert_eq!(shown_fields(KIND, &latin, &[]), None);
        assert_eq!(shown_fields("text/plain", b"pin=1", &["pin".to_owned()]), None, "nothing of it can be left out");
    }

    proptest! {
        /// Nothing breaks it, and what is shown is never longer than what is sent and a little more.
        #[test]
        fn whatever_comes_is_shown_or_not(body in prop::collection::vec(any::<u8>(), 0..200), pieces in prop::collection::vec("(------b7|--|\r\n|name=\"|form-data; |Content-Disposition: |a|\")", 0..20)) {
            for bytes in [body, pieces.concat().into_bytes()] {
                for kind in ["application/x-www-form-urlencoded", KIND, "text/plain"] {
                    let fields = shown_fields(kind, &bytes, &[]).unwrap_or_default();
                    prop_assert!(fields.len() <= bytes.len() + 1);
                }
            }
        }
    }
}
