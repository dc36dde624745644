//! Frames of an `AudioSource`, to the engine.

use crate::bigint::handle;
use crate::error::{Code, Result, error};
use crate::livekit::engine;
use napi::bindgen_prelude::{BigInt, Int16ArraySlice};
use napi_derive::napi;
use narrowcast_livekit::Capture;

/// Asks the engine to play all of `pcm`, interleaved, into a source. It has copied the samples when this returns; its answer
/// comes under `async_id`. False if it refused, without a word: asked by its own bindings, it says why.
#[napi(catch_unwind)]
pub fn capture_audio(
    source: BigInt,
    pcm: Int16ArraySlice,
    sample_rate: u32,
    channels: u32,
    async_id: BigInt,
) -> Result<bool> {
    if channels == 0 {
        return Err(error(Code::InvalidArgument, "a frame has at least one channel"));
    }
    let capture =
        Capture { source_handle: handle(&source)?, async_id: handle(&async_id)?, pcm: &pcm, sample_rate, channels };
    Ok(engine()?.capture(&capture))
}
