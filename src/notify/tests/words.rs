use std::time::Duration;

use super::{code, mail_to, text_to};
use crate::auth::secret::SecretText;
use crate::flow::ports::{Letter, LetterLink, LinkPurpose, Recipient};
use crate::notify::wording::words;

#[test]
fn a_mail_says_who_what_where_and_how_long() {
    let letter = words(&mail_to("ann@example.test"), Some("Example & <Sons>")).unwrap();
    assert_eq!(letter.subject, "Example & <Sons>: your code for erp.example.com:8443");
    assert!(!letter.subject.contains("123456"), "servers log subjects");
    for text in ["    123456\n", "good for 5 minutes, and once", "Do not share this code", "somebody else is"] {
        assert!(letter.text.contains(text), "{text}: {}", letter.text);
    }
    assert!(letter.html.contains(">123456</p>") && letter.html.contains("Do not share this code"));
    assert!(letter.html.contains("Example &#38; &#60;Sons&#62;") && !letter.html.contains("<Sons>"), "{}", letter.html);
    let confirm = Letter::AddressCode(code(Recipient::Email("ann@example.test".to_owned())));
    let letter = words(&confirm, None).unwrap();
    assert_eq!(letter.subject, "Stepgate: confirm this address for erp.example.com:8443");
    assert!(letter.text.contains("without the code the address is not used"));
    assert!(words(&Letter::Nobody, None).is_none());
}

#[test]
fn a_text_message_ends_with_the_host_and_the_code() {
    for letter in [text_to("+15550100"), Letter::AddressCode(code(Recipient::Phone("+15550100".to_owned())))] {
        let short = words(&letter, None).unwrap().short;
        assert_eq!(short.lines().last(), Some("@erp.example.com #123456"));
        assert!(short.starts_with("Stepgate: 123456 ") && short.contains("Do not share this code"), "{short}");
        assert!(short.is_ascii() && short.len() <= 306, "two parts: {short}");
    }
}

#[test]
fn a_link_is_told_with_what_it_is_for_and_how_long_it_is_good() {
    use LinkPurpose::{AddressTaken, Deletion, Invitation, Recovery, SignIn, SignUp};
    for purpose in [SignUp, AddressTaken, Invitation, SignIn, Recovery, Deletion] {
        let letter = words(&Letter::Link(link(purpose)), Some("<Sons>")).unwrap();
        assert!(letter.subject.starts_with("<Sons>: ") && letter.subject.contains("erp.example.com"));
        assert!(!letter.subject.contains("sgl_"), "servers log subjects");
        assert!(letter.text.contains("\n\nhttps://erp.example.com/.stepgate/x?token=sgl_1&a\n\n"), "{}", letter.text);
        assert!(
            letter.html.contains("href=\"https://erp.example.com/.stepgate/x?token=sgl_1&#38;a\""),
            "{}",
            letter.html
        );
        assert!(letter.text.contains("123456") && letter.html.contains(">123456</p>"));
        let once = purpose != AddressTaken;
        assert_eq!(letter.text.contains("good for 7 days, and once"), once, "{}", letter.text);
        assert!(!letter.text.contains("ignore"));
    }
}

#[test]
fn a_link_is_kept_whole() {
    let letter = Letter::Link(link(LinkPurpose::Recovery));
    let Ok(Letter::Link(read)) = letter.encode().and_then(|plain| Letter::decode(&plain)) else { panic!("no link") };
    let told = |letter: &Letter| words(letter, None).map(|words| words.text);
    assert_eq!(told(&Letter::Link(read)), told(&letter));
}

fn link(purpose: LinkPurpose) -> LetterLink {
    LetterLink {
        to: Recipient::Email("ann@example.test".to_owned()),
        purpose,
        url: SecretText::new("https://erp.example.com/.stepgate/x?token=sgl_1&a".to_owned()),
        code: Some(SecretText::new("123456".to_owned())),
        host: "erp.example.com".to_owned(),
        valid: Duration::from_secs(7 * 86_400),
    }
}
