//! The engine: what it sends is matched here, on its own threads.

mod attach;
mod receive;

use crate::abi::Abi;
use crate::capture::{Capture, CaptureAnswers};
use crate::claims::Claims;
use crate::request_ids::RequestIds;
use crate::streams::{AudioSink, Sink, StreamStats, Streams, VideoSink, VideoSpec};
use crate::wire::Schema;
pub use attach::Events;
use narrowcast_core::sync::Arc;
use narrowcast_core::{Broadcast, Counter, Kind, Owner, Stats, Subscriber};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The engine, as one process has it: every JavaScript thread uses the same.
pub struct Engine {
    abi: Arc<dyn Abi>,
    schema: Arc<Schema>,
    broadcast: Arc<Broadcast>,
    owner: Arc<dyn Owner>,
    audio: Streams<AudioSink>,
    video: Streams<VideoSink>,
    video_spec: VideoSpec,
    /// The readers of video streams.
    video_readers: Arc<Broadcast>,
    captures: CaptureAnswers,
    request_ids: RequestIds,
    own_answers: Arc<Broadcast>,
    claims: Claims,
    listening: AtomicBool,
    /// Whether JavaScript has asked in vain, and nothing has come since.
    silent: AtomicBool,
    /// JavaScript threads that have joined. Changed while [`ATTACHED`] is locked.
    threads: AtomicUsize,
    received: Counter,
    answered: Counter,
    unknown: Counter,
    malformed: Counter,
    panics: Counter,
    stolen: Counter,
}

/// What the engine's callback counted. At rest, while no stream is being asked for, and if no one else sends to the
/// engine's broadcast and nothing panicked, every event is in one of these: `received == answered + unknown + malformed +
/// events.published + audio.frames + audio.released + audio.malformed + audio.others + audio.held_dropped + video.frames +
/// video.released + video.others + video.held_dropped`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EngineStats {
    /// Calls of the callback.
    pub received: u64,
    /// Answers to what narrowcast itself asked, natively or from JavaScript.
    pub answered: u64,
    /// Events of a case that the installed package's descriptors don't have.
    pub unknown: u64,
    /// Messages that are no valid protobuf, or empty.
    pub malformed: u64,
    /// Panics caught in the callback: a defect of narrowcast.
    pub panics: u64,
    /// Times that rtc-node in another thread had taken the callback, and it was taken back.
    pub stolen: u64,
    /// The audio streams that narrowcast has opened.
    pub audio: StreamStats,
    /// The video streams that narrowcast has opened.
    pub video: StreamStats,
    /// Everything else.
    pub events: Stats,
}

/// Audio frames that may wait for streams being opened, of all streams together: 64 streams for 640 ms.
const EARLY_AUDIO_EVENTS: usize = 4096;

/// The same for video frames. Each holds a picture.
const EARLY_VIDEO_EVENTS: usize = 64;

impl Engine {
    /// An engine that sends nothing by itself: with [`Events::Here`], [`receive`](Self::receive) is its callback.
    pub fn new(abi: Arc<dyn Abi>, schema: Schema, captures: CaptureAnswers, video: VideoSpec, events: Events) -> Self {
        let schema = Arc::new(schema);
        let handles = Handles { abi: abi.clone(), schema: schema.clone() };
        Self {
            audio: Streams::new(abi.clone(), EARLY_AUDIO_EVENTS),
            video: Streams::new(abi.clone(), EARLY_VIDEO_EVENTS),
            video_spec: video,
            video_readers: Arc::new(Broadcast::new(schema.kinds())),
            broadcast: Arc::new(Broadcast::new(schema.kinds())),
            owner: Arc::new(handles),
            abi,
            schema,
            captures,
            request_ids: RequestIds::default(),
            own_answers: Arc::new(Broadcast::new(1)),
            claims: Claims::new(),
            listening: AtomicBool::new(events == Events::Here),
            silent: AtomicBool::new(false),
            threads: AtomicUsize::new(0),
            received: Counter::new(),
            answered: Counter::new(),
            unknown: Counter::new(),
            malformed: Counter::new(),
            panics: Counter::new(),
            stolen: Counter::new(),
        }
    }

    /// What the engine understands: names and kinds of its events.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Everything the engine sends, but for the frames of our own streams and answers to our own requests.
    pub fn broadcast(&self) -> &Arc<Broadcast> {
        &self.broadcast
    }

    /// The engine's C ABI.
    pub fn abi(&self) -> &Arc<dyn Abi> {
        &self.abi
    }

    /// Whose answers to native capture requests these are.
    pub fn captures(&self) -> &CaptureAnswers {
        &self.captures
    }

