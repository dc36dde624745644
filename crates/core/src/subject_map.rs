//! A map from subject to value whose copy is cheap: the snapshots of the registry share what did not change.

use crate::sync::Arc;
use rustc_hash::{FxBuildHasher, FxHashMap};
use std::hash::BuildHasher;

/// Shards of a map. A change copies one shard, so the 10,000th subscriber costs as much as a map of 160 entries.
const SHARDS: usize = 64;

/// A persistent map from subject to `V`: `clone` shares all entries, a change copies one shard of them.
pub struct SubjectMap<V> {
    /// In place: a lookup follows one pointer less.
    shards: [Shard<V>; SHARDS],
    len: usize,
}

type Shard<V> = Option<Arc<FxHashMap<u64, V>>>;

impl<V: Clone> SubjectMap<V> {
    /// A map without entries.
    pub fn new() -> Self {
        Self { shards: [const { None }; SHARDS], len: 0 }
    }

    /// How many subjects have a value.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no subject has a value.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value of a subject.
    #[inline]
    pub fn get(&self, subject: u64) -> Option<&V> {
        // An empty map is the usual case (a kind that no filter narrows by subject), and need not hash.
        if self.len == 0 {
            return None;
        }
        self.shards[shard_of(subject)].as_ref()?.get(&subject)
    }

    /// Sets the value of a subject, or removes it with `None`; returns the value it had.
    pub fn set(&mut self, subject: u64, value: Option<V>) -> Option<V> {
        let place = &mut self.shards[shard_of(subject)];
        let mut shard = place.take().unwrap_or_else(|| Arc::new(FxHashMap::default()));
        if Arc::get_mut(&mut shard).is_none() {
            shard = Arc::new(FxHashMap::clone(&shard));
        }
        let entries = Arc::get_mut(&mut shard).expect("no other map has this copy");
        let len_before = entries.len();
        let old = match value {
            Some(value) => entries.insert(subject, value),
            None => entries.remove(&subject),
        };
        self.len = self.len - len_before + entries.len();
        *place = if entries.is_empty() { None } else { Some(shard) };
        old
    }

    /// All subjects and values, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &V)> {
        self.shards.iter().flatten().flat_map(|shard| shard.iter().map(|(subject, value)| (*subject, value)))
    }
}

impl<V: Clone> Default for SubjectMap<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V> Clone for SubjectMap<V> {
    fn clone(&self) -> Self {
        Self { shards: self.shards.clone(), len: self.len }
    }
}

fn shard_of(subject: u64) -> usize {
    // The best mixed bits of the hash, which is rotated by 26, and not the low ones, which the map inside a shard uses.
    (FxBuildHasher.hash_one(subject) >> 20) as usize % SHARDS
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn behaves_like_a_map_and_leaves_its_copies_alone(
            changes in prop::collection::vec((0u64..200, prop::option::of(0u32..9)), 0..300)
        ) {
            let mut map = SubjectMap::new();
            let mut model = HashMap::new();
            for (subject, value) in changes {
                let before = map.clone();
                let len_before = model.len();
                let old = map.set(subject, value);
                let old_model = match value {
                    Some(value) => model.insert(subject, value),
                    None => model.remove(&subject),
                };
                prop_assert_eq!(old, old_model);
                prop_assert_eq!(map.len(), model.len());
                prop_assert_eq!(before.len(), len_before);
                prop_assert_eq!(before.get(subject).copied(), old);
            }
            for subject in 0..200 {
                prop_assert_eq!(map.get(subject), model.get(&subject));
            }
            prop_assert_eq!(map.iter().count(), model.len());
        }
    }

    #[test]
    fn spreads_handles_over_the_shards_whatever_their_stride() {
        for shift in [0, 4, 12, 20, 32, 40] {
            let mut map = SubjectMap::new();
            for number in 1..=10_000 {
                map.set((1 << 40) + (number << shift), Some(()));
            }
            let largest = map.shards.iter().flatten().map(|shard| shard.len()).max().unwrap();
            assert!(largest < 4 * 10_000 / SHARDS, "largest shard: {largest} of 10,000, {shift} bits apart");
        }
    }
}
