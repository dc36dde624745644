//! `NativeSpeechDetector`: what a `SpeechDetector` calls. `NativeEar`: what the `speech` of a stream does.

use crate::error::{Result, from_napi, refused};
use crate::raw_fn::{Argument, Call, function_of};
use napi::bindgen_prelude::{Env, ObjectFinalize, Unknown};
use napi::sys;
use napi_derive::napi;
use narrowcast_audio::{Ear, SPEECH_RATE, SpeechChange, SpeechDetector, SpeechSettings};
use std::cell::RefCell;
use std::ffi::CStr;
use std::rc::Rc;
use std::sync::Arc;

/// About what a detector allocates, in bytes, and what its resampler adds. Measured.
const BYTES: i64 = 12 << 10;
const BYTES_TO_RESAMPLE: i64 = 88 << 10;

/// What a detector's function returns instead of a number.
#[napi]
pub enum NativeSpeechRefusal {
    /// The detector is closed.
    Closed = -1,
    /// The samples are no Int16Array, or the probabilities no Float32Array.
    Types = -2,
}

/// The start or the end of speech.
#[napi(object)]
pub struct NativeSpeechChange {
    /// Whether speech goes on now.
    pub speaking: bool,
    /// Where the speech began, or ended: samples of a channel since the first.
    pub position: f64,
    /// RMS of the speech so far, in dBFS.
    pub level: f64,
}

impl From<SpeechChange> for NativeSpeechChange {
    fn from(change: SpeechChange) -> Self {
        Self { speaking: change.speaking, position: change.position as f64, level: change.level.into() }
    }
}

/// Behind `SpeechDetector`.
#[napi(custom_finalize)]
pub struct NativeSpeechDetector {
    state: Rc<State>,
    held_back: u32,
    /// What the garbage collector was told of the detector's memory, in bytes.
    accounted: i64,
}

/// Shared with the function that pushes. Of one JavaScript thread.
struct State {
    /// None once it is closed.
    detector: RefCell<Option<SpeechDetector>>,
    /// What JavaScript has not taken yet.
    changes: RefCell<Vec<SpeechChange>>,
}

#[napi]
impl NativeSpeechDetector {
    /// A detector that has heard nothing.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        env: Env,
        sample_rate: u32,
        channels: u32,
        threshold: f64,
        min_silence_ms: u32,
        min_speech_ms: Option<u32>,
    ) -> Result<Self> {
        let settings =
            SpeechSettings { sample_rate, channels, threshold: threshold as f32, min_speech_ms, min_silence_ms };
        let detector = detector(settings)?;
        let held_back = detector.held_back() as u32;
        // Otherwise a forgotten detector looks like a few bytes to the collector, and stays.
        let accounted = BYTES + if sample_rate == SPEECH_RATE { 0 } else { BYTES_TO_RESAMPLE };
        env.adjust_external_memory(accounted).map_err(from_napi)?;
        let state = Rc::new(State { detector: RefCell::new(Some(detector)), changes: RefCell::default() });
        Ok(Self { state, held_back, accounted })
    }

    /// Samples at 16 kHz that can be held back, at most.
    #[napi(getter, catch_unwind)]
    pub fn held_back(&self) -> u32 {
        self.held_back
    }

    /// The function that takes samples and writes the probabilities of the steps that they complete. Returns twice how many
    /// steps that are, and 1 more if there are changes to take; or a `NativeSpeechRefusal`.
    #[napi(catch_unwind, ts_return_type = "(pcm: unknown, probabilities: unknown) => number")]
    pub fn pusher(&self, env: &Env) -> Result<Unknown<'static>> {
        function_of(env, self.state.clone()).map_err(from_napi)
    }

    /// The changes since the last call.
    #[napi(catch_unwind)]
    pub fn take_changes(&self) -> Vec<NativeSpeechChange> {
        self.state.changes.take().into_iter().map(Into::into).collect()
    }

    /// Ends what is heard; that may be a change. What comes next is heard as if by a new detector.
    #[napi(catch_unwind)]
    pub fn end(&self) {
        if let Some(detector) = &mut *self.state.detector.borrow_mut() {
            self.state.changes.borrow_mut().extend(detector.end());
        }
    }

    /// Frees the detector.
    #[napi(catch_unwind)]
    pub fn close(&mut self, env: Env) -> Result<()> {
        drop(self.state.detector.take());
        let accounted = std::mem::take(&mut self.accounted);
        env.adjust_external_memory(-accounted).map_err(from_napi)?;
        Ok(())
    }
}

