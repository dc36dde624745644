//! What an agent says: PCM from a writer in bursts to a player in real time, which never waits for it.
//!
//! ```text
//!  writer: write, end_utterance, discard     player: take, once a frame's time
//!         └────────────►  PcmRing, DropOldest  ────────────►┘
//!                    + where utterances end                 └─► rings once what was written is played
//! ```
//!
//! # What is played when there is less than a frame
//!
//! - **The end of an utterance** is padded with silence, and goes out at once.
//! - Otherwise **its rest may be on the way**: silence is played, and the samples wait. Played at once, they would be
//!   torn from what follows by silence in the middle of a frame. So would every frame of a writer whose pieces are no
//!   multiple of it. Waiting costs nothing: silence has to be heard in either case.
//! - After [`REST_TIMEOUT`] it is clear that nothing follows, or that the gap is heard anyway. That ends the utterance: what
//!   waits goes out, padded, and so does what waits in the writer's resampler. A writer that forgot to end its utterance
//!   would else find its last ms at the start of the next one, and never hear that everything was played.
//!
//! # What was heard
//!
//! A frame that is handed out is heard. One that is played into a queue is heard later, at a time that its player knows:
//! see [`PcmTrack::schedule`]. Until then it does not count as played.

mod ends;
mod player_side;
mod writer_side;

use crate::heard::Heard;
use crate::pcm_ring::{Overflow, PcmRing};
use crate::pcm_stream::Format;
use crate::tap::{Tap, TapWriter};
use ends::Ends;
use narrowcast_core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use narrowcast_core::sync::{Arc, Mutex, lock};
use narrowcast_core::{Counter, Waiter};
use std::fmt;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// How long less than a frame waits for its rest, in silence played.
pub const REST_TIMEOUT: Duration = Duration::from_millis(200);

/// The writer waits for nothing to be played.
const UNAWAITED: u64 = u64::MAX;

/// All that the player took was heard.
const SETTLED: u64 = u64::MAX;

/// Ends the utterance that is being written, from the player's thread; false if its writer is at work right now.
type TimedOut = Box<dyn Fn() -> bool + Send + Sync>;

/// PCM between a writer thread and a player thread: bounded, the oldest dropped and counted, in memory that is allocated
/// once and never moved.
///
/// One thread writes at a time, one plays at a time; they may be the same. Either side may move to another thread if the
/// move itself synchronizes. Samples are counted over all channels.
///
/// # Examples
///
/// ```
/// use narrowcast_audio::{Format, PcmTrack};
/// # use narrowcast_core::{Doorbell, Waiter, Wake};
/// # struct NoWake;
/// # impl Wake for NoWake { fn wake(&self) {} }
/// # let waiter = Waiter::new(std::sync::Arc::new(Doorbell::new(Box::new(NoWake))), 0);
/// let format = Format { sample_rate: 8_000, channels: 1, frame_samples: 4 };
/// let track = PcmTrack::new(format, 100, waiter);
/// track.write(&[1, 2, 3, 4, 5]);
/// track.end_utterance();
/// let mut frame = [-1; 4];
/// assert_eq!((track.take(&mut frame), frame), (4, [1, 2, 3, 4]));
/// assert_eq!((track.take(&mut frame), frame), (1, [5, 0, 0, 0]));
/// assert_eq!((track.take(&mut frame), frame), (0, [0; 4]));
/// ```
pub struct PcmTrack {
    format: Format,
    ring: PcmRing,
    ends: Ends,
    /// The player's alone: silence that was played while less than a frame waited, in samples.
    held: AtomicU64,
    /// The player's alone: silence that was played while an utterance was open and nothing of it waited.
    dry: AtomicU64,
    /// The writer's: whether something was written since the last end of an utterance.
    open: AtomicBool,
    paused: AtomicBool,
    rest_timeout_ms: AtomicU64,
    timed_out: OnceLock<TimedOut>,
    heard: Mutex<Heard>,
    /// Samples that the player got, and those of them in calls that found nothing.
    out: Counter,
    silent: Counter,
    /// The position to tell the waiter of, or [`UNAWAITED`].
    awaited: AtomicU64,
    /// Where that starts which the player took and which was not heard yet, or [`SETTLED`].
    unsettled: AtomicU64,
    refused: Counter,
    /// The writer's.
    invalid: Counter,
    /// The player's: gaps because it came late, and how long they were, in µs.
    late: Counter,
    late_us: Counter,
    created: Instant,
    /// The writer's: when it wrote last while less than a frame waited, in ns since then.
    filled_at: AtomicU64,
    waiter: Waiter,
    ended: AtomicBool,
}

/// What a track counted so far; see [`PcmTrack::stats`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrackStats {
    /// Samples that wait to be played.
    pub buffered: u64,
    /// Frames that the player got.
    pub frames_out: u64,
    /// Of these, frames of nothing but silence: nothing was there to play.
    pub silence_frames: u64,
    /// Samples that were lost because more was written than fits.
    pub samples_dropped: u64,
    /// Samples that were lost because what the player plays into refused them.
    pub samples_refused: u64,
    /// Samples that were written as NaN, and are silence.
    pub samples_invalid: u64,
    /// Gaps that were heard although samples waited: the player came too late.
    pub late_gaps: u64,
    /// How long they were, all together.
    pub late: Duration,
}

