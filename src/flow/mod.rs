//! First floor: what people do. Async, over ports; asks the heart and the stores.

pub mod gate;
pub mod login;
pub mod ports;
pub mod reply;
pub mod settings;

use ports::Ports;
use settings::FlowSettings;

/// The flows: every verb a person or a script has. One per process, shared.
pub struct Flows {
    pub(crate) ports: Ports,
    pub(crate) settings: FlowSettings,
}
