//! The engine, as TypeScript sees it.

use crate::error::{Code, Result, error, refused};
use crate::ffi_queue::{NativeQueue, NativeQueueStats};
use crate::handles::{Handle, Release};
use crate::js_thread::{enter, thread_wakes};
use crate::wake::process_wakes;
use napi::Env;
use napi::bindgen_prelude::{BigInt, Uint8ArraySlice};
use napi_derive::napi;
use narrowcast_core::Group;
use narrowcast_interface::Queue;
use narrowcast_livekit::wire::{AudioSpec, CaseSpec, Schema, SchemaSpec};
use narrowcast_livekit::{CaptureAnswers, CaptureSpec, Engine, Events, LoadError, ThreadIds, VideoSpec};
use std::cell::{Cell, RefCell};
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// One case of the engine's events, from the installed package's descriptors.
#[napi(object)]
pub struct NativeCase {
    /// Field number in `FfiEvent`.
    pub field: u32,
    /// The case's name.
    pub name: String,
    /// Field number of what the event is about.
    pub subject: Option<u32>,
    /// Whether the subject is the async id of a request.
    pub answer: bool,
    /// Paths of field numbers to the ids of the native handles that the event owns.
    pub owned: Vec<Vec<u32>>,
}

/// Field numbers in the audio stream's events.
#[napi(object)]
pub struct NativeAudioFields {
    /// `audioStreamEvent` in `FfiEvent`.
    pub case: u32,
    /// `frameReceived` in the event.
    pub frame_received: u32,
    /// `eos` in the event.
    pub eos: u32,
    /// `frame` in what was received.
    pub frame: u32,
    /// `handle` of the frame.
    pub handle: u32,
    /// `id` of the handle.
    pub handle_id: u32,
    /// `info` of the frame.
    pub info: u32,
    /// `dataPtr` in the info.
    pub data_ptr: u32,
    /// `numChannels` in the info.
    pub num_channels: u32,
    /// `sampleRate` in the info.
    pub sample_rate: u32,
    /// `samplesPerChannel` in the info.
    pub samples_per_channel: u32,
}

/// Field numbers in the messages that capture audio.
#[napi(object)]
pub struct NativeCaptureFields {
    /// `captureAudioFrame` in `FfiRequest`.
    pub request: u32,
    /// `sourceHandle` in the request.
    pub source_handle: u32,
    /// `buffer` in the request.
    pub buffer: u32,
    /// `requestAsyncId` in the request.
    pub request_async_id: u32,
    /// `clearAudioBuffer` in `FfiRequest`.
    pub clear: u32,
    /// `sourceHandle` in that request.
    pub clear_source: u32,
    /// `captureAudioFrame` in `FfiEvent`.
    pub answer: u32,
    /// `error` in the answer.
    pub error: u32,
}

/// Field numbers in the video stream's events.
#[napi(object)]
pub struct NativeVideoFields {
    /// `videoStreamEvent` in `FfiEvent`.
    pub case: u32,
    /// `eos` in the event.
    pub eos: u32,
}

/// What narrowcast has to know of the engine's messages.
#[napi(object)]
pub struct NativeSchema {
    /// Every case of an event, in the order of the queue's types.
    pub cases: Vec<NativeCase>,
    /// Audio frames.
    pub audio: NativeAudioFields,
    /// Audio capture.
    pub capture: NativeCaptureFields,
    /// Video frames.
    pub video: NativeVideoFields,
}

/// What the engine's callback counted; see `Engine.stats()`.
#[napi(object)]
pub struct NativeEngineStats {
    /// Calls of the callback.
    pub received: f64,
    /// Answers to narrowcast's own requests.
    pub answered: f64,
    /// Events of an unknown case.
    pub unknown: f64,
    /// Messages that are no valid protobuf.
    pub malformed: f64,
    /// Panics caught in the callback.
    pub panics: f64,
    /// Times that another thread had taken the callback.
    pub stolen: f64,
    /// Audio streams that the engine feeds.
    pub streams: f64,
    /// Frames copied into a stream's ring.
    pub frames: f64,
    /// Frames of closed streams, released natively.
    pub frames_released: f64,
    /// Frames that did not fit their stream's format.
    pub frames_malformed: f64,
    /// Events that came before their stream was registered.
    pub held: f64,
    /// Of those, lost.
    pub held_dropped: f64,
    /// Video streams that the engine feeds.
    pub video_streams: f64,
    /// Frames that came for them.
    pub video_frames: f64,
    /// Frames of closed video streams, released natively.
    pub video_frames_released: f64,
    /// Wakes of this process's JavaScript threads, for events and for frames.
    pub wakes: f64,
    /// Of these, wakes of the thread that asks.
    pub thread_wakes: f64,
    /// Everything else.
    pub events: NativeQueueStats,
}

