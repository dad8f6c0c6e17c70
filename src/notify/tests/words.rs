use std::collections::HashSet;
use std::time::Duration;

use super::{code, mail_to, text_to};
use crate::auth::notice_kind::NoticeKind;
use crate::auth::proof::Method;
use crate::auth::secret::SecretText;
use crate::auth::time::Timestamp;
use crate::auth::user::Username;
use crate::flow::ports::{Letter, LetterLink, LetterNotice, LinkPurpose, NoticeOrigin, Recipient};
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

/// A letter of each kind.
fn notices() -> Vec<LetterNotice> {
    let at = Timestamp::from_secs(1_795_249_453);
    let kinds = [
        NoticeKind::NewBrowser,
        NoticeKind::FactorAdded(Method::Totp),
        NoticeKind::FactorRemoved(Method::Passkey),
        NoticeKind::MfaDisabled,
        NoticeKind::BackupCodesMade,
        NoticeKind::BackupCodeUsed { left: 1 },
        NoticeKind::PasswordChanged,
        NoticeKind::AddressAdded("a…@e….com".to_owned()),
        NoticeKind::AddressRemoved("a…@e….com".to_owned()),
        NoticeKind::RecoveryBegun { ready_at: at },
        NoticeKind::RecoveryCancelled,
        NoticeKind::RecoveryFinished,
        NoticeKind::FactorLocked(Method::Totp),
        NoticeKind::PasswordLocked,
        NoticeKind::AccountDisabled,
        NoticeKind::AccountDeleted,
    ];
    let origin = NoticeOrigin {
        ip: "192.0.2.7".to_owned(),
        country: Some("NO".to_owned()),
        network_owner: Some("<b>Example & Net</b>".to_owned()),
        agent: Some("Firefox/Linux".to_owned()),
    };
    let notice = |kind| LetterNotice {
        to: Recipient::Email("ann@example.test".to_owned()),
        kind,
        username: Username::parse("ann").unwrap(),
        at,
        origin: Some(origin.clone()),
        url: SecretText::new("https://erp.example.com/.stepgate/notice?token=sgl_x".to_owned()),
        host: "erp.example.com".to_owned(),
    };
    kinds.into_iter().map(notice).collect()
}

#[test]
fn a_letter_about_an_account_says_what_when_from_where_and_what_to_do() {
    let mut subjects = HashSet::new();
    for notice in notices() {
        let kind = notice.kind.clone();
        let kept = Letter::decode(&Letter::Notice(notice.clone()).encode().unwrap()).unwrap();
        let letter = words(&kept, Some("<Sons>")).unwrap();
        let link = "https://erp.example.com/.stepgate/notice?token=sgl_x";
        for text in
            ["ann", "When: 21 November 2026, 08:24 UTC", "192.0.2.7 (<b>Example & Net</b>, NO)", "Firefox, Linux", link]
        {
            assert!(letter.text.contains(text), "{kind:?}: {text}: {}", letter.text);
        }
        assert_eq!((letter.text.matches("://").count(), letter.html.matches("href=").count()), (1, 1), "one link");
        assert!(letter.html.contains("&#60;b&#62;Example") && !letter.html.contains("<b>"), "{}", letter.html);
        for part in [&letter.subject, &letter.text, &letter.html] {
            assert!(!part.to_lowercase().contains("ignore"), "{kind:?}: {part}");
        }
        assert!(!letter.subject.contains("sgl_") && subjects.insert(letter.subject), "{kind:?}: a subject of its own");
        // What an operator does has no address and no browser.
        let by_operator = words(&Letter::Notice(LetterNotice { origin: None, ..notice }), None).unwrap();
        assert!(by_operator.text.contains("by an operator of the service") && !by_operator.text.contains("Browser:"));
    }
}
