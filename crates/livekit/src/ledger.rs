//! Test builds only: which of the handles that the engine gave out are left.
//!
//! Noted are the handles in events, when they come, and those of our own audio streams, when they are opened. What is
//! dropped through [`Abi`] is forgotten again, so that the ledger stays as small as what is alive, for hours, and does not
//! show in a process's memory. Handles that went to JavaScript are dropped there, unseen: they stay noted, and the engine
//! is asked for them at the end.

use crate::abi::Abi;
use crate::wire::Schema;
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

static LEDGER: Mutex<Ledger> = Mutex::new(Ledger { noted: 0, events: BTreeSet::new(), streams: BTreeSet::new() });

struct Ledger {
    noted: u64,
    events: BTreeSet<u64>,
    streams: BTreeSet<u64>,
}

/// What became of the handles that were noted.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Probe {
    /// Handles that were noted so far.
    pub noted: u64,
    /// Those from events that the engine still knew.
    pub events: Vec<u64>,
    /// Those of streams that the engine still knew.
    pub streams: Vec<u64>,
}

/// Notes every handle in an encoded event.
pub(crate) fn note_event(schema: &Schema, message: &[u8]) {
    if let Ok(peek) = schema.peek(message) {
        let mut ledger = ledger();
        let _ = schema.for_each_owned(peek.kind, peek.body, &mut |handle| {
            ledger.noted += 1;
            ledger.events.insert(handle);
        });
    }
}

/// Notes the handle of an audio stream.
pub(crate) fn note_stream(handle: u64) {
    let mut ledger = ledger();
    ledger.noted += 1;
    ledger.streams.insert(handle);
}

/// The engine was told to drop a handle: it does not know it any more.
pub(crate) fn forget(handle: u64) {
    let mut ledger = ledger();
    let _ = ledger.events.remove(&handle) || ledger.streams.remove(&handle);
}

/// Which of the noted handles the engine still knows. Asking drops them.
pub fn probe(abi: &dyn Abi) -> Probe {
    let (noted, events, streams) = {
        let mut ledger = ledger();
        (ledger.noted, std::mem::take(&mut ledger.events), std::mem::take(&mut ledger.streams))
    };
    let known = |handles: BTreeSet<u64>| handles.into_iter().filter(|handle| abi.drop_handle(*handle)).collect();
    Probe { noted, events: known(events), streams: known(streams) }
}

fn ledger() -> MutexGuard<'static, Ledger> {
    LEDGER.lock().unwrap_or_else(PoisonError::into_inner)
}
