//! A ring of 16-bit samples between two threads: memory allocated once, overflow counted.
//!
//! ```text
//!  absolute positions, in samples, from 0 for the first sample ever offered; position p lives in place p % capacity
//!
//!         read_pos                     write_pos
//!  ───────────┼────────────────────────────┼───────────────►
//!   consumed, │  readable: len() samples,  │  free
//!   or dropped│  never more than capacity()│
//! ```
//!
//! The producer alone moves `write_pos`. The consumer moves `read_pos` past what it took; the producer moves it past what
//! it is about to overwrite ([`Overflow::DropOldest`]), or past all there is ([`PcmRing::discard`]). Both positions only
//! ever grow.
//!
//! # Why a block is never torn
//!
//! All the cells are atomics, so an access is never a data race and there is no `unsafe` here. But they are read and
//! written one by one, in no order of their own (`Relaxed`): whether a *block* is whole is decided by the positions.
//!
//! A cell has several places, so that a copy takes a fraction of the accesses. The producer, who alone writes cells, puts
//! back the places of a cell that it doesn't mean as they are. So each place of a loaded
//! cell holds what a cell of its own could have held then. What follows about a cell is therefore true of each place.
//!
//! - *A reader sees what was written.* The producer stores cells, then `write_pos` with Release; the consumer loads
//!   `write_pos` with Acquire, then the cells. So each cell before `write_pos` reads as the sample that belongs there,
//!   or as a later one.
//! - *It never keeps a later one.* Each change of `read_pos` is a compare-and-swap, so its changes form one
//!   chain without gaps. To put a later sample into a cell, the producer first finds `read_pos` past that cell's
//!   position, or moves it there. The consumer copies first and then moves `read_pos` on from where it started.
//!   - Was the producer's move first in that chain? Then `read_pos` is not where the consumer started, its swap fails,
//!     and it discards the copy.
//!   - Was the consumer's? Its swap is a Release, the producer looks at `read_pos` with Acquire only, and every change
//!     in between was a swap, which carries a Release on. So the copy happened before the producer's stores, and a
//!     load never sees a store that it happened before.
//!
//!   `read_pos` never comes back to an earlier value, so a swap cannot succeed by mistake. [`PcmRing::peek`] moves
//!   nothing, but its swap of `read_pos` for itself is a member of the same chain, and the same two cases hold.
//!
//! Loom checks the rest (`tests/loom.rs`), but it never lets a load see a store that runs later, as hardware may. That
//! the last Release and Acquire are needed is therefore known from this argument, and not from a test.

mod consumer;
mod producer;
mod samples;

use crossbeam_utils::CachePadded;
use narrowcast_core::sync::atomic::{AtomicU64, Ordering};
use samples::Samples;
use std::{error, fmt};

/// What a [`PcmRing`] does with samples that don't fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// Stores what fits; the end of the input is not stored, and counts as dropped.
    Reject,
    /// Stores the newest samples; whole grains of the oldest make room, and count as dropped.
    DropOldest,
}

/// What one [`PcmRing::read`] took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// Samples copied to the front of the target. What is behind them is unspecified.
    pub samples: usize,
    /// Samples that the producer took away since the last read, by [`Overflow::DropOldest`] or [`PcmRing::discard`], all
    /// of them before this read's first sample: what is in the target is one piece. A read of no samples reports 0, and
    /// leaves the loss to the next one.
    pub skipped: u64,
}

/// Why a [`PcmRing`] could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PcmRingError {
    /// The capacity was 0.
    ZeroCapacity,
    /// The grain was 0.
    ZeroGrain,
    /// There is no memory for a ring of this many samples.
    TooLarge {
        /// The capacity that was asked for, in samples.
        capacity: usize,
    },
}

impl fmt::Display for PcmRingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZeroCapacity => f.write_str("a ring's capacity is 0 samples; it needs at least 1"),
            Self::ZeroGrain => f.write_str("a ring's grain is 0 samples; use 1, or the samples of a whole frame"),
            Self::TooLarge { capacity } => {
                write!(f, "no memory for a ring of {capacity} samples; ask for a smaller capacity")
            }
        }
    }
}

