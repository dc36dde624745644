//! Handles, as JavaScript passes them.

use crate::error::{Code, Result, error};
use napi::bindgen_prelude::BigInt;

/// A 64-bit handle from a BigInt. TypeScript has checked it and can name the argument; this is the last line.
pub fn handle(value: &BigInt) -> Result<u64> {
    let (negative, handle, lossless) = value.get_u64();
    if negative || !lossless {
        return Err(error(Code::InvalidArgument, "a handle is a BigInt from 0 to 2^64 - 1"));
    }
    Ok(handle)
}
