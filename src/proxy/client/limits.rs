//! How many connections there may be, and how many requests at work over HTTP/2: in all, and from one client address.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The connections at this moment. Locked once when one opens and once when it closes, never per request.
#[derive(Debug)]
pub(crate) struct ConnectionLimits {
    /// In all, and for one client.
    limits: [AtomicUsize; 2],
    open: Mutex<OpenConnections>,
    requests: Arc<AtomicUsize>,
}

#[derive(Debug, Default)]
struct OpenConnections {
    total: usize,
    by_client: HashMap<IpAddr, ClientUsage>,
}

/// What one client holds.
#[derive(Debug, Default)]
struct ClientUsage {
    connections: usize,
    requests: Arc<AtomicUsize>,
}

/// One place; given back when dropped.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    connections: Arc<ConnectionLimits>,
    client: IpAddr,
    /// How many this client may have.
    per_client: usize,
    requests: Arc<AtomicUsize>,
}

/// Which places are all taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LimitReached {
    /// `connections`.
    Total,
    /// `connections_per_client`.
    Client,
}

impl LimitReached {
    /// The name of the limit, for logs and metrics.
    pub(crate) const fn limit(self) -> &'static str {
        match self {
            Self::Total => "connections",
            Self::Client => "connections_per_client",
        }
    }
}

/// How long a log stays silent about refused connections after it told of one.
const SILENCE: Duration = Duration::from_secs(10);

/// When a refused connection (or request) was last told of, and how many were refused since.
#[derive(Debug, Default)]
pub(crate) struct LogSampler(Mutex<(Option<Instant>, u64)>);

impl LogSampler {
    /// Notes a refused connection: how many are to be told of now, this one among them, if any.
    pub(crate) fn sample(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.1 = state.1.saturating_add(1);
        if state.0.is_some_and(|last| now.duration_since(last) < SILENCE) {
            return None;
        }
        state.0 = Some(now);
        Some(std::mem::take(&mut state.1))
    }
}

/// Room for requests over HTTP/2. Over HTTP/1 a client has one at work per connection; many on each connection shall
/// not make it more in all, for each takes memory and a connection to the app.
#[derive(Clone, Debug)]
pub(crate) struct StreamLimits {
    /// Of all clients and of this one: how many are at work, and how many may be.
    counts: [(Arc<AtomicUsize>, usize); 2],
}

/// One request at work; its place is given back when dropped.
#[derive(Debug)]
pub(crate) struct StreamPermit(StreamLimits);

impl ConnectionLimits {
    pub(crate) fn new(total: usize, per_client: usize) -> Arc<Self> {
        Arc::new(Self {
            limits: [total, per_client].map(AtomicUsize::new),
            open: Mutex::default(),
            requests: Arc::default(),
        })
    }

    /// Sets other limits. Whoever is beyond them stays.
    pub(crate) fn limit(&self, total: usize, per_client: usize) {
        let [all, client] = &self.limits;
        all.store(total, Ordering::Relaxed);
        client.store(per_client, Ordering::Relaxed);
    }

    fn limits(&self) -> [usize; 2] {
        self.limits.each_ref().map(|limit| limit.load(Ordering::Relaxed))
    }

    /// A place for a connection of `client`. An IPv6 client is its /64. A trusted proxy is not one client but many,
    /// so only the total binds it.
    ///
    /// # Errors
    /// All are taken: which ones.
    pub(crate) fn take(self: &Arc<Self>, client: IpAddr, trusted: bool) -> Result<ConnectionPermit, LimitReached> {
        let client = network_of(client);
        let [total, per_client] = self.limits();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.total >= total {
            return Err(LimitReached::Total);
        }
        let mine = open.by_client.entry(client).or_default();
        let per_client = if trusted { usize::MAX } else { per_client };
        if mine.connections >= per_client {
            return Err(LimitReached::Client);
        }
        mine.connections += 1;
        let requests = mine.requests.clone();
        open.total += 1;
        Ok(ConnectionPermit { connections: self.clone(), client, per_client, requests })
    }

    /// How many are open.
    pub(crate) fn open(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).total
    }
}

