//! What a proof is good for: a session, one request, or one transaction (ADR 0028).

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// For what a rule accepts a proof, widest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Binding {
    /// For what its session asks for.
    #[default]
    Session,
    /// For one request that the rule covers.
    Request,
    /// For one request that was told beforehand: its method, its target and its body.
    Transaction,
}

impl Binding {
    /// Whether a session's own proofs are enough. Records of the version before say nothing of it, and mean this.
    pub(super) fn is_session(&self) -> bool {
        *self == Self::Session
    }
}

/// How the body of a transaction is read, as far as it was told: the same bytes are other fields by another type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyReading<'a> {
    /// By its `Content-Type`, as it stands; `None`: the request has none.
    Typed(Option<&'a [u8]>),
    /// By one of the types that say of themselves how a body is read: who told of the request named none.
    Plain,
    /// As a form of this `Content-Type` that was kept and shown. What stands for that form sends it, and nothing else does.
    HeldForm(&'a str),
}

/// The types of a body that its slip told no type of. None of them has a boundary, or letters of another kind, that
/// could be chosen later.
const PLAIN_TYPES: [&str; 3] = ["application/json", "application/x-www-form-urlencoded", "text/plain"];

impl BodyReading<'_> {
    /// Whether a slip that names no type is for such a request.
    fn is_plain(&self) -> bool {
        let Self::Typed(Some(text)) = self else { return *self == Self::Typed(None) };
        let essence = match text.iter().position(|b| *b == b';') {
            None => text,
            Some(end) => {
                let (essence, parameters) = text.split_at(end);
                let charset = parameters.strip_prefix(b";").unwrap_or_default().trim_ascii();
                if !charset.eq_ignore_ascii_case(b"charset=utf-8") {
                    return false;
                }
                essence
            }
        };
        PLAIN_TYPES.iter().any(|plain| essence.trim_ascii().eq_ignore_ascii_case(plain.as_bytes()))
    }

    /// The word and the type that stand for it.
    fn parts(&self) -> [&[u8]; 2] {
        match self {
            Self::Typed(Some(text)) => [b"typed", text],
            Self::Typed(None) => [b"untyped", b""],
            Self::Plain => [b"plain", b""],
            Self::HeldForm(text) => [b"held form", text.as_bytes()],
        }
    }
}

/// The body of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoundBody<'a> {
    pub sha256: [u8; 32],
    pub reading: BodyReading<'a>,
}

impl BoundBody<'_> {
    /// The ways in which this body, as it was sent, may have been told: by its type, or by none.
    pub fn told(self) -> impl Iterator<Item = Self> {
        let plain = self.reading.is_plain().then_some(Self { reading: BodyReading::Plain, ..self });
        std::iter::once(self).chain(plain)
    }
}

/// Stands for one request: its method, host, canonical target, and its body with how that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TransactionDigest([u8; 32]);

/// Keeps it apart from digests of anything else.
const DOMAIN: &str = "stepgate transaction 2";

impl TransactionDigest {
    /// Of a request. Each part is preceded by its length, so no two requests have one text.
    pub fn of(method: &str, host: &str, target: &str, body: &BoundBody<'_>) -> Self {
        let mut whole = Sha256::new();
        let [reading, content_type] = body.reading.parts();
        let request = [DOMAIN.as_bytes(), method.as_bytes(), host.as_bytes(), target.as_bytes()];
        for part in request.into_iter().chain([reading, content_type, &body.sha256]) {
            whole.update((part.len() as u64).to_be_bytes());
            whole.update(part);
        }
        Self(whole.finalize().into())
    }

    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// As text, in lower case.
    pub fn hex(&self) -> String {
        HEXLOWER.encode(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn body(bytes: &[u8]) -> BoundBody<'static> {
        BoundBody { sha256: Sha256::digest(bytes).into(), reading: BodyReading::Plain }
    }

    fn typed(text: &str) -> BodyReading<'_> {
        BodyReading::Typed(Some(text.as_bytes()))
    }

