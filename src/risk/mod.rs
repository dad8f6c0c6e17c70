//! Ground floor: how unusual a sign-in is for its person. Pure, as `auth` is: places, devices, time and keys come in as
//! values, an [`Assessment`] goes out. The sum of its terms is its score; docs/risk.md has the model and what it is worth.

mod agent;
mod assessment;
mod circumstances;
mod codec;
mod cohort;
pub mod freeman;
mod held_field;
mod keys;
mod level;
mod origins;
mod path;
mod population;
mod profile;
mod score;
pub mod settings;
mod signals;
mod surroundings;
pub mod target;
#[cfg(test)]
mod tests;

pub use agent::{Agent, BrowserFamily, ClientHints, DeviceClass, OsFamily};
pub use assessment::{Assessment, Signal, Term};
pub use cohort::Cohort;
pub use held_field::HeldField;
pub use keys::{FieldKey, HashKey, HashKeys};
pub use level::LevelBasis;
pub use origins::Origins;
pub use population::{Population, PopulationKey};
pub use profile::{Pin, PinReason, Profile};
pub use score::assess;
pub use signals::{Country, Device, Evidence, Location, Place, Previous, Signals, Velocity};
pub use surroundings::{SHOWN_WITHIN, Surroundings, days_to_show};
