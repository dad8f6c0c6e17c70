//! Every port in memory, with a manual clock, seeded entropy and a fault at any call.

mod callers;
mod durable;
mod erasing;
mod keys;
mod lockouts;
mod moment;
mod outbox;
mod passkeys;
mod places;
mod recoveries;
mod sign_ups;
mod submitting;
mod vault;

pub(crate) use callers::{client, client_at, secret};
pub(crate) use places::risk_from;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::broadcast;

use places::KnownPlaces;

use super::Flows;
use super::ports::{
    Account, Answer, Clock, CodeDigest, Ended, Entropy, Generation, Invitation, Letter, Ports, SigningKey, StoreError,
    TransientKind, View, WaitingRecovery,
};
use super::settings::FlowSettings;
use crate::auth::address::phone_number::Country;
use crate::auth::event::Event;
use crate::auth::factor::authenticator::{AddressRecord, Sealed, TotpRecord};
use crate::auth::factor::passkey::PasskeyRecord;
use crate::auth::factor::password::{self, HashParams};
use crate::auth::factor::totp;
use crate::auth::proof::{Method, Offer};
use crate::auth::secret::{SecretBytes, SecretText};
use crate::auth::session::{Session, SessionKey};
use crate::auth::time::Timestamp;
use crate::auth::user::{Group, Identity, UserId, Username};

/// When the fault comes: before the call has its effect, or after, with only the answer lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blow {
    Before,
    After,
}

/// The world of a test.
pub(crate) struct World {
    pub(crate) state: Mutex<State>,
    now: AtomicU64,
    drawn: AtomicU64,
    calls: AtomicUsize,
    fail_at: AtomicUsize,
    blow_after: AtomicBool,
    /// Every call fails.
    down: AtomicBool,
    /// Others get their turn between a look at sessions and what is done by it.
    pub(crate) gives_turns: AtomicBool,
    /// A weakened ledger, which takes every claim for the first.
    pub(crate) ledger_forgets: AtomicBool,
    /// A weakened table, which takes every spending of a step for the first.
    pub(crate) table_forgets: AtomicBool,
    /// Tells of sessions that end.
    pub(crate) endings: broadcast::Sender<Ended>,
}

#[derive(Clone, Default)]
pub(crate) struct State {
    pub(crate) sessions: HashMap<SessionKey, (Arc<Session>, Timestamp)>,
    pub(crate) transient: HashMap<(TransientKind, String), (Sealed, Timestamp)>,
    pub(crate) codes: HashMap<String, (CodeDigest, u32, Timestamp)>,
    pub(crate) marks: HashMap<String, Timestamp>,
    pub(crate) counters: BTreeMap<String, Timestamp>,
    pub(crate) quotas: BTreeMap<String, BTreeMap<String, Timestamp>>,
    pub(crate) accounts: BTreeMap<UserId, Account>,
    pub(crate) totp: HashMap<UserId, TotpRecord>,
    pub(crate) backup: HashMap<UserId, (Vec<u8>, HashSet<Vec<u8>>)>,
    pub(crate) addresses: Vec<(UserId, AddressRecord)>,
    pub(crate) passkeys: Vec<(UserId, PasskeyRecord)>,
    /// Names of apps and addresses, by id.
    pub(crate) names: BTreeMap<String, String>,
    pub(crate) origins: BTreeMap<UserId, &'static str>,
    /// Invitations, with the digests of their tokens.
    pub(crate) invitations: Vec<(String, Invitation)>,
    pub(crate) lockouts: BTreeMap<(UserId, Method), Lockout>,
    pub(crate) recoveries: Vec<WaitingRecovery>,
    /// Digests of codes of administrators, and when they are over.
    pub(crate) issued_codes: BTreeMap<UserId, (String, Timestamp)>,
    /// The last one of each person that was used.
    pub(crate) spent_codes: BTreeMap<UserId, (String, Timestamp)>,
    pub(crate) signing: Vec<SigningKey>,
    /// Every letter that was put and is not gone, and when it expires.
    pub(crate) letters: Vec<(Letter, Timestamp)>,
    /// Every time step and backup code that was spent in SQL, in order.
    pub(crate) spent: Vec<String>,
    pub(crate) touches: usize,
    pub(crate) places: KnownPlaces,
    /// Accounts that are gone, of which something may be left.
    pub(crate) erasures: BTreeMap<UserId, erasing::OpenErasure>,
    /// The audit trail, as far as a test writes it.
    pub(crate) trail: Vec<(Timestamp, Event)>,
}