impl PcmTrack {
    /// A track with room for `capacity` samples: whole groups of one for each channel.
    ///
    /// `waiter` rings when what [`wait_for`](Self::wait_for) asked for was played, and when the track has ended.
    ///
    /// # Panics
    /// If a frame has no samples, or not as many for each channel, or there is no memory for the samples.
    pub fn new(format: Format, capacity: usize, waiter: Waiter) -> Self {
        assert!(
            format.channels > 0
                && format.frame_samples > 0
                && format.frame_samples.is_multiple_of(format.channels as usize),
            "frames of a track have as many samples for each channel, unlike those of {format:?}"
        );
        // The grain is no frame: what is left after an overflow is exactly the newest that fits.
        let ring = PcmRing::new(capacity, format.channels as usize, Overflow::DropOldest)
            .unwrap_or_else(|error| panic!("a track of {format:?} and {capacity} samples: {error}"));
        Self {
            format,
            ring,
            ends: Ends::new(),
            held: AtomicU64::new(0),
            dry: AtomicU64::new(0),
            open: AtomicBool::new(false),
            paused: AtomicBool::new(false),
            rest_timeout_ms: AtomicU64::new(REST_TIMEOUT.as_millis() as u64),
            timed_out: OnceLock::new(),
            heard: Mutex::new(Heard::new()),
            out: Counter::new(),
            silent: Counter::new(),
            awaited: AtomicU64::new(UNAWAITED),
            unsettled: AtomicU64::new(SETTLED),
            refused: Counter::new(),
            invalid: Counter::new(),
            late: Counter::new(),
            late_us: Counter::new(),
            created: Instant::now(),
            filled_at: AtomicU64::new(0),
            waiter,
            ended: AtomicBool::new(false),
        }
    }

    /// How the samples are to be read.
    pub fn format(&self) -> Format {
        self.format
    }

    /// No more is asked about an utterance.
    pub fn forget(&self, utterance: u64) {
        lock(&self.heard).forget(utterance);
    }

    /// Samples that were heard so far, of all or of an utterance. What waits in a queue counts as far as its time has come.
    pub fn heard(&self, utterance: Option<u64>) -> u64 {
        lock(&self.heard).by(Instant::now(), self.format.channels.into(), utterance)
    }

    /// How long the gaps were all together that the player made by coming late.
    pub fn late(&self) -> Duration {
        Duration::from_micros(self.late_us.get())
    }

    /// Whether the player gets silence, and what waits is kept.
    pub fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Acquire)
    }

    /// Pauses or goes on.
    pub fn pause(&self, paused: bool) {
        self.paused.store(paused, Ordering::Release);
    }

    /// Whether the track has ended.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// From now on the tap, with room for `capacity` samples of all channels, gets what is heard, until the track ends or
    /// [`untap`](Self::untap). None if there is one already, or the track has ended.
    pub fn tap(&self, capacity: usize) -> Option<Arc<Tap>> {
        let mut heard = lock(&self.heard);
        if self.has_ended() || heard.tap.is_some() {
            return None;
        }
        let writer = TapWriter::new(self.format, capacity, heard.on_way());
        let tap = writer.tap().clone();
        heard.tap = Some(writer);
        Some(tap)
    }

    /// The tap gets nothing any more.
    pub fn untap(&self) {
        lock(&self.heard).tap = None;
    }

    /// Whether nothing waits, nothing is on its way, and no utterance is open.
    pub fn is_idle(&self) -> bool {
        self.ring.is_empty() && !self.open.load(Ordering::Relaxed) && self.unsettled.load(Ordering::Acquire) == SETTLED
    }

    /// Samples that wait to be played.
    pub fn buffered(&self) -> usize {
        self.ring.len()
    }

    /// Samples that wait to be heard, with those that the player has in a queue.
    pub fn unheard(&self) -> u64 {
        self.ring.len() as u64 + lock(&self.heard).on_way_at(Instant::now(), self.format.channels.into())
    }

    /// Samples that fit.
    pub fn capacity(&self) -> usize {
        self.ring.capacity()
    }

    /// Whether everything before `position` was heard, dropped or taken back.
    pub fn has_played(&self, position: u64) -> bool {
        // In this order, see `take_unsettled`.
        self.ring.read_position() >= position && self.unsettled.load(Ordering::Acquire) >= position
    }

    /// After `read_position` was moved, or a frame was settled.
    fn tell_if_played(&self) {
        let awaited = self.awaited.fetch_add(0, Ordering::AcqRel);
        if awaited != UNAWAITED
            && self.has_played(awaited)
            // If the writer has asked for something else meanwhile, it has looked itself.
            && self.awaited.compare_exchange(awaited, UNAWAITED, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        {
            self.waiter.notify();
        }
    }

    /// What was counted so far. Frames count as soon as they are whole, whatever the length of the player's own.
    pub fn stats(&self) -> TrackStats {
        let frame = self.format.frame_samples as u64;
        // In this order: no more was silent than went out.
        let silence_frames = self.silent.get() / frame;
        TrackStats {
            buffered: self.ring.len() as u64,
            frames_out: self.out.get() / frame,
            silence_frames,
            samples_dropped: self.ring.dropped(),
            samples_refused: self.refused.get(),
            samples_invalid: self.invalid.get(),
            late_gaps: self.late.get(),
            late: self.late(),
        }
    }
}

impl fmt::Debug for PcmTrack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PcmTrack").field("format", &self.format).field("stats", &self.stats()).finish()
    }
}
