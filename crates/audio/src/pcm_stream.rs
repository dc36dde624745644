//! A bounded stream of PCM frames from one producer thread to one consumer thread.

use crate::ear::{Deliver, Ear, EarSettings};
use crate::meter::{Level, Meter};
use crate::pcm_ring::{Overflow, PcmRing};
use crate::speech::SpeechError;
use narrowcast_core::sync::Arc;
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
    meter: Meter,
    ear: Option<Arc<Ear>>,
}

/// What one read returned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    /// Samples of all channels that were read; 0: nothing there.
    pub samples: usize,
    /// Frames that were dropped between the previous read and this one.
    pub dropped_frames: u64,
    /// Samples of all channels that were withheld between the previous read and this one, for there was no speech in them.
    pub withheld: u64,
    /// Whether there is speech in what was read; false where the stream has no ear.
    pub speech: bool,
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
    /// Frames that wait to be read; one may have been read in part.
    pub frames_buffered: u64,
    /// Samples, of all channels, that wait to be read.
    pub buffered_samples: u64,
    /// Wakes of the consumer thread.
    pub wakes: u64,
    /// Frames that were not delivered, or not yet, for there was no speech in them. They are not among the others.
    pub frames_withheld: u64,
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
            meter: Meter::new(format.sample_rate, format.channels),
            ear: None,
        }
    }

    /// The same, with an ear that listens for speech on the producer's thread.
    ///
    /// # Errors
    /// As [`SpeechDetector::new`](crate::SpeechDetector::new).
    ///
    /// # Panics
    /// As [`new`](Self::new), and if the ear is for another format.
    pub fn with_ear(format: Format, capacity: usize, waiter: Waiter, ear: EarSettings) -> Result<Self, SpeechError> {
        let heard = (ear.speech.sample_rate, ear.speech.channels);
        assert!(heard == (format.sample_rate, format.channels), "an ear for {:?} can't hear {format:?}", ear.speech);
        let stream = Self::new(format, capacity, waiter);
        let ear = Ear::new(ear, format.frame_samples, stream.ring.capacity())?;
        Ok(Self { ear: Some(Arc::new(ear)), ..stream })
    }

    /// The stream's ear, if it has one.
    pub fn ear(&self) -> Option<&Arc<Ear>> {
        self.ear.as_ref()
    }

    /// How loud the last 10 ms were that were written, delivered or not.
    pub fn level(&self) -> Level {
        self.meter.level()
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
        let pcm = &pcm[..self.whole_groups(pcm.len())];
        self.meter.take(pcm);
        match &self.ear {
            None => _ = self.ring.write(pcm),
            Some(ear) => ear.write(pcm, &self.ring),
        }
        if self.ring.len() >= self.format.frame_samples {
            self.notify();
        }
    }

    /// Producer, on the consumer's thread: appends silence until what waits is whole frames.
    pub fn fill_frame(&self) {
        let frame = self.format.frame_samples;
        let begun = self.ring.len() % frame;
        if begun > 0 {
            self.write(&vec![0; frame - begun]);
        }
    }

    /// Producer: no more samples will come. What is buffered stays readable. Never waits: where another thread is ending the
    /// stream, it is left to that.
    pub fn end(&self) {
        self.end_waiting(false);
    }

    /// Any other thread: the same. Where there is an ear, it waits until the producer has written what it is writing.
    pub fn end_from_outside(&self) {
        self.end_waiting(true);
    }

    fn end_waiting(&self, may_wait: bool) {
        let end = || self.ended.store(true, Ordering::Release);
        match &self.ear {
            None => end(),
            Some(ear) => ear.end(may_wait, end),
        }
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
        let ended = self.has_ended();
        if let Some(ear) = &self.ear {
            let chunk = self.read_heard(ear, Some(frame), target);
            return if chunk.samples == 0 && ended { self.read_heard(ear, None, target) } else { chunk };
        }
        if ended {
            return self.read(target);
        }
        self.ring.read_whole(frame, target).map_or_else(Chunk::default, |read| self.chunk(read.samples, read.skipped))
    }

    /// Consumer: reads as many samples as there are, at most `target.len()`, in whole groups of one for each channel.
    pub fn read(&self, target: &mut [i16]) -> Chunk {
        let whole = self.whole_groups(target.len());
        let target = &mut target[..whole];
        if let Some(ear) = &self.ear {
            return self.read_heard(ear, None, target);
        }
        let read = self.ring.read(target);
        self.chunk(read.samples, read.skipped)
    }

    /// Reads whole frames, or samples, up to where something else holds: what is returned has no gap within. Less than a frame
    /// comes only before a gap, where samples were read without regard to frames.
    fn read_heard(&self, ear: &Ear, frame: Option<usize>, target: &mut [i16]) -> Chunk {
        let mut reading = ear.reading();
        loop {
            // Before the marks: those of what was written by then are there.
            let written = self.ring.write_position();
            let start = self.ring.read_position();
            let end = ear.pass_marks(&mut reading, start).map_or(written, |mark| mark.min(written));
            let has_gaps = ear.deliver() != Deliver::All;
            let read = match frame {
                None => self.ring.read_units(0, 1, if has_gaps { end } else { written }, target),
                Some(frame) => self.ring.read_units(frame, frame, end, target).or_else(|| match end < written {
                    true if has_gaps => self.ring.read_units(0, 1, end, target),
                    true => self.ring.read_units(frame, frame, written, &mut target[..frame]),
                    false => None,
                }),
            };
            if let Some(read) = read.filter(|read| read.samples > 0) {
                // The producer may have dropped some meanwhile, and marks with them.
                ear.pass_marks(&mut reading, self.ring.taken_position() - read.samples as u64);
                let chunk = self.chunk(read.samples, read.skipped);
                return Chunk { withheld: reading.take_withheld(), speech: reading.speech(), ..chunk };
            }
            if self.ring.read_position() == start {
                return Chunk::default();
            }
        }
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
        self.waiter.wait_unless(|| self.ring.len() >= self.format.frame_samples || self.has_ended())
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
            frames_withheld: self.ear.as_ref().map_or(0, |ear| ear.heard().saturating_sub(written) / frame),
        }
    }

    fn chunk(&self, samples: usize, skipped: u64) -> Chunk {
        self.samples_out.fetch_add(samples as u64, Ordering::Release);
        Chunk { samples, dropped_frames: skipped / self.format.frame_samples as u64, ..Chunk::default() }
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
