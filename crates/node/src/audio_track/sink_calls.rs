//! What JavaScript asks of a track that it plays to a sink.

use super::track::{Sink, Track, track};
use crate::error::{Code, Result, error, refused};
use crate::g711::NativeCoding;
use napi::bindgen_prelude::Uint8ArraySlice;
use napi_derive::napi;
use std::time::{Duration, Instant};

/// What a sink takes; see `SinkOptions` in src/paced-sink.ts.
#[napi(object)]
pub struct NativeSinkSettings {
    /// Hz.
    pub sample_rate: u32,
    /// How samples are written.
    pub coding: NativeCoding,
    /// Whether in Base64.
    pub base64: bool,
    /// Length of a frame, in ms.
    pub frame_ms: u32,
    /// Frames that it has at least, and that are sent at once.
    pub lead: u32,
    /// Whether it gives up what it has at an interruption.
    pub clears: bool,
    /// Whether it tells what it has played.
    pub confirms: bool,
}

/// Memory for what one `trackSinkRead` writes.
#[napi(object)]
pub struct NativeSinkRoom {
    /// Bytes of a frame.
    pub frame_bytes: u32,
    /// Most frames.
    pub frames: u32,
}

fn with_sink<T>(token: u32, absent: T, look: impl FnOnce(&Track, &mut Sink) -> T) -> T {
    let Ok(track) = track(token) else { return absent };
    let mut sink = track.sink.borrow_mut();
    match &mut *sink {
        Some(sink) => look(&track, sink),
        None => absent,
    }
}

/// Writes the frames that the sink is to be sent now to `target`, and returns how many. It stops behind the frame with which
/// everything before `mark` was taken.
#[napi(catch_unwind)]
pub fn track_sink_read(token: u32, mark: f64, mut target: Uint8ArraySlice) -> Result<u32> {
    // SAFETY: only this thread's JavaScript has the array, and it waits for this call to return.
    let target = unsafe { target.as_mut() };
    with_sink(token, Ok(0), |_, Sink { paced, encoded, not_before, .. }| {
        *not_before = None;
        if target.len() < paced.frame_bytes() * paced.most_frames() {
            return Err(error(Code::InvalidArgument, "the array has no room for all frames"));
        }
        encoded.clear();
        let frames = paced.read(Instant::now(), mark as u64, encoded).map_err(refused)?;
        target[..encoded.len()].copy_from_slice(encoded);
        Ok(frames as u32)
    })
}

/// Has the doorbell ring when the sink is to be sent more.
#[napi(catch_unwind)]
pub fn track_sink_wait(token: u32) {
    with_sink(token, (), |_, sink| sink.set_alarm());
}

/// The sink takes nothing: until it is read for or interrupted, the doorbell does not ring for it within `pause_ms`.
#[napi(catch_unwind)]
pub fn track_sink_pause(token: u32, pause_ms: u32) {
    with_sink(token, (), |_, sink| {
        sink.not_before = Some(Instant::now() + Duration::from_millis(pause_ms.into()));
    });
}

/// Where what was sent to the sink ends; negative: and nothing follows at once.
#[napi(catch_unwind)]
pub fn track_sink_sent(token: u32) -> f64 {
    with_sink(token, 0.0, |track, _| {
        let sent = track.pcm.taken_to() as f64;
        if track.pcm.is_waiting() { sent } else { -sent }
    })
}

/// The sink has played what was sent before `position`.
#[napi(catch_unwind)]
pub fn track_sink_confirm(token: u32, position: f64) {
    with_sink(token, (), |_, sink| sink.paced.confirm(position as u64, Instant::now()));
}
