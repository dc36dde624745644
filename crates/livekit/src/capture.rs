//! PCM into the engine, from a native thread: a source keeps playing while JavaScript is blocked.

use crate::engine::Engine;
use narrowcast_core::sync::Arc;
use narrowcast_core::{Counter, Kind, SnapshotMap};
use prost::encoding::{WireType, encode_key, encode_varint, uint32, uint64};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What the engine takes at a time from a source that has no queue of its own.
const CHUNK: Duration = Duration::from_millis(10);

/// How long an answer may take before the next request is made without it. An engine that answers nothing must not stop
/// the clock: it is not waited for again until it has answered something.
const ANSWER_LIMIT: Duration = Duration::from_millis(100);

/// Where the engine's answers are heard by somebody else: least time between two requests for one source, by the end of
/// which the engine is through with the first.
const APART: Duration = Duration::from_millis(2);

/// Async ids of native capture requests: far above JavaScript's, which start at 2^40, and the engine's own, from 1.
/// Below the base come 30 bits that number the source and 32 that count its requests.
const ASYNC_ID_BASE: u64 = 1 << 62;

/// Field numbers of the engine's capture messages, from the installed package's descriptors.
#[derive(Clone, Copy, Debug)]
pub struct CaptureSpec {
    /// `captureAudioFrame` in `FfiRequest`.
    pub request: u32,
    /// `sourceHandle` in the request.
    pub source_handle: u32,
    /// `buffer` in the request.
    pub buffer: u32,
    /// `requestAsyncId` in the request.
    pub request_async_id: u32,
    /// `dataPtr` in the buffer.
    pub data_ptr: u32,
    /// `numChannels` in the buffer.
    pub num_channels: u32,
    /// `sampleRate` in the buffer.
    pub sample_rate: u32,
    /// `samplesPerChannel` in the buffer.
    pub samples_per_channel: u32,
    /// The kind of the answer's event.
    pub answer: Kind,
    /// `error` in the answer.
    pub error: u32,
}

/// Takes the engine's answers to native capture requests, on its callback thread.
pub struct CaptureAnswers {
    spec: CaptureSpec,
    sources: SnapshotMap<Arc<Counts>>,
    next_source: AtomicU64,
}

/// Whose answer an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnsweredCapture {
    /// A native thread's; it is counted, and nobody else's business.
    Ours,
    /// JavaScript's.
    Other,
}

#[derive(Default)]
struct Counts {
    sent: Counter,
    captured: Counter,
    failed: Counter,
    /// The async id of the latest answer, or 0.
    answered: AtomicU64,
}

/// What became of one source's frames, of 10 ms each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptureStats {
    /// Frames handed to the engine.
    pub sent: u64,
    /// Frames that the engine took; where somebody else hears its answers, those that it did not refuse at once.
    pub captured: u64,
    /// Frames that the engine refused.
    pub failed: u64,
}

impl CaptureAnswers {
    /// No requests so far.
    pub fn new(spec: CaptureSpec) -> Self {
        Self { spec, sources: SnapshotMap::new(), next_source: AtomicU64::new(0) }
    }

    /// Callback: counts an answer if a native thread asked.
    pub(crate) fn answered(&self, kind: Kind, async_id: u64, body: &[u8]) -> AnsweredCapture {
        if kind != self.spec.answer || !(ASYNC_ID_BASE..ASYNC_ID_BASE << 1).contains(&async_id) {
            return AnsweredCapture::Other;
        }
        self.sources.with(source_of(async_id), |counts| {
            // A stopped pump's answers are forgotten.
            if let Some(counts) = counts {
                let failed = crate::wire::has_field(body, self.spec.error);
                if failed { &counts.failed } else { &counts.captured }.add(1);
                // Release: whoever sees this sees the count, too.
                counts.answered.store(async_id, Ordering::Release);
            }
        });
        AnsweredCapture::Ours
    }

    fn register(&self, counts: Arc<Counts>) -> u64 {
        let source = self.next_source.fetch_add(1, Ordering::Relaxed) % (1 << 30);
        self.sources.change(|sources| sources.set(source, Some(counts)));
        source
    }

    fn forget(&self, source: u64) {
        self.sources.change(|sources| sources.set(source, None));
    }
}

fn async_id_of(source: u64, count: u64) -> u64 {
    ASYNC_ID_BASE | source << 32 | (count & u64::from(u32::MAX))
}

fn source_of(async_id: u64) -> u64 {
    (async_id & !ASYNC_ID_BASE) >> 32
}

