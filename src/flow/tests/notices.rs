//! Letters about what happened to an account: one to each confirmed address, with the change and never without it.

mod locked;

use std::time::Duration;

use super::sent_codes::with_address;
use super::*;
use crate::auth::factor::authenticator::AddressKind;
use crate::auth::factor::backup_codes;
use crate::auth::link_token::LinkToken;
use crate::auth::notice_kind::NoticeKind;
use crate::auth::policy::Policy;
use crate::auth::secret::SecretBytes;
use crate::auth::user::UserId;
use crate::flow::destination::Destinations;
use crate::flow::notices::LetterDisowned;
use crate::flow::ports::{Letter, LetterNotice, Recipient};
use crate::flow::reply::{AddressConfirmed, CeremonyRef, CodesAsked, CodesRenewed, EnrollReply};
use crate::flow::settings::FlowSettings;
use crate::flow::testing::{Blow, FAST, HOST, World, client, client_at, sending};

const BACKUP: &str = "abcde-01234";

struct Stage {
    world: Arc<World>,
    flows: Flows,
    ann: UserId,
    key: SecretBytes,
}

/// Ann has an app, a backup code and two mail addresses, and has signed in before.
fn stage() -> Stage {
    let world = World::new();
    let flows = Flows::new(world.ports(), FlowSettings { mail: true, ..sending() });
    let ann = world.person("ann");
    let key = world.with_totp(&ann);
    for address in ["a@example.com", "b@example.com"] {
        with_address(&world, &ann, AddressKind::Email, address);
    }
    with_address(&world, &ann, AddressKind::Sms, "+16502530000");
    let salt = backup_codes::set_salt(&[3; 16], FAST);
    let digest = backup_codes::code_digest(&backup_codes::normalise(BACKUP).unwrap(), &salt).unwrap();
    world.look(|s| s.backup.insert(ann.clone(), (salt, [digest].into())));
    let now = world.ports().clock.now();
    world.look(|s| s.accounts.get_mut(&ann).unwrap().last_login_at = Some(now));
    Stage { world, flows, ann, key }
}

impl Stage {
    /// What was told since this was asked last: to whom, and what.
    fn told(&self) -> Vec<LetterNotice> {
        let letters = self.world.look(|s| std::mem::take(&mut s.letters));
        letters.into_iter().filter_map(|(letter, _)| as_notice(letter)).collect()
    }

    /// How many letters were written, all about this.
    fn count(&self, kind: &NoticeKind) -> usize {
        let told = self.told();
        assert!(told.iter().all(|notice| notice.kind == *kind), "another thing was told");
        told.len()
    }

    async fn entered(&self) -> Box<Opened> {
        self.world.pass(Duration::from_secs(60));
        let open = whole(&self.flows, "ann", &client(), self.world.code(&self.key, 0)).await;
        self.told();
        open
    }

    async fn session(&self) -> CeremonyRef {
        let open = self.entered().await;
        CeremonyRef::Session(open.token, open.session)
    }

    /// The code for a new address, which waits for it.
    async fn asked_for_address(&self, at: &CeremonyRef) -> SecretText {
        self.flows.add_address(at, AddressKind::Email, "c@example.com", &client()).await.unwrap();
        let letters = self.world.look(|s| std::mem::take(&mut s.letters));
        match letters.into_iter().next_back() {
            Some((Letter::AddressCode(code), _)) => code.code,
            _ => panic!("no code"),
        }
    }

    async fn set_of_codes(&self, open: &Opened) -> String {
        match self.flows.codes_asked(&open.token, &open.session, &client()).await.unwrap() {
            CodesAsked::Ready { set, .. } => set,
            _ => panic!("not ready"),
        }
    }
}

fn as_notice(letter: Letter) -> Option<LetterNotice> {
    match letter {
        Letter::Notice(notice) => Some(notice),
        _ => None,
    }
}

fn anywhere() -> Destinations {
    Destinations::new(Arc::new(Policy::new([])))
}

fn token(notice: &LetterNotice) -> LinkToken {
    let (page, token) = notice.url.expose().split_once("?token=").unwrap();
    assert_eq!(page, format!("https://{HOST}/.stepgate/notice"));
    LinkToken::parse(token).unwrap()
}

fn pending_key(reply: EnrollReply) -> SecretBytes {
    let EnrollReply::Pending(pending) = reply else { panic!("not begun") };
    SecretBytes::new(data_encoding::BASE32_NOPAD.decode(pending.secret.expose().as_bytes()).unwrap())
}

