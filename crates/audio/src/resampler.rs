//! Sample-rate conversion by libsoxr: any number of interleaved channels, 16-bit or floating point, exact in length.
//!
//! # Length
//!
//! Over the life of a stream, `n` samples of a channel become `n * output_rate / input_rate`, rounded half up, however
//! the input was cut into pushes. Everything that a push returns depends on the samples before it alone, and not on how
//! they came: the same samples in other portions give the same output, bit by bit (without dither).
//!
//! # Latency
//!
//! libsoxr works in blocks, and holds back what does not fill one: by its own defaults 37 to 41 ms at 48 or 44.1 kHz,
//! and most pushes of 10 ms return nothing. Here blocks are as small as libsoxr makes them, and the width of the passband
//! is chosen so that they fit into 10 ms: see `resampler_filter.rs`.

use crate::resampler_engine::{Engine, Processed};
use crate::resampler_filter::filter_for;
use crate::resampler_settings::{Filter, MAX_RATIO, ResamplerError, ResamplerSettings};
use std::marker::PhantomData;

/// Frames that libsoxr is given at once, at most, of the input or of what it becomes.
const PORTION: u64 = 8192;

mod sealed {
    use super::{Engine, Filter, Processed, ResamplerError, ResamplerSettings};

    pub trait Sealed: Sized {
        /// An engine for samples of this type.
        fn engine(settings: ResamplerSettings, filter: Filter) -> Result<Engine, ResamplerError>;

        /// One call of libsoxr, with at least one frame of input.
        fn process(engine: &mut Engine, input: &[Self], output: &mut [Self]) -> Result<Processed, ResamplerError>;
    }

    impl Sealed for i16 {
        fn engine(settings: ResamplerSettings, filter: Filter) -> Result<Engine, ResamplerError> {
            if settings.dither { Engine::integer(settings, filter) } else { Engine::float(settings, filter) }
        }

        fn process(engine: &mut Engine, input: &[i16], output: &mut [i16]) -> Result<Processed, ResamplerError> {
            engine.process_i16(input, output)
        }
    }

    impl Sealed for f32 {
        fn engine(settings: ResamplerSettings, filter: Filter) -> Result<Engine, ResamplerError> {
            Engine::float(settings, filter)
        }

        fn process(engine: &mut Engine, input: &[f32], output: &mut [f32]) -> Result<Processed, ResamplerError> {
            engine.process_f32(input, output)
        }
    }
}

/// What a sample can be: `i16`, or `f32` with full scale at ±1.
pub trait Sample: Copy + Default + sealed::Sealed {}

impl Sample for i16 {}
impl Sample for f32 {}

/// Converts a stream of interleaved samples from one rate to another.
///
/// It may be sent to another thread. There is one lock in the process, around the making of a resampler, and, with those
/// of libsoxr's engines that share tables (without SIMD, see [`engine`](Self::engine)), around each call.
///
/// # Examples
///
/// ```
/// use narrowcast_audio::{Latency, Quality, Resampler, ResamplerSettings};
///
/// let mut resampler = Resampler::<i16>::new(ResamplerSettings {
///     input_rate: 48_000,
///     output_rate: 16_000,
///     channels: 1,
///     quality: Quality::Medium,
///     latency: Latency::Default,
///     dither: false,
/// })?;
/// let mut output = vec![0; resampler.max_output(480)];
/// let mut samples = 0;
/// for _ in 0..100 {
///     samples += resampler.push(&[0; 480], &mut output)?;
/// }
/// let mut tail = vec![0; resampler.remaining()];
/// samples += resampler.flush(&mut tail)?;
/// assert_eq!(samples, 16_000);
/// # Ok::<(), narrowcast_audio::ResamplerError>(())
/// ```
pub struct Resampler<S: Sample> {
    engine: Engine,
    settings: ResamplerSettings,
    filter: Filter,
    /// Samples of all channels that libsoxr is given at once: more would make its buffers, and this one's, grow for good.
    portion: usize,
    /// Samples of a channel that came in since the start, or the last flush.
    taken: u64,
    /// Samples of a channel that went out since then.
    given: u64,
    /// libsoxr has seen the end of a stream, and starts anew before it is used again.
    flushed: bool,
    _samples: PhantomData<S>,
}