/// Which event an encoded `FfiEvent` is.
#[napi(object)]
pub struct NativePeek {
    /// The case's name.
    pub r#type: String,
    /// What it is about.
    pub handle: BigInt,
    /// The native handles that it owns.
    pub owned: Vec<BigInt>,
}

/// Attaches this process to the engine in the file at `path`. As `listener`, which is the group that this thread is, takes
/// over its callback; without, the holder of the callback keeps it, and the engine can only be asked. A thread listens until
/// it says [`engine_leave`], or ends.
#[napi(catch_unwind)]
pub fn engine_attach(env: Env, path: String, schema: NativeSchema, listener: Option<u32>) -> Result<()> {
    let (schema, captures, video) = read_schema(schema)?;
    let events = if listener.is_some() { Events::Here } else { Events::Elsewhere };
    let attached = Engine::attach(Path::new(&path), schema, CaptureAnswers::new(captures), video, events);
    let engine = attached.map_err(|load| {
        let code = match load {
            LoadError::Open { .. } => Code::EngineNotFound,
            LoadError::MissingSymbol { .. } | LoadError::Other { .. } => Code::EngineIncompatible,
        };
        error(code, load.to_string())
    })?;
    listener.map_or(Ok(()), |group| join(env, engine, group))
}

/// That a JavaScript thread listens to the engine.
struct Joined {
    group: Group,
    left: Cell<bool>,
}

impl Release for Joined {
    fn release(&self) {
        if !self.left.replace(true)
            && let Some(engine) = Engine::get()
        {
            engine.claims().forget(self.group);
            engine.leave();
        }
    }
}

thread_local! {
    static JOINED: RefCell<Option<Handle<Joined>>> = const { RefCell::new(None) };
}

fn join(env: Env, engine: &Engine, group: Group) -> Result<()> {
    enter(env)?;
    JOINED.with_borrow_mut(|slot| {
        if slot.is_some() {
            return Ok(());
        }
        let joined = Handle::new(Joined { group, left: Cell::new(false) })?;
        engine.join();
        *slot = Some(joined);
        Ok(())
    })
}

/// This thread listens to the engine no more. With the last one, every stream that the engine feeds ends, in all threads.
#[napi(catch_unwind)]
pub fn engine_leave() {
    drop(JOINED.take());
}

/// Whether any thread of this process listens to the engine.
#[napi(catch_unwind)]
pub fn engine_attached() -> bool {
    Engine::listening().is_some()
}

/// The queue of everything that the engine sends, but for the frames of our own streams and answers to our own requests.
#[napi(catch_unwind)]
pub fn engine_queue() -> Result<NativeQueue> {
    static QUEUE: OnceLock<Arc<Queue>> = OnceLock::new();
    let engine = engine()?;
    let queue = QUEUE.get_or_init(|| Queue::publish(event_types(engine), engine.broadcast().clone()));
    Ok(queue.clone().into())
}

/// The queue of the frames of our own video streams, for each thread that opens one.
#[napi(catch_unwind)]
pub fn engine_video_queue() -> Result<NativeQueue> {
    static QUEUE: OnceLock<Arc<Queue>> = OnceLock::new();
    let engine = engine()?;
    let queue = QUEUE.get_or_init(|| Queue::publish(event_types(engine), engine.video().clone()));
    Ok(queue.clone().into())
}

fn event_types(engine: &Engine) -> Vec<String> {
    let schema = engine.schema();
    (0..schema.kinds()).filter_map(|kind| schema.name(kind as u8)).map(str::to_owned).collect()
}

