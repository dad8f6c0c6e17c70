//! The commands: argv to an exit code. One file per command.

mod accounts;
mod args;
mod audit;
mod check;
mod demo;
mod exit;
pub mod explain;
mod log;
mod output;
mod policy;
mod prompt;
mod risk;
mod run;
mod runtime;
mod schema;
mod secret;
mod session;
mod user;

use std::ffi::OsString;

use clap::Parser;

use args::{Cli, Command};
use exit::{CommandResult, Failure, USAGE};
use output::terminal;
use runtime::block_on;

/// Runs one command; returns its exit code: 0 ok, 1 failed, 2 usage, 69 a store does not answer,
/// 78 configuration.
pub fn run(argv: impl IntoIterator<Item = OsString>) -> u8 {
    let cli = match Cli::try_parse_from(argv) {
        Ok(cli) => cli,
        Err(usage) => {
            // Help and version go to stdout with 0, complaints to stderr with 2; a closed pipe is no matter.
            let _ = usage.print();
            return if usage.use_stderr() { USAGE } else { 0 };
        }
    };
    match dispatch(cli) {
        Ok(()) => 0,
        Err(Failure { code, text }) => {
            if !text.is_empty() {
                terminal::write_stderr(&format!("stepgate: {text}"));
            }
            code
        }
    }
}

fn dispatch(cli: Cli) -> CommandResult {
    let level = match cli.command {
        Command::Run(_) => "info",
        Command::Demo(_) => "warn",
        _ => "warn,audit=info",
    };
    let serving = matches!(cli.command, Command::Run(_) | Command::Demo(_));
    // Written out at the end, before anything is said of a failure.
    let _log = log::init(cli.log.as_deref(), level, serving)?;
    match cli.command {
        Command::Run(file) => run::run(&file),
        Command::Check(args) => check::run(&args),
        Command::Explain(args) => explain::command::run(&args),
        Command::PolicyTests(args::PolicyCommand::Test(args)) => policy::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::User(command) => block_on(user::run(command))?,
        Command::Session(command) => block_on(session::run(command))?,
        Command::Secret(command) => block_on(secret::run(&command))?,
        Command::Risk(command) => risk::run(&command),
        Command::Schema => schema::run(),
    }
}

#[cfg(test)]
mod tests {
    use super::args::Cli;
    use clap::CommandFactory;

    #[test]
    fn every_help_fits_a_terminal_of_80_columns() {
        fn too_wide(command: &mut clap::Command) -> Vec<String> {
            let texts = [command.render_help(), command.render_long_help()].map(|help| help.to_string());
            let lines = texts.iter().flat_map(|text| text.lines());
            let mut wide: Vec<String> = lines.filter(|line| line.chars().count() > 80).map(str::to_owned).collect();
            command.get_subcommands_mut().for_each(|below| wide.extend(too_wide(below)));
            wide
        }
        let mut command = Cli::command();
        command.build();
        assert_eq!(too_wide(&mut command), Vec::<String>::new());
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
