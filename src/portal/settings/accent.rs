//! The accent colour, made readable in both schemes: links on our paper, and text of the colour of the paper on buttons
//! (WCAG 2.2, 1.4.3; lines and outlines need less, 1.4.11).

use std::fmt;

/// What text needs against its ground.
const TEXT: f64 = 4.5;
/// What the shade for the dark scheme reaches. More than text needs: a glaring colour that just passes is hard to read
/// at night.
const AT_NIGHT: f64 = 7.0;
/// The paper of our pages in the dark scheme, `--paper` of the style sheet. In the light one it is white.
const DARK_PAPER: Colour = Colour([0x14, 0x16, 0x1a]);
const WHITE: Colour = Colour([0xff; 3]);

/// An accent colour as it is shown in each scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accent {
    light: Colour,
    dark: Colour,
}

/// A colour that white text cannot stand on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LowContrast {
    /// Its contrast with white.
    pub contrast: f64,
    /// What is needed.
    pub needed: f64,
    /// The lightest shade of it that does.
    pub nearest: Colour,
}

impl Accent {
    /// The accent of the operator's colour, and a lighter shade of it for the dark scheme.
    ///
    /// # Errors
    /// White text on it, and it on white, is hard to read.
    pub fn new(colour: Colour) -> Result<Self, LowContrast> {
        let contrast = colour.contrast(WHITE);
        if contrast < TEXT {
            return Err(LowContrast { contrast, needed: TEXT, nearest: least(|n| colour.shaded(n), WHITE, TEXT) });
        }
        Ok(Self { light: colour, dark: least(|n| colour.tinted(n), DARK_PAPER, AT_NIGHT) })
    }

    /// For the light scheme: as the operator wrote it.
    pub const fn light(&self) -> Colour {
        self.light
    }

    /// For the dark scheme.
    pub const fn dark(&self) -> Colour {
        self.dark
    }
}

/// A colour of the sRGB space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour([u8; 3]);

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([r, g, b]) = self;
        write!(f, "#{r:02x}{g:02x}{b:02x}")
    }
}

impl Colour {
    /// Reads `#rrggbb`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#')?;
        if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let [_, r, g, b] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
        Some(Self([r, g, b]))
    }

    /// The contrast ratio with another colour, 1 to 21.
    fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn luminance(self) -> f64 {
        let part = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        let [r, g, b] = self.0.map(part);
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    /// Mixed with so many thousandths of black.
    fn shaded(self, thousandths: u32) -> Self {
        Self(self.0.map(|c| u8::try_from(u32::from(c) * (1000 - thousandths.min(1000)) / 1000).unwrap_or(c)))
    }

    /// Mixed with so many thousandths of white.
    fn tinted(self, thousandths: u32) -> Self {
        let Self(inverse) = Self(self.0.map(|c| 255 - c)).shaded(thousandths);
        Self(inverse.map(|c| 255 - c))
    }
}

/// The first of a thousand shades that reaches a contrast; each has more of it than the one before.
fn least(shade: impl Fn(u32) -> Colour, ground: Colour, contrast: f64) -> Colour {
    let (mut short, mut enough) = (0, 1000);
    while short < enough {
        let middle = (short + enough) / 2;
        if shade(middle).contrast(ground) >= contrast {
            enough = middle;
        } else {
            short = middle + 1;
        }
    }
    shade(enough)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Whatever is accepted can be read in both schemes, as a link and below the words of a button; whatever is not has
    /// a neighbour that is.
    fn holds(colour: Colour) {
        match Accent::new(colour) {
            Ok(accent) => {
                assert_eq!(accent.light(), colour);
                assert!(colour.contrast(WHITE) >= TEXT, "{colour}");
                assert!(accent.dark().contrast(DARK_PAPER) >= TEXT, "{colour}: {}", accent.dark());
                assert!(accent.dark().luminance() > colour.luminance(), "{colour}: {}", accent.dark());
            }
            Err(faint) => {
                assert!(faint.contrast < faint.needed && Accent::new(faint.nearest).is_ok(), "{colour}");
            }
        }
    }

    proptest! {
        #![proptest_config(crate::auth::generated::cases(4000))]

        #[test]
        fn what_is_accepted_is_readable_in_both_schemes(colour: [u8; 3]) {
            holds(Colour(colour));
            let text = Colour(colour).to_string();
            prop_assert_eq!(Colour::parse(&text), Some(Colour(colour)));
        }
    }

    #[test]
    fn so_is_every_corner_of_the_space() {
        let steps = || (0..=255_u8).step_by(15);
        for (r, g) in steps().flat_map(|r| steps().map(move |g| (r, g))) {
            steps().for_each(|b| holds(Colour([r, g, b])));
        }
    }

    #[test]
    fn the_grounds_are_those_of_the_style_sheet() {
        let css = include_str!("../assets/stepgate.css");
        let (light, dark) = css.split_once("prefers-color-scheme:dark").unwrap();
        assert!(light.contains("--paper:#fff;") && dark.contains(&format!("--paper:{DARK_PAPER};")));
        // A note has another ground: links in it take the colour of its text.
        assert!(css.contains(".note a{color:inherit}"));
    }

    #[test]
    fn known_colours() {
        let accent = Accent::new(Colour::parse("#1f4fd8").unwrap()).unwrap();
        assert_eq!((accent.light().to_string().as_str(), accent.dark().to_string().as_str()), ("#1f4fd8", "#849fea"));
        assert_eq!(Accent::new(Colour([0; 3])).unwrap().dark().to_string(), "#a1a1a1");
        for text in ["1f4fd8", "#1f4fd", "#1f4fd80", "#1f4fdg", "#+f4fd8", ""] {
            assert_eq!(Colour::parse(text), None, "{text}");
        }
    }
}
