//! The ear of a stream: listens to what its producer writes, says what of it becomes readable, and remembers where speech
//! starts and ends.
//!
//! ```text
//!  Deliver::Speech                  speech starts (decided here)           ends (decided here)
//!  ...............┌─────────┬───────────┬─────────────────────┬────────────────┐...........
//!    withheld     │pre-roll │min_speech │                     │  min_silence   │ withheld
//!                 └─────────┴───────────┘                     └────────────────┘
//!                  from the history, at once                   as it comes
//! ```
//!
//! A piece that is delivered begins and ends where a frame of the stream would, counted from its first sample: so frames never
//! have samples of two pieces. A [`Mark`] says where in the ring a piece begins, and how much was withheld before it.

use crate::pcm_ring::PcmRing;
use crate::speech::{SPEECH_RATE, SPEECH_STEP, SpeechChange, SpeechDetector, SpeechError, SpeechSettings, decision_ms};
use narrowcast_core::sync::ArrayQueue;
use narrowcast_core::{Counter, Waiter};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// What of a stream becomes readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deliver {
    /// Everything.
    All,
    /// Speech, and what is before and after it; the rest is withheld.
    Speech {
        /// How much is delivered of what was before the speech, in ms.
        pre_roll_ms: u32,
    },
}

/// Speech events that may wait for the consumer.
const EVENTS: usize = 256;

/// Parts of a second that are listened to at a time.
const PORTIONS_PER_SECOND: u32 = 100;

/// A place in a stream's ring from which on something else holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Position in the ring, in samples of all channels ever written to it.
    pub at: u64,
    /// Samples of all channels that were withheld before it, since the stream began.
    pub withheld: u64,
    /// Whether speech goes on.
    pub speech: bool,
}

/// What a stream listens for, and what it does with that.
pub struct EarSettings {
    /// Of the stream's format.
    pub speech: SpeechSettings,
    /// What becomes readable.
    pub deliver: Deliver,
    /// Who waits for events.
    pub waiter: Waiter,
}

/// An ear, shared by producer and consumer.
pub struct Ear {
    deliver: Deliver,
    /// The producer's; none once the stream has ended. Who ends the stream takes it, too, so the producer only tries to.
    hearing: Mutex<Option<Box<Hearing>>>,
    /// Whether speech goes on.
    speaking: AtomicBool,
    /// Samples of all channels that came in.
    heard: AtomicU64,
    marks: ArrayQueue<Mark>,
    /// The consumer's.
    reading: Mutex<Reading>,
    /// Whether the consumer wants events.
    wanted: AtomicBool,
    events: ArrayQueue<SpeechChange>,
    events_dropped: Counter,
    waiter: Waiter,
    ended: AtomicBool,
}

/// What the producer has.
struct Hearing {
    detector: SpeechDetector,
    /// Samples of all channels that are listened to at a time.
    portion: usize,
    gate: Gate,
}

