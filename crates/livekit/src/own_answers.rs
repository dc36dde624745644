//! The engine's answers to what narrowcast's own classes ask from JavaScript: to the thread that asked, and nobody else.
//!
//! The async id says which thread that is. No other thread is woken for an answer, and nobody decodes what was not asked
//! for: a thread knows by the id alone whose answer has come.

use crate::clients::{COUNT_BITS, GROUP_BITS};
use narrowcast_core::sync::Arc;
use narrowcast_core::sync::atomic::{AtomicU64, Ordering};
use narrowcast_core::{Broadcast, Group, Kind, KindSet, Owner};

/// Async ids of narrowcast's own requests: above those that JavaScript gives rtc-node's, which start at 2^40, and below
/// those of native capture requests, which start at 2^62. Below the base come 21 bits that number the thread and 40 that
/// count its requests.
const ASYNC_ID_BASE: u64 = 1 << 61;

/// Answers, for whoever asked.
pub struct OwnAnswers {
    /// A kind for each thread that asks; after 128 of them they share one, and tell by the id.
    broadcast: Arc<Broadcast>,
    next_thread: AtomicU64,
}

/// Where a thread's answers come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The kind of its answers in [`OwnAnswers::broadcast`]; their subject is the async id.
    pub kind: Kind,
    /// Its async ids are this plus 1, 2, 3, and so on.
    pub base: u64,
    /// Its thread among those that use rtc-node, see [`Clients`](crate::Clients).
    pub group: Group,
}

impl OwnAnswers {
    /// Nobody has asked so far.
    pub fn new() -> Self {
        Self { broadcast: Arc::new(Broadcast::new(KindSet::CAPACITY)), next_thread: AtomicU64::new(0) }
    }

    /// Where answers come.
    pub fn broadcast(&self) -> &Arc<Broadcast> {
        &self.broadcast
    }

    /// Somebody new who asks.
    pub fn asker(&self) -> Asker {
        let thread = self.next_thread.fetch_add(1, Ordering::Relaxed);
        let base = ASYNC_ID_BASE | ((thread << COUNT_BITS) % ASYNC_ID_BASE);
        // 0 is everybody; after two million threads they share.
        let group = 1 + (thread % ((1 << GROUP_BITS) - 1)) as Group;
        Asker { kind: kind_of(base), base, group }
    }

    /// Whether the answer with this async id is for an asker of ours.
    pub(crate) fn knows(&self, async_id: u64) -> bool {
        (ASYNC_ID_BASE..ASYNC_ID_BASE << 1).contains(&async_id)
    }

    /// Callback: passes an answer on to whoever asked. What it owns is released if they are gone.
    pub(crate) fn answered(&self, async_id: u64, message: &[u8], owner: Option<&Arc<dyn Owner>>) {
        self.broadcast.send(kind_of(async_id), async_id, message, owner);
    }
}

impl Default for OwnAnswers {
    fn default() -> Self {
        Self::new()
    }
}

fn kind_of(async_id: u64) -> Kind {
    ((async_id >> COUNT_BITS) % KindSet::CAPACITY as u64) as Kind
}
