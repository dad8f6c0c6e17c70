//! The domain that somebody registers: one label more than a public suffix has. Hosts under one such domain are one
//! operator's.

/// The registrable domain of a canonical host; `None` for addresses, single names and public suffixes. Names under
/// `localhost` are this machine's (RFC 6761 §6.3), whoever asks.
pub(crate) fn registrable_domain(host: &str) -> Option<&str> {
    const LOCAL: &str = "localhost";
    if host.strip_suffix(LOCAL).is_some_and(|rest| rest.ends_with('.')) {
        return Some(LOCAL);
    }
    let address =
        host.starts_with('[') || host.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    if address { None } else { psl::domain_str(host) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registrable_domain_is_one_label_more_than_a_public_suffix() {
        for (host, domain) in [
            ("login.example.com", Some("example.com")),
            ("example.com", Some("example.com")),
            ("a.b.example.co.uk", Some("example.co.uk")),
            ("co.uk", None),
            ("com", None),
            ("a.github.io", Some("a.github.io")),
            ("github.io", None),
            ("erp.corp.internal", Some("corp.internal")),
            ("erp", None),
            ("10.0.0.1", None),
            ("[::1]", None),
            ("login.localhost", Some("localhost")),
            ("localhost", None),
            ("notlocalhost", None),
        ] {
            assert_eq!(registrable_domain(host), domain, "{host}");
        }
    }
}
