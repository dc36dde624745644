//! Test builds: which handles of the engine's are left.

use super::engine;
use crate::error::Result;
use napi::bindgen_prelude::BigInt;
use napi_derive::napi;

/// Which of the handles that the engine gave out it still knows: those in events that came here, and those
/// of our audio streams. Asking drops them.
#[napi(catch_unwind)]
pub fn ledger_probe() -> Result<LedgerProbe> {
    let narrowcast_livekit::ledger::Probe { noted, events, streams } =
        narrowcast_livekit::ledger::probe(&**engine()?.abi());
    let big = |handles: Vec<u64>| handles.into_iter().map(BigInt::from).collect();
    Ok(LedgerProbe { recorded: noted as f64, left: big(events), streams: big(streams) })
}

/// How many of these handles the engine still knows; for a client that hears its events itself. Asking drops
/// them.
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
#[napi(object)]
pub struct LedgerProbe {
    /// Handles that the engine gave out, so far.
    pub recorded: f64,
    /// Those in events that were not dropped.
    pub left: Vec<BigInt>,
    /// Those of audio streams that were not dropped.
    pub streams: Vec<BigInt>,
}
