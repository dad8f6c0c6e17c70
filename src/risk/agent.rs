//! The kind of device and the family of browser, without versions: a small table, read in order, first match wins.

/// The kind of device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeviceClass {
    Desktop,
    Mobile,
    Tablet,
    /// A command or a library, no browser.
    Script,
    /// Nothing is known: says nothing.
    #[default]
    Unknown,
}

/// The family of operating system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OsFamily {
    Windows,
    MacOs,
    Ios,
    Android,
    ChromeOs,
    Linux,
    #[default]
    Other,
}

/// The family of browser.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BrowserFamily {
    Edge,
    Opera,
    Samsung,
    Vivaldi,
    Yandex,
    DuckDuckGo,
    Firefox,
    InternetExplorer,
    Chrome,
    Safari,
    /// Any other text, told apart by a hash of it without its numbers.
    Other(u32),
    /// None was sent: says nothing.
    #[default]
    Unknown,
}

/// What signs in: the device and the browser.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Agent {
    pub class: DeviceClass,
    pub os: OsFamily,
    pub family: BrowserFamily,
}

/// The User-Agent Client Hints that browsers send without being asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClientHints<'a> {
    /// `Sec-CH-UA`.
    pub brands: Option<&'a str>,
    /// `Sec-CH-UA-Mobile`.
    pub mobile: Option<&'a str>,
    /// `Sec-CH-UA-Platform`.
    pub platform: Option<&'a str>,
}

const SYSTEMS: [(&str, OsFamily); 10] = [
    ("android", OsFamily::Android),
    ("iphone", OsFamily::Ios),
    ("ipad", OsFamily::Ios),
    ("ipod", OsFamily::Ios),
    ("ios", OsFamily::Ios),
    ("windows", OsFamily::Windows),
    ("cros", OsFamily::ChromeOs),
    ("chrome os", OsFamily::ChromeOs),
    ("mac", OsFamily::MacOs),
    ("linux", OsFamily::Linux),
];

/// Those that call themselves by another's name too come first.
const FAMILIES: [(&str, BrowserFamily); 20] = [
    ("edg", BrowserFamily::Edge),
    ("opr/", BrowserFamily::Opera),
    ("opt/", BrowserFamily::Opera),
    ("opera", BrowserFamily::Opera),
    ("samsung", BrowserFamily::Samsung),
    ("vivaldi", BrowserFamily::Vivaldi),
    ("yabrowser", BrowserFamily::Yandex),
    ("yandex", BrowserFamily::Yandex),
    ("duckduckgo", BrowserFamily::DuckDuckGo),
    ("fxios", BrowserFamily::Firefox),
    ("firefox", BrowserFamily::Firefox),
    ("msie", BrowserFamily::InternetExplorer),
    ("trident", BrowserFamily::InternetExplorer),
    ("crios", BrowserFamily::Chrome),
    ("google chrome", BrowserFamily::Chrome),
    ("chromium", BrowserFamily::Chrome),
    ("chrome", BrowserFamily::Chrome),
    ("mobile safari", BrowserFamily::Safari),
    ("safari", BrowserFamily::Safari),
    ("applewebkit", BrowserFamily::Safari),
];

const SCRIPTS: [&str; 9] = ["curl/", "wget/", "python", "go-http", "okhttp", "java/", "bot", "spider", "crawler"];

impl Agent {
    /// Reads `User-Agent`, and the client hints where the text alone leaves it open.
    pub fn of(user_agent: Option<&str>, hints: ClientHints<'_>) -> Self {
        let text = lower(user_agent.unwrap_or_default());
        let platform = lower(hints.platform.unwrap_or_default());
        let brands = lower(hints.brands.unwrap_or_default());
        let os = first(&SYSTEMS, &platform).or_else(|| first(&SYSTEMS, &text)).unwrap_or_default();
        let by_brand = first(&FAMILIES, &brands).filter(|family| *family != BrowserFamily::Chrome);
        let family = by_brand.or_else(|| BrowserFamily::of_text(&text)).unwrap_or_default();
        Self { class: class(&text, os, hints.mobile), os, family }
    }
}

impl BrowserFamily {
    /// The family that a text names, with or without a version.
    pub fn of(text: &str) -> Option<Self> {
        Self::of_text(&lower(text))
    }

    fn of_text(text: &str) -> Option<Self> {
        if text.trim().is_empty() {
            return None;
        }
        Some(first(&FAMILIES, text).unwrap_or_else(|| Self::Other(without_numbers(text))))
    }
}

