//! The consumer's side of a ring.

use super::{PcmRing, Read};
use narrowcast_core::sync::atomic::Ordering;

impl PcmRing {
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
            self.samples.load(start, &mut out[..n]);
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
            self.samples.load(start, &mut out[..n]);
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

    /// Consumer: where the samples end that it took or left behind last.
    pub(crate) fn taken_position(&self) -> u64 {
        self.consumer.expected.load(Ordering::Relaxed)
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
}
