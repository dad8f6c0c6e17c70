//! `once`, `transaction` and `redact`: what is taken, and what is told of the rest.

use super::*;
use crate::auth::policy::rule::Access;
use crate::auth::proof::Binding;

fn rules(rule: &str) -> String {
    format!("    rules:\n      - {{ path: /a, {rule} }}\n      - {{ path: /**, require: two_factor }}\n")
}

#[test]
fn a_rule_says_for_what_it_accepts_a_proof() {
    for (rule, binding, redact) in [
        ("require: two_factor", Binding::Session, vec![]),
        ("require: two_factor, once: off, transaction: off", Binding::Session, vec![]),
        ("require: two_factor, once: true", Binding::Request, vec![]),
        ("require: { strength: two_factor, max_age: 5m }, once: on", Binding::Request, vec![]),
        ("require: one_factor, transaction: true", Binding::Transaction, vec![]),
        ("require: two_factor, transaction: on, redact: [pin]", Binding::Transaction, vec!["pin".to_owned()]),
    ] {
        let place = Place::new();
        let loaded = place.load(&file(&rules(rule), ""));
        assert_eq!(loaded.text(false), "", "{rule}");
        let settings = loaded.settings.unwrap();
        let app = settings.policy.app("erp.example.com").unwrap();
        let Access::Guarded { requirement, .. } = &app.rules[0].access else { panic!("{rule}") };
        assert_eq!((requirement.binding, &app.rules[0].redact), (binding, &redact), "{rule}");
        let Access::Guarded { requirement, .. } = &app.rules[1].access else { panic!("{rule}") };
        assert_eq!(requirement.binding, Binding::Session, "and none beside it");
    }
}

#[test]
fn what_could_never_be_proved_or_shown_is_told_at_its_place() {
    let portal = "portal: { host: login.example.com }\n";
    for (app, more, part) in [
        (rules("access: public, once: true"), "", "5: `once` asks for a proof, and this rule asks nobody"),
        (rules("access: deny, transaction: true"), "", "5: `transaction` asks for a proof"),
        (
            rules("require: two_factor, once: true, transaction: true"),
            "",
            "5: `transaction` serves one request already",
        ),
        (rules("require: two_factor, redact: [pin]"), "", "5: nothing is shown that could be redacted"),
        (rules("require: two_factor, once: true, redact: [pin]"), "", "5: nothing is shown"),
        (
            format!("    hold: off\n{}", rules("require: two_factor, transaction: true")),
            "",
            "6: with `hold: off` no form is kept",
        ),
        (rules("require: two_factor, once: true, methods: [HEAD]"), "", "5: HEAD and OPTIONS pass by no proof"),
        (rules("require: two_factor, transaction: true, methods: [OPTIONS, HEAD]"), "", "5: HEAD and OPTIONS pass"),
        (rules("require: two_factor, transaction: true, redact: []"), "", "5: an empty list redacts nothing"),
        (rules("require: two_factor, transaction: true, redact: [pin, ' ']"), "", "5: a field without a name"),
        (
            format!("    hold: {{ types: [text/plain] }}\n{}", rules("require: two_factor, transaction: true")),
            "",
            "6: of the forms that `hold.types` keeps none has fields",
        ),
        (rules("require: two_factor, transaction: true, redact: [pin, pan, pin]"), "", "5: `pin` stands here twice"),
        (rules("access: public, challenge: status"), "", "5: `access` asks nobody who they are"),
        (rules("require: two_factor, kind: api, challenge: redirect"), "", "5: callers of `kind: api` are scripts"),
        (
            format!("    max_body: 1KiB\n    hold: {{ max: 2KiB }}\n{}", rules("require: two_factor")),
            "",
            "5: a form of more than `max_body` (1024 bytes)",
        ),
        (rules("require: two_factor, transaction: true"), portal, "5: people sign in at `portal.host`"),
    ] {
        tells(&file(&app, more), part);
    }
    let apart = format!("    portal: off\n{}", rules("require: two_factor, transaction: true"));
    assert_eq!(told(&file(&apart, portal)), Vec::<String>::new(), "its people sign in on its own host");
    let once = format!("    hold: off\n{}", rules("require: two_factor, once: true"));
    assert_eq!(told(&file(&once, portal)), Vec::<String>::new(), "no form need be shown for that");
}