/// Lets samples into the ring, or keeps the newest of them.
struct Gate {
    channels: u64,
    /// Samples of all channels in a frame.
    frame: u64,
    /// Samples of all channels that are delivered of what was before the speech.
    pre_roll: u64,
    state: GateState,
    /// Samples of all channels that came in.
    position: u64,
    /// Samples of all channels that were withheld before what is delivered now.
    withheld: u64,
    /// While it is closed, what came last.
    history: VecDeque<i16>,
    /// Samples that the history keeps.
    kept: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum GateState {
    Open,
    /// Open up to this position, at which a frame ends.
    ClosesAt(u64),
    Closed,
}

/// Which marks the consumer has passed.
#[derive(Default)]
pub(crate) struct Reading {
    /// What holds for the sample that is read next.
    now: Mark,
    next: Option<Mark>,
    /// What the consumer was told of `now.withheld`.
    told: u64,
}

impl Ear {
    /// For a stream with frames of `frame_samples` and a ring of `capacity`, both in samples of all channels.
    ///
    /// # Errors
    ///
    /// As [`SpeechDetector::new`].
    pub(crate) fn new(settings: EarSettings, frame_samples: usize, capacity: usize) -> Result<Self, SpeechError> {
        let EarSettings { speech, deliver, waiter } = settings;
        let detector = SpeechDetector::new(speech)?;
        let SpeechSettings { sample_rate, channels, min_speech_ms, min_silence_ms, .. } = speech;
        let portion = (sample_rate / PORTIONS_PER_SECOND).max(1) as usize * channels as usize;
        let samples = |count: u64, rate: u32| {
            (u128::from(count) * u128::from(sample_rate)).div_ceil(rate.into()) as u64 * u64::from(channels)
        };
        let ms = |ms: u32| samples(ms.into(), 1000);
        let judged = |count: usize| samples(count as u64, SPEECH_RATE);
        let (pre_roll, kept, capacity_of_history) = match deliver {
            Deliver::All => (0, 0, 0),
            Deliver::Speech { pre_roll_ms } => {
                // From where speech begins to where that is decided: what it takes, in whole steps, and what is held back.
                let decision = ms(decision_ms(min_speech_ms)) + judged(detector.held_back() + 2 * SPEECH_STEP);
                let kept = (ms(pre_roll_ms) + decision) as usize + frame_samples;
                (ms(pre_roll_ms), kept, kept + portion)
            }
        };
        // Two marks at most for each speech with its silence. What was dropped from the ring needs none.
        let apart = judged(2 * SPEECH_STEP).max(ms(min_speech_ms.unwrap_or(0)) + ms(min_silence_ms)) as usize;
        let gate = Gate {
            channels: channels.into(),
            frame: frame_samples as u64,
            pre_roll,
            state: if deliver == Deliver::All { GateState::Open } else { GateState::Closed },
            position: 0,
            withheld: 0,
            history: VecDeque::with_capacity(capacity_of_history),
            kept,
        };
        Ok(Self {
            deliver,
            hearing: Mutex::new(Some(Box::new(Hearing { detector, portion, gate }))),
            speaking: AtomicBool::new(false),
            heard: AtomicU64::new(0),
            marks: ArrayQueue::new(2 * (capacity / apart) + 4),
            reading: Mutex::default(),
            wanted: AtomicBool::new(false),
            events: ArrayQueue::new(EVENTS),
            events_dropped: Counter::new(),
            waiter,
            ended: AtomicBool::new(false),
        })
    }

    /// Producer: takes whole groups of samples, and writes what becomes readable to `ring`. Does nothing once the stream has
    /// ended, or while another thread ends it.
    pub(crate) fn write(&self, pcm: &[i16], ring: &PcmRing) {
        let mut hearing = match self.hearing.try_lock() {
            Ok(hearing) => hearing,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        let Some(Hearing { detector, portion, gate }) = hearing.as_deref_mut() else { return };
        for portion in pcm.chunks(*portion) {
            // First what is readable whatever comes out: nothing is delayed.
            gate.pass(portion, ring);
            detector.push(portion, |step| {
                let Some(change) = step.change else { return };
                self.speaking.store(change.speaking, Ordering::Relaxed);
                self.tell(change);
                if let Some(mark) = self.turn(gate, change, ring) {
                    self.marks.force_push(mark);
                }
                gate.let_out(ring);
            });
        }
        self.heard.store(gate.position, Ordering::Relaxed);
    }

    /// What a change does to the gate, and where something else holds from now on.
    fn turn(&self, gate: &mut Gate, change: SpeechChange, ring: &PcmRing) -> Option<Mark> {
        match self.deliver {
            Deliver::All => {
                let at = ring.write_position().next_multiple_of(gate.frame);
                Some(Mark { at, withheld: 0, speech: change.speaking })
            }
            Deliver::Speech { .. } if change.speaking => {
                let at = ring.write_position();
                gate.open(change.position, ring).then_some(Mark { at, withheld: gate.withheld, speech: true })
            }
            Deliver::Speech { .. } => {
                gate.close();
                None
            }
        }
    }

    fn tell(&self, change: SpeechChange) {
        if self.wanted.load(Ordering::Relaxed) {
            if self.events.force_push(change).is_some() {
                self.events_dropped.add(1);
            }
            self.waiter.notify();
        }
    }

    /// The producer, or who ends the stream in its place: no more will come. `end` is called while the producer can write
    /// nothing.
    ///
    /// The producer may not wait, and leaves it to the thread that is ending the stream.
    pub(crate) fn end(&self, may_wait: bool, end: impl FnOnce()) {
        let mut hearing = match self.hearing.try_lock() {
            Ok(hearing) => hearing,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) if may_wait => lock(&self.hearing),
            Err(TryLockError::WouldBlock) => return,
        };
        // Its memory goes now, for the consumer may hold the ear for long.
        let last = hearing.take().and_then(|mut hearing| hearing.detector.end());
        self.speaking.store(false, Ordering::Relaxed);
        if let Some(change) = last {
            self.tell(change);
        }
        end();
        self.ended.store(true, Ordering::Release);
        self.waiter.notify();
    }

