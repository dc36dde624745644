//! PCM into the engine, from a native thread: a source keeps playing while JavaScript is blocked.

use crate::capture::{CaptureStats, Counts};
use crate::engine::Engine;
use crate::lateness::Lateness;
use crate::player::Player;
use crate::source_queue::{Lead, Queues};
use narrowcast_audio::PcmTrack;
use narrowcast_core::sync::{Arc, Mutex, lock};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

/// What the engine takes at a time from a source that has no queue of its own.
pub(crate) const CHUNK: Duration = Duration::from_millis(10);

/// A source of the engine, and what it plays.
pub struct Source {
    /// The engine's handle of an audio source.
    pub handle: u64,
    /// Samples per second and channel, in Hz: at least 100. The engine takes as many whole samples of each channel as 10 ms
    /// have room for, every 10 ms.
    pub sample_rate: u32,
    /// Channels, interleaved.
    pub channels: u32,
    /// What is played.
    pub pcm: Pcm,
    /// The async id of all its requests, for another client to hear the answers; none: they are heard here.
    pub answers_to: Option<u64>,
}

/// What a source plays.
pub enum Pcm {
    /// The same, over and over.
    Looped {
        /// Whole chunks of 10 ms.
        pcm: Arc<[i16]>,
        /// Chunks to play, each of them, however late.
        chunks: u64,
    },
    /// What is written to a track of the source's rate and channels, until it ends. After a delay of more than 100 ms, the
    /// rest is played later and not all at once.
    Track {
        /// What is played.
        track: Arc<PcmTrack>,
        /// What is kept in the source's own queue while there is something to say; [`Lead::NONE`] for a source without one. The
        /// engine empties a queue by its own clock: what comes a ms late for that is a gap, unless something is in it.
        lead: Lead,
        /// Whether the engine gets silence while there is nothing to say. If not, the source has a queue, the pump does not
        /// look while there is nothing to say, and [`Playback::written`] is to be called for what is written.
        silence: bool,
    },
}

impl Source {
    /// Samples of all channels in a chunk.
    pub(crate) fn chunk_samples(&self) -> usize {
        self.sample_rate as usize / 100 * self.channels as usize
    }

    /// # Panics
    /// If this can't be played in whole chunks.
    fn check(&self) {
        let chunk = self.chunk_samples();
        let samples = match &self.pcm {
            Pcm::Looped { pcm, .. } => pcm.len(),
            Pcm::Track { .. } => chunk,
        };
        // What is looped has no gap where it begins anew.
        let is_whole = self.sample_rate.is_multiple_of(100) || matches!(self.pcm, Pcm::Track { .. });
        assert!(
            is_whole && chunk > 0 && samples > 0 && samples.is_multiple_of(chunk),
            "a source plays whole chunks of 10 ms: {samples} samples are none at {} Hz and {} channels",
            self.sample_rate,
            self.channels
        );
        if let Pcm::Track { track, lead, silence } = &self.pcm {
            assert!(*silence || lead.usual > 0, "a source without a queue has no silence of its own");
            let format = track.format();
            assert!(
                (format.sample_rate, format.channels) == (self.sample_rate, self.channels),
                "a source of {} Hz and {} channels can't play a track of {format:?}",
                self.sample_rate,
                self.channels
            );
        }
    }
}

/// Plays sources into the engine in real time, from one native thread.
///
/// The time tables are anchored at the start, so nothing drifts, and all are in step: one wake of the thread does for
/// all sources.
pub struct CapturePump {
    engine: &'static Engine,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// What was there from the start.
    playbacks: Vec<Playback>,
}

/// What the pump's thread looks at.
struct Shared {
    playing: Mutex<Vec<Arc<Playing>>>,
    /// How often `playing` was changed.
    changes: AtomicU64,
    stop: AtomicBool,
    /// Whether the thread has panicked.
    failed: AtomicBool,
}

impl Shared {
    fn change<T>(&self, change: impl FnOnce(&mut Vec<Arc<Playing>>) -> T) -> T {
        let result = change(&mut lock(&self.playing));
        self.changes.fetch_add(1, Ordering::Release);
        result
    }

