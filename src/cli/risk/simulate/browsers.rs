//! `User-Agent` texts as browsers send them, with the versions of their day.

use super::parameters::Parameters;
use crate::cli::risk::random::Random;

/// A browser on a device.
#[derive(Clone)]
pub(crate) struct Browser {
    pub(crate) os: &'static str,
    pub(crate) family: &'static str,
    /// By how many days its updates come late.
    pub(crate) lag: u64,
    /// The model of the phone, where the text has it.
    pub(crate) model: &'static str,
}

const MODELS: [&str; 4] = ["SM-S918B", "SM-A546B", "SM-G991B", "SM-A135F"];

impl Browser {
    /// A computer's or a phone's, by what is usual.
    pub(crate) fn usual(phone: bool, parameters: &Parameters, random: &mut Random) -> Self {
        let by = |(_, share): &(&str, f64)| *share;
        let os =
            if phone { random.weighted(&parameters.handsets, by) } else { random.weighted(&parameters.computers, by) };
        let os = os.map_or("Windows", |(os, _)| os);
        let families: &[(&str, f64)] = match os {
            "iOS" => &[("Safari", 0.88), ("Chrome", 0.12)],
            "Android" => &[("Chrome", 0.84), ("Samsung", 0.13), ("Firefox", 0.03)],
            "macOS" => &[("Safari", 0.5), ("Chrome", 0.44), ("Firefox", 0.06)],
            "Linux" => &[("Firefox", 0.5), ("Chrome", 0.5)],
            _ => &[("Chrome", 0.76), ("Edge", 0.18), ("Firefox", 0.06)],
        };
        let family = random.weighted(families, by).map_or("Chrome", |(family, _)| family);
        let model = random.pick(&MODELS).copied().unwrap_or_default();
        Self { os, family, lag: random.log_normal(4.0, 1.0) as u64, model }
    }

    pub(crate) fn is_phone(&self) -> bool {
        matches!(self.os, "iOS" | "Android")
    }

    /// Its version on this day.
    fn version(&self, day: u64) -> u64 {
        let days = (day + 400).saturating_sub(self.lag.min(200));
        match self.family {
            "Safari" => 13 + days / 180,
            "Samsung" => 10 + days / 60,
            _ => 70 + days / 28,
        }
    }

    /// The family with its version, as data sets write it.
    pub(crate) fn name(&self, day: u64) -> String {
        format!("{} {}", self.family, self.version(day))
    }

    /// What it sends.
    pub(crate) fn text(&self, day: u64) -> String {
        let version = self.version(day);
        let chrome = 70 + (day + 400).saturating_sub(self.lag.min(200)) / 28;
        match (self.os, self.family) {
            ("iOS", "Safari") => format!(
                "Mozilla/5.0 (iPhone; CPU iPhone OS {version}_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{version}.0 Mobile/15E148 Safari/604.1"
            ),
            ("iOS", _) => format!(
                "Mozilla/5.0 (iPhone; CPU iPhone OS 14_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/{version}.0 Mobile/15E148 Safari/604.1"
            ),
            ("Android", "Samsung") => format!(
                "Mozilla/5.0 (Linux; Android 11; SAMSUNG {}) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/{version}.0 Chrome/{chrome}.0.0.0 Mobile Safari/537.36",
                self.model
            ),
            ("Android", "Firefox") => {
                format!("Mozilla/5.0 (Android 11; Mobile; rv:{version}.0) Gecko/{version}.0 Firefox/{version}.0")
            }
            ("Android", _) => format!(
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Mobile Safari/537.36"
            ),
            ("macOS", "Safari") => format!(
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{version}.0 Safari/605.1.15"
            ),
            (os, "Firefox") => {
                format!("Mozilla/5.0 ({}; rv:{version}.0) Gecko/20100101 Firefox/{version}.0", machine(os))
            }
            (os, "Edge") => format!(
                "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Safari/537.36 Edg/{version}.0.0.0",
                machine(os)
            ),
            (os, _) => format!(
                "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Safari/537.36",
                machine(os)
            ),
        }
    }
}

const fn machine(os: &str) -> &'static str {
    match os.as_bytes() {
        b"macOS" => "Macintosh; Intel Mac OS X 10_15_7",
        b"Linux" => "X11; Linux x86_64",
        _ => "Windows NT 10.0; Win64; x64",
    }
}
