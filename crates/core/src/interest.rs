//! Whether any subscriber wants an event at all: a few bits that a sender reads before it holds a snapshot.
//!
//! Most of what an engine sends is unwanted. To learn that from the snapshot takes two locked operations and a walk through
//! three tables; here it takes four plain loads, however many subscribers there are.
//!
//! ```text
//! EVERY + kind      a subscriber wants this kind, whatever it is about
//! SOME + kind       a subscriber wants this kind about some subjects
//! SUBJECTS + hash   a subscriber has named a subject with this hash, with whatever kind
//! ```
//!
//! A bit too many only sends the sender to the snapshot, which decides. One too few would lose an event, so a bit is set
//! before the snapshot that needs it is published, and cleared after the first one that does without.

use crate::filter::{Filter, Kind, KindSet};
use crate::sync::atomic::{AtomicU64, Ordering};
use rustc_hash::FxHashMap;
use std::sync::OnceLock;

/// Where each sort of bits begins.
const EVERY: usize = 0;
const SOME: usize = KindSet::CAPACITY;
const SUBJECTS: usize = 2 * KindSet::CAPACITY;

/// The number of subjects' bits, as a power of 2: with 10,000 named subjects, 1 of 26 others shares a bit with one.
/// loom gets a single word, in which subjects do share bits.
const SUBJECT_BITS: u32 = if cfg!(loom) { 6 } else { 18 };

const WORDS: usize = (SUBJECTS + (1 << SUBJECT_BITS)) / 64;

/// What any subscriber wants, for senders. Changed by one thread at a time: the one that has the [`Demand`].
pub(crate) struct Interest {
    /// Goes up before a bit is cleared, see [`may_want`](Self::may_want).
    version: AtomicU64,
    /// 32 KiB that a broadcast does without until it has a subscriber.
    bits: OnceLock<Box<[AtomicU64]>>,
}

/// How many subscribers need each of the bits.
#[derive(Default)]
pub(crate) struct Demand(FxHashMap<usize, u32>);

impl Interest {
    /// No subscriber wants anything.
    pub fn new() -> Self {
        // loom does not see that a OnceLock orders anything.
        let bits = if cfg!(loom) { OnceLock::from(Self::no_bits()) } else { OnceLock::new() };
        Self { version: AtomicU64::new(0), bits }
    }

    fn no_bits() -> Box<[AtomicU64]> {
        (0..WORDS).map(|_| AtomicU64::new(0)).collect()
    }

    /// Whether a subscriber may want events of this kind about this subject. False is certain: there was a moment during
    /// this call at which none did.
    ///
    /// Several bits are read, at several moments. Between two of them, a subscriber may come whose bit was just found
    /// missing, and another leave whose bit is looked for next: one of them wanted the event all the time, and every bit
    /// was missing when it was read. But a sender that reads that a bit was cleared has then read, by Acquire, that the
    /// version went up before, and asks the snapshot instead.
    #[inline]
    pub fn may_want(&self, kind: Kind, subject: u64) -> bool {
        let kind = usize::from(kind);
        let Some(bits) = self.bits.get().filter(|_| kind < KindSet::CAPACITY) else { return false };
        let is_set = |bit: usize| bits[bit / 64].load(Ordering::Acquire) & 1 << (bit % 64) != 0;
        let version = self.version.load(Ordering::Acquire);
        is_set(EVERY + kind)
            || is_set(SOME + kind) && is_set(bit_of(subject))
            || self.version.load(Ordering::Relaxed) != version
    }

    /// Before the snapshot is published in which a subscriber has this filter.
    pub fn raise(&self, demand: &mut Demand, filter: &Filter) {
        let bits = self.bits.get_or_init(Self::no_bits);
        for bit in bits_of(filter) {
            *demand.0.entry(bit).or_default() += 1;
            change(&bits[bit / 64], |word| word | 1 << (bit % 64));
        }
    }

    /// After the first snapshot was published in which a subscriber has this filter no more.
    pub fn lower(&self, demand: &mut Demand, filter: &Filter) {
        let Some(bits) = self.bits.get() else { return };
        change(&self.version, |version| version + 1);
        for bit in bits_of(filter) {
            let count = demand.0.entry(bit).or_insert(1);
            *count -= 1;
            if *count == 0 {
                demand.0.remove(&bit);
                change(&bits[bit / 64], |word| word & !(1 << (bit % 64)));
            }
        }
    }
}

/// Changes a word that no other thread changes meanwhile. Release: a thread that reads this reads what was changed before,
/// too.
fn change(word: &AtomicU64, change: impl FnOnce(u64) -> u64) {
    word.store(change(word.load(Ordering::Relaxed)), Ordering::Release);
}

/// The bits that a filter needs.
fn bits_of(filter: &Filter) -> impl Iterator<Item = usize> {
    let kinds = if filter.subjects.is_some() { SOME } else { EVERY };
    let subjects = filter.subjects.iter().flatten();
    filter.kinds.iter().map(move |kind| kinds + usize::from(kind)).chain(subjects.map(|subject| bit_of(*subject)))
}

#[inline]
fn bit_of(subject: u64) -> usize {
    // rustc-hash's factor: handles that follow each other, at whatever distance, come to lie apart.
    SUBJECTS + (subject.wrapping_mul(0xF135_7AEA_2E62_A9C5) >> (64 - SUBJECT_BITS)) as usize
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
            let (interest, mut demand) = (Interest::new(), Demand::default());
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
            let (interest, mut demand) = (Interest::new(), Demand::default());
            let subjects = (1..=10_000).map(|number| number << shift).collect();
            interest.raise(&mut demand, &Filter { kinds: KindSet::first(1), subjects: Some(subjects) });
            let others = (10_001..=20_000).filter(|number| interest.may_want(0, number << shift)).count();
            assert!(others < 1_000, "{others} of 10,000 share a bit, {shift} bits apart");
        }
    }
}
