//! What the subscribers of a broadcast count, each for itself: a counter that all of them shared would be what they wait
//! for most.

use crate::stats::Count;
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
    pub matched: Count,
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
pub(crate) struct Tally {
    /// Of subscribers that are gone. They add to it without the lock: a producer may be the last to hold one.
    gone: Counts,
    alive: Mutex<Vec<Weak<CountsOf>>>,
}

/// A subscriber's counts, and where they go when it does.
pub(crate) struct CountsOf {
    pub counts: Counts,
    tally: Arc<Tally>,
}

impl Tally {
    /// Counts for a new subscriber. Must not be called where blocking is forbidden.
    pub fn open(tally: &Arc<Self>) -> std::sync::Arc<CountsOf> {
        let counts = std::sync::Arc::new(CountsOf { counts: Counts::default(), tally: tally.clone() });
        let mut alive = lock(&tally.alive);
        // Swept as it fills up, so that a subscriber costs the same however many came and went before it.
        if alive.len() == alive.capacity() {
            alive.retain(|counts| counts.strong_count() > 0);
        }
        alive.push(std::sync::Arc::downgrade(&counts));
        counts
    }

    /// All counts together; exact while nobody counts.
    pub fn sum(&self) -> Sum {
        let mut sum = Sum::default();
        let mut add = |counts: &Counts| {
            sum.matched += counts.producers.matched.get();
            sum.dropped += counts.producers.dropped.get();
            sum.wakes += counts.producers.wakes.get();
            sum.delivered += counts.delivered.get();
        };
        add(&self.gone);
        // Dropped after the lock: the last reference may be ours by then.
        let alive: Vec<_> = lock(&self.alive).iter().filter_map(Weak::upgrade).collect();
        alive.iter().for_each(|counts| add(&counts.counts));
        sum
    }
}

impl Drop for CountsOf {
    fn drop(&mut self) {
        let (from, to) = (&self.counts, &self.tally.gone);
        to.producers.matched.add(from.producers.matched.get());
        to.producers.dropped.add(from.producers.dropped.get());
        to.producers.wakes.add(from.producers.wakes.get());
        to.delivered.add(from.delivered.get());
    }
}
