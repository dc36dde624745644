//! What became of the audio that a native thread plays into a source.

use napi_derive::napi;
use narrowcast_livekit::{CaptureStats, Playback};

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