impl DeviceClass {
    /// The word for operators.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Desktop => "desktop",
            Self::Mobile => "mobile",
            Self::Tablet => "tablet",
            Self::Script => "script",
            Self::Unknown => "unknown",
        }
    }

    /// The class that a word names, as logs and data sets write it.
    pub fn of(text: &str) -> Option<Self> {
        match lower(text.trim()).as_str() {
            "desktop" | "pc" | "laptop" => Some(Self::Desktop),
            "mobile" | "phone" | "smartphone" => Some(Self::Mobile),
            "tablet" => Some(Self::Tablet),
            "script" | "bot" | "api" => Some(Self::Script),
            _ => None,
        }
    }
}

fn class(text: &str, os: OsFamily, mobile: Option<&str>) -> DeviceClass {
    if SCRIPTS.iter().any(|word| text.contains(word)) {
        return DeviceClass::Script;
    }
    let is_mobile = text.contains("mobi") || mobile.is_some_and(|hint| hint.trim() == "?1");
    match os {
        OsFamily::Ios if text.contains("ipad") => DeviceClass::Tablet,
        OsFamily::Android if !is_mobile => DeviceClass::Tablet,
        OsFamily::Ios | OsFamily::Android => DeviceClass::Mobile,
        OsFamily::Windows | OsFamily::MacOs | OsFamily::Linux | OsFamily::ChromeOs => DeviceClass::Desktop,
        OsFamily::Other if is_mobile => DeviceClass::Mobile,
        OsFamily::Other => DeviceClass::Unknown,
    }
}

fn first<T: Copy>(table: &[(&str, T)], text: &str) -> Option<T> {
    table.iter().find(|(word, _)| text.contains(word)).map(|(_, value)| *value)
}

/// In lower case, at most as much as the families need.
fn lower(text: &str) -> String {
    text.chars().take(512).map(|c| c.to_ascii_lowercase()).collect()
}

/// FNV-1a, 32 bits, of all but digits and dots.
fn without_numbers(text: &str) -> u32 {
    let letters = text.bytes().filter(|b| !b.is_ascii_digit() && *b != b'.');
    letters.fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_read_by_family() {
        use BrowserFamily as B;
        use DeviceClass::{Desktop, Mobile, Script, Tablet, Unknown};
        use OsFamily::{Android, Ios, MacOs, Other, Windows};
        for (text, class, os, family) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
                Desktop,
                Windows,
                B::Chrome,
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
                Desktop,
                Windows,
                B::Edge,
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15",
                Desktop,
                MacOs,
                B::Safari,
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:143.0) Gecko/20100101 Firefox/143.0",
                Desktop,
                MacOs,
                B::Firefox,
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
                Mobile,
                Android,
                B::Chrome,
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
                Tablet,
                Android,
                B::Chrome,
            ),
            (
                "Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
                Mobile,
                Android,
                B::Samsung,
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1",
                Mobile,
                Ios,
                B::Chrome,
            ),
            (
                "Mozilla/5.0 (iPad; CPU OS 16_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.0 Mobile/15E148 Safari/604.1",
                Tablet,
                Ios,
                B::Safari,
            ),
            ("curl/8.5.0", Script, Other, B::Other(without_numbers("curl/"))),
            ("", Unknown, Other, B::Unknown),
        ] {
            assert_eq!(Agent::of(Some(text), ClientHints::default()), Agent { class, os, family }, "{text}");
        }
    }

    #[test]
    fn a_new_version_is_the_same_browser() {
        let of = |text| Agent::of(Some(text), ClientHints::default());
        assert_eq!(of("ExampleBrowser/1.2.3 (Plan9)"), of("ExampleBrowser/1.10 (Plan9)"));
        assert_ne!(of("ExampleBrowser/1.2.3 (Plan9)"), of("OtherBrowser/1.2.3 (Plan9)"));
    }

    #[test]
    fn hints_say_what_the_text_hides() {
        let hints = ClientHints {
            brands: Some("\"Chromium\";v=\"140\", \"Microsoft Edge\";v=\"140\", \"Not=A?Brand\";v=\"24\""),
            mobile: Some("?0"),
            platform: Some("\"Windows\""),
        };
        let agent =
            Agent::of(Some("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36"), hints);
        assert_eq!(agent.os, OsFamily::Windows);
        assert_eq!(agent.class, DeviceClass::Desktop);
    }
}
