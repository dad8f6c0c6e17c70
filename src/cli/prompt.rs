//! Questions to the operator. Secrets come from stdin, a file or a terminal, never from argv.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};

use super::args::PasswordSource;
use super::exit::{CommandResult, Failure, INTERRUPTED};
use super::output::terminal::write_stderr;
use crate::auth::secret::SecretText;

/// The longest line read as a password, in bytes.
const MAX_PASSWORD_LINE: u64 = 64 * 1024;

/// Whether somebody sits there to be asked.
pub(crate) fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// How often a terminal is asked for a new password before we give up.
const ASKED: usize = 5;

/// A new password that `judge` takes, and what it says: from stdin, a file, or asked for twice on a terminal, where `rule`
/// is said first, and what is wrong with one that is not taken.
pub(crate) fn new_password<T>(
    source: &PasswordSource,
    rule: &str,
    judge: impl Fn(&SecretText) -> Result<T, String>,
) -> CommandResult<(SecretText, T)> {
    let taken = |new: SecretText| match judge(&new) {
        Ok(judged) => Ok((new, judged)),
        Err(why) => Err(Failure::failed(format!("{why}\nnothing was changed"))),
    };
    if source.password_stdin && !io::stdin().is_terminal() {
        return first_line(io::stdin().lock(), "stdin").and_then(taken);
    }
    if let Some(path) = &source.password_file {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|fault| Failure::failed(format!("cannot read {name}: {fault}")))?;
        return first_line(BufReader::new(file), &name).and_then(taken);
    }
    // Who asks for stdin and sits at it types the password, which nobody shall read over their shoulder.
    if !source.password_stdin && !is_interactive() {
        return Err(Failure::usage(
            "no password given: nobody can be asked here; use --password-stdin or --password-file FILE",
        ));
    }
    write_stderr(rule);
    for _ in 0..ASKED {
        let first = ask("New password: ")?;
        match judge(&first) {
            Err(why) => write_stderr(&why),
            Ok(judged) if ask("Once more: ")?.expose() == first.expose() => return Ok((first, judged)),
            Ok(_) => write_stderr("The two passwords are not the same. Once more from the start:"),
        }
    }
    Err(Failure::failed("no password was set; nothing was changed"))
}

/// A password on stdin, asked for if that is a terminal.
pub(crate) fn stdin_or_prompt(force: bool) -> PasswordSource {
    PasswordSource { password_stdin: !is_interactive(), password_file: None, force }
}

fn ask(prompt: &str) -> CommandResult<SecretText> {
    // An interrupt must not end us before the terminal shows again what is typed.
    let caught = catch_interrupts();
    let asked = rpassword::prompt_password(prompt);
    if let Some((runtime, _)) = caught {
        // It may be that a runtime asks, and there a plain drop is not allowed.
        runtime.shutdown_background();
    }
    asked.map(SecretText::new).map_err(|fault| match fault.kind() {
        io::ErrorKind::Interrupted => Failure::new(INTERRUPTED, "nothing was changed"),
        _ => Failure::failed(format!("cannot read the password: {fault}")),
    })
}

/// While this lives, and for the rest of this process, SIGINT is noted and ends nothing.
fn catch_interrupts() -> Option<(tokio::runtime::Runtime, tokio::signal::unix::Signal)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().ok()?;
    let signal = {
        let _here = runtime.enter();
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt()).ok()?
    };
    Some((runtime, signal))
}

fn first_line(from: impl BufRead, name: &str) -> CommandResult<SecretText> {
    let mut line = String::new();
    from.take(MAX_PASSWORD_LINE)
        .read_line(&mut line)
        .map_err(|fault| Failure::failed(format!("cannot read the password from {name}: {fault}")))?;
    let password = line.strip_suffix('\n').map_or(line.as_str(), |l| l.strip_suffix('\r').unwrap_or(l)).to_owned();
    let _ = SecretText::new(line);
    if password.is_empty() {
        return Err(Failure::failed(format!("the password from {name} is empty")));
    }
    Ok(SecretText::new(password))
}

/// Asks for a yes; without a terminal the answer must be given by `flag`.
pub(crate) fn confirm(question: &str, flag: &str) -> CommandResult {
    if !is_interactive() {
        return Err(Failure::usage(format!("nobody can be asked here; use {flag} to confirm")));
    }
    let mut err = io::stderr().lock();
    let asked = write!(err, "{question} [y/N] ").and_then(|()| err.flush());
    let mut line = String::new();
    let read = asked.and_then(|()| io::stdin().lock().take(64).read_line(&mut line));
    match read {
        Ok(_) if matches!(line.trim(), "y" | "Y" | "yes") => Ok(()),
        Ok(_) => Err(Failure::failed("nothing was changed")),
        Err(fault) => Err(Failure::failed(format!("cannot read the answer: {fault}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_first_line_only_and_keeps_inner_spaces() {
        let read = |bytes: &'static [u8]| first_line(bytes, "test").map(|s| s.expose().to_owned());
        assert_eq!(read(b"  two words \r\nmore\n").unwrap(), "  two words ");
        assert_eq!(read(b"no end").unwrap(), "no end");
        assert!(read(b"\n").is_err());
        assert!(read(b"").is_err());
        assert!(read(b"\xff\xfe\n").is_err());
    }
}
