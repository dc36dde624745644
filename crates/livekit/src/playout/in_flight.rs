//! The latest request of a source: what became of it, and when the next one may be made.

use crate::capture::Counts;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long an answer may take before the next request is made without it. An engine that answers nothing must not stop
/// the clock: it is not waited for again until it has answered something.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(100);

/// Where another client hears the engine's answers: least time between two requests for one source, by the end of
/// which the engine is through with the first.
const MIN_REQUEST_GAP: Duration = Duration::from_millis(2);

/// A source's latest request. The engine handles requests concurrently: of two that are under way for one source, either
/// may come first. Chunks that are due all at once, after a pause of the whole process, therefore go one by one.
#[derive(Default)]
pub(super) struct InFlight {
    /// Its async id, or 0.
    request: u64,
    /// Until when its answer is waited for, once it is overdue.
    timeout: Option<Duration>,
    /// The latest answer when an answer was last given up.
    silent_since: Option<u64>,
    /// Where answers are not heard: when the next request may be made.
    next: Duration,
}

/// What became of the latest request.
pub(super) enum Outcome {
    /// Not known yet: when to look again.
    Open(Duration),
    Taken,
    Refused,
    /// Its answer is not waited for any longer.
    GivenUp,
    /// There is none.
    Idle,
}

impl InFlight {
    /// A request was made under this async id.
    pub fn sent(&mut self, request: u64, now: Duration) {
        self.request = request;
        self.next = now + MIN_REQUEST_GAP;
    }

    /// By the engine's answer to it. If it is not here, and `wake` says so, it wakes this thread when it comes.
    pub fn answer(&mut self, counts: &Counts, now: Duration, wake: bool) -> Outcome {
        if self.request == 0 {
            return Outcome::Idle;
        }
        let timeout = *self.timeout.get_or_insert(now + ANSWER_TIMEOUT);
        let mut answered = counts.answered.load(Ordering::Acquire);
        let is_open = |answered| answered != self.request && self.silent_since != Some(answered) && now < timeout;
        if wake && is_open(answered) {
            counts.await_answer();
            answered = counts.answered.load(Ordering::Acquire);
        }
        if is_open(answered) {
            return Outcome::Open(timeout);
        }
        let outcome = if answered != self.request {
            self.silent_since = Some(answered);
            Outcome::GivenUp
        } else if counts.refused.load(Ordering::Relaxed) == answered {
            Outcome::Refused
        } else {
            Outcome::Taken
        };
        self.request = 0;
        self.timeout = None;
        outcome
    }

    /// As far as that is known without hearing of it.
    pub fn keep_apart(&mut self, now: Duration) -> Outcome {
        if now < self.next {
            return Outcome::Open(self.next);
        }
        match std::mem::take(&mut self.request) {
            0 => Outcome::Idle,
            _ => Outcome::Taken,
        }
    }
}
