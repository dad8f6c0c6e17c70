//! A held form as it is sealed: how long the head is, the head as JSON, the body as it came.

use super::{HeldHead, HeldRequest};
use crate::auth::secret::SecretBytes;

/// Bytes that are no held form. It repeats nothing of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no held form")]
pub struct Unreadable;

impl HeldRequest {
    /// The bytes that are sealed.
    ///
    /// # Errors
    /// The head cannot be written.
    pub fn to_bytes(&self) -> Result<SecretBytes, Unreadable> {
        let head = serde_json::to_vec(&self.head).map_err(|_| Unreadable)?;
        let length = u32::try_from(head.len()).map_err(|_| Unreadable)?;
        Ok(SecretBytes::new([&length.to_be_bytes()[..], &head, self.body.expose()].concat()))
    }

    /// Reads what [`Self::to_bytes`] wrote.
    ///
    /// # Errors
    /// It is of another shape.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Unreadable> {
        let (length, rest) = bytes.split_first_chunk().ok_or(Unreadable)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| Unreadable)?;
        let (head, body) = rest.split_at_checked(length).ok_or(Unreadable)?;
        let head: HeldHead = serde_json::from_slice(head).map_err(|_| Unreadable)?;
        Ok(Self { head, body: SecretBytes::new(body.to_vec()) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::auth::held_request::FormOwner;
    use crate::auth::time::Timestamp;
    use crate::auth::user::UserId;

    fn head(target: String, owner: Option<String>, origin: Option<String>) -> HeldHead {
        HeldHead {
            host: "erp.example.com".to_owned(),
            method: "POST".to_owned(),
            target,
            content_type: "multipart/form-data; boundary=x".to_owned(),
            origin: origin.clone(),
            referer: origin,
            owner: owner.map(|id| FormOwner { user: UserId(id.clone()), session: id }),
            held_at: Timestamp::from_millis(1_800_000_000_000),
            quotas: vec!["form:all".to_owned()],
        }
    }

    proptest! {
        /// Whatever the head and the body hold, both come back byte for byte.
        #[test]
        fn a_form_comes_back_as_it_went_in(
            target in "/\\PC{0,200}", owner in proptest::option::of("\\PC{0,40}"), origin in proptest::option::of("\\PC{0,80}"),
            body in proptest::collection::vec(any::<u8>(), 0..2000),
        ) {
            let held = HeldRequest { head: head(target, owner, origin), body: SecretBytes::new(body.clone()) };
            let read = HeldRequest::from_bytes(held.to_bytes().unwrap().expose()).unwrap();
            prop_assert_eq!(read.head, held.head);
            prop_assert_eq!(read.body.expose(), &body[..]);
        }

        /// Whatever bytes are read, nothing breaks; and what is cut within its head is no form.
        #[test]
        fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..400), cut in 0_usize..300) {
            let _ = HeldRequest::from_bytes(&bytes);
            let whole = HeldRequest { head: head("/a".to_owned(), None, None), body: SecretBytes::new(bytes) };
            let written = whole.to_bytes().unwrap();
            let head_ends = written.expose().len() - whole.body.expose().len();
            let cut = cut.min(head_ends - 1);
            prop_assert!(HeldRequest::from_bytes(&written.expose()[..cut]).is_err());
        }
    }

    #[test]
    fn a_length_beyond_the_end_and_a_head_of_another_shape_are_no_form() {
        for bytes in [&b""[..], b"\0\0\0", b"\xff\xff\xff\xff{}", b"\0\0\0\x02{}", b"\0\0\0\x05null\n", b"\0\0\0\0"] {
            assert!(HeldRequest::from_bytes(bytes).is_err(), "{bytes:?}");
        }
        // What a later version adds is passed over.
        let text = serde_json::to_string(&head("/a".to_owned(), None, None)).unwrap().replace('{', "{\"later\":1,");
        let bytes = [&u32::try_from(text.len()).unwrap().to_be_bytes()[..], text.as_bytes(), b"body"].concat();
        assert_eq!(HeldRequest::from_bytes(&bytes).unwrap().body.expose(), b"body");
    }
}
