//! Whether anybody wants an event at all: a few words that a sender reads before it holds a snapshot.
//!
//! Most of what an engine sends, nobody wants. To learn that from the snapshot takes two locked operations and a walk
//! through three tables; here it takes plain loads, and the same few however many subscribers there are.
//!
//! ```text
//! every     a bit for each kind that somebody wants, whatever it is about
//! some      a bit for each kind that somebody wants about some subjects
//! subjects  a bit for each hash of a subject that somebody named, with whatever kind
//! ```
//!
//! A bit too many only sends the sender to the snapshot, which decides. One too few would lose an event, so a bit is set
//! before the snapshot that needs it is published, and cleared after the first one that does without.

use crate::filter::{Filter, Kind, KindSet};
use crate::sync::atomic::{AtomicU64, Ordering};
use rustc_hash::FxHashMap;
use std::sync::OnceLock;

/// Kinds have a bit each in this many words.
const WORDS: usize = KindSet::CAPACITY / 64;

/// The number of subjects' bits, as a power of 2: with 10,000 named subjects, 1 of 26 others shares a bit with one.
/// loom gets a single word, in which subjects do share bits.
const SUBJECT_BITS: u32 = if cfg!(loom) { 6 } else { 18 };

/// What anybody wants, for senders. Changed by one thread at a time: whoever holds the [`Demand`].
pub(crate) struct Interest {
    /// Goes up before a bit is cleared, see [`may_want`](Self::may_want).
    version: AtomicU64,
    every: [AtomicU64; WORDS],
    some: [AtomicU64; WORDS],
    /// 32 KiB that a broadcast does without until somebody names a subject.
    subjects: OnceLock<Box<[AtomicU64]>>,
}

/// How many subscribers need each of the bits.
pub(crate) struct Demand {
    every: [u32; KindSet::CAPACITY],
    some: [u32; KindSet::CAPACITY],
    subjects: FxHashMap<usize, u32>,
}

impl Interest {
    /// Nobody wants anything.
    pub fn new() -> Self {
        let words = || std::array::from_fn(|_| AtomicU64::new(0));
        Self { version: AtomicU64::new(0), every: words(), some: words(), subjects: OnceLock::new() }
    }

    /// Whether somebody may want events of this kind about this subject. False is certain: there was a moment during
    /// this call at which nobody did.
    ///
    /// Several words are read, at several moments. Between two of them, a subscriber may come whose bit was just found
    /// missing, and another leave whose bit is looked for next: someone wanted the event all the time, and every bit
    /// was missing when it was read. But whoever reads that a bit was cleared has then read, by Acquire, that the
    /// version went up before, and asks the snapshot instead.
    #[inline]
    pub fn may_want(&self, kind: Kind, subject: u64) -> bool {
        let (word, bit) = (usize::from(kind / 64), 1 << (kind % 64));
        let (Some(every), Some(some)) = (self.every.get(word), self.some.get(word)) else { return false };
        let version = self.version.load(Ordering::Acquire);
        every.load(Ordering::Acquire) & bit != 0
            || some.load(Ordering::Acquire) & bit != 0 && self.may_name(subject)
            || self.version.load(Ordering::Relaxed) != version
    }

    #[inline]
    fn may_name(&self, subject: u64) -> bool {
        let (word, bit) = place_of(subject);
        self.subjects.get().is_some_and(|words| words[word].load(Ordering::Acquire) & bit != 0)
    }

    /// Before the snapshot is published in which a subscriber has this filter.
    pub fn raise(&self, demand: &mut Demand, filter: &Filter) {
        if let Some(subjects) = &filter.subjects {
            let words = self.subjects.get_or_init(|| (0..1 << (SUBJECT_BITS - 6)).map(|_| AtomicU64::new(0)).collect());
            for &subject in subjects {
                let (word, bit) = place_of(subject);
                *demand.subjects.entry(key_of(subject)).or_default() += 1;
                change(&words[word], |bits| bits | bit);
            }
        }
        let (words, counts) = self.kinds_of(demand, filter);
        for kind in filter.kinds.iter() {
            counts[usize::from(kind)] += 1;
            change(&words[usize::from(kind / 64)], |bits| bits | 1 << (kind % 64));
        }
    }

