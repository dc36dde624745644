//! What threads share by a number: a BigInt that can be posted, and opens the same object in another thread.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Objects of one kind by their process-wide ids. Keeps none of them alive.
pub struct SharedTable<T> {
    entries: Mutex<Option<HashMap<u64, Weak<T>>>>,
    next_id: AtomicU64,
}

impl<T> SharedTable<T> {
    /// No objects.
    pub const fn new() -> Self {
        Self { entries: Mutex::new(None), next_id: AtomicU64::new(1) }
    }

    /// Makes an object with an id of its own.
    pub fn publish(&self, make: impl FnOnce(u64) -> T) -> Arc<T> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let made = Arc::new(make(id));
        self.lock().get_or_insert_default().insert(id, Arc::downgrade(&made));
        made
    }

    /// The object with this id, unless its last owner has dropped it.
    pub fn get(&self, id: u64) -> Option<Arc<T>> {
        self.lock().as_ref()?.get(&id)?.upgrade()
    }

    /// Forgets an id: to be called when the object is dropped.
    pub fn remove(&self, id: u64) {
        if let Some(entries) = self.lock().as_mut() {
            entries.remove(&id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<HashMap<u64, Weak<T>>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for SharedTable<T> {
    fn default() -> Self {
        Self::new()
    }
}