#[tokio::test]
async fn a_new_browser_is_told_of_once_at_every_confirmed_mail_address() {
    let stage = stage();
    let firefox = Client {
        user_agent: Some("Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0".to_owned()),
        ..client()
    };
    stage.world.place_at("192.0.2.7", "NO", 100);
    let open = whole(&stage.flows, "ann", &firefox, stage.world.code(&stage.key, 0)).await;
    let told = stage.told();
    let to: Vec<_> = told.iter().map(|notice| notice.to.clone()).collect();
    assert!(to == ["b@example.com", "a@example.com"].map(|to| Recipient::Email(to.to_owned())));
    for notice in &told {
        let origin = notice.origin.as_ref().unwrap();
        assert_eq!((notice.kind.clone(), notice.username.as_str()), (NoticeKind::NewBrowser, "ann"));
        let (country, agent) = (origin.country.as_deref(), origin.agent.as_deref());
        assert_eq!((origin.ip.as_str(), country, agent), ("192.0.2.7", Some("NO"), Some("Firefox/Linux")));
    }
    assert_ne!(token(&told[0]).name(), token(&told[1]).name(), "each has its own");
    stage.world.pass(Duration::from_secs(60));
    let known = Client { device: open.device, ..firefox };
    whole(&stage.flows, "ann", &known, stage.world.code(&stage.key, 0)).await;
    assert_eq!(stage.told().len(), 0, "it is known now");
    // Scripts keep no mark.
    for (ip, letters) in [("198.51.100.7", 2), ("198.51.100.9", 0), ("203.0.113.9", 2)] {
        stage.world.pass(Duration::from_secs(60));
        let script = Client { channel: Channel::Bearer, ..client_at(ip) };
        let code = stage.world.code(&stage.key, 0);
        opened(stage.flows.begin(with_otp("ann", &code), None, Channel::Bearer, &script).await.unwrap());
        assert_eq!(stage.count(&NoticeKind::NewBrowser), letters, "{ip}");
    }
}

#[tokio::test]
async fn nothing_is_told_of_a_first_sign_in_without_an_address_or_without_mail() {
    let stage = stage();
    stage.world.person("bob");
    let one = || Some(Requirement::of(Strength::OneFactor));
    for _ in 0..2 {
        opened(stage.flows.begin(given("bob", PASSWORD), one(), Channel::Cookie, &client()).await.unwrap());
    }
    stage.world.look(|s| s.accounts.get_mut(&stage.ann).unwrap().last_login_at = None);
    opened(stage.flows.begin(given("ann", PASSWORD), one(), Channel::Cookie, &client()).await.unwrap());
    let silent = Flows::new(stage.world.ports(), sending());
    opened(silent.begin(given("ann", PASSWORD), one(), Channel::Cookie, &client()).await.unwrap());
    assert_eq!(stage.told().len(), 0);
}

#[tokio::test]
async fn each_change_is_told_of() {
    let stage = stage();
    let Stage { world, flows, key, .. } = &stage;
    // A backup code in the place of the app.
    let next = asked(sign_in(flows, "ann", &client()).await);
    opened(flows.second_factor(&next.ceremony, Method::BackupCode, secret(BACKUP), &client()).await.unwrap());
    let told: Vec<_> = stage.told().into_iter().map(|notice| notice.kind).collect();
    let used = || NoticeKind::BackupCodeUsed { left: 0 };
    assert_eq!(told, [used(), used(), NoticeKind::NewBrowser, NoticeKind::NewBrowser]);
    // Other codes.
    let open = stage.entered().await;
    let set = stage.set_of_codes(&open).await;
    let made = flows.renew_codes(&open.token, &open.session, &set, &client()).await.unwrap();
    assert!(matches!(made.value, CodesRenewed::Made(_)));
    assert_eq!(stage.count(&NoticeKind::BackupCodesMade), 2);
    // An address: the new one is told as well, and the one that goes.
    let at = stage.session().await;
    let code = stage.asked_for_address(&at).await;
    let confirmed = flows.confirm_address(&at, &code, Default::default(), &client()).await.unwrap().value;
    let AddressConfirmed::Added(address) = confirmed else { panic!("not added") };
    assert_eq!(stage.count(&NoticeKind::AddressAdded(address.masked())), 3);
    let at = stage.session().await;
    flows.remove_address(&at, &address.id, Default::default(), &anywhere(), &client()).await.unwrap();
    assert_eq!(stage.count(&NoticeKind::AddressRemoved(address.masked())), 3);
    // Another app, which brings codes.
    let at = stage.session().await;
    let new = pending_key(flows.begin_totp(&at, &client()).await.unwrap());
    flows.confirm_totp(&at, world.code(&new, 0), Default::default(), &client()).await.unwrap();
    let told: Vec<_> = stage.told().into_iter().map(|notice| notice.kind).collect();
    let (added, made) = (NoticeKind::FactorAdded(Method::Totp), NoticeKind::BackupCodesMade);
    assert_eq!(told, [added.clone(), added, made.clone(), made]);
    let _ = key;
}

