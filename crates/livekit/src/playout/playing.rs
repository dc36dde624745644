//! What the thread of a pump shares with others: which sources it plays into, and what becomes of each.

#[cfg(feature = "load")]
use super::lateness::Lateness;
use super::source::{Pcm, Source};
use crate::capture::Counts;
use narrowcast_core::sync::{Arc, Mutex, lock};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

/// What a pump's thread looks at.
#[derive(Default)]
pub(crate) struct Shared {
    pub playing: Mutex<Vec<Arc<Playing>>>,
    /// How often `playing` was changed.
    pub changes: AtomicU64,
    pub stop: AtomicBool,
    /// Whether the thread has panicked.
    pub failed: AtomicBool,
}

impl Shared {
    pub fn change<T>(&self, change: impl FnOnce(&mut Vec<Arc<Playing>>) -> T) -> T {
        let result = change(&mut lock(&self.playing));
        self.changes.fetch_add(1, Ordering::Release);
        result
    }

    /// The thread has panicked: nothing is played any more.
    pub fn fail(&self) {
        // Before the lock: what is added afterwards sees it.
        self.failed.store(true, Ordering::Release);
        lock(&self.playing).iter().for_each(|playing| playing.refuse());
    }
}

/// What is played into one source: what its pump's thread and others share.
pub(crate) struct Playing {
    pub source: Source,
    pub number: u64,
    /// Disposals of the engine before this: after another one its source is gone.
    pub disposals: u64,
    pub counts: Arc<Counts>,
    #[cfg(feature = "load")]
    pub late: Lateness,
    /// Held while samples are taken: a thread that has set it to false is the only one to take them from then on.
    pub active: Mutex<bool>,
    pub refused: AtomicBool,
    /// Whether the source's queue was emptied, and how: see [`Emptied`].
    pub emptied: AtomicU8,
    /// On what the next look depends: see [`Rest`].
    pub rest: AtomicU8,
    /// Written samples in the chunk that was offered last.
    pub offered: AtomicU64,
    /// Of the refusals, those that are accounted for: the chunk was offered again, or is counted as lost.
    seen_failed: AtomicU64,
}

impl Playing {
    /// What is played into `source`, which is `number` to the engine's answers, from now on.
    pub fn new(source: Source, number: u64, disposals: u64, counts: Arc<Counts>) -> Self {
        Self {
            source,
            number,
            disposals,
            counts,
            #[cfg(feature = "load")]
            late: Lateness::default(),
            active: Mutex::new(true),
            refused: AtomicBool::new(false),
            emptied: AtomicU8::new(0),
            rest: AtomicU8::new(Rest::Over as u8),
            offered: AtomicU64::new(0),
            seen_failed: AtomicU64::new(0),
        }
    }

    /// The engine takes nothing more of this.
    pub fn refuse(&self) {
        if !self.refused.swap(true, Ordering::AcqRel)
            && let Pcm::Track { track, .. } = &self.source.pcm
        {
            track.ring();
        }
    }

    /// A refusal that came in time: its chunk is at hand.
    pub fn see_refusal(&self) {
        self.seen_failed.fetch_add(1, Ordering::AcqRel);
    }

    /// Counts as lost what was refused when the pump waited for the answer no more.
    pub fn count_late_refusals(&self) {
        self.lose(self.unseen_refusals() * self.source.chunk_samples() as u64);
    }

    /// The same when no more is played: the latest refusal may be the last chunk's.
    pub fn count_last_refusals(&self) {
        let unseen = self.unseen_refusals();
        let chunk = self.source.chunk_samples() as u64;
        self.lose(unseen.saturating_sub(1) * chunk + unseen.min(1) * self.offered.load(Ordering::Acquire));
    }

    fn unseen_refusals(&self) -> u64 {
        let failed = self.counts.failed.get();
        failed.saturating_sub(self.seen_failed.swap(failed, Ordering::AcqRel))
    }

    fn lose(&self, samples: u64) {
        if let Pcm::Track { track, .. } = &self.source.pcm {
            track.lose(samples);
        }
    }

    /// The source's queue is empty, or is to be, before anything more is taken.
    pub fn note_emptied(&self, emptied: Emptied) {
        self.emptied.fetch_max(emptied as u8, Ordering::AcqRel);
    }
}

/// What makes the pump look at a track that gets no silence.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Rest {
    /// Time.
    Time,
    /// Time, and a whole chunk: less waits.
    Chunk,
    /// Whatever is written: nothing waits, and nothing is on its way.
    Anything,
    /// It was written: the pump is to look now.
    Over,
}

/// What has become of the queue of a source that a pump plays into.
#[derive(Clone, Copy)]
pub(crate) enum Emptied {
    /// Emptied already, by the client that fed it.
    Elsewhere = 1,
    /// To be emptied once the chunk that is on its way is in it.
    WithTheNextChunk = 2,
}
