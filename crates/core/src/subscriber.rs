//! One subscriber of a broadcast: its queue, and the consumer thread that waits for it.

use crate::doorbell::Waiter;
use crate::event::Event;
use crate::filter::{ALL_GROUPS, Group};
use crate::queue::{EventQueue, Offer, Overflow};
use crate::subscriber_counters::{OwnCounters, SubscriberCounters};
use crate::sync::Arc;

/// A subscriber. Producers offer events from any thread; one consumer thread reads them.
pub struct Subscriber {
    id: u64,
    group: Group,
    queue: EventQueue,
    waiter: Waiter,
    counts: std::sync::Arc<OwnCounters>,
    counters: Arc<SubscriberCounters>,
}

impl Subscriber {
    pub(crate) fn new(
        id: u64,
        group: Group,
        overflow: Overflow,
        waiter: Waiter,
        counters: Arc<SubscriberCounters>,
    ) -> Self {
        Self {
            id,
            group,
            queue: EventQueue::new(overflow),
            waiter,
            counts: SubscriberCounters::open(&counters),
            counters,
        }
    }

    /// Names the subscriber within its broadcast.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Producer: whether an event of this group may concern this subscriber.
    #[inline]
    pub(crate) fn may_have(&self, group: Group) -> bool {
        group == ALL_GROUPS || self.group == ALL_GROUPS || self.group == group
    }

    /// Producer: offers a matching event. Unless the subscription had ended, the producer counts it as matched, and then
    /// [`ring`](Self::ring)s.
    pub(crate) fn offer(&self, event: Event) -> Offer {
        let offer = self.queue.offer(event);
        match offer {
            Offer::Queued => {}
            // The consumer may have seen a place taken, and wait for what comes there.
            Offer::Closed => self.notify(),
            Offer::DroppedOldest | Offer::DroppedNewest | Offer::Lagged => self.counts.counts.producers.dropped.add(1),
        }
        offer
    }

    /// Producer: sends an event to this subscriber alone, whatever its filter says: for a producer that knows whose the event
    /// is. False if the subscription has ended; the event is then gone, and what it owned is released.
    pub fn post(&self, event: Event) -> bool {
        let open = self.offer(event) != Offer::Closed;
        if open {
            self.counters.count_matched(1);
            self.ring();
        }
        open
    }

    /// Producer: rings if the consumer waits, after what was offered was counted.
    #[inline]
    pub(crate) fn ring(&self) {
        if self.waiter.is_armed() {
            self.notify();
        }
    }

    fn notify(&self) {
        if self.waiter.notify() {
            self.counts.counts.producers.wakes.add(1);
        }
    }

    /// What the subscribers of its broadcast count together.
    pub(crate) fn counters(&self) -> &Arc<SubscriberCounters> {
        &self.counters
    }

    /// Consumer: takes the next event and hands what it owns over to the caller.
    pub fn take(&self) -> Option<Event> {
        let event = self.pop()?;
        self.delivered(&event);
        Some(event)
    }

    /// Consumer: takes the next event without taking over what it owns. The caller says either
    /// [`delivered`](Self::delivered) or [`discarded`](Self::discarded): an event that is just dropped releases what it
    /// owns, but stays in [`Stats::queued`](crate::Stats::queued).
    pub fn pop(&self) -> Option<Event> {
        self.queue.pop()
    }

    /// Consumer: the event reached its reader, which now owns what the event owned.
    pub fn delivered(&self, event: &Event) {
        event.deliver();
        self.counts.counts.delivered.add_alone(1);
    }

    /// Consumer: the event was read, and its reader takes nothing that it owns: that is released, unless another
    /// subscriber takes it.
    pub fn discarded(&self, event: Event) {
        self.counts.counts.delivered.add_alone(1);
        drop(event);
    }

    /// Ends the subscription: no more events. What waits stays readable. The consumer, if it waits, is woken to see it.
    pub fn close(&self) {
        self.queue.close();
        self.notify();
    }

    /// Drops what waits at the time of the call, counted.
    pub fn clear(&self) {
        // Not until it is empty: producers may push as fast as this drops.
        let lost = (0..self.queue.len()).map_while(|_| self.queue.pop()).count() as u64;
        if lost > 0 {
            self.counts.counts.producers.dropped.add(lost);
        }
    }

    /// Consumer: waits for the next event, or for the end. Returns false if there is something to see already, and the
    /// consumer need not wait.
    pub fn wait(&self) -> bool {
        self.waiter.wait_unless(|| {
            self.counters.sync_with_producers();
            !self.queue.is_empty() || self.queue.has_ended()
        })
    }

    /// How many events wait.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether no event waits.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// How many events were lost: to overflow, or unread when the subscription was dropped.
    pub fn dropped(&self) -> u64 {
        self.counts.counts.producers.dropped.get()
    }

    /// Whether the subscription has ended. Events may still wait.
    pub fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// Consumer: whether the subscription has ended, and all was read.
    pub fn has_ended(&self) -> bool {
        self.queue.has_ended()
    }

    /// Whether the subscription ended because it fell too far behind.
    pub fn is_lagged(&self) -> bool {
        self.queue.is_lagged()
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        // A producer that held the old snapshot may have pushed after the last read.
        self.clear();
    }
}
