//! Several windows of one browser, several people at it, in any order: nobody is told of a loop that there is not, every
//! page names who it is about, and what was made for the one never acts for the other.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::auth::ceremony::CeremonyToken;
use crate::auth::session::SessionToken;
use crate::flow::testing::PASSWORD;
use crate::portal::cookies::{FLOW, SESSION};

const PEOPLE: [&str; 2] = ["ann", "bob"];
const PLACES: [&str; 3] = ["/erp", "/light/", "/admin/"];
const TABS: usize = 5;

/// What happens next, in which tab.
#[derive(Clone, Debug)]
enum Deed {
    Open(usize, &'static str),
    Visit(usize, &'static str),
    Reload(usize),
    /// Sends the sign-in form of a tab, if it shows one.
    SignIn(usize, &'static str),
    /// Sends the code form of a tab with the right code of whom it names, if it shows one.
    Prove(usize),
    /// Presses a button of a tab: `here`, `everywhere`, `way`, `make`.
    Press(usize, &'static str),
    Pass(u64),
    /// Somebody ends all sessions from elsewhere.
    Revoked,
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let tab = || 0..TABS;
    let one = prop_oneof![
        4 => (tab(), select(&PLACES)).prop_map(|(t, p)| Deed::Open(t, p)),
        2 => (tab(), select(&["account", "logout", "enroll", "backup-codes", "second-factor", "login"])).prop_map(|(t, p)| Deed::Visit(t, p)),
        4 => tab().prop_map(Deed::Reload),
        5 => (tab(), select(&PEOPLE)).prop_map(|(t, who)| Deed::SignIn(t, who)),
        5 => tab().prop_map(Deed::Prove),
        2 => (tab(), select(&["here", "everywhere", "way", "make"])).prop_map(|(t, op)| Deed::Press(t, op)),
        2 => (1..400_u64).prop_map(Deed::Pass),
        1 => Just(Deed::Revoked),
    ];
    prop::collection::vec(one, 1..60)
}

#[derive(Clone, Default)]
struct Tab {
    at: String,
    page: String,
}

/// How often a browser came back from a place where it was sent, at most.
#[derive(Default)]
struct Returns {
    sent: Option<u64>,
    times: u32,
}

struct Desk<'a> {
    browser: Browser<'a>,
    keys: BTreeMap<&'static str, SecretBytes>,
    tabs: Vec<Tab>,
    returns: BTreeMap<String, Returns>,
    clock: u64,
}

impl Desk<'_> {
    fn stage() -> (Stage, BTreeMap<&'static str, SecretBytes>) {
        let stage = Stage::new();
        let bob = stage
            .world
            .look(|s| s.accounts.values().find(|a| a.identity.username.as_str() == "bob").unwrap().identity.id.clone());
        let keys = BTreeMap::from([("ann", stage.key.clone()), ("bob", stage.world.with_totp(&bob))]);
        (stage, keys)
    }

    /// Follows an answer to the page at its end, as a browser does.
    async fn settle(&mut self, tab: usize, from: String, mut answer: Reply) {
        let mut at = from;
        for _ in 0..20 {
            let to = location(&answer);
            if to.is_empty() {
                self.tabs[tab] = Tab { at, page: text(&answer) };
                self.judge(tab, answer.status());
                return;
            }
            if to.starts_with("/.stepgate/") {
                answer = self.browser.get(&to).await;
            } else {
                self.returns.entry(to.clone()).or_default().sent = Some(self.clock);
                answer = self.open(&to).await;
            }
            at = to;
        }
        panic!("sent on and on, last to {at}");
    }

    async fn open(&mut self, place: &str) -> Reply {
        let answer = self.browser.open(place).await;
        let returns = self.returns.entry(place.to_owned()).or_default();
        if answer.status() == StatusCode::SEE_OTHER {
            let soon = returns.sent.take().is_some_and(|sent| self.clock - sent < 90);
            returns.times = if soon { returns.times + 1 } else { 0 };
        }
        answer
    }

    /// Who is signed in with this browser, and who began to sign in.
    fn present(&self) -> (Option<String>, Option<String>) {
        let session = self.browser.jar.get(SESSION).and_then(|t| SessionToken::parse(t));
        let ceremony = self.browser.jar.get(FLOW).and_then(|t| CeremonyToken::parse(t));
        self.browser.stage.world.look(|s| {
            let session =
                session.and_then(|t| s.sessions.get(&t.key()).map(|(s, _)| s.identity.username.as_str().to_owned()));
            let ceremony = ceremony
                .and_then(|t| s.ceremonies().get(&t.key().encoded()).map(|c| c.who.username().unwrap().to_string()));
            (session, ceremony)
        })
    }

    /// What must hold of every page.
    fn judge(&self, tab: usize, status: StatusCode) {
        let Tab { at, page } = &self.tabs[tab];
        let (session, ceremony) = self.present();
        for (said, who) in [
            ("Signed in as <strong>", &session),
            ("You are signed in as <strong>", &session),
            ("Signing in as <strong>", &ceremony),
        ] {
            if let Some(name) = named(page, said) {
                assert_eq!(Some(name), who.as_deref(), "{at}: {page}");
            }
        }
        if let Some(name) = named(page, "For the account <strong>") {
            assert!([&session, &ceremony].iter().any(|who| who.as_deref() == Some(name)), "{at}: {page}");
        }
        if status == StatusCode::CONFLICT {
            assert!(self.returns.values().any(|returns| returns.times >= 3), "told of a loop that there is not: {at}");
        }
    }

    async fn act(&mut self, deed: &Deed) {
        let Tab { at, page } = match deed {
            Deed::Open(tab, _)
            | Deed::Visit(tab, _)
            | Deed::Reload(tab)
            | Deed::SignIn(tab, _)
            | Deed::Prove(tab)
            | Deed::Press(tab, _) => self.tabs[*tab].clone(),
            Deed::Pass(_) | Deed::Revoked => Tab::default(),
        };
        match deed {
            Deed::Open(tab, place) => {
                let answer = self.open(place).await;
                self.settle(*tab, (*place).to_owned(), answer).await;
            }
            Deed::Visit(tab, page) => {
                let at = format!("/.stepgate/{page}");
                let answer = self.browser.get(&at).await;
                self.settle(*tab, at, answer).await;
            }
            Deed::Reload(tab) if !at.is_empty() => {
                let answer =
                    if at.starts_with("/.stepgate/") { self.browser.get(&at).await } else { self.open(&at).await };
                self.settle(*tab, at, answer).await;
            }
            Deed::SignIn(tab, who) if page.contains("name=\"password\"") => {
                let answer = self.browser.post(&at, &[("username", who), ("password", PASSWORD)]).await;
                self.settle(*tab, at, answer).await;
            }
            Deed::Prove(tab) if page.contains("name=\"code\"") => {
                let code = match owner(&page) {
                    Some(who) if !page.contains("current-password") => {
                        self.browser.stage.world.code(&self.keys[who], 0).expose().to_owned()
                    }
                    _ => PASSWORD.to_owned(),
                };
                self.send(*tab, "code", &[("code", &code)]).await;
            }
            Deed::Press(tab, op) if page.contains(&format!("name=\"op\" value=\"{op}\"")) => {
                self.send(*tab, op, &[("way", "backup_code")]).await;
            }
            Deed::Pass(seconds) => {
                self.clock += seconds;
                self.browser.stage.world.pass(Duration::from_secs(*seconds));
            }
            Deed::Revoked => self.browser.stage.world.look(|s| s.sessions.clear()),
            _ => {}
        }
    }

    /// Sends a form of a tab as it stands there. Made for somebody else than who is at hand, it changes nothing for them.
    async fn send(&mut self, tab: usize, op: &str, typed: &[(&str, &str)]) {
        let Tab { at, page } = self.tabs[tab].clone();
        let form = page.split("<form").find(|form| form.contains(&format!("name=\"op\" value=\"{op}\""))).unwrap();
        let mut fields: Vec<(&str, &str)> = hidden(form);
        fields.extend(
            typed.iter().filter(|(name, _)| !fields.iter().any(|(n, _)| n == name)).copied().collect::<Vec<_>>(),
        );
        let made_for = owner(&page).map(str::to_owned);
        let (session, ceremony) = self.present();
        let for_nobody_here = made_for != session && made_for != ceremony;
        // Who finishes a sign-in takes the place of who was signed in with this browser.
        let session = session.filter(|_| ceremony.is_none() || ceremony != made_for);
        let world = self.browser.stage.world.clone();
        let before = world.look(|s| (s.trail.len(), s.sessions.clone(), s.counters.clone()));
        let answer = self.browser.post(&at, &fields).await;
        for other in
            [session, ceremony].into_iter().flatten().filter(|who| made_for.as_ref().is_some_and(|made| made != who))
        {
            world.look(|s| {
                let touched = s.trail[before.0..]
                    .iter()
                    .find(|(_, event)| event.username.as_ref().is_some_and(|name| name.as_str() == other));
                assert!(
                    touched.is_none(),
                    "{op} of {made_for:?} acted for {other}: {:?}",
                    touched.map(|(_, event)| event.what)
                );
                let of_other = |all: &std::collections::HashMap<_, (Arc<crate::auth::session::Session>, _)>| {
                    all.values().filter(|(session, _)| session.identity.username.as_str() == other).count()
                };
                assert_eq!(of_other(&s.sessions), of_other(&before.1), "{op} of {made_for:?} at {at}");
                if for_nobody_here {
                    assert_eq!(s.counters, before.2, "{op} of {made_for:?} was charged to {other}");
                }
            });
        }
        self.settle(tab, at, answer).await;
    }
}

/// The name after some words.
fn named<'p>(page: &'p str, said: &str) -> Option<&'p str> {
    page.split(said).nth(1).and_then(|rest| rest.split('<').next())
}

