//! The end of an account: by its owner, after all that it can prove and a link; whole, and with nothing left to inherit.

mod rest;

use std::collections::BTreeMap;
use std::time::Duration;

use super::sent_codes::with_address;
use super::*;
use crate::auth::ceremony::{Ceremony, Erasure, Purpose};
use crate::auth::event::Event;
use crate::auth::factor::authenticator::AddressKind;
use crate::auth::link_token::LinkToken;
use crate::auth::secret::SecretBytes;
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::erasure::{erase_account, finish_erasures};
use crate::flow::ports::{Letter, LinkPurpose, RECORD_VERSION, Records, TransientKind};
use crate::flow::reply::{CeremonyRef, DeletionAsked, DeletionConfirmed, DeletionSeen, LinkAsked, Outcome, Submission};
use crate::flow::risk::pin_person;
use crate::flow::settings::FlowSettings;
use crate::flow::testing::{Blow, START, World, client, sending};
use crate::risk::PinReason;

pub(super) struct Stage {
    pub(super) world: Arc<World>,
    pub(super) flows: Arc<Flows>,
    pub(super) ann: UserId,
    key: SecretBytes,
}

impl Stage {
    /// Ann has an authenticator and an address.
    pub(super) fn new() -> Self {
        let world = World::new();
        let ann = world.person("ann");
        let key = world.with_totp(&ann);
        with_address(&world, &ann, AddressKind::Email, "ann@example.com");
        let flows = Arc::new(Flows::new(world.ports(), FlowSettings { email_link: true, ..sending() }));
        Self { world, flows, ann, key }
    }

    pub(super) fn code(&self) -> SecretText {
        self.world.code(&self.key, 0)
    }

    /// Ann with one factor, long ago.
    async fn stale(&self) -> CeremonyRef {
        let one = Some(Requirement::of(Strength::OneFactor));
        let open = opened(self.flows.begin(given("ann", PASSWORD), one, Channel::Cookie, &client()).await.unwrap());
        self.world.pass(Duration::from_secs(600));
        CeremonyRef::Session(open.token, open.session)
    }

    async fn ask(&self, at: &CeremonyRef, password: Option<&str>, code: Option<SecretText>) -> DeletionAsked {
        let password = password.map(|text| Submission::Password(secret(text)));
        let code = code.map(|code| Submission::Code(Method::Totp, code));
        let given = password.into_iter().chain(code).collect();
        self.flows.ask_deletion(at, given, &client()).await.unwrap().value
    }

    /// The link of ann's deletion.
    async fn link(&self) -> LinkToken {
        let at = self.stale().await;
        let told = self.ask(&at, Some(PASSWORD), Some(self.code())).await;
        let DeletionAsked::Sent { sent_to, expires_in } = told else { panic!("not sent") };
        assert_eq!((sent_to.as_str(), expires_in), ("a•••@e•••.com", Duration::from_secs(1800)));
        self.token()
    }

    fn token(&self) -> LinkToken {
        self.world.look(|s| match s.letters.last() {
            Some((Letter::Link(link), _)) if link.purpose == LinkPurpose::Deletion => {
                let (page, token) = link.url.expose().split_once("?token=").unwrap();
                assert_eq!(page, "https://erp.example.com/.stepgate/delete");
                LinkToken::parse(token).unwrap()
            }
            _ => panic!("no link was sent"),
        })
    }

    async fn confirm(&self, token: &LinkToken) -> Outcome<DeletionConfirmed> {
        self.flows.confirm_deletion(token, &client()).await
    }