    /// Whether speech goes on.
    pub fn is_speaking(&self) -> bool {
        self.speaking.load(Ordering::Relaxed)
    }

    /// Samples of all channels that came in.
    pub(crate) fn heard(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }

    /// Consumer: from now on it wants events, or no more.
    pub fn want_events(&self, wanted: bool) {
        self.wanted.store(wanted, Ordering::Relaxed);
    }

    /// Consumer: the next event.
    pub fn next_event(&self) -> Option<SpeechChange> {
        self.events.pop()
    }

    /// Consumer: waits for an event, or the end. Returns false if there is one already, or the stream has ended.
    pub fn wait(&self) -> bool {
        self.waiter.wait_unless(|| !self.events.is_empty() || self.has_ended())
    }

    /// Whether no more events will come. Some may wait.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Events that were lost because too many waited.
    pub fn events_dropped(&self) -> u64 {
        self.events_dropped.get()
    }

    /// What of the stream becomes readable.
    pub(crate) fn deliver(&self) -> Deliver {
        self.deliver
    }

    /// Consumer: which marks it has passed.
    pub(crate) fn reading(&self) -> MutexGuard<'_, Reading> {
        lock(&self.reading)
    }

    /// Consumer: passes the marks up to `position` in the ring, and returns where the next one is.
    ///
    /// A mark is there before the samples behind it are: so the end of what was written has to be looked at first, and what
    /// is behind that end is not for this call.
    pub(crate) fn pass_marks(&self, reading: &mut Reading, position: u64) -> Option<u64> {
        loop {
            let next = reading.next.or_else(|| self.marks.pop())?;
            if next.at > position {
                reading.next = Some(next);
                return Some(next.at);
            }
            (reading.now, reading.next) = (next, None);
        }
    }
}

impl Reading {
    /// Whether there is speech in what was read.
    pub fn speech(&self) -> bool {
        self.now.speech
    }

    /// Samples of all channels that were withheld, and the consumer was not told of.
    pub fn take_withheld(&mut self) -> u64 {
        let untold = self.now.withheld - self.told;
        self.told = self.now.withheld;
        untold
    }
}

impl Gate {
    /// Samples come.
    fn pass(&mut self, pcm: &[i16], ring: &PcmRing) {
        let open = match self.state {
            GateState::Open => pcm.len(),
            GateState::ClosesAt(end) => pcm.len().min((end - self.position) as usize),
            GateState::Closed => 0,
        };
        let (now, later) = pcm.split_at(open);
        ring.write(now);
        self.position += pcm.len() as u64;
        if self.state == GateState::Open {
            return;
        }
        if let GateState::ClosesAt(end) = self.state
            && end <= self.position
        {
            self.state = GateState::Closed;
        }
        self.history.extend(later);
        let excess = self.history.len().saturating_sub(self.kept);
        self.history.drain(..excess);
    }

    /// Opens for speech that began at `position`, in samples of a channel. Returns whether something was withheld since it
    /// was open last.
    fn open(&mut self, position: u64, ring: &PcmRing) -> bool {
        let was = std::mem::replace(&mut self.state, GateState::Open);
        if was != GateState::Closed {
            return false;
        }
        let oldest = self.position - self.history.len() as u64;
        let wanted = (position * self.channels).saturating_sub(self.pre_roll);
        // At a frame's border. What is older than the history was delivered, or is gone.
        let from = (wanted - wanted % self.frame).max(oldest.next_multiple_of(self.frame)).min(self.position);
        self.history.drain(..(from - oldest) as usize);
        // All that came before, but for what was delivered.
        let withheld = from - ring.write_position();
        withheld > std::mem::replace(&mut self.withheld, withheld)
    }

    /// Closes where the frame ends that is coming in.
    fn close(&mut self) {
        if self.state == GateState::Open {
            let end = self.position.next_multiple_of(self.frame);
            self.state = if end == self.position { GateState::Closed } else { GateState::ClosesAt(end) };
        }
    }

    /// What came before it opened.
    fn let_out(&mut self, ring: &PcmRing) {
        if self.state == GateState::Open {
            let (older, newer) = self.history.as_slices();
            ring.write(older);
            ring.write(newer);
            self.history.clear();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
