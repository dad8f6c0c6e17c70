//! Sign-up: one account for who was reached and began it, and nothing told to anybody else.

mod others;

use crate::auth::event::{Event, What};
use crate::auth::factor::authenticator::{AddressKind, AddressRecord};
use crate::auth::handoff::BindingToken;
use crate::auth::link_token::LinkToken;
use crate::auth::proof::{Method, Strength};
use crate::auth::secret::SecretText;
use crate::auth::user::{Group, Username};
use crate::flow::Flows;
use crate::flow::ports::{Letter, LetterLink, LinkPurpose, Ports, Records};
use crate::flow::reply::{Client, LoginReply, WithEvents};
use crate::flow::risk::SignInGoal;
use crate::flow::settings::SignUpPolicy;
use crate::flow::sign_up::{
    ClaimedBy, Confirmation, INVITATION_LIVES, InvitationMade, NewInvitation, ReachedBy, SignUpBegun, SignUpConfirmed,
    SignUpForm, SignUpMistake, WaitingSignUp,
};
use crate::flow::testing::{Blow, HOST, World, client, client_at, fast_settings, secret};
use std::sync::Arc;

pub(super) const ADDRESS: &str = "ann@example.com";
pub(super) const OWN: &str = "a kettle of nine herrings";
const OTHER: &str = "seven swans on the ice";

pub(super) fn open(world: &Arc<World>) -> Arc<Flows> {
    with(world.ports(), SignUpPolicy::Open)
}

pub(super) fn with(ports: Ports, sign_up: SignUpPolicy) -> Arc<Flows> {
    let mut settings = fast_settings();
    settings.sign_up = sign_up;
    settings.mail = true;
    Arc::new(Flows::new(ports, settings))
}

fn form<'a>(name: Option<&'a str>, email: &'a str, password: &str) -> SignUpForm<'a> {
    SignUpForm { username: name, email, password: secret(password), enable_mfa: false, browser: None }
}

pub(super) async fn begin(flows: &Flows, email: &str, password: &str, at: &Client) {
    let begun = flows.begin_sign_up(form(None, email, password), at).await.unwrap().value;
    assert!(matches!(begun, SignUpBegun::Sent { .. }), "no letter");
}

/// The last letter.
pub(super) fn letter(world: &World) -> LetterLink {
    world.look(|s| match &s.letters.last().unwrap().0 {
        Letter::Link(link) => link.clone(),
        _ => panic!("another letter"),
    })
}

pub(super) fn token_in(letter: &LetterLink) -> LinkToken {
    LinkToken::parse(letter.url.expose().split_once("?token=").unwrap().1).unwrap()
}

pub(super) fn by_link<'a>(token: &'a LinkToken, password: &str) -> Confirmation<'a> {
    let by = ClaimedBy::Password(secret(password));
    Confirmation { reached: ReachedBy::Link(token), by, username: None, enable_mfa: None }
}

pub(super) fn by_code<'a>(email: &'a str, code: &'a SecretText, password: &str) -> Confirmation<'a> {
    let by = ClaimedBy::Password(secret(password));
    Confirmation { reached: ReachedBy::Code { email, code }, by, username: None, enable_mfa: None }
}

async fn confirm(flows: &Flows, given: Confirmation<'_>) -> WithEvents<SignUpConfirmed> {
    flows.confirm_sign_up(given, SignInGoal::default(), &client()).await.unwrap()
}

pub(super) fn word(confirmed: &SignUpConfirmed) -> &'static str {
    match confirmed {
        SignUpConfirmed::Made { reply: LoginReply::Opened(_), .. } => "opened",
        SignUpConfirmed::Made { reply: LoginReply::Enroll(_), .. } => "enroll",
        SignUpConfirmed::Made { .. } => "made",
        SignUpConfirmed::UsernameTaken(_) => "username taken",
        SignUpConfirmed::Unusable(_) => "unusable",
        SignUpConfirmed::AlreadyDone => "done",
        SignUpConfirmed::Wrong => "wrong",
        SignUpConfirmed::Over => "over",
        SignUpConfirmed::Wait(_) => "wait",
        SignUpConfirmed::Busy => "busy",
    }
}