    /// Everything that is stored and names ann, by her id or her name.
    fn traces(&self) -> Vec<String> {
        self.world.look(|s| {
            let mut found = Vec::new();
            let mut see = |what: String, text: String| {
                if [self.ann.0.as_str(), "\"ann\"", "ann@example.com"].iter().any(|name| text.contains(name)) {
                    found.push(what);
                }
            };
            s.sessions
                .values()
                .for_each(|(session, _)| see("session".into(), serde_json::to_string(&**session).unwrap()));
            for ((kind, name), (sealed, _)) in &s.transient {
                let context = format!("state:{}:{RECORD_VERSION}:{name}", kind.name());
                let plain = crate::flow::ports::Vault::open(&*self.world, &context, sealed).unwrap();
                see(format!("{} {name}", kind.name()), format!("{name} {}", String::from_utf8_lossy(plain.expose())));
            }
            s.marks.keys().for_each(|mark| see("mark".into(), mark.clone()));
            s.erasures.values().for_each(|erasure| see("erasure".into(), erasure.sessions.concat()));
            s.accounts.keys().for_each(|id| see("account".into(), id.0.clone()));
            s.totp.keys().for_each(|id| see("totp".into(), id.0.clone()));
            s.backup.keys().for_each(|id| see("backup".into(), id.0.clone()));
            s.addresses.iter().for_each(|(id, _)| see("address".into(), id.0.clone()));
            s.passkeys.iter().for_each(|(id, _)| see("passkey".into(), id.0.clone()));
            s.lockouts.keys().for_each(|(id, _)| see("lockout".into(), id.0.clone()));
            for (letter, _) in &s.letters {
                see("letter".into(), String::from_utf8_lossy(letter.encode().unwrap().expose()).into_owned());
            }
            for (_, event) in s.trail.iter().filter(|(_, event)| event.username.is_some()) {
                see("trail".into(), serde_json::to_string(event).unwrap());
            }
            found
        })
    }
}

/// What a person can leave behind, each by the way it comes about.
pub(super) async fn leave_everything(stage: &Stage) -> CeremonyRef {
    let (world, flows) = (&stage.world, &stage.flows);
    let at = stage.stale().await;
    let CeremonyRef::Session(_, session) = &at else { panic!() };
    // A sign-in under way, with its code; an address that waits; a link to sign in, and a deletion of before.
    let next = asked(sign_in(flows, "ann", &client()).await);
    flows.send_code(&CeremonyRef::SignIn(next.ceremony), AddressKind::Email, &client()).await.unwrap();
    flows.send_sign_in_link("ann@example.com", "", &client()).await.unwrap();
    pin_person(&flows.ports, &stage.ann, PinReason::Disowned).await.unwrap();
    // One value of every kind there is, whatever it will be: the id of the person or of their session somewhere in it.
    let ceremony = Ceremony { purpose: Purpose::SignIn, ..Ceremony::step_up(session, Timestamp::from_secs(START)) };
    for kind in TransientKind::ALL {
        for (name, text) in [
            ("user", format!("{{\"of\":\"{}\"}}", stage.ann)),
            ("session", format!("x{}y", session.id)),
            ("ceremony", serde_json::to_string(&ceremony).unwrap()),
        ] {
            let context = format!("state:{}:{RECORD_VERSION}:{name}", kind.name());
            let sealed =
                crate::flow::ports::Vault::seal(&**world, &context, &SecretBytes::new(text.into_bytes())).unwrap();
            flows.ports.transient.put(kind, name, &sealed, Duration::from_secs(900)).await.unwrap();
        }
    }
    world.look(|s| {
        s.lockouts.entry((stage.ann.clone(), Method::EmailCode)).or_default();
        let event = |user: Option<UserId>| Event {
            what: What::SessionsRevoked,
            user,
            username: crate::auth::user::Username::parse("ann"),
            client_ip: None,
            session: None,
            browser: None,
            risk: None,
            by: None,
            agent: None,
            form: None,
            is_written: false,
            learnt: false,
        };
        s.trail.push((Timestamp::from_secs(START), event(Some(stage.ann.clone()))));
        s.trail.push((Timestamp::from_secs(START), event(None)));
    });
    at
}

