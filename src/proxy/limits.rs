//! How many connections there may be: in all, and from one client address.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// The connections at this moment. Locked once when one opens and once when it closes, never per request.
#[derive(Debug)]
pub(crate) struct Slots {
    total: usize,
    per_client: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_client: HashMap<IpAddr, usize>,
}

/// One place; given back when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    slots: Arc<Slots>,
    client: IpAddr,
}

impl Slots {
    pub(crate) fn new(total: usize, per_client: usize) -> Arc<Self> {
        Arc::new(Self { total, per_client, open: Mutex::default() })
    }

    /// A place for a connection of `client`; `None` if all are taken. An IPv6 client is its /64.
    pub(crate) fn take(self: &Arc<Self>, client: IpAddr) -> Option<Slot> {
        let client = network_of(client);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.total >= self.total {
            return None;
        }
        let mine = open.by_client.entry(client).or_insert(0);
        if *mine >= self.per_client {
            return None;
        }
        *mine += 1;
        open.total += 1;
        Some(Slot { slots: self.clone(), client })
    }

    /// How many are open.
    pub(crate) fn open(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).total
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.slots.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.total = open.total.saturating_sub(1);
        if let Entry::Occupied(mut mine) = open.by_client.entry(self.client) {
            *mine.get_mut() = mine.get().saturating_sub(1);
            if *mine.get() == 0 {
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
        let slots = Slots::new(3, 2);
        let (a, b): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let held = [slots.take(a).unwrap(), slots.take(a).unwrap()];
        assert!(slots.take(a).is_none(), "two from one client");
        let other = slots.take(b).unwrap();
        assert!(slots.take(b).is_none(), "three in all");
        drop(held);
        assert_eq!(slots.open(), 1);
        assert!(slots.take(a).is_some());
        drop(other);
        assert!(slots.open.lock().unwrap().by_client.is_empty());
    }

    #[test]
    fn an_ipv6_client_is_its_64() {
        let slots = Slots::new(9, 1);
        let _held = slots.take("2001:db8::1".parse().unwrap()).unwrap();
        assert!(slots.take("2001:db8::ffff".parse().unwrap()).is_none());
        assert!(slots.take("2001:db8:0:1::1".parse().unwrap()).is_some());
    }
}
