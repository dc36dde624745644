//! What ../c/sender.c does, in Rust: threads of an addon send events and a tone into narrowcast, without JavaScript.

use napi::bindgen_prelude::{BigInt, Env, Object};
use napi::{Error, JsValue, Result, Status, sys};
use napi_derive::napi;
use narrowcast_abi::{Interface, TYPE_TAG};
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const BURST: u64 = 64;
const HANDLES: u64 = 16;
const TICK: Duration = Duration::from_millis(10);
const RATE: u32 = 16_000;

static SENT: AtomicU32 = AtomicU32::new(0);
static REFUSED: AtomicU32 = AtomicU32::new(0);

/// The interface in what `nativeInterface()` returned.
fn interface(env: &Env, object: &Object) -> Result<Interface> {
    let tag = sys::napi_type_tag { lower: TYPE_TAG[0], upper: TYPE_TAG[1] };
    let (mut tagged, mut table) = (false, ptr::null_mut());
    // SAFETY: both are of the running call; where the tag is right, the object wraps narrowcast's table.
    let found = unsafe {
        sys::napi_check_object_type_tag(env.raw(), object.raw(), &tag, &mut tagged);
        if tagged {
            sys::napi_unwrap(env.raw(), object.raw(), &mut table);
        }
        Interface::from_raw(table.cast())
    };
    if !tagged {
        return Err(Error::new(Status::InvalidArg, "expected what nativeInterface() of narrowcast returns"));
    }
    found.map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::from_reason(error.to_string())
}

/// Calls `work` with 0, 1, 2 and so on, once every 10 ms, until it says false.
fn every_tick(count: u64, mut work: impl FnMut(u64) -> bool) {
    let start = Instant::now();
    for tick in 0..count {
        thread::sleep((start + TICK * tick as u32).saturating_duration_since(Instant::now()));
        if !work(tick) {
            return;
        }
    }
}

/// Each of `threads` threads sends `events` events, 64 every 10 ms.
#[napi]
pub fn start(env: &Env, narrowcast: Object, queue_id: BigInt, threads: u32, events: u32) -> Result<()> {
    let interface = interface(env, &narrowcast)?;
    for _ in 0..threads {
        let queue = interface.open_queue(queue_id.get_u64().1).map_err(failed)?;
        let types = [queue.kind("level").map_err(failed)?, queue.kind("stats").map_err(failed)?];
        thread::Builder::new().spawn(move || {
            every_tick(u64::from(events).div_ceil(BURST), |tick| {
                (tick * BURST..u64::from(events).min((tick + 1) * BURST)).all(|number| {
                    let kind = types[number as usize % 2];
                    // Copied during the call, if a subscription wants it, and not looked at otherwise.
                    let put = queue.put(kind, 1 + number / 2 % HANDLES, &number.to_ne_bytes());
                    let count = if put.is_ok() { &SENT } else { &REFUSED };
                    count.fetch_add(1, Ordering::Relaxed);
                    put.is_ok()
                })
            });
        })?;
    }
    Ok(())
}

/// A thread writes a tone into a stream of 16 kHz, 10 ms at a time, and ends it.
#[napi]
pub fn tone(env: &Env, narrowcast: Object, stream_id: BigInt, seconds: u32) -> Result<()> {
    let stream = interface(env, &narrowcast)?.open_stream(stream_id.get_u64().1, RATE, 1).map_err(failed)?;
    thread::Builder::new().spawn(move || {
        let frame = u64::from(RATE) / 100;
        every_tick(u64::from(seconds) * 100, |tick| {
            let sample = |at| (f64::from(RATE).recip() * (tick * frame + at) as f64 * 440.0 * std::f64::consts::TAU).sin();
            let samples: Vec<i16> = (0..frame).map(|at| (8000.0 * sample(at)) as i16).collect();
            stream.write(&samples).is_ok()
        });
        // Closed by JavaScript already, perhaps.
        let _ = stream.end();
    })?;
    Ok(())
}

/// What was sent so far.
#[napi(object)]
pub struct Counts {
    /// Events that narrowcast took.
    pub sent: u32,
    /// Events that it refused: the queue was closed.
    pub refused: u32,
}

/// How many events were sent so far.
#[napi]
pub fn counts() -> Counts {
    Counts { sent: SENT.load(Ordering::Relaxed), refused: REFUSED.load(Ordering::Relaxed) }
}