/// The queue of answers to requests of narrowcast's classes. A thread subscribes as its group, and gets its own.
#[napi(catch_unwind)]
pub fn engine_answers_queue() -> Result<NativeQueue> {
    static QUEUE: OnceLock<Arc<Queue>> = OnceLock::new();
    let engine = engine()?;
    let queue = QUEUE.get_or_init(|| Queue::publish(vec!["answer".to_owned()], engine.own_answers().clone()));
    Ok(queue.clone().into())
}

/// The async ids of one thread's requests.
#[napi(object)]
pub struct NativeThreadIds {
    /// The group that the thread is, in the engine's queues.
    pub group: u32,
    /// The ids of rtc-node's client in it are this plus 1, 2, 3, and so on.
    pub client: BigInt,
    /// The ids of narrowcast's classes in it are this plus 1, 2, 3, and so on.
    pub classes: BigInt,
}

/// Numbers this thread; to be called once in a thread.
#[napi(catch_unwind)]
pub fn engine_thread_ids() -> Result<NativeThreadIds> {
    let ThreadIds { group, client, classes } = engine()?.request_ids().thread();
    Ok(NativeThreadIds { group, client: client.into(), classes: classes.into() })
}

/// What the engine says about `handle` is for the thread that is `group` alone; for 0: for all threads.
#[napi(catch_unwind)]
pub fn engine_claim(handle: BigInt, group: u32) -> Result<()> {
    engine()?.claims().claim(crate::bigint::handle(&handle)?, group);
    Ok(())
}

/// What the engine's callback counted.
#[napi(catch_unwind)]
pub fn engine_stats() -> Result<NativeEngineStats> {
    let stats = engine()?.stats();
    Ok(NativeEngineStats {
        received: stats.received as f64,
        answered: stats.answered as f64,
        unknown: stats.unknown as f64,
        malformed: stats.malformed as f64,
        panics: stats.panics as f64,
        stolen: stats.stolen as f64,
        streams: stats.audio.streams as f64,
        frames: stats.audio.frames as f64,
        frames_released: stats.audio.released as f64,
        frames_malformed: stats.audio.malformed as f64,
        held: (stats.audio.held + stats.video.held) as f64,
        held_dropped: (stats.audio.held_dropped + stats.video.held_dropped) as f64,
        video_streams: stats.video.streams as f64,
        video_frames: stats.video.frames as f64,
        video_frames_released: stats.video.released as f64,
        wakes: process_wakes() as f64,
        thread_wakes: thread_wakes(),
        events: stats.events.into(),
    })
}

/// Sets the engine's callback once more. Where nothing had taken it, that changes nothing.
#[napi(catch_unwind)]
pub fn engine_take_back() -> Result<()> {
    engine()?.take_back();
    Ok(())
}

/// How many ms ago the callback was last taken back, by any thread.
#[napi(catch_unwind)]
pub fn engine_taken_back() -> Result<Option<f64>> {
    Ok(engine()?.taken_back().map(|ago| ago.as_secs_f64() * 1000.0))
}

/// Counts a theft of the callback, unless another thread has counted it since `counted` had been. Returns whether this
/// call did.
#[napi(catch_unwind)]
pub fn engine_count_theft(counted: f64) -> Result<bool> {
    Ok(engine()?.count_theft(counted as u64))
}

/// Ends every stream that the engine feeds, in all threads: no more events will come.
#[napi(catch_unwind)]
pub fn engine_end_streams() {
    if let Some(engine) = Engine::get() {
        engine.end_streams();
    }
}

/// Ends what native threads play into the engine, in all threads: it was disposed of, and has no sources any more.
#[napi(catch_unwind)]
pub fn engine_end_playing() {
    if let Some(engine) = Engine::get() {
        engine.end_playing();
    }
}

/// The engine has left questions of this thread without an answer: what native threads play into it, in all threads, is
/// given up where it does not answer for that either, until it says anything.
#[napi(catch_unwind)]
pub fn engine_note_silence() {
    if let Some(engine) = Engine::get() {
        engine.note_silence();
    }
}

