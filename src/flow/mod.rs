//! First floor: what people do. Async, over ports; asks the heart and the stores.

pub mod account;
pub mod admit;
pub mod agent_name;
pub mod assertions;
mod attempt;
mod bounded_map;
mod ceremony;
mod deletion;
pub mod destination;
mod enrol;
pub mod erasure;
pub mod forms;
pub mod handoff;
mod hashing;
pub mod key_rotation;
mod known_browser;
mod lockout;
mod mailed_link;
mod new_password;
pub mod notices;
pub mod other_sessions;
mod passkeys;
pub mod ports;
pub mod recovery;
pub mod reply;
mod requested_letters;
pub mod risk;
mod sealing;
mod sent_codes;
mod session_key;
mod session_validity;
pub mod sessions;
pub mod settings;
pub mod sign_up;
pub mod slips;
mod standing_person;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod throttling;
mod verify;

use std::sync::Arc;

use ulid::Ulid;

use crate::auth::secret::SecretBytes;
use crate::auth::session::SessionKey;
use crate::auth::time::Timestamp;
use bounded_map::BoundedMap;
pub use enrol::NAME_CHARS;
use hashing::Hashing;
use ports::{Answer, Ports};
use risk::RiskMemory;
use session_validity::SessionValidity;
use settings::FlowSettings;

/// The flows: every verb a person or a script has. One per process, shared.
pub struct Flows {
    pub(crate) ports: Ports,
    pub(crate) settings: FlowSettings,
    hashing: Arc<Hashing>,
    /// Sessions whose use this node noted last, so that a burst of requests is one write.
    touched: Arc<BoundedMap<SessionKey, Timestamp>>,
    validity: Arc<SessionValidity>,
    /// What this node remembers of people and sessions, to compare with.
    risk: Arc<RiskMemory>,
}

impl Flows {
    /// The flows over these ports.
    pub fn new(ports: Ports, settings: FlowSettings) -> Self {
        let hashing = Arc::new(Hashing::new(settings.password));
        let validity = SessionValidity::new(ports.accounts.clone(), ports.sessions.clone());
        Self {
            ports,
            settings,
            hashing,
            touched: Arc::new(BoundedMap::new(100_000)),
            validity,
            risk: Arc::new(RiskMemory::new()),
        }
    }

    /// The same flows by other settings: what was counted and what waits goes on.
    #[must_use]
    pub fn with_settings(&self, settings: FlowSettings) -> Self {
        let same = settings.password == self.settings.password;
        let hashing = if same { self.hashing.clone() } else { Arc::new(Hashing::new(settings.password)) };
        let (touched, validity, risk) = (self.touched.clone(), self.validity.clone(), self.risk.clone());
        Self { ports: self.ports.clone(), settings, hashing, touched, validity, risk }
    }

    fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    fn random<const N: usize>(&self) -> Answer<[u8; N]> {
        let mut bytes = [0; N];
        self.ports.entropy.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn random_secret(&self, length: usize) -> Answer<SecretBytes> {
        let mut bytes = vec![0; length];
        self.ports.entropy.fill(&mut bytes)?;
        Ok(SecretBytes::new(bytes))
    }

    /// A fresh ULID of the clock and the entropy port.
    fn ulid(&self) -> Answer<String> {
        let random = u128::from_be_bytes(self.random::<16>()?);
        Ok(ulid_of(self.now(), random))
    }
}

/// An identifier that sorts by a moment.
fn ulid_of(at: Timestamp, random: u128) -> String {
    Ulid::from_parts(at.as_millis(), random).to_string()
}
