use super::*;
use proptest::prelude::*;

fn ceremony(requirement: Requirement, enrolled: MethodSet, user: bool) -> Ceremony {
    let (name, now) = (Username::parse("ann"), Timestamp::from_secs(1000));
    let begun = Ceremony::sign_in(name, Some(requirement), "erp.example.com".to_owned(), Channel::Cookie, now);
    let begun = Ceremony { enrolled, ..begun };
    if user { begun.identified(&identity("ann"), enrolled, MethodSet::EMPTY, String::new()) } else { begun }
}

fn identity(name: &str) -> Identity {
    let username = Username::parse(name).unwrap();
    let id = UserId(format!("01{}", name.to_uppercase()));
    Identity { id, username, name: None, email: None, groups: Vec::new() }
}

fn goal_of(ceremony: &Ceremony) -> Requirement {
    ceremony.requirement.unwrap()
}

fn methods() -> impl Strategy<Value = MethodSet> {
    proptest::collection::vec(0_usize..9, 0..9).prop_map(|all| all.into_iter().map(|n| Method::ALL[n]).collect())
}

fn strengths() -> impl Strategy<Value = Strength> {
    proptest::sample::select(&Strength::ALL[..])
}

proptest! {
    #[test]
    fn it_completes_only_when_somebody_met_the_goal(
        strength in strengths(), counted in methods(), owned in methods(), locked in methods(), user: bool,
        verdicts in proptest::collection::vec((any::<bool>(), 0_usize..9, 0_u64..100), 1..8),
    ) {
        let goal = Requirement { methods: counted, ..Requirement::of(strength) };
        let (locked, enrolled) = (locked.and(owned), owned.minus(locked));
        let mut at = Ceremony { locked, ..ceremony(goal, enrolled, user) };
        let mut now = 1000;
        for (right, method, later) in verdicts {
            now += later;
            let (method, now) = (Method::ALL[method], Timestamp::from_secs(now));
            let before = at.proofs.clone();
            let verdict = if right { Verdict::Proved(method) } else { Verdict::Failed(method) };
            at = match at.advance(verdict, Offer::BASIC, now) {
                Step::Complete(Complete::Reset(_) | Complete::Erase(_)) => panic!("a sign-in resets or erases nothing"),
                Step::Complete(Complete::Open(done)) => {
                    prop_assert!(right && user);
                    prop_assert!(goal_of(done.ceremony()).shortfall(&done.ceremony().proofs, now).is_none());
                    prop_assert_eq!(done.method(), method);
                    return Ok(());
                }
                Step::Ask(next, asked) => {
                    prop_assert!(right && user && !asked.is_empty());
                    prop_assert_eq!(asked.minus(enrolled), MethodSet::EMPTY);
                    next
                }
                Step::Stuck(next) => {
                    prop_assert!(right && user);
                    prop_assert!(next.locked.is_empty(), "nothing is set up in the place of what is switched off");
                    prop_assert!(goal_of(&next).shortfall(&next.proofs, now).is_some());
                    prop_assert!(goal_of(&next).is_attainable(next.enrolled.or(next.proofs.methods()), Offer::BASIC));
                    next
                }
                Step::Locked(next) => {
                    prop_assert!(right && user && !next.locked.is_empty());
                    prop_assert!(goal_of(&next).shortfall(&next.proofs, now).is_some());
                    next
                }
                Step::OutOfReach(next) => {
                    prop_assert!(right && user);
                    // Not even by proving everything that is there or could be.
                    let at_hand = next.enrolled.or(next.proofs.methods());
                    let most = Offer::BASIC.most(at_hand).iter().fold(next.proofs.clone(), |p, m| p.with(m, now));
                    prop_assert!(goal_of(&next).shortfall(&most, now).is_some());
                    next
                }
                Step::Rejected(next) => {
                    prop_assert!(!right || !user || next.is_unproved());
                    prop_assert!(right || next.proofs == before);
                    next
                }
            };
        }
    }
}

/// What the program before this one stored of a sign-in.
const STORED_BEFORE: &str = r#"{"username":"ann","user":"01ANN","goal":{"strength":"two_factor","max_age":null,"methods":GOAL},
"proofs":PROOFS,"enrolled":ENROLLED,"locked":LOCKED,"host":"erp.example.com","channel":"cookie","started_at":STARTED,
"credentials":"stamp","previous_login":null}"#;

