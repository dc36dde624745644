//! The engine's streams of one sort, each with its sink.

use super::{EarlyEvents, Sink, StreamEvent, Taken};
use crate::abi::Abi;
use narrowcast_core::sync::atomic::{AtomicBool, Ordering};
use narrowcast_core::sync::{Arc, SegQueue};
use narrowcast_core::{Counter, Event, SnapshotMap, SubjectMap};

/// Streams by their handles.
pub struct Streams<S> {
    abi: Arc<dyn Abi>,
    entries: SnapshotMap<Arc<Entry<S>>>,
    early: EarlyEvents,
    /// Streams whose last event came: forgotten the next time JavaScript opens or closes one, since the callback may
    /// not wait for the lock that changing the map takes.
    ended: SegQueue<u64>,
    frames: Counter,
    released: Counter,
    malformed: Counter,
    others: Counter,
}

enum Entry<S> {
    Open {
        sink: S,
        /// Whether its events bypass the early ones for good.
        joined: AtomicBool,
        /// Whether the engine's handle of the stream was dropped: at its end, or when its reader left.
        dropped: AtomicBool,
    },
    /// Its reader left; the engine has not said eos yet.
    Closed,
}

/// What was counted of the streams of one sort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamStats {
    /// Streams that the engine feeds.
    pub streams: u64,
    /// Frames that came for them.
    pub frames: u64,
    /// Frames of closed or ended streams, released natively.
    pub released: u64,
    /// Frames whose description did not fit their stream, released natively.
    pub malformed: u64,
    /// Events that brought no frame: their streams' ends.
    pub others: u64,
    /// Events that arrived before their stream was registered.
    pub held: u64,
    /// Of those, dropped because too many waited.
    pub held_dropped: u64,
}

impl<S: Sink> Streams<S> {
    /// No streams so far; room for `early` events of streams that are being opened.
    pub fn new(abi: Arc<dyn Abi>, early: usize) -> Self {
        Self {
            abi,
            entries: SnapshotMap::new(),
            early: EarlyEvents::new(early),
            ended: SegQueue::new(),
            frames: Counter::new(),
            released: Counter::new(),
            malformed: Counter::new(),
            others: Counter::new(),
        }
    }

    /// Engine thread: takes an event if this table has its stream. If that can't be said yet, `held` makes an event of it that
    /// can wait, and `route` is what handles it later. False: it is to be broadcast, for the table does not have its stream, or
    /// because it is the end of one whose end is told, see [`Sink::BROADCASTS_END`].
    pub fn receive(
        &self,
        handle: u64,
        event: StreamEvent<S::Frame<'_>>,
        held: impl FnOnce() -> Event,
        route: impl Fn(Event),
    ) -> bool {
        let is_frame = matches!(event, StreamEvent::Frame(_));
        let mut is_told = false;
        // Before the stream is looked up, see `is_idle`.
        let idle = self.early.is_idle();
        let taken = self.entries.with(handle, |entry| match entry.map(|entry| &**entry) {
            Some(open @ Entry::Open { joined, .. }) if idle || joined.load(Ordering::Acquire) => {
                joined.store(true, Ordering::Release);
                is_told = self.take(handle, open, &event);
                Some(true)
            }
            // The end must not overtake frames that wait: their stream would be forgotten before they are released.
            Some(Entry::Closed) if idle || is_frame => {
                is_told = self.take(handle, &Entry::Closed, &event);
                Some(true)
            }
            None if idle => Some(false),
            _ => None,
        });
        let taken = taken.unwrap_or_else(|| {
            self.early.hold(held(), route);
            true
        });
        taken && !is_told
    }

    /// The thread that routes early events: takes the event if the table has its stream by now. Returns as
    /// [`receive`](Self::receive) does.
    pub fn receive_early(&self, handle: u64, event: StreamEvent<S::Frame<'_>>) -> bool {
        self.entries.with(handle, |entry| entry.is_some_and(|entry| !self.take(handle, entry, &event)))
    }

