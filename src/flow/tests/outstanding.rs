//! What waits for somebody is void once they prove themselves by anything else: every change by everything outstanding.

use std::time::Duration;

use super::sent_codes::with_address;
use super::*;
use crate::auth::factor::authenticator::{AddressKind, TotpRecord};
use crate::auth::secret::SecretBytes;
use crate::flow::ports::{AccountChange, Accounts as _, Letter};
use crate::flow::reply::{AddressConfirmed, CeremonyRef, ConfirmReply, EnrollReply};
use crate::flow::settings::{EnrolmentProof, FlowSettings, PasskeySettings};
use crate::flow::testing::{World, client, sending};

/// A change of what somebody proves themselves with. No session ends by it here: they keep them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    None,
    TotpAdded,
    TotpRemoved,
    AddressAdded,
    AddressRemoved,
    PasskeyAdded,
    Password,
}

const CHANGES: [Change; 7] = [
    Change::None,
    Change::TotpAdded,
    Change::TotpRemoved,
    Change::AddressAdded,
    Change::AddressRemoved,
    Change::PasskeyAdded,
    Change::Password,
];

/// What waits for somebody.
#[derive(Clone, Copy, Debug)]
enum Waiting {
    SignIn,
    StepUpCode,
    AddressCode,
    AppSecret,
    EnrolmentCode,
}

const WAITING: [Waiting; 5] =
    [Waiting::SignIn, Waiting::StepUpCode, Waiting::AddressCode, Waiting::AppSecret, Waiting::EnrolmentCode];

struct Stage {
    world: Arc<World>,
    flows: Flows,
    key: SecretBytes,
}

impl Stage {
    fn new() -> Self {
        let world = World::new();
        let ann = world.person("ann");
        let key = world.with_totp(&ann);
        with_address(&world, &ann, AddressKind::Email, "ann@example.com");
        with_address(&world, &ann, AddressKind::Email, "ann@example.org");
        let passkeys = Some(PasskeySettings::default());
        let settings = FlowSettings { passkeys, enroll: EnrolmentProof::Invitation, ..sending() };
        let flows = Flows::new(world.ports(), settings);
        Self { world, flows, key }
    }

    async fn session(&self) -> CeremonyRef {
        self.world.pass(Duration::from_secs(60));
        let open = whole(&self.flows, "ann", &client(), self.world.code(&self.key, 0)).await;
        CeremonyRef::Session(open.token, open.session)
    }

    async fn change(&self, change: Change) {
        let ann = self.world.look(|s| s.accounts.keys().next().unwrap().clone());
        let record = self.world.look(|s| s.totp[&ann].clone());
        match change {
            Change::None => {}
            Change::TotpAdded => {
                let other = TotpRecord { id: "Bann".to_owned(), ..record };
                self.world.look(|s| s.totp.insert(ann, other));
            }
            Change::TotpRemoved => drop(self.world.look(|s| s.totp.remove(&ann))),
            Change::AddressAdded => with_address(&self.world, &ann, AddressKind::Sms, "+16502530000"),
            Change::AddressRemoved => self.world.look(|s| drop(s.addresses.remove(0))),
            Change::PasskeyAdded => {
                passkeys::with_passkey(&self.world, &self.flows, "zoe", &mut passkeys::key("one"));
                self.world.look(|s| s.passkeys[0].0 = ann);
            }
            Change::Password => {
                let hash = self.world.look(|s| s.accounts[&ann].password_hash.clone().unwrap());
                let longer = secret(&format!("{}x", hash.expose()));
                let changed = AccountChange::Rehash { from: hash, to: longer };
                assert!(self.world.change(&ann, changed).await.unwrap());
            }
        }
    }

    fn last_code(&self) -> SecretText {
        self.world.look(|s| match s.letters.last() {
            Some((Letter::SignInCode(code) | Letter::AddressCode(code), _)) => code.code.clone(),
            _ => panic!("no code was sent"),
        })
    }

    /// Whether it still serves after the change.
    async fn serves(&self, waiting: Waiting, change: Change) -> bool {
        match waiting {
            Waiting::SignIn => {
                self.world.pass(Duration::from_secs(60));
                let next = asked(sign_in(&self.flows, "ann", &client()).await);
                self.change(change).await;
                let code = self.world.code(&self.key, 0);
                let told = self.flows.second_factor(&next.ceremony, Method::Totp, code, &client()).await.unwrap();
                matches!(told.value, LoginReply::Opened(_))
            }
            Waiting::StepUpCode => {
                let at = self.session().await;
                self.flows.send_code(&at, AddressKind::Email, &client()).await.unwrap();
                let code = self.last_code();
                self.change(change).await;
                let submission = crate::flow::reply::Submission::of(Method::EmailCode, code);
                let told = self.flows.submit(&at, submission, &client()).await.unwrap();
                matches!(told.value, LoginReply::Opened(_))
            }
            Waiting::AddressCode => {
                let at = self.session().await;
                self.flows.add_address(&at, AddressKind::Sms, "+12025550112", &client()).await.unwrap();
                let code = self.last_code();
                self.change(change).await;
                let told = self.flows.confirm_address(&at, &code, Default::default(), &client()).await.unwrap();
                matches!(told.value, AddressConfirmed::Added(_))
            }
            Waiting::AppSecret => {
                let at = self.session().await;
                let EnrollReply::Pending(pending) = self.flows.begin_totp(&at, &client()).await.unwrap() else {
                    panic!("not begun")
                };
                let key = data_encoding::BASE32_NOPAD.decode(pending.secret.expose().as_bytes()).unwrap();
                self.change(change).await;
                let code = self.world.code(&SecretBytes::new(key), 0);
                let told = self.flows.confirm_totp(&at, code, Default::default(), &client()).await.unwrap();
                matches!(told.value, ConfirmReply::Enrolled { .. })
            }
            Waiting::EnrolmentCode => {
                let ann = self.world.look(|s| s.accounts.keys().next().unwrap().clone());
                let code = self.flows.issue_enrolment_code(&ann).await.unwrap().unwrap();
                let at = self.session().await;
                self.change(change).await;
                let submission = crate::flow::reply::Submission::of(Method::RecoveryCode, code);
                let told = self.flows.submit(&at, submission, &client()).await.unwrap();
                matches!(told.value, LoginReply::Opened(_))
            }
        }
    }
}

#[tokio::test]
async fn a_change_ends_all_that_waits() {
    let mut cells = 0;
    for change in CHANGES {
        for waiting in WAITING {
            let serves = Stage::new().serves(waiting, change).await;
            assert_eq!(serves, change == Change::None, "{waiting:?} after {change:?}");
            cells += 1;
        }
    }
    assert_eq!(cells, 35);
}
