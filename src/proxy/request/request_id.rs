//! The id of a request, by which its log lines are found.

use std::cell::RefCell;

use ulid::Ulid;

use crate::flow::ports::{Clock, Entropy};

/// The random part of a ULID, in bytes.
const ID_BYTES: usize = 10;
/// How many ids one draw is for: randomness costs a system call.
const DRAWN: usize = 64;

thread_local! {
    /// Random bytes for the ids that this thread makes next, and how many are left. Ids are no secrets.
    static DRAW: RefCell<([u8; ID_BYTES * DRAWN], usize)> = const { RefCell::new(([0; ID_BYTES * DRAWN], 0)) };
}

/// A new request id: a ULID. Should randomness fail, the id is still unique enough to find a log line by.
pub(crate) fn request_id(clock: &dyn Clock, entropy: &dyn Entropy) -> String {
    let mut random = [0; 16];
    if let Some(tail) = random.last_chunk_mut() {
        *tail = draw(entropy);
    }
    Ulid::from_parts(clock.now().as_millis(), u128::from_be_bytes(random)).to_string()
}

fn draw(entropy: &dyn Entropy) -> [u8; ID_BYTES] {
    DRAW.with_borrow_mut(|(bytes, left)| {
        if *left == 0 {
            if entropy.fill(bytes).is_err() {
                return [0; ID_BYTES];
            }
            *left = DRAWN;
        }
        *left -= 1;
        bytes.as_chunks().0.get(*left).copied().unwrap_or_default()
    })
}
