//! Test builds: a load generator. It plays PCM into the engine from a native thread, beside the addon that is tested or measured.

use crate::bigint::handle;
use crate::error::{Code, Result, error, no_thread};
use crate::handles::{Handle, Release};
use crate::js_thread::enter;
use crate::livekit::schema::{NativeSchema, read_schema};
use napi::Env;
use napi::bindgen_prelude::{BigInt, Int16Array};
use napi_derive::napi;
use narrowcast_livekit::{CaptureAnswers, CapturePump, CaptureStats, Engine, Pcm, Playback, Source};
use std::cell::RefCell;
use std::path::Path;
use std::sync::OnceLock;

/// The engine that it plays into, once for the process.
static ENGINE: OnceLock<Engine> = OnceLock::new();

/// Attaches to the engine in the file at `path`, which the application's bindings have loaded, without hearing it. Twice: nothing.
#[napi(catch_unwind)]
pub fn load_attach(path: String, schema: NativeSchema) -> Result<()> {
    let (schema, captures, video) = read_schema(schema)?;
    if ENGINE.get().is_none() {
        let engine = Engine::beside(Path::new(&path), schema, CaptureAnswers::new(captures), video);
        let engine = engine.map_err(|load| error(Code::EngineNotFound, load.to_string()))?;
        // Where another thread was first, this one is dropped.
        let _ = ENGINE.set(engine);
    }
    Ok(())
}

/// What one source plays.
#[napi(object)]
pub struct NativeSource {
    /// Handle of an audio source whose queue size is 0.
    pub handle: BigInt,
    /// Hz, a multiple of 100.
    pub sample_rate: u32,
    /// Channels, interleaved.
    pub channels: u32,
    /// Played over and over: whole chunks of 10 ms.
    pub pcm: Int16Array,
    /// Chunks of 10 ms to play.
    pub chunks: f64,
    /// The async id of all its requests, for JavaScript to hear the answers; absent: they are counted natively.
    pub answers_to: Option<BigInt>,
}

/// What became of one source's chunks.
#[napi(object)]
pub struct NativeCaptureStats {
    /// Handed to the engine.
    pub sent: f64,
    /// Taken by the engine; with `answers_to`, those that it did not refuse at once.
    pub captured: f64,
    /// Refused by the engine.
    pub failed: f64,
    /// Handed to the engine though it had not answered for the one before in time: it may have taken either first.
    pub overdue: f64,
}

impl From<&Playback> for NativeCaptureStats {
    fn from(playback: &Playback) -> Self {
        let CaptureStats { sent, captured, failed } = playback.stats();
        let overdue = playback.overdue();
        Self { sent: sent as f64, captured: captured as f64, failed: failed as f64, overdue: overdue as f64 }
    }
}

/// Plays sources in real time, whatever JavaScript does meanwhile.
#[napi]
pub struct NativeCapturePump {
    pump: Handle<Pump>,
}

struct Pump(RefCell<CapturePump>);

impl Release for Pump {
    fn release(&self) {
        self.0.borrow_mut().stop();
    }
}

#[napi]
impl NativeCapturePump {
    /// Starts to play.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env, sources: Vec<NativeSource>) -> Result<Self> {
        enter(env)?;
        let missing = "the load generator is not attached: call loadAttach() first";
        let engine = ENGINE.get().ok_or_else(|| error(Code::EngineNotInstalled, missing))?;
        let sources = sources.into_iter().map(read_source).collect::<Result<_>>()?;
        let pump = Pump(RefCell::new(CapturePump::start(engine, sources).map_err(no_thread)?));
        Ok(Self { pump: Handle::new(pump)? })
    }

    /// What became of each source's chunks.
    #[napi(catch_unwind)]
    pub fn stats(&self) -> Vec<NativeCaptureStats> {
        self.pump.0.borrow().playbacks().iter().map(NativeCaptureStats::from).collect()
    }

    /// Stops: when this returns, no more is played.
    #[napi(catch_unwind)]
    pub fn stop(&self) {
        self.pump.release();
    }
}

fn read_source(source: NativeSource) -> Result<Source> {
    let chunk = source.sample_rate as usize / 100 * source.channels as usize;
    let pcm: &[i16] = &source.pcm;
    if chunk == 0 || !source.sample_rate.is_multiple_of(100) || pcm.is_empty() || !pcm.len().is_multiple_of(chunk) {
        return Err(error(
            Code::InvalidArgument,
            format!(
                "a source plays whole chunks of 10 ms: {} samples are none at {} Hz and {} channels",
                pcm.len(),
                source.sample_rate,
                source.channels
            ),
        ));
    }
    Ok(Source {
        handle: handle(&source.handle)?,
        sample_rate: source.sample_rate,
        channels: source.channels,
        pcm: Pcm::Looped {
            pcm: pcm.into(),
            chunks: source.chunks as u64,
            answers_to: source.answers_to.as_ref().map(handle).transpose()?,
        },
    })
}
