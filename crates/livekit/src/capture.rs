//! The engine's messages that capture audio: native requests, and the answers to them.

use narrowcast_core::sync::Arc;
use narrowcast_core::{Counter, Kind, SnapshotMap};
use prost::encoding::{WireType, encode_key, encode_varint, uint32, uint64};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Thread;

/// Async ids of native capture requests: far above JavaScript's, which start at 2^40, and the engine's own, from 1.
/// Below the base come 30 bits that number the source and 32 that count its requests.
const ASYNC_ID_BASE: u64 = 1 << 62;

/// Field numbers of the engine's capture messages, from the installed package's descriptors.
#[derive(Clone, Copy, Debug)]
pub struct CaptureSpec {
    /// `captureAudioFrame` in `FfiRequest`.
    pub request: u32,
    /// `sourceHandle` in the request.
    pub source_handle: u32,
    /// `buffer` in the request.
    pub buffer: u32,
    /// `requestAsyncId` in the request.
    pub request_async_id: u32,
    /// `dataPtr` in the buffer.
    pub data_ptr: u32,
    /// `numChannels` in the buffer.
    pub num_channels: u32,
    /// `sampleRate` in the buffer.
    pub sample_rate: u32,
    /// `samplesPerChannel` in the buffer.
    pub samples_per_channel: u32,
    /// `clearAudioBuffer` in `FfiRequest`.
    pub clear: u32,
    /// `sourceHandle` in that request.
    pub clear_source: u32,
    /// The kind of the answer's event.
    pub answer: Kind,
    /// `error` in the answer.
    pub error: u32,
}

/// Takes the engine's answers to native capture requests, on its callback thread.
pub struct CaptureAnswers {
    spec: CaptureSpec,
    sources: SnapshotMap<Arc<Counts>>,
    next_source: AtomicU64,
    /// How often the engine was disposed of.
    disposals: AtomicU64,
}

/// Whose answer an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnsweredCapture {
    /// A native thread's; it is counted, and nobody else's business.
    Ours,
    /// JavaScript's.
    Other,
}

/// What is counted of one source.
#[derive(Default)]
pub(crate) struct Counts {
    pub sent: Counter,
    pub captured: Counter,
    pub failed: Counter,
    /// The async id of the latest answer, or 0.
    pub answered: AtomicU64,
    /// The async id of the latest answer that was a refusal, or 0.
    pub refused: AtomicU64,
    /// What the engine said at the first refusal.
    pub words: OnceLock<Box<str>>,
    /// Requests made though the one before had not been answered in time.
    pub overdue: Counter,
    /// Whether the pump waits for an answer.
    awaited: AtomicBool,
    /// The pump's thread.
    pub pump: OnceLock<Thread>,
}

impl Counts {
    /// Engine thread: an answer came, and was counted. Wakes the pump if it waits.
    fn answer(&self, async_id: u64) {
        // Release: whoever sees this sees the counts, too.
        self.answered.store(async_id, Ordering::Release);
        // A swap, as the pump's is one: of the two, one comes first. If it is the pump's, this sees that it waits; if this,
        // the pump's second look sees the answer.
        if self.awaited.swap(false, Ordering::AcqRel)
            && let Some(pump) = self.pump.get()
        {
            pump.unpark();
        }
    }

    /// Pump: the next answer wakes its thread. It must look again after this call.
    pub fn await_answer(&self) {
        self.awaited.swap(true, Ordering::AcqRel);
    }

    pub fn stats(&self) -> CaptureStats {
        CaptureStats { sent: self.sent.get(), captured: self.captured.get(), failed: self.failed.get() }
    }
}

/// What became of one source's frames, of 10 ms each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptureStats {
    /// Frames handed to the engine.
    pub sent: u64,
    /// Frames that the engine took; where somebody else hears its answers, those that it did not refuse at once.
    pub captured: u64,
    /// Frames that the engine refused.
    pub failed: u64,
}

impl CaptureAnswers {
    /// No requests so far.
    pub fn new(spec: CaptureSpec) -> Self {
        Self { spec, sources: SnapshotMap::new(), next_source: AtomicU64::new(0), disposals: AtomicU64::new(0) }
    }

    /// The engine is disposed of, and with it every source: nothing more is played into those that are played now.
    pub(crate) fn end_all(&self) {
        self.disposals.fetch_add(1, Ordering::Release);
    }

    /// How often that happened.
    pub(crate) fn disposals(&self) -> u64 {
        self.disposals.load(Ordering::Acquire)
    }

    /// How the messages are written.
    pub(crate) fn spec(&self) -> &CaptureSpec {
        &self.spec
    }

    /// Callback: counts an answer if a native thread asked.
    pub(crate) fn answered(&self, kind: Kind, async_id: u64, body: &[u8]) -> AnsweredCapture {
        if kind != self.spec.answer || !(ASYNC_ID_BASE..ASYNC_ID_BASE << 1).contains(&async_id) {
            return AnsweredCapture::Other;
        }
        self.sources.with(source_of(async_id), |counts| {
            // A stopped pump's answers are forgotten.
            if let Some(counts) = counts {
                if crate::wire::has_field(body, self.spec.error) {
                    counts.failed.add(1);
                    counts.refused.store(async_id, Ordering::Relaxed);
                    counts.words.get_or_init(|| crate::wire::text_field(body, self.spec.error).into());
                } else {
                    counts.captured.add(1);
                }
                counts.answer(async_id);
            }
        });
        AnsweredCapture::Ours
    }

