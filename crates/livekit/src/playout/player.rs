//! One source of a [`CapturePump`](crate::CapturePump), as the pump's thread plays it.

use super::in_flight::{InFlight, Outcome};
use super::playing::{Emptied, Playing, Rest};
use super::source::{CHUNK, Pcm, next_tick};
use super::source_queue::SourceQueue;
use crate::capture::Capture;
use crate::engine::Engine;
use crate::request_ids::pump_id;
use narrowcast_audio::{PcmTrack, PlayoutClock};
use narrowcast_core::sync::{Arc, lock};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

/// How often a chunk of a track is offered that the engine refuses, a chunk's time apart: a queue that is full has room by
/// then, and a source that takes no such audio never will.
const TRIES: u32 = 10;

/// Chunks of a track that may follow one another at once after a delay, into a source without a queue: 100 ms, which a
/// jitter buffer has room for.
const MOST_BEHIND: u32 = 10;

/// After a delay, how long the engine has to catch up before its queue is filled: what was put there before would be taken
/// for the time that has passed, and nothing would be left.
const CATCHING_UP: Duration = Duration::from_millis(2);

/// Requests in a row that were given up, after which the engine is taken to be gone if JavaScript hears nothing from it either.
const UNANSWERED: u32 = 5;

/// Two looks of the pump are never exactly a chunk's time apart: what is heard by then counts as heard now, and not a
/// chunk's time later.
const LOOK_SLACK: Duration = Duration::from_millis(2);

/// Chunks' time without a word after which nothing but silence is in a source's queue, however wrong the reckoning. The
/// next word starts in an empty one, and the reckoning anew.
const SILENT: u32 = 50;

/// What comes later than this after a queue ran dry is no part of what was said before.
const LONGEST_GAP: Duration = Duration::from_secs(1);

/// One source, as the pump's thread sees it.
pub(crate) struct Player {
    pub playing: Arc<Playing>,
    /// Of a source that has one.
    pub queue: Option<SourceQueue>,
    clock: PlayoutClock,
    /// Whether the queue is being filled, chunk by chunk; then from when on.
    filling: Option<Duration>,
    /// Chunks' time in which the track had nothing to say.
    silent: u32,
    /// Whether what was put into the queue last was said, and the track has not run dry since.
    is_speaking: bool,
    /// Since when a chunk waits that had no room.
    more_since: Option<Duration>,
    in_flight: InFlight,
    /// Requests that were given up since the last answer.
    unanswered: u32,
    /// The number of the next request.
    chunk: u64,
    /// What was offered last of a track: a chunk, or several that go into a queue together.
    taken: Taken,
}

/// A part of a track, in whole chunks.
#[derive(Default)]
struct Taken {
    pcm: Vec<i16>,
    /// Samples of it that were written: the rest is silence.
    written: usize,
    /// How often the engine has refused it, and those before it since it took one.
    refused: u32,
    /// Whether it is to be offered again.
    again: bool,
}

impl Player {
    pub fn new(playing: Arc<Playing>, from: Duration, queue: Option<SourceQueue>) -> Self {
        // Made on the pump's thread.
        playing.counts.pump.get_or_init(thread::current);
        let source = &playing.source;
        let (most_behind, samples) = match source.pcm {
            #[cfg(feature = "load")]
            Pcm::Looped { .. } => (u32::MAX, 0),
            Pcm::Track { .. } if queue.is_some() => (0, source.chunk_samples()),
            Pcm::Track { .. } => (MOST_BEHIND, source.chunk_samples()),
        };
        Self {
            clock: PlayoutClock::new(CHUNK, most_behind, from),
            queue,
            filling: None,
            silent: 0,
            is_speaking: false,
            more_since: None,
            in_flight: InFlight::default(),
            unanswered: 0,
            chunk: 0,
            taken: Taken { pcm: vec![0; samples], ..Taken::default() },
            playing,
        }
    }

