//! QR codes as SVG, PNG and half blocks of a terminal. The SVG has presentation attributes only: the content security
//! policy allows no style.

use std::fmt::Write as _;

use fast_qr::{ECL, QRBuilder};

use super::messages::text;

/// Light modules around the code on a page (ISO/IEC 18004 asks for four).
const QUIET: usize = 4;

/// Which modules of a code are dark, with the quiet zone around: what every renderer walks.
pub(crate) struct Modules {
    side: usize,
    dark: Vec<bool>,
}

impl Modules {
    /// The code of a text; `None` if the text is too long for one.
    pub(crate) fn encode(text: &str, correction: ECL, quiet: usize) -> Option<Self> {
        let code = QRBuilder::new(text).ecl(correction).build().ok()?;
        let side = code.size + 2 * quiet;
        let module = |x: usize, y: usize| {
            let (x, y) = (x.checked_sub(quiet)?, y.checked_sub(quiet)?);
            code.data.get(y * code.size + x).filter(|_| x < code.size).map(|module| module.value())
        };
        let dark = (0..side * side).map(|i| module(i % side, i / side).unwrap_or(false)).collect();
        Some(Self { side, dark })
    }

    /// The rows of a terminal: two modules in one character cell. With `colour` black on white; without, drawn in the
    /// foreground colour for a dark terminal, where ink is light.
    pub(crate) fn half_blocks(&self, colour: bool) -> String {
        let row = |y: usize| self.dark.get(y * self.side..(y + 1) * self.side).unwrap_or_default();
        let mut drawn = String::new();
        for y in (0..self.side).step_by(2) {
            drawn.push_str(if colour { "  \u{1b}[38;5;16;48;5;231m" } else { "  " });
            let below = row(y + 1).iter().map(|dark| *dark == colour).chain(std::iter::repeat(false));
            drawn.extend(row(y).iter().zip(below).map(|(above, below)| match (*above == colour, below) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            }));
            drawn.push_str(if colour { "\u{1b}[0m\n" } else { "\n" });
        }
        drawn
    }
}

/// The code for a terminal; `None` if the text is too long for one. Two light modules around are enough for every reader
/// met, and save lines.
pub(crate) fn terminal(text: &str, colour: bool) -> Option<String> {
    Modules::encode(text, ECL::L, 2).map(|code| code.half_blocks(colour))
}

fn page_modules(text: &str) -> Option<Modules> {
    Modules::encode(text, ECL::M, QUIET)
}

/// The code as an SVG image with a text alternative; `None` if the text is too long for one.
pub(crate) fn svg(text: &str) -> Option<String> {
    let Modules { side, dark } = page_modules(text)?;
    let mut path = String::new();
    for (i, _) in dark.iter().enumerate().filter(|(_, dark)| **dark) {
        let _ = write!(path, "M{} {}h1v1h-1z", i % side, i / side);
    }
    let label = text!("enroll-picture");
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" width=\"240\" height=\"240\" role=\"img\" \
         aria-label=\"{label}\" shape-rendering=\"crispEdges\">\
         <rect width=\"{side}\" height=\"{side}\" fill=\"#ffffff\"/><path d=\"{path}\" fill=\"#000000\"/></svg>"
    ))
}

/// The code as a greyscale PNG image, eight pixels a module; `None` if the text is too long for one.
pub(crate) fn png(text: &str) -> Option<Vec<u8>> {
    const SCALE: usize = 8;
    let Modules { side, dark } = page_modules(text)?;
    let width = side * SCALE;
    let mut pixels = Vec::with_capacity(width * width);
    for row in dark.chunks(side) {
        let line: Vec<u8> = row.iter().flat_map(|d| [if *d { 0u8 } else { 255 }; SCALE]).collect();
        for _ in 0..SCALE {
            pixels.extend_from_slice(&line);
        }
    }
    let pixel_width = u32::try_from(width).ok()?;
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, pixel_width, pixel_width);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&pixels).ok()?;
    writer.finish().ok()?;
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_images_show_the_same_code() {
        let uri = "otpauth://totp/Example:ann?secret=JBSWY3DPEHPK3PXP&issuer=Example";
        let shape = page_modules(uri).expect("fits");
        let picture = png(uri).expect("fits");
        assert!(picture.starts_with(b"\x89PNG"));
        let mut reader = png::Decoder::new(std::io::Cursor::new(picture)).read_info().expect("png");
        let mut pixels = vec![0; reader.output_buffer_size().expect("size")];
        let info = reader.next_frame(&mut pixels).expect("frame");
        assert_eq!(info.width as usize, shape.side * 8);
        for (i, dark) in shape.dark.iter().enumerate() {
            let at = (i / shape.side * 8 + 4) * info.width as usize + i % shape.side * 8 + 4;
            assert_eq!(pixels[at] == 0, *dark);
        }
        let drawn = svg(uri).expect("fits").matches("h1v1h-1z").count();
        assert_eq!(drawn, shape.dark.iter().filter(|d| **d).count());
        assert!(!svg(uri).expect("fits").contains("style"));
    }

    #[test]
    fn fits_in_a_terminal_of_eighty_columns() {
        let uri = "otpauth://totp/Stepgate%20demo:ann?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Stepgate%20demo\
                   &algorithm=SHA1&digits=6&period=30";
        let drawn = terminal(uri, true).unwrap();
        let lines: Vec<&str> = drawn.lines().collect();
        let cells = |l: &str| l.chars().filter(|c| matches!(c, '█' | '▀' | '▄' | ' ')).count();
        assert!(lines.len() <= 28, "{} lines", lines.len());
        assert!(lines.iter().all(|l| cells(l) == cells(lines[0]) && cells(l) <= 78));
        assert!(!terminal(uri, false).unwrap().contains('\u{1b}'));
        // The upper left finder pattern: seven dark modules in a row, after the quiet zone.
        assert!(lines[1].contains("  █▀▀▀▀▀█"), "{}", lines[1]);
    }

    #[test]
    fn too_much_text_is_no_code() {
        assert!(terminal(&"x".repeat(5000), true).is_none());
        assert!(svg(&"x".repeat(4000)).is_none());
    }
}