impl error::Error for PcmRingError {}

/// A ring of `i16` samples in fixed memory, for one producer and one consumer, on any two threads.
///
/// Share it by `Arc`; all methods take `&self`. Everything is counted in samples, over all channels: a stereo frame of
/// 480 samples per channel is 960 samples. The ring knows nothing of channels beyond its grain.
///
/// **One producer, one consumer.** [`write`](Self::write) and [`discard`](Self::discard) are the producer's;
/// [`read`](Self::read), [`read_exact`](Self::read_exact), [`read_whole`](Self::read_whole),
/// [`read_before`](Self::read_before), [`peek`](Self::peek), [`skip`](Self::skip) and [`clear`](Self::clear) are the
/// consumer's; any thread may call what only looks. A side may move to another thread, if the move itself synchronizes (a lock, a
/// channel, a join). Two producers or two consumers *at a time* are memory-safe and never panic, but samples
/// come out garbled, repeated or not at all, and the counts are wrong.
///
/// **No call waits.** There is no lock. A consumer call starts over only when the producer dropped samples under it, and
/// a [`write`](Self::write) looks again only when the consumer took some, at most a ringful.
/// Nothing is allocated after [`new`](Self::new).
///
/// The counts add up. With neither side in a call,
/// `written() == read + skipped or cleared by the consumer + dropped() + discarded + len()`.
///
/// # Examples
///
/// ```
/// use narrowcast_audio::{Overflow, PcmRing, Read};
/// use std::sync::Arc;
///
/// // Up to 4 stereo frames of 2 samples.
/// let ring = Arc::new(PcmRing::new(8, 2, Overflow::DropOldest)?);
/// let producer = ring.clone();
/// std::thread::spawn(move || producer.write(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9])).join().unwrap();
///
/// let mut out = [0; 4];
/// assert_eq!(ring.read(&mut out), Read { samples: 4, skipped: 2 });
/// assert_eq!(out, [2, 3, 4, 5]);
/// # Ok::<(), narrowcast_audio::PcmRingError>(())
/// ```
pub struct PcmRing {
    samples: Samples,
    grain: u64,
    overflow: Overflow,
    producer: CachePadded<ProducerSide>,
    consumer: CachePadded<ConsumerSide>,
}

/// What the producer writes at every call.
struct ProducerSide {
    write_pos: AtomicU64,
    dropped: AtomicU64,
}

/// What the consumer writes at every call; the producer looks at `read_pos`, and moves it to drop.
struct ConsumerSide {
    read_pos: AtomicU64,
    /// The consumer's alone: where `read_pos` would be, had nothing been dropped since the last read.
    expected: AtomicU64,
}

