//! `recovery`: what it needs, and what it warns of.

use std::time::Duration;

use super::{Place, file, tells};
use crate::auth::proof::Method;
use crate::config::report::Severity;

const MAIL: &str = "mail: { smtp: \"smtps://mail.example.com\", from: no-reply@example.com }\n";

fn with(recovery: &str) -> String {
    file("", &format!("{MAIL}recovery: {recovery}\n"))
}

#[test]
fn recovery_is_off_and_needs_mail_and_second_proofs_that_can_be_given() {
    for (recovery, message) in [
        ("{ second_proof: [email_code] }", "not a second proof"),
        ("{ second_proof: [password] }", "not a second proof"),
        ("{ wait: 1s }", "10s to 30d"),
        ("{ wait: 31d }", "10s to 30d"),
        ("on", "expected"),
    ] {
        tells(&with(recovery), message);
    }
    tells(&file("", "recovery: { wait: 24h }\n"), "nothing sends mail");
    let without = file("", &format!("{MAIL}factors: {{ passkeys: off }}\nrecovery: {{ second_proof: [passkey] }}\n"));
    tells(&without, "nobody can prove this here");
    let place = Place::new();
    let loaded = |recovery: &str| place.load(&with(recovery)).settings.unwrap().flow.recovery;
    assert!(loaded("off").is_none() && place.load(&file("", "")).settings.unwrap().flow.recovery.is_none());
    let set = loaded("{ wait: 48h, second_proof: [passkey] }").unwrap();
    assert_eq!(set.wait, Duration::from_secs(48 * 3600));
    assert!(set.second_proof.contains(Method::BoundPasskey) && !set.second_proof.contains(Method::Totp));
    let early = place.load(&with("{ wait: 1h }"));
    assert!(early.settings.is_some() && early.count(Severity::Warning) == 1, "an hour is warned of");
}
