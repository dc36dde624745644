//! `NativeAudioStream`: a bounded stream of PCM, fed by JavaScript or by the engine.

use crate::bigint::handle;
use crate::error::{Code, Result, error, from_napi, refused};
use crate::handles::{Handle, HandleTable, Release};
use crate::js_thread::new_waiter;
use crate::speech::NativeEar;
use napi::Env;
use napi::bindgen_prelude::{BigInt, Function, Int16ArraySlice, ObjectFinalize};
use napi_derive::napi;
use narrowcast_audio::{
    Chunk, Deliver, EarSettings, Format, Kind, Latency, Level, PcmStats, PcmStream, Quality, ResamplerSettings,
    SpeechSettings, StreamWriter, TrackWriteError,
};
use narrowcast_interface::{Locked, SharedStream};
use narrowcast_livekit::{AudioSink, Engine};
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

/// What a stream counted; see `AudioStream.stats()`.
#[napi(object)]
pub struct NativeAudioStats {
    /// Frames written.
    pub frames_in: f64,
    /// Frames read.
    pub frames_out: f64,
    /// Frames lost because the ring was full.
    pub frames_dropped: f64,
    /// Frames that were given up unread.
    pub frames_cleared: f64,
    /// Frames that were not delivered, for there was no speech in them.
    pub frames_withheld: f64,
    /// Samples of all channels that wait.
    pub buffered_samples: f64,
    /// Wakes of the JavaScript thread.
    pub wakes: f64,
}

impl From<PcmStats> for NativeAudioStats {
    fn from(stats: PcmStats) -> Self {
        Self {
            frames_in: stats.frames_in as f64,
            frames_out: stats.frames_out as f64,
            frames_dropped: stats.frames_dropped as f64,
            frames_cleared: stats.frames_cleared as f64,
            frames_withheld: stats.frames_withheld as f64,
            buffered_samples: stats.buffered_samples as f64,
            wakes: stats.wakes as f64,
        }
    }
}

/// Behind both `AudioStream`s.
#[napi(custom_finalize)]
pub struct NativeAudioStream {
    token: u32,
    state: RefCell<State>,
    /// What the garbage collector was told of the ring's memory, in bytes.
    accounted: Cell<i64>,
}

enum State {
    Open(Handle<Stream>),
    /// Its memory is gone; what it had counted is left.
    Abandoned(PcmStats),
}

/// A stream, as its consumer's thread has it.
struct Stream {
    pcm: Arc<PcmStream>,
    /// What JavaScript writes.
    writer: RefCell<StreamWriter>,
    /// Once its id was asked for: other addons may write to it.
    shared: OnceCell<Arc<SharedStream>>,
    /// The engine's stream that feeds this one, or 0.
    engine_handle: Cell<u64>,
    /// Frames dropped before the last read.
    gap: Cell<u64>,
    /// Samples of all channels that were withheld before the last read.
    withheld: Cell<u64>,
    /// Whether there is speech in what was read last.
    speech: Cell<bool>,
    /// Names the ear's waiter.
    ear_token: u32,
}

impl Release for Stream {
    fn release(&self) {
        // Once.
        let handle = self.engine_handle.take();
        if let (true, Some(engine)) = (handle != 0, Engine::get()) {
            engine.close_stream(handle);
        }
        self.pcm.end_from_outside();
    }
}

/// Longest time that a stream listens for, and longest pre-roll.
const MOST_MS: u32 = 600_000;

/// About what an ear allocates, in bytes, beside its pre-roll.
const EAR_BYTES: i64 = 150 << 10;

/// Returned by the reading functions: the stream has ended, and all was read.
#[napi]
pub const AUDIO_ENDED: i32 = i32::MIN;

thread_local! {
    static STREAMS: HandleTable<Stream> = HandleTable::new();
}

impl Stream {
    /// What a call returns that read a chunk, and, if that is nothing, has looked for the end afterwards.
    fn read(&self, read: impl FnOnce(&PcmStream) -> Chunk) -> i32 {
        // Looked at first: what came before the end is then read.
        let ended = self.pcm.has_ended();
        let chunk = read(&self.pcm);
        if chunk.samples == 0 {
            return if ended && self.pcm.buffered() == 0 { AUDIO_ENDED } else { 0 };
        }
        self.gap.set(chunk.dropped_frames);
        self.withheld.set(chunk.withheld);
        self.speech.set(chunk.speech);
        let samples = i32::try_from(chunk.samples).unwrap_or(i32::MAX);
        if chunk.dropped_frames + chunk.withheld > 0 { -samples } else { samples }
    }
}

