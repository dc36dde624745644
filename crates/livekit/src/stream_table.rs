//! The engine's streams of one sort that are ours, and whose an event of such a stream is.
//!
//! ```text
//! event ─► whose stream?  open   ─► whatever feeds it
//!                         closed ─► to be released (frames still come until the engine's eos)
//!                         nobody's, and a stream is being opened ─► limbo
//!                         nobody's ─► not ours: broadcast like any other event
//! ```

use crate::abi::Abi;
use crate::limbo::Limbo;
use narrowcast_core::sync::atomic::{AtomicBool, Ordering};
use narrowcast_core::sync::{Arc, SegQueue};
use narrowcast_core::{Event, SnapshotMap, SubjectMap};

/// Streams of ours by their handles, each with the `S` that its events go to.
pub(crate) struct StreamTable<S> {
    abi: Arc<dyn Abi>,
    streams: SnapshotMap<Arc<Entry<S>>>,
    limbo: Limbo,
    /// Streams whose last event came: forgotten the next time JavaScript opens or closes one, since the callback may
    /// not wait for the lock that changing the map takes.
    ended: SegQueue<u64>,
}

enum Entry<S> {
    Open {
        sink: S,
        /// Whether its events bypass the limbo for good.
        joined: AtomicBool,
    },
    /// Its reader left; the engine has not said eos yet.
    Closed,
}

/// A stream of ours, as one of its events finds it.
pub(crate) enum Stream<'a, S> {
    Open(&'a S),
    Closed,
}

impl<S> StreamTable<S> {
    /// No streams so far; room for `limbo_capacity` events of streams that are being opened.
    pub fn new(abi: Arc<dyn Abi>, limbo_capacity: usize) -> Self {
        Self { abi, streams: SnapshotMap::new(), limbo: Limbo::new(limbo_capacity), ended: SegQueue::new() }
    }

    /// Callback: lets `take` have an event if its stream is ours. If that can't be said yet, `held` makes an event of it
    /// that can wait, and `route` is what handles it later. False: its stream is not ours.
    pub fn receive(
        &self,
        handle: u64,
        is_frame: bool,
        take: impl FnOnce(Stream<S>),
        held: impl FnOnce() -> Event,
        route: impl Fn(Event),
    ) -> bool {
        // Before the stream is looked up, see `is_idle`.
        let idle = self.limbo.is_idle();
        let taken = self.streams.with(handle, |entry| match entry.map(|entry| &**entry) {
            Some(Entry::Open { sink, joined }) if idle || joined.load(Ordering::Acquire) => {
                joined.store(true, Ordering::Release);
                take(Stream::Open(sink));
                Some(true)
            }
            // The end must not overtake frames that wait: their stream would be forgotten before they are released.
            Some(Entry::Closed) if idle || is_frame => {
                take(Stream::Closed);
                Some(true)
            }
            None if idle => Some(false),
            _ => None,
        });
        taken.unwrap_or_else(|| {
            self.limbo.hold(held(), route);
            true
        })
    }

    /// Whoever routes what waited in the limbo: lets `take` have the event if its stream is ours by now.
    pub fn receive_held(&self, handle: u64, take: impl FnOnce(Stream<S>)) -> bool {
        self.streams.with(handle, |entry| match entry.map(|entry| &**entry) {
            Some(Entry::Open { sink, .. }) => {
                take(Stream::Open(sink));
                true
            }
            Some(Entry::Closed) => {
                take(Stream::Closed);
                true
            }
            None => false,
        })
    }

    /// Callback: the engine's last event of a stream was taken.
    pub fn note_end(&self, handle: u64) {
        self.ended.push(handle);
    }

    /// JavaScript, before it asks the engine for a stream: its first frames may come before the answer does.
    pub fn expect(&self) {
        self.limbo.expect();
    }

    /// JavaScript, once the stream is registered, or the request failed.
    pub fn settled(&self, route: impl Fn(Event)) {
        self.limbo.settled(route);
    }

    /// What the engine sends for `handle` goes to `sink`, until [`close`](Self::close) or the end.
    pub fn open(&self, handle: u64, sink: S) {
        self.streams.change(|streams| {
            self.forget_ended(streams);
            streams.set(handle, Some(Arc::new(Entry::Open { sink, joined: AtomicBool::new(false) })));
        });
    }

    /// Lets go of a stream's sink, and closes the stream in the engine. Frames that are on their way are `Closed`'s.
    pub fn close(&self, handle: u64) {
        self.streams.change(|streams| {
            self.forget_ended(streams);
            // Not there: its eos came, and nothing will follow.
            if streams.get(handle).is_some() {
                streams.set(handle, Some(Arc::new(Entry::Closed)));
            }
        });
        self.abi.drop_handle(handle);
    }

    /// Calls `each` with the sink of every stream that is open.
    pub fn for_each_open(&self, mut each: impl FnMut(&S)) {
        self.streams.snapshot(|streams| {
            for (_, entry) in streams.iter() {
                if let Entry::Open { sink, .. } = &**entry {
                    each(sink);
                }
            }
        });
    }

    /// Events that arrived before their stream was registered.
    pub fn held(&self) -> u64 {
        self.limbo.held()
    }

    /// Of those, dropped because too many waited.
    pub fn held_dropped(&self) -> u64 {
        self.limbo.dropped()
    }

    fn forget_ended(&self, streams: &mut SubjectMap<Arc<Entry<S>>>) {
        while let Some(handle) = self.ended.pop() {
            streams.set(handle, None);
        }
    }
}
