//! One run of the binary, from start to exit.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What a run left behind.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The binary, with an environment that has nothing of the developer's, nor a SIGHUP that they ignore (`nohup make test`).
pub(crate) fn stepgate() -> Command {
    let mut command = Command::new("env");
    command.args(["--default-signal=HUP", env!("CARGO_BIN_EXE_stepgate")]);
    command.env_remove("STEPGATE_LOG").env_remove("STEPGATE_CONFIG").env("NO_COLOR", "1");
    command
}

/// Runs it with these arguments and an empty stdin.
pub(crate) fn run(args: &[&str]) -> Ended {
    run_with(args, b"")
}

/// The same, in a folder.
pub(crate) fn run_in(folder: &Path, args: &[&str]) -> Ended {
    let output = stepgate().args(args).current_dir(folder).stdin(Stdio::null()).output().unwrap();
    ended(&output)
}

/// Runs it with these arguments and this stdin.
pub(crate) fn run_with(args: &[&str], stdin: &[u8]) -> Ended {
    let mut command = stepgate();
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may end without reading.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    ended(&child.wait_with_output().unwrap())
}

fn ended(output: &Output) -> Ended {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Ended {
        code: output.status.code().expect("not killed"),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}
