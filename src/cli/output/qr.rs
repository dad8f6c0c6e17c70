//! QR codes on a terminal: two modules in one character cell.

use fast_qr::{ECL, QRBuilder};

/// Light modules around the code; two are enough for every reader met, and save lines.
const QUIET: usize = 2;

/// The code of a text in half blocks; `None` if the text is too long for one. With `colour` it is black on
/// white; without, it is drawn in the foreground colour for a dark terminal, where ink is light.
pub(crate) fn half_blocks(text: &str, colour: bool) -> Option<String> {
    let code = QRBuilder::new(text).ecl(ECL::L).build().ok()?;
    let side = code.size + 2 * QUIET;
    let dark = |x: usize, y: usize| {
        let inside = |v: usize| (QUIET..QUIET + code.size).contains(&v);
        inside(x) && inside(y) && code.data.get((y - QUIET) * code.size + x - QUIET).is_some_and(|m| m.value())
    };
    let ink = |x: usize, y: usize| dark(x, y) == colour && y < side;
    let mut drawn = String::new();
    for y in (0..side).step_by(2) {
        drawn.push_str(if colour { "  \u{1b}[38;5;16;48;5;231m" } else { "  " });
        for x in 0..side {
            drawn.push(match (ink(x, y), ink(x, y + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            });
        }
        drawn.push_str(if colour { "\u{1b}[0m\n" } else { "\n" });
    }
    Some(drawn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fits_in_a_terminal_of_eighty_columns() {
        let uri = "otpauth://totp/Stepgate%20demo:ann?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Stepgate%20demo\
                   &algorithm=SHA1&digits=6&period=30";
        let drawn = half_blocks(uri, true).unwrap();
        let lines: Vec<&str> = drawn.lines().collect();
        let cells = |l: &str| l.chars().filter(|c| matches!(c, '█' | '▀' | '▄' | ' ')).count();
        assert!(lines.len() <= 28, "{} lines", lines.len());
        assert!(lines.iter().all(|l| cells(l) == cells(lines[0]) && cells(l) <= 78));
        assert!(!half_blocks(uri, false).unwrap().contains('\u{1b}'));
        // The upper left finder pattern: seven dark modules in a row, after the quiet zone.
        assert!(lines[1].contains("  █▀▀▀▀▀█"), "{}", lines[1]);
    }

    #[test]
    fn too_much_text_is_no_code() {
        assert!(half_blocks(&"x".repeat(5000), true).is_none());
    }
}