/// Reads as many whole frames as are there into `target`, which has room for one or more. Returns their samples; negative:
/// as many samples, and frames were dropped or withheld before them, see `gap` and `withheld`. 0: no frame is there; with `wait`, the next one rings
/// the doorbell from now on. `AUDIO_ENDED`: the stream has ended, and all was read.
#[napi(catch_unwind)]
pub fn audio_read_frames(token: u32, mut target: Int16ArraySlice, wait: bool) -> i32 {
    // SAFETY: only this thread's JavaScript has the array, and it waits for this call to return.
    let target = unsafe { target.as_mut() };
    let Some(stream) = stream(token) else { return AUDIO_ENDED };
    if target.len() < stream.pcm.format().frame_samples {
        return 0;
    }
    loop {
        let result = stream.read(|pcm| pcm.read_frames(target));
        if result != 0 || !wait || stream.pcm.wait() {
            return result;
        }
    }
}

/// Reads as many samples as there are and `target` has room for; returns as `audioReadFrames` does.
#[napi(catch_unwind)]
pub fn audio_read_into(token: u32, mut target: Int16ArraySlice) -> i32 {
    // SAFETY: as in `audio_read_frames`.
    let target = unsafe { target.as_mut() };
    stream(token).map_or(AUDIO_ENDED, |stream| stream.read(|pcm| pcm.read(target)))
}

/// Whether there is a frame to read, or the end to see. If not, that rings the doorbell from now on.
#[napi(catch_unwind)]
pub fn audio_readable(token: u32) -> bool {
    stream(token).is_none_or(|stream| !stream.pcm.wait())
}

fn stream(token: u32) -> Option<Rc<Stream>> {
    STREAMS.with(|streams| streams.get(token))
}

/// What a stream is made of; see `StreamFormat` in src/stream-format.ts.
#[napi(object)]
pub struct NativeAudioSettings {
    /// Hz.
    pub sample_rate: u32,
    /// Channels, interleaved.
    pub channels: u32,
    /// Samples of all channels in a frame.
    pub frame_samples: u32,
    /// Samples of all channels that the ring has room for, at least.
    pub capacity: f64,
    /// What it listens for, if it does.
    pub speech: Option<NativeSpeechSettings>,
}

/// What a stream listens for; see `SpeechStreamOptions` in src/speech.ts.
#[napi(object)]
pub struct NativeSpeechSettings {
    /// From 0 to 1.
    pub threshold: f64,
    /// Ms of speech that start it. None: as soon as it is clear.
    pub min_speech_ms: Option<u32>,
    /// Ms of silence that end it.
    pub min_silence_ms: u32,
    /// Ms that are delivered of what was before speech. None: everything is delivered.
    pub pre_roll_ms: Option<u32>,
}

/// How loud 10 ms were, in dBFS.
#[napi(object)]
pub struct NativeLevel {
    /// The loudest sample.
    pub peak: f64,
    /// Root of the mean square.
    pub rms: f64,
}

