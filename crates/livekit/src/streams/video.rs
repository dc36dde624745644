//! Video frames: passed on, as the engine's messages, into the bounded queue of their stream's reader.
//!
//! The pixels stay where the engine has them until a frame is read, so what the queue pushes out is released and never
//! copied.

use super::{Sink, StreamEvent, Taken};
use crate::abi::Abi;
use narrowcast_core::sync::Arc;
use narrowcast_core::{Event, Kind, Owner, Subscriber};

/// What the engine says of video streams.
#[derive(Clone, Copy, Debug)]
pub struct VideoSpec {
    /// The kind of the event.
    pub kind: Kind,
    /// Video stream event → the end of the stream.
    pub eos: u32,
}

/// A frame of a video stream.
pub struct VideoFrame<'a> {
    /// The kind of its event.
    pub kind: Kind,
    /// The engine's stream.
    pub stream: u64,
    /// The whole event.
    pub message: &'a [u8],
    /// What releases the frame.
    pub owner: &'a Arc<dyn Owner>,
}

impl VideoSpec {
    /// What a video stream's event says: an event that owns something brings a frame. `body` is the event's own part of
    /// `message`.
    pub(crate) fn event<'a>(
        &self,
        stream: u64,
        message: &'a [u8],
        body: &[u8],
        owner: Option<&'a Arc<dyn Owner>>,
    ) -> StreamEvent<VideoFrame<'a>> {
        match owner {
            Some(owner) => StreamEvent::Frame(VideoFrame { kind: self.kind, stream, message, owner }),
            None if crate::wire::has_field(body, self.eos) => StreamEvent::Eos,
            None => StreamEvent::Other,
        }
    }
}

/// The reader of one video stream.
pub struct VideoSink(pub Arc<Subscriber>);

impl Sink for VideoSink {
    type Frame<'a> = VideoFrame<'a>;

    fn take(&self, frame: &VideoFrame, _: &dyn Abi) -> Taken {
        // Dropped undelivered, the event releases the frame.
        let event = Event::new(frame.kind, frame.stream, frame.message, Some(frame.owner));
        if self.0.post(event) { Taken::Delivered } else { Taken::Ended }
    }

    fn release(frame: &VideoFrame, _: &dyn Abi) {
        frame.owner.release(frame.kind, frame.message);
    }

    fn end(&self) {
        self.0.close();
    }

    fn has_ended(&self) -> bool {
        self.0.is_closed()
    }
}
