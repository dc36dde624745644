//! The producer's side of a ring.

use super::{Overflow, PcmRing};
use narrowcast_core::sync::atomic::Ordering;

impl PcmRing {
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
        let free = self.capacity().saturating_sub(start.saturating_sub(oldest) as usize);
        let (stored, rejected) = input.split_at(free.min(input.len()));
        if !rejected.is_empty() {
            self.producer.dropped.fetch_add(rejected.len() as u64, Ordering::Relaxed);
        }
        self.samples.store(start, stored);
        self.producer.write_pos.store(start + stored.len() as u64, Ordering::Release);
        stored.len()
    }

    fn write_dropping_oldest(&self, input: &[i16]) -> usize {
        let start = self.producer.write_pos.load(Ordering::Relaxed);
        let end = start + input.len() as u64;
        // Acquire, here and below: the consumer's copy of what is overwritten now is finished.
        let mut oldest = self.consumer.read_pos.load(Ordering::Acquire);
        loop {
            let excess = end.saturating_sub(oldest).saturating_sub(self.capacity() as u64);
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
        self.samples.store(first, stored);
        self.producer.write_pos.store(end, Ordering::Release);
        stored.len()
    }

    /// Producer: takes back all that it has written and the consumer has not read, and returns how many samples that was. They
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
            // The orderings are those of `write_dropping_oldest`, this is its first half.
            match self.consumer.read_pos.compare_exchange(oldest, end, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return (end - oldest) as usize,
                // The consumer took something.
                Err(moved) => oldest = moved,
            }
        }
        0
    }
}
