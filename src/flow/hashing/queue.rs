//! Who waits for a place: in lanes, served in turn, so that a flood from one network waits behind itself.
//!
//! A full line drops the last of its longest lane for the sake of whoever has less waiting. Known browsers are served
//! before networks, three times of four.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;
use tokio::sync::oneshot::{Receiver, Sender, channel};

/// With whom somebody waits in turn.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::flow) enum Lane {
    /// The known browser of this id.
    Known(String),
    /// Unknown browsers of this network.
    Network(Option<IpNet>),
}

/// How often in a row known browsers come before networks.
const IN_A_ROW: u8 = 3;

/// So many places, and a line of so many who wait for one.
pub(super) struct HashQueue {
    places: usize,
    longest: usize,
    state: Mutex<QueueState>,
}

#[derive(Default)]
struct QueueState {
    taken: usize,
    known: Lanes,
    networks: Lanes,
    /// How many known browsers were served since the last network.
    row: u8,
}

/// Lanes in the order of their turns; none is empty.
#[derive(Default)]
struct Lanes {
    turns: VecDeque<Lane>,
    waiting: HashMap<Lane, VecDeque<Sender<HashSlot>>>,
    count: usize,
}

/// A place; whoever waits gets it when it is dropped.
pub(super) struct HashSlot(Option<Arc<HashQueue>>);

impl Drop for HashSlot {
    fn drop(&mut self) {
        if let Some(line) = self.0.take() {
            line.hand_over();
        }
    }
}

impl HashQueue {
    pub(super) fn new(places: usize, longest: usize) -> Self {
        Self { places, longest, state: Mutex::default() }
    }

    /// A place, when it is this lane's turn; `None` if too many wait.
    pub(super) async fn place(self: &Arc<Self>, lane: &Lane) -> Option<HashSlot> {
        let turn = self.queue(lane)?;
        match turn {
            Waiter::Now(place) => Some(place),
            Waiter::Later(waiting) => waiting.await.ok(),
        }
    }

    fn queue(self: &Arc<Self>, lane: &Lane) -> Option<Waiter> {
        let mut state = self.state();
        if state.taken < self.places {
            state.taken += 1;
            return Some(Waiter::Now(HashSlot(Some(self.clone()))));
        }
        if state.known.count + state.networks.count >= self.longest && !state.make_room(lane) {
            return None;
        }
        let (sender, waiting) = channel();
        state.lanes(lane).push(lane, sender);
        Some(Waiter::Later(waiting))
    }

