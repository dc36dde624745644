//! The engine's messages that capture audio: native requests, and the answers to them.

use narrowcast_core::sync::Arc;
use narrowcast_core::{Counter, Kind, SnapshotMap};
use prost::encoding::{WireType, encode_key, encode_varint, uint32, uint64};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Thread;

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
    /// How often the engine was disposed of.
    disposals: AtomicU64,
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
        // Release: a thread that sees this sees the counts, too.
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

/// What became of one source's frames, of 10 ms each; a source without silence may be given a longer one where its queue is dry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptureStats {
    /// Frames handed to the engine.
    pub sent: u64,
    /// Frames that the engine took; where another client hears its answers, those that it did not refuse at once.
    pub captured: u64,
    /// Frames that the engine refused.
    pub failed: u64,
}

impl CaptureAnswers {
    /// No requests so far.
    pub fn new(spec: CaptureSpec) -> Self {
        Self { spec, sources: SnapshotMap::new(), disposals: AtomicU64::new(0) }
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

    /// Callback: counts the answer to a request for this source.
    pub(crate) fn answered(&self, source: u64, async_id: u64, body: &[u8]) {
        self.sources.with(source, |counts| {
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
    }

    /// From now on, the answers to requests for this source are counted.
    pub(crate) fn register(&self, source: u64, counts: Arc<Counts>) {
        self.sources.change(|sources| sources.set(source, Some(counts)));
    }

    /// What comes for this source is counted no more.
    pub(crate) fn forget(&self, source: u64) {
        self.sources.change(|sources| sources.set(source, None));
    }
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
    fn answers_are_counted_for_their_source_until_it_is_forgotten() {
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
        let counts = Arc::<Counts>::default();
        answers.register(0, counts.clone());
        // Field 1, the async id, and no error; then with one.
        answers.answered(0, 5, &[8, 1]);
        answers.answered(0, 6, &[8, 1, 18, 0]);
        answers.answered(1, 7, &[8, 1]);
        answers.forget(0);
        answers.answered(0, 8, &[8, 1]);
        assert_eq!((counts.captured.get(), counts.failed.get(), counts.answered.load(Ordering::Relaxed)), (1, 1, 6));
    }
}