    /// Numbers a source whose answers are counted from now on.
    pub(crate) fn register(&self, counts: Arc<Counts>) -> u64 {
        let source = self.next_source.fetch_add(1, Ordering::Relaxed) % (1 << 30);
        self.sources.change(|sources| sources.set(source, Some(counts)));
        source
    }

    /// What comes for this source is nobody's business any more.
    pub(crate) fn forget(&self, source: u64) {
        self.sources.change(|sources| sources.set(source, None));
    }
}

/// The async id of a source's request.
pub(crate) fn async_id_of(source: u64, count: u64) -> u64 {
    ASYNC_ID_BASE | source << 32 | (count & u64::from(u32::MAX))
}

fn source_of(async_id: u64) -> u64 {
    (async_id & !ASYNC_ID_BASE) >> 32
}

/// What one request asks the engine to capture.
pub struct Capture<'a> {
    /// The engine's handle of the source.
    pub source_handle: u64,
    /// Under which the engine answers.
    pub async_id: u64,
    /// Interleaved samples. The engine copies them before the request returns.
    pub pcm: &'a [i16],
    /// Hz.
    pub sample_rate: u32,
    /// At least one.
    pub channels: u32,
}

impl Capture<'_> {
    /// Appends the encoded request to `out`.
    pub(crate) fn encode(&self, spec: &CaptureSpec, out: &mut Vec<u8>) {
        let mut buffer = Vec::with_capacity(32);
        uint64::encode(spec.data_ptr, &(self.pcm.as_ptr() as u64), &mut buffer);
        uint32::encode(spec.num_channels, &self.channels, &mut buffer);
        uint32::encode(spec.sample_rate, &self.sample_rate, &mut buffer);
        uint32::encode(spec.samples_per_channel, &(self.pcm.len() as u32 / self.channels), &mut buffer);

        let mut capture = Vec::with_capacity(64);
        uint64::encode(spec.source_handle, &self.source_handle, &mut capture);
        encode_message(spec.buffer, &buffer, &mut capture);
        uint64::encode(spec.request_async_id, &self.async_id, &mut capture);

        encode_message(spec.request, &capture, out);
    }
}

/// Appends the request that empties a source's queue.
pub(crate) fn encode_clear(source_handle: u64, spec: &CaptureSpec, out: &mut Vec<u8>) {
    let mut clear = Vec::with_capacity(16);
    uint64::encode(spec.clear_source, &source_handle, &mut clear);
    encode_message(spec.clear, &clear, out);
}

fn encode_message(field: u32, message: &[u8], out: &mut Vec<u8>) {
    encode_key(field, WireType::LengthDelimited, out);
    encode_varint(message.len() as u64, out);
    out.extend_from_slice(message);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_async_id_says_whose_it_is_up_to_the_last_source_and_request() {
        const LAST_SOURCE: u64 = (1 << 30) - 1;
        for source in [0, 1, 77, LAST_SOURCE] {
            for count in [0, 1, u64::from(u32::MAX), 1 << 32, u64::MAX] {
                let id = async_id_of(source, count);
                assert_eq!(source_of(id), source);
                assert!((ASYNC_ID_BASE..ASYNC_ID_BASE << 1).contains(&id), "{id:x}");
            }
        }
        assert_eq!(async_id_of(LAST_SOURCE, u32::MAX.into()), (1 << 63) - 1);
        assert_ne!(async_id_of(1, 2), async_id_of(2, 1));
    }

    #[test]
    fn sources_are_numbered_within_the_range_however_many_there_were() {
        let spec = CaptureSpec {
            request: 1,
            source_handle: 1,
            buffer: 2,
            request_async_id: 3,
            data_ptr: 1,
            num_channels: 2,
            sample_rate: 3,
            samples_per_channel: 4,
            clear: 5,
            clear_source: 1,
            answer: 0,
            error: 2,
        };
        let answers = CaptureAnswers::new(spec);
        answers.next_source.store((1 << 30) - 1, Ordering::Relaxed);
        assert_eq!(answers.register(Arc::default()), (1 << 30) - 1);
        let counts = Arc::<Counts>::default();
        assert_eq!(answers.register(counts.clone()), 0);

        // Field 1, the async id, and no error.
        assert_eq!(answers.answered(0, async_id_of(0, 5), &[8, 1]), AnsweredCapture::Ours);
        assert_eq!((counts.captured.get(), counts.failed.get()), (1, 0));
        answers.forget(0);
        assert_eq!(answers.answered(0, async_id_of(0, 6), &[8, 1]), AnsweredCapture::Ours);
        assert_eq!(answers.answered(1, async_id_of(0, 7), &[8, 1]), AnsweredCapture::Other);
        assert_eq!(counts.captured.get(), 1);
    }
}
