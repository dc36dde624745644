//! Audio frames, from the engine's callback into the ring of the stream they belong to: copied at the ring's rate, and
//! their handles released.

use crate::abi::Abi;
use crate::feed::{Ending, Feed};
use crate::stream_table::{Stream, StreamTable};
use crate::wire::{AudioEvent, AudioFrameInfo};
use narrowcast_core::sync::Arc;
use narrowcast_core::{Counter, Event};

/// Frames that may wait for streams being opened, of all streams together: 64 streams for 640 ms.
const LIMBO_CAPACITY: usize = 4096;

/// Samples in a frame beyond which its description cannot be right: 10 s of 8 channels at 48 kHz.
const MAX_FRAME_SAMPLES: u64 = 8 * 48_000 * 10;

/// Nobody's samples are below this: null, and what is a count and no address.
const LOWEST_ADDRESS: u64 = 4096;

/// The engine's audio streams that are ours.
pub struct AudioTap {
    abi: Arc<dyn Abi>,
    streams: StreamTable<Feed>,
    frames: Counter,
    released: Counter,
    malformed: Counter,
    others: Counter,
}

/// What the tap counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TapStats {
    /// Streams of ours that the engine feeds.
    pub streams: u64,
    /// Frames copied into a ring.
    pub frames: u64,
    /// Frames of closed or ended streams, released natively.
    pub released: u64,
    /// Frames whose description did not fit their stream, released natively.
    pub malformed: u64,
    /// Events of our streams that brought no frame: their ends.
    pub others: u64,
    /// Events that arrived before their stream was registered.
    pub held: u64,
    /// Of those, dropped because too many waited.
    pub held_dropped: u64,
}

impl AudioTap {
    /// No streams so far; frames' handles are dropped through `abi`.
    pub fn new(abi: Arc<dyn Abi>) -> Self {
        Self {
            streams: StreamTable::new(abi.clone(), LIMBO_CAPACITY),
            abi,
            frames: Counter::new(),
            released: Counter::new(),
            malformed: Counter::new(),
            others: Counter::new(),
        }
    }

    /// Callback: takes an audio stream's event if the stream is ours. `held` makes an event of it that can wait, and
    /// `route` is what handles it later. False: its stream is not ours.
    pub fn receive(&self, handle: u64, event: AudioEvent, held: impl FnOnce() -> Event, route: impl Fn(Event)) -> bool {
        let is_frame = matches!(event, AudioEvent::Frame(_));
        self.streams.receive(handle, is_frame, |stream| self.take(handle, stream, event), held, route)
    }

    /// Whoever routes what waited in the limbo: takes the event if its stream is ours by now.
    pub fn receive_held(&self, handle: u64, event: AudioEvent) -> bool {
        self.streams.receive_held(handle, |stream| self.take(handle, stream, event))
    }

    /// JavaScript, before it asks the engine for a stream: its first frames may come before the answer does.
    pub fn expect(&self) {
        self.streams.expect();
    }

    /// JavaScript, once the stream is registered, or the request failed.
    pub fn settled(&self, route: impl Fn(Event)) {
        self.streams.settled(route);
    }

    /// Feeds a stream with what the engine sends for `handle`, until [`close`](Self::close) or eos.
    pub fn open(&self, handle: u64, feed: impl Into<Feed>) {
        self.streams.open(handle, feed.into());
    }

    /// Stops feeding a stream, and closes it in the engine. Frames that are on their way are released natively.
    pub fn close(&self, handle: u64) {
        self.streams.close(handle);
    }

    /// Ends all streams. Their handles stay with whoever opened them, who closes them; a frame that still comes is
    /// released.
    pub fn end_all(&self) {
        self.streams.for_each_open(Feed::end_from_outside);
    }

    /// What was counted so far.
    pub fn stats(&self) -> TapStats {
        let mut streams = 0;
        self.streams.for_each_open(|feed| streams += u64::from(!feed.has_ended()));
        TapStats {
            streams,
            frames: self.frames.get(),
            released: self.released.get(),
            malformed: self.malformed.get(),
            others: self.others.get(),
            held: self.streams.held(),
            held_dropped: self.streams.held_dropped(),
        }
    }

    fn take(&self, handle: u64, stream: Stream<Feed>, event: AudioEvent) {
        match (event, stream) {
            (AudioEvent::Frame(frame), stream) => {
                match stream {
                    Stream::Open(feed) if !feed.has_ended() => self.copy(feed, &frame),
                    _ => self.released.add(1),
                }
                self.drop_frame(&frame);
            }
            (AudioEvent::Eos, stream) => {
                if let Stream::Open(feed) = stream {
                    feed.end();
                }
                self.streams.note_end(handle);
                self.others.add(1);
            }
            (AudioEvent::Other, _) => self.others.add(1),
        }
    }

    fn copy(&self, feed: &Feed, frame: &AudioFrameInfo) {
        let samples = u64::from(frame.num_channels) * u64::from(frame.samples_per_channel);
        let pcm = frame.data_ptr as *const i16;
        let plausible = frame.handle != 0
            && frame.data_ptr >= LOWEST_ADDRESS
            && pcm.is_aligned()
            && (1..=MAX_FRAME_SAMPLES).contains(&samples)
            && feed.takes(frame.sample_rate, frame.num_channels);
        if !plausible {
            return self.malformed.add(1);
        }
        // SAFETY: the engine keeps `samples` 16-bit samples at `data_ptr` until the frame's handle is dropped, which
        // happens after this. Null, misaligned and absurdly long descriptions were refused above, and those without a
        // handle, which nothing keeps alive.
        let pcm = unsafe { std::slice::from_raw_parts(pcm, samples as usize) };
        match feed.write(pcm) {
            Ok(()) => self.frames.add(1),
            Err(Ending) => self.released.add(1),
        }
    }

    fn drop_frame(&self, frame: &AudioFrameInfo) {
        // 0 is no handle.
        if frame.handle != 0 {
            self.abi.drop_handle(frame.handle);
        }
    }
}
