//! QR codes as SVG and PNG. Presentation attributes only: the content security policy allows no style.

use std::fmt::Write as _;

use fast_qr::{ECL, QRBuilder, QRCode};

use super::messages::text;

/// White modules around the code (ISO/IEC 18004 asks for four).
const QUIET: usize = 4;

/// Which modules are dark, with the quiet zone around.
struct Modules {
    side: usize,
    dark: Vec<bool>,
}

fn modules(text: &str) -> Option<Modules> {
    let code: QRCode = QRBuilder::new(text).ecl(ECL::M).build().ok()?;
    let side = code.size + 2 * QUIET;
    let mut dark = Vec::with_capacity(side * side);
    for y in 0..side {
        for x in 0..side {
            let inside = (QUIET..QUIET + code.size).contains(&x) && (QUIET..QUIET + code.size).contains(&y);
            dark.push(inside && code.data.get((y - QUIET) * code.size + (x - QUIET)).is_some_and(|m| m.value()));
        }
    }
    Some(Modules { side, dark })
}

/// The code as an SVG image with a text alternative; `None` if the text is too long for one.
pub(crate) fn svg(text: &str) -> Option<String> {
    let Modules { side, dark } = modules(text)?;
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
    let Modules { side, dark } = modules(text)?;
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
        let shape = modules(uri).expect("fits");
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
    fn too_much_text_is_no_code() {
        assert!(svg(&"x".repeat(4000)).is_none());
    }
}