#[napi]
impl NativeAudioStream {
    /// A stream; `doorbell` rings while it is waited for.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env, settings: NativeAudioSettings, doorbell: u32) -> Result<Self> {
        let NativeAudioSettings { sample_rate, channels, frame_samples, capacity, speech } = settings;
        if sample_rate == 0 || channels == 0 || frame_samples == 0 || !frame_samples.is_multiple_of(channels) {
            let refused = "a stream has a rate, channels, and frames with as many samples for each of them";
            return Err(error(Code::InvalidArgument, refused));
        }
        let waiter = new_waiter(doorbell)?;
        let token = waiter.token();
        let format = Format { sample_rate, channels, frame_samples: frame_samples as usize };
        let mut ear_token = 0;
        let pcm = Arc::new(match speech {
            None => PcmStream::new(format, capacity as usize, waiter),
            Some(speech) => {
                let ear = ear_settings(format, &speech, doorbell)?;
                ear_token = ear.waiter.token();
                PcmStream::with_ear(format, capacity as usize, waiter, ear).map_err(refused)?
            }
        });
        // Otherwise a forgotten stream looks like a few bytes to the collector, and stays.
        let accounted = (capacity as i64).saturating_mul(2) + if ear_token == 0 { 0 } else { EAR_BYTES };
        env.adjust_external_memory(accounted).map_err(from_napi)?;
        let stream = Stream {
            writer: RefCell::new(StreamWriter::new(pcm.clone())),
            pcm,
            shared: OnceCell::new(),
            engine_handle: Cell::new(0),
            gap: Cell::new(0),
            withheld: Cell::new(0),
            speech: Cell::new(false),
            ear_token,
        };
        let state = RefCell::new(State::Open(Handle::listed(&STREAMS, token, stream)));
        Ok(Self { token, state, accounted: Cell::new(accounted) })
    }

    /// What the doorbell calls this stream.
    #[napi(getter, catch_unwind)]
    pub fn token(&self) -> u32 {
        self.token
    }

    /// Feeds the stream from the engine. `request` asks the engine for a stream and returns its handle, which this
    /// stream owns from then on, or 0 if there is none; frames that come before `request` has returned are not lost.
    /// `engine_rate` is the rate that it asks for, in Hz: another one than this stream's is converted natively.
    #[napi(catch_unwind)]
    pub fn open_engine_stream(&self, engine_rate: u32, request: Function<(), BigInt>) -> Result<()> {
        let engine = crate::livekit::listening_engine()?;
        let stream = self.open().ok_or_else(|| error(Code::Closed, "the stream is closed"))?;
        let sink = sink(&stream.pcm, engine_rate)?;
        let _expecting = engine.expect_stream();
        let handle = handle(&request.call(()).map_err(from_napi)?)?;
        if handle == 0 {
            return Ok(());
        }
        stream.engine_handle.set(handle);
        engine.open_stream(handle, sink);
        Ok(())
    }

    /// The id under which other addons open this stream, and become its producer.
    #[napi(getter, catch_unwind)]
    pub fn id(&self) -> Result<BigInt> {
        let stream = self.open().ok_or_else(|| error(Code::Closed, "the stream is closed, and has no id any more"))?;
        Ok(stream.shared.get_or_init(|| SharedStream::publish(stream.pcm.clone())).id().into())
    }

    /// Appends interleaved samples, converted to the stream's rate and channels.
    #[napi(catch_unwind)]
    pub fn write(&self, pcm: Int16ArraySlice, sample_rate: u32, channels: u32) -> Result<()> {
        self.writing(|writer| writer.write(&pcm, Kind { sample_rate, channels }))
    }

    /// What was written is the end of a turn: what waits in the resampler goes on, and silence fills the last frame.
    #[napi(catch_unwind)]
    pub fn flush(&self) -> Result<()> {
        self.writing(StreamWriter::flush)
    }

    /// What was written is all: what waits in the resampler goes on, unless another addon is the producer.
    #[napi(catch_unwind)]
    pub fn finish(&self) -> Result<()> {
        self.writing(StreamWriter::finish)
            .or_else(|error| if matches!(error.status, Code::Locked) { Ok(()) } else { Err(error) })
    }

    /// Gives up what waits to be read and in the resampler, and returns how many samples of all channels that was: without
    /// those in the resampler of an addon that is the producer, which gives them up at its next call.
    #[napi(catch_unwind)]
    pub fn discard(&self) -> f64 {
        self.open().map_or(0.0, |stream| {
            // First: what the addon writes after it is not given up.
            if let Some(shared) = stream.shared.get() {
                shared.discard();
            }
            stream.writer.borrow_mut().discard() as f64
        })
    }

    /// Gives up all that waits, and returns how many samples of all channels that was.
    #[napi(catch_unwind)]
    pub fn clear(&self) -> f64 {
        self.open().map_or(0.0, |stream| stream.pcm.clear() as f64)
    }

    /// Frames that were dropped before what was read last.
    #[napi(getter, catch_unwind)]
    pub fn gap(&self) -> f64 {
        self.open().map_or(0.0, |stream| stream.gap.get() as f64)
    }

    /// Samples of all channels that were withheld before what was read last.
    #[napi(getter, catch_unwind)]
    pub fn withheld(&self) -> f64 {
        self.open().map_or(0.0, |stream| stream.withheld.get() as f64)
    }

    /// Whether there is speech in what was read last.
    #[napi(getter, catch_unwind)]
    pub fn speech(&self) -> bool {
        self.open().is_some_and(|stream| stream.speech.get())
    }

    /// The stream's ear, if it listens.
    #[napi(catch_unwind)]
    pub fn ear(&self) -> Option<NativeEar> {
        let stream = self.open()?;
        Some(NativeEar::new(stream.pcm.ear()?.clone(), stream.ear_token))
    }

    /// How loud the last 10 ms were that came in.
    #[napi(getter, catch_unwind)]
    pub fn level(&self) -> NativeLevel {
        let Level { peak, rms } = self.open().map_or_else(Level::default, |stream| stream.pcm.level());
        NativeLevel { peak: Level::decibels(peak), rms: Level::decibels(rms) }
    }

    /// Whether no more samples will come. Some may be buffered.
    #[napi(getter, catch_unwind)]
    pub fn ended(&self) -> bool {
        self.open().is_none_or(|stream| stream.pcm.has_ended())
    }

    /// Samples of all channels that wait.
    #[napi(getter, catch_unwind)]
    pub fn buffered(&self) -> f64 {
        self.open().map_or(0.0, |stream| stream.pcm.buffered() as f64)
    }

    /// What the stream counted so far.
    #[napi(catch_unwind)]
    pub fn stats(&self) -> NativeAudioStats {
        match &*self.state.borrow() {
            State::Open(stream) => stream.pcm.stats().into(),
            State::Abandoned(stats) => (*stats).into(),
        }
    }

    /// Closes the engine's stream, if there is one, and ends this one. What is buffered stays readable.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        if let State::Open(stream) = &*self.state.borrow() {
            stream.release();
        }
    }

    /// Closes the stream, and gives up what is buffered: its memory goes now, and not when JavaScript's object does.
    #[napi(catch_unwind)]
    pub fn abandon(&self, env: Env) -> Result<()> {
        self.close();
        let Some(stream) = self.open() else { return Ok(()) };
        // What waited then still counts as buffered: it was neither read nor lost.
        self.state.replace(State::Abandoned(stream.pcm.stats()));
        env.adjust_external_memory(-self.accounted.take()).map_err(from_napi)?;
        Ok(())
    }

    fn writing(&self, write: impl FnOnce(&mut StreamWriter) -> std::result::Result<(), TrackWriteError>) -> Result<()> {
        let Some(stream) = self.open() else { return Ok(()) };
        let mut writer = stream.writer.borrow_mut();
        let write = || write(&mut writer).map_err(refused);
        let Some(shared) = stream.shared.get() else { return write() };
        shared.write(write).unwrap_or_else(|Locked| {
            let locked =
                "a native addon writes to this stream: write to another one, or wait until it has closed its handle";
            Err(error(Code::Locked, locked))
        })
    }

    fn open(&self) -> Option<Rc<Stream>> {
        match &*self.state.borrow() {
            State::Open(stream) => Some(stream.object()),
            State::Abandoned(_) => None,
        }
    }
}