    #[test]
    fn a_body_that_was_told_without_a_type_is_of_a_plain_one() {
        let is_plain =
            |reading| BoundBody { reading, ..body(b"{}") }.told().any(|told| told.reading == BodyReading::Plain);
        for plain in [
            "application/json",
            "Application/JSON; charset=UTF-8",
            "text/plain;charset=utf-8",
            "application/x-www-form-urlencoded",
        ] {
            assert!(is_plain(typed(plain)), "{plain}");
        }
        assert!(is_plain(BodyReading::Typed(None)));
        assert!(!is_plain(BodyReading::HeldForm("text/plain")), "what was shown is sent as what was shown");
        for other in [
            "",
            "multipart/form-data; boundary=a",
            "application/json; charset=utf-16",
            "application/json; charset=utf-8; charset=utf-16",
            "application/json; boundary=a",
            "application/json;",
            "application/json, text/xml",
            "text/xml",
            "application/jsonx",
        ] {
            assert!(!is_plain(typed(other)), "{other}");
        }
    }

    proptest! {
        /// Whatever differs, and however the parts are cut, the digest is another one.
        #[test]
        fn every_difference_tells(
            parts in prop::collection::vec("[A-Za-z/?&=0-9]{0,6}", 3), others in prop::collection::vec("[A-Za-z/?&=0-9]{0,6}", 3),
            bytes in prop::collection::vec(any::<u8>(), 1..64), bit: prop::sample::Index,
        ) {
            let of = |parts: &[String], bytes: &[u8]| TransactionDigest::of(&parts[0], &parts[1], &parts[2], &body(bytes));
            let mut flipped = bytes.clone();
            let at = bit.index(bytes.len() * 8);
            flipped[at / 8] ^= 1 << (at % 8);
            prop_assert_eq!(of(&parts, &bytes), of(&parts, &bytes));
            prop_assert_ne!(of(&parts, &bytes), of(&parts, &flipped));
            prop_assert_eq!(of(&parts, &bytes) == of(&others, &bytes), parts == others);
        }

        /// The same bytes that are read in another way are another transaction.
        #[test]
        fn another_reading_of_the_same_bytes_tells(
            kinds in prop::collection::vec(
                prop_oneof![
                    Just(None),
                    "(|application/json|text/plain|multipart/form-data; boundary=[ab]{1,3})(; charset=utf-(8|16))?".prop_map(Some),
                ],
                2,
            ),
            ways in prop::collection::vec(0..3_u8, 2),
        ) {
            let reading = |n: usize| match (ways[n], &kinds[n]) {
                (0, Some(text)) => BodyReading::HeldForm(text),
                (1, _) => BodyReading::Plain,
                (_, text) => BodyReading::Typed(text.as_ref().map(|text| text.as_bytes())),
            };
            let (one, other) = (reading(0), reading(1));
            let of = |reading| TransactionDigest::of("POST", "a", "/", &BoundBody { reading, ..body(b"a=1") });
            prop_assert_eq!(of(one) == of(other), one == other);
        }
    }

    /// Each part counts by itself, and so does where it ends.
    #[test]
    fn no_two_requests_have_one_digest() {
        let requests = [
            ["POST", "a.example", "/pay"],
            ["PUT", "a.example", "/pay"],
            ["POST", "b.example", "/pay"],
            ["POST", "a.example", "/paid"],
            ["POSTa", ".example", "/pay"],
            ["POST", "a.example/", "pay"],
            ["", "POSTa.example", "/pay"],
        ];
        let all = requests.map(|[method, host, target]| TransactionDigest::of(method, host, target, &body(b"x")).hex());
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), requests.len(), "{all:?}");
    }

    #[test]
    fn a_wider_binding_comes_first() {
        assert!(Binding::Session < Binding::Request && Binding::Request < Binding::Transaction);
        assert_eq!(serde_json::to_string(&Binding::Transaction).unwrap(), "\"transaction\"");
    }
}