#[tokio::test]
async fn a_factor_that_is_switched_off_is_told_of_each_time_and_not_where_the_code_was_right() {
    let mut stage = stage();
    let mut settings = FlowSettings { mail: true, ..sending() };
    settings.limits.lockout = 3;
    stage.flows = Flows::new(stage.world.ports(), settings);
    let Stage { world, flows, key, ann } = &stage;
    let known = Client { device: stage.entered().await.device, ..client() };
    let submit = async |code: SecretText, from: &Client| {
        world.pass(Duration::from_secs(30));
        let next = asked(sign_in(flows, "ann", from).await);
        flows.second_factor(&next.ceremony, Method::Totp, code, from).await.unwrap().value
    };
    let wrong = || {
        let near: Vec<String> = (-12..=12).map(|later| world.code(key, later).expose().to_owned()).collect();
        secret((0..).map(|n| format!("{n:06}")).find(|code| !near.contains(code)).as_deref().unwrap())
    };
    let away = client_at("203.0.113.5");
    for _ in 0..2 {
        submit(wrong(), &away).await;
    }
    world.pass(Duration::from_secs(30));
    let right = world.code(key, 1);
    assert!(matches!(submit(right, &known).await, LoginReply::Opened(_)));
    assert_eq!(stage.told().len(), 0, "the last one was right");
    assert_eq!(word(&submit(wrong(), &away).await).split(' ').next(), Some("locked"));
    assert_eq!(stage.count(&NoticeKind::FactorLocked(Method::Totp)), 2);
    for minutes in [30, 31] {
        world.look(|s| s.lockouts.retain(|(of, _), _| of != ann));
        world.pass(Duration::from_secs(minutes * 60));
        for _ in 0..3 {
            submit(wrong(), &away).await;
        }
        assert_eq!(stage.count(&NoticeKind::FactorLocked(Method::Totp)), 2, "after {minutes} min more");
    }
}

#[tokio::test]
async fn nobody_floods_a_mailbox_with_changes() {
    let stage = stage();
    let mut letters = 0;
    for _ in 0..14 {
        let open = stage.entered().await;
        let set = stage.set_of_codes(&open).await;
        stage.flows.renew_codes(&open.token, &open.session, &set, &client()).await.unwrap();
        letters += stage.count(&NoticeKind::BackupCodesMade);
    }
    assert!(
        (20..=26).contains(&letters),
        "ten an hour to each of two addresses, and one more each six minutes: {letters}"
    );
}

#[tokio::test]
async fn a_link_ends_all_sessions_once_from_any_device() {
    let stage = stage();
    let open = stage.entered().await;
    let own = stage.entered().await;
    whole(&stage.flows, "ann", &client(), {
        stage.world.pass(Duration::from_secs(60));
        stage.world.code(&stage.key, 0)
    })
    .await;
    let told = stage.told();
    let other = client_at("203.0.113.77");
    let live = async |open: &Opened| {
        stage.world.forget_checks();
        stage.flows.session(&open.token, Channel::Cookie, HOST, true).await.unwrap().is_some()
    };
    assert!(stage.flows.noticed(&token(&told[0])).await.unwrap().is_some());
    assert!(live(&open).await, "looking changes nothing");
    let done = stage.flows.disown_by_letter(&token(&told[0]), &other).await.unwrap();
    assert!(matches!(done.value, LetterDisowned::Done { ended: 3 }));
    let words: Vec<_> = done.events.iter().map(|event| event.what).collect();
    assert_eq!(words, [What::SignInDisowned, What::SessionsRevoked]);
    assert!(!live(&open).await && !live(&own).await);
    let again = stage.flows.disown_by_letter(&token(&told[0]), &other).await.unwrap();
    assert!(matches!(again.value, LetterDisowned::Gone) && again.events.is_empty());
    // The other address has its own, and an account may be gone.
    stage.world.look(|s| s.accounts.clear());
    let gone = stage.flows.disown_by_letter(&token(&told[1]), &other).await.unwrap();
    assert!(matches!(gone.value, LetterDisowned::AccountGone));
}

/// What a change left in the stores, by number: what changed, and how many letters told of it.
type Seen = (usize, usize);

