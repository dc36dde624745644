//! An engine without LiveKit: what the code under test asks of it is recorded, and the test says what it sends.

use narrowcast_audio::{Format, PcmStream};
use narrowcast_core::{Doorbell, Kind, Waiter, Wake};
use narrowcast_livekit::wire::Schema;
use narrowcast_livekit::{Abi, CaptureAnswers, CaptureSpec, Engine, Events, VideoSpec};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::livekit_spec::livekit_spec;
use crate::message::Message;

pub const VIDEO: u32 = 3;
pub const AUDIO: u32 = 4;
pub const CAPTURE_AUDIO_FRAME: u32 = 13;

/// The format of the tests' streams.
pub const RATE: u32 = 16_000;

/// The kind of a field of `FfiEvent`.
pub fn kind(field: u32) -> Kind {
    livekit_spec().cases.iter().position(|case| case.field == field).unwrap() as Kind
}

/// Field numbers of the capture messages; all different, so that none can be taken for another.
pub fn capture_spec() -> CaptureSpec {
    CaptureSpec {
        request: 21,
        source_handle: 11,
        buffer: 12,
        request_async_id: 13,
        data_ptr: 1,
        num_channels: 2,
        sample_rate: 3,
        samples_per_channel: 4,
        clear: 22,
        clear_source: 14,
        answer: kind(CAPTURE_AUDIO_FRAME),
        error: 2,
    }
}

pub fn video_spec() -> VideoSpec {
    VideoSpec { kind: kind(VIDEO), eos: 3 }
}

/// What answers a request: false refuses it.
type OnRequest = Box<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// The C ABI's stand-in.
pub struct FakeAbi {
    next_handle: AtomicU64,
    handles: Mutex<BTreeMap<u64, Handle>>,
    on_request: Mutex<Option<OnRequest>>,
}

#[derive(Default)]
struct Handle {
    drops: usize,
    pcm: Box<[i16]>,
}

impl Abi for FakeAbi {
    fn drop_handle(&self, handle: u64) -> bool {
        let mut handles = lock(&self.handles);
        let handle = handles.entry(handle).or_default();
        handle.drops += 1;
        // As in the engine, the samples are gone; a late read would find something else.
        let mut pcm = std::mem::take(&mut handle.pcm);
        pcm.fill(i16::MIN);
        handle.drops == 1
    }

