//! Between the command and the terminal: data to stdout, all else to stderr, secrets never from argv.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};

use super::args::PasswordSource;
use super::outcome::{Failure, INTERRUPTED, Outcome};
use crate::auth::secret::SecretText;
use crate::auth::user::is_hidden;

/// The longest line read as a password, in bytes.
const MAX_PASSWORD_LINE: u64 = 64 * 1024;

/// Writes data to stdout. A reader that went away is no failure.
pub(crate) fn data(text: &str) -> Outcome {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(fault) if fault.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::failed(format!("cannot write to stdout: {fault}")))
        }
        _ => Ok(()),
    }
}

/// Writes one line of JSON to stdout.
pub(crate) fn json(value: &impl serde::Serialize) -> Outcome {
    let mut line = serde_json::to_string(value).map_err(|fault| Failure::failed(fault.to_string()))?;
    line.push('\n');
    data(&line)
}

/// Says something to the operator, on stderr.
pub(crate) fn say(text: &str) {
    // Nobody is left to be told if stderr is gone.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Whether somebody sits there to be asked.
pub(crate) fn can_ask() -> bool {
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
) -> Outcome<(SecretText, T)> {
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
    if !source.password_stdin && !can_ask() {
        return Err(Failure::usage(
            "no password given: nobody can be asked here; use --password-stdin or --password-file FILE",
        ));
    }
    say(rule);
    for _ in 0..ASKED {
        let first = ask("New password: ")?;
        match judge(&first) {
            Err(why) => say(&why),
            Ok(judged) if ask("Once more: ")?.expose() == first.expose() => return Ok((first, judged)),
            Ok(_) => say("The two passwords are not the same. Once more from the start:"),
        }
    }
    Err(Failure::failed("no password was set; nothing was changed"))
}

/// A password on stdin, asked for if that is a terminal.
pub(crate) fn stdin_or_prompt(force: bool) -> PasswordSource {
    PasswordSource { password_stdin: !can_ask(), password_file: None, force }
}

fn ask(prompt: &str) -> Outcome<SecretText> {
    // An interrupt must not end us before the terminal shows again what is typed.
    let heard = hear_interrupts();
    let asked = rpassword::prompt_password(prompt);
    if let Some((runtime, _)) = heard {
        // It may be that a runtime asks, and there a plain drop is not allowed.
        runtime.shutdown_background();
    }
    asked.map(SecretText::new).map_err(|fault| match fault.kind() {
        io::ErrorKind::Interrupted => Failure::new(INTERRUPTED, "nothing was changed"),
        _ => Failure::failed(format!("cannot read the password: {fault}")),
    })
}

/// While this lives, and for the rest of this process, SIGINT is noted and ends nothing.
fn hear_interrupts() -> Option<(tokio::runtime::Runtime, tokio::signal::unix::Signal)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().ok()?;
    let signal = {
        let _here = runtime.enter();
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt()).ok()?
    };
    Some((runtime, signal))
}

