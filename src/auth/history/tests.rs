use proptest::prelude::*;

use super::*;

fn at(minutes: u64) -> Timestamp {
    Timestamp::from_secs(1_800_000_000 + minutes * 60)
}

fn ip(network: u8) -> IpAddr {
    IpAddr::from([198, 51, network, 7])
}

fn sign_in(minutes: u64, network: u8, browser: &str) -> SignIn {
    SignIn {
        at: at(minutes),
        ip: ip(network),
        browser: (!browser.is_empty()).then(|| browser.to_owned()),
        level: None,
        agent: None,
    }
}

fn failure(minutes: u64, network: u8, method: Method) -> Failure {
    Failure { at: at(minutes), ip: ip(network), method }
}

fn told(past: &[SignIn], failures: &[Failure], browser: &str, network: u8) -> String {
    let Some(notice) = notice(past, failures, (!browser.is_empty()).then_some(browser), ip(network), StrangeBy::Marks)
    else {
        return "nothing".to_owned();
    };
    let minutes = |t: Timestamp| (t.as_secs() - at(0).as_secs()) / 60;
    let strange: Vec<String> = notice.strange.iter().map(|s| format!("in@{}", minutes(s.at))).collect();
    let failed: Vec<String> = notice.failed.iter().map(|f| format!("no@{}", minutes(f.at))).collect();
    format!("since {}: {}", minutes(notice.since), [strange, failed].concat().join(" "))
}

#[test]
fn what_people_do_day_by_day_says_nothing() {
    let desk = |minutes| sign_in(minutes, 1, "desk");
    assert_eq!(told(&[], &[failure(1, 9, Method::Password)], "", 1), "nothing", "the first sign-in of all");
    assert_eq!(told(&[desk(1)], &[], "desk", 1), "nothing");
    assert_eq!(told(&[desk(1), sign_in(5, 1, "phone")], &[], "desk", 1), "nothing", "a new phone at home");
    assert_eq!(told(&[desk(1), sign_in(5, 2, "desk")], &[], "desk", 1), "nothing", "the same laptop abroad");
    assert_eq!(
        told(&[desk(1), sign_in(5, 3, "desk"), sign_in(6, 4, "desk")], &[], "desk", 5),
        "nothing",
        "on the move"
    );
    assert_eq!(told(&[desk(1)], &[failure(5, 1, Method::Totp)], "desk", 1), "nothing", "a mistyped code");
    assert_eq!(told(&[desk(1)], &[failure(5, 2, Method::Totp)], "desk", 2), "nothing", "and one abroad");
    assert_eq!(told(&[sign_in(1, 1, ""), sign_in(5, 1, "")], &[], "", 1), "nothing", "scripts, or private windows");
}

#[test]
fn what_somebody_else_does_is_told_once_in_each_browser() {
    let past = [sign_in(1, 1, "desk"), sign_in(2, 1, "phone"), sign_in(9, 8, "evil"), sign_in(10, 8, "evil")];
    assert_eq!(told(&past, &[], "desk", 1), "since 1: in@9");
    assert_eq!(told(&past, &[], "phone", 4), "since 2: in@9");
    let after = [past.as_slice(), &[sign_in(20, 1, "desk")]].concat();
    assert_eq!(told(&after, &[], "desk", 1), "nothing", "told once");
    assert_eq!(told(&after, &[], "phone", 1), "since 2: in@9", "and once in the other");
    assert_eq!(told(&past, &[], "", 1), "since 2: in@9", "a private window is known by its network");
    assert_eq!(told(&past[..3], &[], "", 7), "since 9: in@9", "from nowhere known, the last one is looked at");
    assert_eq!(told(&past, &[], "evil", 8), "nothing", "they are not told of themselves");
}

