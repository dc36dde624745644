//! How a JavaScript thread is woken: by a call of a threadsafe function, and not more often than its doorbell allows.
//!
//! A wake costs the thread as much as reading dozens of frames does, and the frames of many streams come within the same
//! millisecond or two, every ten. So after an answer the next wake of a paced doorbell has to wait:
//!
//! ```text
//! ring ─► last answer longer ago than the pause? ─ yes ─► wake now
//!                                                └ no ──► the pacer thread wakes it when the pause is over
//! ```

use napi::Status;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use narrowcast_core::Wake;
use narrowcast_core::sync::SegQueue;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// Weak: by itself it does not keep the process alive. The queue needs no bound of its own, since the doorbell sends a
/// wake only once the last one was answered.
pub type WakeFunction = ThreadsafeFunction<(), (), (), Status, false, true>;

/// Wakes one JavaScript thread, for one doorbell.
pub struct Pace {
    function: WakeFunction,
    /// Least time from an answer to the next wake.
    pause: Duration,
    /// When the last wake was answered, in ns since [`START`].
    answered: AtomicU64,
}

/// What a doorbell wakes its thread by.
pub struct JsWake(pub Arc<Pace>);

static START: OnceLock<Instant> = OnceLock::new();
static PACER: OnceLock<Option<Pacer>> = OnceLock::new();

impl Pace {
    /// Wakes by calling `function`, at once where `pause` is zero.
    pub fn new(function: WakeFunction, pause: Duration) -> Arc<Self> {
        START.get_or_init(Instant::now);
        if !pause.is_zero() {
            // Now, for a producer may not wait until a thread has started.
            PACER.get_or_init(Pacer::start);
        }
        Arc::new(Self { function, pause, answered: AtomicU64::new(0) })
    }

    /// The thread answers a wake, and is about to look for what there is.
    pub fn answers(&self) {
        self.answered.store(since_start().as_nanos() as u64, Ordering::Relaxed);
    }

    /// When the next wake may come, since [`START`]. The first one may at once.
    fn due(&self) -> Duration {
        match self.answered.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            answered => Duration::from_nanos(answered) + self.pause,
        }
    }

    fn wake(&self) {
        // It only fails while the environment ends, and then nobody waits.
        self.function.call((), ThreadsafeFunctionCallMode::NonBlocking);
    }
}

impl Wake for JsWake {
    fn wake(&self) {
        let pace = &self.0;
        if !pace.pause.is_zero()
            && let Some(Some(pacer)) = PACER.get()
            && since_start() < pace.due()
        {
            return pacer.wake_when_due(pace.clone());
        }
        pace.wake();
    }
}

fn since_start() -> Duration {
    START.get().map(Instant::elapsed).unwrap_or_default()
}

/// The thread that wakes others when their pause is over; the same for the whole process.
struct Pacer {
    asked: Arc<SegQueue<Arc<Pace>>>,
    thread: Thread,
}

impl Pacer {
    /// None where the system has no thread left: then nobody pauses.
    fn start() -> Option<Self> {
        let asked = Arc::new(SegQueue::<Arc<Pace>>::new());
        let run = {
            let asked = asked.clone();
            move || wake_all(&asked)
        };
        let thread = thread::Builder::new().name("narrowcast-pacer".into()).stack_size(128 * 1024).spawn(run).ok()?;
        Some(Self { asked, thread: thread.thread().clone() })
    }

    /// Called on producer threads: takes no lock, and costs what a wake does. At most one for each doorbell is under way,
    /// since a doorbell has one wake pending at most.
    fn wake_when_due(&self, pace: Arc<Pace>) {
        self.asked.push(pace);
        self.thread.unpark();
    }
}

fn wake_all(asked: &SegQueue<Arc<Pace>>) {
    let mut waiting: Vec<Arc<Pace>> = Vec::new();
    loop {
        waiting.extend(std::iter::from_fn(|| asked.pop()));
        let now = since_start();
        waiting.retain(|pace| {
            let due = pace.due() <= now;
            if due {
                pace.wake();
            }
            !due
        });
        match waiting.iter().map(|pace| pace.due()).min() {
            Some(next) => thread::park_timeout(next.saturating_sub(since_start())),
            None => thread::park(),
        }
    }
}
