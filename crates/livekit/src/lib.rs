//! LiveKit's native engine as a source of filtered events and PCM.
//!
//! ```text
//! engine thread: callback(bytes) ─► wire: which case, which subject?
//!    ├ a frame of one of our audio streams ─► audio_tap, feed: copy into its ring, release its handle
//!    │                                         └ stream not registered yet ─► limbo (stream_table)
//!    ├ a frame of one of our video streams ─► video_tap: into its queue, which releases what it has no room for
//!    ├ an answer to a native capture request ─► capture: counted, forgotten
//!    ├ an answer to a request of our own JavaScript ─► own_answers: to the thread that asked
//!    └ anything else ─► narrowcast_core::Broadcast, to whoever subscribed to it; clients: in which threads
//! ```

mod abi;
mod audio_tap;
#[cfg(not(loom))]
mod capture;
#[cfg(not(loom))]
mod capture_pump;
#[cfg(not(loom))]
mod clients;
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
#[cfg(not(loom))]
mod own_answers;
mod stream_table;
#[cfg(not(loom))]
mod video_tap;
#[cfg_attr(loom, allow(dead_code))]
pub mod wire;

pub use abi::Abi;
/// What stands between the engine's callback and the streams, for loom to explore.
#[cfg(loom)]
pub use audio_tap::AudioTap;
pub use audio_tap::TapStats;
#[cfg(not(loom))]
pub use capture::{Capture, CaptureAnswers, CaptureSpec, CaptureStats};
#[cfg(not(loom))]
pub use capture_pump::{CapturePump, Pcm, Playback, Source};
#[cfg(not(loom))]
pub use clients::Clients;
#[cfg(not(loom))]
pub use engine::{Engine, EngineStats, Events, Expecting, ExpectingVideo};
pub use feed::Feed;
#[cfg(not(loom))]
pub use lateness::Lateness;
#[cfg(not(loom))]
pub use library::LoadError;
pub use limbo::Limbo;
#[cfg(not(loom))]
pub use own_answers::{Asker, OwnAnswers};
#[cfg(not(loom))]
pub use video_tap::{VideoSpec, VideoStats};
