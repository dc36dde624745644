//! `NativeTrackTap`: what a recorder reads of a track.

use napi::bindgen_prelude::Int16ArraySlice;
use napi_derive::napi;
use narrowcast_audio::{PcmTrack, Tap};
use std::cell::Cell;
use std::sync::Arc;

/// What was heard of a track. Nothing rings for it: its reader looks now and then.
#[napi]
pub struct NativeTrackTap {
    tap: Arc<Tap>,
    track: Arc<PcmTrack>,
    position: Cell<u64>,
}

impl NativeTrackTap {
    /// What `tap` gets of `track`.
    pub fn new(tap: Arc<Tap>, track: Arc<PcmTrack>) -> Self {
        Self { tap, track, position: Cell::new(0) }
    }
}

#[napi]
impl NativeTrackTap {
    /// Reads samples that were heard one right after the other; returns how many samples of all channels, 0 if none is there.
    #[napi(catch_unwind)]
    pub fn read(&self, mut target: Int16ArraySlice) -> u32 {
        // SAFETY: only this thread's JavaScript has the array, and it waits for this call to return.
        let tapped = self.tap.read(unsafe { target.as_mut() });
        self.position.set(tapped.position);
        tapped.samples as u32
    }

    /// When the first of the samples was heard that were read last: samples of all channels since the tap was opened.
    #[napi(getter, catch_unwind)]
    pub fn position(&self) -> f64 {
        self.position.get() as f64
    }

    /// Samples of all channels that wait to be read.
    #[napi(getter, catch_unwind)]
    pub fn buffered(&self) -> f64 {
        self.tap.buffered() as f64
    }

    /// Samples of all channels that were lost because they were not read in time.
    #[napi(getter, catch_unwind)]
    pub fn dropped(&self) -> f64 {
        self.tap.dropped() as f64
    }

    /// Whether no more comes. What waits can be read.
    #[napi(getter, catch_unwind)]
    pub fn ended(&self) -> bool {
        self.tap.has_ended()
    }

    /// Gets nothing any more.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        if !self.tap.has_ended() {
            self.track.untap();
        }
    }
}

impl Drop for NativeTrackTap {
    fn drop(&mut self) {
        self.close();
    }
}
