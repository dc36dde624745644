//! LiveKit's native engine as a source of filtered events and PCM.
//!
//! ```text
//! engine thread: callback(bytes) ─► wire: which case, which subject?
//!    ├ a frame of one of our audio streams ─► audio_tap, feed: copy into its ring, release its handle
//!    │                                         └ stream not registered yet ─► limbo
//!    ├ an answer to a native capture request ─► capture: counted, forgotten
//!    └ anything else ─► narrowcast_core::Broadcast, to whoever subscribed to it
//! ```

mod abi;
mod audio_tap;
#[cfg(not(loom))]
mod capture;
#[cfg(not(loom))]
mod capture_pump;
#[cfg(not(loom))]
mod engine;
mod feed;
#[cfg(not(loom))]
mod lateness;
#[cfg(all(feature = "ledger", not(loom)))]
pub mod ledger;
#[cfg(not(loom))]
mod library;
mod limbo;
#[cfg_attr(loom, allow(dead_code))]
pub mod wire;

pub use abi::Abi;
pub use audio_tap::TapStats;
/// What stands between the engine's callback and the streams, for loom to explore.
#[cfg(loom)]
pub use audio_tap::{AudioTap, Tap};
#[cfg(not(loom))]
pub use capture::{CaptureAnswers, CaptureSpec, CaptureStats};
#[cfg(not(loom))]
pub use capture_pump::{CapturePump, Pcm, Playback, Source};
#[cfg(not(loom))]
pub use engine::{Engine, EngineStats, Events, Expecting};
pub use feed::Feed;
#[cfg(not(loom))]
pub use lateness::Lateness;
#[cfg(not(loom))]
pub use library::LoadError;
pub use limbo::Limbo;
