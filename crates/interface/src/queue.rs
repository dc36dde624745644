//! Queues: what JavaScript shares by an id, and what other addons do with them.

use crate::open::{Open, guarded};
use crate::shared_table::SharedTable;
use narrowcast_abi::{MAX_PAYLOAD, OWNED, RawOwner, Status};
use narrowcast_core::sync::Arc;
use narrowcast_core::{Broadcast, Kind, Owner};
use std::ffi::{c_char, c_void};
use std::slice;

/// Queues by their id, for threads that open one.
static QUEUES: SharedTable<Queue> = SharedTable::new();

/// A broadcast with names for its kinds.
pub struct Queue {
    id: u64,
    types: Vec<String>,
    broadcast: Arc<Broadcast>,
}

impl Queue {
    /// Gives `broadcast` an id under which any thread can open it.
    pub fn publish(types: Vec<String>, broadcast: Arc<Broadcast>) -> Arc<Self> {
        QUEUES.publish(|id| Self { id, types, broadcast })
    }

    /// The queue with this id, if JavaScript or another addon still has it.
    pub fn get(id: u64) -> Option<Arc<Self>> {
        QUEUES.get(id)
    }

    /// Its process-wide id.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The name of each kind; empty where a number has none.
    pub fn types(&self) -> &[String] {
        &self.types
    }

    /// Where its events go.
    pub fn broadcast(&self) -> &Arc<Broadcast> {
        &self.broadcast
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        QUEUES.remove(self.id);
    }
}

/// A queue that another addon has opened.
struct OpenQueue {
    queue: Arc<Queue>,
    owner: Option<Arc<dyn Owner>>,
}

static OPEN: Open<OpenQueue> = Open::new();

/// Another addon's functions that release what its payloads own.
struct ForeignOwner {
    release: unsafe extern "C" fn(*mut c_void, u32, *const c_void, usize),
    raw: RawOwner,
}

// SAFETY: the header says that both functions are called on any thread, and that the context is for them alone.
unsafe impl Send for ForeignOwner {}
// SAFETY: as for Send.
unsafe impl Sync for ForeignOwner {}

impl Owner for ForeignOwner {
    fn release(&self, kind: Kind, payload: &[u8]) {
        // SAFETY: the addon promised a function that takes its context and a payload, which lives during the call; `dropped` has
        // not been called, for that is done when this is dropped.
        unsafe { (self.release)(self.raw.context, kind.into(), payload.as_ptr().cast(), payload.len()) };
    }
}

impl Drop for ForeignOwner {
    fn drop(&mut self) {
        if let Some(dropped) = self.raw.dropped {
            // SAFETY: the addon promised a function that takes its context; this is the last call with it.
            unsafe { dropped(self.raw.context) };
        }
    }
}

/// # Safety
/// `owner` points to an owner or is null; `handle` points to a number or is null.
pub unsafe extern "C" fn open(id: u64, owner: *const RawOwner, handle: *mut u64) -> Status {
    guarded(|| {
        // SAFETY: the caller's promise.
        let (owner, handle) = unsafe { (owner.as_ref(), handle.as_mut()) };
        let Some(handle) = handle else { return Status::INVALID_ARGUMENT };
        let release = owner.map(|owner| owner.release);
        if release == Some(None) {
            return Status::INVALID_ARGUMENT;
        }
        let Some(queue) = Queue::get(id) else { return Status::NOT_FOUND };
        if queue.broadcast.is_closed() {
            return Status::CLOSED;
        }
        let owner = owner
            .zip(release.flatten())
            .map(|(raw, release)| -> Arc<dyn Owner> { Arc::new(ForeignOwner { release, raw: *raw }) });
        *handle = OPEN.add(OpenQueue { queue, owner });
        Status::OK
    })
}

/// # Safety
/// `name` points to as many bytes as `length` says, or is null; `kind` points to a number or is null.
pub unsafe extern "C" fn kind(queue: u64, name: *const c_char, length: usize, kind: *mut u32) -> Status {
    guarded(|| {
        // SAFETY: the caller's promise.
        let (name, kind) = unsafe { (bytes(name.cast(), length), kind.as_mut()) };
        // A number without a type has the empty name, which is no type's.
        let (Some(name), Some(kind)) = (name.filter(|name| !name.is_empty()), kind) else {
            return Status::INVALID_ARGUMENT;
        };
        OPEN.with(queue, |open| match open.queue.types.iter().position(|each| each.as_bytes() == name) {
            Some(at) => {
                *kind = at as u32;
                Status::OK
            }
            None => Status::INVALID_ARGUMENT,
        })
    })
}

/// # Safety
/// `payload` points to as many bytes as `length` says, or is null; `receivers` points to a number or is null.
pub unsafe extern "C" fn put(
    queue: u64,
    kind: u32,
    subject: u64,
    payload: *const c_void,
    length: usize,
    flags: u32,
    receivers: *mut u32,
) -> Status {
    guarded(|| {
        // SAFETY: the caller's promise.
        let (payload, receivers) = unsafe { (bytes(payload.cast(), length), receivers.as_mut()) };
        OPEN.with(queue, |OpenQueue { queue, owner }| {
            let is_type = queue.types.get(kind as usize).is_some_and(|name| !name.is_empty());
            let owner = if flags == OWNED { owner.as_ref() } else { None };
            let (Some(payload), true, true) = (payload, is_type, owner.is_some() || flags == 0) else {
                return Status::INVALID_ARGUMENT;
            };
            if queue.broadcast.is_closed() {
                return Status::CLOSED;
            }
            // A type's number is below 128. If the queue closes now, the event is unwanted, and its owner releases what it has.
            let sent = queue.broadcast.send(kind as Kind, subject, payload, owner);
            if let Some(receivers) = receivers {
                *receivers = sent as u32;
            }
            Status::OK
        })
    })
}

pub extern "C" fn close(queue: u64) -> Status {
    guarded(|| OPEN.remove(queue))
}

/// A payload's bytes; `None` if there can be no such memory.
///
/// # Safety
/// `start` points to as many bytes as `length` says, which nothing changes while the slice is used, or is null.
unsafe fn bytes<'a>(start: *const u8, length: usize) -> Option<&'a [u8]> {
    match length {
        0 => Some(&[]),
        _ if start.is_null() || length > MAX_PAYLOAD => None,
        // SAFETY: the caller's promise; the length is below `isize::MAX`.
        _ => Some(unsafe { slice::from_raw_parts(start, length) }),
    }
}
