//! The engine's audio and video streams that narrowcast has opened, and where their events go.
//!
//! ```text
//! event ─► whose stream?  open                            ─► its sink: audio into a ring, video into a bounded queue
//!                         closed                          ─► released (frames come until the engine's eos)
//!                         unknown, and one is being opened ─► early: it waits
//!                         unknown                         ─► rtc-node's: broadcast like any other event
//! ```

mod audio;
mod early;
mod table;
#[cfg(not(loom))]
mod video;

pub use audio::AudioSink;
pub use early::EarlyEvents;
pub use table::{StreamStats, Streams};
#[cfg(not(loom))]
pub use video::{VideoFrame, VideoSink, VideoSpec};

use crate::abi::Abi;
use crate::wire::StreamEvent;

/// Where the frames of one stream go.
pub trait Sink {
    /// A frame, as the engine's callback has it in hand.
    type Frame<'a>;

    /// Whether the end of a stream is broadcast, too: then JavaScript can hear of it in its place among the room's events,
    /// also if it reads no frames.
    const BROADCASTS_END: bool = false;

    /// Engine thread: takes a frame and sees to it that the frame is released, now or later, whatever this returns. One
    /// thread at a time takes frames and ends a stream, but for [`end_from_outside`](Self::end_from_outside): so this
    /// never waits.
    fn take(&self, frame: &Self::Frame<'_>, abi: &dyn Abi) -> Taken;

    /// Engine thread: releases a frame that no sink takes.
    fn release(frame: &Self::Frame<'_>, abi: &dyn Abi);

    /// Engine thread: no frame follows. What waits stays readable.
    fn end(&self);

    /// JavaScript: the same, at any time. It may wait for a frame to be taken; the engine's threads don't wait for it.
    fn end_from_outside(&self) {
        self.end();
    }

    /// Whether the sink takes no more.
    fn has_ended(&self) -> bool;
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It waits to be read.
    Delivered,
    /// The stream has ended, or is being ended by another thread.
    Ended,
    /// Its description does not fit its stream.
    Malformed,
}
