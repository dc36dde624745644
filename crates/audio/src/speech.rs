//! Speech detection: which parts of PCM are speech.
//!
//! ```text
//!  PCM of any rate ─► mono ─► 16 kHz ─► steps of 256 samples ─► probability ─► corrected ─► speech starts, ends
//!                     mean    resampler       16 ms              earshot         noise        hysteresis
//! ```
//!
//! Positions are samples of a channel at the rate of what goes in, from 0 for the first one. The resampler holds back some
//! ms, but moves nothing: a step's position is where its sound was.
//!
//! # Hysteresis
//!
//! Speech starts once `min_speech_ms` in a row had a probability of `threshold` or more. It ends once `min_silence_ms` in a
//! row were below. Both events say where the speech was, and not where that was decided. The probability is the network's,
//! corrected for the noise, and raised a little within speech: see `noise_odds.rs`.
//!
//! Without `min_speech_ms`, speech starts at an onset, or after 48 ms that are clearly above the threshold: see `onset.rs`.
//!
//! # Digital silence
//!
//! The network was trained on recordings, which always have some noise. After nothing but zeros, or as the first thing it
//! hears, it takes the onset of any noise for speech. So it hears [`PRIMING`] steps of quiet noise before the first sample,
//! and again in place of each step of zeros.

use crate::noise_odds::NoiseOdds;
use crate::onset::{Onset, finite_log_odds};
use crate::resampler_settings::ResamplerError;
use crate::speech_input::SpeechInput;
use earshot::Detector;
use std::{error, fmt};

/// Rate of what is judged, in Hz.
pub const SPEECH_RATE: u32 = 16_000;

/// Samples that are judged at a time, at [`SPEECH_RATE`]: 16 ms. The crate earshot takes no other number.
pub const SPEECH_STEP: usize = 256;

/// What speech takes without `min_speech_ms`, where no onset is found, in ms.
const USUAL_SPEECH_MS: u32 = 48;

/// Steps before the decision in which an onset begins, at most. Weak evidence may have lasted longer.
const ONSET_STEPS: u64 = 8;

/// What lies between where speech begins and where that is decided, at most, in ms.
pub(crate) fn decision_ms(min_speech_ms: Option<u32>) -> u32 {
    min_speech_ms.unwrap_or(ONSET_STEPS as u32 * STEP_MS)
}

/// A step, in ms.
const STEP_MS: u32 = SPEECH_STEP as u32 * 1000 / SPEECH_RATE;

/// Steps of quiet noise that the network hears before the first sample: its state has settled after that.
const PRIMING: usize = 16;

/// What a [`SpeechDetector`] listens to, and when that is speech.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpeechSettings {
    /// Rate of what goes in, in Hz: 63 to 4,096,000, for no resampler goes beyond
    /// [`MAX_RATIO`](crate::MAX_RATIO).
    pub sample_rate: u32,
    /// Channels of what goes in, interleaved. Their mean is judged.
    pub channels: u32,
    /// Probability from which a step is speech, 0 to 1.
    pub threshold: f32,
    /// How much in a row must be speech before it starts, in ms, rounded up to whole steps; at least one step. `None`: until a
    /// clear onset, or 48 ms of what is clearly above the threshold.
    pub min_speech_ms: Option<u32>,
    /// How much in a row must be silence before it ends, in ms, rounded up to whole steps; at least one step.
    pub min_silence_ms: u32,
}

/// Why a [`SpeechDetector`] could not be made.
#[derive(Clone, Debug, PartialEq)]
pub enum SpeechError {
    /// The threshold is no number from 0 to 1.
    Threshold(f32),
    /// What goes in has no channels.
    NoChannels,
    /// The rate can't be resampled.
    Resampler(ResamplerError),
}

impl fmt::Display for SpeechError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Threshold(threshold) => write!(f, "a threshold of {threshold}: use one from 0 to 1"),
            Self::NoChannels => f.write_str("a speech detector can't listen to 0 channels; use at least 1"),
            Self::Resampler(refused) => write!(f, "speech is detected at {SPEECH_RATE} Hz: {refused}"),
        }
    }
}

impl error::Error for SpeechError {}

impl From<ResamplerError> for SpeechError {
    fn from(refused: ResamplerError) -> Self {
        Self::Resampler(refused)
    }
}

/// What a [`SpeechDetector`] found in one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpeechStep {
    /// Position behind the step's last sample.
    pub end: u64,
    /// How probable speech is, 0 to 1: the network's word, corrected for the noise.
    pub probability: f32,
    /// Whether it is speech, by the hysteresis.
    pub speaking: bool,
    /// What this step has changed about that.
    pub change: Option<SpeechChange>,
}

/// The start or the end of speech.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpeechChange {
    /// Whether speech goes on now.
    pub speaking: bool,
    /// Where the first step of this speech began, or behind its last step at the threshold or above.
    pub position: u64,
    /// How loud it is, in dBFS: the RMS of what was heard of it so far, silences within it left out. 0 is a square wave of
    /// full scale, and a sine of full scale has -3.
    pub level: f32,
}