/// What a source plays.
pub struct Source {
    /// The engine's handle of an audio source without a queue.
    pub handle: u64,
    /// Samples per second and channel, in Hz: a multiple of 100.
    pub sample_rate: u32,
    /// Channels, interleaved in `pcm`.
    pub channels: u32,
    /// What is played, over and over: whole chunks of 10 ms.
    pub pcm: Arc<[i16]>,
    /// Chunks of 10 ms to play.
    pub chunks: u64,
    /// The async id of all its requests, for somebody else to hear the answers; none: they are heard here.
    pub answers_to: Option<u64>,
}

/// Plays sources into the engine in real time, from one native thread, until all have played or it is stopped.
///
/// The time table is anchored at the start: a late chunk is followed at once by what is due, so nothing drifts.
pub struct CapturePump {
    sources: Arc<[Playing]>,
    stop: Arc<AtomicBool>,
    engine: &'static Engine,
    thread: Option<JoinHandle<()>>,
}

struct Playing {
    source: Source,
    number: u64,
    counts: Arc<Counts>,
}

impl CapturePump {
    /// Starts to play.
    ///
    /// # Panics
    /// If a source's `pcm` is empty or no multiple of 10 ms, or its rate no multiple of 100 Hz.
    pub fn start(engine: &'static Engine, sources: Vec<Source>) -> Self {
        // All of them before the first one is registered.
        for source in &sources {
            let chunk = chunk_samples(source);
            assert!(
                chunk > 0
                    && source.sample_rate.is_multiple_of(100)
                    && !source.pcm.is_empty()
                    && source.pcm.len().is_multiple_of(chunk),
                "a source plays whole chunks of 10 ms: {} samples are none at {} Hz and {} channels",
                source.pcm.len(),
                source.sample_rate,
                source.channels
            );
        }
        let playing = |source: Source| {
            let counts = Arc::new(Counts::default());
            Playing { source, number: engine.captures().register(counts.clone()), counts }
        };
        let sources: Arc<[Playing]> = sources.into_iter().map(playing).collect();
        let stop = Arc::new(AtomicBool::new(false));
        let thread = thread::Builder::new().name("narrowcast-capture".into()).spawn({
            let (sources, stop) = (sources.clone(), stop.clone());
            move || play(engine, &sources, &stop)
        });
        // Where the system has no thread left, nothing is played, and the counts say so.
        Self { sources, stop, engine, thread: thread.ok() }
    }

    /// What became of each source's frames.
    pub fn stats(&self) -> Vec<CaptureStats> {
        let stats = |playing: &Playing| CaptureStats {
            sent: playing.counts.sent.get(),
            captured: playing.counts.captured.get(),
            failed: playing.counts.failed.get(),
        };
        self.sources.iter().map(stats).collect()
    }

    /// Stops playing: when this returns, no more requests are made. Takes at most one chunk's time.
    pub fn stop(&mut self) {
        self.stop.store(true, Ordering::Release);
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
        for playing in self.sources.iter() {
            self.engine.captures().forget(playing.number);
        }
    }
}

fn chunk_samples(source: &Source) -> usize {
    source.sample_rate as usize / 100 * source.channels as usize
}

fn play(engine: &Engine, sources: &[Playing], stop: &AtomicBool) {
    let start = Instant::now();
    let chunks = sources.iter().map(|playing| playing.source.chunks).max().unwrap_or(0);
    let mut under_way: Vec<_> = sources.iter().map(|_| UnderWay::default()).collect();
    let mut request = Vec::new();
    for chunk in 0..chunks {
        let due = start + CHUNK.mul_f64(chunk as f64);
        loop {
            if stop.load(Ordering::Acquire) {
                return;
            }
            let wait = due.saturating_duration_since(Instant::now());
            if wait.is_zero() {
                break;
            }
            thread::park_timeout(wait);
        }
        for (playing, under_way) in sources.iter().zip(&mut under_way) {
            if chunk >= playing.source.chunks {
                continue;
            }
            let heard = engine.is_listening() && playing.source.answers_to.is_none();
            let clear = if heard { under_way.wait(&playing.counts, stop) } else { under_way.keep_apart(stop) };
            if !clear {
                return;
            }
            request.clear();
            encode_request(&engine.captures().spec, playing, chunk, &mut request);
            playing.counts.sent.add(1);
            if !engine.abi().request(&request) {
                playing.counts.failed.add(1);
                continue;
            }
            under_way.request = async_id_of(playing.number, chunk);
            if !heard {
                under_way.next = Some(Instant::now() + APART);
                playing.counts.captured.add(1);
            }
        }
    }
}

/// A source's latest request. The engine handles requests concurrently: of two that are under way for one source, either
/// may come first. Chunks that are due all at once, after a pause of the whole process, therefore go one by one.
#[derive(Default)]
struct UnderWay {
    /// Its async id, or 0.
    request: u64,
    /// The latest answer when an answer was last given up.
    silent_since: Option<u64>,
    /// Where answers are not heard: when the next request may be made.
    next: Option<Instant>,
}