    /// The thread has panicked: nothing is played any more.
    fn fail(&self) {
        // Before the lock: what is added afterwards sees it.
        self.failed.store(true, Ordering::Release);
        lock(&self.playing).iter().for_each(|playing| playing.refuse());
    }
}

pub(crate) struct Playing {
    pub source: Source,
    pub number: u64,
    /// Disposals of the engine before this: after another one its source is gone.
    pub disposals: u64,
    pub counts: Arc<Counts>,
    pub late: Lateness,
    /// Held while samples are taken: who has set it to false is the only one to take them from then on.
    pub active: Mutex<bool>,
    pub refused: AtomicBool,
    /// Whether the source's queue was emptied, and by whom: see [`Emptied`].
    pub emptied: AtomicU8,
    /// On what the next look depends: see [`Rest`].
    pub rest: AtomicU8,
    /// Written samples in the chunk that was offered last.
    pub offered: AtomicU64,
    /// Of the refusals, those that are accounted for: the chunk was offered again, or is counted as lost.
    seen_failed: AtomicU64,
}

impl Playing {
    /// The engine takes nothing more of this.
    pub fn refuse(&self) {
        if !self.refused.swap(true, Ordering::AcqRel)
            && let Pcm::Track { track, .. } = &self.source.pcm
        {
            track.ring();
        }
    }

    /// A refusal that came in time: its chunk is at hand.
    pub fn see_refusal(&self) {
        self.seen_failed.fetch_add(1, Ordering::AcqRel);
    }

    /// Counts as lost what was refused when the pump waited for the answer no more.
    pub fn count_late_refusals(&self) {
        self.lose(self.unseen_refusals() * self.source.chunk_samples() as u64);
    }

    /// The same when no more is played: the latest refusal may be the last chunk's.
    fn count_last_refusals(&self) {
        let unseen = self.unseen_refusals();
        let chunk = self.source.chunk_samples() as u64;
        self.lose(unseen.saturating_sub(1) * chunk + unseen.min(1) * self.offered.load(Ordering::Acquire));
    }

    fn unseen_refusals(&self) -> u64 {
        let failed = self.counts.failed.get();
        failed.saturating_sub(self.seen_failed.swap(failed, Ordering::AcqRel))
    }

    fn lose(&self, samples: u64) {
        if let Pcm::Track { track, .. } = &self.source.pcm {
            track.lose(samples);
        }
    }

    /// The source's queue is empty, or is to be, before anything more is taken.
    fn note_emptied(&self, emptied: Emptied) {
        self.emptied.fetch_max(emptied as u8, Ordering::AcqRel);
    }
}

/// What makes the pump look at a track that gets no silence.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Rest {
    /// Time.
    Time,
    /// Time, and a whole chunk: less waits.
    Chunk,
    /// Whatever is written: nothing waits, and nothing is on its way.
    Anything,
    /// It was written: the pump is to look now.
    Over,
}

/// What has become of the queue of a source that a pump plays into.
#[derive(Clone, Copy)]
pub(crate) enum Emptied {
    /// Emptied already, by the client that fed it.
    Elsewhere = 1,
    /// To be emptied once the chunk that is on its way is in it.
    WithTheNextChunk = 2,
}

/// One source of a pump; it plays until this is dropped.
pub struct Playback {
    engine: &'static Engine,
    shared: Arc<Shared>,
    thread: Option<Thread>,
    playing: Arc<Playing>,
}

impl Playback {
    /// What became of the source's chunks.
    pub fn stats(&self) -> CaptureStats {
        self.playing.counts.stats()
    }

    /// How late the chunks were handed to the engine.
    pub fn lateness(&self) -> &Lateness {
        &self.playing.late
    }

    /// Whether no more of a track is played because the engine takes nothing: it refused a request, as it does once the source
    /// was closed, or one chunk again and again in its answers, or was disposed of.
    pub fn was_refused(&self) -> bool {
        self.playing.refused.load(Ordering::Acquire)
    }