    fn request(&self, request: &[u8]) -> bool {
        lock(&self.on_request).as_ref().is_none_or(|answer| answer(request))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An engine under test, which talks to a [`FakeAbi`].
pub struct Fake {
    pub engine: &'static Engine,
    pub abi: Arc<FakeAbi>,
}

impl Fake {
    pub fn new() -> Self {
        Self::with(Events::Here)
    }

    pub fn with(events: Events) -> Self {
        let abi = Arc::new(FakeAbi {
            next_handle: AtomicU64::new(1000),
            handles: Mutex::default(),
            on_request: Mutex::default(),
        });
        let schema = Schema::new(livekit_spec()).unwrap();
        let engine = Engine::new(abi.clone(), schema, CaptureAnswers::new(capture_spec()), video_spec(), events);
        Self { engine: Box::leak(Box::new(engine)), abi }
    }

    pub fn on_request(&self, answer: impl Fn(&[u8]) -> bool + Send + Sync + 'static) {
        *lock(&self.abi.on_request) = Some(Box::new(answer));
    }

    /// A handle that the engine gives out.
    pub fn handle(&self) -> u64 {
        self.handle_of(&[])
    }

    /// The handle of a frame with these samples.
    pub fn handle_of(&self, pcm: &[i16]) -> u64 {
        let handle = self.abi.next_handle.fetch_add(1, Ordering::Relaxed);
        lock(&self.abi.handles).insert(handle, Handle { drops: 0, pcm: pcm.into() });
        handle
    }

    /// How often a handle was dropped.
    pub fn drops(&self, handle: u64) -> usize {
        lock(&self.abi.handles).get(&handle).map_or(0, |handle| handle.drops)
    }

    /// A mono frame of these samples, and its handle.
    pub fn frame(&self, stream: u64, pcm: &[i16]) -> (Vec<u8>, u64) {
        let handle = self.handle_of(pcm);
        let data_ptr = lock(&self.abi.handles)[&handle].pcm.as_ptr() as u64;
        let info = Message::new().varint(1, data_ptr).varint(2, 1).varint(3, RATE.into()).varint(4, pcm.len() as u64);
        (frame_with(stream, handle, info), handle)
    }

    /// The engine sends a mono frame; returns its handle.
    pub fn send_frame(&self, stream: u64, pcm: &[i16]) -> u64 {
        let (message, handle) = self.frame(stream, pcm);
        self.engine.receive(&message);
        handle
    }

    pub fn send_eos(&self, stream: u64) {
        self.engine.receive(&eos(stream));
    }

    /// Registers a stream with the engine, as if it had been asked for long ago; returns its handle, too.
    pub fn open(&self) -> (u64, Arc<PcmStream>) {
        let (handle, stream) = (self.handle(), pcm_stream());
        self.engine.open_stream(handle, stream.clone());
        (handle, stream)
    }

    /// All handles that were given out were dropped once, but these: their receiver has not dropped them.
    #[track_caller]
    pub fn all_dropped_once_but(&self, taken: &[u64]) {
        for (handle, state) in lock(&self.abi.handles).iter() {
            let expected = usize::from(!taken.contains(handle));
            assert_eq!(state.drops, expected, "drops of handle {handle}");
        }
    }

    /// What [`EngineStats`] documents for an engine at rest.
    ///
    /// [`EngineStats`]: narrowcast_livekit::EngineStats
    #[track_caller]
    pub fn counts_add_up(&self) {
        let stats = self.engine.stats();
        let (audio, video) = (stats.audio, stats.video);
        assert_eq!(
            stats.received,
            stats.answered
                + stats.unknown
                + stats.malformed
                + stats.events.published
                + audio.frames
                + audio.released
                + audio.malformed
                + audio.others
                + audio.held_dropped
                + video.frames
                + video.released
                + video.others
                + video.held_dropped,
            "{stats:?}"
        );
    }
}

/// A frame with any description.
pub fn frame_with(stream: u64, handle: u64, info: Message) -> Vec<u8> {
    let frame = Message::new().at(&[1, 1], handle).message(2, info);
    audio_event(stream, Message::new().message(2, Message::new().message(1, frame)))
}

pub fn eos(stream: u64) -> Vec<u8> {
    audio_event(stream, Message::new().bytes(3, &[]))
}

pub fn audio_event(stream: u64, content: Message) -> Vec<u8> {
    let event = Message::new().varint(1, stream).raw(&content.0);
    Message::new().message(AUDIO, event).0
}

/// A video frame of a stream.
pub fn picture(stream: u64, handle: u64) -> Vec<u8> {
    let frame = Message::new().at(&[1, 1, 1], handle);
    Message::new().message(VIDEO, Message::new().varint(1, stream).message(2, frame)).0
}

/// The end of a video stream.
pub fn video_eos(stream: u64) -> Vec<u8> {
    Message::new().message(VIDEO, Message::new().varint(1, stream).bytes(3, &[])).0
}

/// A waiter for a consumer that polls.
pub fn polling() -> Waiter {
    struct Never;
    impl Wake for Never {
        fn wake(&self) {
            panic!("no thread waits");
        }
    }
    Waiter::new(Arc::new(Doorbell::new(Box::new(Never))), 0)
}

/// A mono stream of frames of 4 samples, with room for 10,000.
pub fn pcm_stream() -> Arc<PcmStream> {
    let format = Format { sample_rate: RATE, channels: 1, frame_samples: 4 };
    Arc::new(PcmStream::new(format, 40_000, polling()))
}

/// All that a stream has.
pub fn drain(stream: &PcmStream) -> Vec<i16> {
    let mut samples = vec![0; stream.buffered()];
    let count = stream.read(&mut samples).samples;
    samples.truncate(count);
    samples
}