/// Runs a change with a store that fails at each call: what was changed was told, and what was told was changed.
async fn sweep(name: &str, each: impl AsyncFn(&Stage, &dyn Fn()) -> Seen) {
    let (mut faults, mut changed) = (0, 0);
    for blow in [Blow::Before, Blow::After] {
        for nth in 1.. {
            let stage = stage();
            let (count, letters) = each(&stage, &|| stage.world.fail(nth, blow)).await;
            assert_eq!(count > 0, letters > 0, "{name}: {nth} {blow:?}: {count} changes, {letters} letters");
            if stage.world.calls() < nth {
                break;
            }
            (faults, changed) = (faults + 1, changed + count);
        }
    }
    assert!(faults > 8 && changed > 0, "{name}: {faults} faults, {changed} changes");
}

#[tokio::test]
async fn with_any_fault_there_is_no_change_without_its_letter_and_no_letter_without_its_change() {
    let letters = |stage: &Stage, name: &str| stage.told().iter().filter(|notice| notice.kind.name() == name).count();
    sweep("sign-in", async |stage, fail| {
        let before = stage.world.look(|s| s.accounts[&stage.ann].last_login_at);
        stage.world.pass(Duration::from_secs(60));
        let next = asked(sign_in(&stage.flows, "ann", &client()).await);
        fail();
        let code = stage.world.code(&stage.key, 0);
        let _ = stage.flows.second_factor(&next.ceremony, Method::Totp, code, &client()).await;
        let signed_in = stage.world.look(|s| s.accounts[&stage.ann].last_login_at) != before;
        (usize::from(signed_in), letters(stage, "new_browser"))
    })
    .await;
    sweep("backup code", async |stage, fail| {
        let next = asked(sign_in(&stage.flows, "ann", &client()).await);
        fail();
        let _ = stage.flows.second_factor(&next.ceremony, Method::BackupCode, secret(BACKUP), &client()).await;
        (stage.world.look(|s| s.spent.len()), letters(stage, "backup_code_used"))
    })
    .await;
    sweep("codes", async |stage, fail| {
        let open = stage.entered().await;
        let set = stage.set_of_codes(&open).await;
        fail();
        let _ = stage.flows.renew_codes(&open.token, &open.session, &set, &client()).await;
        let anew = stage.world.look(|s| s.backup[&stage.ann].1.len()) > 1;
        (usize::from(anew), letters(stage, "backup_codes_made"))
    })
    .await;
    sweep("address", async |stage, fail| {
        let at = stage.session().await;
        let code = stage.asked_for_address(&at).await;
        fail();
        let _ = stage.flows.confirm_address(&at, &code, Default::default(), &client()).await;
        (stage.world.look(|s| s.addresses.len()) - 3, letters(stage, "address_added"))
    })
    .await;
    sweep("no address", async |stage, fail| {
        let at = stage.session().await;
        fail();
        let _ = stage.flows.remove_address(&at, "Aa@example.com", Default::default(), &anywhere(), &client()).await;
        (3 - stage.world.look(|s| s.addresses.len()), letters(stage, "address_removed"))
    })
    .await;
    sweep("app", async |stage, fail| {
        let at = stage.session().await;
        let before = stage.world.look(|s| s.totp[&stage.ann].id.clone());
        let new = pending_key(stage.flows.begin_totp(&at, &client()).await.unwrap());
        fail();
        let _ = stage.flows.confirm_totp(&at, stage.world.code(&new, 0), Default::default(), &client()).await;
        let other = stage.world.look(|s| s.totp[&stage.ann].id != before);
        (usize::from(other), letters(stage, "factor_added"))
    })
    .await;
}

#[tokio::test]
async fn no_letter_holds_a_secret_but_the_token_of_its_link() {
    let stage = stage();
    let open = stage.entered().await;
    let set = stage.set_of_codes(&open).await;
    let made = stage.flows.renew_codes(&open.token, &open.session, &set, &client()).await.unwrap();
    let CodesRenewed::Made(codes) = made.value else { panic!("not made") };
    let encoded = stage.told().iter().fold(String::new(), |all, notice| {
        all + &String::from_utf8_lossy(Letter::Notice(notice.clone()).encode().unwrap().expose())
    });
    let key = data_encoding::BASE32_NOPAD.encode(stage.key.expose());
    let secrets = [PASSWORD, open.token.expose(), BACKUP, key.as_str()];
    for secret in secrets.into_iter().chain(codes.iter().map(SecretText::expose)) {
        assert!(!encoded.contains(secret), "a secret is in a letter");
    }
    assert!(encoded.contains("sgl_"));
    // What is kept of the link does not hold it either.
    let names = stage.world.look(|s| s.transient.keys().map(|(_, name)| name.clone()).collect::<String>());
    assert!(!names.contains("sgl_"));
}
