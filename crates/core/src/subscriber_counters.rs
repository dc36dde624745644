//! What the subscribers of a broadcast count, each for itself: a counter that all of them shared would be what they wait
//! for most.

use crate::stats::Count;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Arc, Mutex, lock};
use crossbeam_utils::CachePadded;
use std::sync::Weak;

/// One subscriber's counts. Producers and the consumer write to a cache line of their own.
#[derive(Default)]
pub(crate) struct Counts {
    pub producers: CachePadded<ProducerCounts>,
    pub delivered: CachePadded<Count>,
}

#[derive(Default)]
pub(crate) struct ProducerCounts {
    pub dropped: Count,
    pub wakes: Count,
}

/// The sum of all subscribers' counts, of those too that are gone.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sum {
    pub matched: u64,
    pub delivered: u64,
    pub dropped: u64,
    pub wakes: u64,
}

/// The counts of all subscribers of one broadcast.
#[derive(Default)]
pub(crate) struct SubscriberCounters {
    /// Counted once for each event and not for each subscriber, and where producers meet consumers that fall asleep.
    matched: CachePadded<AtomicU64>,
    /// Of subscribers that are gone. They add to it without the lock: a producer may be the last to hold one.
    gone: Counts,
    alive: Mutex<Vec<Weak<OwnCounters>>>,
}

/// A subscriber's counts, and where they go when it does.
pub(crate) struct OwnCounters {
    pub counts: Counts,
    counters: Arc<SubscriberCounters>,
}

impl SubscriberCounters {
    /// Counts for a new subscriber. Must not be called where blocking is forbidden.
    pub fn open(counters: &Arc<Self>) -> std::sync::Arc<OwnCounters> {
        let counts = std::sync::Arc::new(OwnCounters { counts: Counts::default(), counters: counters.clone() });
        let mut alive = lock(&counters.alive);
        // Swept as it fills up, so that a subscriber costs the same however many came and went before it.
        if alive.len() == alive.capacity() {
            alive.retain(|counts| counts.strong_count() > 0);
        }
        alive.push(std::sync::Arc::downgrade(&counts));
        counts
    }

    /// Producer: counts copies, after it has pushed them, and before it looks who of their readers waits.
    ///
    /// This and [`sync_with_producers`](Self::sync_with_producers) change the same number, so one of the two comes first. If this
    /// does, its pushes happened before the consumer's second look; if the other does, this producer sees that the
    /// consumer waits. One operation so does for all subscribers what each one's waiter would otherwise need its own for.
    #[inline]
    pub fn count_matched(&self, copies: u64) {
        self.matched.fetch_add(copies, Ordering::AcqRel);
    }

    /// Consumer: after it has said that it waits, and before it looks again.
    pub fn sync_with_producers(&self) {
        self.matched.fetch_add(0, Ordering::AcqRel);
    }

    /// All counts together; exact while no thread counts.
    pub fn sum(&self) -> Sum {
        let mut sum = Sum { matched: self.matched.load(Ordering::Relaxed), ..Sum::default() };
        let mut add = |counts: &Counts| {
            sum.dropped += counts.producers.dropped.get();
            sum.wakes += counts.producers.wakes.get();
            sum.delivered += counts.delivered.get();
        };
        add(&self.gone);
        // Dropped after the lock: this may have the last reference by then.
        let alive: Vec<_> = lock(&self.alive).iter().filter_map(Weak::upgrade).collect();
        alive.iter().for_each(|counts| add(&counts.counts));
        sum
    }
}

impl Drop for OwnCounters {
    fn drop(&mut self) {
        let (from, to) = (&self.counts, &self.counters.gone);
        to.producers.dropped.add(from.producers.dropped.get());
        to.producers.wakes.add(from.producers.wakes.get());
        to.delivered.add(from.delivered.get());
    }
}