    /// Asks the engine to play samples into a source; its answer goes to the owner of the async id. False if it
    /// refused the request, and no answer will come.
    pub fn capture(&self, capture: &Capture<'_>) -> bool {
        let mut request = Vec::with_capacity(96);
        capture.encode(self.captures.spec(), &mut request);
        self.abi.request(&request)
    }

    /// Empties the queue of a source. False if the engine refused.
    pub fn clear(&self, source_handle: u64) -> bool {
        let mut request = Vec::with_capacity(32);
        crate::capture::encode_clear(source_handle, self.captures.spec(), &mut request);
        self.abi.request(&request)
    }

    /// The async ids of requests.
    pub fn request_ids(&self) -> &RequestIds {
        &self.request_ids
    }

    /// Answers to what narrowcast's classes ask from JavaScript, all of kind 0: each goes to the thread that asked, which
    /// subscribes as its group.
    pub fn own_answers(&self) -> &Arc<Broadcast> {
        &self.own_answers
    }

    /// Which thread has claimed a handle.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Where the readers of our own video streams subscribe, to nothing: a frame goes to the reader of its stream.
    pub fn video(&self) -> &Arc<Broadcast> {
        &self.video_readers
    }

    /// Whether the engine's events come here.
    pub fn is_listening(&self) -> bool {
        self.listening.load(Ordering::Acquire)
    }

    /// What was counted so far.
    pub fn stats(&self) -> EngineStats {
        EngineStats {
            received: self.received.get(),
            answered: self.answered.get(),
            unknown: self.unknown.get(),
            malformed: self.malformed.get(),
            panics: self.panics.get(),
            stolen: self.stolen.get(),
            audio: self.audio.stats(),
            video: self.video.stats(),
            events: self.broadcast.stats(),
        }
    }

    /// Says that this thread is about to ask for an audio stream. Until the returned guard is dropped, frames of unknown
    /// streams wait.
    pub fn expect_stream(&'static self) -> Expecting<AudioSink> {
        Expecting::new(self, &self.audio)
    }

    /// Feeds a stream with the frames of the engine's audio stream `handle`.
    pub fn open_stream(&self, handle: u64, sink: impl Into<AudioSink>) {
        #[cfg(feature = "ledger")]
        crate::ledger::note_stream(handle);
        self.audio.open(handle, sink);
    }

    /// Closes an audio stream that narrowcast has opened, and drops its handle.
    pub fn close_stream(&self, handle: u64) {
        self.audio.close(handle);
    }

    /// Says that this thread is about to ask for a video stream, as [`expect_stream`](Self::expect_stream) does.
    pub fn expect_video(&'static self) -> Expecting<VideoSink> {
        Expecting::new(self, &self.video)
    }

    /// Gives `reader`, a subscriber of [`video`](Self::video), the frames of the engine's video stream `handle`.
    pub fn open_video(&self, handle: u64, reader: Arc<Subscriber>) {
        #[cfg(feature = "ledger")]
        crate::ledger::note_stream(handle);
        self.video.open(handle, VideoSink(reader));
    }

    /// Closes a video stream that narrowcast has opened, and drops its handle.
    pub fn close_video(&self, handle: u64) {
        self.video.close(handle);
    }

    /// Ends every stream that narrowcast has opened, as an eos from the engine would; for when no events will come any more.
    pub fn end_streams(&self) {
        self.audio.end_all();
        self.video.end_all();
    }

    /// Ends what native threads play; for when the engine was disposed of, and no source is left.
    pub fn end_playing(&self) {
        self.captures.end_all();
    }

    /// The engine does not answer: natively played sources that it does not answer for either are given up, until it says
    /// anything.
    pub fn note_silence(&self) {
        self.silent.store(true, Ordering::Relaxed);
    }

    /// Whether that is so.
    pub(crate) fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Relaxed)
    }
}

/// A stream is being asked for; see [`Engine::expect_stream`].
pub struct Expecting<S: Sink + 'static> {
    engine: &'static Engine,
    streams: &'static Streams<S>,
}

impl<S: Sink> Expecting<S> {
    fn new(engine: &'static Engine, streams: &'static Streams<S>) -> Self {
        streams.expect();
        Self { engine, streams }
    }
}

impl<S: Sink> Drop for Expecting<S> {
    fn drop(&mut self) {
        self.streams.registered(|event| self.engine.receive_early(event));
    }
}

/// Releases what an undelivered event owns.
struct Handles {
    abi: Arc<dyn Abi>,
    schema: Arc<Schema>,
}

impl Owner for Handles {
    /// The kind is read from the message: what is sent on under another name is still what it was.
    fn release(&self, _: Kind, message: &[u8]) {
        let Ok(peek) = self.schema.peek(message) else { return };
        // A malformed message names the handles before the fault; there is nothing else to go by.
        let _ = self.schema.for_each_owned(peek.kind, peek.body, &mut |handle| {
            self.abi.drop_handle(handle);
        });
    }
}
