//! The primitives everything here is built from: std, arc-swap and crossbeam in a build, loom's models of them in a
//! loom test (`--cfg loom`).
//!
//! Under loom the snapshot and the queues are small stand-ins with the same interface: what loom explores is how *our*
//! code composes them. arc-swap and crossbeam bring tests of their own. A stand-in promises no more than what it stands
//! for: looking at a queue may miss a push that nothing orders before the look, so code that relies on more fails.

#[cfg(not(loom))]
pub use std::sync::{Arc, Mutex, MutexGuard, Weak, atomic};

#[cfg(not(loom))]
pub use crossbeam_queue::{ArrayQueue, SegQueue};

#[cfg(not(loom))]
pub use arc_swap::{ArcSwap, Guard};

#[cfg(loom)]
pub use loom::sync::{Arc, Mutex, MutexGuard, atomic};

#[cfg(loom)]
pub use stand_ins::{ArcSwap, ArrayQueue, Guard, SegQueue};

/// Locks, also after a panic elsewhere: what these locks guard is replaced as a whole, never changed in part.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Loom models of the crates that have none.
#[cfg(loom)]
#[allow(missing_docs, clippy::new_without_default)]
mod stand_ins {
    use super::atomic::{AtomicUsize, Ordering};
    use super::{Arc, Mutex, lock};
    use std::collections::VecDeque;
    use std::ops::Deref;
    use std::sync::PoisonError;

    /// Model of `arc_swap::ArcSwap`.
    pub struct ArcSwap<T>(Mutex<Arc<T>>);

    /// Model of `arc_swap::Guard<Arc<T>>`.
    pub struct Guard<T>(T);

    impl<T> Deref for Guard<T> {
        type Target = T;
        fn deref(&self) -> &T {
            &self.0
        }
    }

    impl<T> ArcSwap<T> {
        pub fn from_pointee(value: T) -> Self {
            Self(Mutex::new(Arc::new(value)))
        }
        pub fn load(&self) -> Guard<Arc<T>> {
            Guard(lock(&self.0).clone())
        }
        pub fn swap(&self, value: Arc<T>) -> Arc<T> {
            std::mem::replace(&mut *lock(&self.0), value)
        }
    }

    /// The values of a queue and how many there are. Threads meet at the count only: a loom mutex around the values
    /// would order whatever happened before a push before every later look, which no lock-free queue does.
    ///
    /// Producers read the count by writing it. Where a thread loads an atomic and then changes it, loom 0.7 forgets that
    /// another thread had loaded it before, and never tries the change first.
    struct Counted<T> {
        len: AtomicUsize,
        // Never contended, for loom switches threads only where a loom operation begins.
        values: std::sync::Mutex<VecDeque<T>>,
    }

    impl<T> Counted<T> {
        fn new() -> Self {
            Self { len: AtomicUsize::new(0), values: Default::default() }
        }

        fn len(&self) -> usize {
            self.len.fetch_add(0, Ordering::AcqRel)
        }

        fn is_empty(&self) -> bool {
            self.len.load(Ordering::Acquire) == 0
        }

        fn values(&self) -> std::sync::MutexGuard<'_, VecDeque<T>> {
            self.values.lock().unwrap_or_else(PoisonError::into_inner)
        }

        /// Changes a count that was `len` as `change` says, unless it says `None`; returns the count before.
        fn count(&self, mut len: usize, change: impl Fn(usize) -> Option<usize>) -> Option<usize> {
            loop {
                match self.len.compare_exchange(len, change(len)?, Ordering::AcqRel, Ordering::Acquire) {
                    Ok(_) => return Some(len),
                    Err(newer) => len = newer,
                }
            }
        }

        fn pop(&self) -> Option<T> {
            self.count(self.len.load(Ordering::Acquire), |len| len.checked_sub(1))?;
            self.values().pop_front()
        }
    }

    /// Model of `crossbeam_queue::SegQueue`.
    pub struct SegQueue<T>(Counted<T>);

    impl<T> SegQueue<T> {
        pub fn new() -> Self {
            Self(Counted::new())
        }
        pub fn push(&self, value: T) {
            self.0.len.fetch_add(1, Ordering::AcqRel);
            self.0.values().push_back(value);
        }
        pub fn pop(&self) -> Option<T> {
            self.0.pop()
        }
        pub fn len(&self) -> usize {
            self.0.len()
        }
        pub fn is_empty(&self) -> bool {
            self.0.is_empty()
        }
    }

    /// Model of `crossbeam_queue::ArrayQueue`.
    pub struct ArrayQueue<T> {
        queue: Counted<T>,
        capacity: usize,
    }

    impl<T> ArrayQueue<T> {
        pub fn new(capacity: usize) -> Self {
            Self { queue: Counted::new(), capacity }
        }
        pub fn push(&self, value: T) -> Result<(), T> {
            if self.queue.count(self.len(), |len| (len < self.capacity).then_some(len + 1)).is_none() {
                return Err(value);
            }
            self.queue.values().push_back(value);
            Ok(())
        }
        pub fn force_push(&self, value: T) -> Option<T> {
            let full = self.queue.count(self.len(), |len| Some((len + 1).min(self.capacity))) == Some(self.capacity);
            let mut values = self.queue.values();
            let oldest = if full { values.pop_front() } else { None };
            values.push_back(value);
            oldest
        }
        pub fn pop(&self) -> Option<T> {
            self.queue.pop()
        }
        pub fn len(&self) -> usize {
            self.queue.len()
        }
        pub fn is_empty(&self) -> bool {
            self.queue.is_empty()
        }
    }
}
