//! A store that fails at the nth call of a sign-up or an invitation, for every n: nobody is signed in without an account, no
//! two accounts are made, and what a letter brought is not lost by it.

use super::sign_up::{ADDRESS, OWN, accounts, begin, by_code, by_link, letter, open, token_in, with, word};
use crate::auth::event::{Event, What};
use crate::auth::link_token::LinkToken;
use crate::auth::secret::SecretText;
use crate::auth::user::{Group, Username};
use crate::flow::Flows;
use crate::flow::ports::Records;
use crate::flow::risk::SignInGoal;
use crate::flow::settings::SignUpPolicy;
use crate::flow::sign_up::{Confirmation, NewInvitation, SignUpForm};
use crate::flow::testing::{Blow, HOST, World, client, secret};
use std::sync::Arc;

/// The steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Begin,
    Link,
    Code,
    Invite,
    Accept,
}

const STEPS: [Step; 5] = [Step::Begin, Step::Link, Step::Code, Step::Invite, Step::Accept];

struct Ready {
    world: Arc<World>,
    flows: Arc<Flows>,
    token: LinkToken,
    code: SecretText,
    invited: LinkToken,
}

impl Ready {
    async fn new() -> Self {
        let world = World::new();
        let flows = open(&world);
        begin(&flows, ADDRESS, OWN, &client()).await;
        let (token, code) = (token_in(&letter(&world)), letter(&world).code.unwrap());
        let invited = invite(&with(world.ports(), SignUpPolicy::Off)).await.unwrap();
        Self { world, flows, token, code, invited }
    }

    /// What is told; `Err`: a store failed.
    async fn run(&self, step: Step) -> Result<&'static str, ()> {
        let given = match step {
            Step::Begin => {
                let (username, email, password) = (None, "eve@example.com", secret(OWN));
                let form = SignUpForm { username, email, password, enable_mfa: false, browser: None };
                return self.flows.begin_sign_up(form, &client()).await.map(|_| "sent").map_err(drop);
            }
            Step::Invite => return invite(&self.flows).await.map(|_| "invited"),
            Step::Link => by_link(&self.token, OWN),
            Step::Code => by_code(ADDRESS, &self.code, OWN),
            Step::Accept => Confirmation { username: Some("bea"), ..by_link(&self.invited, OWN) },
        };
        let told = self.flows.confirm_sign_up(given, SignInGoal::default(), &client()).await;
        told.map(|told| word(&told.value)).map_err(drop)
    }
}

/// How many accounts the trail tells of, of those that are there.
fn traced(world: &World) -> usize {
    world.look(|s| {
        let tells = |event: &Event| {
            let owner = event.user.as_ref().and_then(|user| s.accounts.get(user));
            matches!(event.what, What::SignedUp | What::InvitationAccepted)
                && owner.is_some_and(|owner| Some(&owner.identity.username) == event.username.as_ref())
                && event.client_ip.is_some()
        };
        s.trail.iter().filter(|(_, event)| tells(event)).count()
    })
}

async fn invite(flows: &Flows) -> Result<LinkToken, ()> {
    let groups = vec![Group("staff".to_owned())];
    let new = NewInvitation { email: "bea@example.com", groups, origin: "https://x", host: HOST };
    let made = flows.invite(new, Records::default()).await.map_err(drop)?;
    LinkToken::parse(made.url.expose().split_once("?token=").unwrap().1).ok_or(())
}

#[tokio::test]
async fn a_store_that_fails_leaves_nothing_half_made_and_loses_no_letter() {
    let mut cells = 0;
    let ready = Ready::new().await;
    let (kept, now) = (ready.world.look(|s| s.clone()), ready.flows.ports.clock.now());
    let begin_anew = || ready.world.turn_back(kept.clone(), now);
    for step in STEPS {
        let calls = {
            begin_anew();
            ready.world.fail(0, Blow::Before);
            let told = ready.run(step).await;
            assert!(matches!(told, Ok("opened" | "sent" | "invited")), "{step:?}: {told:?}");
            ready.world.calls()
        };
        for (nth, blow) in (1..=calls).flat_map(|nth| [(nth, Blow::Before), (nth, Blow::After)]) {
            cells += 1;
            begin_anew();
            ready.world.fail(nth, blow);
            let first = ready.run(step).await;
            ready.world.fail(0, Blow::Before);
            let cell = format!("{step:?} {nth} {blow:?}: {first:?}");
            let made = accounts(&ready.world);
            // Each account has the address that was confirmed for it, and the trail tells of it, whatever fails afterwards.
            assert_eq!(ready.world.look(|s| s.addresses.len()), made, "{cell}");
            assert_eq!(traced(&ready.world), made, "{cell}: the trail does not tell of the account");
            let (sessions, open) = (ready.world.look(|s| s.sessions.len()), first == Ok("opened"));
            assert!(!open || made == 1, "{cell}: signed in without an account");
            assert!(sessions == 0 || made == 1, "{cell}: a session of nobody");
            if blow == Blow::Before {
                assert_eq!(open, sessions == 1, "{cell}: a session that nobody was given");
            }
            let again = ready.run(step).await;
            assert!(again.is_ok(), "{cell}: then {again:?}");
            if matches!(step, Step::Begin | Step::Invite) {
                assert_eq!(accounts(&ready.world), 0, "{cell}");
                continue;
            }
            if step == Step::Code {
                // A code that was spent is spent; the link of its letter stands.
                let _ = ready.run(Step::Link).await;
            }
            let made = accounts(&ready.world);
            // What was taken by a call whose answer was lost is taken: its person begins anew.
            if blow == Blow::After && made == 0 {
                continue;
            }
            assert_eq!(made, 1, "{cell}: then {again:?}, and the letter was lost");
            let (name, groups) = if step == Step::Accept { ("bea", 1) } else { (ADDRESS, 0) };
            let account = ready.flows.ports.accounts.find(&Username::parse(name).unwrap()).await.unwrap();
            assert_eq!(account.unwrap().identity.groups.len(), groups, "{cell}");
        }
    }
    assert!(cells > 100, "{cells}");
}