    /// Gives a place to whoever is next and still waits.
    fn hand_over(self: &Arc<Self>) {
        loop {
            let next = {
                let mut state = self.state();
                let next = state.next();
                if next.is_none() {
                    state.taken = state.taken.saturating_sub(1);
                }
                next
            };
            let Some(next) = next else { return };
            match next.send(HashSlot(Some(self.clone()))) {
                Ok(()) => return,
                // They went away; the place is not given back twice.
                Err(mut place) => drop(place.0.take()),
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Waiter {
    Now(HashSlot),
    Later(Receiver<HashSlot>),
}

impl QueueState {
    fn lanes(&mut self, lane: &Lane) -> &mut Lanes {
        match lane {
            Lane::Known(_) => &mut self.known,
            Lane::Network(_) => &mut self.networks,
        }
    }

    fn next(&mut self) -> Option<Sender<HashSlot>> {
        if (self.row < IN_A_ROW || self.networks.count == 0)
            && let Some(next) = self.known.next()
        {
            self.row = self.row.saturating_add(1);
            return Some(next);
        }
        self.row = 0;
        self.networks.next().or_else(|| self.known.next())
    }

    /// Drops the last of the longest lane, if it is longer than this one would be.
    fn make_room(&mut self, lane: &Lane) -> bool {
        let own = self.lanes(lane).length(lane) + 1;
        let longest = [&mut self.networks, &mut self.known].into_iter().max_by_key(|lanes| lanes.longest().1);
        longest.is_some_and(
            |lanes| matches!(lanes.longest(), (Some(other), length) if length > own && lanes.shorten(&other)),
        )
    }
}

impl Lanes {
    fn push(&mut self, lane: &Lane, sender: Sender<HashSlot>) {
        let waiting = self.waiting.entry(lane.clone()).or_default();
        if waiting.is_empty() {
            self.turns.push_back(lane.clone());
        }
        waiting.push_back(sender);
        self.count += 1;
    }

    fn next(&mut self) -> Option<Sender<HashSlot>> {
        let lane = self.turns.pop_front()?;
        let waiting = self.waiting.get_mut(&lane)?;
        let next = waiting.pop_front()?;
        self.count = self.count.saturating_sub(1);
        if waiting.is_empty() {
            self.waiting.remove(&lane);
        } else {
            self.turns.push_back(lane);
        }
        Some(next)
    }

    fn length(&self, lane: &Lane) -> usize {
        self.waiting.get(lane).map_or(0, VecDeque::len)
    }

    fn longest(&self) -> (Option<Lane>, usize) {
        let longest = self.waiting.iter().max_by_key(|(_, waiting)| waiting.len());
        longest.map_or((None, 0), |(lane, waiting)| (Some(lane.clone()), waiting.len()))
    }

    /// Drops the last of a lane that is longer than one.
    fn shorten(&mut self, lane: &Lane) -> bool {
        let Some(waiting) = self.waiting.get_mut(lane).filter(|waiting| waiting.len() > 1) else { return false };
        drop(waiting.pop_back());
        self.count = self.count.saturating_sub(1);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn network(n: u8) -> Lane {
        Lane::Network(Some(format!("10.{n}.0.0/16").parse().unwrap()))
    }

    type Waiting = Pin<Box<dyn Future<Output = Option<HashSlot>>>>;

    /// Somebody who has taken their place in the line.
    fn waits(line: &Arc<HashQueue>, lane: &Lane) -> Waiting {
        let (line, lane) = (line.clone(), lane.clone());
        let mut waiting: Waiting = Box::pin(async move { line.place(&lane).await });
        if let Poll::Ready(place) = poll(&mut waiting) {
            waiting = Box::pin(std::future::ready(place));
        }
        waiting
    }

    fn poll(waiting: &mut Waiting) -> Poll<Option<HashSlot>> {
        waiting.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }

    /// Serves everybody who waits, one at a time; the order.
    fn served(first: HashSlot, mut waiting: Vec<(&'static str, Waiting)>) -> Vec<&'static str> {
        let mut order = Vec::new();
        let mut place = Some(first);
        while place.take().is_some() {
            for (name, waits) in &mut waiting {
                if let Poll::Ready(got) = poll(waits) {
                    order.push(*name);
                    *waits = Box::pin(std::future::pending());
                    place = place.or(got);
                }
            }
        }
        order
    }

    #[test]
    fn networks_take_turns_and_known_browsers_come_first() {
        let line = Arc::new(HashQueue::new(1, 100));
        let Poll::Ready(Some(first)) = poll(&mut waits(&line, &network(1))) else { panic!("the place is free") };
        let mut waiting: Vec<(&str, Waiting)> = (0..5).map(|_| ("flood", waits(&line, &network(1)))).collect();
        waiting.push(("other", waits(&line, &network(2))));
        waiting.extend((0..4).map(|_| ("known", waits(&line, &Lane::Known("k".to_owned())))));
        let order = served(first, waiting);
        assert_eq!(order, ["known", "known", "known", "flood", "known", "other", "flood", "flood", "flood", "flood"]);
        assert!(matches!(poll(&mut waits(&line, &network(3))), Poll::Ready(Some(_))), "the place is free again");
    }

    #[test]
    fn a_full_line_drops_the_longest_lane_for_others() {
        let line = Arc::new(HashQueue::new(1, 4));
        let Poll::Ready(Some(first)) = poll(&mut waits(&line, &network(1))) else { panic!("the place is free") };
        let mut waiting: Vec<(&str, Waiting)> = (0..4).map(|_| ("flood", waits(&line, &network(1)))).collect();
        assert!(matches!(poll(&mut waits(&line, &network(1))), Poll::Ready(None)), "one more of them is turned away");
        for (name, lane) in [("two", network(2)), ("three", network(3)), ("known", Lane::Known("k".to_owned()))] {
            waiting.push((name, waits(&line, &lane)));
        }
        let turned_away =
            waiting.iter_mut().filter_map(|(name, w)| matches!(poll(w), Poll::Ready(None)).then_some(*name));
        assert_eq!(turned_away.collect::<Vec<_>>(), ["flood", "flood", "flood"]);
        let waiting = waiting.into_iter().enumerate().filter(|(n, _)| *n == 0 || *n > 3).map(|(_, w)| w).collect();
        assert_eq!(served(first, waiting), ["known", "flood", "two", "three"]);
    }

    #[test]
    fn who_goes_away_keeps_no_place() {
        let line = Arc::new(HashQueue::new(1, 10));
        let Poll::Ready(Some(first)) = poll(&mut waits(&line, &network(1))) else { panic!("the place is free") };
        let gone: Vec<Waiting> = (0..5).map(|n| waits(&line, &network(n))).collect();
        let stays = waits(&line, &network(9));
        drop(gone);
        assert_eq!(served(first, vec![("stays", stays)]), ["stays"]);
        let Poll::Ready(Some(place)) = poll(&mut waits(&line, &network(1))) else { panic!("the place is free") };
        // Given to somebody who goes away before they look.
        let waiting = waits(&line, &network(2));
        drop(place);
        drop(waiting);
        assert!(matches!(poll(&mut waits(&line, &network(1))), Poll::Ready(Some(_))));
    }
}
