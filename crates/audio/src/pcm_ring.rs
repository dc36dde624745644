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
//! back the places of a cell that it doesn't mean as they are. So whichever of a cell's values a load sees, each place in it
//! holds what a cell of its own could have held then, and what follows says of each place what it says of a cell.
//!
//! - *A reader sees what was written.* The producer stores cells, then `write_pos` with Release; the consumer loads
//!   `write_pos` with Acquire, then the cells. So each cell before `write_pos` reads as the sample that belongs there,
//!   or as a later one.
//! - *It never keeps a later one.* Everybody who changes `read_pos` does so by compare-and-swap, so its changes form one
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

use crate::cells::Cells;
use crossbeam_utils::CachePadded;
use narrowcast_core::sync::atomic::{AtomicU64, Ordering};
use std::{error, fmt};

/// Places for samples in a cell. Under loom 1, as the stores and loads of a block matter there, and not their width: loom
/// 0.7 forgets a consumer's look at a cell that the producer loads, too, before it stores it.
const PLACES: usize = if cfg!(loom) { 1 } else { 4 };

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
/// consumer's; what only looks is anybody's. A side may move to another thread, if the move itself synchronizes (a lock, a
/// channel, a join). Two producers or two consumers *at a time* are memory-safe and never panic, but samples
/// come out garbled, repeated or not at all, and the counts are wrong.
///
/// **Nobody waits.** There is no lock. A consumer call starts over only when the producer dropped samples under it, and
/// a [`write`](Self::write) looks again only when the consumer took some, of which there are at most a ringful.
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
    /// [`PLACES`] samples each; places behind the capacity are not used.
    cells: Cells,
    capacity: usize,
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
            cells: Cells::new(rounded.div_ceil(PLACES)).ok_or(too_large)?,
            capacity: rounded,
            grain: grain as u64,
            overflow,
            producer: CachePadded::new(ProducerSide { write_pos: AtomicU64::new(0), dropped: AtomicU64::new(0) }),
            consumer: CachePadded::new(ConsumerSide { read_pos: AtomicU64::new(0), expected: AtomicU64::new(0) }),
        })
    }

    /// Producer: offers `input`, and returns how many of its samples were stored. An empty input does nothing.
    ///
    /// - [`Overflow::Reject`] stores the front of the input, as much as fits. The rest counts as dropped, also if the
    ///   caller keeps it and offers it again. To the consumer there is no gap.
    /// - [`Overflow::DropOldest`] stores all of it, and drops whole grains of the oldest samples until it fits. Of an
    ///   input longer than the ring, this reaches into the front of the input itself, and fewer samples are stored than
    ///   were offered. The consumer is told of the gap: [`Read::skipped`]. Dropped samples are gone before the new ones
    ///   are there, so while an input as long as the ring replaces everything, the consumer can find nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use narrowcast_audio::{Overflow, PcmRing};
    ///
    /// let ring = PcmRing::new(4, 1, Overflow::Reject)?;
    /// assert_eq!(ring.write(&[1, 2, 3]), 3);
    /// assert_eq!(ring.write(&[4, 5, 6]), 1);
    /// assert_eq!((ring.len(), ring.dropped(), ring.written()), (4, 2, 6));
    ///
    /// let ring = PcmRing::new(4, 2, Overflow::DropOldest)?;
    /// assert_eq!(ring.write(&[1, 2, 3]), 3);
    /// assert_eq!(ring.write(&[4, 5]), 2); // 1 and 2 make room
    /// assert_eq!((ring.len(), ring.dropped(), ring.written()), (3, 2, 5));
    /// # Ok::<(), narrowcast_audio::PcmRingError>(())
    /// ```
    pub fn write(&self, input: &[i16]) -> usize {
        if input.is_empty() {
            return 0;
        }
        match self.overflow {
            Overflow::Reject => self.write_what_fits(input),
            Overflow::DropOldest => self.write_dropping_oldest(input),
        }
    }

    fn write_what_fits(&self, input: &[i16]) -> usize {
        let start = self.producer.write_pos.load(Ordering::Relaxed);
        // Acquire: the consumer's copy of what is overwritten now is finished.
        let oldest = self.consumer.read_pos.load(Ordering::Acquire);
        let free = self.capacity.saturating_sub(start.saturating_sub(oldest) as usize);
        let (stored, rejected) = input.split_at(free.min(input.len()));
        if !rejected.is_empty() {
            self.producer.dropped.fetch_add(rejected.len() as u64, Ordering::Relaxed);
        }
        self.store(start, stored);
        self.producer.write_pos.store(start + stored.len() as u64, Ordering::Release);
        stored.len()
    }

    fn write_dropping_oldest(&self, input: &[i16]) -> usize {
        let start = self.producer.write_pos.load(Ordering::Relaxed);
        let end = start + input.len() as u64;
        // Acquire, here and below: the consumer's copy of what is overwritten now is finished.
        let mut oldest = self.consumer.read_pos.load(Ordering::Acquire);
        loop {
            let excess = end.saturating_sub(oldest).saturating_sub(self.capacity as u64);
            if excess == 0 {
                break;
            }
            // Never past `end`: the capacity is whole grains too.
            let keep_from = oldest + excess.next_multiple_of(self.grain);
            // Release: who sees this `read_pos` also sees the `write_pos` of the last write, see `available`.
            match self.consumer.read_pos.compare_exchange(oldest, keep_from, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => {
                    self.producer.dropped.fetch_add(keep_from - oldest, Ordering::Relaxed);
                    oldest = keep_from;
                    break;
                }
                // The consumer took something, so less is in excess, or nothing.
                Err(moved) => oldest = moved,
            }
        }
        // Until `write_pos` is published, `read_pos` can be past it here: the ring is empty for the consumer.
        let first = start.max(oldest).min(end);
        let stored = &input[(first - start) as usize..];
        self.store(first, stored);
        self.producer.write_pos.store(end, Ordering::Release);
        stored.len()
    }

    /// Producer: takes back all that it has written and nobody has read, and returns how many samples that was. They
    /// don't count as [`dropped`](Self::dropped); the consumer is told of the gap, [`Read::skipped`]. What is written
    /// afterwards stays.
    ///
    /// # Examples
    ///
    /// ```
    /// use narrowcast_audio::{Overflow, PcmRing, Read};
    ///
    /// let ring = PcmRing::new(4, 1, Overflow::Reject)?;
    /// ring.write(&[1, 2, 3]);
    /// assert_eq!((ring.discard(), ring.dropped()), (3, 0));
    /// ring.write(&[4]);
    /// let mut out = [0; 4];
    /// assert_eq!(ring.read(&mut out), Read { samples: 1, skipped: 3 });
    /// assert_eq!(out[0], 4);
    /// # Ok::<(), narrowcast_audio::PcmRingError>(())
    /// ```
    pub fn discard(&self) -> usize {
        let end = self.producer.write_pos.load(Ordering::Relaxed);
        let mut oldest = self.consumer.read_pos.load(Ordering::Acquire);
        while oldest < end {
            // The orderings are those of `write_dropping_oldest`, of which this is the first half.
            match self.consumer.read_pos.compare_exchange(oldest, end, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return (end - oldest) as usize,
                // The consumer took something.
                Err(moved) => oldest = moved,
            }
        }
        0
    }

    /// Consumer: moves up to `out.len()` of the oldest samples to the front of `out`.
    ///
    /// # Examples
    ///
    /// ```
    /// use narrowcast_audio::{Overflow, PcmRing, Read};
    ///
    /// let ring = PcmRing::new(4, 2, Overflow::DropOldest)?;
    /// let mut out = [0; 3];
    /// assert_eq!(ring.read(&mut out), Read { samples: 0, skipped: 0 });
    ///
    /// ring.write(&[1, 2, 3, 4]);
    /// ring.write(&[5]);
    /// assert_eq!(ring.read(&mut out), Read { samples: 3, skipped: 2 });
    /// assert_eq!(out, [3, 4, 5]);
    /// # Ok::<(), narrowcast_audio::PcmRingError>(())
    /// ```
    pub fn read(&self, out: &mut [i16]) -> Read {
        self.read_units(0, 1, u64::MAX, out).unwrap_or_default()
    }

    /// Consumer: as [`read`](Self::read), but takes nothing from the absolute position `end` on. Positions count the
    /// samples ever written, see [`write_position`](Self::write_position).
    ///
    /// # Examples
    ///
    /// ```
    /// use narrowcast_audio::{Overflow, PcmRing, Read};
    ///
    /// let ring = PcmRing::new(4, 1, Overflow::DropOldest)?;
    /// ring.write(&[1, 2, 3]);
    /// let end = ring.write_position();
    /// ring.write(&[4, 5]); // 1 makes room
    /// let mut out = [0; 4];
    /// assert_eq!(ring.read_before(end, &mut out), Read { samples: 2, skipped: 1 });
    /// assert_eq!(out[..2], [2, 3]);
    /// assert_eq!(ring.read_before(end, &mut out).samples, 0);
    /// # Ok::<(), narrowcast_audio::PcmRingError>(())
    /// ```
    pub fn read_before(&self, end: u64, out: &mut [i16]) -> Read {
        self.read_units(0, 1, end, out).unwrap_or_default()
    }

    /// Consumer: fills `out` with the oldest samples, or returns `None` and takes nothing if there are fewer than that.
    ///
    /// An `out` longer than [`capacity`](Self::capacity) is never filled.
    ///
    /// # Examples
    ///
    /// ```
    /// use narrowcast_audio::{Overflow, PcmRing, Read};
    ///
    /// let ring = PcmRing::new(8, 1, Overflow::Reject)?;
    /// let mut frame = [0; 4];
    /// ring.write(&[1, 2, 3]);
    /// assert_eq!(ring.read_exact(&mut frame), None);
    ///
    /// ring.write(&[4, 5]);
    /// assert_eq!(ring.read_exact(&mut frame), Some(Read { samples: 4, skipped: 0 }));
    /// assert_eq!((frame, ring.len()), ([1, 2, 3, 4], 1));
    /// # Ok::<(), narrowcast_audio::PcmRingError>(())
    /// ```
    pub fn read_exact(&self, out: &mut [i16]) -> Option<Read> {
        self.read_units(out.len(), 1, u64::MAX, out)
    }

    /// Consumer: moves as many whole units of `unit` samples as are there and have room to the front of `out`, or returns
    /// `None` and takes nothing if there is not one.
    ///
    /// # Panics
    ///
    /// If a unit has no samples.
    ///
    /// # Examples
    ///
    /// ```
    /// use narrowcast_audio::{Overflow, PcmRing, Read};
    ///
    /// let ring = PcmRing::new(8, 1, Overflow::Reject)?;
    /// let mut out = [0; 5];
    /// ring.write(&[1]);
    /// assert_eq!(ring.read_whole(2, &mut out), None);
    ///
    /// ring.write(&[2, 3, 4, 5, 6]);
    /// assert_eq!(ring.read_whole(2, &mut out), Some(Read { samples: 4, skipped: 0 }));
    /// assert_eq!((&out[..4], ring.len()), (&[1, 2, 3, 4][..], 2));
    /// # Ok::<(), narrowcast_audio::PcmRingError>(())
    /// ```
    pub fn read_whole(&self, unit: usize, out: &mut [i16]) -> Option<Read> {
        self.read_units(unit, unit, u64::MAX, out)
    }

    /// At least `least` samples before `end`, in whole units.
    pub(crate) fn read_units(&self, least: usize, unit: usize, end: u64, out: &mut [i16]) -> Option<Read> {
        let mut start = self.consumer.read_pos.load(Ordering::Acquire);
        loop {
            let before_end = usize::try_from(end.saturating_sub(start)).unwrap_or(usize::MAX);
            let n = self.available(start).min(out.len()).min(before_end);
            let n = n - n % unit;
            if n < least {
                return None;
            }
            if n == 0 {
                return Some(Read::default());
            }
            self.load(start, &mut out[..n]);
            match self.leave(start, start + n as u64) {
                Ok(()) => {
                    let expected = self.consumer.expected.load(Ordering::Relaxed);
                    self.consumer.expected.store(start + n as u64, Ordering::Relaxed);
                    return Some(Read { samples: n, skipped: start.saturating_sub(expected) });
                }
                // What was copied may be torn: the producer dropped it meanwhile.
                Err(moved) => start = moved,
            }
        }
    }

    /// Consumer: copies up to `out.len()` of the oldest samples to the front of `out` and leaves them in the ring.
    /// Returns how many.
    ///
    /// They are one piece, but under [`Overflow::DropOldest`] the producer may drop them before they are read.
    ///
    /// # Examples
    ///
    /// ```
    /// use narrowcast_audio::{Overflow, PcmRing};
    ///
    /// let ring = PcmRing::new(4, 1, Overflow::Reject)?;
    /// ring.write(&[1, 2, 3]);
    /// let mut out = [0; 2];
    /// assert_eq!((ring.peek(&mut out), out), (2, [1, 2]));
    /// assert_eq!(ring.len(), 3);
    /// # Ok::<(), narrowcast_audio::PcmRingError>(())
    /// ```
    pub fn peek(&self, out: &mut [i16]) -> usize {
        let mut start = self.consumer.read_pos.load(Ordering::Acquire);
        loop {
            let n = self.available(start).min(out.len());
            if n == 0 {
                return 0;
            }
            self.load(start, &mut out[..n]);
            // A load would not do: nothing would keep the copy before the producer's next stores.
            match self.leave(start, start) {
                Ok(()) => return n,
                Err(moved) => start = moved,
            }
        }
    }

    /// Consumer: throws away up to `n` of the oldest samples, and returns how many. They count neither as
    /// [`dropped`](Self::dropped) nor as [`Read::skipped`].
    ///
    /// # Examples
    ///
    /// ```
    /// use narrowcast_audio::{Overflow, PcmRing, Read};
    ///
    /// let ring = PcmRing::new(4, 1, Overflow::Reject)?;
    /// ring.write(&[1, 2, 3]);
    /// assert_eq!(ring.skip(2), 2);
    /// let mut out = [0; 4];
    /// assert_eq!(ring.read(&mut out), Read { samples: 1, skipped: 0 });
    /// assert_eq!(out[0], 3);
    /// assert_eq!(ring.skip(2), 0);
    /// # Ok::<(), narrowcast_audio::PcmRingError>(())
    /// ```
    pub fn skip(&self, n: usize) -> usize {
        let mut start = self.consumer.read_pos.load(Ordering::Acquire);
        loop {
            let n = self.available(start).min(n);
            if n == 0 {
                return 0;
            }
            match self.leave(start, start + n as u64) {
                Ok(()) => {
                    self.expect_later_by(n as u64);
                    return n;
                }
                Err(moved) => start = moved,
            }
        }
    }

    /// Consumer: throws away all that is in the ring at the time of the call, and returns how many samples that was.
    /// They count neither as [`dropped`](Self::dropped) nor as [`Read::skipped`].
    ///
    /// # Examples
    ///
    /// ```
    /// use narrowcast_audio::{Overflow, PcmRing};
    ///
    /// let ring = PcmRing::new(4, 1, Overflow::Reject)?;
    /// ring.write(&[1, 2, 3]);
    /// assert_eq!(ring.clear(), 3);
    /// assert!(ring.is_empty());
    /// assert_eq!(ring.dropped(), 0);
    /// # Ok::<(), narrowcast_audio::PcmRingError>(())
    /// ```
    pub fn clear(&self) -> usize {
        let end = self.producer.write_pos.load(Ordering::Acquire);
        let mut start = self.consumer.read_pos.load(Ordering::Acquire);
        while start < end {
            match self.leave(start, end) {
                Ok(()) => {
                    self.expect_later_by(end - start);
                    return (end - start) as usize;
                }
                Err(moved) => start = moved,
            }
        }
        0
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
        self.capacity
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

    /// Where the next sample will be written: how many were stored, or, with [`Overflow::DropOldest`], offered. Whoever
    /// sees a position sees what the producer did before it wrote that far.
    pub fn write_position(&self) -> u64 {
        self.producer.write_pos.load(Ordering::Acquire)
    }

    /// Where the next sample will be read, unless it gets dropped: all before it was read, or is gone. While all there
    /// is is being replaced, it can be past [`write_position`](Self::write_position). Whoever sees a position sees what
    /// the consumer did before it read that far.
    pub fn read_position(&self) -> u64 {
        self.consumer.read_pos.load(Ordering::Acquire)
    }

    /// Consumer: where the samples end that it took or left behind last.
    pub(crate) fn taken_position(&self) -> u64 {
        self.consumer.expected.load(Ordering::Relaxed)
    }

    /// How many samples there are from `start` on, where `start` was just loaded from `read_pos` with Acquire.
    ///
    /// In this order `write_pos` is at least as new as `start`: whoever set `read_pos` had seen, or stored, the
    /// `write_pos` of its time, and released it. So `start` is past it only while the producer replaces all there is.
    /// `start` itself can be old, and the difference more than a ring holds; then `leave` will fail.
    fn available(&self, start: u64) -> usize {
        let end = self.producer.write_pos.load(Ordering::Acquire);
        end.saturating_sub(start).min(self.capacity as u64) as usize
    }

    /// Consumer: moves `read_pos` from `start` to `to`, or says where the producer has moved it meanwhile.
    fn leave(&self, start: u64, to: u64) -> Result<(), u64> {
        // Release: the copy that was made of these samples is finished before the producer overwrites them. On failure
        // Acquire, for `available`.
        self.consumer.read_pos.compare_exchange(start, to, Ordering::Release, Ordering::Acquire).map(drop)
    }

    /// Consumer: it left `n` samples unread of its own will, so the next read doesn't report them as lost.
    fn expect_later_by(&self, n: u64) {
        let expected = self.consumer.expected.load(Ordering::Relaxed);
        self.consumer.expected.store(expected + n, Ordering::Relaxed);
    }

    /// The place of a position, and how many of `n` positions from it on come before the end of the storage; the others go
    /// on from its front. At most a ringful.
    fn split(&self, pos: u64, n: usize) -> (usize, usize) {
        let place = (pos % self.capacity as u64) as usize;
        (place, n.min(self.capacity - place))
    }

    fn store(&self, pos: u64, samples: &[i16]) {
        let (place, before_end) = self.split(pos, samples.len());
        let (to_back, to_front) = samples.split_at(before_end);
        self.store_at(place, to_back);
        self.store_at(0, to_front);
    }

    fn load(&self, pos: u64, out: &mut [i16]) {
        let (place, before_end) = self.split(pos, out.len());
        let (from_back, from_front) = out.split_at_mut(before_end);
        self.load_at(place, from_back);
        self.load_at(0, from_front);
    }

    fn store_at(&self, place: usize, samples: &[i16]) {
        let (first, rest) = samples.split_at(places_to_next_cell(place).min(samples.len()));
        let (whole, last) = rest.as_chunks::<PLACES>();
        let mut cells = self.cells[place / PLACES..].iter();
        let mut next = || cells.next().expect("a ringful of samples has cells");
        if !first.is_empty() {
            store_part(next(), place % PLACES, first);
        }
        for samples in whole {
            next().store(pack(samples), Ordering::Relaxed);
        }
        if !last.is_empty() {
            store_part(next(), 0, last);
        }
    }

    fn load_at(&self, place: usize, out: &mut [i16]) {
        let (first, rest) = out.split_at_mut(places_to_next_cell(place).min(out.len()));
        let (whole, last) = rest.as_chunks_mut::<PLACES>();
        let mut cells = self.cells[place / PLACES..].iter();
        let mut next = || cells.next().expect("a ringful of samples has cells").load(Ordering::Relaxed);
        if !first.is_empty() {
            let from = place % PLACES;
            first.copy_from_slice(&unpack(next())[from..from + first.len()]);
        }
        for out in whole {
            *out = unpack(next());
        }
        if !last.is_empty() {
            last.copy_from_slice(&unpack(next())[..last.len()]);
        }
    }
}

/// Places from `place` on that share its cell with what is before it.
fn places_to_next_cell(place: usize) -> usize {
    place.next_multiple_of(PLACES) - place
}

/// Producer: changes some places of a cell.
fn store_part(cell: &AtomicU64, place: usize, samples: &[i16]) {
    let mut all = unpack(cell.load(Ordering::Relaxed));
    all[place..place + samples.len()].copy_from_slice(samples);
    cell.store(pack(&all), Ordering::Relaxed);
}

fn pack(samples: &[i16; PLACES]) -> u64 {
    samples.iter().rev().fold(0, |cell, sample| cell << 16 | u64::from(*sample as u16))
}

fn unpack(cell: u64) -> [i16; PLACES] {
    std::array::from_fn(|place| (cell >> (16 * place)) as i16)
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