#[tokio::test]
async fn nothing_is_left_of_who_deletes_their_account_and_the_same_name_inherits_nothing() {
    let stage = Stage::new();
    let at = leave_everything(&stage).await;
    // Of somebody else, everything stays.
    let bob = stage.world.person("bob");
    with_address(&stage.world, &bob, AddressKind::Email, "bob@example.com");
    sign_in(&stage.flows, "bob", &client()).await;
    let told = stage.ask(&at, Some(PASSWORD), Some(stage.code())).await;
    assert!(matches!(told, DeletionAsked::Sent { .. }));
    let before = stage.traces();
    let kinds = TransientKind::ALL.map(TransientKind::name);
    for what in kinds.into_iter().chain(["session", "account", "totp", "address", "lockout", "letter", "trail", "mark"])
    {
        assert!(before.iter().any(|found| found.starts_with(what)), "nothing of kind {what} was left: {before:?}");
    }
    let others = stage.world.look(|s| (s.transient.len(), s.addresses.len()));
    let told = stage.confirm(&stage.token()).await.unwrap();
    assert_eq!(told.value, DeletionConfirmed::Erased);
    assert!(told.events.iter().all(|event| event.username.is_none()), "{:?}", told.events);
    // What takes a look through all that is kept goes a moment later. Until then it is of no use to anybody.
    let left = stage.traces();
    assert!(left.iter().all(|found| kinds.iter().any(|kind| found.starts_with(kind)) || found == "mark"), "{left:?}");
    assert!(left.iter().all(|found| !found.starts_with("risk_profile 01")), "{left:?}");
    assert_eq!(finish_erasures(&stage.flows.ports).await.unwrap(), 0, "in a minute");
    stage.world.pass(Duration::from_secs(60));
    assert_eq!(finish_erasures(&stage.flows.ports).await.unwrap(), 1);
    assert_eq!(stage.traces(), Vec::<String>::new());
    assert!(stage.world.look(|s| s.accounts.contains_key(&bob) && s.addresses.len() == others.1 - 1));
    let (at, tombstone) = stage.world.look(|s| s.trail.last().cloned()).unwrap();
    assert_eq!((tombstone.what, tombstone.user), (What::AccountDeleted, Some(stage.ann.clone())));
    assert_eq!(at.plus(Duration::from_secs(60)), stage.flows.now());
    assert_eq!(finish_erasures(&stage.flows.ports).await.unwrap(), 0, "once");
    // The name is free. Counters of it, and everything else, begin anew.
    assert!(
        stage
            .world
            .look(|s| s.counters.keys().all(|key| !key.starts_with("password:account") && !key.contains("lockout")))
    );
    let again = stage.world.person("ann");
    stage.world.look(|s| {
        let mut account = s.accounts.remove(&again).unwrap();
        account.identity.id = UserId("01AGAIN".to_owned());
        s.accounts.insert(account.identity.id.clone(), account);
    });
    let told = stage.flows.begin(given("ann", PASSWORD), None, Channel::Cookie, &client()).await.unwrap();
    let open = opened(told);
    assert_eq!((open.session.identity.id.0.as_str(), open.session.previous_login), ("01AGAIN", None));
}

#[tokio::test]
async fn the_password_and_the_strongest_factor_come_first_freshly() {
    let stage = Stage::new();
    let at = stage.stale().await;
    let missing = async |told: DeletionAsked| match told {
        DeletionAsked::ProveFirst(methods) => methods,
        _ => panic!("not asked for a proof"),
    };
    let password = MethodSet::EMPTY.with(Method::Password);
    assert_eq!(missing(stage.ask(&at, None, None).await).await, password);
    assert_eq!(stage.flows.before_deletion(&at, &client()).await.unwrap(), Some(password));
    let told = missing(stage.ask(&at, Some(PASSWORD), None).await).await;
    assert!(told.contains(Method::Totp) && !told.contains(Method::EmailCode));
    assert!(matches!(
        stage.ask(&at, Some("wrong"), Some(stage.code())).await,
        DeletionAsked::Rejected(Rejection::WrongCredentials)
    ));
    assert!(matches!(
        stage.ask(&at, Some(PASSWORD), Some(secret("000000"))).await,
        DeletionAsked::Rejected(Rejection::WrongCode)
    ));
    // A mailed code stands for nothing here, least of all for the link.
    let code = Submission::Code(Method::EmailCode, secret("123456"));
    let given = vec![Submission::Password(secret(PASSWORD)), code];
    let told = stage.flows.ask_deletion(&at, given, &client()).await.unwrap().value;
    assert!(missing(told).await.contains(Method::Totp));
    assert!(stage.world.look(|s| s.letters.is_empty()), "nothing was sent");
    // What was proved in the session counts for five minutes.
    let elevate = async |at: &CeremonyRef, given: Submission| {
        let open = opened(stage.flows.submit(at, given, &client()).await.unwrap());
        CeremonyRef::Session(open.token, open.session)
    };
    let at = elevate(&at, Submission::Password(secret(PASSWORD))).await;
    let at = elevate(&at, Submission::Code(Method::Totp, stage.code())).await;
    stage.world.pass(Duration::from_secs(299));
    assert_eq!(stage.flows.before_deletion(&at, &client()).await.unwrap(), Some(MethodSet::EMPTY));
    stage.world.pass(Duration::from_secs(2));
    assert_eq!(missing(stage.ask(&at, None, None).await).await, password);
}

