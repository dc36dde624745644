//! LiveKit's native engine as a source of filtered events and PCM.
//!
//! ```text
//! engine thread: callback(bytes) ─► wire: which case, which subject?
//!    ├ a frame of one of our audio streams ─► audio_tap: copy into its ring, release its handle
//!    │                                         └ stream not registered yet ─► limbo
//!    ├ an answer to a native capture request ─► capture: counted, forgotten
//!    └ anything else ─► narrowcast_core::Broadcast, to whoever subscribed to it
//! ```

#[cfg(not(loom))]
mod audio_tap;
#[cfg(not(loom))]
mod capture;
#[cfg(not(loom))]
mod engine;
#[cfg(all(feature = "ledger", not(loom)))]
pub mod ledger;
#[cfg(not(loom))]
mod library;
mod limbo;
pub mod wire;

#[cfg(not(loom))]
pub use audio_tap::TapStats;
#[cfg(not(loom))]
pub use capture::{CaptureAnswers, CapturePump, CaptureSpec, CaptureStats, Source};
#[cfg(not(loom))]
pub use engine::{Abi, Engine, EngineStats, Expecting};
#[cfg(not(loom))]
pub use library::LoadError;
pub use limbo::Limbo;
