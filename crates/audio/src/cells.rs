//! The memory of a ring: zeros that take no page of the system's before something is written there.
//!
//! A ring is made for the longest stall that it has to cover, and most of it is never used. So a large one is mapped and
//! not allocated: the system gives it a page at the first store, and takes all of them back when the ring is dropped. An
//! allocator would write zeros to memory that was used before, and keep what it got.

use narrowcast_core::sync::atomic::AtomicU64;
use std::ops::Deref;

/// Below this a ring is allocated: a mapping takes whole pages, and a process has a limited number of mappings.
#[cfg(not(any(loom, miri)))]
const MAPPED_BYTES: usize = 64 << 10;

/// Cells of a ring. Zero at first.
pub(crate) enum Cells {
    Allocated(Box<[AtomicU64]>),
    /// Under loom an atomic is no plain number, and Miri maps no memory.
    #[cfg(not(any(loom, miri)))]
    Mapped(memmap2::MmapMut),
}

impl Cells {
    /// `None`: there is no memory for so many.
    pub fn new(count: usize) -> Option<Self> {
        #[cfg(not(any(loom, miri)))]
        {
            let bytes = count.checked_mul(size_of::<AtomicU64>())?;
            if bytes >= MAPPED_BYTES {
                let memory = memmap2::MmapMut::map_anon(bytes).ok()?;
                // Where the system maps 2 MB at a time, one sample would take so much. It may not know of that at all.
                #[cfg(target_os = "linux")]
                let _ = memory.advise(memmap2::Advice::NoHugePage);
                return Some(Self::Mapped(memory));
            }
        }
        let mut cells = Vec::new();
        // A plain allocation would abort the process where there is no memory.
        cells.try_reserve_exact(count).ok()?;
        cells.resize_with(count, || AtomicU64::new(0));
        Some(Self::Allocated(cells.into_boxed_slice()))
    }
}

impl Deref for Cells {
    type Target = [AtomicU64];

    #[inline]
    fn deref(&self) -> &[AtomicU64] {
        match self {
            Self::Allocated(cells) => cells,
            #[cfg(not(any(loom, miri)))]
            // SAFETY: a mapping begins at a page, and so is aligned; it has this many bytes, zero or what was stored there,
            // for as long as it is borrowed. It is used through these atomics only, which have the layout of a `u64`.
            Self::Mapped(memory) => unsafe {
                std::slice::from_raw_parts(memory.as_ptr().cast(), memory.len() / size_of::<AtomicU64>())
            },
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering;

    #[test]
    fn cells_are_zero_and_keep_what_is_stored_whatever_their_number() {
        for count in [1, 7, 8_191, 8_192, 8_193, 360_000] {
            let cells = Cells::new(count).unwrap();
            assert_eq!(cells.len(), count);
            assert!(cells.iter().all(|cell| cell.load(Ordering::Relaxed) == 0));
            cells[count - 1].store(u64::MAX, Ordering::Relaxed);
            assert_eq!(cells[count - 1].load(Ordering::Relaxed), u64::MAX);
        }
    }

    #[test]
    fn more_cells_than_there_is_memory_for_are_refused() {
        for count in [usize::MAX, usize::MAX / 8, usize::MAX / 16] {
            assert!(Cells::new(count).is_none());
        }
    }

    /// Pages of this process that have memory behind them.
    #[cfg(all(target_os = "linux", not(miri)))]
    fn resident_bytes(cells: &Cells) -> usize {
        let from = cells.as_ptr() as usize;
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut lines = maps.lines().skip_while(|line| {
            let range = line.split_once(' ').map_or("", |(range, _)| range);
            let ends = range.split_once('-').and_then(|(start, end)| {
                Some((usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?))
            });
            !ends.is_some_and(|(start, end)| (start..end).contains(&from))
        });
        let resident =
            lines.find_map(|line| line.strip_prefix("Rss:")).expect("each mapping says how much is resident");
        resident.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
    }

    #[test]
    #[cfg(all(target_os = "linux", not(miri)))]
    fn only_what_was_stored_takes_memory() {
        let cells = Cells::new(1 << 20).unwrap();
        let unused = resident_bytes(&cells);
        for cell in &cells[..1 << 16] {
            cell.store(1, Ordering::Relaxed);
        }
        let used = resident_bytes(&cells);
        // Neighbours may share the line in smaps, hence the difference.
        assert!(((512 << 10)..=(576 << 10)).contains(&(used - unused)), "{unused} bytes, then {used}");
        assert!(unused < 8 << 20, "{unused} of 8 MiB before anything was stored");
    }
}
