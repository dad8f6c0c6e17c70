//! What somebody who is signed in does with their account: looks at it, and changes what is theirs.

mod browsers;
mod export;
mod password;
mod profile;
mod sessions;

pub use super::agent_name::AgentName;
