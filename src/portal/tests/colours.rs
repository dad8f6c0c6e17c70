//! The colours of the style sheet.

#[test]
fn colours_reach_the_contrast_that_wcag_asks() {
    // Text on paper, soft text on paper, button text on accent, errors: light, then dark.
    for (ink, paper, least) in [
        (0x16181d, 0xffffff, 4.5),
        (0x4d5562, 0xffffff, 4.5),
        (0xffffff, 0x1f4fd8, 4.5),
        (0x1f4fd8, 0xffffff, 4.5),
        (0xb3121d, 0xfdf1f1, 4.5),
        (0x767e8c, 0xffffff, 3.0),
        (0xeceef2, 0x14161a, 4.5),
        (0xb4bac6, 0x14161a, 4.5),
        (0x0c1430, 0x9db8ff, 4.5),
        (0x9db8ff, 0x14161a, 4.5),
        (0xff9d9d, 0x2b1618, 4.5),
        (0x8b93a1, 0x14161a, 3.0),
    ] {
        let css = include_str!("../assets/stepgate.css");
        let written = |c: u32| {
            let long = format!("#{c:06x}");
            css.contains(&long) || css.contains(&format!("#{:x}{:x}{:x}", c >> 20, c >> 12 & 15, c >> 4 & 15))
        };
        assert!(written(ink) && written(paper), "{ink:06x} {paper:06x} are not of the sheet");
        let (a, b) = (luminance(ink), luminance(paper));
        let ratio = (a.max(b) + 0.05) / (a.min(b) + 0.05);
        assert!(ratio >= least, "{ink:06x} on {paper:06x}: {ratio}");
    }
}

fn luminance(colour: u32) -> f64 {
    let part = |shift: u32| {
        let c = f64::from(colour >> shift & 255) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(16) + 0.7152 * part(8) + 0.0722 * part(0)
}
