//! A bounded stream of PCM frames from one producer thread to one consumer thread.

use crate::pcm_ring::{Overflow, PcmRing};
use narrowcast_core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use narrowcast_core::{Counter, Waiter};
use std::fmt;

/// How the samples of a stream are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// Samples per second and channel, in Hz.
    pub sample_rate: u32,
    /// Channels, interleaved.
    pub channels: u32,
    /// Samples of all channels in one frame: a multiple of `channels`.
    pub frame_samples: usize,
}

/// PCM from a native producer, read in frames by a consumer that may be blocked for a while.
///
/// The ring is the only buffer: its memory is fixed, and what a slow consumer loses is whole frames, the oldest first,
/// counted. One thread writes at a time, one reads at a time.
pub struct PcmStream {
    format: Format,
    ring: PcmRing,
    ended: AtomicBool,
    samples_out: AtomicU64,
    samples_cleared: AtomicU64,
    waiter: Waiter,
    wakes: Counter,
}

/// What one read returned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    /// Samples of all channels that were read; 0: nothing there.
    pub samples: usize,
    /// Frames that were dropped between the previous read and this one.
    pub dropped_frames: u64,
}

/// Frames so far. At rest, `frames_in == frames_out + frames_dropped + frames_cleared + frames_buffered`, however they were
/// read.
///
/// A frame counts once it is whole: as written and as read with its last sample. The end makes a whole frame of what is
/// left. [`PcmStream::clear`] may take a part of a frame: the next frame begins behind it, and such parts are added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PcmStats {
    /// Frames written.
    pub frames_in: u64,
    /// Frames read.
    pub frames_out: u64,
    /// Frames lost because the ring was full.
    pub frames_dropped: u64,
    /// Frames that the consumer gave up unread.
    pub frames_cleared: u64,
    /// Frames that wait to be read, one of which may have been read in part.
    pub frames_buffered: u64,
    /// Samples, of all channels, that wait to be read.
    pub buffered_samples: u64,
    /// Wakes of the consumer thread.
    pub wakes: u64,
}

impl PcmStream {
    /// A stream with room for at least `capacity` samples of all channels, and at least one frame.
    ///
    /// # Panics
    /// If a frame has no samples, or not as many for each channel, or there is no memory for the samples.
    pub fn new(format: Format, capacity: usize, waiter: Waiter) -> Self {
        assert!(
            format.channels > 0 && format.frame_samples.is_multiple_of(format.channels as usize),
            "frames of a PCM stream have as many samples for each channel, unlike those of {format:?}"
        );
        let capacity = capacity.max(format.frame_samples);
        let ring = PcmRing::new(capacity, format.frame_samples, Overflow::DropOldest)
            .unwrap_or_else(|error| panic!("a PCM stream of {format:?} and {capacity} samples: {error}"));
        Self {
            format,
            ring,
            ended: AtomicBool::new(false),
            samples_out: AtomicU64::new(0),
            samples_cleared: AtomicU64::new(0),
            waiter,
            wakes: Counter::new(),
        }
    }

    /// How the samples are to be read.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Producer: appends interleaved samples, in whole groups of one for each channel: the rest of an incomplete group is
    /// left out. Ignored once the stream has ended.
    pub fn write(&self, pcm: &[i16]) {
        if self.ended.load(Ordering::Acquire) {
            return;
        }
        self.ring.write(&pcm[..self.whole_groups(pcm.len())]);
        if self.ring.len() >= self.format.frame_samples {
            self.notify();
        }
    }

    /// Producer or consumer: no more samples will come. What is buffered stays readable.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.notify();
    }

    /// Consumer: reads as many whole frames as are there and fit, in one piece; the last frame of an ended stream may be
    /// shorter. A `target` of one frame's length reads one at a time.
    ///
    /// # Panics
    /// If `target` has no room for a frame.
    pub fn read_frames(&self, target: &mut [i16]) -> Chunk {
        let frame = self.format.frame_samples;
        assert!(target.len() >= frame, "a target of {} samples has no room for a frame of {frame}", target.len());
        let whole = target.len() - target.len() % frame;
        let target = &mut target[..whole];
        // Looked at first: samples written before the end are then all visible.
        if self.has_ended() {
            return self.read(target);
        }
        self.ring.read_whole(frame, target).map_or_else(Chunk::default, |read| self.chunk(read.samples, read.skipped))
    }

    /// Consumer: reads as many samples as there are, at most `target.len()`, in whole groups of one for each channel.
    pub fn read(&self, target: &mut [i16]) -> Chunk {
        let whole = self.whole_groups(target.len());
        let read = self.ring.read(&mut target[..whole]);
        self.chunk(read.samples, read.skipped)
    }

    /// Consumer: gives up all that is there at the call, and returns how many samples that was. The next frame begins with
    /// what is written afterwards. What was dropped before is still reported by the next read.
    pub fn clear(&self) -> usize {
        let cleared = self.ring.clear();
        self.samples_cleared.fetch_add(cleared as u64, Ordering::Release);
        cleared
    }

    /// Consumer: waits for a frame, or the end. Returns false if there is something to see already, and the consumer
    /// need not wait.
    pub fn wait(&self) -> bool {
        self.waiter.arm();
        if self.ring.len() < self.format.frame_samples && !self.has_ended() {
            return true;
        }
        self.waiter.disarm();
        false
    }

    /// Whether no more samples will come. Some may be buffered.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Samples of all channels that wait to be read.
    pub fn buffered(&self) -> usize {
        self.ring.len()
    }

    /// Frames so far.
    pub fn stats(&self) -> PcmStats {
        let frame = self.format.frame_samples as u64;
        // In this order: while the stream is in use, no more went out than came in.
        let out = self.samples_out.load(Ordering::Acquire);
        let cleared = self.samples_cleared.load(Ordering::Acquire);
        let dropped = self.ring.dropped();
        let buffered = self.ring.len() as u64;
        let ended = self.has_ended();
        let written = self.ring.written();
        let whole = |samples: u64| if ended { samples.div_ceil(frame) } else { samples / frame };
        PcmStats {
            // Frames are counted among what was not given up: what is read next begins a frame.
            frames_in: whole(written.saturating_sub(cleared)) + cleared / frame,
            // What is left of an ended stream's last frame is read with its last sample.
            frames_out: if buffered == 0 { whole(out) } else { out / frame },
            // Whole frames, counted from where the reader is.
            frames_dropped: dropped / frame,
            frames_cleared: cleared / frame,
            // What was read of the first of them is in `out`.
            frames_buffered: if buffered == 0 { 0 } else { whole(out % frame + buffered) },
            buffered_samples: buffered,
            wakes: self.wakes.get(),
        }
    }

    fn chunk(&self, samples: usize, skipped: u64) -> Chunk {
        self.samples_out.fetch_add(samples as u64, Ordering::Release);
        Chunk { samples, dropped_frames: skipped / self.format.frame_samples as u64 }
    }

    fn whole_groups(&self, samples: usize) -> usize {
        samples - samples % self.format.channels as usize
    }

    fn notify(&self) {
        if self.waiter.notify() {
            self.wakes.add(1);
        }
    }
}

impl fmt::Debug for PcmStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PcmStream").field("format", &self.format).field("stats", &self.stats()).finish()
    }
}