impl<S: Sample> Resampler<S> {
    /// A resampler that has seen nothing yet.
    ///
    /// The first one of its rates, quality and latency in the process chooses their filter, which takes some ms; others
    /// take some 50 µs.
    ///
    /// # Errors
    ///
    /// [`ResamplerError::Rates`], [`ResamplerError::Channels`], [`ResamplerError::Engine`].
    pub fn new(settings: ResamplerSettings) -> Result<Self, ResamplerError> {
        let ResamplerSettings { input_rate: input, output_rate: output, .. } = settings;
        let (low, high) = (input.min(output), input.max(output));
        if low == high || low == 0 || u64::from(high) > u64::from(low) * u64::from(MAX_RATIO) {
            return Err(ResamplerError::Rates { input, output });
        }
        let ResamplerSettings { channels, quality, latency, .. } = settings;
        let filter = filter_for(input, output, quality, latency)?;
        if channels == 0 || u32::try_from(channels).is_err() {
            return Err(ResamplerError::Channels(channels));
        }
        let frames = (PORTION * u64::from(input) / u64::from(output)).clamp(1, PORTION) as usize;
        Ok(Self {
            engine: S::engine(settings, filter)?,
            settings,
            filter,
            portion: frames * channels,
            taken: 0,
            given: 0,
            flushed: false,
            _samples: PhantomData,
        })
    }

    /// What the resampler was made for.
    pub fn settings(&self) -> &ResamplerSettings {
        &self.settings
    }

