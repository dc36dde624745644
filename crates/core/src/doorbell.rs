//! At most one wake pending per consumer thread, however many producers have something for it.
//!
//! ```text
//!  producers                                   consumer thread
//!  push, then Waiter::notify                   Waiter::wait_unless: arm, then look again
//!     └ was it armed? ──► Doorbell::ring          │
//!                          ├ token → ready        │
//!                          └ none pending? wake ─►└ Doorbell::take_ready: tokens that have something to read
//! ```

use crate::stats::Counter;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Arc, SegQueue};

/// Names one [`Waiter`] to the thread that answers the doorbell.
pub type Token = u32;

/// How a consumer thread is woken: for JavaScript, a call of a threadsafe function.
pub trait Wake: Send + Sync {
    /// Asks the consumer thread to call [`Doorbell::take_ready`] soon. Called on producer threads: must not block.
    fn wake(&self);
}

/// The doorbell of one consumer thread.
pub struct Doorbell {
    /// Whether a wake was sent that the consumer has not answered yet.
    pending: AtomicBool,
    ready: SegQueue<Token>,
    waker: Box<dyn Wake>,
    wakes: Counter,
}

impl Doorbell {
    /// A doorbell that wakes its thread through `waker`.
    pub fn new(waker: Box<dyn Wake>) -> Self {
        Self { pending: AtomicBool::new(false), ready: SegQueue::new(), waker, wakes: Counter::new() }
    }

    /// Notes that the waiter behind `token` has something to read; wakes the thread unless a wake is on its way.
    /// Returns whether it woke it.
    pub fn ring(&self, token: Token) -> bool {
        self.ready.push(token);
        self.wake()
    }

    /// Answers the doorbell, on the consumer thread, once for each wake: writes tokens that rang to `tokens`, and returns
    /// how many. What there was no room for gets a wake of its own. A token comes once for each [`Waiter::wait_unless`] at most.
    pub fn take_ready(&self, tokens: &mut [Token]) -> usize {
        self.pending.swap(false, Ordering::AcqRel);
        let count = self.poll(tokens);
        if count == tokens.len() && !self.ready.is_empty() {
            self.wake();
        }
        count
    }

    /// Takes what rang without having been woken, on the consumer thread; otherwise like [`take_ready`](Self::take_ready). A wake
    /// that is on its way is still to be answered, and finds what there was no room for.
    pub fn poll(&self, tokens: &mut [Token]) -> usize {
        let rang = tokens.iter_mut().zip(std::iter::from_fn(|| self.ready.pop()));
        rang.map(|(slot, token)| *slot = token).count()
    }

    /// Sends a wake unless one is pending: a producer that finds the flag set leaves its token to the answer that clears it,
    /// which looks for tokens only afterwards. Release publishes the token to that answer.
    fn wake(&self) -> bool {
        let woke = !self.pending.swap(true, Ordering::AcqRel);
        if woke {
            self.wakes.add(1);
            self.waker.wake();
        }
        woke
    }

    /// Asks for one more answer, on the consumer thread, for what it has left: unless a wake is on its way. The thread is
    /// awake, so this is counted as no wake.
    pub fn ring_again(&self) {
        if !self.pending.swap(true, Ordering::AcqRel) {
            self.waker.wake();
        }
    }

    /// How often the thread was woken.
    pub fn wakes(&self) -> u64 {
        self.wakes.get()
    }
}

/// One thing that a consumer thread waits for: a subscriber's queue or an audio stream.
///
/// A producer rings only while the consumer waits, so a consumer that polls, or that is busy reading, costs no wakes.
pub struct Waiter {
    bell: Arc<Doorbell>,
    token: Token,
    armed: AtomicBool,
}

impl Waiter {
    /// A waiter that rings `bell` with `token`.
    pub fn new(bell: Arc<Doorbell>, token: Token) -> Self {
        Self { bell, token, armed: AtomicBool::new(false) }
    }

    /// The token that names this waiter.
    pub fn token(&self) -> Token {
        self.token
    }

    /// Consumer: the next [`notify`](Self::notify) rings, unless there is something to read, which `is_ready` tells. It is
    /// asked afterwards, for what was pushed before rings nothing. Returns whether the consumer waits.
    pub fn wait_unless(&self, is_ready: impl FnOnce() -> bool) -> bool {
        self.armed.swap(true, Ordering::AcqRel);
        let waits = !is_ready();
        if !waits {
            self.armed.swap(false, Ordering::AcqRel);
        }
        waits
    }

    /// Whether the consumer waits. Means something only to a producer that has otherwise met the consumer since it
    /// pushed: see [`notify`](Self::notify) for what can go wrong.
    #[inline]
    pub(crate) fn is_armed(&self) -> bool {
        self.armed.load(Ordering::Acquire)
    }

    /// Producer, after something to read was pushed: rings if the consumer waits. Returns whether it woke the thread.
    ///
    /// No wake is lost: `wait_unless` and `notify` change the same flag, so one of them comes first. If `notify` does, its
    /// push happened before, and `is_ready` finds it; if `wait_unless` does, `notify` sees it and rings.
    #[inline]
    pub fn notify(&self) -> bool {
        self.armed.swap(false, Ordering::AcqRel) && self.bell.ring(self.token)
    }
}