/// The wrong codes of one factor, by place, and since when it is off.
#[derive(Clone, Default)]
pub(crate) struct Lockout {
    pub(crate) places: BTreeMap<String, (u32, Timestamp)>,
    pub(crate) locked_at: Option<Timestamp>,
}

impl Lockout {
    /// How many there are.
    pub(crate) fn sum(&self) -> u32 {
        self.places.values().map(|(count, _)| count).sum()
    }
}

/// The moment at which every test begins.
pub(crate) const START: u64 = 1_800_000_000;
/// The host of every test.
pub(crate) const HOST: &str = "erp.example.com";
/// The password of everybody.
pub(crate) const PASSWORD: &str = "correct horse battery";

pub(crate) const FAST: HashParams = HashParams { memory_kib: 8, iterations: 1, parallelism: 1 };

impl World {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            now: AtomicU64::new(START * 1000),
            drawn: AtomicU64::new(0),
            calls: AtomicUsize::new(0),
            fail_at: AtomicUsize::new(0),
            blow_after: AtomicBool::new(false),
            down: AtomicBool::new(false),
            gives_turns: AtomicBool::new(false),
            ledger_forgets: AtomicBool::new(false),
            table_forgets: AtomicBool::new(false),
            endings: broadcast::Sender::new(1024),
        })
    }

    pub(crate) fn ports(self: &Arc<Self>) -> Ports {
        Ports {
            clock: self.clone(),
            entropy: self.clone(),
            sessions: self.clone(),
            transient: self.clone(),
            sweep: self.clone(),
            ceremonies: View::new(self.clone(), self.clone()),
            tickets: View::new(self.clone(), self.clone()),
            challenges: View::new(self.clone(), self.clone()),
            profiles: View::new(self.clone(), self.clone()),
            traces: View::new(self.clone(), self.clone()),
            forms: View::new(self.clone(), self.clone()),
            slips: View::new(self.clone(), self.clone()),
            deletions: View::new(self.clone(), self.clone()),
            sign_in_links: View::new(self.clone(), self.clone()),
            notice_links: View::new(self.clone(), self.clone()),
            form_owners: View::new(self.clone(), self.clone()),
            pending_sign_ups: View::new(self.clone(), self.clone()),
            sign_up_links: View::new(self.clone(), self.clone()),
            quotas: self.clone(),
            codes: self.clone(),
            ledger: self.clone(),
            throttle: self.clone(),
            accounts: self.clone(),
            authenticators: self.clone(),
            addresses: self.clone(),
            passkeys: self.clone(),
            erasures: self.clone(),
            mailed_codes: View::new(self.clone(), self.clone()),
            recoveries_granted: View::new(self.clone(), self.clone()),
            recoveries: self.clone(),
            sign_ups: self.clone(),
            lockouts: self.clone(),
            history: self.clone(),
            vault: self.clone(),
            signing_keys: self.clone(),
            outbox: self.clone(),
            sealed_rows: self.clone(),
            places: self.clone(),
            breached: self.clone(),
        }
    }

    pub(crate) fn flows(self: &Arc<Self>) -> Arc<Flows> {
        Arc::new(Flows::new(self.ports(), fast_settings()))
    }

    /// Ports that refuse everything: whatever asks a store must fail closed. The clock stands.
    pub(crate) fn failing() -> Ports {
        let world = Self::new();
        world.down.store(true, Ordering::SeqCst);
        world.ports()
    }

    /// Calls from now on; the `nth` fails. 0: none does.
    pub(crate) fn fail(&self, nth: usize, blow: Blow) {
        self.calls.store(0, Ordering::SeqCst);
        self.fail_at.store(nth, Ordering::SeqCst);
        self.blow_after.store(blow == Blow::After, Ordering::SeqCst);
    }

    /// How many calls there were since [`Self::fail`].
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Writes what happened into the trail, as the edge does.
    pub(crate) fn remember(&self, events: &[Event]) {
        let now = Clock::now(self);
        self.look(|s| s.trail.extend(events.iter().map(|event| (now, event.clone()))));
    }

    pub(crate) fn pass(&self, by: Duration) {
        self.now.fetch_add(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    pub(crate) fn look<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// One call of a store, which may be the one that fails.
    pub(super) fn call<T>(&self, f: impl FnOnce(&mut State) -> T) -> Answer<T> {
        let nth = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let fails = nth == self.fail_at.load(Ordering::SeqCst);
        let fault = || StoreError::new("test", format!("call {nth} failed"));
        if self.down.load(Ordering::SeqCst) || (fails && !self.blow_after.load(Ordering::SeqCst)) {
            return Err(fault());
        }
        let out = self.look(f);
        if fails { Err(fault()) } else { Ok(out) }
    }

    /// An account with [`PASSWORD`].
    pub(crate) fn person(&self, name: &str) -> UserId {
        let id = UserId(format!("01{}", name.to_uppercase()));
        let identity = Identity {
            id: id.clone(),
            username: Username::parse(name).unwrap(),
            name: None,
            email: None,
            groups: vec![Group("staff".to_owned())],
        };
        let hash = password::hash(&SecretText::new(PASSWORD.to_owned()), &[9; 16], FAST).unwrap();
        let account = Account {
            identity,
            password_hash: Some(hash),
            disabled: false,
            created_at: Timestamp::from_secs(START),
            last_login_at: None,
            generation: Generation::default(),
        };
        self.look(|s| s.accounts.insert(id.clone(), account));
        id
    }

    /// Binds a TOTP authenticator and gives its key.
    pub(crate) fn with_totp(&self, user: &UserId) -> SecretBytes {
        let key = SecretBytes::new(Sha256::digest(user.0.as_bytes())[..20].to_vec());
        let record = TotpRecord {
            id: format!("A{}", user.0),
            secret: seal(&format!("totp:{user}"), &key),
            digits: 6,
            period: 30,
            last_step: None,
            created_at: Timestamp::from_secs(START),
            used_at: None,
        };
        self.look(|s| s.totp.insert(user.clone(), record));
        key
    }

    /// The code of now, or of so many steps later.
    pub(crate) fn code(&self, key: &SecretBytes, later: i64) -> SecretText {
        let step = (Clock::now(self).as_secs() / 30).checked_add_signed(later).unwrap();
        totp::code_at(key, step, 6)
    }

    /// Weakens both stores in which steps are spent.
    pub(crate) fn forget_spending(&self) {
        self.ledger_forgets.store(true, Ordering::SeqCst);
        self.table_forgets.store(true, Ordering::SeqCst);
    }

    /// Forgets that owners of sessions were asked about, as a node does that was just started.
    pub(crate) fn forget_checks(&self) {
        let unchecked = |session: &Session| Arc::new(Session { checked: Default::default(), ..session.clone() });
        self.look(|s| s.sessions.values_mut().for_each(|(session, _)| *session = unchecked(session)));
    }

    /// As a shell on the database does it: nothing is counted.
    pub(crate) fn disable(&self, user: &UserId, disabled: bool) {
        self.look(|s| s.accounts.get_mut(user).unwrap().disabled = disabled);
    }
}

pub(crate) fn fast_settings() -> FlowSettings {
    let mut settings = FlowSettings::default();
    settings.password.memory_kib = FAST.memory_kib;
    settings.password.iterations = FAST.iterations;
    settings.password.concurrent = 4;
    settings.password.queue = 10_000;
    settings
}

/// Codes go out by both ways.
pub(crate) fn sending() -> FlowSettings {
    let mut settings = fast_settings();
    settings.offer = Offer::BASIC.with(Method::EmailCode, false).with(Method::SmsCode, false);
    settings.codes.countries = Country::parse("US").into_iter().collect();
    settings
}

/// What stands before a value that was sealed with an older key.
pub(crate) const OLD_KEY: &[u8] = b"old:";

fn seal(context: &str, plain: &SecretBytes) -> Sealed {
    let mut bytes = format!("{context}\0").into_bytes();
    bytes.extend(plain.expose().iter().map(|b| b ^ 0x5a));
    Sealed(bytes)
}

fn unseal(context: &str, sealed: &Sealed) -> Answer<SecretBytes> {
    let sealed = sealed.0.strip_prefix(OLD_KEY).unwrap_or(&sealed.0);
    let body = sealed.strip_prefix(format!("{context}\0").as_bytes());
    let body = body.ok_or_else(|| StoreError::new("vault", "another context"))?;
    Ok(SecretBytes::new(body.iter().map(|b| b ^ 0x5a).collect()))
}

fn is_record(context: &str) -> bool {
    context.starts_with("state:")
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.load(Ordering::SeqCst))
    }
}

impl Entropy for World {
    fn fill(&self, buffer: &mut [u8]) -> Answer<()> {
        if !self.down.load(Ordering::SeqCst) {
            self.call(|_| ())?;
        }
        for chunk in buffer.chunks_mut(32) {
            let block = Sha256::digest(self.drawn.fetch_add(1, Ordering::SeqCst).to_be_bytes());
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
        Ok(())
    }
}
