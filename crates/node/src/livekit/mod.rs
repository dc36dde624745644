//! The engine, as TypeScript sees it.

#[cfg(feature = "ledger")]
mod ledger;
pub mod schema;

use crate::error::{Code, Result, error};
use crate::ffi_queue::{NativeQueue, NativeQueueStats};
use crate::handles::{Handle, Release};
use crate::js_thread::{enter, thread_wakes};
use crate::wake::process_wakes;
use napi::Env;
use napi::bindgen_prelude::BigInt;
use napi_derive::napi;
use narrowcast_core::Group;
use narrowcast_interface::Queue;
use narrowcast_livekit::{CaptureAnswers, Engine, Events, LoadError, ThreadIds};
use schema::{NativeSchema, read_schema};
use std::cell::{Cell, RefCell};
use std::path::Path;
use std::sync::{Arc, OnceLock};

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

/// The engine that this process is attached to.
pub fn engine() -> Result<&'static Engine> {
    Engine::get().ok_or_else(|| {
        error(Code::EngineNotInstalled, "this process is not attached to LiveKit's engine: call install() first")
    })
}

/// The engine, if its events come to narrowcast: then streams can be opened.
pub fn listening_engine() -> Result<&'static Engine> {
    Engine::listening().ok_or_else(|| {
        error(
            Code::EngineNotInstalled,
            "no thread of this process has called install() of narrowcast/livekit: call it in the thread that connects to \
             the room, before streams are opened",
        )
    })
}
