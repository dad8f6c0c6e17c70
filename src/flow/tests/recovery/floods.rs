//! Who asks again and again, as somebody else: the owner still gets a letter, and no mailbox is filled.

use super::*;
use crate::flow::reply::CeremonyRef;
use crate::flow::testing::client_at;

impl Stage {
    /// How many letters went to addresses with this in them.
    pub(super) fn letters_to(&self, part: &str) -> usize {
        self.world.look(|s| {
            let to = |letter: &Letter| {
                matches!(letter, Letter::Link(_))
                    && letter.recipient().is_some_and(|to| serde_json::to_string(to).unwrap().contains(part))
            };
            s.letters.iter().filter(|(letter, _)| to(letter)).count()
        })
    }

    async fn asked_from(&self, typed: &str, ip: &str) -> bool {
        let before = self.letters_to("@");
        self.flows.ask_recovery(typed, &client_at(ip)).await.unwrap();
        self.letters_to("@") > before
    }
}

#[tokio::test]
async fn a_stranger_uses_up_nobody_elses_letters() {
    for typed in ["bob", "bob@example.com"] {
        let stage = Stage::new();
        for _ in 0..12 {
            for _ in 0..10 {
                stage.asked_from(typed, "192.0.2.5").await;
                stage.asked_from(typed, "192.0.2.99").await;
            }
            stage.world.pass(Duration::from_secs(3600));
        }
        assert!(!stage.asked_from(typed, "192.0.2.5").await, "{typed}: nothing is left for them");
        assert!(stage.asked_from(typed, "198.51.100.9").await, "{typed}: the owner, from elsewhere");
        stage.prove(&stage.last_code(), None).await;
        assert!(stage.asked_from(typed, "198.51.100.9").await, "{typed}: and once more");
    }
}

/// Who has very many networks: what reaches the mailbox is bounded, and a browser that the owner signed in with is not held up.
#[tokio::test]
async fn many_networks_fill_no_mailbox_and_hold_up_no_known_browser() {
    let stage = Stage::new();
    let mark = whole(&stage.flows, "ann", &client(), stage.world.code(&stage.key, 0)).await.device;
    let (before, flood) = (stage.letters_to("zann@"), 144);
    for round in 0..flood {
        for network in 0..40 {
            stage.asked_from("ann", &format!("{}.{round}.1.1", 20 + network)).await;
        }
        stage.world.pass(Duration::from_secs(600));
    }
    assert_eq!(stage.letters_to("zann@") - before, 30, "10 of all, 20 of new networks, in a day");
    // Whatever came back since is used up again.
    for network in 0..40 {
        stage.asked_from("ann", &format!("{}.{flood}.1.1", 20 + network)).await;
    }
    let known = Client { device: mark, ..client_at("198.51.100.9") };
    let before = stage.letters_to("zann@");
    stage.flows.ask_recovery("ann", &client_at("198.51.100.9")).await.unwrap();
    assert_eq!(stage.letters_to("zann@"), before, "an unknown browser waits");
    for typed in ["ann", "zann@example.net"] {
        stage.flows.ask_recovery(typed, &known).await.unwrap();
    }
    assert_eq!(stage.letters_to("zann@"), before + 2);
    granted(stage.prove(&stage.last_code(), Stage::backup()).await);
}

/// Letters that anybody can ask for leave what the installation may send of codes.
#[tokio::test]
async fn strangers_use_up_no_code_that_people_sign_in_by() {
    let mut stage = Stage::new();
    let mut settings = FlowSettings { email_link: true, ..recovering() };
    settings.codes.limits.letters = Spend::of(2, 2);
    settings.codes.limits.email = Spend::of(1, 1);
    settings.offer = settings.offer.with(Method::EmailCode, true);
    stage.flows = Arc::new(Flows::new(stage.world.ports(), settings));
    for user in ["ann", "bob", "zann@example.net"] {
        stage.flows.ask_recovery(user, &client()).await.unwrap();
        stage.flows.send_sign_in_link("bob@example.com", "", &client()).await.unwrap();
    }
    let count = |purpose| {
        let is = |letter: &Letter| matches!(letter, Letter::Link(link) if link.purpose == purpose);
        stage.world.look(|s| s.letters.iter().filter(|(letter, _)| is(letter)).count())
    };
    assert_eq!((count(LinkPurpose::Recovery), count(LinkPurpose::SignIn)), (2, 2), "each has its own");
    let next = asked(sign_in(&stage.flows, "ann", &client()).await);
    stage.flows.send_code(&CeremonyRef::SignIn(next.ceremony), AddressKind::Email, &client()).await.unwrap();
    assert!(stage.world.look(|s| matches!(s.letters.last(), Some((Letter::SignInCode(_), _)))));
}
