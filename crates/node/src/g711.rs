//! G.711 for JavaScript.

use napi::bindgen_prelude::{Int16ArraySlice, Uint8ArraySlice};
use napi_derive::napi;
use narrowcast_audio::Coding;

/// How samples are written as bytes.
#[napi]
pub enum NativeCoding {
    /// 16 bits, little-endian.
    Pcm16 = 0,
    /// G.711 µ-law.
    Mulaw = 1,
    /// G.711 A-law.
    Alaw = 2,
}

impl From<NativeCoding> for Coding {
    fn from(coding: NativeCoding) -> Self {
        match coding {
            NativeCoding::Pcm16 => Self::Pcm16,
            NativeCoding::Mulaw => Self::Mulaw,
            NativeCoding::Alaw => Self::Alaw,
        }
    }
}

thread_local! {
    /// What is encoded goes to the front of the target.
    static ENCODED: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// Writes samples as bytes to `target`, which has room for them.
#[napi(catch_unwind)]
pub fn encode_pcm(coding: NativeCoding, pcm: Int16ArraySlice, mut target: Uint8ArraySlice) {
    // SAFETY: only this thread's JavaScript has the array, and it waits for this call to return.
    let target = unsafe { target.as_mut() };
    ENCODED.with_borrow_mut(|encoded| {
        encoded.clear();
        Coding::from(coding).encode(&pcm, encoded);
        let count = encoded.len().min(target.len());
        target[..count].copy_from_slice(&encoded[..count]);
    });
}

/// Reads samples from bytes into `target`, which has room for them.
#[napi(catch_unwind)]
pub fn decode_pcm(coding: NativeCoding, bytes: Uint8ArraySlice, mut target: Int16ArraySlice) {
    // SAFETY: as in `encode_pcm`.
    let target = unsafe { target.as_mut() };
    Coding::from(coding).decode(&bytes, target);
}
