//! Second floor: the ports made real.

#[cfg(test)]
pub(crate) mod contract;
pub mod settings;

use settings::StoreSettings;

use crate::flow::ports::{Answer, Ports, StoreError};

/// The stores of one process, opened.
pub struct Stores {
    /// As the flows use them.
    pub ports: Ports,
}

impl Stores {
    /// Opens every store that the settings name and brings the schema up to date. The database must
    /// answer; Redis may come later (the gateway starts and fails closed until it does).
    ///
    /// # Errors
    /// The database is unreachable, the key ring is unusable.
    pub async fn open(settings: &StoreSettings) -> Answer<Self> {
        let _ = settings;
        Err(StoreError::new("database", "unfinished"))
    }

    /// Asks every store whether it answers: its name, and what is wrong if something is.
    pub async fn probe(&self) -> Vec<(&'static str, Result<(), StoreError>)> {
        Vec::new()
    }
}
