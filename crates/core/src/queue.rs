//! The queue of one subscriber: many producer threads push, one consumer reads.

use crate::event::Event;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{ArrayQueue, SegQueue};

/// What happens to an event for which a subscriber's queue has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// Lossless: the queue grows to `max` events. One more, and this subscription fails: it takes no further events,
    /// what it has stays readable.
    Error {
        /// Most events that may wait.
        max: usize,
    },
    /// Lossless and without a bound: for whoever asks for it by name.
    Grow,
    /// The oldest waiting event makes room.
    DropOldest {
        /// Most events that may wait.
        capacity: usize,
    },
    /// The new event is dropped.
    DropNewest {
        /// Most events that may wait.
        capacity: usize,
    },
}

/// What became of an event offered to a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// It waits to be read.
    Queued,
    /// It waits, and the oldest waiting event was dropped for it.
    DroppedOldest,
    /// It was dropped.
    DroppedNewest,
    /// It was dropped, and so the subscription failed: it takes no more events.
    Lagged,
    /// The queue takes no more events; this one does not concern it.
    Closed,
}

/// A subscriber's queue. The order of the events is the order in which their pushes took effect.
pub struct EventQueue {
    events: Events,
    closed: AtomicBool,
    lagged: AtomicBool,
}

enum Events {
    Linked { events: SegQueue<Event>, max: Option<usize> },
    Bounded { events: ArrayQueue<Event>, drop_oldest: bool },
}

impl EventQueue {
    /// An empty queue. A bounded one takes its memory now (8 bytes per place, and as many for bookkeeping), a growing
    /// one as events come.
    ///
    /// # Panics
    /// If a capacity is 0.
    pub fn new(overflow: Overflow) -> Self {
        let events = match overflow {
            Overflow::Error { max: 0 } => {
                panic!("a queue that may hold no event fails at the first: `max` must be above 0")
            }
            Overflow::Error { max } => Events::Linked { events: SegQueue::new(), max: Some(max) },
            Overflow::Grow => Events::Linked { events: SegQueue::new(), max: None },
            Overflow::DropOldest { capacity } => {
                Events::Bounded { events: ArrayQueue::new(capacity), drop_oldest: true }
            }
            Overflow::DropNewest { capacity } => {
                Events::Bounded { events: ArrayQueue::new(capacity), drop_oldest: false }
            }
        };
        Self { events, closed: AtomicBool::new(false), lagged: AtomicBool::new(false) }
    }

    /// Offers an event, from any thread. An event that is dropped here releases what it owns, unless another subscriber
    /// still has it.
    pub fn offer(&self, event: Event) -> Offer {
        if self.closed.load(Ordering::Acquire) {
            return Offer::Closed;
        }
        match &self.events {
            Events::Linked { events, max } => {
                // Producers that look at the same moment may each push one more than `max`: the bound is what keeps
                // memory in check, and exact for a single producer. Without one, nobody looks: the length is on the
                // consumer's cache line.
                if max.is_none_or(|max| events.len() < max) {
                    events.push(event);
                    return Offer::Queued;
                }
                self.lagged.store(true, Ordering::Release);
                self.close();
                Offer::Lagged
            }
            Events::Bounded { events, drop_oldest: true } => match events.force_push(event) {
                None => Offer::Queued,
                Some(_oldest) => Offer::DroppedOldest,
            },
            Events::Bounded { events, drop_oldest: false } => match events.push(event) {
                Ok(()) => Offer::Queued,
                Err(_newest) => Offer::DroppedNewest,
            },
        }
    }

    /// Takes the oldest waiting event. It is not delivered by that: see [`Event::deliver`].
    pub fn pop(&self) -> Option<Event> {
        match &self.events {
            Events::Linked { events, .. } => events.pop(),
            Events::Bounded { events, .. } => events.pop(),
        }
    }

    /// How many events wait.
    pub fn len(&self) -> usize {
        match &self.events {
            Events::Linked { events, .. } => events.len(),
            Events::Bounded { events, .. } => events.len(),
        }
    }

    /// Whether no event waits.
    pub fn is_empty(&self) -> bool {
        match &self.events {
            Events::Linked { events, .. } => events.is_empty(),
            Events::Bounded { events, .. } => events.is_empty(),
        }
    }

    /// Takes no more events. What waits stays readable.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// Whether the queue takes no more events.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Whether the queue closed because it had no room for an event.
    pub fn is_lagged(&self) -> bool {
        self.lagged.load(Ordering::Acquire)
    }
}
