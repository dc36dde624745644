//! Where an array's samples are, for LiveKit's engine, which reads memory by its address.

use napi::bindgen_prelude::{BigInt, Int16ArraySlice};
use napi_derive::napi;

/// The address of an array's first sample. It holds while the array does.
#[napi(catch_unwind)]
pub fn address_of(samples: Int16ArraySlice) -> BigInt {
    (samples.as_ptr() as u64).into()
}
