//! How late something happened, in classes: what a p99 is read from.

use std::array;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Width of a class.
const CLASS: Duration = Duration::from_micros(50);

/// How often something was so late, in classes of 50 µs; the last one, from 12.75 ms on, has all that was later.
pub struct Lateness([AtomicU64; 256]);

impl Default for Lateness {
    fn default() -> Self {
        Self(array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Lateness {
    /// Counts one that was so late.
    pub fn note(&self, late: Duration) {
        let class = usize::try_from(late.as_nanos() / CLASS.as_nanos()).unwrap_or(usize::MAX);
        self.0[class.min(self.0.len() - 1)].fetch_add(1, Ordering::Relaxed);
    }

    /// How many there were of each class, the least late first.
    pub fn counts(&self) -> impl Iterator<Item = u64> {
        self.0.iter().map(|count| count.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_in_its_class_and_the_latest_in_the_last() {
        let lateness = Lateness::default();
        for us in [0, 49, 50, 99, 1_000, 12_749, 12_750, u64::MAX] {
            lateness.note(Duration::from_micros(us));
        }
        let classes: Vec<_> = lateness.counts().enumerate().filter(|(_, count)| *count > 0).collect();
        assert_eq!(classes, [(0, 2), (1, 2), (20, 1), (254, 1), (255, 2)]);
    }
}