    /// What the engine said at the first refusal that came in an answer.
    pub fn words(&self) -> Option<&str> {
        self.playing.counts.words.get().map(|words| &**words)
    }

    /// How often the engine had not answered in time, and the next chunk was handed to it all the same: of the two, it may
    /// have taken either first.
    pub fn overdue(&self) -> u64 {
        self.playing.counts.overdue.get()
    }

    /// Something was written to a track that gets no silence: the pump looks at once if it waits for that.
    pub fn written(&self) {
        let Pcm::Track { track, silence: false, .. } = &self.playing.source.pcm else { return };
        let rest = &self.playing.rest;
        // Changes nothing, but is a change, as the pump's is one: of the two, one comes first. If it is the pump's, this sees
        // that it waits; if this, the pump's look behind its own sees what was written.
        let waits_for = rest.fetch_add(0, Ordering::AcqRel);
        let is_there = waits_for == Rest::Anything as u8
            || (waits_for == Rest::Chunk as u8 && track.buffered() >= self.playing.source.chunk_samples());
        if is_there
            && rest.compare_exchange(waits_for, Rest::Over as u8, Ordering::AcqRel, Ordering::Relaxed).is_ok()
            && let Some(thread) = &self.thread
        {
            thread.unpark();
        }
    }

    /// Empties the source's own queue, and lets `discard` take back what waits in the track: of what was written before,
    /// nothing more is heard than the engine has taken from there. Returns what `discard` does.
    pub fn flush<T>(&self, discard: impl FnOnce() -> T) -> T {
        let active = lock(&self.playing.active);
        if let Pcm::Track { lead, .. } = self.playing.source.pcm
            && lead != Lead::NONE
        {
            // At once, and not when the thread comes to it: a chunk that is on its way is all that is left then.
            self.engine.clear(self.playing.source.handle);
        }
        let discarded = discard();
        if let Pcm::Track { .. } = self.playing.source.pcm {
            self.playing.note_emptied(Emptied::WithTheNextChunk);
        }
        drop(active);
        if let Some(thread) = &self.thread {
            thread.unpark();
        }
        discarded
    }

    /// Stops playing: when this returns, no more samples are taken. The chunk that was taken last may be on its way.
    pub fn stop(&self) {
        *lock(&self.playing.active) = false;
        if let Pcm::Track { track, .. } = &self.playing.source.pcm {
            // What waits in a queue is heard, unless the source is gone.
            if self.was_refused() {
                track.lost();
                track.cut();
            } else {
                track.hear_all();
            }
        }
        self.shared.change(|playing| playing.retain(|each| !Arc::ptr_eq(each, &self.playing)));
        if let Some(thread) = &self.thread {
            thread.unpark();
        }
    }
}

impl Drop for Playback {
    fn drop(&mut self) {
        self.stop();
        self.engine.captures().forget(self.playing.number);
        self.playing.count_last_refusals();
    }
}

impl CapturePump {
    /// Starts to play.
    ///
    /// # Errors
    /// The system has no thread left.
    ///
    /// # Panics
    /// If a source's rate is below 100 Hz, its looped samples are no multiple of 10 ms, its track is of another kind,
    /// or it has neither silence nor a queue.
    pub fn start(engine: &'static Engine, sources: Vec<Source>) -> io::Result<Self> {
        // All of them before the first one is registered.
        for source in &sources {
            source.check();
        }
        let shared = Arc::new(Shared {
            playing: Mutex::default(),
            changes: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            failed: AtomicBool::new(false),
        });
        let mut pump = Self { engine, shared, thread: None, playbacks: Vec::new() };
        pump.playbacks = sources.into_iter().filter_map(|source| pump.playback(source)).collect();
        let thread = thread::Builder::new().name("narrowcast-capture".into()).spawn({
            let shared = pump.shared.clone();
            move || {
                // A defect of narrowcast. Those who wait for what is played are told.
                if catch_unwind(AssertUnwindSafe(|| play(engine, &shared))).is_err() {
                    shared.fail();
                }
            }
        });
        pump.thread = Some(thread?);
        Ok(pump)
    }