async fn told(flows: &Flows, given: Confirmation<'_>) -> &'static str {
    word(&confirm(flows, given).await.value)
}

pub(super) fn accounts(world: &World) -> usize {
    world.look(|s| s.accounts.len())
}

#[tokio::test]
async fn an_account_exists_from_its_confirmation_on() {
    let world = World::new();
    let flows = open(&world);
    begin(&flows, ADDRESS, OWN, &client()).await;
    assert_eq!(accounts(&world), 0);
    let sent = letter(&world);
    assert!(sent.purpose == LinkPurpose::SignUp && sent.code.is_some());
    let token = token_in(&sent);
    let WithEvents { value, events } = confirm(&flows, by_link(&token, OWN)).await;
    let SignUpConfirmed::Made { who, reply: LoginReply::Opened(opened) } = value else { panic!("not signed in") };
    assert_eq!((who.username.as_str(), who.email.as_deref()), (ADDRESS, Some(ADDRESS)));
    // A password and a letter: two steps, and no second factor.
    assert_eq!(Strength::of(opened.session.proofs.methods()), Some(Strength::TwoSteps));
    // The trail has it with the account: what writes behind the answer leaves it out.
    let made = |event: &&Event| event.what == What::SignedUp && event.user.as_ref() == Some(&who.id);
    assert_eq!(events.iter().filter(made).map(|event| event.is_written).collect::<Vec<_>>(), [true]);
    assert_eq!(world.look(|s| s.trail.iter().map(|(_, event)| event).filter(made).count()), 1);
    let owner = flows.ports.addresses.owner(AddressKind::Email, ADDRESS).await.unwrap();
    assert_eq!(owner.as_ref(), Some(&who.id));
    assert_eq!(flows.ports.sign_ups.origin(&who.id).await.unwrap().as_deref(), Some("sign_up"));
    // Once, by the link as by the code.
    assert_eq!(told(&flows, by_link(&token, OWN)).await, "done");
    assert_eq!(accounts(&world), 1);
}

#[tokio::test]
async fn a_code_does_as_well_and_few_wrong_ones_are_taken() {
    let world = World::new();
    let flows = open(&world);
    begin(&flows, ADDRESS, OWN, &client()).await;
    let code = letter(&world).code.unwrap();
    assert_eq!(told(&flows, by_code(ADDRESS, &code, OTHER)).await, "wrong", "the code alone is not enough");
    assert_eq!(told(&flows, by_code(" Ann@EXAMPLE.com ", &code, OWN)).await, "opened");
    assert_eq!(told(&flows, by_code(ADDRESS, &code, OWN)).await, "done");
    let eve = "eve@example.com";
    begin(&flows, eve, OWN, &client()).await;
    let wrong = secret("000000");
    for _ in 0..5 {
        assert_eq!(told(&flows, by_code(eve, &wrong, OWN)).await, "wrong");
        world.pass(std::time::Duration::from_secs(60));
    }
    let code = letter(&world).code.unwrap();
    assert_eq!(told(&flows, by_code(eve, &code, OWN)).await, "wrong", "a code ends with its fifth miss");
    // Another one would not count on from nothing.
    begin(&flows, eve, OWN, &client()).await;
    assert!(letter(&world).code.is_none());
    assert_eq!(accounts(&world), 1);
}

#[tokio::test]
async fn who_began_with_an_address_of_somebody_else_gets_nothing_when_its_owner_confirms_it() {
    let world = World::new();
    let flows = open(&world);
    begin(&flows, ADDRESS, OTHER, &client_at("198.51.100.7")).await;
    let of_stranger = token_in(&letter(&world));
    // The owner follows the stranger's letter, and knows no password of it.
    assert_eq!(told(&flows, by_link(&of_stranger, OWN)).await, "wrong");
    begin(&flows, ADDRESS, OWN, &client()).await;
    let of_owner = token_in(&letter(&world));
    // The stranger begins again; the owner's own claim stands.
    begin(&flows, ADDRESS, OTHER, &client_at("198.51.100.7")).await;
    assert_eq!(told(&flows, by_link(&of_owner, OWN)).await, "opened");
    assert_eq!(told(&flows, by_link(&of_stranger, OTHER)).await, "done", "one address, one account");
    let hash = world.look(|s| s.accounts.values().next().unwrap().password_hash.clone().unwrap());
    assert!(crate::auth::factor::password::verify(&secret(OWN), &hash, 4096).unwrap());
    assert_eq!(accounts(&world), 1);
}

#[tokio::test]
async fn the_browser_that_began_need_not_repeat_the_password() {
    let world = World::new();
    let flows = open(&world);
    let [browser, other] = [0, 1].map(|_| flows.mint_binding().unwrap());
    let form = SignUpForm { browser: Some(&browser), ..form(None, ADDRESS, OWN) };
    flows.begin_sign_up(form, &client()).await.unwrap();
    // Who begins by a script is no browser, and neither is whoever has none.
    begin(&flows, ADDRESS, OTHER, &client()).await;
    let token = token_in(&letter(&world));
    let by = |browser: &BindingToken| Confirmation {
        reached: ReachedBy::Link(&token),
        by: ClaimedBy::Browser(browser.clone()),
        username: None,
        enable_mfa: None,
    };
    for (shown, is_own) in [(None, false), (Some(&other), false), (Some(&browser), true)] {
        let waiting = flows.waiting_sign_up(&token, shown).await.unwrap();
        assert_eq!(waiting, Some(WaitingSignUp::Claimed { email: ADDRESS.to_owned(), is_own }));
    }
    assert_eq!(told(&flows, by(&other)).await, "wrong");
    assert_eq!(told(&flows, by(&browser)).await, "opened");
}

#[tokio::test]
async fn an_address_that_has_an_account_is_told_so_by_mail_alone() {
    let (free, taken) = (World::new(), World::new());
    let owner = taken.person("ann");
    let confirmed_at = crate::auth::time::Timestamp::from_secs(0);
    let address =
        AddressRecord { id: "A".to_owned(), kind: AddressKind::Email, value: ADDRESS.to_owned(), confirmed_at };
    taken.look(|s| s.addresses.push((owner.clone(), address)));
    let mut seen = Vec::new();
    for world in [&free, &taken] {
        let flows = open(world);
        let before = world.look(|s| s.transient.len() + s.codes.len() + s.letters.len());
        world.fail(0, Blow::Before);
        let begun = flows.begin_sign_up(form(Some("ann-2"), ADDRESS, OWN), &client()).await.unwrap();
        let calls = world.calls();
        let SignUpBegun::Sent { email, expires_in, .. } = begun.value else { panic!("told") };
        let whats: Vec<What> = begun.events.iter().map(|event| event.what).collect();
        let after = world.look(|s| s.transient.len() + s.codes.len() + s.letters.len());
        let sizes: Vec<usize> = world.look(|s| {
            let mut sizes: Vec<usize> = s.transient.values().map(|(sealed, _)| sealed.0.len()).collect();
            sizes.sort_unstable();
            sizes
        });
        let length = letter(world).url.expose().len();
        seen.push((email, expires_in, whats, calls, after - before, flows.hashes_begun()));
        assert!(length > 0 && !sizes.is_empty());
    }
    assert_eq!(seen[0], seen[1]);
    let sent = letter(&taken);
    assert!(sent.purpose == LinkPurpose::AddressTaken && sent.code.is_none());
    // Nothing that was written makes another account of it.
    let flows = open(&taken);
    for guess in ["000000", "123456"] {
        assert_eq!(told(&flows, by_code(ADDRESS, &secret(guess), OWN)).await, "wrong");
    }
    assert_eq!(told(&open(&free), by_code("nobody@example.com", &secret("000000"), OWN)).await, "wrong");
}

#[tokio::test]
async fn a_name_that_is_taken_is_told_to_who_confirmed_the_address() {
    let world = World::new();
    world.person("ann");
    let flows = open(&world);
    let begun = flows.begin_sign_up(form(Some("Ann"), ADDRESS, OWN), &client()).await.unwrap();
    assert!(matches!(begun.value, SignUpBegun::Sent { .. }));
    let code = letter(&world).code.unwrap();
    let SignUpConfirmed::UsernameTaken(token) = confirm(&flows, by_code(ADDRESS, &code, OWN)).await.value else {
        panic!("not told")
    };
    let again = Confirmation { username: Some("annabelle"), ..by_link(&token, OWN) };
    assert_eq!(told(&flows, again).await, "opened");
    assert!(flows.ports.accounts.find(&Username::parse("annabelle").unwrap()).await.unwrap().is_some());
}

#[tokio::test]
async fn what_is_asked_at_once_is_set_up_before_anybody_is_signed_in() {
    let world = World::new();
    let flows = open(&world);
    let wanted = SignUpForm { enable_mfa: true, ..form(None, ADDRESS, OWN) };
    flows.begin_sign_up(wanted, &client()).await.unwrap();
    let token = token_in(&letter(&world));
    let SignUpConfirmed::Made { reply: LoginReply::Enroll(next), .. } =
        confirm(&flows, by_link(&token, OWN)).await.value
    else {
        panic!("nothing to set up")
    };
    assert!(next.methods.contains(Method::Totp));
    assert!(world.look(|s| s.sessions.is_empty()));
}

#[tokio::test]
async fn what_was_given_alone_is_judged_at_once() {
    let world = World::new();
    let flows = with(world.ports(), SignUpPolicy::Domains(vec!["example.com".to_owned()]));
    for (name, email, password, why) in [
        (None, "nobody", OWN, SignUpMistake::Email),
        (None, "ann@example.org", OWN, SignUpMistake::Domain),
        (None, "ann@sub.example.com", OWN, SignUpMistake::Domain),
        (Some("a b"), ADDRESS, OWN, SignUpMistake::Username),
        (Some("an\u{200b}n"), ADDRESS, OWN, SignUpMistake::Username),
    ] {
        let SignUpBegun::Unusable(mistakes) =
            flows.begin_sign_up(form(name, email, password), &client()).await.unwrap().value
        else {
            panic!("{email}")
        };
        assert_eq!(mistakes, [why], "{email}");
    }
    for short in ["short", "ann@example.com"] {
        let begun = flows.begin_sign_up(form(None, ADDRESS, short), &client()).await.unwrap().value;
        assert!(matches!(begun, SignUpBegun::Unusable(m) if matches!(m[..], [SignUpMistake::Password(_)])), "{short}");
    }
    assert!(world.look(|s| s.letters.is_empty()));
    for off in [SignUpPolicy::Off, SignUpPolicy::Invitation] {
        let flows = with(world.ports(), off);
        let begun = flows.begin_sign_up(form(None, ADDRESS, OWN), &client()).await.unwrap().value;
        assert!(matches!(begun, SignUpBegun::Off));
    }
}

#[tokio::test]
async fn a_network_begins_a_hundred_an_hour() {
    let world = World::new();
    let flows = open(&world);
    for n in 0..100 {
        begin(&flows, &format!("ann{n}@example.com"), OWN, &client()).await;
    }
    let begun = flows.begin_sign_up(form(None, ADDRESS, OWN), &client()).await.unwrap().value;
    assert!(matches!(begun, SignUpBegun::Wait(_)));
    begin(&flows, ADDRESS, OWN, &client_at("198.51.100.7")).await;
    world.pass(std::time::Duration::from_secs(3601));
    begin(&flows, ADDRESS, OWN, &client()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_confirm_at_once_one_gets_the_account() {
    let world = World::new();
    let flows = open(&world);
    begin(&flows, ADDRESS, OWN, &client()).await;
    let sent = letter(&world);
    let (token, code) = (token_in(&sent), sent.code.unwrap());
    let many = (0..40).map(|n| {
        let (flows, token, code) = (flows.clone(), token.clone(), code.clone());
        tokio::spawn(async move {
            // From as many networks: the counters are not what is tried here.
            let at = client_at(&format!("198.51.{n}.7"));
            let given = if n % 2 == 0 { by_link(&token, OWN) } else { by_code(ADDRESS, &code, OWN) };
            word(&flows.confirm_sign_up(given, SignInGoal::default(), &at).await.unwrap().value)
        })
    });
    let mut words = Vec::new();
    for one in many.collect::<Vec<_>>() {
        words.push(one.await.unwrap());
    }
    assert_eq!((words.iter().filter(|word| **word == "opened").count(), accounts(&world)), (1, 1));
    // Who clicks twice is told that it is done; a second code finds none.
    let told = |all: &[&str], first: usize| words.iter().skip(first).step_by(2).all(|word| all.contains(word));
    let by_code = ["opened", "done", "busy", "wrong", "wait"];
    assert!(told(&["opened", "done", "busy", "wait"], 0) && told(&by_code, 1), "{words:?}");
}

#[tokio::test]
async fn no_fault_makes_two_accounts_or_signs_in_without_one() {
    let confirmed = |blow| async move {
        let mut nth = 1;
        loop {
            let world = World::new();
            let flows = open(&world);
            begin(&flows, ADDRESS, OWN, &client()).await;
            let code = letter(&world).code.unwrap();
            world.fail(nth, blow);
            let given = by_code(ADDRESS, &code, OWN);
            let first = flows.confirm_sign_up(given, SignInGoal::default(), &client()).await;
            let calls = world.calls();
            world.fail(0, Blow::Before);
            let made = accounts(&world);
            if let Ok(told) = &first {
                assert!(word(&told.value) != "opened" || made == 1, "call {nth}");
            } else {
                assert!(world.look(|s| s.sessions.is_empty()) || blow == Blow::After, "call {nth}");
            }
            let _ = confirm(&flows, by_code(ADDRESS, &code, OWN)).await;
            assert!(accounts(&world) <= 1, "call {nth}");
            if nth > calls {
                return nth;
            }
            nth += 1;
        }
    };
    assert!(confirmed(Blow::Before).await > 10);
    assert!(confirmed(Blow::After).await > 10);
}

#[tokio::test]
async fn an_invitation_makes_one_account_in_its_groups_whoever_may_sign_up() {
    let world = World::new();
    let flows = with(world.ports(), SignUpPolicy::Off);
    let invite = async |email, groups| {
        let new = NewInvitation { email, groups, origin: "https://x", host: HOST };
        flows.invite(new, Records::default()).await.unwrap()
    };
    let of = |url: &SecretText| LinkToken::parse(url.expose().split_once("?token=").unwrap().1).unwrap();
    let groups = vec![Group("staff".to_owned())];
    let first = invite(ADDRESS, groups.clone()).await;
    assert_eq!(letter(&world).purpose, LinkPurpose::Invitation);
    let InvitationMade { invitation, url, replaced } = invite("ANN@EXAMPLE.COM", groups.clone()).await;
    assert!(replaced && !first.replaced, "one an address");
    assert_eq!(told(&flows, by_link(&of(&first.url), OWN)).await, "over");
    let token = of(&url);
    assert_eq!(told(&flows, by_link(&token, "short")).await, "unusable");
    let given = Confirmation { username: Some("ann"), ..by_link(&token, OWN) };
    let SignUpConfirmed::Made { who, .. } = confirm(&flows, given).await.value else { panic!("not made") };
    assert_eq!((who.username.as_str(), &who.groups), ("ann", &groups));
    assert_eq!(told(&flows, by_link(&token, OWN)).await, "done");
    let kept = flows.ports.sign_ups.invitations().await.unwrap();
    assert!(kept[0].used_at.is_some() && kept[0].email.is_empty() && kept[0].groups.is_empty(), "it names nobody");
    assert!(!flows.ports.sign_ups.revoke_invitation(&invitation.id, Records::NONE).await.unwrap());
    // Where there is no mail, the operator hands it over.
    let letters = world.look(|s| s.letters.len());
    let mute = Arc::new(Flows::new(world.ports(), fast_settings()));
    let new = NewInvitation { email: "cid@example.com", groups: Vec::new(), origin: "https://x", host: HOST };
    mute.invite(new, Records::default()).await.unwrap();
    assert_eq!(world.look(|s| s.letters.len()), letters);
    // One that is too old.
    let token = of(&invite("bob@example.com", Vec::new()).await.url);
    world.pass(INVITATION_LIVES);
    assert_eq!(told(&flows, by_link(&token, OWN)).await, "over");
    assert_eq!(accounts(&world), 1);
    assert_eq!(flows.ports.sign_ups.drop_invitations(flows.now()).await.unwrap(), 3);
    assert!(flows.ports.sign_ups.invitations().await.unwrap().is_empty());
}
