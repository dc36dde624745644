//! Video frames, from the engine's callback to the stream they belong to.
//!
//! ```text
//! frame ─► whose stream?  open   ─► into its bounded queue; what it pushes out is released
//!                         closed ─► released (frames still come until the engine's eos)
//!                         nobody's, and a stream is being opened ─► limbo
//!                         nobody's ─► not ours: broadcast like any other event
//! ```
//!
//! The pixels stay where the engine has them until a frame is read, so what is dropped is never copied.

use crate::abi::Abi;
use crate::limbo::Limbo;
use narrowcast_core::sync::atomic::{AtomicBool, Ordering};
use narrowcast_core::sync::{Arc, SegQueue};
use narrowcast_core::{Broadcast, Counter, Event, Filter, Kind, KindSet, Owner, SnapshotMap, SubjectMap, Subscriber};

/// Frames that may wait for streams being opened, of all streams together. Each holds a picture.
const LIMBO_CAPACITY: usize = 64;

/// What the engine says of video streams.
#[derive(Clone, Copy, Debug)]
pub struct VideoSpec {
    /// The kind of the event.
    pub kind: Kind,
    /// Video stream event → the end of the stream.
    pub eos: u32,
}

/// The engine's video streams that are ours.
pub struct VideoTap {
    abi: Arc<dyn Abi>,
    spec: VideoSpec,
    /// Their frames; the kind is the engine's, the subject the stream.
    broadcast: Arc<Broadcast>,
    streams: SnapshotMap<Arc<Tapped>>,
    limbo: Limbo,
    /// As in the audio tap: streams whose last event came, to be forgotten by JavaScript's next call.
    ended: SegQueue<u64>,
    frames: Counter,
    released: Counter,
    others: Counter,
}

/// What the tap knows of one of our streams.
enum Tapped {
    Open {
        reader: Arc<Subscriber>,
        /// Whether its frames bypass the limbo for good.
        joined: AtomicBool,
    },
    /// Its reader left; the engine has not said eos yet.
    Closed,
}

/// What the tap did with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VideoRoute {
    /// It belongs to a stream of ours.
    Ours,
    /// It waits for a stream that is being opened.
    Held,
    /// Its stream is not ours.
    Foreign,
}

/// What the tap counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VideoStats {
    /// Streams of ours that the engine feeds.
    pub streams: u64,
    /// Frames that came for them.
    pub frames: u64,
    /// Frames of closed streams, released natively.
    pub released: u64,
    /// Events of our streams that brought no frame: their ends.
    pub others: u64,
    /// Events that arrived before their stream was registered.
    pub held: u64,
    /// Of those, dropped because too many waited.
    pub held_dropped: u64,
}

/// An event of a video stream, as the tap needs it.
pub(crate) struct VideoEvent<'a> {
    pub stream: u64,
    pub message: &'a [u8],
    /// The event's own part of the message.
    pub body: &'a [u8],
    pub owner: Option<&'a Arc<dyn Owner>>,
}

impl VideoTap {
    /// No streams so far; `kinds` is how many kinds of events the engine has.
    pub fn new(abi: Arc<dyn Abi>, spec: VideoSpec, kinds: usize) -> Self {
        Self {
            abi,
            spec,
            broadcast: Arc::new(Broadcast::new(kinds)),
            streams: SnapshotMap::new(),
            limbo: Limbo::new(LIMBO_CAPACITY),
            ended: SegQueue::new(),
            frames: Counter::new(),
            released: Counter::new(),
            others: Counter::new(),
        }
    }

    /// The kind of a video stream's event.
    pub fn kind(&self) -> Kind {
        self.spec.kind
    }

    /// The frames of the streams that are ours.
    pub fn broadcast(&self) -> &Arc<Broadcast> {
        &self.broadcast
    }