impl UnderWay {
    /// Waits for the answer to the latest request, within limits. Returns false if the pump is to stop.
    fn wait(&mut self, counts: &Counts, stop: &AtomicBool) -> bool {
        let patience = Instant::now() + ANSWER_LIMIT;
        loop {
            let answered = counts.answered.load(Ordering::Acquire);
            if self.request == 0 || answered == self.request || self.silent_since == Some(answered) {
                return true;
            }
            if Instant::now() >= patience {
                self.silent_since = Some(answered);
                return true;
            }
            if stop.load(Ordering::Acquire) {
                return false;
            }
            thread::park_timeout(Duration::from_micros(100));
        }
    }

    /// Waits until the latest request is over, as far as that is known without hearing of it. Returns false if the pump
    /// is to stop.
    fn keep_apart(&mut self, stop: &AtomicBool) -> bool {
        let wait = self.next.map_or(Duration::ZERO, |next| next.saturating_duration_since(Instant::now()));
        if !wait.is_zero() {
            thread::sleep(wait);
        }
        !stop.load(Ordering::Acquire)
    }
}

fn encode_request(spec: &CaptureSpec, playing: &Playing, chunk: u64, out: &mut Vec<u8>) {
    let source = &playing.source;
    let samples = chunk_samples(source);
    let start = (chunk as usize * samples) % source.pcm.len();
    let pcm = &source.pcm[start..start + samples];

    let mut buffer = Vec::with_capacity(32);
    // The engine copies the samples before the request returns.
    uint64::encode(spec.data_ptr, &(pcm.as_ptr() as u64), &mut buffer);
    uint32::encode(spec.num_channels, &source.channels, &mut buffer);
    uint32::encode(spec.sample_rate, &source.sample_rate, &mut buffer);
    uint32::encode(spec.samples_per_channel, &(samples as u32 / source.channels), &mut buffer);

    let mut capture = Vec::with_capacity(64);
    uint64::encode(spec.source_handle, &source.handle, &mut capture);
    encode_message(spec.buffer, &buffer, &mut capture);
    let async_id = source.answers_to.unwrap_or_else(|| async_id_of(playing.number, chunk));
    uint64::encode(spec.request_async_id, &async_id, &mut capture);

    encode_message(spec.request, &capture, out);
}

fn encode_message(field: u32, message: &[u8], out: &mut Vec<u8>) {
    encode_key(field, WireType::LengthDelimited, out);
    encode_varint(message.len() as u64, out);
    out.extend_from_slice(message);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_async_id_says_whose_it_is_up_to_the_last_source_and_request() {
        const LAST_SOURCE: u64 = (1 << 30) - 1;
        for source in [0, 1, 77, LAST_SOURCE] {
            for count in [0, 1, u64::from(u32::MAX), 1 << 32, u64::MAX] {
                let id = async_id_of(source, count);
                assert_eq!(source_of(id), source);
                assert!((ASYNC_ID_BASE..ASYNC_ID_BASE << 1).contains(&id), "{id:x}");
            }
        }
        assert_eq!(async_id_of(LAST_SOURCE, u32::MAX.into()), (1 << 63) - 1);
        assert_ne!(async_id_of(1, 2), async_id_of(2, 1));
    }

    #[test]
    fn sources_are_numbered_within_the_range_however_many_there_were() {
        let spec = CaptureSpec {
            request: 1,
            source_handle: 1,
            buffer: 2,
            request_async_id: 3,
            data_ptr: 1,
            num_channels: 2,
            sample_rate: 3,
            samples_per_channel: 4,
            answer: 0,
            error: 2,
        };
        let answers = CaptureAnswers::new(spec);
        answers.next_source.store((1 << 30) - 1, Ordering::Relaxed);
        assert_eq!(answers.register(Arc::default()), (1 << 30) - 1);
        let counts = Arc::<Counts>::default();
        assert_eq!(answers.register(counts.clone()), 0);

        // Field 1, the async id, and no error.
        assert_eq!(answers.answered(0, async_id_of(0, 5), &[8, 1]), AnsweredCapture::Ours);
        assert_eq!((counts.captured.get(), counts.failed.get()), (1, 0));
        answers.forget(0);
        assert_eq!(answers.answered(0, async_id_of(0, 6), &[8, 1]), AnsweredCapture::Ours);
        assert_eq!(answers.answered(1, async_id_of(0, 7), &[8, 1]), AnsweredCapture::Other);
        assert_eq!(counts.captured.get(), 1);
    }
}