/// Tells speech from everything else, in PCM of any rate.
///
/// Its memory, about 12 kB and a resampler, is all there from the start: [`push`](Self::push) allocates nothing. One step
/// takes some 6 µs.
///
/// # Examples
///
/// ```
/// use narrowcast_audio::{SpeechDetector, SpeechSettings};
///
/// let mut detector = SpeechDetector::new(SpeechSettings {
///     sample_rate: 48_000,
///     channels: 1,
///     threshold: 0.5,
///     min_speech_ms: Some(50),
///     min_silence_ms: 500,
/// })?;
/// // One second of silence.
/// let mut steps = 0;
/// detector.push(&[0; 48_000], |step| {
///     steps += 1;
///     assert!(!step.speaking && step.probability < 0.5 && step.change.is_none());
/// });
/// assert_eq!(steps, 62); // and 8 ms wait for the rest of their step
/// assert_eq!(detector.end(), None);
/// # Ok::<(), narrowcast_audio::SpeechError>(())
/// ```
pub struct SpeechDetector {
    front: SpeechInput,
    judge: Judge,
}

/// Says of mono at 16 kHz where speech is.
struct Judge {
    settings: SpeechSettings,
    detector: Box<Detector>,
    step: Box<[i16; SPEECH_STEP]>,
    /// Samples in `step`.
    filled: usize,
    /// Steps that were judged.
    steps: u64,
    speaking: bool,
    /// Steps in a row that are not what the state says: at the threshold or above before speech starts, silent before it ends.
    against: u32,
    /// Where the speech begins that is going on, or about to start, and where it ends; in steps.
    first: u64,
    behind_last: u64,
    /// Sum of the squares of its steps, and their number: 0 where none is about to start.
    energy: f64,
    heard: u64,
    onset: Onset,
    noise: NoiseOdds,
    quiet: QuietNoise,
}

/// Noise from -3 to 3, the same each time.
struct QuietNoise(u32);

impl SpeechDetector {
    /// A detector that has heard nothing.
    ///
    /// # Errors
    ///
    /// [`SpeechError`].
    pub fn new(settings: SpeechSettings) -> Result<Self, SpeechError> {
        let SpeechSettings { sample_rate, channels, threshold, .. } = settings;
        if !(0.0..=1.0).contains(&threshold) {
            return Err(SpeechError::Threshold(threshold));
        }
        if channels == 0 {
            return Err(SpeechError::NoChannels);
        }
        let front = SpeechInput::new(sample_rate, channels as usize, SPEECH_RATE)?;
        Ok(Self { front, judge: Judge::new(settings) })
    }

    /// What the detector was made for.
    pub fn settings(&self) -> &SpeechSettings {
        &self.judge.settings
    }

    /// Whether it is speech, by the hysteresis.
    pub fn is_speaking(&self) -> bool {
        self.judge.speaking
    }

    /// Samples of a channel that came in so far.
    pub fn position(&self) -> u64 {
        self.front.taken
    }

    /// The most steps that a push of so many samples of all channels can complete.
    pub fn max_steps(&self, samples: usize) -> usize {
        let frames = samples / self.front.channels;
        let judged = match &self.front.resampler {
            None => frames,
            Some((resampler, _)) => resampler.max_output(frames),
        };
        // One step may be all but full.
        judged.div_ceil(SPEECH_STEP)
    }

    /// Samples at [`SPEECH_RATE`] that can wait in the resampler, at most.
    pub fn held_back(&self) -> usize {
        self.front.resampler.as_ref().map_or(0, |(resampler, _)| resampler.held_back())
    }

    /// Takes interleaved samples, in whole groups of one for each channel: the rest of an incomplete group is left out.
    /// Calls `each` for every step that they complete, in order.
    pub fn push(&mut self, pcm: &[i16], mut each: impl FnMut(SpeechStep)) {
        let Self { front, judge } = self;
        let whole = pcm.len() - pcm.len() % front.channels;
        for portion in pcm[..whole].chunks(front.portion) {
            judge.take(front.convert(portion), &mut each);
        }
    }

    /// Ends what is heard: returns the end of the speech that is going on, if there is one. What comes next is heard as if by
    /// a new detector, from position 0.
    pub fn end(&mut self) -> Option<SpeechChange> {
        let Self { front, judge } = self;
        let end = front.taken;
        front.start_anew();
        let last = judge.speaking.then(|| {
            let change = judge.change(false);
            // Where it was speech to the last, it ends with what was heard, and not with the last whole step.
            if judge.against == 0 { SpeechChange { position: end, ..change } } else { change }
        });
        judge.start_anew();
        last
    }
}

impl QuietNoise {
    fn fill(&mut self, samples: &mut [i16]) {
        for sample in samples {
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *sample = ((self.0 >> 16) % 7) as i16 - 3;
        }
    }
}

impl Judge {
    fn new(settings: SpeechSettings) -> Self {
        let mut judge = Self {
            settings,
            detector: Detector::default_boxed(),
            step: Box::new([0; SPEECH_STEP]),
            filled: 0,
            steps: 0,
            speaking: false,
            against: 0,
            first: 0,
            behind_last: 0,
            energy: 0.0,
            heard: 0,
            onset: Onset::default(),
            noise: NoiseOdds::quiet(),
            quiet: QuietNoise(0),
        };
        judge.start_anew();
        judge
    }

