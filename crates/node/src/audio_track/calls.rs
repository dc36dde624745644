//! What JavaScript asks of a track by its token. As functions: a method costs several times as much.

use super::track::track;
use crate::error::{Code, Result, error, refused};
use napi::bindgen_prelude::{Float32ArraySlice, Int16ArraySlice};
use napi_derive::napi;
use narrowcast_audio::{Format, Interruption, PlayoutClock};
use narrowcast_core::sync::lock;
use narrowcast_livekit::Playback;
use std::time::Duration;

/// Appends samples of any rate, converted to the track's. `last`: they are the end of an utterance.
#[napi(catch_unwind)]
pub fn track_write(token: u32, pcm: Int16ArraySlice, sample_rate: u32, channels: u32, last: bool) -> Result<()> {
    track(token)?.write(&pcm, sample_rate, channels, last)
}

/// Appends samples of the track's rate and channels, and returns how many wait to be heard, as `queued` does.
#[napi(catch_unwind)]
pub fn track_capture(token: u32, pcm: Int16ArraySlice) -> Result<f64> {
    let track = track(token)?;
    let Format { sample_rate, channels, .. } = track.pcm.format();
    track.write(&pcm[..], sample_rate, channels, false)?;
    Ok(track.queued() as f64)
}

/// As `trackWrite`, for floating point with full scale at ±1.
#[napi(catch_unwind)]
pub fn track_write_float(
    token: u32,
    pcm: Float32ArraySlice,
    sample_rate: u32,
    channels: u32,
    last: bool,
) -> Result<()> {
    track(token)?.write(&pcm, sample_rate, channels, last)
}

/// Fills `frame`, as long as the track's frames are, if the next one is due at `now`, in ms on any clock that never goes
/// back; then returns 0. If not, returns how long it is until then, in ms.
#[napi(catch_unwind)]
pub fn track_recv(token: u32, mut frame: Int16ArraySlice, now: f64) -> Result<f64> {
    let track = track(token)?;
    // SAFETY: only this thread's JavaScript has the array, and it waits for this call to return.
    let frame = unsafe { frame.as_mut() };
    if frame.len() != track.pcm.format().frame_samples {
        return Err(error(Code::InvalidArgument, "the array is not as long as a frame"));
    }
    // `as` saturates, and makes 0 of what is no number.
    Ok(track.recv(frame, Duration::from_nanos((now * 1e6) as u64)))
}

/// How long it is until the next frame is due, in ms: 0 if it is.
#[napi(catch_unwind)]
pub fn track_due_in(token: u32, now: f64) -> Result<f64> {
    let due = track(token)?.clock.borrow().as_ref().map_or(Duration::ZERO, PlayoutClock::due);
    Ok(due.saturating_sub(Duration::from_nanos((now * 1e6) as u64)).as_secs_f64() * 1000.0)
}

/// From now on the doorbell rings once what comes before `position` was played, and when the track has ended or its source
/// was refused; but not if it was played already: then returns false.
#[napi(catch_unwind)]
pub fn track_wait_for(token: u32, position: f64) -> bool {
    track(token).is_ok_and(|track| track.pcm.wait_for(position as u64))
}

/// Samples of all channels that wait to be heard: in the ring, in the resampler, and in the queue of the source that the
/// track is piped to.
#[napi(catch_unwind)]
pub fn track_queued(token: u32) -> f64 {
    track(token).map_or(0.0, |track| track.queued() as f64)
}

/// Where what was written so far ends, with what waits in the resampler.
#[napi(catch_unwind)]
pub fn track_written(token: u32) -> f64 {
    track(token).map_or(0.0, |track| lock(&track.writer).written() as f64)
}

/// Whether everything before `position` was heard, dropped or taken back.
#[napi(catch_unwind)]
pub fn track_has_played(token: u32, position: f64) -> bool {
    track(token).map_or(true, |track| track.pcm.has_played(position as u64))
}

/// How long the gaps are all together that the native thread has made by coming late, in ms.
#[napi(catch_unwind)]
pub fn track_late(token: u32) -> f64 {
    track(token).map_or(0.0, |track| track.pcm.late().as_secs_f64() * 1000.0)
}

/// Whether the engine has refused what was played, and so no more is.
#[napi(catch_unwind)]
pub fn track_was_refused(token: u32) -> bool {
    track(token).is_ok_and(|track| track.playback.borrow().as_ref().is_some_and(Playback::was_refused))
}

/// What an interruption cut off, in samples of all channels.
#[napi(object)]
pub struct NativeInterruption {
    /// Heard of the utterance that was interrupted.
    pub heard: f64,
    /// Written, and never heard.
    pub discarded: f64,
}

/// Takes back what was not heard yet, also from the queue of the source that the track is piped to.
#[napi(catch_unwind)]
pub fn track_interrupt(token: u32) -> Result<NativeInterruption> {
    let Interruption { heard, discarded } = track(token)?.interrupt()?;
    Ok(NativeInterruption { heard: heard as f64, discarded: discarded as f64 })
}

/// Whether the track is played as silence, and what waits is kept.
#[napi(catch_unwind)]
pub fn track_pause(token: u32, paused: bool) -> Result<()> {
    let track = track(token)?;
    track.pcm.pause(paused);
    track.sink_changed();
    Ok(())
}

/// How long less than a frame waits for its rest, in ms.
#[napi(catch_unwind)]
pub fn track_rest_timeout(token: u32, ms: u32) -> Result<()> {
    track(token)?.pcm.set_rest_timeout(Duration::from_millis(ms.into()));
    Ok(())
}

/// An utterance begins, and the one before ends; returns its number.
#[napi(catch_unwind)]
pub fn track_begin(token: u32) -> Result<f64> {
    let number = lock(&track(token)?.writer).begin_utterance().map_err(refused)?;
    Ok(number as f64)
}

/// No more is asked about an utterance.
#[napi(catch_unwind)]
pub fn track_forget(token: u32, utterance: f64) {
    if let Ok(track) = track(token) {
        track.pcm.forget(utterance as u64);
    }
}

/// Samples of all channels that were heard of an utterance.
#[napi(catch_unwind)]
pub fn track_heard(token: u32, utterance: f64) -> f64 {
    track(token).map_or(0.0, |track| track.pcm.heard(Some(utterance as u64)) as f64)
}

/// Test builds: how many chunks were handed to the engine how late, in classes of 50 µs.
#[cfg(feature = "load")]
#[napi(catch_unwind)]
pub fn track_lateness(token: u32) -> Vec<f64> {
    let Ok(track) = track(token) else { return Vec::new() };
    let playback = track.playback.borrow();
    playback.as_ref().map(|playback| playback.lateness().counts().map(|n| n as f64).collect()).unwrap_or_default()
}
