//! Writers of one SQLite file take turns within this process, in order.
//!
//! SQLite lets one connection write at a time and makes the others ask again and again: under many sign-ins at
//! once an unlucky one could be passed over until it gives up. With write_queue, who finds the file locked knows that
//! another process holds it, and everybody who waits behind is told so at once instead of trying one by one.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

/// `SQLITE_BUSY`; the extended codes have it in their low byte.
const BUSY: u32 = 5;

/// The turns of one file.
#[derive(Default)]
pub(crate) struct WriteQueue {
    turn: Mutex<()>,
    /// How often the file was found locked by another process.
    locked_out: AtomicU64,
}

impl WriteQueue {
    /// Does `work`, which writes, when it is its turn.
    pub(crate) async fn write<T>(
        &self,
        work: impl Future<Output = Result<T, sqlx::Error>> + Send,
    ) -> Result<T, sqlx::Error> {
        let before = self.locked_out.load(Ordering::SeqCst);
        let _turn = self.turn.lock().await;
        if self.locked_out.load(Ordering::SeqCst) != before {
            return Err(sqlx::Error::Protocol("another process holds the lock for writing".to_owned()));
        }
        let done = work.await;
        if done.as_ref().is_err_and(is_busy) {
            self.locked_out.fetch_add(1, Ordering::SeqCst);
        }
        done
    }
}

fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| code & 0xff == BUSY)
}
