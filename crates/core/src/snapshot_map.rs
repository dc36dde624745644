//! A [`SubjectMap`] that one side changes and another reads without a lock.

use crate::subject_map::SubjectMap;
use crate::sync::{Arc, ArcSwap, Mutex, lock};

/// A map that any thread reads without blocking, and that is changed under a mutex no reader touches.
pub struct SnapshotMap<V> {
    snapshot: ArcSwap<SubjectMap<V>>,
    writer: Mutex<()>,
}

impl<V: Clone> SnapshotMap<V> {
    /// A map without entries.
    pub fn new() -> Self {
        Self { snapshot: ArcSwap::from_pointee(SubjectMap::new()), writer: Mutex::new(()) }
    }

    /// Calls `read` with the value of a subject. Takes no lock.
    #[inline]
    pub fn with<T>(&self, subject: u64, read: impl FnOnce(Option<&V>) -> T) -> T {
        read(self.snapshot.load().get(subject))
    }

    /// Calls `read` with the map as it is. Takes no lock.
    pub fn snapshot<T>(&self, read: impl FnOnce(&SubjectMap<V>) -> T) -> T {
        read(&self.snapshot.load())
    }

    /// Changes the map; readers see all of the change or none of it.
    pub fn change<T>(&self, change: impl FnOnce(&mut SubjectMap<V>) -> T) -> T {
        let writer = lock(&self.writer);
        let mut next = (**self.snapshot.load()).clone();
        let result = change(&mut next);
        let old = self.snapshot.swap(Arc::new(next));
        // Dropping a value runs code of its own, which may want to change the map.
        drop(writer);
        drop(old);
        result
    }
}

impl<V: Clone> Default for SnapshotMap<V> {
    fn default() -> Self {
        Self::new()
    }
}
