//! What systemd, or whoever else set `NOTIFY_SOCKET`, is told (sd_notify(3)). Without that variable nothing is.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use sd_notify::NotifyState::{Ready, Reloading, Status, Stopping, Watchdog};
use sd_notify::{NotifyState, watchdog_enabled};

/// It serves: every listener is bound. Also ends what [`reloading`] began.
pub(super) fn ready(status: &str) {
    notify(&[Ready, Status(status)]);
}

/// The configuration is read again.
pub(super) fn reloading() {
    // Without the time systemd 253 and later do not take this for a reload; `Type=notify` needs none.
    let now = NotifyState::monotonic_usec_now();
    let states = [Some(Reloading), now.ok(), Some(Status("reading the configuration again"))];
    notify(&states.into_iter().flatten().collect::<Vec<_>>());
}

/// No new connections from now on.
pub(super) fn stopping() {
    notify(&[Stopping, Status("stopping: requests may finish")]);
}

/// Twice in the time that the watchdog allows, as long as tasks make progress. Never ends.
pub(super) async fn keep_alive() {
    let Some(allowed) = watchdog_enabled().filter(|allowed| !allowed.is_zero()) else {
        return std::future::pending().await;
    };
    let mut every = tokio::time::interval(allowed / 2);
    // READY comes first.
    every.tick().await;
    loop {
        every.tick().await;
        notify(&[Watchdog]);
    }
}

fn notify(states: &[NotifyState<'_>]) {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let message: String = states.iter().map(|state| format!("{state}\n")).collect();
    if let Err(cause) = send(&path, message.as_bytes()) {
        tracing::warn!(target: "stepgate", %cause, "the service manager cannot be notified: see NOTIFY_SOCKET");
    }
}

/// Never waits: a service manager that reads nothing must not stop what is served.
fn send(path: &OsStr, message: &[u8]) -> io::Result<()> {
    let address = match path.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(path)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.send_to_addr(message, &address).map(drop)
}
