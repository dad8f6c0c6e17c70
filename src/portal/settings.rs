//! What an operator may set about our pages.

mod accent;

pub use accent::{Accent, Colour, LowContrast};

/// Look and words of our pages.
#[derive(Clone, Debug, Default)]
pub struct PortalSettings {
    /// The name of the organisation; empty: "Stepgate".
    pub name: String,
    /// A logo: its media type and bytes.
    pub logo: Option<(String, Vec<u8>)>,
    /// The accent colour.
    pub accent: Option<Accent>,
    /// Where people get help: a mail address or a URL.
    pub support: Option<String>,
}
