//! What a subscriber wants to hear of.

/// An event's type: an index below [`KindSet::CAPACITY`] into its queue's list of types.
pub type Kind = u8;

/// Subscribers that some events are for, and no subscriber of another group. A subscription names one; a sender may.
pub type Group = u32;

/// As an event's group: every subscriber may have it. As a subscriber's: it may have the events of every group.
pub const ALL_GROUPS: Group = 0;

/// A set of event kinds, as one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindSet(u128);

impl KindSet {
    /// How many kinds a queue can have.
    pub const CAPACITY: usize = 128;

    /// The set of no kinds.
    pub const EMPTY: Self = Self(0);

    /// The kinds below `count`.
    pub fn first(count: usize) -> Self {
        debug_assert!(count <= Self::CAPACITY);
        if count >= Self::CAPACITY { Self(u128::MAX) } else { Self((1 << count) - 1) }
    }

    /// This set with `kind` in it. Kinds outside the capacity are not representable and are ignored.
    #[must_use]
    pub fn with(self, kind: Kind) -> Self {
        Self(self.0 | 1u128.checked_shl(kind.into()).unwrap_or(0))
    }

    /// Whether `kind` is in the set.
    pub fn contains(self, kind: Kind) -> bool {
        1u128.checked_shl(kind.into()).is_some_and(|bit| self.0 & bit != 0)
    }

    /// The kinds in the set, in ascending order.
    pub fn iter(self) -> impl Iterator<Item = Kind> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            if rest == 0 {
                return None;
            }
            let kind = rest.trailing_zeros() as Kind;
            rest &= rest - 1;
            Some(kind)
        })
    }
}

/// What passes to a subscriber: an event matches when its kind is in `kinds` and its subject is in `subjects`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The wanted kinds.
    pub kinds: KindSet,
    /// The wanted subjects; `None`: every subject. An empty list matches nothing.
    pub subjects: Option<Vec<u64>>,
}

impl Filter {
    /// Matches every event whose kind is in `kinds`, whatever it is about.
    pub fn kinds(kinds: KindSet) -> Self {
        Self { kinds, subjects: None }
    }

    /// Whether an event of this kind about this subject passes. The registry answers the same question for all
    /// subscribers at once, without asking each: this is its specification.
    pub fn matches(&self, kind: Kind, subject: u64) -> bool {
        self.kinds.contains(kind) && self.subjects.as_ref().is_none_or(|wanted| wanted.contains(&subject))
    }
}
