//! What other addons have opened, by its handle.

use narrowcast_abi::Status;
use narrowcast_core::SnapshotMap;
use narrowcast_core::sync::Arc;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

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
