//! `NativeAudioStream`: a bounded stream of PCM, fed by JavaScript or by the engine.
//!
//! What is called for each frame is a function that takes a token, as in [`subscription`](crate::subscription).

use crate::bigint::handle;
use crate::error::{Code, Result, error, from_napi};
use crate::js_thread::{Release, belongs_here, left, new_waiter};
use napi::Env;
use napi::bindgen_prelude::{BigInt, Function, Int16ArraySlice, ObjectFinalize};
use napi_derive::napi;
use narrowcast_audio::{Chunk, Format, Latency, PcmStream, Quality, ResamplerSettings};
use narrowcast_livekit::{Engine, Feed};
use rustc_hash::FxHashMap;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a stream counted; see `AudioStream.stats()`.
#[napi(object)]
pub struct NativeAudioStats {
    /// Frames written.
    pub frames_in: f64,
    /// Frames read.
    pub frames_out: f64,
    /// Frames lost because the ring was full.
    pub frames_dropped: f64,
    /// Samples of all channels that wait.
    pub buffered_samples: f64,
    /// Wakes of the JavaScript thread.
    pub wakes: f64,
}

/// Behind both `AudioStream`s.
#[napi(custom_finalize)]
pub struct NativeAudioStream {
    token: u32,
    inner: Arc<Inner>,
    reader: Rc<Reader>,
    /// What the garbage collector was told of the ring's memory, in bytes.
    accounted: i64,
}

struct Inner {
    stream: Arc<PcmStream>,
    /// The engine's stream that feeds this one, or 0.
    handle: AtomicU64,
}

impl Inner {
    /// Closes the engine's stream, once.
    fn detach(&self) {
        let handle = self.handle.swap(0, Ordering::AcqRel);
        if let (true, Some(engine)) = (handle != 0, Engine::get()) {
            engine.close_stream(handle);
        }
    }
}

impl Release for Inner {
    fn release(&self) {
        self.detach();
        self.stream.end();
    }
}

/// Returned by the reading functions: the stream has ended, and all was read.
const ENDED: i32 = i32::MIN;

thread_local! {
    /// This thread's streams by their tokens.
    static READERS: RefCell<FxHashMap<u32, Rc<Reader>>> = RefCell::default();
}

/// The consumer's side of a stream.
struct Reader {
    stream: Arc<PcmStream>,
    /// Frames dropped before the last read.
    gap: Cell<u64>,
}

impl Reader {
    /// What a call returns that read `chunk`, and, if that is nothing, has looked for the end afterwards.
    fn read(&self, read: impl FnOnce() -> Chunk) -> i32 {
        // Looked at first: what came before the end is then read.
        let ended = self.stream.has_ended();
        let chunk = read();
        if chunk.samples == 0 {
            return if ended && self.stream.buffered() == 0 { ENDED } else { 0 };
        }
        self.gap.set(chunk.dropped_frames);
        let samples = i32::try_from(chunk.samples).unwrap_or(i32::MAX);
        if chunk.dropped_frames > 0 { -samples } else { samples }
    }
}

/// Reads the next frame into `target`, which has room for one. Returns its samples; negative: as many samples, and frames
/// were dropped before them, see `gap`. 0: no frame is there; with `wait`, the next one rings the doorbell from now on.
/// -2^31: the stream has ended, and all was read.
#[napi(catch_unwind)]
pub fn audio_read_frame(token: u32, mut target: Int16ArraySlice, wait: bool) -> i32 {
    // SAFETY: only this thread's JavaScript has the array, and it waits for this call to return.
    let target = unsafe { target.as_mut() };
    let Some(reader) = reader(token) else { return ENDED };
    if target.len() < reader.stream.format().frame_samples {
        return 0;
    }
    loop {
        let result = reader.read(|| reader.stream.read_frame(target));
        if result != 0 || !wait || reader.stream.wait() {
            return result;
        }
    }
}

/// Reads as many samples as there are and `target` has room for; returns as `audioReadFrame` does.
#[napi(catch_unwind)]
pub fn audio_read_into(token: u32, mut target: Int16ArraySlice) -> i32 {
    // SAFETY: as in `audio_read_frame`.
    let target = unsafe { target.as_mut() };
    reader(token).map_or(ENDED, |reader| reader.read(|| reader.stream.read(target)))
}

/// Whether there is a frame to read, or the end to see. If not, that rings the doorbell from now on.
#[napi(catch_unwind)]
pub fn audio_readable(token: u32) -> bool {
    reader(token).is_none_or(|reader| !reader.stream.wait())
}

fn reader(token: u32) -> Option<Rc<Reader>> {
    READERS.with_borrow(|readers| readers.get(&token).cloned())
}

