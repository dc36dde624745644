//! Whose events are whose, where several JavaScript threads use rtc-node: answers are for the thread that asked, and what
//! a room says is for the thread that joined it. The others are neither woken nor told.
//!
//! A thread is a group of the broadcast. What no thread has claimed is for all of them, as it would be without narrowcast:
//! so nothing is lost of what comes before a claim.

use narrowcast_core::sync::atomic::{AtomicUsize, Ordering};
use narrowcast_core::{EVERYBODY, Group, SnapshotMap};

/// Async ids of rtc-node's requests: the group of the thread that asks, and so many bits that count its requests. The
/// engine counts its own from 1; from 2^61 on they are those of narrowcast's classes.
pub(crate) const COUNT_BITS: u32 = 40;
pub(crate) const GROUP_BITS: u32 = 21;

/// The threads that use rtc-node, by what they have claimed.
pub struct Clients {
    owners: SnapshotMap<Group>,
    /// How many claims there are: without any, nothing is looked up.
    claims: AtomicUsize,
}

impl Clients {
    /// Nothing is claimed so far.
    pub fn new() -> Self {
        Self { owners: SnapshotMap::new(), claims: AtomicUsize::new(0) }
    }

    /// From now on, what the engine says about this handle is for one thread. For [`EVERYBODY`], that is over.
    pub fn claim(&self, handle: u64, group: Group) {
        let group = Some(group).filter(|group| *group != EVERYBODY);
        self.owners.change(|owners| {
            let claimed = owners.get(handle).is_some();
            owners.set(handle, group);
            // In the order of the changes, since one is made at a time.
            match (claimed, group.is_some()) {
                (false, true) => _ = self.claims.fetch_add(1, Ordering::Release),
                (true, false) => _ = self.claims.fetch_sub(1, Ordering::Release),
                _ => {}
            }
        });
    }

    /// A thread has gone: nothing is its own any more.
    pub fn forget(&self, group: Group) {
        let claimed: Vec<u64> = self
            .owners
            .snapshot(|owners| owners.iter().filter(|(_, owner)| **owner == group).map(|(handle, _)| handle).collect());
        for handle in claimed {
            self.claim(handle, EVERYBODY);
        }
    }

    /// Callback: whose the answer to this request is.
    pub(crate) fn who_asked(&self, async_id: u64) -> Group {
        let group = async_id >> COUNT_BITS;
        if group < 1 << GROUP_BITS { group as Group } else { EVERYBODY }
    }

    /// Callback: whose an event about this is.
    pub(crate) fn whose(&self, subject: u64) -> Group {
        if self.claims.load(Ordering::Acquire) == 0 {
            return EVERYBODY;
        }
        self.owners.with(subject, |owner| owner.copied().unwrap_or(EVERYBODY))
    }
}

impl Default for Clients {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_claimed_no_more_is_not_kept_nor_counted() {
        let clients = Clients::new();
        let kept = || (clients.owners.snapshot(|owners| owners.iter().count()), clients.claims.load(Ordering::Relaxed));
        for (handle, group) in [(10, 1), (10, 1), (11, 1), (20, 1), (20, 2), (30, EVERYBODY)] {
            clients.claim(handle, group);
        }
        assert_eq!(kept(), (3, 3));
        clients.forget(1);
        assert_eq!(kept(), (1, 1));
        clients.claim(20, EVERYBODY);
        clients.forget(2);
        assert_eq!(kept(), (0, 0));
    }
}