    /// Which of libsoxr's engines is in use: `cr32s` or `cr64s` with SIMD, `cr32` or `cr64` without. The environment
    /// variable `SOXR_USE_SIMD=0` chooses the latter for resamplers made afterwards.
    pub fn engine(&self) -> &'static str {
        self.engine.name()
    }

    /// How much of the input is not yet in the output after a push of 10 ms, at worst, in ms: measured, with this filter.
    pub fn latency_ms(&self) -> f64 {
        self.filter.latency_ms
    }

    /// Where the passband ends, as a part of the lower of the two Nyquist frequencies. `None`: where libsoxr's recipe has
    /// it.
    pub fn passband_end(&self) -> Option<f64> {
        self.filter.passband_end
    }

    /// Samples of all channels that a [`push`](Self::push) of this many can return, at most. It does not depend on what
    /// was pushed before.
    ///
    /// # Examples
    ///
    /// ```
    /// # use narrowcast_audio::{Latency, Quality, Resampler, ResamplerSettings};
    /// # let settings = ResamplerSettings { input_rate: 8_000, output_rate: 48_000, channels: 2,
    /// #     quality: Quality::High, latency: Latency::Default, dither: false };
    /// let resampler = Resampler::<f32>::new(settings)?;
    /// assert!(resampler.max_output(160) >= 960);
    /// assert_eq!(resampler.max_output(0), 0);
    /// # Ok::<(), narrowcast_audio::ResamplerError>(())
    /// ```
    pub fn max_output(&self, input_samples: usize) -> usize {
        if input_samples == 0 {
            return 0;
        }
        let frames = input_samples.div_ceil(self.settings.channels) as u64;
        (self.frames_for(frames) as usize).saturating_add(self.filter.held_back).saturating_mul(self.settings.channels)
    }

    /// Takes all of `input`, and puts what it completes at the front of `output`. Returns how many samples that are, of
    /// all channels; what is behind them is not touched.
    ///
    /// # Errors
    ///
    /// [`ResamplerError::Uneven`], [`ResamplerError::OutputTooSmall`] and [`ResamplerError::Engine`].
    pub fn push(&mut self, input: &[S], output: &mut [S]) -> Result<usize, ResamplerError> {
        let channels = self.settings.channels;
        if !input.len().is_multiple_of(channels) {
            return Err(ResamplerError::Uneven { samples: input.len(), channels });
        }
        let needed = self.max_output(input.len());
        if output.len() < needed {
            return Err(ResamplerError::OutputTooSmall { needed });
        }
        if input.is_empty() {
            return Ok(0);
        }
        self.start_anew()?;
        let mut written = 0;
        for portion in input.chunks(self.portion) {
            let taken = portion.len() / channels;
            let room = &mut output[written * channels..];
            // No more than this can come, and what is behind it would be looked at in vain.
            let room_needed = room.len().min(self.max_output(portion.len()));
            let done = S::process(&mut self.engine, portion, &mut room[..room_needed])?;
            if done.input_frames != taken {
                return Err(ResamplerError::Engine(format!("took {} of {taken} frames", done.input_frames)));
            }
            self.taken += taken as u64;
            self.given += done.output_frames as u64;
            written += done.output_frames;
        }
        Ok(written * channels)
    }

    /// Whether nothing was pushed yet, or since the last flush.
    pub fn is_at_start(&self) -> bool {
        self.taken == 0
    }

    /// Samples of a channel that can wait in the resampler, at most: what [`max_output`](Self::max_output) adds to the
    /// share of a push itself.
    pub fn held_back(&self) -> usize {
        self.filter.held_back
    }

    /// Samples of all channels that [`flush`](Self::flush) would return now.
    pub fn remaining(&self) -> usize {
        self.frames_for(self.taken).saturating_sub(self.given) as usize * self.settings.channels
    }

    /// Ends the stream: puts the rest of it at the front of `output`, and returns its length in samples. The next push
    /// begins another stream. A second flush returns 0.
    ///
    /// # Errors
    ///
    /// [`ResamplerError::OutputTooSmall`], and nothing has happened, if there is less room than
    /// [`remaining`](Self::remaining); [`ResamplerError::Engine`].
    pub fn flush(&mut self, output: &mut [S]) -> Result<usize, ResamplerError> {
        let channels = self.settings.channels;
        let needed = self.remaining();
        if output.len() < needed {
            return Err(ResamplerError::OutputTooSmall { needed });
        }
        // Not by libsoxr's own way to end a stream, which does the same, but calculates the total in floating point.
        let silence = vec![S::default(); 256 * channels];
        let mut written = 0;
        while written < needed {
            let done = S::process(&mut self.engine, &silence, &mut output[written..needed])?;
            if done.input_frames == 0 && done.output_frames == 0 {
                return Err(ResamplerError::Engine("a flush did not come to its end".to_owned()));
            }
            written += done.output_frames * channels;
        }
        self.flushed |= self.taken > 0;
        (self.taken, self.given) = (0, 0);
        Ok(needed)
    }

    /// Samples of a channel that so many become: rounded half up.
    fn frames_for(&self, input: u64) -> u64 {
        let ResamplerSettings { input_rate, output_rate, .. } = self.settings;
        // Nearly always, and a division of 128 bits takes longer than all else that a push adds to libsoxr.
        if let Ok(input) = u32::try_from(input)
            && let Some(twice) = (2 * u64::from(input)).checked_mul(u64::from(output_rate))
            && let Some(sum) = twice.checked_add(u64::from(input_rate))
        {
            return sum / (2 * u64::from(input_rate));
        }
        let (twice, rate) = (2 * u128::from(input) * u128::from(output_rate), u128::from(input_rate));
        u64::try_from((twice + rate) / (2 * rate)).unwrap_or(u64::MAX)
    }

    /// Forgets a stream that was flushed. It takes as long as to make a resampler, so it waits for the next stream.
    fn start_anew(&mut self) -> Result<(), ResamplerError> {
        if self.flushed {
            self.engine.clear()?;
            self.flushed = false;
        }
        Ok(())
    }
}

/// For benchmarks: how long libsoxr's own call takes with 16-bit `input`, in ns, once it is warm. It is called in a loop,
/// as it is, so `output` has to have the room.
///
/// # Errors
///
/// As [`Resampler::new`] and [`Resampler::push`].
#[cfg(feature = "load")]
pub fn time_libsoxr(
    settings: ResamplerSettings,
    input: &[i16],
    output: &mut [i16],
    rounds: u32,
) -> Result<f64, ResamplerError> {
    let resampler = Resampler::<i16>::new(settings)?;
    let (channels, needed) = (settings.channels, resampler.max_output(input.len()));
    if input.len() < channels || !input.len().is_multiple_of(channels) {
        return Err(ResamplerError::Uneven { samples: input.len(), channels });
    }
    if output.len() < needed {
        return Err(ResamplerError::OutputTooSmall { needed });
    }
    let mut engine = Engine::integer(settings, resampler.filter)?;
    let start = std::time::Instant::now();
    for _ in 0..rounds {
        engine.process_i16(input, output)?;
    }
    Ok(start.elapsed().as_nanos() as f64 / f64::from(rounds.max(1)))
}
