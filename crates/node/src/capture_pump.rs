//! `NativeCapturePump`: PCM into the engine from a native thread.

use crate::bigint::handle;
use crate::error::{Code, Result, error};
use crate::handles::{Handle, Release};
use crate::js_thread::enter;
use crate::livekit::engine;
use napi::Env;
use napi::bindgen_prelude::{BigInt, Int16Array};
use napi_derive::napi;
use narrowcast_livekit::{CapturePump, CaptureStats, Pcm, Playback, Source};
use std::cell::RefCell;

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

/// What became of one source's requests, of 10 ms each; a source without silence may be given more in one where its queue is dry.
#[napi(object)]
pub struct NativeCaptureStats {
    /// Handed to the engine.
    pub sent: f64,
    /// Taken by the engine.
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
        let engine = engine()?;
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

/// The system let no thread be started.
pub fn no_thread(reason: std::io::Error) -> napi::Error<Code> {
    error(
        Code::OutOfThreads,
        format!(
            "the thread that plays audio could not be started: {reason}. End what uses so many threads or so much memory, or \
             raise the limit (`ulimit -u`, `pids.max`), then try again"
        ),
    )
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
        pcm: Pcm::Looped { pcm: pcm.into(), chunks: source.chunks as u64 },
        answers_to: source.answers_to.as_ref().map(handle).transpose()?,
    })
}
