//! The two identifiers of a held form, and the body that stands for it.

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};

use crate::auth::secret::SecretText;
use crate::auth::token::{self, TOKEN_BYTES};

const FORM_PREFIX: &str = "sgf_";
const HOLDER_PREFIX: &str = "sgk_";

/// The only field of the body that stands for a form.
pub const REPLAY_FIELD: &str = "stepgate-form";
/// How that body begins.
const REPLAY_MARK: &str = "stepgate-form=sgf_";
/// How long that body is, always: 43 letters hold 256 bits.
pub const REPLAY_BYTES: u64 = (REPLAY_FIELD.len() + 1 + FORM_PREFIX.len() + 43) as u64;

/// Names a form in the addresses of our pages: 256 bits. Never stored.
#[derive(Clone)]
pub struct FormId(SecretText);

/// What a browser keeps while forms of its wait, the same for all of them: 256 bits. Never stored.
#[derive(Clone)]
pub struct HolderToken(SecretText);

/// Both identifiers of a form.
#[derive(Clone)]
pub struct FormKeys {
    pub id: FormId,
    pub holder: HolderToken,
}

impl FormId {
    /// Makes one of fresh random bytes.
    pub fn mint(random: &[u8; TOKEN_BYTES]) -> Self {
        Self(token::mint(FORM_PREFIX, random))
    }

    /// Reads what a client sent; `None` unless it has exactly the shape of one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        token::parse(FORM_PREFIX, text).map(Self)
    }

    /// The text for the address and the form.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl HolderToken {
    /// Makes one of fresh random bytes.
    pub fn mint(random: &[u8; TOKEN_BYTES]) -> Self {
        Self(token::mint(HOLDER_PREFIX, random))
    }

    /// Reads what a browser sent; `None` unless it has exactly the shape of one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        token::parse(HOLDER_PREFIX, text).map(Self)
    }

    /// The text for the cookie.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl FormKeys {
    /// The digest under which the form is kept. Both have one length, so no other pair has the same.
    pub fn name(&self) -> String {
        let both = Sha256::new().chain_update(self.id.expose()).chain_update(self.holder.expose());
        BASE64URL_NOPAD.encode(&both.finalize())
    }
}

/// Whether more of a body is to be read before it is known whether it stands for a form.
pub fn may_become_replay(read: &[u8]) -> bool {
    let mark = REPLAY_MARK.as_bytes();
    let told = read.len().min(mark.len());
    read.len() as u64 <= REPLAY_BYTES && read.get(..told) == mark.get(..told)
}

/// Whether a body begins as none of an app's own does.
pub fn is_marked_as_replay(body: &[u8]) -> bool {
    body.starts_with(REPLAY_MARK.as_bytes())
}

/// The form that a body stands for; `None` for a body of somebody else's.
pub fn replayed(body: &[u8]) -> Option<FormId> {
    let text = std::str::from_utf8(body).ok()?;
    FormId::parse(text.strip_prefix(REPLAY_FIELD)?.strip_prefix('=')?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::ceremony::CeremonyToken;
    use crate::auth::handoff::{BindingToken, TicketToken};
    use crate::auth::session::SessionToken;
    use crate::auth::slip_token::SlipToken;

    const BYTES: [u8; TOKEN_BYTES] = [7; TOKEN_BYTES];

    #[test]
    fn no_token_is_read_in_the_place_of_another() {
        let tokens = [
            FormId::mint(&BYTES).expose().to_owned(),
            HolderToken::mint(&BYTES).expose().to_owned(),
            SessionToken::mint(&BYTES).expose().to_owned(),
            CeremonyToken::mint(&BYTES).expose().to_owned(),
            TicketToken::mint(&BYTES).expose().to_owned(),
            BindingToken::mint(&BYTES).expose().to_owned(),
            SlipToken::mint(&BYTES).expose().to_owned(),
        ];
        let readers: [fn(&str) -> bool; 7] = [
            |text| FormId::parse(text).is_some(),
            |text| HolderToken::parse(text).is_some(),
            |text| SessionToken::parse(text).is_some(),
            |text| CeremonyToken::parse(text).is_some(),
            |text| TicketToken::parse(text).is_some(),
            |text| BindingToken::parse(text).is_some(),
            |text| SlipToken::parse(text).is_some(),
        ];
        for (n, token) in tokens.iter().enumerate() {
            for (m, read) in readers.iter().enumerate() {
                assert_eq!(read(token), n == m, "token {n} by reader {m}");
            }
        }
    }

    #[test]
    fn neither_identifier_alone_names_a_form() {
        let keys = |id: u8, holder: u8| FormKeys {
            id: FormId::mint(&[id; TOKEN_BYTES]),
            holder: HolderToken::mint(&[holder; TOKEN_BYTES]),
        };
        let name = keys(1, 2).name();
        assert_eq!(name, keys(1, 2).name());
        for (id, holder) in [(1, 1), (1, 3), (2, 2), (2, 1)] {
            assert_ne!(name, keys(id, holder).name(), "{id} {holder}");
        }
    }

    #[test]
    fn a_body_is_read_on_only_while_it_may_be_that_of_our_form() {
        assert_eq!(REPLAY_MARK, format!("{REPLAY_FIELD}={FORM_PREFIX}"));
        let body = format!("{REPLAY_FIELD}={}", FormId::mint(&BYTES).expose());
        for read in 0..=body.len() {
            assert!(may_become_replay(&body.as_bytes()[..read]), "{read}");
            assert_eq!(is_marked_as_replay(&body.as_bytes()[..read]), read >= REPLAY_MARK.len(), "{read}");
        }
        let longer = format!("{body}\n");
        assert!(!may_become_replay(longer.as_bytes()) && is_marked_as_replay(longer.as_bytes()));
        for other in ["x", "stepgate-form=sgk_", "stepgate_form=sgf_", "{\"a\":1}"] {
            assert!(!may_become_replay(other.as_bytes()) && !is_marked_as_replay(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn only_the_body_of_our_form_stands_for_one() {
        let id = FormId::mint(&BYTES);
        let body = format!("{REPLAY_FIELD}={}", id.expose());
        assert_eq!(body.len() as u64, REPLAY_BYTES);
        assert!(replayed(body.as_bytes()).is_some_and(|read| read.expose() == id.expose()));
        let holder = HolderToken::mint(&BYTES);
        for bad in [
            format!("{body}&a=b"),
            format!("a=b&{body}"),
            format!(" {body}"),
            body.replace('=', "%3D"),
            body.replace(FORM_PREFIX, HOLDER_PREFIX),
            format!("{REPLAY_FIELD}={}", holder.expose()),
            body.to_uppercase(),
            String::new(),
        ] {
            assert!(replayed(bad.as_bytes()).is_none(), "{bad}");
        }
        assert!(replayed(&[0xff; 61]).is_none());
    }
}
