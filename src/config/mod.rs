//! The staircase: text to settings. Sees every room's settings type; seen by app and cli only.

mod credentials;
mod load;
mod report;
mod schema;
mod sections;
mod settings;
mod yaml;

#[cfg(test)]
mod tests;

pub use load::{Loaded, inspect, inspect_again, load};
pub use report::{Problem, Severity};
pub use schema::json_schema;
pub use settings::{Report, Settings};