impl PcmRing {
    /// A ring for `capacity` samples, rounded up to whole grains.
    ///
    /// [`Overflow::DropOldest`] drops whole grains of `grain` samples, counted from where the consumer is: a multiple of
    /// the channel count keeps channels apart, a frame's samples keep frames whole. [`Overflow::Reject`] uses `grain` for
    /// the rounding alone. With nothing to keep together it is 1.
    ///
    /// # Errors
    ///
    /// [`PcmRingError::ZeroCapacity`] and [`PcmRingError::ZeroGrain`]; [`PcmRingError::TooLarge`] if the memory,
    /// 2 bytes a sample, can't be had. A system that promises more memory than it has lets such a ring be made, and
    /// fails when it fills: a reasonable bound is the caller's to set.
    ///
    /// # Examples
    ///
    /// ```
    /// use narrowcast_audio::{Overflow, PcmRing, PcmRingError};
    ///
    /// // 100 ms of 48 kHz mono; overflow drops frames of 10 ms.
    /// let ring = PcmRing::new(4_800, 480, Overflow::DropOldest)?;
    /// assert_eq!(ring.capacity(), 4_800);
    /// assert_eq!(PcmRing::new(1, 480, Overflow::Reject)?.capacity(), 480);
    ///
    /// assert_eq!(PcmRing::new(0, 1, Overflow::Reject).unwrap_err(), PcmRingError::ZeroCapacity);
    /// # Ok::<(), PcmRingError>(())
    /// ```
    pub fn new(capacity: usize, grain: usize, overflow: Overflow) -> Result<Self, PcmRingError> {
        if capacity == 0 {
            return Err(PcmRingError::ZeroCapacity);
        }
        if grain == 0 {
            return Err(PcmRingError::ZeroGrain);
        }
        let too_large = PcmRingError::TooLarge { capacity };
        let rounded = capacity.checked_next_multiple_of(grain).ok_or(too_large)?;
        Ok(Self {
            samples: Samples::new(rounded).ok_or(too_large)?,
            grain: grain as u64,
            overflow,
            producer: CachePadded::new(ProducerSide { write_pos: AtomicU64::new(0), dropped: AtomicU64::new(0) }),
            consumer: CachePadded::new(ConsumerSide { read_pos: AtomicU64::new(0), expected: AtomicU64::new(0) }),
        })
    }

    /// Samples that can be read. While the other side is in a call, that is already the past: to the consumer, at least
    /// so many are there unless they get dropped; to the producer, at most so many are.
    pub fn len(&self) -> usize {
        self.available(self.consumer.read_pos.load(Ordering::Acquire))
    }

    /// Whether there is nothing to read; see [`len`](Self::len).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Samples that fit: what was asked for, rounded up to whole grains.
    pub fn capacity(&self) -> usize {
        self.samples.capacity()
    }

    /// Samples that were offered, and are lost to overflow: rejected, or dropped to make room. It only grows;
    /// during a [`write`](Self::write) that overflows, its loss may be counted already or not yet.
    pub fn dropped(&self) -> u64 {
        self.producer.dropped.load(Ordering::Relaxed)
    }

    /// Samples that were offered to [`write`](Self::write), stored or not. It only grows; a [`write`](Self::write)
    /// under way may be counted in part.
    pub fn written(&self) -> u64 {
        let position = self.producer.write_pos.load(Ordering::Relaxed);
        match self.overflow {
            // What was rejected has no position.
            Overflow::Reject => position + self.dropped(),
            Overflow::DropOldest => position,
        }
    }

    /// Where the next sample will be written: how many were stored, or, with [`Overflow::DropOldest`], offered. A thread
    /// that sees a position sees what the producer did before it wrote that far.
    pub fn write_position(&self) -> u64 {
        self.producer.write_pos.load(Ordering::Acquire)
    }

    /// Where the next sample will be read, unless it gets dropped: all before it was read, or is gone. While all there
    /// is is being replaced, it can be past [`write_position`](Self::write_position). A thread that sees a position sees what
    /// the consumer did before it read that far.
    pub fn read_position(&self) -> u64 {
        self.consumer.read_pos.load(Ordering::Acquire)
    }

    /// How many samples there are from `start` on, where `start` was just loaded from `read_pos` with Acquire.
    ///
    /// In this order `write_pos` is at least as new as `start`: the thread that set `read_pos` had seen, or stored, the
    /// `write_pos` of its time, and released it. So `start` is past it only while the producer replaces all there is.
    /// `start` itself can be old, and the difference more than a ring holds; then `leave` will fail.
    fn available(&self, start: u64) -> usize {
        let end = self.producer.write_pos.load(Ordering::Acquire);
        end.saturating_sub(start).min(self.capacity() as u64) as usize
    }
}

impl fmt::Debug for PcmRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PcmRing")
            .field("overflow", &self.overflow)
            .field("grain", &self.grain)
            .field("capacity", &self.capacity())
            .field("len", &self.len())
            .field("written", &self.written())
            .field("dropped", &self.dropped())
            .finish()
    }
}
