//! Counters that any thread may add to.

use crossbeam_utils::CachePadded;
// std's under loom, too: a count orders nothing, so there is nothing to explore.
use std::sync::atomic::{AtomicU64, Ordering};

/// A count that any thread adds to and any thread reads.
#[derive(Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    #[inline]
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Adds where no other thread does: a load and a store, which cost a quarter of `add`.
    #[inline]
    pub fn add_alone(&self, n: u64) {
        self.0.store(self.0.load(Ordering::Relaxed) + n, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A count on a cache line of its own, so that threads that count other things don't wait for it.
#[derive(Default)]
pub struct Counter(CachePadded<Count>);

impl Counter {
    /// Starts at 0.
    pub const fn new() -> Self {
        Self(CachePadded::new(Count(AtomicU64::new(0))))
    }

    /// Adds `n`.
    #[inline]
    pub fn add(&self, n: u64) {
        self.0.add(n);
    }

    /// The count so far.
    pub fn get(&self) -> u64 {
        self.0.get()
    }
}

/// What a broadcast did so far. At rest, `matched == delivered + dropped + queued`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Events sent.
    pub published: u64,
    /// Events that no subscriber wanted: nothing was allocated for them, and no thread was woken.
    pub unwanted: u64,
    /// Copies that went to a subscriber: an event that two subscribers want counts twice.
    pub matched: u64,
    /// Copies that a subscriber read.
    pub delivered: u64,
    /// Copies that were lost to overflow, or were still unread when their subscription went away.
    pub dropped: u64,
    /// Copies that wait to be read.
    pub queued: u64,
    /// Wakes of a consumer thread.
    pub wakes: u64,
    /// Subscribers right now.
    pub subscribers: u64,
}