fn ear_settings(format: Format, speech: &NativeSpeechSettings, doorbell: u32) -> Result<EarSettings> {
    let Format { sample_rate, channels, .. } = format;
    let NativeSpeechSettings { threshold, min_speech_ms, min_silence_ms, pre_roll_ms } = *speech;
    // Times that are no mistake, and that memory can be had for.
    if [min_speech_ms.unwrap_or(0), min_silence_ms, pre_roll_ms.unwrap_or(0)].iter().any(|&ms| ms > MOST_MS) {
        return Err(error(Code::InvalidArgument, "a stream does not listen for so long"));
    }
    let deliver = pre_roll_ms.map_or(Deliver::All, |pre_roll_ms| Deliver::Speech { pre_roll_ms });
    let threshold = threshold as f32;
    let speech = SpeechSettings { sample_rate, channels, threshold, min_speech_ms, min_silence_ms };
    Ok(EarSettings { speech, deliver, waiter: new_waiter(doorbell)? })
}

/// From frames of `engine_rate` into a stream.
fn sink(stream: &Arc<PcmStream>, engine_rate: u32) -> Result<AudioSink> {
    let Format { sample_rate, channels, .. } = stream.format();
    if engine_rate == sample_rate {
        return Ok(stream.clone().into());
    }
    let settings = ResamplerSettings {
        input_rate: engine_rate,
        output_rate: sample_rate,
        channels: channels as usize,
        quality: Quality::Medium,
        // Frames of 10 ms stay frames of 10 ms: each one that comes lets one be read.
        latency: Latency::Low,
        dither: false,
    };
    AudioSink::converted(stream.clone(), settings).map_err(refused)
}

impl ObjectFinalize for NativeAudioStream {
    fn finalize(self, env: Env) -> napi::Result<()> {
        let accounted = self.accounted.take();
        drop(self);
        env.adjust_external_memory(-accounted)?;
        Ok(())
    }
}
