//! What is wrong with a file, rendered with its place and without any secret.

mod lines;
mod problem;
mod redaction;
pub(crate) mod render;
mod snippet;

pub(crate) use problem::Problems;
pub use problem::{Problem, Severity};

/// Problems for a terminal, an empty line between two.
pub fn problems_text(problems: &[Problem], colour: bool) -> String {
    render::all(problems.iter(), colour)
}
