//! Header names as the most careless app folds them: CGI, PHP and WSGI read `X_User`, `X.User` and
//! `X-User` alike. What one of them could take for ours is ours.

/// A header name in its folded form: lower case, every other character than a letter or digit as `-`.
pub fn fold(name: &str) -> String {
    name.bytes().map(|b| char::from(fold_byte(b))).collect()
}

const fn fold_byte(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' }
}

/// Whether apps may read a method in a header of this name, in place of the one that was sent.
pub fn names_a_method(name: &str) -> bool {
    ["x-http-method-override", "x-http-method", "x-method-override"]
        .iter()
        .any(|other| name.len() == other.len() && name.bytes().map(fold_byte).eq(other.bytes()))
}

/// Names that only we may set: what proxies tell about the client, and what changes the path behind our back.
const BUILT_IN: [&str; 35] = [
    "forwarded",
    "x-forwarded",
    "x-stepgate",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "client-ip",
    "x-original-url",
    "x-original-uri",
    "x-original-host",
    "x-rewrite-url",
    "x-host",
    // More that some apps believe about the client's address and scheme.
    "cf-connecting-ip",
    "fastly-client-ip",
    "x-envoy-external-address",
    "x-envoy-original-path",
    "front-end-https",
    "x-url-scheme",
    "x-scheme",
    // CGI apps take it for the proxy of their own requests.
    "proxy",
    // Who is asking, as other gates tell apps. An app may believe any of these, whichever the operator chose.
    "remote-user",
    "remote-user-id",
    "remote-username",
    "remote-group",
    "remote-groups",
    "remote-email",
    "remote-name",
    "remote-roles",
    "remote-addr",
    "remote-ident",
    "auth-user",
    "auth-type",
    "x-remote",
    "x-authenticated",
];

/// Families of such names.
const BUILT_IN_FAMILIES: [&str; 11] = [
    "x-forwarded-",
    "x-stepgate-",
    // Of other gates.
    "x-remote-",
    "x-auth-request-",
    "x-authenticated-",
    "x-webauth-",
    "x-authentik-",
    "x-vouch-",
    "x-pomerium-",
    "x-goog-authenticated-user-",
    "tailscale-user-",
];

/// The header names that are removed from every request before any of ours are added.
#[derive(Clone, Debug)]
pub struct Reserved {
    names: Vec<String>,
    /// For each length (63 stands for more), the first letters of the names that long: nearly every header of a
    /// request is none of ours, and one look tells.
    firsts: [u32; 64],
}

impl Reserved {
    /// The built-in names, and those that the operator has chosen for identity headers.
    pub fn new<N: AsRef<str>>(configured: impl IntoIterator<Item = N>) -> Self {
        let configured = configured.into_iter().map(|n| fold(n.as_ref()));
        let mut names: Vec<String> = BUILT_IN.into_iter().map(str::to_owned).chain(configured).collect();
        names.sort_unstable();
        names.dedup();
        let mut firsts = [0; 64];
        for name in &names {
            if let Some(bits) = firsts.get_mut(name.len().min(63)) {
                *bits |= first_bit(name.as_bytes());
            }
        }
        Self { names, firsts }
    }

    /// Whether a header name, in any spelling, is one of ours. Does not allocate.
    pub fn is_reserved(&self, name: &str) -> bool {
        let first = first_bit(name.as_bytes());
        let may_be = self.firsts.get(name.len().min(63)).is_some_and(|bits| bits & first != 0);
        let folds_to = |ours: &str| name.len() == ours.len() && name.bytes().map(fold_byte).eq(ours.bytes());
        let begins_with = |ours: &&str| {
            name.len() >= ours.len() && name.bytes().map(fold_byte).zip(ours.bytes()).all(|(a, b)| a == b)
        };
        (may_be && self.names.iter().any(|ours| folds_to(ours)))
            || (first & FAMILY_FIRSTS != 0 && BUILT_IN_FAMILIES.iter().any(begins_with))
    }
}

/// One bit for the first byte of a name, folded: a letter's own, or the one of all others.
const fn first_bit(name: &[u8]) -> u32 {
    match name {
        [first, ..] if first.is_ascii_alphabetic() => 1 << (first.to_ascii_lowercase() - b'a'),
        _ => 1 << 26,
    }
}

