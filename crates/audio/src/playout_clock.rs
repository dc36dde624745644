//! When the frames of a stream in real time are due: arithmetic, without a clock or a thread.
//!
//! Frame `n` is due at `anchor + n * period`, so that nothing drifts however late each one is. A sender that was held up
//! catches up: what was due meanwhile goes out at once, up to a limit. The jitter buffer or queue at the far end has played
//! on without it. That has room for so much: it would drop a burst of seconds, or play it late for good. So beyond
//! `most_behind` frames the time table itself is put off, by whole periods, and what is said then is said later.
//! No frame is left out.

use std::time::Duration;

/// The time table of one stream.
///
/// # Examples
///
/// ```
/// use narrowcast_audio::PlayoutClock;
/// use std::time::Duration;
///
/// let ms = Duration::from_millis;
/// let mut clock = PlayoutClock::new(ms(20), 5, ms(1_000));
/// assert_eq!(clock.due(), ms(1_000));
/// clock.advance(ms(1_003)); // 3 ms late,
/// assert_eq!(clock.due(), ms(1_020)); // and the next one is not
/// ```
#[derive(Clone, Debug)]
pub struct PlayoutClock {
    period: Duration,
    /// How far behind its time table a frame may be, in periods.
    most_behind: u32,
    due: Duration,
    /// Periods by which the time table was put off.
    put_off: u64,
}

impl PlayoutClock {
    /// A time table whose first frame is due at `start`, on any clock that never goes back. After a delay, at most
    /// `most_behind` frames and the one that is due follow one another at once.
    ///
    /// # Panics
    /// If `period` is 0.
    pub fn new(period: Duration, most_behind: u32, start: Duration) -> Self {
        assert!(period > Duration::ZERO, "frames take some time");
        Self { period, most_behind, due: start, put_off: 0 }
    }

    /// When the next frame is due.
    pub fn due(&self) -> Duration {
        self.due
    }

    /// Whether the next frame is due.
    pub fn is_due(&self, now: Duration) -> bool {
        now >= self.due
    }

    /// The next frame goes out at `now`; returns how late it is. If more are due behind it than may go out at once, the
    /// time table is put off.
    pub fn advance(&mut self, now: Duration) -> Duration {
        let late = now.saturating_sub(self.due);
        // Whole periods: streams that started in step stay in step, and one wake does for all of them.
        let behind = late.as_nanos() / self.period.as_nanos();
        let excess = u64::try_from(behind).unwrap_or(u64::MAX).saturating_sub(self.most_behind.into());
        self.put_off = self.put_off.saturating_add(excess);
        self.due = self.due.saturating_add(times(self.period, excess)).saturating_add(self.period);
        late
    }

    /// Periods by which the time table was put off so far.
    pub fn put_off(&self) -> u64 {
        self.put_off
    }
}

/// [`Duration`]'s own multiplication takes 32 bits.
fn times(period: Duration, count: u64) -> Duration {
    let nanos = period.as_nanos().saturating_mul(count.into());
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
