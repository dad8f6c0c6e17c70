//! Text: percent-encoding, characters that nobody sees, lines of a terminal, names that look alike.

pub mod invisible;
pub mod percent;
pub mod similar;
pub mod wrap;
