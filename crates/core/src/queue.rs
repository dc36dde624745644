//! The queue of one subscriber: many producer threads push, one consumer reads.

use crate::event::Event;
use crate::sync::atomic::{AtomicUsize, Ordering};
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
    /// Lossless and without a bound, only for a subscription that asks for it by name.
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

impl Offer {
    /// Whether the event waits to be read.
    pub fn is_queued(self) -> bool {
        matches!(self, Self::Queued | Self::DroppedOldest)
    }
}

/// A subscriber's queue. The order of the events is the order in which their pushes took effect.
pub struct EventQueue {
    events: Events,
    /// [`CLOSED`], [`LAGGED`], and below them, where a bound of a linked queue has to be kept, the number of places that are
    /// taken: by events that wait, and by producers that are about to push one.
    state: AtomicUsize,
}

/// In the state of a queue: it takes no more events.
const CLOSED: usize = 1 << (usize::BITS - 1);

/// In the state of a queue: it closed because it had no room for an event.
const LAGGED: usize = 1 << (usize::BITS - 2);

/// The part of the state that counts places.
const PLACES: usize = LAGGED - 1;

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
        Self { events, state: AtomicUsize::new(0) }
    }

    /// Offers an event, from any thread. An event that is dropped here releases what it owns, unless another subscriber
    /// still has it.
    pub fn offer(&self, event: Event) -> Offer {
        if self.is_closed() {
            return Offer::Closed;
        }
        match &self.events {
            // Without a bound, no producer looks at how many wait: that is on the consumer's cache line.
            Events::Linked { events, max: None } => {
                events.push(event);
                Offer::Queued
            }
            Events::Linked { events, max: Some(max) } => match self.take_place(*max) {
                Ok(()) => {
                    events.push(event);
                    Offer::Queued
                }
                Err(refused) => refused,
            },
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

    /// Producer: takes a place for an event. The consumer does not see the end before the event has come there.
    fn take_place(&self, max: usize) -> Result<(), Offer> {
        let state = self.state.fetch_add(1, Ordering::AcqRel);
        if state & CLOSED == 0 && state & PLACES < max {
            return Ok(());
        }
        let refused = match state & CLOSED {
            0 => Offer::Lagged,
            _ => Offer::Closed,
        };
        // Before the place is given back: another producer must not find it, once an event was refused.
        if refused == Offer::Lagged {
            self.state.fetch_or(CLOSED | LAGGED, Ordering::AcqRel);
        }
        self.state.fetch_sub(1, Ordering::AcqRel);
        Err(refused)
    }

    /// Takes the oldest waiting event. It is not delivered by that: see [`Event::deliver`].
    pub fn pop(&self) -> Option<Event> {
        match &self.events {
            Events::Linked { events, max: None } => events.pop(),
            Events::Linked { events, max: Some(_) } => {
                let event = events.pop()?;
                self.state.fetch_sub(1, Ordering::AcqRel);
                Some(event)
            }
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
        self.state.fetch_or(CLOSED, Ordering::AcqRel);
    }

    /// Whether the queue takes no more events.
    pub fn is_closed(&self) -> bool {
        self.state.load(Ordering::Acquire) & CLOSED != 0
    }

    /// Whether the queue closed because it had no room for an event.
    pub fn is_lagged(&self) -> bool {
        self.state.load(Ordering::Acquire) & LAGGED != 0
    }

    /// Consumer: whether the queue is closed and empty. A queue that fails for want of room is not, as long as a producer
    /// that found room before is about to push: what it pushes is read first.
    pub fn has_ended(&self) -> bool {
        // In this order: what was pushed before the queue was closed is then seen.
        let state = self.state.load(Ordering::Acquire);
        state & CLOSED != 0 && state & PLACES == 0 && self.is_empty()
    }
}
