//! What waits in the engine's queue of a source, as far as the pump that fills it can know: the engine does not say.
//!
//! The engine takes a chunk of 10 ms from a queue every 10 ms, by a clock of its own that makes up for its delays. So what
//! was put there lasts until a moment that can be reckoned, give or take the 10 ms that lie between two looks of the engine.

use super::source::{CHUNK, Lead, Pcm, Source};
use std::collections::HashMap;
use std::time::Duration;

/// Chunks of silence that are kept in a queue while nothing is said.
const SILENCE: u32 = 2;

/// How far a chunk may go beyond what is kept: two looks of the pump are never exactly a chunk's time apart.
const SLACK: Duration = Duration::from_millis(5);

/// A look of the pump that is later than this shows that the machine is busy.
const LATE: Duration = Duration::from_millis(4);

/// How long the machine counts as busy after such a look: a later one would find an empty queue.
const BUSY: Duration = Duration::from_secs(10);

/// The queue of one source.
pub(crate) struct SourceQueue {
    lead: Lead,
    /// Until when the machine counts as busy.
    busy_until: Duration,
    /// When the last of it will have been taken, on the pump's clock.
    dry_at: Duration,
}

impl SourceQueue {
    fn new(lead: Lead, dry_at: Duration) -> Self {
        Self { lead, busy_until: Duration::ZERO, dry_at }
    }

    /// The pump looks, so late.
    pub fn looked(&mut self, now: Duration, late: Duration) {
        if late > LATE {
            self.busy_until = now + BUSY;
        }
    }

    /// Whether a chunk is to be put there now, of what is said or of silence.
    pub fn has_room(&self, now: Duration, silence: bool) -> bool {
        self.room(now, silence) > 0
    }

    /// How many chunks are to be put there now, of what is said or of silence.
    pub fn room(&self, now: Duration, silence: bool) -> usize {
        let kept = if now < self.busy_until { self.lead.busy } else { self.lead.usual };
        let kept = if silence { kept.min(SILENCE) } else { kept };
        let room = (CHUNK * kept + SLACK).saturating_sub(self.level(now));
        (room.as_nanos() / CHUNK.as_nanos()) as usize
    }

    /// How long what is there lasts.
    pub fn level(&self, now: Duration) -> Duration {
        self.dry_at.saturating_sub(now)
    }

    /// How long nothing has been there.
    pub fn dry_for(&self, now: Duration) -> Duration {
        now.saturating_sub(self.dry_at)
    }

    /// So many chunks were put there. Returns from when until when they are heard.
    pub fn put(&mut self, now: Duration, chunks: usize) -> (Duration, Duration) {
        let from = self.dry_at.max(now);
        self.dry_at = from + CHUNK * chunks as u32;
        (from, self.dry_at)
    }

    /// The chunks that were put last are not there: the engine refused them.
    pub fn refused(&mut self, chunks: usize) {
        self.dry_at = self.dry_at.saturating_sub(CHUNK * chunks as u32);
    }

    /// Nothing is there any more.
    pub fn emptied(&mut self) {
        self.dry_at = Duration::ZERO;
    }
}

/// Queues of sources that are not played into right now, and in which something may wait.
#[derive(Default)]
pub(crate) struct Queues(HashMap<u64, Duration>);

impl Queues {
    /// The queue of a source that is played into from now on; none if it has no queue.
    pub fn enter(&mut self, source: &Source) -> Option<SourceQueue> {
        match source.pcm {
            Pcm::Track { lead, .. } if lead != Lead::NONE => {
                Some(SourceQueue::new(lead, self.0.remove(&source.handle).unwrap_or_default()))
            }
            _ => None,
        }
    }

    /// No more is played into a source.
    pub fn leave(&mut self, source: &Source, queue: Option<&SourceQueue>, now: Duration) {
        self.0.retain(|_, dry_at| *dry_at > now);
        if let Some(queue) = queue {
            self.0.insert(source.handle, queue.dry_at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn what_is_kept_is_put_at_once_and_then_one_chunk_in_10_ms_however_uneven_the_looks() {
        let mut queue = SourceQueue::new(Lead::always(3), Duration::ZERO);
        let mut put = |now| {
            let mut chunks = 0;
            while queue.has_room(now, false) {
                queue.put(now, 1);
                chunks += 1;
            }
            chunks
        };
        let looks = [1003, 1010, 1021, 1034, 1040, 1052, 1060].map(|ms| put(MS * ms));
        assert_eq!(looks, [3, 1, 1, 1, 1, 1, 1]);
        assert_eq!(put(MS * 2000), 3, "after a pause what is kept, and no more");
    }

    #[test]
    fn of_silence_less_is_kept_and_what_is_said_has_room_before_it_is_gone() {
        let mut queue = SourceQueue::new(Lead::always(3), Duration::ZERO);
        assert_eq!(queue.room(MS * 1000, false), 3);
        assert_eq!(queue.put(MS * 1000, 2), (MS * 1000, MS * 1020));
        assert!(!queue.has_room(MS * 1000, true) && queue.has_room(MS * 1000, false));
        queue.put(MS * 1000, 1);
        assert!(!queue.has_room(MS * 1000, false));
        queue.refused(1);
        assert_eq!(queue.room(MS * 1000, false), 1);
        queue.emptied();
        assert!(queue.has_room(MS * 1000, true));
    }

    #[test]
    fn more_is_kept_for_a_while_after_the_pump_has_looked_late() {
        let mut queue = SourceQueue::new(Lead { usual: 2, busy: 3 }, Duration::ZERO);
        let mut put = |now, late| {
            queue.looked(now, late);
            while queue.has_room(now, false) {
                queue.put(now, 1);
            }
            queue.level(now) / CHUNK.as_millis() as u32
        };
        let levels = [(1000, 0), (1010, 3), (1020, 6), (5030, 0), (11_030, 0), (11_060, 0)]
            .map(|(at, late)| put(MS * at, MS * late).as_millis());
        assert_eq!(levels, [2, 2, 3, 3, 2, 2]);
    }
}
