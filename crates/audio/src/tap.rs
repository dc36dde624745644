//! What a listener heard of a track, for a recorder: the samples, and when they were heard.
//!
//! ```text
//!  player's thread: TapWriter, in the track's record of what was heard
//!         └──►  PcmRing, DropOldest, + a mark where samples were not heard right after those before them  ──►  Tap::read
//! ```

use crate::pcm_ring::{Overflow, PcmRing};
use crate::pcm_stream::Format;
use narrowcast_core::sync::atomic::{AtomicBool, Ordering};
use narrowcast_core::sync::{Arc, Mutex, lock};
use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

/// Samples come after a pause if they are heard so much later than the end of those before them, and the player had nothing to
/// play in between.
const PAUSE: Duration = Duration::from_millis(20);

/// The same where the player had something to play: less is lateness of its thread, which it catches up with.
const LATENESS: Duration = Duration::from_millis(120);

/// Marks that are kept. Where there would be more, a pause is left out.
const MARKS: usize = 4096;

/// The reading end. Positions are samples of all channels since the tap was opened, silence counted.
pub struct Tap {
    format: Format,
    ring: PcmRing,
    begun: Instant,
    /// The oldest first. The first one is at or before what is read next.
    marks: Mutex<VecDeque<Mark>>,
    ended: AtomicBool,
}

#[derive(Clone, Copy)]
struct Mark {
    /// In the ring.
    at: u64,
    /// When that was heard.
    position: u64,
}

/// What one read returned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tapped {
    /// Samples of all channels; 0: nothing is there.
    pub samples: usize,
    /// Where the first of them was heard.
    pub position: u64,
}

impl Tap {
    /// Reads samples that were heard one right after the other, as many as there are and fit.
    pub fn read(&self, target: &mut [i16]) -> Tapped {
        loop {
            let start = self.ring.read_position();
            let limit = self.mark_at(start).1.unwrap_or_else(|| self.ring.write_position());
            let samples = self.ring.read_before(limit, target).samples;
            if samples > 0 {
                let start = self.ring.taken_position() - samples as u64;
                return Tapped { samples, position: self.mark_at(start).0 };
            }
            // The writer may have dropped what was before the mark.
            if self.ring.read_position() == start {
                return Tapped::default();
            }
        }
    }

    /// When the sample at `start` was heard, and where the next mark is. Marks before it are forgotten.
    fn mark_at(&self, start: u64) -> (u64, Option<u64>) {
        let mut marks = lock(&self.marks);
        let next = next_mark(&mut marks, start);
        (marks.front().map_or(start, |mark| mark.position + start.saturating_sub(mark.at)), next)
    }

    /// Samples of all channels that wait to be read.
    pub fn buffered(&self) -> usize {
        self.ring.len()
    }

    /// Samples of all channels that were lost because they were not read in time.
    pub fn dropped(&self) -> u64 {
        self.ring.dropped()
    }

    /// Whether no more comes. What waits can be read.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }
}

/// Forgets the marks that samples from `start` on have passed; returns where the next one is.
fn next_mark(marks: &mut VecDeque<Mark>, start: u64) -> Option<u64> {
    while marks.get(1).is_some_and(|next| next.at <= start) {
        marks.pop_front();
    }
    marks.get(1).map(|next| next.at)
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tap").field("format", &self.format).field("buffered", &self.buffered()).finish()
    }
}

/// The writing end: of the player's thread, or of one that keeps the player from playing.
pub(crate) struct TapWriter {
    tap: Arc<Tap>,
    /// What the player took and the listener has not heard yet.
    on_way: VecDeque<i16>,
    /// Samples that were on their way when the tap was opened, and are not recorded.
    missing: u64,
    /// Where the next sample is heard, if it is heard right after the last one.
    position: u64,
}

impl TapWriter {
    /// `missing`: samples that are on their way.
    pub fn new(format: Format, capacity: usize, missing: u64) -> Self {
        let ring = PcmRing::new(capacity, format.channels as usize, Overflow::DropOldest)
            .unwrap_or_else(|error| panic!("a tap of {format:?} and {capacity} samples: {error}"));
        let tap = Arc::new(Tap {
            format,
            ring,
            begun: Instant::now(),
            marks: Mutex::new(VecDeque::new()),
            ended: AtomicBool::new(false),
        });
        // Room for a queue of 250 ms. A longer one makes room when it is filled first.
        let on_way = VecDeque::with_capacity(format.sample_rate as usize * format.channels as usize / 4);
        Self { tap, on_way, missing, position: 0 }
    }

    /// The reading end.
    pub fn tap(&self) -> &Arc<Tap> {
        &self.tap
    }

    /// The player took these samples.
    pub fn take(&mut self, pcm: &[i16]) {
        self.on_way.extend(pcm);
    }

    /// The last of the samples that were taken are lost.
    pub fn lose(&mut self, samples: u64) {
        let left = self.on_way.len().saturating_sub(samples as usize);
        self.on_way.truncate(left);
    }

    /// Of the next `samples` on their way, the first `heard` were heard, from `from` on, and the others never are. `after_silence`:
    /// the player had nothing to play before them.
    pub fn hear(&mut self, samples: u64, heard: u64, from: Instant, after_silence: bool) {
        let missing = self.missing.min(samples);
        self.missing -= missing;
        let count = (samples - missing).min(self.on_way.len() as u64) as usize;
        let heard = heard.saturating_sub(missing).min(count as u64) as usize;
        if heard > 0 {
            self.mark(from, missing, if after_silence { PAUSE } else { LATENESS });
            let (first, second) = self.on_way.as_slices();
            let cut = heard.min(first.len());
            self.tap.ring.write(&first[..cut]);
            self.tap.ring.write(&second[..heard - cut]);
            self.position += heard as u64;
        }
        self.on_way.drain(..count);
    }

    /// Before samples are written: says when they are heard, if that is not right after the last ones.
    fn mark(&mut self, from: Instant, missing: u64, pause: Duration) {
        let Format { sample_rate, channels, .. } = self.tap.format;
        let samples =
            |time: Duration| (time.as_nanos() * u128::from(sample_rate) / 1_000_000_000) as u64 * u64::from(channels);
        let position = samples(from.saturating_duration_since(self.tap.begun)) + missing;
        let mut marks = lock(&self.tap.marks);
        if !marks.is_empty() && position <= self.position + samples(pause) {
            return;
        }
        if marks.len() >= MARKS {
            next_mark(&mut marks, self.tap.ring.read_position());
        }
        if marks.len() < MARKS {
            marks.push_back(Mark { at: self.tap.ring.write_position(), position });
            self.position = position;
        }
    }
}

impl Drop for TapWriter {
    fn drop(&mut self) {
        self.tap.ended.store(true, Ordering::Release);
    }
}
