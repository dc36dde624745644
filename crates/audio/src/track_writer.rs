//! The writing side of a [`PcmTrack`]: samples of any rate, channel count and type become the track's.

use crate::convert::{BLOCK, Converter, Kind, Pace, TrackWriteError, check};
use crate::heard::Interruption;
use crate::pcm_track::PcmTrack;
use crate::rounding::rounded;
use std::sync::{Arc, Mutex, TryLockError};

/// Writes what an agent says to a track, and converts it on the way.
///
/// - Floating point has its full scale at ±1, is rounded to the nearest and clipped; NaN is silence, and
///   counted.
/// - One channel goes to each of several; several become one by their average.
/// - Rates are converted at medium quality and low latency: up to 10 ms wait in the resampler for what follows, or for the
///   end of the utterance. When the rate or the channels change, what waits goes out first.
///
/// Samples that are the track's already are copied once, to where the player takes them from. Others pass through memory
/// of a fixed size: it does not grow with what is written.
pub struct TrackWriter {
    track: Arc<PcmTrack>,
    /// For what was written last, unless its stream was cut off.
    converter: Option<Converter>,
    integers: Vec<i16>,
}

mod sealed {
    use super::rounded;

    pub trait Sealed: Copy {
        /// How many of the samples are no numbers.
        fn invalid(samples: &[Self]) -> u32;

        /// The samples as integers, in `buffer` if they are none yet.
        fn integers<'a>(samples: &'a [Self], buffer: &'a mut Vec<i16>) -> &'a [i16];
    }

    impl Sealed for i16 {
        fn invalid(_: &[i16]) -> u32 {
            0
        }

        fn integers<'a>(samples: &'a [i16], _: &'a mut Vec<i16>) -> &'a [i16] {
            samples
        }
    }

    impl Sealed for f32 {
        fn invalid(samples: &[f32]) -> u32 {
            // A sum of comparisons is compiled to several at once.
            samples.iter().map(|sample| u32::from(sample.is_nan())).sum()
        }

        fn integers<'a>(samples: &'a [f32], buffer: &'a mut Vec<i16>) -> &'a [i16] {
            // NaN is the only number that differs from itself.
            #[allow(clippy::eq_op)]
            let integer = |sample: &f32| rounded(if *sample == *sample { *sample * 32768.0 } else { 0.0 });
            buffer.clear();
            buffer.extend(samples.iter().map(integer));
            buffer
        }
    }
}

/// What can be written: `i16`, or `f32` with full scale at ±1.
pub trait TrackSample: sealed::Sealed {}

impl TrackSample for i16 {}
impl TrackSample for f32 {}

impl TrackWriter {
    /// Writes to `track`, whose only writer it is.
    pub fn new(track: Arc<PcmTrack>) -> Self {
        Self { track, converter: None, integers: Vec::new() }
    }

    /// The track that is written to.
    pub fn track(&self) -> &Arc<PcmTrack> {
        &self.track
    }

    /// Appends interleaved samples. `last`: they are the end of an utterance.
    ///
    /// # Errors
    ///
    /// [`TrackWriteError`]; then nothing was written.
    pub fn write<S: TrackSample>(
        &mut self,
        pcm: &[S],
        sample_rate: u32,
        channels: u32,
        last: bool,
    ) -> Result<(), TrackWriteError> {
        check(pcm.len(), channels, self.track.format().channels)?;
        self.turn_to(Kind { sample_rate, channels })?;
        if !pcm.is_empty() {
            self.track.open_utterance();
        }
        if let Some(converter) = &mut self.converter {
            for block in pcm.chunks(BLOCK * channels as usize) {
                let invalid = S::invalid(block);
                if invalid > 0 {
                    self.track.count_invalid(invalid.into());
                }
                let integers = S::integers(block, &mut self.integers);
                converter.convert(integers, |pcm| self.track.write(pcm))?;
            }
        }
        if last { self.end_utterance() } else { Ok(()) }
    }

    /// The writer, for its own thread and the player's: where an utterance is not ended, the player does, after
    /// [`REST_TIMEOUT`](crate::REST_TIMEOUT), so that what waits in the resampler does not turn up in the next one.
    pub fn share(self) -> Arc<Mutex<Self>> {
        let track = self.track.clone();
        let shared = Arc::new(Mutex::new(self));
        let writer = Arc::downgrade(&shared);
        track.on_timeout(move || {
            let Some(writer) = writer.upgrade() else { return true };
            let mut writer = match writer.try_lock() {
                Ok(writer) => writer,
                // What a panic left is a writer whose next words may begin with a part of the last.
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                // It is being written: there is more.
                Err(TryLockError::WouldBlock) => return false,
            };
            let finished = writer.finish().is_ok();
            if finished {
                writer.track.time_out();
            }
            finished
        });
        shared
    }

    /// An utterance begins, and the one before ends; see [`PcmTrack::begin_utterance`].
    ///
    /// # Errors
    ///
    /// [`TrackWriteError::Rate`] from the resampler.
    pub fn begin_utterance(&mut self) -> Result<u64, TrackWriteError> {
        self.finish()?;
        Ok(self.track.begin_utterance())
    }

    /// What was written last is the end of an utterance.
    ///
    /// # Errors
    ///
    /// [`TrackWriteError::Rate`] from the resampler.
    pub fn end_utterance(&mut self) -> Result<(), TrackWriteError> {
        self.finish()?;
        self.track.end_utterance();
        Ok(())
    }

    /// Where what was written so far ends in the track, with what waits in the resampler, for
    /// [`PcmTrack::wait_for`].
    pub fn written(&self) -> u64 {
        self.track.written() + self.held_back() as u64
    }

    /// Takes back everything that was not heard yet, also what waits in the resampler.
    pub fn interrupt(&mut self) -> Interruption {
        let held_back = self.held_back();
        self.converter = None;
        self.track.interrupt(held_back)
    }

    /// Samples of the track's that wait in the resampler.
    pub fn held_back(&self) -> usize {
        self.converter.as_ref().map_or(0, Converter::held_back)
    }

    /// Makes a resampler for other samples than those before, if they need one, and brings those before to their end.
    fn turn_to(&mut self, kind: Kind) -> Result<(), TrackWriteError> {
        if self.converter.as_ref().is_some_and(|before| before.input() == kind) {
            return Ok(());
        }
        let format = self.track.format();
        let own = Kind { sample_rate: format.sample_rate, channels: format.channels };
        let converter = Converter::new(kind, own, Pace::AsItComes)?;
        self.finish()?;
        self.converter = Some(converter);
        Ok(())
    }

    /// Writes what waits in the resampler.
    fn finish(&mut self) -> Result<(), TrackWriteError> {
        let Some(converter) = &mut self.converter else { return Ok(()) };
        Ok(converter.finish(|pcm| self.track.write(pcm))?)
    }
}