#[napi]
impl NativeAudioStream {
    /// A stream with a ring of at least `capacity` samples of all channels, read in frames of `frame_samples`;
    /// `doorbell` rings while it is waited for.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        env: Env,
        sample_rate: u32,
        channels: u32,
        frame_samples: u32,
        capacity: f64,
        doorbell: u32,
    ) -> Result<Self> {
        if sample_rate == 0 || channels == 0 || frame_samples == 0 {
            return Err(error(Code::InvalidArgument, "a stream has a rate, channels and samples in a frame"));
        }
        let waiter = new_waiter(doorbell)?;
        let token = waiter.token();
        let format = Format { sample_rate, channels, frame_samples: frame_samples as usize };
        let stream = Arc::new(PcmStream::new(format, capacity as usize, waiter));
        let inner = Arc::new(Inner { stream: stream.clone(), handle: AtomicU64::new(0) });
        let release: Arc<dyn Release> = inner.clone();
        belongs_here(token, Arc::downgrade(&release));
        // Otherwise a forgotten stream looks like a few bytes to the collector, and stays.
        let accounted = (capacity as i64).saturating_mul(2);
        env.adjust_external_memory(accounted).map_err(from_napi)?;
        let reader = Rc::new(Reader { stream, gap: Cell::new(0) });
        READERS.with_borrow_mut(|readers| readers.insert(token, reader.clone()));
        Ok(Self { token, inner, reader, accounted })
    }

    /// What the doorbell calls this stream.
    #[napi(getter, catch_unwind)]
    pub fn token(&self) -> u32 {
        self.token
    }

    /// Feeds the stream from the engine. `request` asks the engine for a stream and returns its handle, which this
    /// stream owns from then on, or 0 if there is none; frames that come before `request` has returned are not lost.
    /// `engine_rate` is the rate that it asks for, in Hz: another one than this stream's is converted natively.
    #[napi(catch_unwind)]
    pub fn open_engine_stream(&self, engine_rate: u32, request: Function<(), BigInt>) -> Result<()> {
        let engine = crate::livekit::listening_engine()?;
        let feed = self.feed(engine_rate)?;
        let _expecting = engine.expect_stream();
        let handle = handle(&request.call(()).map_err(from_napi)?)?;
        if handle == 0 {
            return Ok(());
        }
        self.inner.handle.store(handle, Ordering::Release);
        engine.open_stream(handle, feed);
        Ok(())
    }

    /// Appends interleaved samples.
    #[napi(catch_unwind)]
    pub fn write(&self, pcm: Int16ArraySlice) {
        self.inner.stream.write(&pcm);
    }

    /// Frames that were dropped before what was read last.
    #[napi(getter, catch_unwind)]
    pub fn gap(&self) -> f64 {
        self.reader.gap.get() as f64
    }

    /// Whether no more samples will come. Some may be buffered.
    #[napi(getter, catch_unwind)]
    pub fn ended(&self) -> bool {
        self.inner.stream.has_ended()
    }

    /// Samples of all channels that wait.
    #[napi(getter, catch_unwind)]
    pub fn buffered(&self) -> f64 {
        self.inner.stream.buffered() as f64
    }

    /// What the stream counted so far.
    #[napi(catch_unwind)]
    pub fn stats(&self) -> NativeAudioStats {
        let stats = self.inner.stream.stats();
        NativeAudioStats {
            frames_in: stats.frames_in as f64,
            frames_out: stats.frames_out as f64,
            frames_dropped: stats.frames_dropped as f64,
            buffered_samples: stats.buffered_samples as f64,
            wakes: stats.wakes as f64,
        }
    }

    /// Closes the engine's stream, if there is one, and ends this one. What is buffered stays readable.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.inner.release();
        left(self.token);
    }
}

impl NativeAudioStream {
    /// From frames of `engine_rate` into this stream.
    fn feed(&self, engine_rate: u32) -> Result<Feed> {
        let stream = self.inner.stream.clone();
        let Format { sample_rate, channels, .. } = stream.format();
        if engine_rate == sample_rate {
            return Ok(stream.into());
        }
        let settings = ResamplerSettings {
            input_rate: engine_rate,
            output_rate: sample_rate,
            channels: channels as usize,
            quality: Quality::Medium,
            // Frames of 10 ms stay frames of 10 ms: each one that comes lets one be read.
            latency: Latency::Low,
            dither: false,
        };
        Feed::converted(stream, settings).map_err(|refused| error(Code::InvalidArgument, refused.to_string()))
    }
}

impl ObjectFinalize for NativeAudioStream {
    fn finalize(self, env: Env) -> napi::Result<()> {
        // Gone already where the thread itself ends.
        let _ = READERS.try_with(|readers| readers.borrow_mut().remove(&self.token));
        self.close();
        env.adjust_external_memory(-self.accounted)?;
        Ok(())
    }
}
