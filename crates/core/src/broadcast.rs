//! Sending an event: match, push, ring.

use crate::doorbell::Waiter;
use crate::event::{Event, Owner};
use crate::filter::{ALL_GROUPS, Filter, Group, Kind, KindSet};
use crate::queue::{Offer, Overflow};
use crate::registry::{Matches, Registry};
use crate::stats::{Counter, Stats};
use crate::subscriber::Subscriber;
use crate::subscriber_counters::{SubscriberCounters, Sum};
use crate::sync::Arc;
use crate::sync::atomic::{AtomicU64, Ordering};

/// A filtered broadcast: any number of threads send, and each subscriber gets what passes its filter.
///
/// Sending takes no lock and never blocks. It costs what its matches cost: an event that no subscriber wants is neither copied
/// nor counted anywhere but in [`Stats::unwanted`], whether there are no subscribers or ten thousand.
pub struct Broadcast {
    kinds: usize,
    registry: Registry,
    next_subscriber: AtomicU64,
    wanted: Counter,
    unwanted: Counter,
    counters: Arc<SubscriberCounters>,
}

/// What became of the copies of one event.
#[derive(Clone, Copy, Default)]
struct Offered {
    /// Those whose subscription had not ended.
    matched: usize,
    /// Of these, those that wait to be read.
    queued: usize,
}

impl Offered {
    fn add(&mut self, offer: Offer) {
        self.matched += usize::from(offer != Offer::Closed);
        self.queued += usize::from(offer.is_queued());
    }
}

impl Broadcast {
    /// A broadcast of events of `kinds` kinds.
    ///
    /// # Panics
    /// If `kinds` is more than [`KindSet::CAPACITY`].
    pub fn new(kinds: usize) -> Self {
        assert!(kinds <= KindSet::CAPACITY, "a broadcast has at most {} kinds, not {kinds}", KindSet::CAPACITY);
        Self {
            kinds,
            registry: Registry::new(kinds),
            next_subscriber: AtomicU64::new(1),
            wanted: Counter::new(),
            unwanted: Counter::new(),
            counters: Arc::new(SubscriberCounters::default()),
        }
    }

    /// How many kinds of events there are.
    pub fn kinds(&self) -> usize {
        self.kinds
    }

    /// Sends an event to every subscriber that wants it, from any thread. Returns how many subscribers have it to read: not those
    /// that had no room for it.
    ///
    /// `payload` is copied once if a subscriber wants it, never otherwise. With an `owner`, what the payload owns is handed
    /// to the first reader; if it reaches no subscriber, `owner` releases it, now or when the last unread copy is dropped.
    pub fn send(&self, kind: Kind, subject: u64, payload: &[u8], owner: Option<&Arc<dyn Owner>>) -> usize {
        self.send_to(|| ALL_GROUPS, kind, subject, payload, owner)
    }

    /// The same for an event that concerns one group only, for a sender that knows of groups: a subscriber of another one does
    /// not get it, whatever its filter says. `group` is called only if a subscriber matches.
    pub fn send_to(
        &self,
        group: impl FnOnce() -> Group,
        kind: Kind,
        subject: u64,
        payload: &[u8],
        owner: Option<&Arc<dyn Owner>>,
    ) -> usize {
        let event = || Event::new(kind, subject, payload, owner);
        let offer = |matches: Matches| self.offer(matches, group(), event);
        let offered = self.registry.with_matches(kind, subject, offer).flatten();
        if offered.is_some_and(|offered| offered.matched > 0) {
            self.wanted.add(1);
        } else {
            self.unwanted.add(1);
        }
        // Where an event was made for a subscriber that had just closed, dropping the event released.
        if offered.is_none()
            && let Some(owner) = owner
        {
            owner.release(kind, payload);
        }
        offered.map_or(0, |offered| offered.queued)
    }

    /// Offers an event to the subscribers of its group that match, then rings. `None` if no event was made.
    fn offer(&self, matches: Matches, group: Group, event: impl FnOnce() -> Event) -> Option<Offered> {
        let concerned = || matches.iter().filter(|subscriber| subscriber.may_have(group));
        // One that lagged stands in the registry until its consumer leaves: no reason to copy anything.
        let mut open = concerned().filter(|subscriber| !subscriber.is_closed());
        let mut subscriber = open.next()?;
        let event = event();
        let mut offered = Offered::default();
        for next in open {
            offered.add(subscriber.offer(event.clone()));
            subscriber = next;
        }
        // The last one gets the event itself: one change less of the reference count that all of them share.
        offered.add(subscriber.offer(event));
        if offered.matched > 0 {
            self.counters.count_matched(offered.matched as u64);
            concerned().for_each(Subscriber::ring);
        }
        Some(offered)
    }

    /// Adds a subscriber. It gets events whose send starts after this call, in the order in which sends take effect;
    /// `waiter` is how its thread hears of them while it waits. On a closed broadcast, the subscription has ended.
    pub fn subscribe(&self, filter: Filter, overflow: Overflow, waiter: Waiter) -> Arc<Subscriber> {
        self.subscribe_as(ALL_GROUPS, filter, overflow, waiter)
    }

    /// The same for a subscriber that does not get what concerns other groups than its own.
    pub fn subscribe_as(&self, group: Group, filter: Filter, overflow: Overflow, waiter: Waiter) -> Arc<Subscriber> {
        let id = self.next_subscriber.fetch_add(1, Ordering::Relaxed);
        let subscriber = Arc::new(Subscriber::new(id, group, overflow, waiter, self.counters.clone()));
        if !self.registry.set(&subscriber, filter) {
            subscriber.close();
        }
        subscriber
    }

    /// Changes what a subscriber hears, from now on. What waits for it stays; an ended subscription stays ended, and
    /// that of another broadcast as it is.
    pub fn set_filter(&self, subscriber: &Arc<Subscriber>, filter: Filter) {
        if self.knows(subscriber) {
            self.registry.set(subscriber, filter);
        }
    }

    /// Ends a subscription; what waits stays readable. Ended already, or of another broadcast: no-op.
    pub fn unsubscribe(&self, subscriber: &Subscriber) {
        if self.knows(subscriber) {
            subscriber.close();
            self.registry.remove(subscriber);
        }
    }

    /// Whether this is a subscriber of this broadcast: ids are unique within one only.
    fn knows(&self, subscriber: &Subscriber) -> bool {
        Arc::ptr_eq(subscriber.counters(), &self.counters)
    }

    /// Ends all subscriptions, now and to come. What waits stays readable.
    pub fn close(&self) {
        for subscriber in self.registry.close() {
            subscriber.close();
        }
    }

    /// Whether [`close`](Self::close) was called.
    pub fn is_closed(&self) -> bool {
        self.registry.is_closed()
    }

    /// What happened so far.
    pub fn stats(&self) -> Stats {
        let Sum { matched, delivered, dropped, wakes } = self.counters.sum();
        let unwanted = self.unwanted.get();
        Stats {
            published: self.wanted.get() + unwanted,
            unwanted,
            matched,
            delivered,
            dropped,
            // While others count, a copy may be read before it is counted as matched.
            queued: matched.saturating_sub(delivered + dropped),
            wakes,
            subscribers: self.registry.len() as u64,
        }
    }
}

impl Drop for Broadcast {
    fn drop(&mut self) {
        // No producer can send any more, and a consumer that waits would wait for ever.
        self.close();
    }
}
