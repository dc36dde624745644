//! Audio frames, from the engine's callback into the ring of the stream they belong to.
//!
//! ```text
//! frame ─► whose stream?  open   ─► its feed: copy into its ring, at its rate; release the frame's handle
//!                         closed ─► release (frames still come until the engine's eos)
//!                         nobody's, and a stream is being opened ─► limbo
//!                         nobody's ─► not ours: broadcast like any other event
//! ```

use crate::abi::Abi;
use crate::feed::{Ending, Feed};
use crate::limbo::Limbo;
use crate::wire::{AudioEvent, AudioFrameInfo};
use narrowcast_core::sync::atomic::{AtomicBool, Ordering};
use narrowcast_core::sync::{Arc, SegQueue};
use narrowcast_core::{Counter, Event, SnapshotMap};

/// Frames that may wait for streams being opened, of all streams together: 64 streams for 640 ms.
const LIMBO_CAPACITY: usize = 4096;

/// Samples in a frame beyond which its description cannot be right: 10 s of 8 channels at 48 kHz.
const MAX_FRAME_SAMPLES: u64 = 8 * 48_000 * 10;

/// Nobody's samples are below this: null, and what is a count and no address.
const LOWEST_ADDRESS: u64 = 4096;

/// The engine's audio streams that are ours.
pub struct AudioTap {
    abi: Arc<dyn Abi>,
    streams: SnapshotMap<Arc<Tapped>>,
    limbo: Limbo,
    /// Streams whose last event came: forgotten the next time JavaScript opens or closes one, since the callback may
    /// not wait for the lock that changing the map takes.
    ended: SegQueue<u64>,
    frames: Counter,
    released: Counter,
    malformed: Counter,
    others: Counter,
}

/// What the tap knows of one of our streams.
enum Tapped {
    Open {
        feed: Feed,
        /// Whether its frames bypass the limbo for good.
        joined: AtomicBool,
    },
    /// Its reader left; the engine has not said eos yet.
    Closed,
}