impl ObjectFinalize for NativeSpeechDetector {
    fn finalize(mut self, env: Env) -> napi::Result<()> {
        // The function may live on, and then finds it closed.
        self.close(env).map_err(|error| napi::Error::from_reason(error.reason.clone()))
    }
}

/// Behind `stream.speech`: outlives the stream's ring.
#[napi]
pub struct NativeEar {
    ear: Arc<Ear>,
    token: u32,
}

impl NativeEar {
    /// The ear whose waiter has this token.
    pub fn new(ear: Arc<Ear>, token: u32) -> Self {
        Self { ear, token }
    }
}

#[napi]
impl NativeEar {
    /// What the doorbell calls it.
    #[napi(getter, catch_unwind)]
    pub fn token(&self) -> u32 {
        self.token
    }

    /// Whether events are wanted from now on.
    #[napi(catch_unwind)]
    pub fn want(&self, wanted: bool) {
        self.ear.want_events(wanted);
    }

    /// The events that are there. The next one, or the end, rings the doorbell from now on.
    #[napi(catch_unwind)]
    pub fn take(&self) -> Vec<NativeSpeechChange> {
        let mut changes = Vec::new();
        loop {
            // Looked at first: what was told before the end is then taken.
            let ended = self.ear.has_ended();
            changes.extend(std::iter::from_fn(|| self.ear.next_event()).map(NativeSpeechChange::from));
            if ended || self.ear.wait() {
                return changes;
            }
        }
    }

    /// Whether the stream has ended: no more events come.
    #[napi(getter, catch_unwind)]
    pub fn ended(&self) -> bool {
        self.ear.has_ended()
    }

    /// Whether speech goes on.
    #[napi(getter, catch_unwind)]
    pub fn speaking(&self) -> bool {
        self.ear.is_speaking()
    }

    /// Events that were lost because too many waited.
    #[napi(getter, catch_unwind)]
    pub fn events_dropped(&self) -> f64 {
        self.ear.events_dropped() as f64
    }
}

/// A detector of these settings.
pub fn detector(settings: SpeechSettings) -> Result<SpeechDetector> {
    SpeechDetector::new(settings).map_err(refused)
}

impl Call for State {
    const NAME: &CStr = c"push";

    fn call(&self, [pcm, probabilities]: [Argument; 2]) -> std::result::Result<i64, String> {
        const INT16: i32 = sys::TypedarrayType::int16_array;
        const FLOAT32: i32 = sys::TypedarrayType::float32_array;
        let pcm = pcm.typed_array().filter(|array| array.kind == INT16);
        let probabilities = probabilities.typed_array().filter(|array| array.kind == FLOAT32);
        let mut detector = self.detector.borrow_mut();
        let Some(detector) = detector.as_mut() else { return Ok(NativeSpeechRefusal::Closed as i64) };
        let (Some(pcm), Some(probabilities)) = (pcm, probabilities) else {
            return Ok(NativeSpeechRefusal::Types as i64);
        };
        // SAFETY: the array has 16-bit integers, and JavaScript, which alone could change them, waits for this call.
        // (Memory shared with other threads never gets here: TypeScript copies it.)
        let pcm = unsafe { pcm.samples::<i16>() };
        // SAFETY: as above, with floating point; TypeScript made this array for this call, so the two share no memory.
        let probabilities = unsafe { probabilities.samples_mut::<f32>() };
        let mut changes = self.changes.borrow_mut();
        let mut steps = 0;
        detector.push(pcm, |step| {
            if let Some(slot) = probabilities.get_mut(steps) {
                *slot = step.probability;
            }
            steps += 1;
            changes.extend(step.change);
        });
        Ok(steps as i64 * 2 + i64::from(!changes.is_empty()))
    }
}
