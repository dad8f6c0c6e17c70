//! `stepgate schema`: the JSON Schema of the configuration file.

use super::exit::CommandResult;
use super::output::terminal;

pub(crate) fn run() -> CommandResult {
    terminal::write_stdout(&crate::config::json_schema())
}
