//! Handles that one JavaScript thread has claimed: what the engine says of a room goes to the thread that joined it, and
//! wakes no other.
//!
//! A thread is a group of the broadcast. What no thread has claimed is for all of them, as it would be without narrowcast:
//! so nothing is lost of what comes before a claim.

use narrowcast_core::sync::atomic::{AtomicUsize, Ordering};
use narrowcast_core::{ALL_GROUPS, Group, SnapshotMap};

/// Which thread has claimed a handle.
pub struct Claims {
    owners: SnapshotMap<Group>,
    /// How many claims there are: without any, an engine thread looks nothing up.
    count: AtomicUsize,
}

impl Claims {
    /// No claims so far.
    pub fn new() -> Self {
        Self { owners: SnapshotMap::new(), count: AtomicUsize::new(0) }
    }

    /// From now on, what the engine says about this handle is for one thread. For [`ALL_GROUPS`], that is over.
    pub fn claim(&self, handle: u64, group: Group) {
        let group = Some(group).filter(|group| *group != ALL_GROUPS);
        self.owners.change(|owners| {
            let claimed = owners.get(handle).is_some();
            owners.set(handle, group);
            // In the order of the changes, since one is made at a time.
            match (claimed, group.is_some()) {
                (false, true) => _ = self.count.fetch_add(1, Ordering::Release),
                (true, false) => _ = self.count.fetch_sub(1, Ordering::Release),
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
            self.claim(handle, ALL_GROUPS);
        }
    }

    /// Callback: the thread that an event about this handle is for.
    pub(crate) fn owner_of(&self, subject: u64) -> Group {
        if self.count.load(Ordering::Acquire) == 0 {
            return ALL_GROUPS;
        }
        self.owners.with(subject, |owner| owner.copied().unwrap_or(ALL_GROUPS))
    }
}

impl Default for Claims {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_claimed_no_more_is_not_kept_nor_counted() {
        let claims = Claims::new();
        let kept = || (claims.owners.snapshot(|owners| owners.iter().count()), claims.count.load(Ordering::Relaxed));
        for (handle, group) in [(10, 1), (10, 1), (11, 1), (20, 1), (20, 2), (30, ALL_GROUPS)] {
            claims.claim(handle, group);
        }
        assert_eq!(kept(), (3, 3));
        claims.forget(1);
        assert_eq!(kept(), (1, 1));
        claims.claim(20, ALL_GROUPS);
        claims.forget(2);
        assert_eq!(kept(), (0, 0));
    }
}