    /// Plays one more source, in step with the others; `None` if a track is played into that one already: the two would be
    /// torn to pieces.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn add(&self, source: Source) -> Option<Playback> {
        source.check();
        let playback = self.playback(source)?;
        if let Some(thread) = &playback.thread {
            thread.unpark();
        }
        Some(playback)
    }

    fn playback(&self, source: Source) -> Option<Playback> {
        let counts = Arc::new(Counts::default());
        let captures = self.engine.captures();
        let number = self.engine.request_ids().source();
        captures.register(number, counts.clone());
        let playing = Arc::new(Playing {
            source,
            number,
            disposals: captures.disposals(),
            counts,
            late: Lateness::default(),
            active: Mutex::new(true),
            refused: AtomicBool::new(false),
            emptied: AtomicU8::new(0),
            rest: AtomicU8::new(Rest::Over as u8),
            offered: AtomicU64::new(0),
            seen_failed: AtomicU64::new(0),
        });
        let added = self.shared.change(|all| {
            let alone = all.iter().all(|each| each.source.handle != playing.source.handle);
            if alone {
                all.push(playing.clone());
            }
            alone
        });
        if !added {
            captures.forget(playing.number);
            return None;
        }
        if self.shared.failed.load(Ordering::Acquire) {
            playing.refuse();
        }
        let thread = self.thread.as_ref().map(|thread| thread.thread().clone());
        Some(Playback { engine: self.engine, shared: self.shared.clone(), thread, playing })
    }

    /// Another client has emptied the queue of a source.
    pub fn source_emptied(&self, handle: u64) {
        for playing in lock(&self.shared.playing).iter().filter(|playing| playing.source.handle == handle) {
            playing.note_emptied(Emptied::Elsewhere);
        }
    }

    /// The sources that were there from the start.
    pub fn playbacks(&self) -> &[Playback] {
        &self.playbacks
    }

    /// What became of the chunks of each source that was there from the start.
    pub fn stats(&self) -> Vec<CaptureStats> {
        self.playbacks.iter().map(Playback::stats).collect()
    }

    /// Stops playing: when this returns, no more requests are made. Takes at most one chunk's time.
    pub fn stop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

impl Drop for CapturePump {
    fn drop(&mut self) {
        self.stop();
    }
}

fn play(engine: &Engine, shared: &Shared) {
    let start = Instant::now();
    let mut players: Vec<Player> = Vec::new();
    let mut queues = Queues::default();
    let mut changes = u64::MAX;
    let mut request = Vec::new();
    while !shared.stop.load(Ordering::Acquire) {
        let latest = shared.changes.load(Ordering::Acquire);
        if latest != changes {
            // What joins later starts with the next tick.
            let from = if changes == u64::MAX { Duration::ZERO } else { next_tick(start.elapsed()) };
            changes = latest;
            let playing = lock(&shared.playing).clone();
            players.retain(|player| {
                let stays = playing.iter().any(|each| Arc::ptr_eq(each, &player.playing));
                if !stays {
                    queues.leave(player, start.elapsed());
                }
                stays
            });
            for each in playing {
                if !players.iter().any(|player| Arc::ptr_eq(&each, &player.playing)) {
                    let queue = queues.enter(&each.source);
                    players.push(Player::new(each, from, queue));
                }
            }
        }
        // One chunk of each at a time: where several are due, the sources play together.
        let looks = players.iter_mut().filter_map(|player| player.play(engine, start, &mut request));
        match looks.min() {
            Some(next) => {
                let wait = next.saturating_sub(start.elapsed());
                if !wait.is_zero() {
                    thread::park_timeout(wait);
                }
            }
            None => thread::park(),
        }
    }
}

pub(crate) fn next_tick(now: Duration) -> Duration {
    let ticks = now.as_nanos().div_ceil(CHUNK.as_nanos());
    CHUNK.saturating_mul(u32::try_from(ticks).unwrap_or(u32::MAX))
}
