//! Where the utterances of a track end.

use narrowcast_core::sync::atomic::{AtomicU64, Ordering};

/// Ends of utterances that are remembered while they wait. Of more, the oldest are forgotten: these utterances go out
/// without padding, one right after the other.
const ENDS: usize = if cfg!(loom) { 2 } else { 64 };

/// Positions at which utterances end, in the order in which they were noted, which is their own. Where there is no room,
/// the oldest are overwritten, and the player may then see a later one in their place: no position is ever wrong, but one
/// may be missing.
pub(super) struct Ends {
    cells: [AtomicU64; ENDS],
    /// The writer's: how many were noted.
    noted: AtomicU64,
    /// The player's: how many of these it has passed.
    passed: AtomicU64,
}

impl Ends {
    pub fn new() -> Self {
        Self { cells: std::array::from_fn(|_| AtomicU64::new(0)), noted: AtomicU64::new(0), passed: AtomicU64::new(0) }
    }

    fn cell(&self, number: u64) -> &AtomicU64 {
        &self.cells[(number % ENDS as u64) as usize]
    }

    /// Writer.
    pub fn push(&self, position: u64) {
        let noted = self.noted.load(Ordering::Relaxed);
        // Ended twice is ended once, and takes no other's room.
        if noted > 0 && self.cell(noted - 1).load(Ordering::Relaxed) == position {
            return;
        }
        self.cell(noted).store(position, Ordering::Relaxed);
        self.noted.store(noted + 1, Ordering::Release);
    }

    /// Player: the first one behind `position`, which is where the player is.
    pub fn first_after(&self, position: u64) -> Option<u64> {
        let noted = self.noted.load(Ordering::Acquire);
        let mut passed = self.passed.load(Ordering::Relaxed).max(noted.saturating_sub(ENDS as u64));
        let mut first = None;
        while passed < noted && first.is_none() {
            let end = self.cell(passed).load(Ordering::Relaxed);
            if end > position {
                first = Some(end);
            } else {
                passed += 1;
            }
        }
        self.passed.store(passed, Ordering::Relaxed);
        first
    }
}