/// Reads an encoded `FfiEvent` as the callback does, with a schema of its own: `narrowcast doctor` compares this with
/// what the installed package decodes.
#[napi(catch_unwind)]
pub fn engine_peek(schema: NativeSchema, message: Uint8ArraySlice) -> Result<NativePeek> {
    let (schema, ..) = read_schema(schema)?;
    let peek = schema.peek(&message).map_err(refused)?;
    let mut owned = Vec::new();
    schema.for_each_owned(peek.kind, peek.body, &mut |id| owned.push(id.into())).map_err(refused)?;
    Ok(NativePeek { r#type: schema.name(peek.kind).unwrap_or_default().to_owned(), handle: peek.subject.into(), owned })
}

/// Test builds: which of the handles that the engine gave out it still knows: those in events that came here, and those
/// of our audio streams. Asking drops them.
#[cfg(feature = "ledger")]
#[napi(catch_unwind)]
pub fn ledger_probe() -> Result<LedgerProbe> {
    let narrowcast_livekit::ledger::Probe { noted, events, streams } =
        narrowcast_livekit::ledger::probe(&**engine()?.abi());
    let big = |handles: Vec<u64>| handles.into_iter().map(BigInt::from).collect();
    Ok(LedgerProbe { recorded: noted as f64, left: big(events), streams: big(streams) })
}

/// Test builds: how many of these handles the engine still knows; for a client that hears its events itself. Asking drops
/// them.
#[cfg(feature = "ledger")]
#[napi(catch_unwind)]
pub fn ledger_probe_handles(handles: Vec<BigInt>) -> Result<u32> {
    let abi = engine()?.abi();
    let mut known = 0;
    for id in &handles {
        known += u32::from(abi.drop_handle(crate::bigint::handle(id)?));
    }
    Ok(known)
}

/// What [`ledger_probe`] found.
#[cfg(feature = "ledger")]
#[napi(object)]
pub struct LedgerProbe {
    /// Handles that the engine gave out, so far.
    pub recorded: f64,
    /// Those in events that were not dropped.
    pub left: Vec<BigInt>,
    /// Those of audio streams that were not dropped.
    pub streams: Vec<BigInt>,
}

/// The engine that this process is attached to.
pub fn engine() -> Result<&'static Engine> {
    Engine::get().ok_or_else(|| {
        error(Code::EngineNotInstalled, "this process is not attached to LiveKit's engine: call install() first")
    })
}

/// The engine, if its events come here: streams of ours can be opened.
pub fn listening_engine() -> Result<&'static Engine> {
    Engine::listening().ok_or_else(|| {
        error(
            Code::EngineNotInstalled,
            "no thread of this process has called install() of narrowcast/livekit: call it in the thread that connects to \
             the room, before streams are opened",
        )
    })
}

fn read_schema(schema: NativeSchema) -> Result<(Schema, CaptureSpec, VideoSpec)> {
    let NativeSchema { cases, audio, capture, video } = schema;
    // Kinds are at most 128, which `Schema::new` checks.
    let kind_of = |field: u32| {
        let kind = cases.iter().position(|case| case.field == field);
        kind.and_then(|kind| kind.try_into().ok()).unwrap_or(u8::MAX)
    };
    let video = VideoSpec { kind: kind_of(video.case), eos: video.eos };
    let captures = CaptureSpec {
        request: capture.request,
        source_handle: capture.source_handle,
        buffer: capture.buffer,
        request_async_id: capture.request_async_id,
        data_ptr: audio.data_ptr,
        num_channels: audio.num_channels,
        sample_rate: audio.sample_rate,
        samples_per_channel: audio.samples_per_channel,
        clear: capture.clear,
        clear_source: capture.clear_source,
        answer: kind_of(capture.answer),
        error: capture.error,
    };
    let spec = SchemaSpec {
        cases: cases
            .into_iter()
            .map(|case| CaseSpec {
                field: case.field,
                name: case.name,
                subject: case.subject,
                answer: case.answer,
                owned: case.owned,
            })
            .collect(),
        audio: AudioSpec {
            case: audio.case,
            frame_received: audio.frame_received,
            eos: audio.eos,
            frame: audio.frame,
            handle: audio.handle,
            handle_id: audio.handle_id,
            info: audio.info,
            data_ptr: audio.data_ptr,
            num_channels: audio.num_channels,
            sample_rate: audio.sample_rate,
            samples_per_channel: audio.samples_per_channel,
        },
    };
    let schema = Schema::new(spec).map_err(|invalid| {
        error(
            Code::EngineIncompatible,
            format!("the installed @livekit/rtc-ffi-bindings describes events that narrowcast can't read: {invalid}"),
        )
    })?;
    Ok((schema, captures, video))
}