/// The first letters of the families.
const FAMILY_FIRSTS: u32 = first_bit(b"x") | first_bit(b"t");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_fold_to_one_spelling() {
        assert_eq!(fold("X_Forwarded.User"), "x-forwarded-user");
        assert_eq!(fold("Remote~User"), "remote-user");
    }

    #[test]
    fn ours_are_reserved_and_others_are_not() {
        let reserved = Reserved::new(["Remote-User", "X-Auth.Groups"]);
        for name in [
            "Remote-User",
            "remote_user",
            "REMOTE.USER",
            "x-auth-groups",
            "X_Auth_Groups",
            "Forwarded",
            "X-Forwarded-For",
            "x_forwarded_proto",
            "X-Forwarded-Anything",
            "X-Stepgate-Assertion",
            "x.stepgate.x",
            "X-Real-IP",
            "X_Original_URL",
            "X-Forwarded",
            "X-Stepgate",
        ] {
            assert!(reserved.is_reserved(name), "{name}");
        }
        for name in [
            "accept",
            "host",
            "cookie",
            "authorization",
            "x-requested-with",
            "remote-users",
            "xforwardedfor",
            "x-stepgates",
            "x-auth-token",
            "x-api-key",
            "x-csrf-token",
            "x-remotely",
            "te",
            "",
        ] {
            assert!(!reserved.is_reserved(name), "{name}");
        }
    }

    /// What apps believe about who is asking is ours, whichever of it the operator configured, or nothing.
    #[test]
    fn identity_headers_of_any_gate_are_reserved_without_being_configured() {
        for reserved in [Reserved::new([""; 0]), Reserved::new(["Remote-User"]), Reserved::new(["X-My-User"])] {
            for name in [
                "Remote-User",
                "Remote_User",
                "REMOTE.GROUPS",
                "Remote-Email",
                "remote~name",
                "Auth-User",
                "X-Remote-User",
                "X_Remote_Groups",
                "X-Forwarded-User",
                "X_Forwarded_Preferred_Username",
                "X-Forwarded-Access-Token",
                "X-Auth-Request-User",
                "X_Auth_Request_Email",
                "X-Authenticated-User",
                "X-Authenticated.Groups",
                "X-WEBAUTH-USER",
                "x-authentik-username",
                "X-Vouch-User",
                "X-Pomerium-Jwt-Assertion",
                "X-Goog-Authenticated-User-Email",
                "Tailscale-User-Login",
            ] {
                assert!(reserved.is_reserved(name), "{name}");
            }
        }
    }

    proptest! {
        /// Every way of writing a managed name with other separators and case is caught.
        #[test]
        fn no_alias_slips_through(
            name in prop::sample::select(vec!["Remote-User", "Remote-Groups", "X-Remote-Email", "X-Auth-Request-User", "X-Authenticated-User", "X-Webauth-User", "Auth-User", "X-Forwarded-User", "X-Real-IP", "X-Very-Long-Name-That-Is-Longer-Than-Sixty-Three-Bytes-And-Then-Some-More"]),
            separators in prop::collection::vec(prop::sample::select(b"-_.~+!#$%&'*^`|".to_vec()), 20),
            upper in prop::collection::vec(any::<bool>(), 100),
        ) {
            let reserved = Reserved::new(["Remote-User", "X-Very-Long-Name-That-Is-Longer-Than-Sixty-Three-Bytes-And-Then-Some-More"]);
            let mut separators = separators.into_iter().cycle();
            let alias: String = name.chars().zip(upper).map(|(c, up)| match c {
                '-' => char::from(separators.next().unwrap()),
                _ if up => c.to_ascii_uppercase(),
                _ => c.to_ascii_lowercase(),
            }).collect();
            prop_assert!(reserved.is_reserved(&alias), "{}", alias);
        }

        #[test]
        fn reserved_is_exactly_what_folds_to_a_name(
            name in "[a-zA-Z_.-]{0,14}|([xX][-_.])?([rR]emote|auth|[wW]ebauth)[-_.]([uU]ser|x|request-)?",
        ) {
            let reserved = Reserved::new(["X-My-User"]);
            let folded = fold(&name);
            let expected = folded == "x-my-user"
                || BUILT_IN.contains(&folded.as_str())
                || BUILT_IN_FAMILIES.iter().any(|f| folded.starts_with(f));
            prop_assert_eq!(reserved.is_reserved(&name), expected);
        }
    }
}
