//! PCM into the engine, from a native thread: a source keeps playing while JavaScript is blocked.
//!
//! ```text
//!  Source (a track's ring) ─► CapturePump, one thread ─► Player of each source, every 10 ms ─► request to the engine
//!                             Playback: what the owner    │  source_queue: what the engine has       │
//!                             of a source asks and stops  └─ in_flight: the answer, or a timeout ◄───┘
//! ```

mod in_flight;
#[cfg(feature = "load")]
mod lateness;
mod playback;
mod player;
mod playing;
mod pump;
mod source;
mod source_queue;

#[cfg(feature = "load")]
pub use lateness::Lateness;
pub use playback::Playback;
pub use pump::CapturePump;
pub use source::{Lead, Pcm, Source};
