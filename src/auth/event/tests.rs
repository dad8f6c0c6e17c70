use serde_json::{Value, json};

use super::*;
use crate::auth::factor::passkey::Violation;
use crate::auth::proof::{Method, RiskLevel};

/// Every variant, with a detail of each kind; what stands in the audit trail for it.
fn vocabulary() -> Vec<(What, Value)> {
    use What::*;
    let method = Method::Totp;
    let mut all = vec![
        (ProofAccepted { method }, json!({"action": "proof_accepted", "method": "totp"})),
        (SessionOpened { level: None }, json!({"action": "session_opened"})),
        (SignInUnassessed, json!({"action": "sign_in_unassessed"})),
        (SessionAbandoned, json!({"action": "session_abandoned"})),
        (SignInDisowned, json!({"action": "sign_in_disowned"})),
        (RiskPinned, json!({"action": "risk_pinned"})),
        (RiskPinCleared, json!({"action": "risk_pin_cleared"})),
        (RiskProfileErased, json!({"action": "risk_profile_erased"})),
        (SessionElevated, json!({"action": "session_elevated"})),
        (FormHeld, json!({"action": "form_held"})),
        (FormSent, json!({"action": "form_sent"})),
        (FormDiscarded, json!({"action": "form_discarded"})),
        (SessionRevoked, json!({"action": "session_revoked"})),
        (SessionsRevoked, json!({"action": "sessions_revoked"})),
        (AuthenticatorAdded { method }, json!({"action": "authenticator_added", "method": "totp"})),
        (AuthenticatorRemoved { method }, json!({"action": "authenticator_removed", "method": "totp"})),
        (CodeSent { method }, json!({"action": "code_sent", "method": "totp"})),
        (PasskeyCounter, json!({"action": "passkey_counter"})),
        (FactorLocked { method }, json!({"action": "factor_locked", "method": "totp"})),
        (FactorUnlocked { method }, json!({"action": "factor_unlocked", "method": "totp"})),
        (EnrolmentCodeIssued, json!({"action": "enrolment_code_issued"})),
        (BackupCodesMade, json!({"action": "backup_codes_made"})),
        (PasswordRehashed, json!({"action": "password_rehashed"})),
        (AccountCreated, json!({"action": "account_created"})),
        (SignUpBegun, json!({"action": "sign_up_begun"})),
        (SignedUp, json!({"action": "signed_up"})),
        (InvitationMade, json!({"action": "invitation_made"})),
        (InvitationAccepted, json!({"action": "invitation_accepted"})),
        (InvitationRevoked, json!({"action": "invitation_revoked"})),
        (AccountDisabled, json!({"action": "account_disabled"})),
        (AccountEnabled, json!({"action": "account_enabled"})),
        (AccountDeleted, json!({"action": "account_deleted"})),
        (RecoveryBegun, json!({"action": "recovery_begun"})),
        (RecoveryWaiting, json!({"action": "recovery_waiting"})),
        (RecoveryGranted, json!({"action": "recovery_granted"})),
        (RecoveryCancelled, json!({"action": "recovery_cancelled"})),
        (RecoveryFinished, json!({"action": "recovery_finished"})),
        (RecoveryCodeIssued, json!({"action": "recovery_code_issued"})),
        (PasswordSet, json!({"action": "password_set"})),
        (PasswordForced, json!({"action": "password_forced"})),
        (ProfileSet, json!({"action": "profile_set"})),
        (GroupsSet, json!({"action": "groups_set"})),
        (BrowsersForgotten, json!({"action": "browsers_forgotten"})),
        (DataExported, json!({"action": "data_exported"})),
    ];
    use RejectReason as R;
    for (reason, word) in [
        (R::UnknownUser, "unknown_user"),
        (R::Disabled, "disabled"),
        (R::NotEnrolled, "not_enrolled"),
        (R::Locked, "locked"),
        (R::Mismatch, "mismatch"),
        (R::AlreadySpent, "already_spent"),
        (R::ClockSkew, "clock_skew"),
        (R::Malformed, "malformed"),
        (R::NoCeremony, "no_ceremony"),
        (R::NoSession, "no_session"),
        (R::Passkey(Violation::Origin), "origin"),
    ] {
        all.push((
            ProofRejected { method, reason },
            json!({"action": "proof_rejected", "method": "totp", "reason": word}),
        ));
    }
    use ThrottleScope as T;
    for (scope, word) in [
        (T::Browser, "browser"),
        (T::AccountNetwork, "account_network"),
        (T::Account, "account"),
        (T::Factor, "factor"),
        (T::Network, "network"),
        (T::Hashing, "hashing"),
    ] {
        all.push((Throttled { method, scope }, json!({"action": "throttled", "method": "totp", "scope": word})));
    }
    for level in RiskLevel::ALL {
        all.push((SessionOpened { level: Some(level) }, json!({"action": "session_opened", "level": level.name()})));
        all.push((SignInAssessed { level }, json!({"action": "sign_in_assessed", "level": level.name()})));
        all.push((SessionAssessed { level }, json!({"action": "session_assessed", "level": level.name()})));
        all.push((SessionUnusual { level }, json!({"action": "session_unusual", "level": level.name()})));
    }
    for (deed, word) in [
        (Deed::Spending, "spending"),
        (Deed::Rehash, "rehash"),
        (Deed::Opening, "opening"),
        (Deed::Ending, "ending"),
        (Deed::Binding, "binding"),
        (Deed::BackupCodes, "backup_codes"),
        (Deed::SigningUp, "signing_up"),
    ] {
        for method in [None, Some(Method::BackupCode)] {
            let kept = json!({"action": "unsettled", "deed": word, "method": method.map(Method::name)});
            all.push((Unsettled { deed, method }, kept));
        }
    }
    all
}

