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
//!   torn from what follows by silence in the middle of a frame, and so would every frame of a writer whose pieces are
//!   no multiple of it. Waiting costs nothing: silence has to be heard in either case.
//! - After [`PATIENCE`] it is clear that nothing follows, or that the gap is heard anyway. That ends the utterance: what
//!   waits goes out, padded, and so does what waits in the writer's resampler. A writer that forgot to end its utterance
//!   would else find its last ms at the start of the next one, and never hear that everything was played.
//!
//! # What was heard
//!
//! A frame that is handed out is heard. One that is played into a queue is heard later, at a time that its player knows:
//! see [`PcmTrack::schedule`]. Until then it does not count as played.

use crate::heard::{Heard, Interruption};
use crate::pcm_ring::{Overflow, PcmRing};
use crate::pcm_stream::Format;
use crate::tap::{Tap, TapWriter};
use narrowcast_core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use narrowcast_core::sync::{Arc, Mutex, lock};
use narrowcast_core::{Counter, Waiter};
use std::fmt;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// How long less than a frame waits for its rest, in silence played.
pub const PATIENCE: Duration = Duration::from_millis(200);

/// Ends of utterances that are remembered while they wait. Of more, the oldest are forgotten: these utterances go out
/// without padding, one right after the other.
const ENDS: usize = if cfg!(loom) { 2 } else { 64 };