    fn start_anew(&mut self) {
        self.detector.reset();
        (self.filled, self.steps, self.speaking, self.against, self.heard) = (0, 0, false, 0, 0);
        (self.onset, self.noise) = (Onset::default(), NoiseOdds::quiet());
        self.quiet = QuietNoise(0);
        for _ in 0..PRIMING {
            self.quiet.fill(&mut *self.step);
            self.detector.predict_i16(&*self.step);
        }
    }

    fn take(&mut self, mut samples: &[i16], each: &mut impl FnMut(SpeechStep)) {
        while !samples.is_empty() {
            let (fitting, rest) = samples.split_at(samples.len().min(SPEECH_STEP - self.filled));
            self.step[self.filled..self.filled + fitting.len()].copy_from_slice(fitting);
            self.filled += fitting.len();
            samples = rest;
            if self.filled == SPEECH_STEP {
                self.filled = 0;
                each(self.judge_step());
            }
        }
    }

    fn judge_step(&mut self) -> SpeechStep {
        if self.step.iter().all(|&sample| sample == 0) {
            self.quiet.fill(&mut *self.step);
        }
        // A whole step, always: of any other length it makes -1, or a panic.
        let score = self.detector.predict_i16(&*self.step);
        let heard = if score.is_finite() { score.clamp(0.0, 1.0) } else { 0.0 };
        let probability = self.noise.correct(heard, self.settings.threshold, self.speaking);
        let step = self.steps;
        self.steps += 1;
        // Onsets rise from the noise before, whatever that is: they are looked for in what is not corrected.
        let log_odds = finite_log_odds(heard);
        let change = if self.speaking {
            self.look_for_end(step, probability, log_odds)
        } else {
            self.look_for_start(step, probability, log_odds)
        };
        SpeechStep { end: self.position(self.steps), probability, speaking: self.speaking, change }
    }

    fn look_for_start(&mut self, step: u64, probability: f32, log_odds: f32) -> Option<SpeechChange> {
        let SpeechSettings { threshold, min_speech_ms, .. } = self.settings;
        let mut rises = false;
        let mut found = false;
        let mut counts = probability >= threshold;
        if min_speech_ms.is_none() {
            self.onset.take(log_odds);
            rises = self.onset.evidence > 0.0;
            found = self.onset.is_found(log_odds, threshold);
            counts &= self.onset.is_clear(finite_log_odds(probability), threshold);
        }
        self.against = if counts { self.against + 1 } else { 0 };
        if self.against == 0 && !found {
            self.noise.take(log_odds);
        }
        if self.against == 0 && !rises {
            self.heard = 0;
            return None;
        }
        if self.heard == 0 {
            self.first = step;
            self.energy = 0.0;
        }
        self.hear(step);
        if !found && self.against < whole_steps(min_speech_ms.unwrap_or(USUAL_SPEECH_MS)) {
            return None;
        }
        if min_speech_ms.is_none() {
            self.first = self.first.max((step + 1).saturating_sub(ONSET_STEPS));
        }
        (self.speaking, self.against, self.onset) = (true, 0, Onset::default());
        Some(self.change(true))
    }

    fn look_for_end(&mut self, step: u64, probability: f32, log_odds: f32) -> Option<SpeechChange> {
        if probability >= self.settings.threshold {
            self.hear(step);
            (self.against, self.onset) = (0, Onset::default());
            return None;
        }
        self.against += 1;
        // The noise behind the speech is what the next onset rises from.
        self.onset.take(log_odds);
        if self.against < whole_steps(self.settings.min_silence_ms) {
            return None;
        }
        let change = self.change(false);
        (self.speaking, self.against, self.heard, self.onset.evidence) = (false, 0, 0, 0.0);
        Some(change)
    }

    /// The step is part of this speech.
    fn hear(&mut self, step: u64) {
        self.behind_last = step + 1;
        self.energy += self.step.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>();
        self.heard += 1;
    }

    fn change(&self, speaking: bool) -> SpeechChange {
        let mean = self.energy / (self.heard.max(1) * SPEECH_STEP as u64) as f64;
        SpeechChange {
            speaking,
            position: self.position(if speaking { self.first } else { self.behind_last }),
            level: (10.0 * (mean / 32768.0_f64.powi(2)).log10()) as f32,
        }
    }

    /// Where so many steps end, at the rate of what comes in.
    fn position(&self, steps: u64) -> u64 {
        let samples = u128::from(steps) * SPEECH_STEP as u128 * u128::from(self.settings.sample_rate);
        (samples / u128::from(SPEECH_RATE)) as u64
    }
}

/// Steps that so many ms take, at least one.
fn whole_steps(ms: u32) -> u32 {
    ms.div_ceil(STEP_MS).max(1)
}

impl fmt::Debug for SpeechDetector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpeechDetector")
            .field("settings", self.settings())
            .field("position", &self.position())
            .field("speaking", &self.is_speaking())
            .finish()
    }
}
