//! `stepgate schema`: the JSON Schema of the configuration file.

use super::outcome::Outcome;
use super::terminal;

pub(crate) fn run() -> Outcome {
    terminal::data(&crate::config::json_schema())
}