    /// Returns whether the event is to be broadcast all the same.
    fn take(&self, handle: u64, entry: &Entry<S>, event: &StreamEvent<S::Frame<'_>>) -> bool {
        let sink = match entry {
            Entry::Open { sink, .. } => Some(sink),
            Entry::Closed => None,
        };
        match event {
            StreamEvent::Frame(frame) => {
                let open = sink.filter(|sink| !sink.has_ended());
                let taken = open.map(|sink| sink.take(frame, &*self.abi));
                match taken {
                    Some(Taken::Delivered) => self.frames.add(1),
                    Some(Taken::Malformed) => self.malformed.add(1),
                    Some(Taken::Ended) => self.released.add(1),
                    None => {
                        self.released.add(1);
                        S::release(frame, &*self.abi);
                    }
                }
            }
            StreamEvent::Eos => {
                if let Some(sink) = sink {
                    sink.end();
                }
                // However long its reader takes for what waits: the engine has nothing more for this handle.
                self.drop_handle(handle, entry);
                self.ended.push(handle);
                if S::BROADCASTS_END {
                    return true;
                }
                self.others.add(1);
            }
            StreamEvent::Other => self.others.add(1),
        }
        false
    }

    /// JavaScript, before it asks the engine for a stream: its first frames may come before the answer does.
    pub fn expect(&self) {
        self.early.expect();
    }

    /// JavaScript, once the stream is registered, or the request failed.
    pub fn registered(&self, route: impl Fn(Event)) {
        self.early.registered(route);
    }

    /// What the engine sends for `handle` goes to `sink`, until [`close`](Self::close) or the end.
    pub fn open(&self, handle: u64, sink: impl Into<S>) {
        let sink = sink.into();
        self.entries.change(|entries| {
            self.forget_ended(entries);
            let [joined, dropped] = [AtomicBool::new(false), AtomicBool::new(false)];
            entries.set(handle, Some(Arc::new(Entry::Open { sink, joined, dropped })));
        });
    }

    /// Lets go of a stream's sink, and closes the stream in the engine. Frames that are on their way are released.
    pub fn close(&self, handle: u64) {
        let closed = self.entries.change(|entries| {
            self.forget_ended(entries);
            // Not there: its eos came, and nothing will follow.
            let entry = entries.get(handle).cloned();
            if entry.is_some() {
                entries.set(handle, Some(Arc::new(Entry::Closed)));
            }
            entry
        });
        if let Some(entry) = closed {
            self.drop_handle(handle, &entry);
        }
    }

    /// Drops the engine's handle of a stream, unless that was done before.
    fn drop_handle(&self, handle: u64, entry: &Entry<S>) {
        if let Entry::Open { dropped, .. } = entry
            && !dropped.swap(true, Ordering::AcqRel)
        {
            self.abi.drop_handle(handle);
        }
    }

    /// Ends all streams. Their handles stay with the JavaScript objects that opened them, and close them; a frame that still
    /// comes is released.
    pub fn end_all(&self) {
        self.for_each_open(S::end_from_outside);
    }

    /// What was counted so far.
    pub fn stats(&self) -> StreamStats {
        let mut streams = 0;
        self.for_each_open(|sink| streams += u64::from(!sink.has_ended()));
        StreamStats {
            streams,
            frames: self.frames.get(),
            released: self.released.get(),
            malformed: self.malformed.get(),
            others: self.others.get(),
            held: self.early.held(),
            held_dropped: self.early.dropped(),
        }
    }

    fn for_each_open(&self, mut each: impl FnMut(&S)) {
        self.entries.snapshot(|entries| {
            for (_, entry) in entries.iter() {
                if let Entry::Open { sink, .. } = &**entry {
                    each(sink);
                }
            }
        });
    }

    fn forget_ended(&self, entries: &mut SubjectMap<Arc<Entry<S>>>) {
        while let Some(handle) = self.ended.pop() {
            entries.set(handle, None);
        }
    }
}