    /// Plays a chunk, if one is due and the one before is through. Returns when to look again; `None`: never.
    pub fn play(&mut self, engine: &Engine, start: Instant, request: &mut Vec<u8>) -> Option<Duration> {
        let playing = self.playing.clone();
        let source = &playing.source;
        if engine.captures().disposals() != playing.disposals {
            playing.refuse();
        }
        match &source.pcm {
            #[cfg(feature = "load")]
            Pcm::Looped { chunks, .. } if self.chunk >= *chunks => return None,
            Pcm::Track { track, .. } if track.has_ended() => return None,
            _ if playing.refused.load(Ordering::Relaxed) => return None,
            _ => {}
        }
        let now = start.elapsed();
        if let Pcm::Track { track, silence, .. } = &source.pcm {
            track.advance(Instant::now() + LOOK_SLACK);
            match playing.rest.load(Ordering::Acquire) {
                rest if *silence || rest == Rest::Time as u8 || rest == Rest::Chunk as u8 => {}
                rest if rest == Rest::Anything as u8 => return None,
                _ => self.go_on(now),
            }
        }
        let heard = engine.is_listening() && source.is_answered_here();
        // The chunk's fate need not be known before the next one is due.
        let is_early = self.filling.is_none() && !self.clock.is_due(now);
        let outcome = match heard {
            true => self.in_flight.answer(&playing.counts, now, !is_early),
            false => self.in_flight.keep_apart(now),
        };
        match outcome {
            Outcome::Open(_) if is_early => return Some(self.clock.due()),
            Outcome::Open(next) => return Some(next),
            Outcome::Refused => self.refused()?,
            Outcome::Taken => {
                self.unanswered = 0;
                self.settled();
            }
            Outcome::GivenUp => {
                // What is missing now, the engine has not answered for.
                self.is_speaking = false;
                playing.counts.overdue.add(1);
                self.settled();
                self.unanswered += 1;
                if self.unanswered >= UNANSWERED && engine.is_silent() {
                    playing.refuse();
                    return None;
                }
            }
            Outcome::Idle => {}
        }
        playing.count_late_refusals();
        if let Some(later) = self.is_early(now) {
            return Some(later);
        }
        if let Pcm::Track { .. } = source.pcm
            && !self.take(engine, start, now)?
        {
            self.filling = None;
            return self.rest(now);
        }
        let pcm = match &source.pcm {
            #[cfg(feature = "load")]
            Pcm::Looped { pcm, .. } => {
                let samples = source.chunk_samples();
                let at = (self.chunk % (pcm.len() / samples) as u64) as usize * samples;
                &pcm[at..at + samples]
            }
            Pcm::Track { .. } => &self.taken.pcm[..],
        };
        let number = pump_id(playing.number, self.chunk);
        let (sample_rate, channels) = (source.sample_rate, source.channels);
        let async_id = source.async_id(number);
        request.clear();
        let capture = Capture { source_handle: source.handle, async_id, pcm, sample_rate, channels };
        capture.encode(engine.captures().spec(), request);
        self.chunk += 1;
        playing.counts.sent.add(1);
        if engine.abi().request(request) {
            self.in_flight.sent(number, start.elapsed());
            if !heard {
                playing.counts.captured.add(1);
            }
        } else {
            playing.counts.failed.add(1);
            playing.see_refusal();
            if matches!(source.pcm, Pcm::Track { .. }) {
                self.give_up();
                return None;
            }
        }
        // A queue is filled with no pause but for the answers.
        Some(if self.filling.is_some() { now } else { self.clock.due() })
    }

    /// What was waited for is there: it is played now, and what follows with the other sources.
    fn go_on(&mut self, now: Duration) {
        self.playing.rest.store(Rest::Time as u8, Ordering::Release);
        self.filling = Some(now);
        if self.clock.is_due(now) {
            self.clock = PlayoutClock::new(CHUNK, 0, next_tick(now));
        }
    }

    /// When to look again where no chunk could be taken. Without silence to play, also when one was written; and then alone,
    /// if nothing is on its way.
    fn rest(&mut self, now: Duration) -> Option<Duration> {
        let Pcm::Track { track, silence: false, .. } = &self.playing.source.pcm else { return Some(self.clock.due()) };
        let chunk = self.playing.source.chunk_samples();
        if self.queue.as_ref().is_none_or(|queue| !queue.has_room(now, false)) || track.buffered() >= chunk {
            return Some(self.clock.due());
        }
        let (rest, enough) = if track.is_idle() { (Rest::Anything, 1) } else { (Rest::Chunk, chunk) };
        // See `Playback::written`.
        self.playing.rest.swap(rest as u8, Ordering::AcqRel);
        if track.buffered() >= enough {
            self.go_on(now);
            return Some(now);
        }
        (rest == Rest::Chunk).then(|| self.clock.due())
    }

    /// When to look again if no chunk is due. If one is, it counts as played.
    fn is_early(&mut self, now: Duration) -> Option<Duration> {
        if self.filling.is_none() {
            if !self.clock.is_due(now) {
                return Some(self.clock.due());
            }
            let late = self.clock.advance(now);
            #[cfg(feature = "load")]
            self.playing.late.note(late);
            if let Some(queue) = &mut self.queue {
                queue.looked(now, late);
                self.filling = Some(if late > CHUNK { now + CATCHING_UP } else { now });
            }
        }
        self.filling.filter(|from| now < *from)
    }