impl ConnectionPermit {
    /// Room for the requests of this connection.
    pub(crate) fn streams(&self) -> StreamLimits {
        let connections = &self.connections;
        let [total, _] = connections.limits();
        StreamLimits { counts: [(connections.requests.clone(), total), (self.requests.clone(), self.per_client)] }
    }
}

impl StreamLimits {
    /// A place for a request.
    ///
    /// # Errors
    /// All are taken: which ones.
    pub(crate) fn take(&self) -> Result<StreamPermit, LimitReached> {
        let [total, mine] = self.counts.each_ref().map(|(count, most)| count.fetch_add(1, Ordering::AcqRel) < *most);
        let permit = StreamPermit(self.clone());
        match (total, mine) {
            (false, _) => Err(LimitReached::Total),
            (_, false) => Err(LimitReached::Client),
            (true, true) => Ok(permit),
        }
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        for (count, _) in &self.0.counts {
            count.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut open = self.connections.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.total = open.total.saturating_sub(1);
        if let Entry::Occupied(mut mine) = open.by_client.entry(self.client) {
            mine.get_mut().connections = mine.get().connections.saturating_sub(1);
            if mine.get().connections == 0 {
                mine.remove();
            }
        }
    }
}

fn network_of(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_per_client_and_in_all_and_given_back() {
        let connections = ConnectionLimits::new(3, 2);
        let (a, b): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let held = [connections.take(a, false).unwrap(), connections.take(a, false).unwrap()];
        assert_eq!(connections.take(a, false).err(), Some(LimitReached::Client), "two from one client");
        let other = connections.take(b, false).unwrap();
        assert_eq!(connections.take(b, false).err(), Some(LimitReached::Total), "three in all");
        drop(held);
        assert_eq!(connections.open(), 1);
        assert!(connections.take(a, false).is_ok());
        drop(other);
        assert!(connections.open.lock().unwrap().by_client.is_empty());
    }

    #[test]
    fn requests_have_as_much_room_as_connections() {
        let connections = ConnectionLimits::new(3, 2);
        let (a, b): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let permit = |client| connections.take(client, false).unwrap();
        let (one, two, other) = (permit(a), permit(a), permit(b));
        let held = [one.streams().take().unwrap(), two.streams().take().unwrap()];
        let refused = one.streams().take().err();
        assert_eq!(refused, Some(LimitReached::Client), "two from one client, over all its connections");
        let more = other.streams().take().unwrap();
        assert_eq!(other.streams().take().err(), Some(LimitReached::Total), "three in all");
        drop(held);
        assert!(two.streams().take().is_ok());
        drop(more);
        for streams in [one.streams(), other.streams()] {
            assert!(streams.counts.iter().all(|(count, _)| count.load(Ordering::Relaxed) == 0), "{streams:?}");
        }
    }

    #[test]
    fn an_ipv6_client_is_its_64() {
        let connections = ConnectionLimits::new(9, 1);
        let _held = connections.take("2001:db8::1".parse().unwrap(), false).unwrap();
        assert!(connections.take("2001:db8::ffff".parse().unwrap(), false).is_err());
        assert!(connections.take("2001:db8:0:1::1".parse().unwrap(), false).is_ok());
    }

    #[test]
    fn a_trusted_proxy_is_bound_by_the_total_alone() {
        let connections = ConnectionLimits::new(5, 1);
        let proxy: IpAddr = "10.0.0.1".parse().unwrap();
        let held: Vec<_> = (0..5).map(|_| connections.take(proxy, true).unwrap()).collect();
        assert_eq!(connections.take(proxy, true).err(), Some(LimitReached::Total));
        let requests: Vec<_> = (0..5).map(|_| held[0].streams().take().unwrap()).collect();
        assert_eq!(held[1].streams().take().err(), Some(LimitReached::Total));
        drop(requests);
        drop(held);
        assert!(connections.open.lock().unwrap().by_client.is_empty() && connections.open() == 0);
    }

    #[test]
    fn refused_connections_are_told_of_seldom_and_none_is_lost() {
        let (state, start) = (LogSampler::default(), Instant::now());
        let mut all = 0;
        let mut lines = 0;
        for ms in (0..=60_000).step_by(10) {
            if let Some(count) = state.sample(start + Duration::from_millis(ms)) {
                (all, lines) = (all + count, lines + 1);
            }
        }
        assert_eq!((all, lines), (6001, 7));
    }
}
