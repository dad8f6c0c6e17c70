use super::*;
use crate::auth::ceremony::{Parent, Verdict};
use crate::auth::proof::{Factor, Requirement, Strength};
use crate::auth::user::{UserId, Username};

fn now() -> Timestamp {
    Timestamp::from_secs(1000)
}

fn begun(owned: MethodSet, terms: RecoverTerms) -> Ceremony {
    let who = Identity {
        id: UserId("01ANN".to_owned()),
        username: Username::parse("ann").unwrap(),
        name: None,
        email: None,
        groups: Vec::new(),
    };
    let place = ("erp.example.com".to_owned(), Channel::Bearer);
    Ceremony::recovery(&who, (owned, MethodSet::EMPTY), String::new(), terms, place, now())
}

fn sets() -> impl Iterator<Item = MethodSet> {
    (0_u32..1 << Method::ALL.len())
        .map(|bits| Method::ALL.into_iter().filter(|m| bits & (1 << *m as u32) != 0).collect())
}

/// What proving these in this order ends in; `None`: it would go on.
fn after(mut ceremony: Ceremony, methods: impl Iterator<Item = Method>) -> Option<Recovered> {
    for method in methods {
        ceremony = match ceremony.advance(Verdict::Proved(method), Offer::BASIC, now()) {
            Step::Complete(Complete::Reset(recovered)) => return Some(recovered),
            Step::Complete(Complete::Open(_)) => panic!("a recovery opens a session"),
            other => other.ceremony(),
        };
    }
    None
}

/// Over every set of proofs, in the order in which they are given and backwards, every set that the operator accepts, waited
/// or not, with a password or without.
#[test]
#[expect(clippy::print_stderr, reason = "how many recoveries were tried is told")]
fn a_recovery_yields_no_more_than_its_proofs_and_never_a_session() {
    let (mut cells, mut whole) = (0_u32, 0_u32);
    let accepted = [Method::BackupCode, Method::Totp, Method::Passkey, Method::BoundPasskey, Method::SecurityKey];
    for proved in sets() {
        for second in sets().filter(|set| set.minus(accepted.into_iter().collect()).is_empty()) {
            for (waited, has_password) in [(false, false), (false, true), (true, false), (true, true)] {
                let owned = if has_password {
                    MethodSet::ALL
                } else {
                    MethodSet::ALL.minus(MethodSet::EMPTY.with(Method::Password))
                };
                let terms = RecoverTerms { second, waited };
                let forth = after(begun(owned, terms), proved.iter());
                let back = after(begun(owned, terms), proved.iter().collect::<Vec<_>>().into_iter().rev());
                for recovered in [forth, back].into_iter().flatten() {
                    cells += 1;
                    let (given, resets) = (recovered.ceremony().proofs.methods(), recovered.resets());
                    let told = format!("{proved:?} {second:?} {waited} {has_password} {resets:?}");
                    assert!(!resets.is_nothing(), "{told}");
                    assert!(given.contains(Method::RecoveryCode) || given.contains(Method::EmailCode), "{told}");
                    if given.contains(Method::RecoveryCode) {
                        continue;
                    }
                    let counted = given.and(second);
                    let kept = |m: Method| m == Method::BackupCode || m.factor() == Factor::Both;
                    // A second factor is replaced by another that stands for two, or was kept for that, never by what a
                    // stolen mailbox or a stolen telephone has, whatever time passes.
                    if resets.factors {
                        whole += 1;
                        assert!(counted.iter().any(kept), "{told}");
                    }
                    if counted.is_empty() {
                        assert!(
                            waited && has_password && resets == Resets { password: true, factors: false },
                            "{told}"
                        );
                    }
                }
            }
        }
    }
    eprintln!("{cells} recoveries, {whole} of them of a second factor");
    assert!(cells >= 20_000, "{cells}");
}

#[test]
fn more_proofs_never_yield_less() {
    for proofs in sets() {
        for more in Method::ALL {
            for (waited, has_password) in [(false, false), (false, true), (true, false), (true, true)] {
                let (before, after) =
                    (Resets::by(proofs, waited, has_password), Resets::by(proofs.with(more), waited, has_password));
                assert!(after.password >= before.password && after.factors >= before.factors, "{proofs:?} {more:?}");
            }
        }
    }
}

/// A ceremony of any other purpose ends in no reset.
#[test]
fn nothing_else_ends_in_a_reset() {
    let identity = begun(MethodSet::ALL, RecoverTerms { second: MethodSet::ALL, waited: true });
    for purpose in [Purpose::SignIn, Purpose::StepUp("s".to_owned()), Purpose::Enrol(Parent::Session("s".to_owned()))] {
        for method in Method::ALL {
            let requirement = Some(Requirement::of(Strength::OneFactor));
            let ceremony = Ceremony { purpose: purpose.clone(), requirement, ..identity.clone() };
            let step = ceremony.advance(Verdict::Proved(method), Offer::BASIC, now());
            assert!(!matches!(step, Step::Complete(Complete::Reset(_))), "{purpose:?} {method:?}");
        }
    }
}

#[test]
fn a_mailbox_alone_is_asked_for_more() {
    let owned = MethodSet::EMPTY.with(Method::Password).with(Method::Totp).with(Method::BackupCode);
    let terms = RecoverTerms { second: MethodSet::EMPTY.with(Method::BackupCode), waited: false };
    let step = begun(owned, terms).advance(Verdict::Proved(Method::EmailCode), Offer::BASIC, now());
    let Step::Ask(next, second) = step else { panic!("{step:?}") };
    assert_eq!(second, MethodSet::EMPTY.with(Method::BackupCode), "what the operator does not accept is not asked for");
    let step = next.clone().advance(Verdict::Proved(Method::Totp), Offer::BASIC, now());
    assert!(matches!(step, Step::Ask(..)), "nor does it count");
    let step = next.advance(Verdict::Failed(Method::BackupCode), Offer::BASIC, now());
    assert!(matches!(step, Step::Rejected(_)));
}