/// For whom the forms of a page are.
fn owner(page: &str) -> Option<&str> {
    ["Signed in as <strong>", "You are signed in as <strong>", "Signing in as <strong>", "For the account <strong>"]
        .iter()
        .find_map(|said| named(page, said))
        .or_else(|| page.split("name=\"username\" value=\"").nth(1).and_then(|rest| rest.split('"').next()))
}

/// The hidden fields of a form.
fn hidden(form: &str) -> Vec<(&str, &str)> {
    let inputs = form.split("<input type=\"hidden\" name=\"").skip(1);
    inputs
        .filter_map(|input| Some((input.split('"').next()?, input.split("value=\"").nth(1)?.split('"').next()?)))
        .collect()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

proptest! {
    #![proptest_config(crate::auth::generated::cases(150))]

    #[test]
    fn tabs_of_one_browser_never_mix_people_up(deeds in deeds()) {
        let (stage, keys) = Desk::stage();
        runtime().block_on(async {
            let tabs = vec![Tab::default(); TABS];
            let mut desk = Desk { browser: Browser::new(&stage), keys, tabs, returns: BTreeMap::new(), clock: 0 };
            for deed in &deeds {
                desk.act(deed).await;
            }
        });
    }

    /// A gateway that disagrees with its pages: every tab is stopped, however many go round at once.
    #[test]
    fn every_tab_that_goes_round_is_stopped(
        places in prop::collection::vec(0..4_usize, 1..6), turns in prop::collection::vec(any::<prop::sample::Index>(), 400),
        pause in 0..5_u64,
    ) {
        let (stage, _) = Desk::stage();
        runtime().block_on(async {
            let mut browser = Browser::new(&stage);
            browser.sign_in("/", 0).await;
            let start: Vec<String> = places.iter().map(|n| format!("/light/{n}")).collect();
            let mut next: Vec<Option<String>> = start.into_iter().map(Some).collect();
            for turn in turns {
                let open: Vec<usize> = (0..next.len()).filter(|n| next[*n].is_some()).collect();
                if open.is_empty() {
                    break;
                }
                let tab = open[turn.index(open.len())];
                let at = next[tab].take().unwrap();
                let answer = if at.starts_with("/.stepgate/") {
                    browser.get(&at).await
                } else {
                    let session = browser.jar.remove(SESSION);
                    let challenge = browser.open(&at).await;
                    browser.jar.extend(session.map(|token| (SESSION.to_owned(), token)));
                    challenge
                };
                let to = location(&answer);
                if to.is_empty() {
                    assert_eq!(answer.status(), StatusCode::CONFLICT);
                } else {
                    next[tab] = Some(to);
                }
                stage.world.pass(Duration::from_secs(pause / 4));
            }
            assert!(next.iter().all(Option::is_none), "still going round: {next:?}");
        });
    }
}

#[tokio::test]
async fn a_code_typed_for_one_is_not_tried_on_the_other() {
    let (stage, keys) = Desk::stage();
    let mut browser = Browser::new(&stage);
    let form = async |browser: &mut Browser<'_>, who: &str| {
        let to = "/.stepgate/login?to=%2Ferp";
        let answer = browser.post(to, &[("username", who), ("password", PASSWORD)]).await;
        text(&browser.follow(answer).await)
    };
    let of_ann = form(&mut browser, "ann").await;
    form(&mut browser, "bob").await;
    let code = stage.world.code(&keys["ann"], 0).expose().to_owned();
    let mut fields = hidden(of_ann.split("<form").nth(1).unwrap());
    fields.push(("code", &code));
    let counters = stage.world.look(|s| s.counters.clone());
    let told = browser.post("/.stepgate/second-factor?to=%2Ferp", &fields).await;
    assert!(text(&told).contains("A sign-in as bob was begun in this browser."), "{}", text(&told));
    assert_eq!(stage.world.look(|s| s.counters.clone()), counters, "no attempt of bob's was used up");
    // And bob signed in: ann's way out is not his.
    let code = stage.world.code(&keys["bob"], 0).expose().to_owned();
    browser.post("/.stepgate/second-factor?to=%2Ferp", &[("code", &code)]).await;
    let told = browser
        .post("/.stepgate/logout", &[("op", "everywhere"), *fields.iter().find(|(name, _)| *name == "of").unwrap()])
        .await;
    assert!(text(&told).contains("You are signed in as bob now."), "{}", text(&told));
    assert_eq!(stage.world.look(|s| s.sessions.len()), 1);
}