/// What the tap did with an event.
#[derive(Debug, PartialEq, Eq)]
pub enum Tap {
    /// It went into a stream, or ended one.
    Taken,
    /// It belonged to a closed stream of ours, or could not be read; what it owned was released.
    Released,
    /// It waits for a stream that is being opened.
    Held,
    /// Its stream is not ours.
    Foreign,
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
            abi,
            streams: SnapshotMap::new(),
            limbo: Limbo::new(LIMBO_CAPACITY),
            ended: SegQueue::new(),
            frames: Counter::new(),
            released: Counter::new(),
            malformed: Counter::new(),
            others: Counter::new(),
        }
    }

    /// Callback: takes an audio stream's event if the stream is ours. `held` makes an event of it that can wait, and
    /// `route` is what handles it later.
    pub fn receive(&self, handle: u64, event: AudioEvent, held: impl FnOnce() -> Event, route: impl Fn(Event)) -> Tap {
        // Before the stream is looked up, see `is_idle`.
        let idle = self.limbo.is_idle();
        let tap = self.streams.with(handle, |tapped| match tapped.map(|tapped| &**tapped) {
            Some(Tapped::Open { feed, joined }) if idle || joined.load(Ordering::Acquire) => {
                joined.store(true, Ordering::Release);
                self.feed(handle, feed, event)
            }
            // The end must not overtake frames that wait: their stream would be forgotten before they are released.
            Some(Tapped::Closed) if idle || matches!(event, AudioEvent::Frame(_)) => {
                self.release(handle, event);
                Tap::Released
            }
            None if idle => Tap::Foreign,
            _ => Tap::Held,
        });
        if tap == Tap::Held {
            self.limbo.hold(held(), route);
        }
        tap
    }

    /// Whoever routes what waited in the limbo: takes the event if its stream is ours by now.
    pub fn receive_held(&self, handle: u64, event: AudioEvent) -> Tap {
        self.streams.with(handle, |tapped| match tapped.map(|tapped| &**tapped) {
            Some(Tapped::Open { feed, .. }) => self.feed(handle, feed, event),
            Some(Tapped::Closed) => {
                self.release(handle, event);
                Tap::Released
            }
            None => Tap::Foreign,
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

    /// Feeds a stream with what the engine sends for `handle`, until [`close`](Self::close) or eos.
    pub fn open(&self, handle: u64, feed: impl Into<Feed>) {
        self.streams.change(|streams| {
            self.forget_ended(streams);
            streams.set(handle, Some(Arc::new(Tapped::Open { feed: feed.into(), joined: AtomicBool::new(false) })));
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

    /// Ends all streams. Their handles stay with whoever opened them, who closes them; a frame that still comes is
    /// released.
    pub fn end_all(&self) {
        self.streams.snapshot(|streams| {
            for (_, tapped) in streams.iter() {
                if let Tapped::Open { feed, .. } = &**tapped {
                    feed.end_from_outside();
                }
            }
        });
    }

    /// What was counted so far.
    pub fn stats(&self) -> TapStats {
        let open = |tapped: &Tapped| matches!(tapped, Tapped::Open { feed, .. } if !feed.has_ended());
        TapStats {
            streams: self.streams.snapshot(|streams| streams.iter().filter(|(_, tapped)| open(tapped)).count() as u64),
            frames: self.frames.get(),
            released: self.released.get(),
            malformed: self.malformed.get(),
            others: self.others.get(),
            held: self.limbo.held(),
            held_dropped: self.limbo.dropped(),
        }
    }

    fn forget_ended(&self, streams: &mut narrowcast_core::SubjectMap<Arc<Tapped>>) {
        while let Some(handle) = self.ended.pop() {
            streams.set(handle, None);
        }
    }

    fn feed(&self, handle: u64, feed: &Feed, event: AudioEvent) -> Tap {
        match event {
            AudioEvent::Frame(frame) if !feed.has_ended() => {
                let tap = self.copy(feed, &frame);
                self.drop_frame(&frame);
                tap
            }
            AudioEvent::Frame(_) => {
                self.release(handle, event);
                Tap::Released
            }
            AudioEvent::Eos => {
                feed.end();
                self.ended.push(handle);
                self.others.add(1);
                Tap::Taken
            }
            AudioEvent::Other => {
                self.others.add(1);
                Tap::Taken
            }
        }
    }

    fn copy(&self, feed: &Feed, frame: &AudioFrameInfo) -> Tap {
        let samples = u64::from(frame.num_channels) * u64::from(frame.samples_per_channel);
        let pcm = frame.data_ptr as *const i16;
        let plausible = frame.handle != 0
            && frame.data_ptr >= LOWEST_ADDRESS
            && pcm.is_aligned()
            && (1..=MAX_FRAME_SAMPLES).contains(&samples)
            && feed.takes(frame.sample_rate, frame.num_channels);
        if !plausible {
            self.malformed.add(1);
            return Tap::Released;
        }
        // SAFETY: the engine keeps `samples` 16-bit samples at `data_ptr` until the frame's handle is dropped, which
        // happens after this. Null, misaligned and absurdly long descriptions were refused above, and those without a
        // handle, which nothing keeps alive.
        let pcm = unsafe { std::slice::from_raw_parts(pcm, samples as usize) };
        match feed.write(pcm) {
            Ok(()) => {
                self.frames.add(1);
                Tap::Taken
            }
            Err(Ending) => {
                self.released.add(1);
                Tap::Released
            }
        }
    }

    fn release(&self, handle: u64, event: AudioEvent) {
        match event {
            AudioEvent::Frame(frame) => {
                self.drop_frame(&frame);
                self.released.add(1);
            }
            AudioEvent::Eos => {
                self.ended.push(handle);
                self.others.add(1);
            }
            AudioEvent::Other => self.others.add(1),
        }
    }

    fn drop_frame(&self, frame: &AudioFrameInfo) {
        // 0 is no handle.
        if frame.handle != 0 {
            self.abi.drop_handle(frame.handle);
        }
    }
}
