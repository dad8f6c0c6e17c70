//! Header names as the most careless app folds them: CGI, PHP and WSGI read `X_User`, `X.User` and
//! `X-User` alike. What one of them could take for ours is ours.

/// A header name in its folded form: lower case, every other character than a letter or digit as `-`.
pub fn fold(name: &str) -> String {
    name.bytes().map(|b| char::from(fold_byte(b))).collect()
}

const fn fold_byte(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' }
}

/// Names that only we may set: what proxies tell about the client, and what changes the path behind our back.
const BUILT_IN: [&str; 21] = [
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
];

/// Families of such names.
const BUILT_IN_FAMILIES: [&str; 2] = ["x-forwarded-", "x-stepgate-"];

/// The header names that are removed from every request before any of ours are added.
#[derive(Clone, Debug, Default)]
pub struct Reserved {
    names: Vec<String>,
    /// Bit `n` is set if some name is `n` bytes long (63 stands for more).
    lengths: u64,
}

impl Reserved {
    /// The built-in names, and those that the operator has chosen for identity headers.
    pub fn new<N: AsRef<str>>(configured: impl IntoIterator<Item = N>) -> Self {
        let configured = configured.into_iter().map(|n| fold(n.as_ref()));
        let mut names: Vec<String> = BUILT_IN.into_iter().map(str::to_owned).chain(configured).collect();
        names.sort_unstable();
        names.dedup();
        let lengths = names.iter().fold(0, |bits, name| bits | length_bit(name.len()));
        Self { names, lengths }
    }

    /// Whether a header name, in any spelling, is one of ours. Does not allocate.
    pub fn is_reserved(&self, name: &str) -> bool {
        let folds_to = |ours: &str| name.len() == ours.len() && name.bytes().map(fold_byte).eq(ours.bytes());
        let begins_with = |ours: &&str| {
            name.len() >= ours.len() && name.bytes().map(fold_byte).zip(ours.bytes()).all(|(a, b)| a == b)
        };
        (self.lengths & length_bit(name.len()) != 0 && self.names.iter().any(|ours| folds_to(ours)))
            || (name.len() > 10 && BUILT_IN_FAMILIES.iter().any(begins_with))
    }
}

fn length_bit(length: usize) -> u64 {
    1 << length.min(63)
}

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
        for name in ["accept", "host", "cookie", "x-requested-with", "remote-users", "xforwardedfor", "x-stepgates", ""]
        {
            assert!(!reserved.is_reserved(name), "{name}");
        }
    }

    proptest! {
        /// Every way of writing a managed name with other separators and case is caught.
        #[test]
        fn no_alias_slips_through(
            name in prop::sample::select(vec!["Remote-User", "X-Forwarded-User", "X-Real-IP", "X-Very-Long-Name-That-Is-Longer-Than-Sixty-Three-Bytes-And-Then-Some-More"]),
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
        fn reserved_is_exactly_what_folds_to_a_name(name in "[a-zA-Z_.-]{0,14}") {
            let reserved = Reserved::new(["Remote-User"]);
            let folded = fold(&name);
            let expected = folded == "remote-user"
                || BUILT_IN.contains(&folded.as_str())
                || BUILT_IN_FAMILIES.iter().any(|f| folded.starts_with(f));
            prop_assert_eq!(reserved.is_reserved(&name), expected);
        }
    }
}