/// Nobody waits for anything to be played.
const NOBODY: u64 = u64::MAX;

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
/// # struct Nobody;
/// # impl Wake for Nobody { fn wake(&self) {} }
/// # let waiter = Waiter::new(std::sync::Arc::new(Doorbell::new(Box::new(Nobody))), 0);
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
    patience_ms: AtomicU64,
    timed_out: OnceLock<TimedOut>,
    heard: Mutex<Heard>,
    /// Samples that the player got, and those of them in calls that found nothing.
    out: Counter,
    silent: Counter,
    /// The position to tell the waiter of, or [`NOBODY`].
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
    /// Of these, frames of nothing but silence that nobody wrote.
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
            patience_ms: AtomicU64::new(PATIENCE.as_millis() as u64),
            timed_out: OnceLock::new(),
            heard: Mutex::new(Heard::new()),
            out: Counter::new(),
            silent: Counter::new(),
            awaited: AtomicU64::new(NOBODY),
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

    /// Writer: appends interleaved samples, in whole groups of one for each channel: the rest of an incomplete group is
    /// left out. Ignored once the track has ended.
    pub fn write(&self, pcm: &[i16]) {
        let pcm = &pcm[..pcm.len() - pcm.len() % self.format.channels as usize];
        if self.has_ended() || pcm.is_empty() {
            return;
        }
        self.open_utterance();
        if self.ring.len() < self.format.frame_samples {
            let filled_at = self.created.elapsed().as_nanos();
            self.filled_at.store(u64::try_from(filled_at).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        self.ring.write(pcm);
    }

    /// Player: since when a whole frame waits at most, if it found less when it looked last.
    pub fn filled_at(&self) -> Instant {
        self.created + Duration::from_nanos(self.filled_at.load(Ordering::Relaxed))
    }

    /// Player: what it plays into had run dry for so long, though samples waited. Rings as [`ring`](Self::ring).
    pub fn came_late(&self, gap: Duration) {
        self.late.add(1);
        self.late_us.add(gap.as_micros() as u64);
        self.ring();
    }

    /// How long the gaps were all together that the player made by coming late.
    pub fn late(&self) -> Duration {
        Duration::from_micros(self.late_us.get())
    }

    /// Writer: it has something to write, even if it holds that back: an utterance begins, unless one is being written.
    pub fn open_utterance(&self) {
        if !self.open.load(Ordering::Relaxed) {
            lock(&self.heard).begin(self.ring.write_position(), false);
            self.open.store(true, Ordering::Relaxed);
        }
    }

    /// Writer: an utterance begins, and the one before ends; returns its number, for [`heard`](Self::heard). What is
    /// written until the next end belongs to it. It is counted until [`forget`](Self::forget).
    pub fn begin_utterance(&self) -> u64 {
        if self.open.load(Ordering::Relaxed) {
            self.end_utterance();
        }
        let number = lock(&self.heard).begin(self.ring.write_position(), true);
        self.open.store(true, Ordering::Relaxed);
        number
    }

    /// No more is asked about an utterance.
    pub fn forget(&self, utterance: u64) {
        lock(&self.heard).forget(utterance);
    }

    /// Samples that were heard so far, of all or of an utterance. What waits in a queue counts as far as its time has come.
    pub fn heard(&self, utterance: Option<u64>) -> u64 {
        lock(&self.heard).by(Instant::now(), self.format.channels.into(), utterance)
    }

    /// Writer: what was written last is the end of an utterance. It goes out without waiting for more, and what is
    /// written from now on starts in a frame of its own.
    pub fn end_utterance(&self) {
        let position = self.ring.write_position();
        self.ends.push(position);
        if self.open.load(Ordering::Relaxed) {
            lock(&self.heard).end(position);
            self.open.store(false, Ordering::Relaxed);
        }
    }

    /// Writer: nothing was written for a while. What was goes out without waiting for more, and its utterance ends, unless
    /// [`begin_utterance`](Self::begin_utterance) began it.
    pub fn time_out(&self) {
        let position = self.ring.write_position();
        self.ends.push(position);
        if lock(&self.heard).time_out(position) {
            self.open.store(false, Ordering::Relaxed);
        }
    }

    /// Once: `end` is called where an utterance was not ended and nothing of it came for [`PATIENCE`]. It writes what the
    /// writer holds back, and calls [`time_out`](Self::time_out); or returns false if it can't right now. It must not wait.
    pub fn on_timeout(&self, end: impl Fn() -> bool + Send + Sync + 'static) {
        let _ = self.timed_out.set(Box::new(end));
    }

    /// How long less than a frame waits for its rest, in place of [`PATIENCE`].
    pub fn set_patience(&self, patience: Duration) {
        self.patience_ms.store(patience.as_millis() as u64, Ordering::Relaxed);
    }

    /// Whether the player gets silence, and what waits is kept.
    pub fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Acquire)
    }

    /// Pauses or goes on.
    pub fn pause(&self, paused: bool) {
        self.paused.store(paused, Ordering::Release);
    }

    /// Writer: takes back what was not heard yet, also what waits in a queue that is emptied now, and goes on if it was
    /// paused. `held_back`: samples that the writer itself takes back. Nobody takes samples meanwhile.
    pub fn interrupt(&self, held_back: usize) -> Interruption {
        let mut heard = lock(&self.heard);
        let (cut, from) = heard.cut(Instant::now(), self.format.channels.into());
        let unheard = from.unwrap_or_else(|| self.ring.read_position());
        let waited = self.ring.discard() as u64;
        let of_utterance = heard.interrupt(unheard, self.ring.write_position());
        drop(heard);
        self.open.store(false, Ordering::Relaxed);
        self.pause(false);
        self.unsettled.store(SETTLED, Ordering::Release);
        self.tell_if_played();
        Interruption { heard: of_utterance, discarded: cut + waited + held_back as u64 }
    }

    /// Writer: no more is played. What waits is taken back.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.interrupt(0);
        self.untap();
        self.waiter.notify();
    }

    /// Whether the track has ended.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Player: fills a frame of any length, in whole groups of one sample for each channel, with the oldest samples and
    /// with silence behind them. Returns how many of its samples were written; 0: all of it is silence. See the module for
    /// when that is. Never waits, and never allocates.
    pub fn take(&self, frame: &mut [i16]) -> usize {
        let samples = self.take_if_any(frame);
        if samples == 0 {
            self.play_silence(frame.len());
        }
        samples
    }

    /// Player: as [`take`](Self::take), for a frame that may yet be refused, and that is not played if all of it is silence.
    /// What is in it counts as heard when it was accepted and its time has come, see [`schedule`](Self::schedule) and
    /// [`accepted`](Self::accepted).
    pub fn take_unsettled(&self, frame: &mut [i16]) -> usize {
        self.take_chunks(frame, frame.len())
    }

    /// Player: as [`take_unsettled`](Self::take_unsettled), for several chunks of so many samples, which are accepted
    /// together, and heard one after the other.
    pub fn take_chunks(&self, frame: &mut [i16], chunk: usize) -> usize {
        // Before `read_position` moves: who sees it moved sees this, too.
        if self.unsettled.load(Ordering::Relaxed) == SETTLED {
            self.unsettled.store(self.ring.read_position(), Ordering::Release);
        }
        let samples = self.take_written(frame);
        let mut heard = lock(&self.heard);
        if samples > 0 {
            let end = self.ring.taken_position();
            heard.take(&frame[..samples], end, chunk);
        } else {
            heard.run_dry();
        }
        self.settle(&heard);
        drop(heard);
        self.taken(frame, samples);
        samples
    }

    /// Player: what was taken last is heard from `from` to `until`. Without this, when it is accepted.
    pub fn schedule(&self, from: Instant, until: Instant) {
        lock(&self.heard).schedule(from, until);
    }

    /// Player: the frame that was taken last was accepted.
    pub fn accepted(&self) {
        self.change(Heard::accept);
    }

    /// Player: the frame that was taken last is lost, unless it was accepted.
    pub fn lost(&self) {
        self.change(Heard::lose);
    }

    /// Player: what is heard by `now` counts as played.
    pub fn advance(&self, now: Instant) {
        if self.unsettled.load(Ordering::Relaxed) != SETTLED {
            self.change(|heard| heard.advance(now));
        }
    }

    /// Player: where it is told what was heard: everything before `position` was, by `now`.
    pub fn confirm(&self, position: u64, now: Instant) {
        self.change(|heard| heard.confirm(position, now));
    }

    /// Player: everything that was taken will be heard, and nobody looks when.
    pub fn hear_all(&self) {
        self.change(Heard::hear_all);
    }

    /// Player: the queue that it plays into was emptied: what waited there is not heard.
    pub fn cut(&self) {
        self.change(|heard| {
            heard.cut(Instant::now(), self.format.channels.into());
        });
    }

    fn change(&self, change: impl FnOnce(&mut Heard)) {
        let mut heard = lock(&self.heard);
        change(&mut heard);
        self.settle(&heard);
        drop(heard);
        self.tell_if_played();
    }

    /// After what is on its way has changed.
    fn settle(&self, heard: &Heard) {
        self.unsettled.store(heard.unheard().unwrap_or(SETTLED), Ordering::Release);
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

    /// Player: so many samples of silence are played because nothing was there to play.
    pub fn play_silence(&self, samples: usize) {
        self.out.add(samples as u64);
        self.silent.add(samples as u64);
    }

    fn take_if_any(&self, frame: &mut [i16]) -> usize {
        let samples = self.take_written(frame);
        if samples > 0 {
            let end = self.ring.taken_position();
            lock(&self.heard).hand_out(&frame[..samples], end);
        } else {
            lock(&self.heard).run_dry();
        }
        self.taken(frame, samples);
        samples
    }

    fn taken(&self, frame: &mut [i16], samples: usize) {
        frame[samples..].fill(0);
        if samples > 0 {
            self.out.add(frame.len() as u64);
            self.tell_if_played();
        }
    }

    /// Writer: so many of the samples that are written next were no numbers, and are silence.
    pub fn count_invalid(&self, samples: u64) {
        self.invalid.add(samples);
    }

    /// Player: so many of the samples that were taken were refused, and are lost.
    pub fn lose(&self, samples: u64) {
        self.refused.add(samples);
    }

    fn take_written(&self, frame: &mut [i16]) -> usize {
        debug_assert!(frame.len().is_multiple_of(self.format.channels as usize));
        if self.is_paused() {
            return 0;
        }
        loop {
            // Looked at first: who sees what is behind the end of an utterance sees the end, too.
            let written = self.ring.write_position();
            let position = self.ring.read_position();
            let limit = match self.ends.first_after(position) {
                Some(end) => {
                    self.held.store(0, Ordering::Relaxed);
                    end
                }
                None => match self.next(written.saturating_sub(position), frame.len() as u64) {
                    Next::Frame => written,
                    Next::Silence => return 0,
                    Next::End => match self.timed_out.get().map(|end| end()) {
                        Some(true) => continue,
                        Some(false) => return 0,
                        None => written,
                    },
                },
            };
            let samples = self.ring.read_before(limit, frame).samples;
            // Nothing is left of what was there only if the writer has dropped it all: then there is more behind it. Or
            // if it has taken all back, and there is not.
            if samples > 0 || self.ring.read_position() <= limit {
                return samples;
            }
        }
    }

    /// Player: what comes next where so many samples wait whose utterance may go on.
    fn next(&self, samples: u64, frame: u64) -> Next {
        let waits = |silence: &AtomicU64| {
            let played = silence.load(Ordering::Relaxed);
            let Format { sample_rate, channels, .. } = self.format;
            let patience =
                u128::from(sample_rate) * u128::from(channels) * u128::from(self.patience_ms.load(Ordering::Relaxed))
                    / 1000;
            let waits = u128::from(played) < patience;
            silence.store(if waits { played.saturating_add(frame) } else { 0 }, Ordering::Relaxed);
            waits
        };
        if samples == 0 {
            self.held.store(0, Ordering::Relaxed);
            let is_over = self.open.load(Ordering::Relaxed) && !waits(&self.dry);
            return if is_over { Next::End } else { Next::Silence };
        }
        self.dry.store(0, Ordering::Relaxed);
        if samples >= frame {
            self.held.store(0, Ordering::Relaxed);
            return Next::Frame;
        }
        if waits(&self.held) { Next::Silence } else { Next::End }
    }

    /// Whether nothing waits, nothing is on its way, and no utterance is open.
    pub fn is_idle(&self) -> bool {
        self.ring.is_empty() && !self.open.load(Ordering::Relaxed) && self.unsettled.load(Ordering::Acquire) == SETTLED
    }

    /// Player: whether a frame of so many samples is there, or the end of an utterance.
    pub fn has_frame(&self, samples: usize) -> bool {
        let position = self.ring.read_position();
        !self.is_paused() && (self.ends.first_after(position).is_some() || self.ring.len() >= samples)
    }

    /// Player: whether samples wait, or an utterance is open: they may yet become a frame.
    pub fn is_waiting(&self) -> bool {
        !self.ring.is_empty() || self.open.load(Ordering::Relaxed)
    }

    /// Player: where what was taken so far ends.
    pub fn taken_to(&self) -> u64 {
        self.ring.read_position()
    }

    /// When what [`wait_for`](Self::wait_for) asked for will have been heard, if it was taken.
    pub fn awaited_at(&self) -> Option<Instant> {
        match self.awaited.load(Ordering::Acquire) {
            NOBODY => None,
            position => lock(&self.heard).heard_at(position),
        }
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

    /// Writer: where what was written so far ends, for [`wait_for`](Self::wait_for).
    pub fn written(&self) -> u64 {
        self.ring.write_position()
    }

    /// Whether everything before `position` was heard, dropped or taken back.
    pub fn has_played(&self, position: u64) -> bool {
        // In this order, see `take_unsettled`.
        self.ring.read_position() >= position && self.unsettled.load(Ordering::Acquire) >= position
    }

    /// Writer: the waiter rings once everything before `position` was played. Returns false if it was already, or the
    /// track has ended: then there is no need to ring, though it may have. There is one such position at a time, the one
    /// asked for last.
    pub fn wait_for(&self, position: u64) -> bool {
        self.waiter.arm();
        // A swap, as the player's look is one: of the two, one comes first. If it is the player's, what it took is seen
        // below; if this, the player sees the position, and that the waiter is armed.
        self.awaited.swap(position, Ordering::AcqRel);
        if !self.has_played(position) && !self.has_ended() {
            return true;
        }
        self.awaited.swap(NOBODY, Ordering::AcqRel);
        self.waiter.disarm();
        false
    }

    /// After `read_position` was moved, or a frame was settled.
    fn tell_if_played(&self) {
        let awaited = self.awaited.fetch_add(0, Ordering::AcqRel);
        if awaited != NOBODY
            && self.has_played(awaited)
            // Asked for something else meanwhile? Then whoever asked has looked.
            && self.awaited.compare_exchange(awaited, NOBODY, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        {
            self.waiter.notify();
        }
    }

    /// Rings, if the writer's thread waits for anything: the player has something to say that is no sample.
    pub fn ring(&self) {
        self.waiter.notify();
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

/// What a player gets next.
enum Next {
    Frame,
    /// Nothing, or less than a frame whose rest may be on the way.
    Silence,
    /// The utterance has timed out.
    End,
}

/// Positions at which utterances end, in the order in which they were noted, which is their own. Where there is no room,
/// the oldest are overwritten, and the player may then see a later one in their place: no position is ever wrong, but one
/// may be missing.
struct Ends {
    cells: [AtomicU64; ENDS],
    /// The writer's: how many were noted.
    noted: AtomicU64,
    /// The player's: how many of these it has passed.
    passed: AtomicU64,
}

impl Ends {
    fn new() -> Self {
        Self { cells: std::array::from_fn(|_| AtomicU64::new(0)), noted: AtomicU64::new(0), passed: AtomicU64::new(0) }
    }

    fn cell(&self, number: u64) -> &AtomicU64 {
        &self.cells[(number % ENDS as u64) as usize]
    }

    /// Writer.
    fn push(&self, position: u64) {
        let noted = self.noted.load(Ordering::Relaxed);
        // Ended twice is ended once, and takes no other's room.
        if noted > 0 && self.cell(noted - 1).load(Ordering::Relaxed) == position {
            return;
        }
        self.cell(noted).store(position, Ordering::Relaxed);
        self.noted.store(noted + 1, Ordering::Release);
    }

    /// Player: the first one behind `position`, which is where the player is.
    fn first_after(&self, position: u64) -> Option<u64> {
        let noted = self.noted.load(Ordering::Acquire);
        let mut passed = self.passed.load(Ordering::Relaxed).max(noted.saturating_sub(ENDS as u64));
        let mut first = None;
        while passed < noted && first.is_none() {
            let end = self.cell(passed).load(Ordering::Relaxed);
            if end > position {
                first = Some(end);
            } else {
                passed += 1;
            }
        }
        self.passed.store(passed, Ordering::Relaxed);
        first
    }
}