    /// After the first snapshot was published in which a subscriber has this filter no more.
    pub fn lower(&self, demand: &mut Demand, filter: &Filter) {
        change(&self.version, |version| version + 1);
        let (words, counts) = self.kinds_of(demand, filter);
        for kind in filter.kinds.iter() {
            let count = &mut counts[usize::from(kind)];
            *count -= 1;
            if *count == 0 {
                change(&words[usize::from(kind / 64)], |bits| bits & !(1 << (kind % 64)));
            }
        }
        for &subject in filter.subjects.iter().flatten() {
            let key = key_of(subject);
            let count = demand.subjects.entry(key).or_insert(1);
            *count -= 1;
            if *count == 0 {
                demand.subjects.remove(&key);
                let (word, bit) = place_of(subject);
                self.subjects.get().into_iter().for_each(|words| change(&words[word], |bits| bits & !bit));
            }
        }
    }

    fn kinds_of<'a>(
        &'a self,
        demand: &'a mut Demand,
        filter: &Filter,
    ) -> (&'a [AtomicU64; WORDS], &'a mut [u32; KindSet::CAPACITY]) {
        match filter.subjects {
            None => (&self.every, &mut demand.every),
            Some(_) => (&self.some, &mut demand.some),
        }
    }
}

impl Demand {
    /// No subscribers.
    pub fn new() -> Self {
        Self { every: [0; _], some: [0; _], subjects: FxHashMap::default() }
    }
}

/// Changes a word that nobody else changes meanwhile. Release: who reads this, reads what was changed before, too.
fn change(word: &AtomicU64, change: impl FnOnce(u64) -> u64) {
    word.store(change(word.load(Ordering::Relaxed)), Ordering::Release);
}

/// The number of a subject's bit.
#[inline]
fn key_of(subject: u64) -> usize {
    // rustc-hash's factor: handles that follow each other, at whatever distance, come to lie apart.
    (subject.wrapping_mul(0xF135_7AEA_2E62_A9C5) >> (64 - SUBJECT_BITS)) as usize
}

#[inline]
fn place_of(subject: u64) -> (usize, u64) {
    let key = key_of(subject);
    (key / 64, 1 << (key % 64))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filters() -> impl Strategy<Value = Filter> {
        let subjects = prop::collection::btree_set(0u64..20, 0..4).prop_map(|set| set.into_iter().collect());
        (any::<[bool; 5]>(), prop::option::of(subjects)).prop_map(|(kinds, subjects)| {
            // The last kind of either word, and some that share the first.
            let kinds = [0, 1, 63, 64, 127].into_iter().zip(kinds).filter(|(_, wanted)| *wanted);
            Filter { kinds: kinds.fold(KindSet::EMPTY, |set, (kind, _)| set.with(kind)), subjects }
        })
    }

    proptest! {
        #[test]
        fn misses_nothing_that_is_wanted_and_forgets_what_no_longer_is(
            changes in prop::collection::vec((filters(), any::<bool>()), 0..40)
        ) {
            let (interest, mut demand) = (Interest::new(), Demand::new());
            let mut wanted: Vec<Filter> = Vec::new();
            for (filter, comes) in changes {
                if comes {
                    interest.raise(&mut demand, &filter);
                    wanted.push(filter);
                } else if !wanted.is_empty() {
                    let left = wanted.swap_remove(0);
                    interest.lower(&mut demand, &left);
                }
                for kind in [0, 1, 2, 63, 64, 65, 127, 128, 255] {
                    for subject in 0..20 {
                        let every = wanted.iter().any(|filter| filter.subjects.is_none() && filter.matches(kind, subject));
                        // Kinds and subjects are noted apart.
                        let named = |filter: &Filter| filter.subjects.as_ref().is_some_and(|all| all.contains(&subject));
                        let some = wanted.iter().any(|filter| filter.subjects.is_some() && filter.kinds.contains(kind))
                            && wanted.iter().any(named);
                        prop_assert_eq!(interest.may_want(kind, subject), every || some);
                    }
                }
            }
        }
    }

    #[test]
    fn with_ten_thousand_subjects_nearly_all_others_are_known_to_be_unwanted() {
        for shift in [0, 4, 20, 40] {
            let (interest, mut demand) = (Interest::new(), Demand::new());
            let subjects = (1..=10_000).map(|number| number << shift).collect();
            interest.raise(&mut demand, &Filter { kinds: KindSet::first(1), subjects: Some(subjects) });
            let others = (10_001..=20_000).filter(|number| interest.may_want(0, number << shift)).count();
            assert!(others < 1_000, "{others} of 10,000 share a bit, {shift} bits apart");
        }
    }
}