/// The words are a contract: what is kept is what is logged, for every variant.
#[test]
fn the_log_the_trail_and_the_commands_use_the_same_words() {
    let mut actions = std::collections::BTreeSet::new();
    for (what, kept) in vocabulary() {
        assert_eq!(serde_json::to_value(what).unwrap(), kept);
        let word = |name: &str| kept.get(name).and_then(Value::as_str);
        assert_eq!(Some(what.action()), word("action"));
        assert_eq!(EventKind::from_name(what.action()), Some(what.kind()));
        assert_eq!(what.method().map(Method::name), word("method"), "{kept}");
        assert_eq!(
            what.reason(),
            word("reason").or_else(|| word("scope")).or_else(|| word("deed")).or_else(|| word("level")),
            "{kept}"
        );
        actions.insert(what.action());
    }
    assert_eq!(actions.len(), 50);
    let names: std::collections::BTreeSet<_> = EventKind::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(names.len(), EventKind::ALL.len(), "no word stands for two kinds");
    assert_eq!(EventKind::from_name("of_a_later_version"), None);
}

#[test]
fn an_event_is_kept_with_what_happened_among_its_members() {
    let event = Event {
        what: What::ProofRejected { method: Method::Password, reason: RejectReason::Mismatch },
        user: None,
        username: Username::parse("ann"),
        client_ip: Some([203, 0, 113, 9].into()),
        session: None,
        browser: Some("tag".to_owned()),
        risk: None,
        learnt: false,
        by: None,
        agent: None,
        form: None,
        is_written: false,
    };
    let kept = json!({"action": "proof_rejected", "method": "password", "reason": "mismatch", "user": null,
        "username": "ann", "client_ip": "203.0.113.9", "session": null, "browser": "tag"});
    assert_eq!(serde_json::to_value(&event).unwrap(), kept);
}

/// What is written of an assessment is read again, and what an earlier version wrote too.
#[test]
fn an_assessment_is_read_as_it_was_kept() {
    let record = RiskRecord {
        score: 2.5.into(),
        action: "step_up",
        shadow: true,
        terms: vec![RiskTerm { signal: "network", evidence: 2.5.into(), text: "A network.".to_owned() }],
        sign_ins: 7,
        pinned: true,
        dormant: true,
        cohorts: vec!["mobile"],
        required: Some("one_factor"),
        guards: vec![RiskGuard { host: "app.test".to_owned(), rule: "all".to_owned() }],
        changed: vec!["network"],
        recognised: true,
    };
    let past: PastRisk = serde_json::from_value(serde_json::to_value(&record).unwrap()).unwrap();
    let expected = PastRisk {
        score: 2.5,
        action: "step_up".to_owned(),
        shadow: true,
        terms: vec![PastTerm { signal: "network".to_owned(), evidence: 2.5 }],
        sign_ins: Some(7),
        pinned: true,
        dormant: true,
        cohorts: vec!["mobile".to_owned()],
        required: Some("one_factor".to_owned()),
        guards: record.guards,
        changed: vec!["network".to_owned()],
        recognised: true,
    };
    assert_eq!(past, expected);
    let earlier = json!({"score": 1.0, "action": "permit", "shadow": false, "terms": []});
    let past: PastRisk = serde_json::from_value(earlier).unwrap();
    assert_eq!((past.score, past.sign_ins), (1.0, None));
}
