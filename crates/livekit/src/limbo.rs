//! Where events wait that arrived before somebody could say whose they are.
//!
//! The engine sends a new stream's first frames on its own threads, sometimes before the request that opens the stream
//! has returned its handle. Whoever is about to ask says so first ([`Limbo::expect`]); from then on, what nobody is
//! registered for waits here, in order, until the answer is there and the stream is registered ([`Limbo::settled`]).

use narrowcast_core::sync::ArrayQueue;
use narrowcast_core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use narrowcast_core::{Counter, Event};

/// A bounded waiting room for events of streams not registered yet. No thread ever blocks on it.
pub struct Limbo {
    /// Requests under way whose answer will name a stream.
    expecting: AtomicUsize,
    /// `expecting`, plus the events that wait or are being routed right now. While it is 0, and only then, an event may
    /// bypass the limbo: nothing older of its stream can still be on its way.
    holds: AtomicUsize,
    events: ArrayQueue<Event>,
    routing: AtomicBool,
    held: Counter,
    dropped: Counter,
}

impl Limbo {
    /// Room for `capacity` events; then the oldest is dropped, which releases what it owns, and counted.
    pub fn new(capacity: usize) -> Self {
        Self {
            expecting: AtomicUsize::new(0),
            holds: AtomicUsize::new(0),
            events: ArrayQueue::new(capacity),
            routing: AtomicBool::new(false),
            held: Counter::new(),
            dropped: Counter::new(),
        }
    }

    /// Says that a request is about to be made whose answer names a new stream.
    pub fn expect(&self) {
        self.holds.fetch_add(1, Ordering::AcqRel);
        self.expecting.fetch_add(1, Ordering::AcqRel);
    }

    /// Says that the request is over, and its stream, if there is one, registered: what waits is routed again.
    pub fn settled(&self, route: impl Fn(Event)) {
        self.expecting.fetch_sub(1, Ordering::AcqRel);
        self.holds.fetch_sub(1, Ordering::AcqRel);
        self.route_all(&route);
    }

    /// Whether nothing waits and nothing is expected, so that an event may go straight to where it belongs.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.holds.load(Ordering::Acquire) == 0
    }

    /// Keeps an event until whoever is expected has settled; or, if that is so already, routes it.
    pub fn hold(&self, event: Event, route: impl Fn(Event)) {
        self.holds.fetch_add(1, Ordering::AcqRel);
        self.held.add(1);
        if let Some(oldest) = self.events.force_push(event) {
            self.dropped.add(1);
            drop(oldest);
            self.holds.fetch_sub(1, Ordering::AcqRel);
        }
        self.route_all(&route);
    }

    /// Events that ever waited here.
    pub fn held(&self) -> u64 {
        self.held.get()
    }

    /// Events that were dropped because the limbo was full.
    pub fn dropped(&self) -> u64 {
        self.dropped.get()
    }

    /// Routes what waits, oldest first, unless somebody is expected or another thread is at it.
    fn route_all(&self, route: &impl Fn(Event)) {
        loop {
            // A read-modify-write, so that it and the one in `settled` have an order: whichever comes second sees what
            // the first left, and routes it.
            if self.expecting.fetch_add(0, Ordering::AcqRel) > 0 || self.routing.swap(true, Ordering::AcqRel) {
                return;
            }
            while let Some(event) = self.events.pop() {
                route(event);
                // Only now may younger events of the same stream bypass the limbo.
                self.holds.fetch_sub(1, Ordering::AcqRel);
            }
            self.routing.swap(false, Ordering::AcqRel);
            // Whoever pushed while we were at it found `routing` set and left its event to us.
            if self.events.is_empty() {
                return;
            }
        }
    }
}