#[tokio::test]
async fn who_has_no_address_is_told_so_and_loses_nothing() {
    let stage = Stage::new();
    stage.world.look(|s| s.addresses.clear());
    let at = stage.stale().await;
    assert!(matches!(stage.ask(&at, Some(PASSWORD), Some(stage.code())).await, DeletionAsked::NoAddress));
    assert!(stage.world.look(|s| s.letters.is_empty() && s.accounts.contains_key(&stage.ann)));
}

#[tokio::test]
async fn a_link_deletes_once_and_says_so_afterwards_and_others_are_told_alike() {
    let stage = Stage::new();
    let token = stage.link().await;
    let unknown = LinkToken::mint(&[9; 32]);
    for _ in 0..3 {
        assert_eq!(stage.flows.waiting_deletion(&token, &client()).await.unwrap(), DeletionSeen::Waits);
        assert_eq!(stage.confirm(&unknown).await.unwrap().value, DeletionConfirmed::Over);
    }
    let elsewhere = Client { host: "other.example.com".to_owned(), ..client() };
    let told = stage.flows.confirm_deletion(&token, &elsewhere).await.unwrap();
    assert_eq!(told.value, DeletionConfirmed::Over);
    assert_eq!(stage.confirm(&token).await.unwrap().value, DeletionConfirmed::Erased);
    assert!(stage.world.look(|s| s.accounts.is_empty()));
    assert_eq!(stage.confirm(&token).await.unwrap().value, DeletionConfirmed::AlreadyDone);
    assert_eq!(stage.flows.waiting_deletion(&token, &client()).await.unwrap(), DeletionSeen::Done);
    assert_eq!(stage.confirm(&unknown).await.unwrap().value, DeletionConfirmed::Over);
}

#[tokio::test]
async fn what_changes_meanwhile_ends_the_link_and_no_other_token_is_one() {
    type Change = fn(&Stage);
    let changes: [(&str, Change); 5] = [
        ("too late", |stage| {
            stage.world.look(|s| {
                s.transient.retain(|(kind, _), (_, ends)| {
                    *kind != TransientKind::Deletion || *ends > Timestamp::from_secs(START + 600 + 1801)
                })
            })
        }),
        ("disabled", |stage| stage.world.disable(&stage.ann, true)),
        ("another password", |stage| {
            stage.world.look(|s| s.accounts.get_mut(&stage.ann).unwrap().password_hash = Some(secret("$another")))
        }),
        ("no authenticator", |stage| stage.world.look(|s| s.totp.clear())),
        ("signed out everywhere", |stage| {
            stage.world.look(|s| s.accounts.get_mut(&stage.ann).unwrap().generation.sessions += 1)
        }),
    ];
    for (what, change) in changes {
        let stage = Stage::new();
        let token = stage.link().await;
        change(&stage);
        assert_eq!(stage.confirm(&token).await.unwrap().value, DeletionConfirmed::Over, "{what}");
        assert_eq!(stage.confirm(&token).await.unwrap().value, DeletionConfirmed::Over, "{what}, again");
        assert!(stage.world.look(|s| s.accounts.contains_key(&stage.ann)), "{what}");
    }
    // The link of a sign-in deletes nothing, and the link of a deletion signs nobody in.
    let stage = Stage::new();
    let told = stage.flows.send_sign_in_link("ann@example.com", "", &client()).await.unwrap();
    let LinkAsked::Sent { browser, .. } = told.value else { panic!() };
    let sign_in = stage.world.look(|s| match s.letters.last() {
        Some((Letter::Link(link), _)) => LinkToken::parse(link.url.expose().split_once("token=").unwrap().1).unwrap(),
        _ => panic!(),
    });
    assert_eq!(stage.confirm(&sign_in).await.unwrap().value, DeletionConfirmed::Over);
    let deletion = stage.link().await;
    let told = stage.flows.follow_link(&deletion, browser.as_ref(), None, &client()).await.unwrap();
    assert!(matches!(told.value, crate::flow::reply::LinkFollowed::Over));
}

