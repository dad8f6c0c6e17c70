use std::time::Duration;

use super::*;
use crate::auth::event::ThrottleScope;
use crate::auth::throttle::account_of_name;
use crate::auth::user::UserId;
use crate::flow::known_browser::BrowserProof;
use crate::flow::ports::Generation;
use crate::flow::testing::{World, client, client_at};

fn throttled(told: &WithEvents<LoginReply>) -> Option<ThrottleScope> {
    told.events.iter().find_map(|e| match e.what {
        What::Throttled { scope, .. } => Some(scope),
        _ => None,
    })
}

async fn wrong_password(flows: &Flows, name: &str, client: &Client) -> WithEvents<LoginReply> {
    flows.begin(given(name, "wrong"), None, Channel::Cookie, client).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_5000_parallel_guesses_five_are_evaluated() {
    let world = World::new();
    world.with_totp(&world.person("ann"));
    let (one, two) = (world.flows(), world.flows());
    let ceremony = asked(sign_in(&one, "ann", &client()).await).ceremony;
    let tasks: Vec<_> = (0..5000_u32)
        .map(|n| {
            let (flows, ceremony) = (if n % 2 == 0 { one.clone() } else { two.clone() }, ceremony.clone());
            tokio::spawn(async move {
                let from = client_at(&format!("203.0.{}.{}", n / 250, n % 250));
                let code = secret(&format!("{:06}", n * 7));
                let told = flows.second_factor(&ceremony, Method::Totp, code, &from).await.unwrap();
                !matches!(told.value, LoginReply::Wait(_))
            })
        })
        .collect();
    let mut evaluated = 0;
    for task in tasks {
        evaluated += usize::from(task.await.unwrap());
    }
    assert_eq!(evaluated, 5);
}

#[tokio::test]
async fn nothing_but_a_full_success_resets_a_counter() {
    let world = World::new();
    let key = world.with_totp(&world.person("ann"));
    let flows = world.flows();
    let mut evaluated = 0;
    // New ceremonies, aliases of the name, other networks, other nodes, one-factor sessions in between.
    for (n, name) in ["ann", "ANN", " Ann ", "\u{ff41}nn", "aNN", "ann", "Ann", "ann"].into_iter().enumerate() {
        let flows = if n % 2 == 0 { flows.clone() } else { world.flows() };
        let from = client_at(&format!("198.51.{n}.1"));
        let one = Some(Requirement::of(Strength::OneFactor));
        let told = flows.begin(given(name, PASSWORD), one, Channel::Bearer, &from).await.unwrap();
        let session = opened(told);
        flows.logout(&session.token, &session.session, true, &from).await.unwrap();
        let next = asked(sign_in(&flows, name, &from).await);
        let told = flows.second_factor(&next.ceremony, Method::Totp, secret("000000"), &from).await.unwrap();
        evaluated += usize::from(!matches!(told.value, LoginReply::Wait(_)));
    }
    assert_eq!(evaluated, 5);
    // A step-up charges the same counter.
    let one = Some(Requirement::of(Strength::OneFactor));
    let session = opened(flows.begin(given("ann", PASSWORD), one, Channel::Bearer, &client()).await.unwrap());
    let told =
        flows.elevate(&session.token, &session.session, Method::Totp, world.code(&key, 0), &client()).await.unwrap();
    assert_eq!(throttled(&told), Some(ThrottleScope::Factor));
    // A full success does.
    world.pass(Duration::from_secs(30));
    let code = world.code(&key, 0);
    opened(flows.elevate(&session.token, &session.session, Method::Totp, code, &client()).await.unwrap());
    assert!(!world.look(|s| s.counters.keys().any(|k| k.starts_with("totp:account") || k.starts_with("totp:lockout"))));
}

#[tokio::test]
async fn names_nobody_has_are_limited_like_all_others() {
    let world = World::new();
    world.person("ann");
    let flows = world.flows();
    for name in ["ann", "nobody", "not\0possible"] {
        let mut words = Vec::new();
        for _ in 0..22 {
            words.push(word(&wrong_password(&flows, name, &client()).await.value));
        }
        let rejected = words.iter().filter(|w| w.starts_with("rejected")).count();
        assert_eq!((rejected, words[21].as_str()), (20, "wait"), "{name}");
    }
}

#[tokio::test]
async fn what_is_not_evaluated_touches_no_account_and_costs_no_hash() {
    let world = World::new();
    world.person("ann");
    let flows = world.flows();
    for _ in 0..20 {
        wrong_password(&flows, "ann", &client()).await;
    }
    world.fail(0, crate::flow::testing::Blow::Before);
    let before = flows.hashes_begun();
    let told = sign_in(&flows, "ann", &client()).await;
    assert_eq!(throttled(&told), Some(ThrottleScope::AccountNetwork));
    assert_eq!((flows.hashes_begun() - before, world.calls()), (0, 1), "only the counters were asked");
}

#[tokio::test]
async fn a_flood_on_one_account_leaves_its_network_open_and_the_other_way_round() {
    let world = World::new();
    world.person("ann");
    world.person("bob");
    let flows = world.flows();
    for _ in 0..1000 {
        wrong_password(&flows, "ann", &client_at("192.0.2.1")).await;
    }
    assert_eq!(word(&sign_in(&flows, "bob", &client_at("192.0.2.99")).await.value), "enroll");
    // One address tries many names: it is stopped; its neighbours are not, nor are the same names elsewhere.
    for n in 0..1200 {
        wrong_password(&flows, &format!("name{n}"), &client_at("198.51.100.1")).await;
    }
    let told = wrong_password(&flows, "bob", &client_at("198.51.100.1")).await;
    assert_eq!(throttled(&told), Some(ThrottleScope::Network));
    assert_eq!(word(&sign_in(&flows, "bob", &client_at("198.51.100.200")).await.value), "enroll");
    assert_eq!(word(&sign_in(&flows, "bob", &client_at("192.0.2.99")).await.value), "enroll");
}

#[tokio::test]
async fn failures_in_a_row_end_in_a_lockout() {
    let world = World::new();
    let key = world.with_totp(&world.person("ann"));
    let flows = world.flows();
    let (mut passwords, mut codes) = (0, 0);
    for _ in 0..200 {
        passwords += usize::from(!matches!(
            wrong_password(&flows, "ann", &client_at("192.0.2.1")).await.value,
            LoginReply::Wait(_)
        ));
        world.pass(Duration::from_secs(30));
    }
    // 6000 s: a hundred, one for each ten minutes that passed, and five of a network that is new to the account.
    assert!((100..=116).contains(&passwords), "{passwords}");
    world.pass(Duration::from_secs(24 * 3600));
    let ceremony = asked(sign_in(&flows, "ann", &client()).await).ceremony;
    for _ in 0..25 {
        let wrong =
            SecretText::new(if world.code(&key, 0).expose() == "000000" { "000001" } else { "000000" }.to_owned());
        let told = flows.second_factor(&ceremony, Method::Totp, wrong, &client()).await.unwrap();
        codes += usize::from(!matches!(told.value, LoginReply::Wait(_)));
        world.pass(Duration::from_secs(30));
    }
    assert!(codes >= 24, "a patient person is not locked out: {codes}");
}

#[tokio::test]
async fn a_known_browser_is_not_locked_out_by_failures_elsewhere() {
    let world = World::new();
    let key = world.with_totp(&world.person("ann"));
    world.with_totp(&world.person("mal"));
    let flows = world.flows();
    let known = Client { device: whole(&flows, "ann", &client(), world.code(&key, 0)).await.device, ..client() };
    for hour in 0..24 {
        world.pass(Duration::from_secs(3600));
        for n in 0..50 {
            wrong_password(&flows, "ann", &client_at(&format!("203.0.113.{n}"))).await;
            wrong_password(&flows, "ann", &client()).await;
        }
        let neighbour = sign_in(&flows, "ann", &client()).await;
        assert!(matches!(neighbour.value, LoginReply::Wait(_)), "hour {hour}: {}", word(&neighbour.value));
        whole(&flows, "ann", &known, world.code(&key, 0)).await;
        assert!(!world.look(|s| s.counters.keys().any(|key| key.contains(":device:"))), "forgiven in full");
    }
}

#[tokio::test]
async fn a_mark_counts_for_its_account_its_factor_and_its_time() {
    let world = World::new();
    let key = world.with_totp(&world.person("ann"));
    let flows = world.flows();
    let mark = whole(&flows, "ann", &client(), world.code(&key, 0)).await.device.unwrap();
    let now = flows.now();
    let account = |name: &str| account_of_name(name);
    let device = flows.known_device(Some(&mark), &account("ANN"), now).unwrap();
    assert!(device.known_for(Method::Password).is_some() && device.known_for(Method::Totp).is_some());
    assert!(flows.known_device(Some(&mark), &account("mal"), now).is_none());
    let text = mark.expose();
    for at in 0..text.len() {
        let mut broken = text.as_bytes().to_vec();
        broken[at] ^= 1;
        let Ok(broken) = String::from_utf8(broken) else { continue };
        assert!(flows.known_device(Some(&secret(&broken)), &account("ann"), now).is_none(), "{at}");
    }
    for cut in ["", "sgd_", "sgd_.", "sgd_a.2.3", &text[..text.len() - 1], &format!("{text}A")] {
        assert!(flows.known_device(Some(&secret(cut)), &account("ann"), now).is_none(), "{cut}");
    }
    let later = now.plus(flows.settings.device_ttl);
    assert!(flows.known_device(Some(&mark), &account("ann"), later).is_none());
    // Who proved a password only is no known browser to the counters of codes.
    let one = Some(Requirement::of(Strength::OneFactor));
    let weak = opened(flows.begin(given("ann", PASSWORD), one, Channel::Cookie, &client()).await.unwrap()).device;
    let device = flows.known_device(weak.as_ref(), &account("ann"), now).unwrap();
    assert!(device.known_for(Method::Password).is_some() && device.known_for(Method::Totp).is_none());
}

#[tokio::test]
async fn a_shared_browser_knows_the_last_four_who_signed_in_there() {
    let world = World::new();
    let names = ["ann", "bob", "eve", "dan", "joe"];
    let keys = names.map(|name| world.with_totp(&world.person(name)));
    let flows = world.flows();
    let mut browser = client();
    for (name, key) in names.iter().zip(&keys) {
        browser.device = whole(&flows, name, &browser, world.code(key, 0)).await.device;
    }
    let knows = |marks: &Option<SecretText>, name: &str| {
        flows.known_device(marks.as_ref(), &account_of_name(name), flows.now())
    };
    let known = names.map(|name| knows(&browser.device, name).is_some());
    assert_eq!(known, [false, true, true, true, true], "the one who was there longest ago is forgotten");
    let marks = browser.device.clone().unwrap().expose().to_owned();
    assert!(marks.len() <= 512 && !names.iter().any(|name| marks.contains(&account_of_name(name))));
    // Whoever signs in again comes first, keeps the id, and makes nobody forgotten.
    let before = knows(&browser.device, "bob");
    browser.device = whole(&flows, "bob", &browser, world.code(&keys[1], 1)).await.device;
    assert_eq!(knows(&browser.device, "bob"), before);
    assert_eq!(names.map(|name| knows(&browser.device, name).is_some()), known);
    // Two browsers of one person have nothing in common.
    let other = whole(&flows, "dan", &client(), world.code(&keys[3], 1)).await.device.unwrap().expose().to_owned();
    assert!(marks.split('~').all(|mark| mark.split('.').zip(other.split('.')).all(|(a, b)| a != b || a.len() < 11)));
    // What is no mark is not kept, nor what is too old.
    for junk in [
        "x",
        "~~~",
        "sgd_a.2.99999999999.\r\nx",
        &format!("sgd_{}", "a".repeat(200)),
        "sgd_a.2.1.mac",
        "sgd_a.2.soon.mac",
    ] {
        let client = Client { device: Some(secret(&format!("{junk}~{marks}"))), ..client() };
        let attempt = flows.begin_attempt("ann", None, &client);
        let owner = (&UserId("01ANN".to_owned()), Generation::default());
        let by = BrowserProof { strength: None, is_strange: false };
        let (made, _) =
            flows.mark_device(attempt.client, &attempt.account, attempt.device.as_ref(), by, owner).unwrap();
        assert!(!made.expose().contains(junk) || junk == "x", "{junk}: {}", made.expose());
        assert!(made.expose().split('~').count() <= 4 && made.expose().len() <= 512);
    }
}