fn first_line(from: impl BufRead, name: &str) -> Outcome<SecretText> {
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
pub(crate) fn confirm(question: &str, flag: &str) -> Outcome {
    if !can_ask() {
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

/// Rows as columns, padded by characters; the last column is not padded.
pub(crate) fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |i: usize| rows.iter().filter_map(|r| r.get(i)).map(|c| c.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!("{cell:<width$}  "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// How wide a terminal is taken to be.
pub(crate) const WIDTH: usize = 80;
/// The narrowest that a column is made.
const NARROW: usize = 8;

/// Writes rows as columns. On a terminal, cells of the columns `elastic` are cut where a line were too wide for it.
pub(crate) fn table(rows: Vec<Vec<String>>, elastic: &[usize]) -> Outcome {
    let rows = if io::stdout().is_terminal() { fitted(rows, elastic, WIDTH) } else { rows };
    data(&columns(&rows))
}

/// Makes the widest of the elastic columns narrower until all fit, or nothing more is to be had.
fn fitted(mut rows: Vec<Vec<String>>, elastic: &[usize], width: usize) -> Vec<Vec<String>> {
    let wide = |rows: &[Vec<String>], i: usize| rows.iter().filter_map(|r| r.get(i)).map(|c| c.chars().count()).max();
    while columns(&rows).lines().any(|line| line.chars().count() > width) {
        let widest = elastic.iter().max_by_key(|i| wide(&rows, **i));
        let Some((i, most)) = widest.and_then(|i| Some((*i, wide(&rows, *i)?))).filter(|(_, most)| *most > NARROW)
        else {
            break;
        };
        for cell in rows.iter_mut().filter_map(|row| row.get_mut(i)).filter(|cell| cell.chars().count() == most) {
            *cell = cell.chars().take(most.saturating_sub(2)).chain(['…']).collect();
        }
    }
    rows
}

/// Words in lines of at most `width` columns: the first begins with `first`, the others with `rest`. A word that fits
/// no line is cut.
pub(crate) fn wrapped(text: &str, first: &str, rest: &str, width: usize) -> String {
    let length = |text: &str| text.chars().count();
    let (mut out, mut line) = (String::new(), first.to_owned());
    let mut bare = true;
    for word in text.split_whitespace() {
        if !bare && length(&line) + 1 + length(word) > width {
            out.push_str(&line);
            out.push('\n');
            rest.clone_into(&mut line);
            bare = true;
        }
        if !bare {
            line.push(' ');
        }
        for c in word.chars() {
            if length(&line) == width {
                out.push_str(&line);
                out.push('\n');
                rest.clone_into(&mut line);
            }
            line.push(c);
        }
        bare = false;
    }
    out.push_str(line.trim_end());
    out.push('\n');
    out
}

/// Whether a character drives a terminal, is seen by nobody, or turns others around.
pub(crate) fn is_harmful(c: char) -> bool {
    c.is_control() || is_hidden(c)
}

/// Text from a store, made harmless for a terminal: control characters are escaped, and those that nobody sees.
pub(crate) fn clean(text: &str) -> String {
    text.chars().flat_map(|c| if is_harmful(c) { c.escape_unicode().collect() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    #[test]
    fn escapes_what_could_drive_a_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(clean("a\u{202e}b\u{200b}é"), "a\\u{202e}b\\u{200b}é");
    }

    #[test]
    fn no_line_is_wider_than_asked_and_no_word_is_lost() {
        for (text, width) in [("", 9), ("one two three", 9), ("a verylongwordthatfitsnowhere b", 9), ("é é é é é é", 5)]
        {
            let told = wrapped(text, "1 ", "  ", width);
            assert!(told.lines().all(|line| line.chars().count() <= width), "{told}");
            let squeezed = |text: &str| text.split_whitespace().collect::<String>();
            assert_eq!(squeezed(&told), squeezed(&format!("1 {text}")));
        }
        assert_eq!(wrapped("one two three", "- ", "  ", 9), "- one two\n  three\n");
    }

    proptest! {
        #[test]
        fn a_table_fits_where_it_can_and_cuts_nothing_else(
            rows in proptest::collection::vec(("[0-9A-Z]{26}", "[a-zé]{1,20}", "[a-z.]{1,60}", "[0-9a-f:]{1,39}", "[a-z]{3,7}"), 1..6),
            width in 60_usize..120,
        ) {
            let rows: Vec<Vec<String>> = rows.into_iter().map(|(a, b, c, d, e)| vec![a, b, c, d, e]).collect();
            let told = fitted(rows.clone(), &[2, 3], width);
            let firm: usize = [0, 1, 4].map(|i| rows.iter().map(|r| r[i].chars().count()).max().unwrap()).iter().sum();
            if firm + 2 * NARROW + 8 <= width {
                prop_assert!(columns(&told).lines().all(|line| line.chars().count() <= width));
            }
            for (whole, told) in rows.iter().zip(&told) {
                prop_assert!([0, 1, 4].iter().all(|i| whole[*i] == told[*i]));
                for i in [2, 3] {
                    let begins = told[i].strip_suffix('…').is_some_and(|cut| whole[i].starts_with(cut) && cut.len() + 1 >= NARROW);
                    prop_assert!(whole[i] == told[i] || begins, "{} {}", whole[i], told[i]);
                }
            }
            prop_assert_eq!(fitted(rows.clone(), &[2, 3], 1000), rows);
        }
    }

    #[test]
    fn pads_columns_by_characters() {
        let rows = [vec!["é".to_owned(), "x".to_owned()], vec!["long".to_owned(), "y".to_owned()]];
        assert_eq!(columns(&rows), "é     x\nlong  y\n");
    }
}