fn stored_before(at: &Ceremony) -> String {
    let json = |value: serde_json::Value| value.to_string();
    STORED_BEFORE
        .replace("GOAL", &json(serde_json::to_value(goal_of(at).methods).unwrap()))
        .replace("PROOFS", &json(serde_json::to_value(&at.proofs).unwrap()))
        .replace("ENROLLED", &json(serde_json::to_value(at.enrolled).unwrap()))
        .replace("LOCKED", &json(serde_json::to_value(at.locked).unwrap()))
        .replace("STARTED", &json(serde_json::to_value(at.started_at).unwrap()))
}

#[test]
fn a_sign_in_stored_by_the_version_before_goes_on() {
    let (password, totp) = (MethodSet::EMPTY.with(Method::Password), MethodSet::EMPTY.with(Method::Totp));
    let required = Requirement { methods: password.or(totp), ..Requirement::of(Strength::TwoFactor) };
    let begun = ceremony(required, password.or(totp), true);
    let now = begun.started_at;
    let begun = Ceremony { credentials: "stamp".to_owned(), ..begun };
    let Step::Ask(waiting, _) = begun.advance(Verdict::Proved(Method::Password), Offer::BASIC, now) else {
        panic!("not asked")
    };
    let text = stored_before(&waiting);
    let read: Ceremony = serde_json::from_str(&text).unwrap();
    assert_eq!(read, waiting);
    assert!(matches!(read.advance(Verdict::Proved(Method::Totp), Offer::BASIC, now), Step::Complete(_)));
    // Nobody had been found: it was rejected, and is.
    let nobody: Ceremony = serde_json::from_str(&text.replace(r#""01ANN""#, "null")).unwrap();
    assert!(matches!(&nobody.who, Who::Named { username } if username.as_str() == "ann"));
    assert!(matches!(nobody.advance(Verdict::Proved(Method::Totp), Offer::BASIC, now), Step::Rejected(_)));
    // The version before reads what this one writes: all that it wants is there, under the same names.
    let written = serde_json::to_value(&waiting).unwrap();
    for (name, value) in serde_json::from_str::<serde_json::Map<_, _>>(&text).unwrap() {
        assert_eq!(written.get(&name), Some(&value), "{name}");
    }
}

#[test]
fn a_sign_in_whose_requirement_is_lost_asks_for_the_most_that_the_account_can_prove() {
    let both = MethodSet::EMPTY.with(Method::Password).with(Method::Totp);
    let begun = ceremony(Requirement::of(Strength::OneFactor), both, true);
    let now = begun.started_at;
    let mut stored = serde_json::to_value(&begun).unwrap();
    stored.as_object_mut().unwrap().remove("goal");
    let read: Ceremony = serde_json::from_value(stored).unwrap();
    assert!(
        matches!(read.advance(Verdict::Proved(Method::Password), Offer::BASIC, now), Step::Ask(_, methods) if methods.contains(Method::Totp))
    );
}

#[test]
fn a_ceremony_keeps_its_purpose_and_its_challenge() {
    let begun = ceremony(Requirement::of(Strength::TwoFactor), MethodSet::EMPTY.with(Method::Password), true);
    let (now, key) = (begun.started_at, CeremonyToken::mint(&[3; 32]).key());
    for parent in [Parent::SignIn(key), Parent::Session("01SESSION".to_owned())] {
        let enrolment = begun.clone().enrolment(parent, Some(Sealed(vec![1, 2, 3])));
        let text = serde_json::to_string(&enrolment).unwrap();
        assert_eq!(serde_json::from_str::<Ceremony>(&text).unwrap(), enrolment);
        assert!(matches!(
            enrolment.clone().advance(Verdict::Failed(Method::Totp), Offer::BASIC, now),
            Step::Rejected(_)
        ));
        assert!(matches!(enrolment.advance(Verdict::Proved(Method::Totp), Offer::BASIC, now), Step::Complete(_)));
    }
    let keys = [Parent::SignIn(key), Parent::Session(key.encoded())].map(|parent| parent.enrolment_key());
    assert!(keys[0] != keys[1] && !keys.contains(&key));
}