#[test]
fn failed_attempts_are_told_where_the_owner_never_was() {
    let past = [sign_in(1, 1, "desk"), sign_in(2, 2, "desk")];
    let tries = [failure(1, 9, Method::Password), failure(3, 9, Method::Password), failure(4, 2, Method::Password)];
    assert_eq!(told(&past, &tries, "desk", 1), "since 2: no@3");
    let stranger = [past.as_slice(), &[sign_in(5, 9, "evil")]].concat();
    assert_eq!(told(&stranger, &tries, "desk", 1), "since 2: in@5 no@3", "who got in is no friend");
    let knew = |method| {
        notice(&past, &[failure(3, 9, method)], Some("desk"), ip(1), StrangeBy::Marks).unwrap().knew_the_password()
    };
    assert!(!knew(Method::Password) && knew(Method::Totp) && knew(Method::BackupCode));
}

fn sign_ins() -> impl Strategy<Value = Vec<SignIn>> {
    let one = (0_u64..50, 0_u8..5, prop_oneof![Just(""), Just("a"), Just("b"), Just("c")]);
    prop::collection::vec(one.prop_map(|(minutes, network, browser)| sign_in(minutes, network, browser)), 0..12)
}

fn failures() -> impl Strategy<Value = Vec<Failure>> {
    let method = prop_oneof![Just(Method::Password), Just(Method::Totp)];
    prop::collection::vec((0_u64..50, 0_u8..5, method).prop_map(|(m, n, method)| failure(m, n, method)), 0..12)
}

proptest! {
    #![proptest_config(crate::auth::generated::cases(2000))]

    /// Only news, never one's own network, never what a browser or a network did that was known before; and all of it
    /// once.
    #[test]
    fn only_what_is_strange_is_told(past in sign_ins(), failures in failures(), browser in prop_oneof![Just("a"), Just("z")], network in 0_u8..5) {
        let here = ip(network);
        let found = notice(&past, &failures, Some(browser), here, StrangeBy::Marks);
        let Some(found) = found else { return Ok(()) };
        for s in &found.strange {
            prop_assert!(s.at >= found.since && client_network(s.ip) != client_network(here));
            prop_assert!(s.browser.as_deref() != Some(browser));
            let before = past.iter().filter(|p| p.at < s.at);
            let mut before = before.filter(|p| client_network(p.ip) == client_network(s.ip) || (p.browser.is_some() && p.browser == s.browser));
            prop_assert!(before.next().is_none(), "known before");
        }
        for f in &found.failed {
            prop_assert!(f.at >= found.since && client_network(f.ip) != client_network(here));
        }
        // Signing in here, now, in this browser makes all of it old.
        let mut then = past;
        then.push(SignIn { at: at(60), ip: here, browser: Some(browser.to_owned()), level: None, agent: None });
        prop_assert_eq!(notice(&then, &failures, Some(browser), here, StrangeBy::Marks), None);
    }
}

/// Where risk is assessed, that says what is strange: a known network may be, and what has neither mark need not be. Where
/// it could not be assessed, the marks say it.
#[test]
fn what_was_assessed_as_unusual_is_strange() {
    let at_level = |sign_in: SignIn, level| SignIn { level, ..sign_in };
    for (level, without_marks, with_marks) in [
        (None, true, false),
        (Some(RiskLevel::Unscored), true, false),
        (Some(RiskLevel::Low), false, false),
        (Some(RiskLevel::Medium), true, true),
        (Some(RiskLevel::High), true, true),
    ] {
        for (other, is_strange) in [(sign_in(9, 8, "evil"), without_marks), (sign_in(9, 2, "phone"), with_marks)] {
            let past = [sign_in(1, 1, "desk"), sign_in(2, 1, "phone"), sign_in(3, 2, "phone"), at_level(other, level)];
            let notice = notice(&past, &[], Some("desk"), ip(1), StrangeBy::Risk);
            assert_eq!(notice.map_or(0, |notice| notice.strange.len()), usize::from(is_strange), "{level:?}");
        }
    }
}
