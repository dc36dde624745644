//! `NativeCapturePump`: PCM into the engine from a native thread.

use crate::bigint::handle;
use crate::error::{Code, Result, error};
use crate::js_thread::{Release, belongs_here, enter, left, new_token};
use crate::livekit::engine;
use napi::Env;
use napi::bindgen_prelude::{BigInt, Int16Array};
use napi_derive::napi;
use narrowcast_livekit::{CapturePump, CaptureStats, Pcm, Source};
use std::sync::{Arc, Mutex, PoisonError};

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

/// What became of one source's chunks of 10 ms.
#[napi(object)]
pub struct NativeCaptureStats {
    /// Handed to the engine.
    pub sent: f64,
    /// Taken by the engine.
    pub captured: f64,
    /// Refused by the engine.
    pub failed: f64,
}

impl From<CaptureStats> for NativeCaptureStats {
    fn from(stats: CaptureStats) -> Self {
        Self { sent: stats.sent as f64, captured: stats.captured as f64, failed: stats.failed as f64 }
    }
}

/// Plays sources in real time, whatever JavaScript does meanwhile.
#[napi]
pub struct NativeCapturePump {
    token: u32,
    inner: Arc<Inner>,
}

struct Inner(Mutex<CapturePump>);

impl Release for Inner {
    fn release(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).stop();
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
        let token = new_token()?;
        let inner = Arc::new(Inner(Mutex::new(CapturePump::start(engine, sources))));
        let release: Arc<dyn Release> = inner.clone();
        belongs_here(token, Arc::downgrade(&release));
        Ok(Self { token, inner })
    }

    /// What became of each source's chunks.
    #[napi(catch_unwind)]
    pub fn stats(&self) -> Vec<NativeCaptureStats> {
        let pump = self.inner.0.lock().unwrap_or_else(PoisonError::into_inner);
        pump.stats().into_iter().map(NativeCaptureStats::from).collect()
    }

    /// Stops: when this returns, no more is played.
    #[napi(catch_unwind)]
    pub fn stop(&self) {
        self.inner.release();
        left(self.token);
    }
}

impl Drop for NativeCapturePump {
    fn drop(&mut self) {
        self.stop();
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
        pcm: Pcm::Looped { pcm: pcm.into(), chunks: source.chunks as u64 },
        answers_to: source.answers_to.as_ref().map(handle).transpose()?,
    })
}
