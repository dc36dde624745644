//! How a JavaScript thread is woken: by a call of a threadsafe function, and not more often than its doorbell allows.
//!
//! A wake costs the thread as much as reading dozens of frames does, and the frames of many streams come within the same
//! millisecond or two, every ten. So a doorbell may have a pause, after an answer, and a delay, for what is to be
//! gathered:
//!
//! ```text
//! ring ─► is a pause over, and no burst to be expected? ─ yes ─► wake now
//!                                                        └ no ──► the timer thread wakes it later
//! ```

use napi::Status;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use narrowcast_core::sync::SegQueue;
use narrowcast_core::{Counter, Wake};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// Weak: by itself it does not keep the process alive. The queue needs no bound of its own, since the doorbell sends a
/// wake only once the last one was answered.
pub type WakeFunction = ThreadsafeFunction<(), (), (), Status, false, true>;

/// Wakes one JavaScript thread, for one doorbell.
pub struct WakeThrottle {
    function: WakeFunction,
    timing: Timing,
    /// When the last wake was answered, in ns since [`START`].
    answered: AtomicU64,
    /// How many had rung by then.
    rang: AtomicU32,
    /// When the wake that was sent last was due, in ns since [`START`]; 0: it was answered.
    due: AtomicU64,
    /// The last stall: how long a wake waited, and how long it had been since the answer before, in ns.
    stall: [AtomicU64; 2],
}

/// How soon a doorbell wakes its thread.
#[derive(Clone, Copy)]
pub struct Timing {
    /// Least time from an answer to the next wake.
    pub pause: Duration,
    /// From the first of a burst to the wake: then one is enough. What follows an answer to [`BURST`] or more is taken for
    /// the next burst.
    pub delay: Duration,
}

/// Fewer are no burst: what waits for others to come costs latency, and a wake of the timer.
const BURST: u32 = 4;

/// A wake that waits for this long has met a blocked thread.
const STALL: Duration = Duration::from_millis(100);

/// What a doorbell wakes its thread by.
pub struct JsWake(pub Arc<WakeThrottle>);

/// Wakes of all JavaScript threads so far.
static WAKES: Counter = Counter::new();
static START: OnceLock<Instant> = OnceLock::new();
static TIMER: OnceLock<Option<WakeTimer>> = OnceLock::new();

impl WakeThrottle {
    /// Wakes by calling `function`.
    pub fn new(function: WakeFunction, timing: Timing) -> Arc<Self> {
        START.get_or_init(Instant::now);
        if timing.pause + timing.delay > Duration::ZERO {
            // Now, for a producer may not wait until a thread has started.
            TIMER.get_or_init(WakeTimer::start);
        }
        Arc::new(Self {
            function,
            timing,
            answered: AtomicU64::new(0),
            rang: AtomicU32::new(0),
            due: AtomicU64::new(0),
            stall: Default::default(),
        })
    }

    /// The thread answers a wake, and is about to look for what there is. Returns whether it was blocked before: then
    /// [`stall`](Self::stall) tells how long.
    pub fn answers(&self) -> bool {
        let now = since_start().as_nanos() as u64;
        let answered = self.answered.swap(now, Ordering::Relaxed);
        // The producer wrote it before it sent the wake, and no other wake is sent before this answer is over.
        let due = self.due.swap(0, Ordering::Relaxed);
        let waited = if due == 0 { 0 } else { now.saturating_sub(due) };
        if waited < STALL.as_nanos() as u64 {
            return false;
        }
        self.stall[0].store(waited, Ordering::Relaxed);
        self.stall[1].store(due.saturating_sub(answered), Ordering::Relaxed);
        true
    }

    /// How long the wake waited whose answer followed the last stall, and how long before it became due the thread had
    /// answered last.
    pub fn stall(&self) -> (Duration, Duration) {
        let [waited, quiet] = &self.stall;
        let duration = |ns: &AtomicU64| Duration::from_nanos(ns.load(Ordering::Relaxed));
        (duration(waited), duration(quiet))
    }

    /// The thread has found that so many rang.
    pub fn found(&self, rang: u32) {
        self.rang.store(rang, Ordering::Relaxed);
    }

    /// When a wake that is asked for now may come, both since [`START`]. The first one may at once.
    fn due(&self, now: Duration) -> Duration {
        let gathered = if self.rang.load(Ordering::Relaxed) < BURST { now } else { now + self.timing.delay };
        match self.answered.load(Ordering::Relaxed) {
            0 => now,
            answered => gathered.max(Duration::from_nanos(answered) + self.timing.pause),
        }
    }

    fn wake(&self) {
        // It only fails while the environment ends, and then no reader waits.
        self.function.call((), ThreadsafeFunctionCallMode::NonBlocking);
    }
}

impl Wake for JsWake {
    fn wake(&self) {
        WAKES.add(1);
        let throttle = &self.0;
        let now = since_start();
        // Nothing throttles what has no pause and no delay, or where the system had no thread left.
        let timer = TIMER.get().and_then(Option::as_ref);
        let due = if timer.is_some() { throttle.due(now) } else { now };
        throttle.due.store(due.as_nanos() as u64, Ordering::Relaxed);
        match timer {
            Some(timer) if due > now => timer.wake_at(due, throttle.clone()),
            _ => throttle.wake(),
        }
    }
}

/// How often the JavaScript threads of this process were woken so far, all together.
pub fn process_wakes() -> u64 {
    WAKES.get()
}

fn since_start() -> Duration {
    START.get().map(Instant::elapsed).unwrap_or_default()
}

/// The thread that wakes others later; the same for the whole process.
struct WakeTimer {
    asked: Arc<SegQueue<Later>>,
    thread: Thread,
}

/// When to wake, since [`START`], and whom.
type Later = (Duration, Arc<WakeThrottle>);

impl WakeTimer {
    /// None where the system has no thread left: then every thread is woken at once.
    fn start() -> Option<Self> {
        let asked = Arc::new(SegQueue::<Later>::new());
        let run = {
            let asked = asked.clone();
            move || wake_all(&asked)
        };
        let thread = thread::Builder::new().name("narrowcast-wakes".into()).stack_size(128 * 1024).spawn(run).ok()?;
        Some(Self { asked, thread: thread.thread().clone() })
    }

    /// Called on producer threads: takes no lock, and costs what a wake does. At most one for each doorbell is under way,
    /// since a doorbell has one wake pending at most.
    fn wake_at(&self, due: Duration, throttle: Arc<WakeThrottle>) {
        self.asked.push((due, throttle));
        self.thread.unpark();
    }
}

fn wake_all(asked: &SegQueue<Later>) {
    let mut waiting: Vec<Later> = Vec::new();
    loop {
        waiting.extend(std::iter::from_fn(|| asked.pop()));
        let now = since_start();
        waiting.retain(|(due, throttle)| {
            let is_due = *due <= now;
            if is_due {
                throttle.wake();
            }
            !is_due
        });
        match waiting.iter().map(|(due, _)| *due).min() {
            Some(next) => thread::park_timeout(next.saturating_sub(since_start())),
            None => thread::park(),
        }
    }
}
