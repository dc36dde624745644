//! PCM into the engine, from a native thread: a source keeps playing while JavaScript is blocked.

use crate::capture::{Capture, CaptureStats, Counts, async_id_of};
use crate::engine::Engine;
use crate::lateness::Lateness;
use narrowcast_audio::{Pacer, PcmTrack};
use narrowcast_core::sync::{Arc, Mutex, lock};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

/// What the engine takes at a time from a source that has no queue of its own.
const CHUNK: Duration = Duration::from_millis(10);

/// How long an answer may take before the next request is made without it. An engine that answers nothing must not stop
/// the clock: it is not waited for again until it has answered something.
const ANSWER_LIMIT: Duration = Duration::from_millis(100);

/// How often a source is looked at whose answer is overdue.
const LOOK_AGAIN: Duration = Duration::from_micros(100);

/// Where the engine's answers are heard by somebody else: least time between two requests for one source, by the end of
/// which the engine is through with the first.
const APART: Duration = Duration::from_millis(2);

/// Chunks of a track that may follow one another at once after a delay: 100 ms, which a jitter buffer has room for.
const MOST_BEHIND: u32 = 10;

/// A source of the engine, and what it plays.
pub struct Source {
    /// The engine's handle of an audio source.
    pub handle: u64,
    /// Samples per second and channel, in Hz: a multiple of 100.
    pub sample_rate: u32,
    /// Channels, interleaved.
    pub channels: u32,
    /// What is played.
    pub pcm: Pcm,
    /// The async id of all its requests, for somebody else to hear the answers; none: they are heard here.
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
        /// Chunks that are played at once, at the start. A source with a queue empties it by the engine's own clock: what
        /// comes a ms late for that is a gap, unless there is something in the queue.
        lead: u32,
    },
}

