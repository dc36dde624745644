//! Memory of JavaScript's that native code copies events into: handed over once, for a typed array as an argument costs
//! several times what a call does.

use crate::error::{Code, Result, error, from_napi};
use napi::Env;
use napi::bindgen_prelude::{BigUint64Array, Uint8Array};
use napi_derive::napi;
use std::cell::RefCell;

/// Where a reader's events go.
struct Scratch {
    bytes: Uint8Array,
    meta: BigUint64Array,
}

thread_local! {
    /// One for each copy of narrowcast's JavaScript in the thread.
    static SCRATCHES: RefCell<Vec<Scratch>> = const { RefCell::new(Vec::new()) };
}

/// Takes arrays that events are copied into from now on, and returns the number to name them by. The thread that hands them over
/// keeps them to itself, and never detaches or transfers them.
#[napi(catch_unwind)]
pub fn open_scratch(env: Env, bytes: Uint8Array, meta: BigUint64Array) -> Result<u32> {
    SCRATCHES.with_borrow_mut(|scratches| {
        if scratches.is_empty() {
            // The references that they are must go while their environment is there.
            env.add_env_cleanup_hook((), |()| drop(SCRATCHES.take())).map_err(from_napi)?;
        }
        scratches.push(Scratch { bytes, meta });
        Ok(scratches.len() as u32 - 1)
    })
}

/// Replaces the bytes of a scratch by others.
#[napi(catch_unwind)]
pub fn replace_scratch(scratch: u32, bytes: Uint8Array) -> Result<()> {
    SCRATCHES.with_borrow_mut(|scratches| {
        let place = scratches.get_mut(scratch as usize);
        place.ok_or_else(|| error(Code::InvalidArgument, "there is no such scratch"))?.bytes = bytes;
        Ok(())
    })
}

/// Calls `write` with a scratch's bytes and numbers; both empty if there is no such scratch.
pub fn with_scratch<T>(scratch: u32, write: impl FnOnce(&mut [u8], &mut [u64]) -> T) -> T {
    SCRATCHES.with_borrow_mut(|scratches| match scratches.get_mut(scratch as usize) {
        // SAFETY: this thread's JavaScript waits for the call that this is part of, so no other code reads or writes the
        // arrays; and their memory is there: a reference keeps each alive, and src/subscription.ts, which has them to
        // itself, never detaches them.
        Some(Scratch { bytes, meta }) => write(unsafe { bytes.as_mut() }, unsafe { meta.as_mut() }),
        None => write(&mut [], &mut []),
    })
}
