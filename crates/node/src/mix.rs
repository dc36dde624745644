//! The sum of an `AudioMixer`.

use crate::error::{Code, Result, error};
use napi::bindgen_prelude::{Int16ArraySlice, Int32ArraySlice};
use napi_derive::napi;
use narrowcast_audio::{add_to_mix, take_mix};

/// Adds `count` samples of `pcm`, from its `from`th on, to the sum from its `at`th on.
#[napi(catch_unwind)]
pub fn mix_add(mut sum: Int32ArraySlice, at: u32, pcm: Int16ArraySlice, from: u32, count: u32) -> Result<()> {
    let (at, from, count) = (at as usize, from as usize, count as usize);
    // SAFETY: only this thread's JavaScript has the array, and it waits for this call to return.
    let sum = unsafe { sum.as_mut() }.get_mut(at..at.saturating_add(count));
    let (Some(sum), Some(pcm)) = (sum, pcm.get(from..from.saturating_add(count))) else {
        return Err(error(Code::InvalidArgument, "the samples are outside of their array"));
    };
    add_to_mix(sum, pcm);
    Ok(())
}

/// Writes the sum to `mixed`, limited to 16 bits, and sets it to 0. Returns how many samples were limited.
#[napi(catch_unwind)]
pub fn mix_take(mut sum: Int32ArraySlice, mut mixed: Int16ArraySlice) -> u32 {
    // SAFETY: as in `mix_add`. The mixer made both arrays, each with memory of its own.
    unsafe { take_mix(sum.as_mut(), mixed.as_mut()) as u32 }
}
