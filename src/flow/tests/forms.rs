//! Forms that wait: for whom, how many, how often.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use crate::auth::held_request::{FORM_WAITS, FormId, FormKeys, HolderToken};
use crate::auth::secret::SecretBytes;
use crate::auth::session::Session;
use crate::flow::Flows;
use crate::flow::forms::{FormHead, FormLookup, OF_ADDRESS, OF_ALL, OF_SESSION};
use crate::flow::ports::Clock;
use crate::flow::testing::{Blow, HOST, World};

const WHAT: (&str, &str, &str) = (HOST, "POST", "/orders?a=b");

/// A session as the gateway finds it.
fn session(world: &World, name: &str, id: &str) -> Session {
    let user = world.person(name);
    let identity = world.look(|s| s.accounts[&user].identity.clone());
    let now = Clock::now(world);
    Session {
        id: id.to_owned(),
        identity,
        proofs: Default::default(),
        host: HOST.to_owned(),
        channel: crate::auth::session::Channel::Cookie,
        created_at: now,
        seen_at: now,
        previous_login: None,
        client_ip: [192, 0, 2, 7].into(),
        user_agent: None,
        generation: 0,
        checked: Default::default(),
        pinned: None,
    }
}

fn head() -> FormHead {
    let (host, method, target) = WHAT;
    FormHead {
        host: host.to_owned(),
        method: method.to_owned(),
        target: target.to_owned(),
        content_type: "text/plain".to_owned(),
        origin: None,
        referer: None,
    }
}

async fn kept(flows: &Flows, who: Option<&Session>, ip: [u8; 4], holder: Option<&HolderToken>) -> Option<FormKeys> {
    let room = flows.form_room(holder, who, ip.into()).await.unwrap()?;
    Some(flows.hold_form(room, head(), SecretBytes::new(b"a=1".to_vec())).await.unwrap())
}

async fn is_taken(flows: &Flows, keys: &FormKeys, what: (&str, &str, &str), who: &Session) -> bool {
    matches!(flows.take_form(keys, what, who).await.unwrap(), FormLookup::Found(form) if form.request.body.expose() == b"a=1")
}

async fn discarded(flows: &Flows, keys: &FormKeys, who: &Session) -> FormLookup<()> {
    flows
        .discard_form(keys, HOST, who, [192, 0, 2, 7].into())
        .await
        .unwrap_or_else(|_| panic!("the store answers"))
        .value
}

#[tokio::test]
async fn a_form_is_taken_once_as_it_was_and_by_both_keys() {
    let world = World::new();
    let flows = world.flows();
    let ann = session(&world, "ann", "1");
    let keys = kept(&flows, Some(&ann), [192, 0, 2, 7], None).await.unwrap();
    let other = FormKeys { id: FormId::mint(&[1; 32]), holder: HolderToken::mint(&[2; 32]) };
    for wrong in [
        FormKeys { id: other.id.clone(), holder: keys.holder.clone() },
        FormKeys { id: keys.id.clone(), holder: other.holder.clone() },
        other,
    ] {
        assert!(!is_taken(&flows, &wrong, WHAT, &ann).await);
    }
    let (host, method, target) = WHAT;
    for wrong in [
        ("crm.example.com", method, target),
        (host, "PUT", target),
        (host, method, "/orders"),
        (host, method, "/orders?a=c"),
        (host, method, "/Orders?a=b"),
    ] {
        assert!(!is_taken(&flows, &keys, wrong, &ann).await, "{wrong:?}");
    }
    let elsewhere = "crm.example.com";
    assert!(matches!(flows.waiting_form(&keys, elsewhere, &ann).await.unwrap(), FormLookup::Absent));
    let discarded = flows.discard_form(&keys, elsewhere, &ann, [192, 0, 2, 7].into()).await;
    assert!(discarded.is_ok_and(|found| matches!(found.value, FormLookup::Absent)), "of another host");
    let takers = join_all((0..50).map(|_| is_taken(&flows, &keys, WHAT, &ann))).await;
    assert_eq!(takers.into_iter().filter(|taken| *taken).count(), 1);
    assert!(!is_taken(&flows, &keys, WHAT, &ann).await);
}