    /// Takes a chunk of the track, or what was refused again; all that waits and has room where the source gets no silence.
    /// False if none is to be played now, as the source's queue has enough; `None` if none ever is.
    fn take(&mut self, engine: &Engine, start: Instant, now: Duration) -> Option<bool> {
        let playing = self.playing.clone();
        let Pcm::Track { track, silence, .. } = &playing.source.pcm else { return None };
        // Held until the chunk is taken: what is written after a flush is not taken before the queue is empty, and a flush
        // sees when the chunk will be heard.
        let active = lock(&playing.active);
        if !*active {
            return None;
        }
        let emptied = playing.emptied.swap(0, Ordering::AcqRel);
        if emptied != 0 {
            self.taken.again = false;
            self.is_speaking = false;
            track.cut();
            self.empty_queue(engine, emptied == Emptied::WithTheNextChunk as u8);
        }
        let has_room = |silence| self.queue.as_ref().is_none_or(|queue| queue.has_room(now, silence));
        let chunk = playing.source.chunk_samples();
        self.is_speaking &= !track.is_paused();
        if !has_room(false) {
            if track.buffered() >= chunk {
                self.more_since.get_or_insert(now);
            }
            return Some(false);
        }
        let mut chunks = 1;
        if let Some(queue) = &self.queue
            && !silence
        {
            // What waits need not wait for one answer after the other, while the queue runs dry.
            chunks = (track.buffered() / chunk).clamp(1, queue.room(now, false));
            // Less than a chunk has time until the queue is nearly dry.
            if !self.taken.again && track.buffered() < chunk && queue.level(now) > CHUNK {
                return Some(false);
            }
            if queue.dry_for(now) >= CHUNK * SILENT {
                self.silent = SILENT;
            }
        }
        if !self.taken.again {
            self.taken.pcm.resize(chunks * chunk, 0);
            self.taken.written = track.take_chunks(&mut self.taken.pcm, chunk);
            // No more silence than fills the last chunk: an utterance may have ended before the rest.
            self.taken.pcm.truncate(self.taken.written.div_ceil(chunk).max(1) * chunk);
        }
        let has_room = has_room(true);
        self.taken.again = false;
        playing.offered.store(self.taken.written as u64, Ordering::Release);
        let is_dry = self.queue.as_ref().is_some_and(|queue| queue.level(now).is_zero());
        if self.taken.written == 0 {
            self.silent = self.silent.saturating_add(1);
            self.is_speaking &= !is_dry;
            if !has_room || !silence {
                return Some(false);
            }
            self.is_speaking = false;
            track.play_silence(self.taken.pcm.len());
        } else {
            if is_dry && self.is_speaking {
                self.count_gap(track, start, now);
            }
            self.is_speaking = true;
            if std::mem::take(&mut self.silent) >= SILENT {
                self.empty_queue(engine, true);
            }
        }
        self.more_since = (track.buffered() >= chunk).then_some(now);
        if let Some(queue) = &mut self.queue {
            let (from, until) = queue.put(now, self.taken.pcm.len() / chunk);
            if self.taken.written > 0 {
                track.schedule(start + from, start + until);
            }
        }
        drop(active);
        Some(true)
    }

    /// The queue has run dry. If what is to be played was there before, this thread came too late.
    fn count_gap(&self, track: &PcmTrack, start: Instant, now: Duration) {
        let Some(queue) = &self.queue else { return };
        let gap = queue.dry_for(now);
        let dry_at = now.saturating_sub(gap);
        let waited = match self.more_since {
            Some(since) => since <= dry_at,
            None => track.filled_at() <= start + dry_at,
        };
        if waited && (CHUNK..=LONGEST_GAP).contains(&gap) {
            track.came_late(gap);
        }
    }

    /// The source's queue is empty, or is now.
    fn empty_queue(&mut self, engine: &Engine, clear: bool) {
        if let Some(queue) = &mut self.queue {
            if clear {
                engine.clear(self.playing.source.handle);
            }
            queue.emptied();
        }
    }

    /// The engine has the chunk.
    fn settled(&mut self) {
        self.taken.refused = 0;
        if let Pcm::Track { track, .. } = &self.playing.source.pcm
            && self.taken.written > 0
        {
            track.accepted();
        }
    }

    /// The engine has refused the chunk in its answer. `None` if it is given up, and with it the source.
    fn refused(&mut self) -> Option<()> {
        self.unanswered = 0;
        self.playing.see_refusal();
        if !matches!(self.playing.source.pcm, Pcm::Track { .. }) {
            return Some(());
        }
        if let Some(queue) = &mut self.queue {
            queue.refused(self.taken.pcm.len() / self.playing.source.chunk_samples());
        }
        self.is_speaking = false;
        // Not before the next chunk is due.
        self.filling = None;
        self.taken.refused += 1;
        if self.taken.refused == TRIES {
            self.give_up();
            return None;
        }
        // Silence need not be heard a second time.
        self.taken.again = self.taken.written > 0;
        Some(())
    }

    /// The chunk is lost, and no more is played.
    fn give_up(&self) {
        if let Pcm::Track { track, .. } = &self.playing.source.pcm {
            track.lose(self.taken.written as u64);
        }
        self.playing.refuse();
    }
}
