//! The native threads that play the tracks of this process: one into the engine, one rings for sinks.

use crate::bigint::handle;
use crate::error::{Result, no_thread};
use napi::bindgen_prelude::BigInt;
use napi_derive::napi;
use narrowcast_audio::AlarmClock;
use narrowcast_livekit::{CapturePump, Engine};
use std::sync::OnceLock;

static ALARMS: OnceLock<AlarmClock> = OnceLock::new();

/// The thread that rings for the tracks of this process that are played to sinks.
pub fn alarms() -> Result<&'static AlarmClock> {
    if let Some(alarms) = ALARMS.get() {
        return Ok(alarms);
    }
    let alarms = AlarmClock::start().map_err(no_thread)?;
    // Where another thread was first, this one sleeps for good.
    Ok(ALARMS.get_or_init(|| alarms))
}

static PUMP: OnceLock<CapturePump> = OnceLock::new();

/// The thread that plays all tracks of this process.
pub fn pump(engine: &'static Engine) -> Result<&'static CapturePump> {
    if let Some(pump) = PUMP.get() {
        return Ok(pump);
    }
    let pump = CapturePump::start(engine, Vec::new()).map_err(no_thread)?;
    // Where another thread was first, this pump ends.
    Ok(PUMP.get_or_init(|| pump))
}

/// The queue of a source was emptied: what plays into it fills it again.
#[napi(catch_unwind)]
pub fn source_emptied(source: BigInt) -> Result<()> {
    let handle = handle(&source)?;
    if let Some(pump) = PUMP.get() {
        pump.source_emptied(handle);
    }
    Ok(())
}
