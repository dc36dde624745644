//! What sending costs in memory, counted by the allocator itself. The counts are per thread: tests may run side by side.

#![cfg(not(loom))]

use narrowcast_core::{Broadcast, Doorbell, Filter, Kind, KindSet, Overflow, Owner, Subscriber, Waiter, Wake};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const PAYLOAD: [u8; 4096] = [7; 4096];

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    /// Those with room for [`PAYLOAD`].
    static LARGE: Cell<usize> = const { Cell::new(0) };
}

fn count(size: usize) {
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
    if size >= PAYLOAD.len() {
        LARGE.set(LARGE.get() + 1);
    }
}

// SAFETY: every call goes to the system's allocator as it came. Counting neither allocates nor needs a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: as the caller promised.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// How many allocations `run` makes on this thread, and how many of them have room for [`PAYLOAD`].
fn allocations(run: impl FnOnce()) -> (usize, usize) {
    let before = (ALLOCATIONS.get(), LARGE.get());
    run();
    (ALLOCATIONS.get() - before.0, LARGE.get() - before.1)
}

struct Quiet;

impl Wake for Quiet {
    fn wake(&self) {}
}

#[derive(Default)]
struct Releases(AtomicUsize);

impl Owner for Releases {
    fn release(&self, _: Kind, _: &[u8]) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A broadcast of 64 kinds with a subscriber to kind 0 for each subject from 1 to `count`.
fn subscribed(count: u64, overflow: Overflow) -> (Broadcast, Vec<Arc<Subscriber>>) {
    let broadcast = Broadcast::new(64);
    let bell = Arc::new(Doorbell::new(Box::new(Quiet)));
    let subscribers = (1..=count)
        .map(|subject| {
            let filter = Filter { kinds: KindSet::EMPTY.with(0), subjects: Some(vec![subject]) };
            broadcast.subscribe(filter, overflow, Waiter::new(bell.clone(), 0))
        })
        .collect();
    // The first load of a snapshot on a thread registers the thread.
    broadcast.send(1, 0, &[], None);
    (broadcast, subscribers)
}

#[test]
fn the_allocator_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(PAYLOAD)))), (1, 1));
}

#[test]
fn an_event_that_no_subscriber_wants_allocates_nothing_however_many_there_are() {
    let releases = Arc::new(Releases::default());
    let owner: Arc<dyn Owner> = releases.clone();
    for subscribers in [0, 1, 10_000] {
        let (broadcast, _subscribers) = subscribed(subscribers, Overflow::Grow);
        releases.0.store(0, Ordering::Relaxed);
        let cost = allocations(|| {
            for subject in 0..500 {
                assert_eq!(broadcast.send(0, 1_000_000 + subject, &PAYLOAD, None), 0);
                assert_eq!(broadcast.send(1, subject, &PAYLOAD, Some(&owner)), 0);
                assert_eq!(broadcast.send(200, subject, &PAYLOAD, None), 0);
            }
        });
        assert_eq!(cost, (0, 0), "with {subscribers} subscribers");
        assert_eq!(releases.0.load(Ordering::Relaxed), 500);
    }
}

#[test]
fn one_copy_of_the_payload_serves_every_match() {
    for matches in [1, 100] {
        let broadcast = Broadcast::new(1);
        let bell = Arc::new(Doorbell::new(Box::new(Quiet)));
        // These have their places beforehand, and a growing queue takes places for 31 events at a time.
        let overflow = Overflow::DropOldest { capacity: 4 };
        let subscribers: Vec<_> = (0..matches)
            .map(|_| broadcast.subscribe(Filter::kinds(KindSet::first(1)), overflow, Waiter::new(bell.clone(), 0)))
            .collect();
        broadcast.send(0, 0, &[], None);
        let (all, large) = allocations(|| assert_eq!(broadcast.send(0, 0, &PAYLOAD, None), matches));
        assert_eq!((all, large), (2, 1), "the event and its payload, for {matches} matches");
        let cost = allocations(|| {
            for subscriber in &subscribers {
                assert!(subscriber.take().is_some());
                assert_eq!(subscriber.take().expect("the second event").payload(), PAYLOAD);
            }
        });
        assert_eq!(cost, (0, 0), "reading copies nothing");
    }
}

#[test]
fn a_small_event_is_one_allocation() {
    let broadcast = Broadcast::new(1);
    let bell = Arc::new(Doorbell::new(Box::new(Quiet)));
    let overflow = Overflow::DropOldest { capacity: 4 };
    let _subscriber = broadcast.subscribe(Filter::kinds(KindSet::first(1)), overflow, Waiter::new(bell, 0));
    broadcast.send(0, 0, &[], None);
    assert_eq!(allocations(|| assert_eq!(broadcast.send(0, 0, &PAYLOAD[..100], None), 1)), (1, 0));
}

#[test]
fn a_subscriber_that_lagged_and_never_left_costs_no_copy() {
    let (broadcast, subscribers) = subscribed(1, Overflow::Error { max: 1 });
    broadcast.send(0, 1, &PAYLOAD, None);
    broadcast.send(0, 1, &PAYLOAD, None);
    assert!(subscribers[0].is_lagged());
    assert_eq!(allocations(|| assert_eq!(broadcast.send(0, 1, &PAYLOAD, None), 0)), (0, 0));
}
