//! Connections to an app that belong to one connection of a client: an app that signs a connection in
//! ([`connection_auth`](super::connection_auth)) takes whatever comes over it for the same person's.
//!
//! They serve that connection's requests for the same session, go to one server, and end with it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::net::TcpStream;

use super::socket::Socket;

/// Sets of private connections that one connection of a client may have: a proxy in front of us may carry many people
/// over one. The oldest one ends for the next.
const MOST: usize = 8;

static NEXT: AtomicU64 = AtomicU64::new(1);

/// A number that nobody else gets, for connections that nobody else shall find.
pub(crate) fn unique() -> u64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Which connections to its app a request may take.
#[derive(Clone, Debug, Default)]
pub(crate) enum Reuse {
    /// Whichever is kept.
    #[default]
    Shared,
    /// None that was used before, and nobody uses it afterwards.
    Never,
    /// These.
    PrivateConnection(Arc<PrivateConnection>),
}

/// The connections to one app that serve one session of one client connection.
#[derive(Debug)]
pub(crate) struct PrivateConnection {
    host: String,
    /// The id of the session; `None` on public rules.
    session: Option<String>,
    key: AtomicU64,
    /// The last answer holds a token, which the next request answers.
    challenged: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    server: Option<SocketAddr>,
    /// From the short way, to be used next.
    stream: Option<TcpStream>,
    sockets: Vec<Weak<Socket>>,
}

impl PrivateConnection {
    fn new(host: &str, session: Option<&str>) -> Self {
        Self {
            host: host.to_owned(),
            session: session.map(str::to_owned),
            key: AtomicU64::new(unique()),
            challenged: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What its connections are found by.
    pub(crate) fn key(&self) -> u64 {
        self.key.load(Ordering::Relaxed)
    }

    pub(crate) fn is_challenged(&self) -> bool {
        self.challenged.load(Ordering::Relaxed)
    }

    pub(crate) fn challenge(&self, challenged: bool) {
        self.challenged.store(challenged, Ordering::Relaxed);
    }

    /// The server that its connections go to.
    pub(crate) fn server(&self) -> Option<SocketAddr> {
        self.state().server
    }

    pub(crate) fn go_to(&self, server: SocketAddr) {
        self.state().server = Some(server);
    }

    /// Ends its connections. The next one is new.
    pub(crate) fn start_over(&self) {
        let mut state = self.state();
        state.end();
        self.key.store(unique(), Ordering::Relaxed);
        self.challenge(false);
    }

    /// Takes a connection of the short way over, if it can be handed over.
    pub(crate) fn hand_over(&self, stream: Option<TcpStream>) {
        self.state().stream = stream;
    }

    /// The connection that was handed over, if it goes there.
    pub(crate) fn handed_over(&self, server: SocketAddr) -> Option<TcpStream> {
        self.state().stream.take().filter(|stream| stream.peer_addr().is_ok_and(|address| address == server))
    }

    /// Takes a new connection for its own.
    pub(crate) fn adopt(&self, socket: &Arc<Socket>) {
        socket.belong_to(self.key());
        let mut state = self.state();
        state.sockets.retain(|socket| socket.strong_count() > 0);
        state.sockets.push(Arc::downgrade(socket));
    }
}

impl State {
    fn end(&mut self) {
        self.stream = None;
        for socket in self.sockets.drain(..).filter_map(|socket| socket.upgrade()) {
            socket.close();
        }
    }
}

impl Drop for PrivateConnection {
    fn drop(&mut self) {
        self.state().end();
    }
}

/// The private connections of a client connection, by app and session.
#[derive(Debug, Default)]
pub(crate) struct PrivateConnections {
    any: AtomicBool,
    all: Mutex<Vec<Arc<PrivateConnection>>>,
}

impl PrivateConnections {
    /// Whether there are none, as nearly always.
    pub(crate) fn is_empty(&self) -> bool {
        !self.any.load(Ordering::Relaxed)
    }

    /// Those for this app and session.
    pub(crate) fn find(&self, host: &str, session: Option<&str>) -> Option<Arc<PrivateConnection>> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|one| one.host == host && one.session.as_deref() == session).cloned()
    }

    /// The same, made if there are none yet.
    pub(crate) fn find_or_add(&self, host: &str, session: Option<&str>) -> Arc<PrivateConnection> {
        if let Some(found) = self.find(host, session) {
            return found;
        }
        let made = Arc::new(PrivateConnection::new(host, session));
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.remove(0);
        }
        all.push(made.clone());
        self.any.store(true, Ordering::Relaxed);
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apps_and_sessions_have_connections_of_their_own() {
        let private_connections = PrivateConnections::default();
        assert!(private_connections.is_empty() && private_connections.find("a", None).is_none());
        let whose = [("a", None), ("a", Some("ann")), ("a", Some("bob")), ("b", Some("ann"))];
        let keys = whose.map(|(host, session)| private_connections.find_or_add(host, session).key());
        assert!(!private_connections.is_empty());
        for (at, (host, session)) in whose.into_iter().enumerate() {
            assert_eq!(private_connections.find_or_add(host, session).key(), keys[at]);
            assert!(keys.iter().filter(|key| **key == keys[at]).count() == 1);
        }
        let first = private_connections.find("a", None).unwrap();
        first.start_over();
        assert!(!keys.contains(&first.key()));
    }

    #[test]
    fn they_are_not_many() {
        let private_connections = PrivateConnections::default();
        for session in 0..100 {
            private_connections.find_or_add("a", Some(&session.to_string()));
        }
        assert_eq!(private_connections.all.lock().unwrap().len(), MOST);
        assert!(
            private_connections.find("a", Some("0")).is_none() && private_connections.find("a", Some("99")).is_some()
        );
    }
}
