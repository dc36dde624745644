//! LiveKit's native engine as a source of filtered events and PCM.
//!
//! ```text
//! engine thread: callback(bytes) ─► wire: which case, which subject?
//!    ├ a frame of one of our streams ─► streams: audio into its ring, video into its reader's queue
//!    │                                   └ stream not registered yet ─► early events
//!    ├ an answer to a native capture request ─► capture: counted, forgotten
//!    ├ an answer to a request of our own JavaScript ─► own_answers: to the thread that asked
//!    └ anything else ─► narrowcast_core::Broadcast, to whoever subscribed to it; clients: in which threads
//! ```

mod abi;
#[cfg(not(loom))]
mod capture;
#[cfg(not(loom))]
mod capture_pump;
#[cfg(not(loom))]
mod clients;
#[cfg(not(loom))]
mod engine;
#[cfg(not(loom))]
mod lateness;
#[cfg(all(feature = "ledger", not(loom)))]
pub mod ledger;
#[cfg(not(loom))]
mod library;
#[cfg(not(loom))]
mod own_answers;
#[cfg(not(loom))]
mod player;
#[cfg(not(loom))]
mod source_queue;
mod streams;
#[cfg_attr(loom, allow(dead_code))]
pub mod wire;

pub use abi::Abi;
#[cfg(not(loom))]
pub use capture::{Capture, CaptureAnswers, CaptureSpec, CaptureStats};
#[cfg(not(loom))]
pub use capture_pump::{CapturePump, Pcm, Playback, Source};
#[cfg(not(loom))]
pub use clients::Clients;
#[cfg(not(loom))]
pub use engine::{Engine, EngineStats, Events, Expecting};
#[cfg(not(loom))]
pub use lateness::Lateness;
#[cfg(not(loom))]
pub use library::LoadError;
#[cfg(not(loom))]
pub use own_answers::{Asker, OwnAnswers};
pub use streams::{AudioSink, EarlyEvents, Sink, StreamStats, Streams, Taken};
#[cfg(not(loom))]
pub use streams::{VideoFrame, VideoSink, VideoSpec};
