//! The names of counters. Made here and nowhere else; what stands in a store is up to the store.

use std::net::IpAddr;

use data_encoding::BASE64URL_NOPAD;
use ipnet::IpNet;
use sha2::{Digest, Sha256};

use super::{Charge, Limit};
use crate::auth::factor::authenticator::AddressKind;
use crate::auth::network::{client_network, wide_networks};
use crate::auth::proof::Method;
use crate::auth::user::Username;

/// Names the account a counter belongs to before anybody looked whether it exists: names nobody has are
/// limited like all others, and an alias of a name is the name.
pub fn account_of_name(typed: &str) -> String {
    let canonical = Username::parse(typed).map(|n| n.as_str().to_owned());
    let text = canonical.unwrap_or_else(|| typed.trim().to_lowercase());
    let digest = Sha256::digest(text.as_bytes());
    BASE64URL_NOPAD.encode(digest.get(..16).unwrap_or_default())
}

/// What a counter counts. With the method it is the counter's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter<'a> {
    /// An account, from all unknown browsers together.
    Account(&'a str),
    /// An account, from the unknown browsers of one client network.
    AccountNetwork(&'a str, IpAddr),
    /// Failures in a row of an account, from all unknown browsers together.
    Failures(&'a str),
    /// Letters that tell the owner of an account of too many failures in a row.
    FailuresNotice(&'a str),
    /// An account, from one known browser.
    Browser(&'a str, &'a str),
    /// Failures in a row of an account, from one known browser.
    BrowserFailures(&'a str, &'a str),
    /// An account, from one network, where others have used up the account's own counter.
    NewNetwork(&'a str, IpNet),
    /// The same from all networks together.
    NewNetworks(&'a str),
    /// All accounts, from an address or one network.
    Network(&'a str),
}

impl<'a> Counter<'a> {
    /// The [`Self::NewNetwork`] of the client's own network.
    pub fn new_network(account: &'a str, ip: IpAddr) -> Self {
        Self::NewNetwork(account, client_network(ip))
    }

    pub fn key(self, method: Method) -> String {
        let method = method.name();
        match self {
            Self::Account(account) => format!("{method}:account:{account}"),
            Self::AccountNetwork(account, ip) => format!("{method}:pace:{account}:{}", client_network(ip)),
            Self::Failures(account) => format!("{method}:lockout:{account}"),
            Self::FailuresNotice(account) => format!("{method}:lockout-notice:{account}"),
            Self::Browser(account, id) => format!("{method}:device:{account}:{id}"),
            Self::BrowserFailures(account, id) => format!("{method}:device:{account}:{id}:lockout"),
            Self::NewNetwork(account, network) => format!("{method}:newcomer:{account}:{network}"),
            Self::NewNetworks(account) => format!("{method}:newcomers:{account}"),
            Self::Network(network) => format!("{method}:network:{network}"),
        }
    }
}

/// What a counter of sent codes counts; each kind of address has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendCounter<'a> {
    /// For an account.
    Account(&'a str),
    /// For the clients of a network, by the key that it has among other counters.
    Network(&'a str),
    /// To an address, by a tag that does not tell it.
    Address(&'a str),
    /// To an address in a day.
    AddressDay(&'a str),
    /// In all, in an hour.
    Hour(&'a str),
    /// In all, in a day.
    Day(&'a str),
}

impl SendCounter<'_> {
    pub fn key(self, kind: AddressKind) -> String {
        let kind = kind.name();
        match self {
            Self::Account(account) => format!("send:{kind}:account:{account}"),
            Self::Network(network) => format!("send:{network}"),
            Self::Address(tag) => format!("send:{kind}:address:{tag}"),
            Self::AddressDay(tag) => format!("send:{kind}:address-day:{tag}"),
            Self::Hour(payer) => format!("send:{kind}:hour:{payer}"),
            Self::Day(payer) => format!("send:{kind}:day:{payer}"),
        }
    }
}

/// What an attempt on an account costs where others have used up the account's own counter: of this client's network,
/// of the wider ones around it, and of all networks together. So whoever floods an account uses up their own networks
/// only, and one that has not tried yet still gets in.
pub fn newcomer_charges(method: Method, account: &str, ip: IpAddr, one: Limit, all: Limit) -> Vec<Charge> {
    let charge = |counter: Counter<'_>, limit| Charge { key: counter.key(method), limit };
    let mut charges = vec![charge(Counter::new_network(account, ip), one)];
    let wide = wide_networks(ip).into_iter().zip([2, 4]);
    charges.extend(wide.map(|(network, times)| charge(Counter::NewNetwork(account, network), one.times(times))));
    charges.push(charge(Counter::NewNetworks(account), all));
    charges
}

/// What an attempt by a factor costs the networks of a client: its own address (or /64), and at more room the networks
/// around it.
pub fn network_charges(method: Method, ip: IpAddr, limit: Limit) -> Vec<Charge> {
    let own = match ip.to_canonical() {
        IpAddr::V4(v4) => vec![v4.to_string(), client_network(ip).to_string()],
        IpAddr::V6(_) => vec![client_network(ip).to_string()],
    };
    let networks = own.into_iter().chain(wide_networks(ip).into_iter().map(|net| net.to_string()));
    let charge = |(network, times): (String, u32)| Charge {
        key: Counter::Network(&network).key(method),
        limit: limit.times(times),
    };
    networks.zip([1, 4, 8]).map(charge).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const ONE: Limit = Limit { tries: 8, refill: Duration::from_secs(8) };

    proptest! {
        #[test]
        fn aliases_share_a_counter(name in "[a-z]{1,12}") {
            let key = account_of_name(&name);
            prop_assert_eq!(&key, &account_of_name(&name.to_uppercase()));
            prop_assert_eq!(&key, &account_of_name(&format!("  {name}\t")));
            let wide: String = name.chars().filter_map(|c| char::from_u32(u32::from(c) - 0x21 + 0xff01)).collect();
            prop_assert_eq!(&key, &account_of_name(&wide));
        }
    }

    fn networks(ip: &str) -> Vec<String> {
        let charges = network_charges(Method::Totp, ip.parse().unwrap(), ONE);
        charges.into_iter().map(|c| format!("{} {}", c.key, c.limit.tries)).collect()
    }

    #[test]
    fn a_client_is_an_address_in_networks() {
        let of_v4 = ["totp:network:203.0.113.7 8", "totp:network:203.0.113.0/24 32", "totp:network:203.0.0.0/16 64"];
        assert_eq!(networks("203.0.113.7"), of_v4);
        assert_eq!(networks("::ffff:203.0.113.7"), of_v4);
        let of_v6 =
            ["totp:network:2001:db8:1:2::/64 8", "totp:network:2001:db8:1::/48 32", "totp:network:2001:db8::/32 64"];
        assert_eq!(networks("2001:db8:1:2:3:4:5:6"), of_v6);
    }

    #[test]
    fn newcomers_share_with_their_wider_networks() {
        let keys = |ip: &str| -> Vec<(String, u32)> {
            let charges = newcomer_charges(Method::Password, "ann", ip.parse().unwrap(), ONE, ONE.times(100));
            charges.into_iter().map(|c| (c.key, c.limit.tries)).collect()
        };
        let (one, near) = (keys("203.0.113.7"), keys("203.0.7.7"));
        assert_ne!(one[0], near[0]);
        assert_eq!(one[1..], near[1..]);
        assert_eq!(one[1], ("password:newcomer:ann:203.0.0.0/16".to_owned(), 16));
        let (one, far) = (keys("2001:db8:1:2::1"), keys("2001:db8:7:2::1"));
        assert_eq!((one.len(), one[2].1), (4, 32));
        assert_eq!(one[2..], far[2..]);
        assert_ne!(one[1], far[1]);
    }
}
