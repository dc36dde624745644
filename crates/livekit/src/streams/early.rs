//! Events that arrive before their stream is registered.
//!
//! The engine sends a new stream's first frames on its own threads, sometimes before the request that opens the stream
//! has returned its handle. A thread that is about to ask says so first ([`EarlyEvents::expect`]); from then on, events of
//! unknown streams wait here, in order, until the answer is there and the stream is registered
//! ([`EarlyEvents::registered`]).

use narrowcast_core::sync::ArrayQueue;
use narrowcast_core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use narrowcast_core::{Counter, Event};

/// A bounded buffer of events whose streams are not registered yet. No thread ever blocks on it.
pub struct EarlyEvents {
    /// Requests under way whose answer will name a stream.
    expecting: AtomicUsize,
    /// `expecting`, plus the events that wait or are being routed right now. While it is 0, and only then, an event may
    /// bypass the buffer: nothing older of its stream can still be on its way.
    holds: AtomicUsize,
    events: ArrayQueue<Event>,
    capacity: usize,
    /// Whether a thread is routing what waits. It alone takes events.
    routing: AtomicBool,
    /// Where the routing thread leaves an event that it took too early: older than all of `events`.
    front: ArrayQueue<Event>,
    held: Counter,
    dropped: Counter,
}

impl EarlyEvents {
    /// Room for `capacity` events; then the oldest is dropped, which releases what it owns, and counted.
    ///
    /// An event that owns nothing is not dropped for that but waits once more, behind the others: it says that its stream
    /// has ended, so it has no younger ones to stay ahead of, and without it the stream would never end.
    ///
    /// # Panics
    /// If `capacity` is 0.
    pub fn new(capacity: usize) -> Self {
        Self {
            expecting: AtomicUsize::new(0),
            holds: AtomicUsize::new(0),
            events: ArrayQueue::new(capacity),
            capacity,
            routing: AtomicBool::new(false),
            front: ArrayQueue::new(1),
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
    pub fn registered(&self, route: impl Fn(Event)) {
        self.expecting.fetch_sub(1, Ordering::AcqRel);
        self.holds.fetch_sub(1, Ordering::AcqRel);
        self.route_all(&route);
    }

    /// Whether nothing waits and nothing is expected, so that an event may go straight to where it belongs.
    ///
    /// Ask this first, and look up the event's stream afterwards: a stream that was registered in time is found then. The
    /// other way round, a stream can be asked for and registered in between, and its event looks like an unknown stream's.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.holds.load(Ordering::Acquire) == 0
    }

    /// Keeps an event until every expected stream is registered; if that is so already, routes it.
    pub fn hold(&self, event: Event, route: impl Fn(Event)) {
        self.holds.fetch_add(1, Ordering::AcqRel);
        self.held.add(1);
        self.push(event);
        self.route_all(&route);
    }

    /// Events that ever waited here.
    pub fn held(&self) -> u64 {
        self.held.get()
    }

    /// Events that were dropped because the buffer was full.
    pub fn dropped(&self) -> u64 {
        self.dropped.get()
    }

    fn push(&self, event: Event) {
        let mut newest = event;
        // Each event gets a second chance at most: where all of them own nothing, the oldest has to go.
        for _ in 0..=self.capacity {
            match self.events.force_push(newest) {
                None => return,
                Some(oldest) if oldest.owns() => return self.drop(oldest),
                Some(oldest) => newest = oldest,
            }
        }
        self.drop(newest);
    }

    fn drop(&self, event: Event) {
        self.dropped.add(1);
        drop(event);
        self.holds.fetch_sub(1, Ordering::AcqRel);
    }

    /// Routes what waits, oldest first, unless a stream is expected or another thread is at it.
    fn route_all(&self, route: &impl Fn(Event)) {
        // A thread that pushed, or registered, while we were at it found `routing` set and left that to us.
        while !self.is_expecting() && !self.routing.swap(true, Ordering::AcqRel) {
            // Also where `route` panics: no thread would ever route again.
            let routing = OnDrop(|| _ = self.routing.swap(false, Ordering::AcqRel));
            self.route_while_none_is_expected(route);
            drop(routing);
            if self.front.is_empty() && self.events.is_empty() {
                return;
            }
        }
    }

    fn route_while_none_is_expected(&self, route: &impl Fn(Event)) {
        while let Some(event) = self.front.pop().or_else(|| self.events.pop()) {
            // Not before it was taken: a request may have been announced meanwhile, and this be its stream's event. If
            // none is expected now, those that were when the event came are registered.
            if self.is_expecting() {
                // Empty: only this thread fills it, and it is emptied first.
                let _ = self.front.push(event);
                return;
            }
            // Only after that may younger events of the same stream bypass the buffer.
            let _hold = OnDrop(|| _ = self.holds.fetch_sub(1, Ordering::AcqRel));
            route(event);
        }
    }

    /// A read-modify-write, so that it and the one in `registered` have an order: whichever comes second sees what the first
    /// left.
    fn is_expecting(&self) -> bool {
        self.expecting.fetch_add(0, Ordering::AcqRel) > 0
    }
}

/// Does something when it is dropped, also in a panic.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
