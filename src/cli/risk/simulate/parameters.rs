//! What the generated people and attackers are like. The model was tuned with the seed 20261126 in the first world; what
//! docs/risk.md reports has the seed 7305811. Both sets were written down before the model was tuned; the second
//! was never used for tuning. Shares of devices, browsers and frequencies are those published for the Telenor data set
//! (Wiefling et al., ACM TOPS 26(1), 2022); the rest is set by hand.

/// Everything that a workload depends on but its seed and size.
pub(crate) struct Parameters {
    /// The country of the people.
    pub(crate) home: &'static str,
    /// Broadband providers there, by their share of people.
    pub(crate) broadband: &'static [f64],
    pub(crate) mobile: &'static [f64],
    /// Smaller networks there: offices and schools, and hosting.
    pub(crate) business: usize,
    pub(crate) hosting: usize,
    /// Share of people, and of the median days between their sign-ins.
    pub(crate) frequencies: [(f64, f64); 3],
    /// How broad the gaps are spread.
    pub(crate) spread: f64,
    pub(crate) days: u64,
    /// Share of sign-ins by phone.
    pub(crate) phones: f64,
    /// Homes whose address stays, is leased for weeks, or changes daily.
    pub(crate) homes: [f64; 3],
    /// Share of people and providers with IPv6.
    pub(crate) ipv6: f64,
    pub(crate) employed: f64,
    pub(crate) people_an_office: u64,
    pub(crate) vpn_users: f64,
    /// Share of people who travel, and of their sign-ins abroad.
    pub(crate) travellers: f64,
    pub(crate) abroad: f64,
    /// Share of sign-ins in a network of others at home.
    pub(crate) guests: f64,
    /// Devices that never keep a cookie, and sign-ins before which one was cleared.
    pub(crate) without_cookie: f64,
    pub(crate) cookie_lost: f64,
    /// Operating system and share, of computers and of phones.
    pub(crate) computers: [(&'static str, f64); 3],
    pub(crate) handsets: [(&'static str, f64); 2],
}

/// The one for tuning: Norway, IPv4.
pub(crate) const FIRST: Parameters = Parameters {
    home: "NO",
    broadband: &[0.36, 0.24, 0.14, 0.08, 0.05, 0.04, 0.03, 0.02, 0.02, 0.02],
    mobile: &[0.55, 0.33, 0.12],
    business: 30,
    hosting: 25,
    frequencies: [(0.224, 1.5), (0.293, 9.0), (0.483, 45.0)],
    spread: 1.1,
    days: 395,
    phones: 0.65,
    homes: [0.25, 0.45, 0.30],
    ipv6: 0.0,
    employed: 0.6,
    people_an_office: 25,
    vpn_users: 0.06,
    travellers: 0.10,
    abroad: 0.10,
    guests: 0.02,
    without_cookie: 0.05,
    cookie_lost: 0.01,
    computers: [("Windows", 0.792), ("macOS", 0.194), ("Linux", 0.014)],
    handsets: [("Android", 0.649), ("iOS", 0.351)],
};

/// The one held out: Brazil, half IPv6, more providers, more phones, addresses that change more often.
pub(crate) const SECOND: Parameters = Parameters {
    home: "BR",
    broadband: &[
        0.2, 0.15, 0.1, 0.06, 0.05, 0.05, 0.04, 0.04, 0.04, 0.03, 0.03, 0.03, 0.03, 0.03, 0.03, 0.03, 0.03, 0.03,
    ],
    mobile: &[0.4, 0.33, 0.27],
    business: 60,
    hosting: 40,
    frequencies: [(0.15, 1.2), (0.35, 7.0), (0.50, 35.0)],
    spread: 1.3,
    days: 300,
    phones: 0.75,
    homes: [0.10, 0.40, 0.50],
    ipv6: 0.5,
    employed: 0.45,
    people_an_office: 12,
    vpn_users: 0.04,
    travellers: 0.05,
    abroad: 0.15,
    guests: 0.04,
    without_cookie: 0.08,
    cookie_lost: 0.02,
    computers: [("Windows", 0.87), ("macOS", 0.08), ("Linux", 0.05)],
    handsets: [("Android", 0.82), ("iOS", 0.18)],
};
