//! The staircase: text to settings. Sees every room's settings type; seen by app and cli only.

mod candidate;
mod credentials;
mod load;
mod policy_cases;
mod report;
mod schema;
mod sections;
mod settings;
mod yaml;

#[cfg(test)]
mod tests;

pub use load::{Loaded, inspect, inspect_again, load};
pub use policy_cases::{Expectation, GivenRequest, GivenRisk, GivenSlip, KnownWords, PolicyCase, read_policy_cases};
pub use report::{Problem, Severity, problems_text};
pub use schema::json_schema;
pub use settings::{Report, Settings};