impl Source {
    /// Samples of all channels in a chunk.
    fn chunk_samples(&self) -> usize {
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
        assert!(
            chunk > 0 && self.sample_rate.is_multiple_of(100) && samples > 0 && samples.is_multiple_of(chunk),
            "a source plays whole chunks of 10 ms: {samples} samples are none at {} Hz and {} channels",
            self.sample_rate,
            self.channels
        );
        if let Pcm::Track { track, .. } = &self.pcm {
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
}

impl Shared {
    fn change(&self, change: impl FnOnce(&mut Vec<Arc<Playing>>)) {
        change(&mut lock(&self.playing));
        self.changes.fetch_add(1, Ordering::Release);
    }
}

struct Playing {
    source: Source,
    number: u64,
    counts: Arc<Counts>,
    late: Lateness,
    /// Held while samples are taken: who has set it to false is the only one to take them from then on.
    active: Mutex<bool>,
    refused: AtomicBool,
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

    /// Whether the engine has refused a chunk of a track, as it does once its source was closed: then no more is played.
    pub fn was_refused(&self) -> bool {
        self.playing.refused.load(Ordering::Acquire)
    }

    /// Stops playing: when this returns, no more samples are taken. The chunk that was taken last may be on its way.
    pub fn stop(&self) {
        *lock(&self.playing.active) = false;
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
    }
}

impl CapturePump {
    /// Starts to play.
    ///
    /// # Panics
    /// If a source's rate is no multiple of 100 Hz, its looped samples are no multiple of 10 ms, or its track is of
    /// another kind.
    pub fn start(engine: &'static Engine, sources: Vec<Source>) -> Self {
        // All of them before the first one is registered.
        for source in &sources {
            source.check();
        }
        let shared =
            Arc::new(Shared { playing: Mutex::default(), changes: AtomicU64::new(0), stop: AtomicBool::new(false) });
        let mut pump = Self { engine, shared, thread: None, playbacks: Vec::new() };
        let playbacks = sources.into_iter().map(|source| pump.playback(source));
        pump.playbacks = playbacks.collect();
        let thread = thread::Builder::new().name("narrowcast-capture".into()).spawn({
            let shared = pump.shared.clone();
            move || play(engine, &shared)
        });
        // Where the system has no thread left, nothing is played, and the counts say so.
        pump.thread = thread.ok();
        pump
    }

    /// Plays one more source, in step with the others.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn add(&self, source: Source) -> Playback {
        source.check();
        let playback = self.playback(source);
        if let Some(thread) = &playback.thread {
            thread.unpark();
        }
        playback
    }

    fn playback(&self, source: Source) -> Playback {
        let counts = Arc::new(Counts::default());
        let playing = Arc::new(Playing {
            source,
            number: self.engine.captures().register(counts.clone()),
            counts,
            late: Lateness::default(),
            active: Mutex::new(true),
            refused: AtomicBool::new(false),
        });
        self.shared.change(|all| all.push(playing.clone()));
        let thread = self.thread.as_ref().map(|thread| thread.thread().clone());
        Playback { engine: self.engine, shared: self.shared.clone(), thread, playing }
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
            // A panic there has stopped the pump, too.
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
    let mut changes = u64::MAX;
    let mut request = Vec::new();
    while !shared.stop.load(Ordering::Acquire) {
        let latest = shared.changes.load(Ordering::Acquire);
        if latest != changes {
            // What joins later starts with the next tick.
            let from = if changes == u64::MAX { Duration::ZERO } else { next_tick(start.elapsed()) };
            changes = latest;
            let playing = lock(&shared.playing).clone();
            players.retain(|player| playing.iter().any(|each| Arc::ptr_eq(each, &player.playing)));
            for each in playing {
                if !players.iter().any(|player| Arc::ptr_eq(&each, &player.playing)) {
                    players.push(Player::new(each, from));
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

fn next_tick(now: Duration) -> Duration {
    let ticks = now.as_nanos().div_ceil(CHUNK.as_nanos());
    CHUNK.saturating_mul(u32::try_from(ticks).unwrap_or(u32::MAX))
}

/// One source, as the pump's thread sees it.
struct Player {
    playing: Arc<Playing>,
    pacer: Pacer,
    under_way: UnderWay,
    /// Chunks that are still to be played ahead of the time table.
    lead: u32,
    /// The number of the next chunk.
    chunk: u64,
    /// A chunk of a track.
    taken: Vec<i16>,
}

impl Player {
    fn new(playing: Arc<Playing>, from: Duration) -> Self {
        let source = &playing.source;
        let (most_behind, lead, samples) = match source.pcm {
            Pcm::Looped { .. } => (u32::MAX, 0, 0),
            Pcm::Track { lead, .. } => (MOST_BEHIND, lead, source.chunk_samples()),
        };
        Self {
            pacer: Pacer::new(CHUNK, most_behind, from),
            under_way: UnderWay::default(),
            lead,
            chunk: 0,
            taken: vec![0; samples],
            playing,
        }
    }

    /// Plays a chunk, if one is due and the one before is through. Returns when to look again; `None`: never.
    fn play(&mut self, engine: &Engine, start: Instant, request: &mut Vec<u8>) -> Option<Duration> {
        let Self { playing, pacer, under_way, .. } = self;
        let source = &playing.source;
        match &source.pcm {
            Pcm::Looped { chunks, .. } if self.chunk >= *chunks => return None,
            Pcm::Track { track, .. } if track.has_ended() || playing.refused.load(Ordering::Relaxed) => return None,
            _ => {}
        }
        let now = start.elapsed();
        if self.lead == 0 && !pacer.is_due(now) {
            return Some(pacer.due());
        }
        let heard = engine.is_listening() && source.answers_to.is_none();
        if let Some(next) = if heard { under_way.answer(&playing.counts, now) } else { under_way.keep_apart(now) } {
            return Some(next);
        }
        let pcm = match &source.pcm {
            Pcm::Looped { pcm, .. } => {
                let samples = source.chunk_samples();
                let at = (self.chunk % (pcm.len() / samples) as u64) as usize * samples;
                &pcm[at..at + samples]
            }
            Pcm::Track { track, .. } => {
                let active = lock(&playing.active);
                if !*active {
                    return None;
                }
                track.take(&mut self.taken);
                &self.taken[..]
            }
        };
        match self.lead {
            0 => playing.late.note(pacer.advance(now)),
            lead => self.lead = lead - 1,
        }
        let number = async_id_of(playing.number, self.chunk);
        let (sample_rate, channels) = (source.sample_rate, source.channels);
        let async_id = source.answers_to.unwrap_or(number);
        request.clear();
        let capture = Capture { source_handle: source.handle, async_id, pcm, sample_rate, channels };
        capture.encode(engine.captures().spec(), request);
        self.chunk += 1;
        playing.counts.sent.add(1);
        if engine.abi().request(request) {
            under_way.request = number;
            if !heard {
                under_way.next = start.elapsed() + APART;
                playing.counts.captured.add(1);
            }
        } else {
            playing.counts.failed.add(1);
            if let Pcm::Track { track, .. } = &source.pcm {
                playing.refused.store(true, Ordering::Release);
                track.ring();
            }
        }
        // What is ahead of the time table waits for nothing but its answer.
        Some(if self.lead > 0 { now } else { pacer.due() })
    }
}

/// A source's latest request. The engine handles requests concurrently: of two that are under way for one source, either
/// may come first. Chunks that are due all at once, after a pause of the whole process, therefore go one by one.
#[derive(Default)]
struct UnderWay {
    /// Its async id, or 0.
    request: u64,
    /// Until when its answer is waited for, once it is overdue.
    patience: Option<Duration>,
    /// The latest answer when an answer was last given up.
    silent_since: Option<u64>,
    /// Where answers are not heard: when the next request may be made.
    next: Duration,
}

impl UnderWay {
    /// When to look again for the answer to the latest request; `None` if it is here, or was given up.
    fn answer(&mut self, counts: &Counts, now: Duration) -> Option<Duration> {
        let answered = counts.answered.load(Ordering::Acquire);
        let patience = *self.patience.get_or_insert(now + ANSWER_LIMIT);
        if self.request != 0 && answered != self.request && self.silent_since != Some(answered) {
            if now < patience {
                return Some(now + LOOK_AGAIN);
            }
            self.silent_since = Some(answered);
        }
        self.patience = None;
        None
    }

    /// When the latest request will be over, as far as that is known without hearing of it; `None` if it is.
    fn keep_apart(&self, now: Duration) -> Option<Duration> {
        (now < self.next).then_some(self.next)
    }
}