#[tokio::test]
async fn a_form_is_for_its_person_and_session() {
    let world = World::new();
    let flows = world.flows();
    let (ann, bob) = (session(&world, "ann", "1"), session(&world, "bob", "2"));
    let keys = kept(&flows, Some(&ann), [192, 0, 2, 7], None).await.unwrap();
    // Signed out and in again, and somebody else in the same browser.
    let later = Session { id: "3".to_owned(), ..ann.clone() };
    let named_alike = Session { id: ann.id.clone(), ..bob.clone() };
    for other in [&bob, &later, &named_alike] {
        assert!(matches!(flows.waiting_form(&keys, HOST, other).await.unwrap(), FormLookup::OfAnother));
        assert!(!is_taken(&flows, &keys, WHAT, other).await);
        assert!(matches!(discarded(&flows, &keys, other).await, FormLookup::OfAnother));
    }
    assert!(is_taken(&flows, &keys, WHAT, &ann).await);
}

#[tokio::test]
async fn a_form_of_nobody_is_for_the_first_who_signs_in() {
    let world = World::new();
    let flows = world.flows();
    let (ann, bob) = (session(&world, "ann", "1"), session(&world, "bob", "2"));
    let keys = kept(&flows, None, [192, 0, 2, 7], None).await.unwrap();
    assert!(matches!(flows.waiting_form(&keys, HOST, &ann).await.unwrap(), FormLookup::Found(_)));
    let later = Session { id: "3".to_owned(), ..ann.clone() };
    for other in [&bob, &later] {
        assert!(!is_taken(&flows, &keys, WHAT, other).await, "ann was first");
    }
    assert!(is_taken(&flows, &keys, WHAT, &ann).await);
    // Many at once: one person is first.
    let keys = kept(&flows, None, [192, 0, 2, 7], None).await.unwrap();
    let people: Vec<Session> = (0..20).map(|n| session(&world, &format!("p{n}"), &format!("s{n}"))).collect();
    let found = join_all(people.iter().map(|who| flows.waiting_form(&keys, HOST, who))).await;
    assert_eq!(found.into_iter().filter(|found| matches!(found, Ok(FormLookup::Found(_)))).count(), 1);
}

#[tokio::test]
async fn a_form_ends_by_itself() {
    let world = World::new();
    let flows = world.flows();
    let ann = session(&world, "ann", "1");
    let keys = kept(&flows, Some(&ann), [192, 0, 2, 7], None).await.unwrap();
    let FormLookup::Found(form) = flows.take_form(&keys, WHAT, &ann).await.unwrap() else { panic!("it waits") };
    world.pass(FORM_WAITS - Duration::from_secs(1));
    assert!(flows.put_form_back(&form).await.unwrap());
    assert!(matches!(flows.waiting_form(&keys, HOST, &ann).await.unwrap(), FormLookup::Found(_)), "put back");
    world.pass(Duration::from_secs(1));
    assert!(!is_taken(&flows, &keys, WHAT, &ann).await);
}

