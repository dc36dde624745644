//! What a broadcast promises where it ends, where it is used wrongly, and where callbacks come back to it.

#![cfg(not(loom))]

use narrowcast_core::{
    ALL_GROUPS, Broadcast, Doorbell, Event, EventQueue, Filter, Kind, KindSet, Offer, Overflow, Owner, SnapshotMap,
    Subscriber, Waiter, Wake,
};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};

#[derive(Clone, Default)]
struct Wakes(Arc<AtomicUsize>);

impl Wake for Wakes {
    fn wake(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn waiter(wakes: &Wakes) -> Waiter {
    Waiter::new(Arc::new(Doorbell::new(Box::new(wakes.clone()))), 0)
}

fn everything() -> Filter {
    Filter::kinds(KindSet::first(1))
}

fn listen(broadcast: &Broadcast, overflow: Overflow) -> Arc<Subscriber> {
    broadcast.subscribe(everything(), overflow, waiter(&Wakes::default()))
}

#[test]
fn leaving_a_broadcast_that_one_never_joined_changes_nothing() {
    let (here, there) = (Broadcast::new(1), Broadcast::new(1));
    // Both are the first subscriber of theirs.
    let mine = listen(&here, Overflow::Grow);
    let other = listen(&there, Overflow::Grow);
    there.unsubscribe(&mine);
    there.set_filter(&mine, Filter::kinds(KindSet::EMPTY));
    assert!(!mine.is_closed() && !other.is_closed());
    assert_eq!((here.send(0, 1, &[], None), there.send(0, 2, &[], None)), (1, 1));
    assert_eq!(mine.take().map(|event| event.subject()), Some(1));
    assert_eq!(other.take().map(|event| event.subject()), Some(2));
}

#[test]
fn a_consumer_asleep_is_woken_when_the_broadcast_goes_away() {
    let wakes = Wakes::default();
    let broadcast = Broadcast::new(1);
    let subscriber = broadcast.subscribe(everything(), Overflow::Grow, waiter(&wakes));
    broadcast.send(0, 1, &[], None);
    assert!(!subscriber.wait(), "there is something to read");
    subscriber.take();
    assert!(subscriber.wait());
    drop(broadcast);
    assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
    assert!(subscriber.is_closed() && !subscriber.is_lagged());
    assert!(!subscriber.wait(), "there is the end to see");
}

#[test]
fn every_wake_counts_that_of_the_end_too() {
    let wakes = Wakes::default();
    let broadcast = Broadcast::new(1);
    let subscriber = broadcast.subscribe(everything(), Overflow::Grow, waiter(&wakes));
    assert!(subscriber.wait());
    broadcast.unsubscribe(&subscriber);
    assert_eq!((wakes.0.load(Ordering::Relaxed), broadcast.stats().wakes), (1, 1));
}

#[test]
fn a_queue_without_a_place_is_refused() {
    for overflow in
        [Overflow::Error { max: 0 }, Overflow::DropOldest { capacity: 0 }, Overflow::DropNewest { capacity: 0 }]
    {
        assert!(std::panic::catch_unwind(|| EventQueue::new(overflow)).is_err(), "{overflow:?}");
    }
}

#[test]
fn a_closed_queue_takes_nothing_and_keeps_what_it_has() {
    for overflow in [
        Overflow::Error { max: 2 },
        Overflow::Grow,
        Overflow::DropOldest { capacity: 2 },
        Overflow::DropNewest { capacity: 2 },
    ] {
        let queue = EventQueue::new(overflow);
        assert_eq!(queue.offer(Event::new(0, 1, &[], None)), Offer::Queued);
        queue.close();
        assert_eq!(queue.offer(Event::new(0, 2, &[], None)), Offer::Closed);
        assert_eq!(queue.pop().map(|event| event.subject()), Some(1));
        assert!(queue.pop().is_none() && queue.is_closed() && !queue.is_lagged());
    }
}

/// Releases by asking the broadcast for everything it can do, as an engine may that answers a release with an event.
struct Reentrant {
    broadcast: OnceLock<Weak<Broadcast>>,
    releases: AtomicUsize,
}

impl Owner for Reentrant {
    fn release(&self, _: Kind, _: &[u8]) {
        self.releases.fetch_add(1, Ordering::Relaxed);
        let Some(broadcast) = self.broadcast.get().and_then(Weak::upgrade) else { return };
        broadcast.send(0, 0, b"from a release", None);
        broadcast.stats();
        let subscriber = listen(&broadcast, Overflow::Grow);
        broadcast.set_filter(&subscriber, Filter::kinds(KindSet::EMPTY));
        broadcast.unsubscribe(&subscriber);
    }
}

#[test]
fn clear_drops_what_waits_and_not_what_comes_meanwhile() {
    let reentrant = Arc::new(Reentrant { broadcast: OnceLock::new(), releases: AtomicUsize::new(0) });
    let owner: Arc<dyn Owner> = reentrant.clone();
    let broadcast = Arc::new(Broadcast::new(1));
    reentrant.broadcast.set(Arc::downgrade(&broadcast)).expect("set once");
    let subscriber = listen(&broadcast, Overflow::Grow);
    broadcast.send(0, 0, &[], Some(&owner));
    broadcast.send(0, 0, &[], Some(&owner));
    // Each release sends an event: as long as clear drops, there is more.
    subscriber.clear();
    assert_eq!((subscriber.dropped(), subscriber.len()), (2, 2));
}

#[test]
fn a_release_may_send_subscribe_and_leave() {
    let reentrant = Arc::new(Reentrant { broadcast: OnceLock::new(), releases: AtomicUsize::new(0) });
    let owner: Arc<dyn Owner> = reentrant.clone();
    let broadcast = Arc::new(Broadcast::new(2));
    reentrant.broadcast.set(Arc::downgrade(&broadcast)).expect("set once");
    let released = || reentrant.releases.load(Ordering::Relaxed);

    broadcast.send(1, 0, &[], Some(&owner));
    assert_eq!(released(), 1, "no subscriber wanted it");
    // Of kind 1 alone, lest what a release sends overflows in turn.
    let only_owned = Filter::kinds(KindSet::EMPTY.with(1));
    let wakes = Wakes::default();
    let subscriber = broadcast.subscribe(only_owned, Overflow::DropOldest { capacity: 1 }, waiter(&wakes));
    broadcast.send(1, 0, &[], Some(&owner));
    broadcast.send(1, 0, &[], Some(&owner));
    assert_eq!(released(), 2, "overflow");
    subscriber.clear();
    assert_eq!(released(), 3, "cleared");
    broadcast.send(1, 0, &[], Some(&owner));
    // The broadcast has the last reference, and lets go of it while it closes.
    drop(subscriber);
    broadcast.close();
    assert_eq!(released(), 4, "closed");
}

#[test]
fn a_value_that_leaves_a_snapshot_map_may_change_the_map_as_it_is_dropped() {
    struct Value(Weak<SnapshotMap<Arc<Value>>>);
    impl Drop for Value {
        fn drop(&mut self) {
            if let Some(map) = self.0.upgrade() {
                map.change(|map| map.set(2, None));
            }
        }
    }
    let map = Arc::new(SnapshotMap::new());
    map.change(|values| values.set(1, Some(Arc::new(Value(Arc::downgrade(&map))))));
    let (done, finished) = std::sync::mpsc::channel();
    let changed = map.clone();
    std::thread::spawn(move || {
        changed.change(|map| map.set(1, None).is_some());
        done.send(()).expect("the receiver waits");
    });
    finished.recv_timeout(std::time::Duration::from_secs(10)).expect("the change ends");
    map.with(1, |value| assert!(value.is_none()));
}

#[test]
fn who_looks_without_being_woken_leaves_the_wake_to_be_answered() {
    let bell = Doorbell::new(Box::new(Wakes::default()));
    assert!(bell.ring(1));
    let mut tokens = [0; 2];
    assert_eq!((bell.poll(&mut tokens), tokens[0]), (1, 1));
    // One wake is on its way already.
    assert!(!bell.ring(2));
    assert_eq!((bell.take_ready(&mut tokens), tokens[0]), (1, 2));
    assert!(bell.ring(3));
    assert_eq!(bell.wakes(), 2);
}

#[test]
fn what_concerns_one_group_neither_reaches_nor_wakes_another() {
    let broadcast = Broadcast::new(1);
    let listen = |group| {
        let wakes = Wakes::default();
        let subscriber = broadcast.subscribe_as(group, everything(), Overflow::Grow, waiter(&wakes));
        assert!(subscriber.wait());
        (subscriber, wakes)
    };
    let all = [1, 2, ALL_GROUPS].map(listen);
    let seen = || all.each_ref().map(|(subscriber, wakes)| (subscriber.len(), wakes.0.load(Ordering::Relaxed)));
    assert_eq!(broadcast.send_to(|| 1, 0, 0, &[], None), 2);
    assert_eq!(seen(), [(1, 1), (0, 0), (1, 1)]);
    assert_eq!(broadcast.send(0, 0, &[], None), 3);
    assert_eq!(broadcast.send_to(|| 3, 0, 0, &[], None), 1, "a subscriber of no group gets everything");
    assert_eq!(seen(), [(2, 1), (1, 1), (3, 1)]);
}

#[test]
fn an_event_for_a_group_without_subscribers_is_unwanted_and_releases_what_it_owns() {
    #[derive(Default)]
    struct Released(AtomicUsize);
    impl Owner for Released {
        fn release(&self, _: Kind, _: &[u8]) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let broadcast = Broadcast::new(1);
    let released = Arc::new(Released::default());
    let owner: Arc<dyn Owner> = released.clone();
    let other = broadcast.subscribe_as(2, everything(), Overflow::Grow, waiter(&Wakes::default()));
    assert_eq!(broadcast.send_to(|| 1, 0, 0, &[], Some(&owner)), 0);
    assert_eq!((released.0.load(Ordering::Relaxed), broadcast.stats().unwanted, other.len()), (1, 1, 0));
}
