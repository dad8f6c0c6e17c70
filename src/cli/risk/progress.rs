//! For who waits at a terminal.

use std::io::{self, IsTerminal, Write};

/// Tells how far it is, in the place of what was told before.
pub(super) fn progress(text: &str) {
    if io::stderr().is_terminal() {
        let _ = write!(io::stderr().lock(), "\r{text}\x1b[K\r");
    }
}
