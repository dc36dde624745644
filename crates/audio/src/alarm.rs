//! One thread that rings for tracks at times that their players name.

use crate::pcm_track::PcmTrack;
use narrowcast_core::sync::Arc;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::Instant;

/// The thread; it lives as long as the process.
pub struct AlarmClock {
    alarms: Arc<Alarms>,
    thread: Thread,
    made: AtomicU64,
}

/// When to ring for which track, by the alarm's number.
type Alarms = Mutex<Vec<(u64, Instant, Arc<PcmTrack>)>>;

/// Of std in a loom test, too: this thread is not part of what loom explores.
fn lock(alarms: &Alarms) -> MutexGuard<'_, Vec<(u64, Instant, Arc<PcmTrack>)>> {
    alarms.lock().unwrap_or_else(PoisonError::into_inner)
}

impl AlarmClock {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start() -> io::Result<Self> {
        let alarms: Arc<Alarms> = Arc::default();
        let run = {
            let alarms = alarms.clone();
            move || wait(&alarms)
        };
        let thread = thread::Builder::new().name("narrowcast-alarm".into()).stack_size(128 * 1024).spawn(run)?;
        Ok(Self { alarms, thread: thread.thread().clone(), made: AtomicU64::new(0) })
    }

    /// An alarm for a track. It is not set.
    pub fn alarm(&self, track: Arc<PcmTrack>) -> Alarm {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        Alarm { number, track, at: None, alarms: self.alarms.clone(), thread: self.thread.clone() }
    }
}

fn wait(alarms: &Alarms) {
    loop {
        let now = Instant::now();
        let mut waiting = lock(alarms);
        waiting.retain(|(_, at, track)| {
            let is_due = *at <= now;
            if is_due {
                track.ring();
            }
            !is_due
        });
        let next = waiting.iter().map(|(_, at, _)| *at).min();
        drop(waiting);
        match next {
            Some(next) => thread::park_timeout(next.saturating_duration_since(Instant::now())),
            None => thread::park(),
        }
    }
}

/// Rings for one track at one time. Dropped, it never does.
pub struct Alarm {
    number: u64,
    track: Arc<PcmTrack>,
    at: Option<Instant>,
    alarms: Arc<Alarms>,
    thread: Thread,
}

impl Alarm {
    /// Rings at `at`, or now if that is over, and at no other time.
    pub fn set(&mut self, at: Option<Instant>) {
        let now = Instant::now();
        let is_due = at.is_some_and(|at| at <= now);
        if is_due {
            self.track.ring();
        }
        let at = at.filter(|_| !is_due);
        if at == self.at {
            return;
        }
        self.at = at;
        let mut waiting = lock(&self.alarms);
        waiting.retain(|(number, ..)| *number != self.number);
        let is_next = at.is_some_and(|at| waiting.iter().all(|(_, other, _)| at < *other));
        waiting.extend(at.map(|at| (self.number, at, self.track.clone())));
        drop(waiting);
        if is_next {
            self.thread.unpark();
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        lock(&self.alarms).retain(|(number, ..)| *number != self.number);
    }
}
