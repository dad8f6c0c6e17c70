//! A browser and its system by the names that people know, without versions.

use crate::risk::{Agent, BrowserFamily, ClientHints, DeviceClass, OsFamily};

/// What signed in, by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AgentName {
    /// `None`: nobody knows it.
    pub browser: Option<&'static str>,
    pub system: Option<&'static str>,
    /// A command or a library, no browser.
    pub is_script: bool,
}

impl AgentName {
    /// Of `User-Agent` alone.
    pub fn of(user_agent: Option<&str>) -> Self {
        Self::of_agent(Agent::of(user_agent, ClientHints::default()))
    }

    /// Of `User-Agent` and of `Sec-CH-UA`, `Sec-CH-UA-Mobile`, `Sec-CH-UA-Platform`.
    pub fn seen(user_agent: Option<&str>, [brands, mobile, platform]: [Option<&str>; 3]) -> Self {
        Self::of_agent(Agent::of(user_agent, ClientHints { brands, mobile, platform }))
    }

    /// As it is kept in the audit trail: `Firefox/Linux`, `script`; `None`: nothing is known.
    pub fn word(self) -> Option<String> {
        match (self.browser, self.system) {
            _ if self.is_script => Some(SCRIPT.to_owned()),
            (None, None) => None,
            (browser, system) => Some(format!("{}/{}", browser.unwrap_or_default(), system.unwrap_or_default())),
        }
    }

    /// Reads what [`Self::word`] wrote; a name that nobody knows is none.
    pub fn read(word: &str) -> Self {
        let (browser, system) = word.split_once('/').unwrap_or_default();
        Self {
            browser: BROWSERS.into_iter().find_map(|(_, name)| (name == browser).then_some(name)),
            system: SYSTEMS.into_iter().find_map(|(_, name)| (name == system).then_some(name)),
            is_script: word == SCRIPT,
        }
    }

    fn of_agent(agent: Agent) -> Self {
        Self {
            browser: BROWSERS.into_iter().find_map(|(family, name)| (family == agent.family).then_some(name)),
            system: SYSTEMS.into_iter().find_map(|(os, name)| (os == agent.os).then_some(name)),
            is_script: agent.class == DeviceClass::Script,
        }
    }
}

const SCRIPT: &str = "script";

const BROWSERS: [(BrowserFamily, &str); 10] = [
    (BrowserFamily::Edge, "Edge"),
    (BrowserFamily::Opera, "Opera"),
    (BrowserFamily::Samsung, "Samsung Internet"),
    (BrowserFamily::Vivaldi, "Vivaldi"),
    (BrowserFamily::Yandex, "Yandex Browser"),
    (BrowserFamily::DuckDuckGo, "DuckDuckGo"),
    (BrowserFamily::Firefox, "Firefox"),
    (BrowserFamily::InternetExplorer, "Internet Explorer"),
    (BrowserFamily::Chrome, "Chrome"),
    (BrowserFamily::Safari, "Safari"),
];

const SYSTEMS: [(OsFamily, &str); 6] = [
    (OsFamily::Windows, "Windows"),
    (OsFamily::MacOs, "macOS"),
    (OsFamily::Ios, "iOS"),
    (OsFamily::Android, "Android"),
    (OsFamily::ChromeOs, "ChromeOS"),
    (OsFamily::Linux, "Linux"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_a_browser_is_read_again() {
        let edge =
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0";
        for (text, word) in [
            (edge, Some("Edge/Windows")),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0", Some("Firefox/Linux")),
            ("curl/8.5.0", Some("script")),
            ("Something (Windows)", Some("/Windows")),
            ("Something", None),
        ] {
            let name = AgentName::of(Some(text));
            assert_eq!(name.word().as_deref(), word, "{text}");
            assert_eq!(name.word().map_or_else(AgentName::default, |word| AgentName::read(&word)), name);
        }
        // What stands in the database names nothing of its own.
        assert_eq!(AgentName::read("<script>/x"), AgentName::default());
    }
}