    /// Callback: takes a video stream's event if the stream is ours. `route` is what handles it later.
    pub(crate) fn receive(&self, event: &VideoEvent, route: impl Fn(Event)) -> VideoRoute {
        // Before the stream is looked up, see `is_idle`.
        let idle = self.limbo.is_idle();
        let kind = self.spec.kind;
        let routed = self.streams.with(event.stream, |tapped| match tapped.map(|tapped| &**tapped) {
            Some(Tapped::Open { reader, joined }) if idle || joined.load(Ordering::Acquire) => {
                joined.store(true, Ordering::Release);
                self.feed(reader, event);
                VideoRoute::Ours
            }
            // The end must not overtake frames that wait: their stream would be forgotten before they are released.
            Some(Tapped::Closed) if idle || event.owner.is_some() => {
                self.release(event);
                VideoRoute::Ours
            }
            None if idle => VideoRoute::Foreign,
            _ => VideoRoute::Held,
        });
        if routed == VideoRoute::Held {
            self.limbo.hold(Event::new(kind, event.stream, event.message, event.owner), route);
        }
        routed
    }

    /// Whoever routes what waited in the limbo: takes the event if its stream is ours by now.
    pub(crate) fn receive_held(&self, event: &VideoEvent) -> VideoRoute {
        self.streams.with(event.stream, |tapped| match tapped.map(|tapped| &**tapped) {
            Some(Tapped::Open { reader, .. }) => {
                self.feed(reader, event);
                VideoRoute::Ours
            }
            Some(Tapped::Closed) => {
                self.release(event);
                VideoRoute::Ours
            }
            None => VideoRoute::Foreign,
        })
    }

    /// JavaScript, before it asks the engine for a stream: its first frames may come before the answer does.
    pub fn expect(&self) {
        self.limbo.expect();
    }

    /// JavaScript, once the stream is registered, or the request failed.
    pub fn settled(&self, route: impl Fn(Event)) {
        self.limbo.settled(route);
    }

    /// Lets `reader`, a subscriber of [`broadcast`](Self::broadcast), have the frames of the engine's stream `handle`.
    pub fn open(&self, handle: u64, reader: Arc<Subscriber>) {
        let filter = Filter { kinds: KindSet::EMPTY.with(self.spec.kind), subjects: Some(vec![handle]) };
        self.broadcast.set_filter(&reader, filter);
        self.streams.change(|streams| {
            self.forget_ended(streams);
            streams.set(handle, Some(Arc::new(Tapped::Open { reader, joined: AtomicBool::new(false) })));
        });
    }

    /// Stops feeding a stream, and closes it in the engine. Frames that are on their way are released natively.
    pub fn close(&self, handle: u64) {
        self.streams.change(|streams| {
            self.forget_ended(streams);
            // Not there: its eos came, and nothing will follow.
            if streams.get(handle).is_some() {
                streams.set(handle, Some(Arc::new(Tapped::Closed)));
            }
        });
        self.abi.drop_handle(handle);
    }

    /// Ends all streams, as their eos would.
    pub fn end_all(&self) {
        self.streams.snapshot(|streams| {
            for (_, tapped) in streams.iter() {
                if let Tapped::Open { reader, .. } = &**tapped {
                    reader.close();
                }
            }
        });
    }

    /// What was counted so far.
    pub fn stats(&self) -> VideoStats {
        let open = |tapped: &Tapped| matches!(tapped, Tapped::Open { reader, .. } if !reader.is_closed());
        VideoStats {
            streams: self.streams.snapshot(|streams| streams.iter().filter(|(_, tapped)| open(tapped)).count() as u64),
            frames: self.frames.get(),
            released: self.released.get(),
            others: self.others.get(),
            held: self.limbo.held(),
            held_dropped: self.limbo.dropped(),
        }
    }

    fn forget_ended(&self, streams: &mut SubjectMap<Arc<Tapped>>) {
        while let Some(handle) = self.ended.pop() {
            streams.set(handle, None);
        }
    }

    fn feed(&self, reader: &Subscriber, event: &VideoEvent) {
        if event.owner.is_some() {
            self.frames.add(1);
            self.broadcast.send(self.spec.kind, event.stream, event.message, event.owner);
            return;
        }
        self.others.add(1);
        if crate::wire::has_field(event.body, self.spec.eos) {
            // What waits stays readable.
            reader.close();
            self.ended.push(event.stream);
        }
    }

    fn release(&self, event: &VideoEvent) {
        match event.owner {
            Some(owner) => {
                self.released.add(1);
                owner.release(self.spec.kind, event.message);
            }
            None => {
                self.others.add(1);
                if crate::wire::has_field(event.body, self.spec.eos) {
                    self.ended.push(event.stream);
                }
            }
        }
    }
}
