//! Where people get help, as the operator set it, and letters to there that say what they are about.

use super::messages::text;
use super::pages::Link;
use crate::auth::text::percent;
use crate::portal::request_info::RequestInfo;

/// Where people get help.
#[derive(Clone)]
pub(crate) struct SupportContact {
    /// As people read it.
    pub(crate) text: String,
    /// The link to it, if it is an address that a browser can open.
    pub(crate) href: Option<String>,
}

impl SupportContact {
    /// Reads the operator's text: a mail address, a web address, or plain words.
    pub(crate) fn new(text: &str) -> Self {
        let mailto = |address: &str| format!("mailto:{}", percent::encode(address).replace("%40", "@"));
        let (shown, href) = if let Some(address) = text.strip_prefix("mailto:") {
            (address, Some(mailto(address)))
        } else if let Some(number) = text.strip_prefix("tel:") {
            (number, Some(format!("tel:{}", percent::encode(number).replace("%2B", "+"))))
        } else if text.starts_with("https://") || text.starts_with("http://") {
            (text, Some(text.to_owned()))
        } else if text.contains('@') && !text.contains(char::is_whitespace) {
            (text, Some(mailto(text)))
        } else {
            (text, None)
        };
        Self { text: shown.to_owned(), href }
    }
}

/// Whom to ask.
pub(crate) fn whom(support: Option<&SupportContact>) -> String {
    support.map_or_else(|| text!("support-nobody-named"), |support| support.text.clone())
}

/// What somebody asks for.
pub(crate) struct SupportRequest<'a> {
    pub(crate) subject: &'a str,
    /// Method, host and path.
    pub(crate) asked: &'a str,
    /// The user name, if it is known.
    pub(crate) who: Option<&'a str>,
    /// What the link is called.
    pub(crate) link: String,
}

impl SupportRequest<'_> {
    /// The link by which to ask: a letter with the reference in it, where help is a mail address.
    pub(crate) fn link(self, support: Option<&SupportContact>, info: &RequestInfo) -> Option<Link> {
        let href = support?.href.as_ref()?;
        if !href.starts_with("mailto:") {
            return Some(Link::aside(href.as_str(), self.link));
        }
        let mut body = vec![text!("letter-asked", asked = self.asked)];
        body.extend(self.who.map(|who| text!("letter-user-name", user = who)));
        body.push(text!("letter-reference", reference = &info.request_id));
        body.push(String::new());
        body.push(text!("letter-reason") + " ");
        let (subject, body) = (percent::encode(self.subject), percent::encode(&body.join("\r\n")));
        let href = format!("{href}{}subject={subject}&body={body}", if href.contains('?') { '&' } else { '?' });
        Some(Link { href, text: self.link, target: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_operators_write_is_shown_and_opened() {
        for (written, text, href) in [
            ("it@example.com", "it@example.com", Some("mailto:it@example.com")),
            ("mailto:it@example.com", "it@example.com", Some("mailto:it@example.com")),
            ("a?b&c@example.com", "a?b&c@example.com", Some("mailto:a%3Fb%26c@example.com")),
            ("tel:+49 89 1", "+49 89 1", Some("tel:+49%2089%201")),
            ("https://help.example.com/x?y", "https://help.example.com/x?y", Some("https://help.example.com/x?y")),
            ("the desk on floor 2", "the desk on floor 2", None),
            ("javascript:alert(1)", "javascript:alert(1)", None),
        ] {
            let support = SupportContact::new(written);
            assert_eq!((support.text.as_str(), support.href.as_deref()), (text, href), "{written}");
        }
    }
}
