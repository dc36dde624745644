//! Video frames, from the engine's callback into the bounded queue of the stream they belong to; what it pushes out is
//! released.
//!
//! The pixels stay where the engine has them until a frame is read, so what is dropped is never copied.

use crate::abi::Abi;
use crate::stream_table::{Stream, StreamTable};
use narrowcast_core::sync::Arc;
use narrowcast_core::{Broadcast, Counter, Event, Filter, Kind, KindSet, Owner, Subscriber};

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
    spec: VideoSpec,
    /// Their frames; the kind is the engine's, the subject the stream.
    broadcast: Arc<Broadcast>,
    streams: StreamTable<Arc<Subscriber>>,
    frames: Counter,
    released: Counter,
    others: Counter,
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
            spec,
            broadcast: Arc::new(Broadcast::new(kinds)),
            streams: StreamTable::new(abi, LIMBO_CAPACITY),
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

    /// Callback: takes a video stream's event if the stream is ours. `route` is what handles it later. False: its stream
    /// is not ours.
    pub(crate) fn receive(&self, event: &VideoEvent, route: impl Fn(Event)) -> bool {
        let held = || Event::new(self.spec.kind, event.stream, event.message, event.owner);
        self.streams.receive(event.stream, event.owner.is_some(), |stream| self.take(stream, event), held, route)
    }

    /// Whoever routes what waited in the limbo: takes the event if its stream is ours by now.
    pub(crate) fn receive_held(&self, event: &VideoEvent) -> bool {
        self.streams.receive_held(event.stream, |stream| self.take(stream, event))
    }

    /// JavaScript, before it asks the engine for a stream: its first frames may come before the answer does.
    pub fn expect(&self) {
        self.streams.expect();
    }

    /// JavaScript, once the stream is registered, or the request failed.
    pub fn settled(&self, route: impl Fn(Event)) {
        self.streams.settled(route);
    }

    /// Lets `reader`, a subscriber of [`broadcast`](Self::broadcast), have the frames of the engine's stream `handle`.
    pub fn open(&self, handle: u64, reader: Arc<Subscriber>) {
        let filter = Filter { kinds: KindSet::EMPTY.with(self.spec.kind), subjects: Some(vec![handle]) };
        self.broadcast.set_filter(&reader, filter);
        self.streams.open(handle, reader);
    }

    /// Stops feeding a stream, and closes it in the engine. Frames that are on their way are released natively.
    pub fn close(&self, handle: u64) {
        self.streams.close(handle);
    }

    /// Ends all streams, as their eos would.
    pub fn end_all(&self) {
        self.streams.for_each_open(|reader| reader.close());
    }

    /// What was counted so far.
    pub fn stats(&self) -> VideoStats {
        let mut streams = 0;
        self.streams.for_each_open(|reader| streams += u64::from(!reader.is_closed()));
        VideoStats {
            streams,
            frames: self.frames.get(),
            released: self.released.get(),
            others: self.others.get(),
            held: self.streams.held(),
            held_dropped: self.streams.held_dropped(),
        }
    }

    fn take(&self, stream: Stream<Arc<Subscriber>>, event: &VideoEvent) {
        match (event.owner, stream) {
            (Some(_), Stream::Open(_)) => {
                self.frames.add(1);
                self.broadcast.send(self.spec.kind, event.stream, event.message, event.owner);
            }
            (Some(owner), Stream::Closed) => {
                self.released.add(1);
                owner.release(self.spec.kind, event.message);
            }
            (None, stream) => {
                self.others.add(1);
                if crate::wire::has_field(event.body, self.spec.eos) {
                    // What waits stays readable.
                    if let Stream::Open(reader) = stream {
                        reader.close();
                    }
                    self.streams.note_end(event.stream);
                }
            }
        }
    }
}