#[tokio::test]
async fn no_more_wait_than_may_and_what_is_sent_or_discarded_makes_room() {
    let world = World::new();
    let flows = world.flows();
    let ann = session(&world, "ann", "1");
    let home = [192, 0, 2, 7];
    let mut all = Vec::new();
    for _ in 0..OF_SESSION {
        all.push(kept(&flows, Some(&ann), home, None).await.unwrap());
    }
    assert!(kept(&flows, Some(&ann), home, None).await.is_none(), "four of a session");
    let FormLookup::Found(form) = flows.take_form(&all[0], WHAT, &ann).await.unwrap() else { panic!("it waits") };
    assert!(kept(&flows, Some(&ann), home, None).await.is_none(), "one that may be put back counts");
    flows.form_is_sent(&form).await.unwrap();
    all.push(kept(&flows, Some(&ann), home, None).await.unwrap());
    assert!(matches!(discarded(&flows, &all[1], &ann).await, FormLookup::Found(())));
    assert!(!is_taken(&flows, &all[1], WHAT, &ann).await, "it was discarded");
    all.push(kept(&flows, Some(&ann), home, None).await.unwrap());
    let room = flows.form_room(None, Some(&ann), home.into()).await.unwrap();
    assert!(room.is_none());
    for n in OF_SESSION..OF_ADDRESS {
        let person = session(&world, &format!("p{n}"), &format!("s{n}"));
        assert!(kept(&flows, Some(&person), home, None).await.is_some(), "{n}");
    }
    let bob = session(&world, "bob", "2");
    assert!(kept(&flows, Some(&bob), home, None).await.is_none(), "sixteen of an address");
    assert!(kept(&flows, Some(&bob), [192, 0, 2, 8], None).await.is_some());
    world.pass(FORM_WAITS);
    assert!(kept(&flows, Some(&bob), home, None).await.is_some(), "they have ended");
    let room = flows.form_room(None, Some(&ann), home.into()).await.unwrap().unwrap();
    flows.leave_room(&room).await.unwrap();
}

#[tokio::test]
async fn a_flood_of_strangers_takes_nothing_from_who_is_signed_in() {
    let world = World::new();
    let flows = world.flows();
    let mut strangers = 0;
    for n in 0..40_u8 {
        if n == 15 {
            // One who is honest, at an address of theirs, among fewer addresses than fill all the room.
            let mut honest = [203, 0, 113, 9];
            let keys = kept(&flows, None, honest, None).await.expect("the honest stranger's is kept");
            let bob = session(&world, "bob", "9");
            assert!(is_taken(&flows, &keys, WHAT, &bob).await);
            honest[3] = 10;
            strangers += u32::from(kept(&flows, None, honest, None).await.is_some());
            strangers += 1; // what was taken counts until it is known to be sent
        }
        for _ in 0..OF_ADDRESS + 1 {
            strangers += u32::from(kept(&flows, None, [198, 51, 100, n], None).await.is_some());
        }
    }
    assert_eq!(strangers, OF_ALL);
    let ann = session(&world, "ann", "1");
    let keys = kept(&flows, Some(&ann), [198, 51, 100, 0], None).await.expect("the honest form is kept");
    assert!(is_taken(&flows, &keys, WHAT, &ann).await);
    // Once their time is over, a stranger's form is kept as well.
    world.pass(FORM_WAITS);
    assert!(kept(&flows, None, [203, 0, 113, 1], None).await.is_some());
}

#[tokio::test]
async fn a_browser_keeps_one_token_for_all_its_forms() {
    let world = World::new();
    let flows = world.flows();
    let ann = session(&world, "ann", "1");
    let first = kept(&flows, Some(&ann), [192, 0, 2, 7], None).await.unwrap();
    let second = kept(&flows, Some(&ann), [192, 0, 2, 7], Some(&first.holder)).await.unwrap();
    assert!(first.holder.expose() == second.holder.expose() && first.id.expose() != second.id.expose());
    for keys in [first, second] {
        assert!(is_taken(&flows, &keys, WHAT, &ann).await);
    }
}

/// A store that fails at any call: a form is taken by at most one.
#[tokio::test]
async fn a_fault_sends_no_form_twice() {
    for blow in [Blow::Before, Blow::After] {
        for nth in 1..12 {
            let world = World::new();
            let flows: Arc<Flows> = world.flows();
            let ann = session(&world, "ann", "1");
            let keys = kept(&flows, None, [192, 0, 2, 7], None).await.unwrap();
            world.fail(nth, blow);
            let mut taken = 0;
            for _ in 0..3 {
                let found = flows.take_form(&keys, WHAT, &ann).await;
                taken += u32::from(matches!(found, Ok(FormLookup::Found(_))));
            }
            assert!(taken <= 1, "{nth} {blow:?}");
        }
    }
}
