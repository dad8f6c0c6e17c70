//! A thread for one hash, of lower priority than those that serve requests.
//!
//! A hash takes a CPU for tens of milliseconds. Where there are few CPUs, a flood of sign-ins would otherwise keep the
//! requests of everybody who is signed in waiting for that long.

use std::thread::Builder;

use rustix::process::nice;
use tokio::sync::oneshot::channel;

use crate::flow::ports::{Answer, StoreError};

/// By how much a hash is nicer (nice(2)): where both want a CPU, a request gets nine times as much of it.
const NICER: i32 = 10;

/// Runs work on a thread of its own. It goes on if the caller goes away.
pub(super) async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Answer<T> {
    let fault = |cause: &dyn std::fmt::Display| StoreError::new("hashing", cause);
    let (done, result) = channel();
    let work = move || {
        // On Linux this is about the calling thread alone. Should it fail, the hash is as right.
        let _ = nice(NICER);
        let _ = done.send(work());
    };
    Builder::new().name("hashing".to_owned()).spawn(work).map_err(|e| fault(&e))?;
    result.await.map_err(|_| fault(&"a hash broke off"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The nice value of the thread that asks (proc_pid_stat(5)).
    fn own_nice() -> i32 {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        let (_, behind_name) = stat.rsplit_once(") ").unwrap();
        behind_name.split(' ').nth(16).unwrap().parse().unwrap()
    }

    #[tokio::test]
    async fn hashes_give_way_to_requests() {
        let before = own_nice();
        assert_eq!(run(own_nice).await.unwrap(), (before + NICER).min(19));
        assert_eq!(own_nice(), before, "whoever waits for the hash keeps its priority");
    }

    #[tokio::test]
    async fn a_hash_that_panics_is_a_fault() {
        let broken = run(|| -> () { panic!("as a defect would") }).await;
        assert_eq!(broken.unwrap_err().store, "hashing");
    }
}