#[tokio::test]
async fn of_two_hundred_who_follow_a_link_one_deletes_and_the_others_are_told_that_it_is_done() {
    let stage = Stage::new();
    let token = stage.link().await;
    let all = futures_util::future::join_all((0..200).map(|_| stage.confirm(&token))).await;
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for told in all {
        *counts.entry(format!("{:?}", told.unwrap().value)).or_default() += 1;
    }
    let told = BTreeMap::from([("AlreadyDone".to_owned(), 199), ("Erased".to_owned(), 1)]);
    assert_eq!(counts, told);
    assert_eq!(stage.world.look(|s| s.trail.iter().filter(|(_, e)| e.what == What::AccountDeleted).count()), 1);
}

#[tokio::test]
async fn a_store_that_fails_leaves_no_half_of_an_account_and_the_same_link_finishes_it() {
    for blow in [Blow::Before, Blow::After] {
        for nth in 1..80 {
            let stage = Stage::new();
            leave_everything(&stage).await;
            let token = stage.link().await;
            stage.world.fail(nth, blow);
            let told = stage.confirm(&token).await;
            let reached = stage.world.calls() >= nth;
            stage.world.fail(0, blow);
            let lasting = |s: &mut crate::flow::testing::State| {
                let ann = stage.ann.clone();
                (s.accounts.contains_key(&ann), s.totp.contains_key(&ann), s.addresses.iter().any(|(of, _)| *of == ann))
            };
            let (account, totp, address) = stage.world.look(lasting);
            assert_eq!((account, account), (totp, address), "{nth} {blow:?}: half of it");
            let erased = told.is_ok_and(|told| told.value == DeletionConfirmed::Erased);
            assert!(!erased || !account, "{nth} {blow:?}: told that it is gone");
            // Whoever follows the link again finishes it, whatever failed, and is told no more than that.
            let again = stage.confirm(&token).await.unwrap().value;
            let expected = if account { DeletionConfirmed::Erased } else { DeletionConfirmed::AlreadyDone };
            assert_eq!(again, expected, "{nth} {blow:?}");
            stage.world.pass(Duration::from_secs(60));
            assert_eq!(finish_erasures(&stage.flows.ports).await.unwrap(), 1, "{nth} {blow:?}");
            let left = stage.traces();
            assert!(left.is_empty(), "{nth} {blow:?}: {left:?}");
            assert_eq!(stage.confirm(&token).await.unwrap().value, DeletionConfirmed::AlreadyDone, "{nth} {blow:?}");
            if !reached {
                assert!(erased, "{nth} {blow:?}");
                break;
            }
        }
    }
}

#[tokio::test]
async fn an_operator_deletes_with_the_same_reach() {
    let stage = Stage::new();
    leave_everything(&stage).await;
    let who = stage.world.look(|s| s.accounts[&stage.ann].identity.clone());
    let erased = erase_account(&stage.flows.ports, &Erasure::by_operator(&who), Records::NONE).await.unwrap();
    assert!(erased.was_there && erased.ended == Some(1));
    stage.world.pass(Duration::from_secs(60));
    assert_eq!(finish_erasures(&stage.flows.ports).await.unwrap(), 1);
    assert_eq!(stage.traces(), Vec::<String>::new());
    let again = erase_account(&stage.flows.ports, &Erasure::by_operator(&who), Records::NONE).await.unwrap();
    assert!(!again.was_there);
}
