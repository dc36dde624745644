//! The table that other addons call.

use crate::{queue, stream};
use narrowcast_abi::{MAJOR, MINOR, Status, Table};
use narrowcast_core::SnapshotMap;
use narrowcast_core::sync::Arc;
use std::ffi::{CStr, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(version) => version,
    Err(_) => c"",
};

static TABLE: Table = Table {
    major: MAJOR,
    minor: MINOR,
    version: VERSION.as_ptr(),
    message,
    queue_open: queue::open,
    queue_type: queue::kind,
    queue_put: queue::put,
    queue_close: queue::close,
    stream_open: stream::open,
    stream_write: stream::write,
    stream_end: stream::end,
    stream_close: stream::close,
};

/// The C interface of this process.
pub fn table() -> &'static Table {
    &TABLE
}

extern "C" fn message(status: Status) -> *const c_char {
    let text = match status {
        Status::OK => c"done",
        Status::INVALID_ARGUMENT => {
            c"an argument is invalid: a null or misaligned pointer, a length that is too large or no whole number of channels, \
              an unknown type or flag, more than 64 channels, a rate or channels that cannot be converted into the stream's, or \
              OWNED without an owner"
        }
        Status::CLOSED => c"JavaScript has closed it, or its thread has ended: stop putting events or samples into it",
        Status::NOT_FOUND => {
            c"no open queue or stream has this id or handle: keep a reference to the FfiQueue or AudioStream in JavaScript, \
              and use no handle after it was closed"
        }
        Status::LOCKED => c"another producer has this stream: one thread at a time may write to it",
        Status::PANIC => c"narrowcast panicked: please report it",
        _ => c"an unknown status",
    };
    text.as_ptr()
}

/// The last handle. Queues and streams share the numbers, so a queue's handle is never taken for a stream's.
static LAST: AtomicU64 = AtomicU64::new(0);

/// What other addons have opened, by handle. A handle is a number that is never used again: one that is used after it was closed is
/// refused, and not another addon's.
pub struct Open<T> {
    entries: LazyLock<SnapshotMap<Arc<T>>>,
}

impl<T> Open<T> {
    pub const fn new() -> Self {
        Self { entries: LazyLock::new(SnapshotMap::new) }
    }

    /// Opens it, and returns its handle.
    pub fn add(&self, value: T) -> u64 {
        let handle = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        self.entries.change(|entries| entries.set(handle, Some(Arc::new(value))));
        handle
    }

    /// Calls `work` with what this handle names. Takes no lock. It stays there until `work` returns, also if it is closed meanwhile.
    #[inline]
    pub fn with(&self, handle: u64, work: impl FnOnce(&T) -> Status) -> Status {
        self.entries.with(handle, |value| value.map_or(Status::NOT_FOUND, |value| work(value)))
    }

    /// Closes a handle. What it named is dropped once no thread works with what this or another handle named: what must be over
    /// by then, do before.
    pub fn remove(&self, handle: u64) -> Status {
        // Dropped after the change: that runs an owner's code, which may open and close others.
        let value = self.entries.change(|entries| entries.set(handle, None));
        if value.is_some() { Status::OK } else { Status::NOT_FOUND }
    }
}

/// Does what an addon asked for. A panic becomes a status: one that crossed into C would abort the process.
#[inline]
pub fn guarded(work: impl FnOnce() -> Status) -> Status {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Status::PANIC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_status() {
        assert_eq!(guarded(|| panic!("on purpose")), Status::PANIC);
    }
}
