//! The N-API surface of narrowcast, and nothing else: one file per JavaScript class.
//!
//! What TypeScript wraps is called `Native…`, and is no public API: arguments are checked there, where errors can name
//! them. Every function catches panics: one that crossed into Node would abort the process.

// Node loads the addon; nothing links to it.
#![allow(clippy::new_without_default)]

mod address;
mod audio_stream;
mod audio_track;
mod bigint;
mod capture;
mod error;
mod ffi_queue;
mod g711;
mod handles;
mod js_thread;
mod livekit;
#[cfg(feature = "load")]
mod load;
mod mix;
mod native_interface;
mod raw_fn;
mod resampler;
mod ring_buffer;
mod scratch;
mod speech;
mod subscription;
mod video_stream;
mod wake;

use napi_derive::napi;

/// Version of this addon, equal to the version of the npm package it belongs to.
#[napi(catch_unwind)]
pub fn addon_version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
