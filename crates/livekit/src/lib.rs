//! LiveKit's native engine as a source of filtered events and PCM.
//!
//! ```text
//! engine thread: callback(bytes) ─► wire: which case, which subject?
//!    ├ a frame of one of our streams ─► streams: audio into its ring, video into its reader's queue
//!    │                                   └ stream not registered yet ─► early events
//!    ├ an answer: request_ids says who asked
//!    │  ├ a native pump ─► capture: counted, forgotten
//!    │  ├ narrowcast's classes ─► Engine::own_answers, to the thread that asked
//!    │  └ rtc-node's client ─► Engine::broadcast, to the thread that asked
//!    └ anything else ─► Engine::broadcast, to every subscription that wants it; claims says in which threads
//! ```

mod abi;
#[cfg(not(loom))]
mod capture;
#[cfg(not(loom))]
mod claims;
#[cfg(not(loom))]
mod engine;
#[cfg(all(feature = "ledger", not(loom)))]
pub mod ledger;
#[cfg(not(loom))]
mod library;
#[cfg(not(loom))]
// Without the load generator, a source can play nothing but a track.
#[cfg_attr(not(feature = "load"), allow(irrefutable_let_patterns))]
mod playout;
#[cfg(not(loom))]
mod request_ids;
mod streams;
#[cfg_attr(loom, allow(dead_code))]
pub mod wire;

pub use abi::Abi;
#[cfg(not(loom))]
pub use capture::{Capture, CaptureAnswers, CaptureSpec, CaptureStats};
#[cfg(not(loom))]
pub use claims::Claims;
#[cfg(not(loom))]
pub use engine::{Engine, EngineStats, Events, Expecting};
#[cfg(not(loom))]
pub use library::LoadError;
#[cfg(all(feature = "load", not(loom)))]
pub use playout::Lateness;
#[cfg(not(loom))]
pub use playout::{CapturePump, Lead, Pcm, Playback, Source};
#[cfg(not(loom))]
pub use request_ids::{RequestIds, ThreadIds};
pub use streams::{AudioSink, EarlyEvents, Sink, StreamStats, Streams, Taken};
#[cfg(not(loom))]
pub use streams::{VideoFrame, VideoSink, VideoSpec};
