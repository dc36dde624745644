//! The memory of a ring, by positions: several samples share a cell.

use crate::cells::Cells;
use narrowcast_core::sync::atomic::{AtomicU64, Ordering};

/// Places for samples in a cell. Under loom 1, as the stores and loads of a block matter there, and not their width: loom
/// 0.7 forgets a consumer's look at a cell that the producer loads, too, before it stores it.
const PLACES: usize = if cfg!(loom) { 1 } else { 4 };

/// A sample for each of the last `capacity` positions.
pub(super) struct Samples {
    /// [`PLACES`] samples each; places behind the capacity are not used.
    cells: Cells,
    capacity: usize,
}

impl Samples {
    /// `None`: there is no memory for so many.
    pub fn new(capacity: usize) -> Option<Self> {
        Some(Self { cells: Cells::new(capacity.div_ceil(PLACES))?, capacity })
    }

    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// The place of a position, and how many of `n` positions from it on come before the end of the storage; the others go
    /// on from its front. At most a ringful.
    fn split(&self, pos: u64, n: usize) -> (usize, usize) {
        let place = (pos % self.capacity as u64) as usize;
        (place, n.min(self.capacity - place))
    }

    /// Producer: stores samples from a position on, at most a ringful.
    pub fn store(&self, pos: u64, samples: &[i16]) {
        let (place, before_end) = self.split(pos, samples.len());
        let (to_back, to_front) = samples.split_at(before_end);
        self.store_at(place, to_back);
        self.store_at(0, to_front);
    }

    /// Copies the samples from a position on, at most a ringful.
    pub fn load(&self, pos: u64, out: &mut [i16]) {
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
