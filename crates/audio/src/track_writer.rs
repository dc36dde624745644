//! The writing side of a [`PcmTrack`]: samples of any rate, channel count and type become the track's.

use crate::heard::Interruption;
use crate::pcm_track::PcmTrack;
use crate::resampler::{Latency, Quality, Resampler, ResamplerError, ResamplerSettings};
use crate::resampler_engine::rounded;
use std::sync::{Arc, Mutex, TryLockError};
use std::{error, fmt};

/// Samples of a channel that are converted at a time: more would make the memory between the steps grow for good.
const BLOCK: usize = 1024;

/// Writes what an agent says to a track, and converts it on the way.
///
/// - Floating point has its full scale at ±1, is rounded to the nearest and clipped; NaN is silence.
/// - One channel goes to each of several; several become one by their average.
/// - Rates are converted at medium quality and low latency: up to 10 ms wait in the resampler for what follows, or for the
///   end of the utterance. When the rate or the channels change, what waits goes out first.
///
/// Samples that are the track's already are copied once, to where the player takes them from. Others pass through memory
/// of a fixed size: it does not grow with what is written.
pub struct TrackWriter {
    track: Arc<PcmTrack>,
    /// Rate and channels of what was written last, unless its stream was cut off.
    kind: Option<Kind>,
    resampler: Option<Resampler<i16>>,
    integers: Vec<i16>,
    buffers: Buffers,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kind {
    sample_rate: u32,
    channels: u32,
}

/// Where samples are between two steps.
#[derive(Default)]
struct Buffers {
    mixed: Vec<i16>,
    resampled: Vec<i16>,
    spread: Vec<i16>,
}

/// Why samples were refused. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrackWriteError {
    /// The samples don't make the same number for each channel.
    Uneven {
        /// Samples of all channels that were given.
        samples: usize,
        /// Channels.
        channels: u32,
    },
    /// Several channels can't become several others.
    Channels {
        /// Channels of the samples.
        given: u32,
        /// Channels of the track.
        track: u32,
    },
    /// The rate can't be converted.
    Rate(ResamplerError),
}

impl fmt::Display for TrackWriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uneven { samples, channels } => {
                write!(f, "{samples} samples are not whole frames of {channels} channels; pass a multiple")
            }
            Self::Channels { given, track: 1 } => write!(f, "{given} channels can't be played; use at least 1"),
            Self::Channels { given, track } => {
                write!(f, "{given} channels can't be played by a track of {track}; pass 1 channel, or {track}")
            }
            Self::Rate(error) => error.fmt(f),
        }
    }
}

impl error::Error for TrackWriteError {}

impl From<ResamplerError> for TrackWriteError {
    fn from(error: ResamplerError) -> Self {
        Self::Rate(error)
    }
}

mod sealed {
    use super::rounded;

    pub trait Sealed: Copy {
        /// The samples as integers, in `buffer` if they are none yet.
        fn integers<'a>(samples: &'a [Self], buffer: &'a mut Vec<i16>) -> &'a [i16];
    }

    impl Sealed for i16 {
        fn integers<'a>(samples: &'a [i16], _: &'a mut Vec<i16>) -> &'a [i16] {
            samples
        }
    }

    impl Sealed for f32 {
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
        Self { track, kind: None, resampler: None, integers: Vec::new(), buffers: Buffers::default() }
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
        let (given, track) = (channels, self.track.format().channels);
        if given == 0 || (given != track && given != 1 && track != 1) {
            return Err(TrackWriteError::Channels { given, track });
        }
        if !pcm.len().is_multiple_of(given as usize) {
            return Err(TrackWriteError::Uneven { samples: pcm.len(), channels });
        }
        self.turn_to(Kind { sample_rate, channels })?;
        if !pcm.is_empty() {
            self.track.open_utterance();
        }
        for block in pcm.chunks(BLOCK * given as usize) {
            let integers = S::integers(block, &mut self.integers);
            self.buffers.write(&self.track, integers, given, self.resampler.as_mut())?;
        }
        if last { self.end_utterance() } else { Ok(()) }
    }

    /// The writer, for its own thread and the player's: where an utterance is not ended, the player does, after
    /// [`PATIENCE`](crate::PATIENCE), so that what waits in the resampler does not turn up in the next one.
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
        self.resampler = None;
        self.kind = None;
        self.track.interrupt(held_back)
    }

    /// Samples of the track's that wait in the resampler.
    pub fn held_back(&self) -> usize {
        let channels = self.track.format().channels as usize;
        let waiting = |resampler: &Resampler<i16>| resampler.remaining() / resampler.settings().channels * channels;
        self.resampler.as_ref().map_or(0, waiting)
    }

    /// Makes a resampler for other samples than those before, if they need one, and brings those before to their end.
    fn turn_to(&mut self, kind: Kind) -> Result<(), TrackWriteError> {
        if self.kind == Some(kind) {
            return Ok(());
        }
        let format = self.track.format();
        let resampler = match kind.sample_rate == format.sample_rate {
            true => None,
            false => Some(Resampler::new(ResamplerSettings {
                input_rate: kind.sample_rate,
                output_rate: format.sample_rate,
                // Mixed before, spread afterwards: as few as possible.
                channels: kind.channels.min(format.channels) as usize,
                quality: Quality::Medium,
                latency: Latency::Low,
                dither: false,
            })?),
        };
        self.finish()?;
        self.resampler = resampler;
        self.kind = Some(kind);
        Ok(())
    }

    /// Writes what waits in the resampler.
    fn finish(&mut self) -> Result<(), TrackWriteError> {
        let Some(resampler) = &mut self.resampler else { return Ok(()) };
        let (resampled, channels) = (&mut self.buffers.resampled, resampler.settings().channels as u32);
        let rest = resampler.remaining();
        make_room(resampled, rest);
        let samples = resampler.flush(&mut resampled[..rest])?;
        spread(&self.track, &resampled[..samples], channels, &mut self.buffers.spread);
        Ok(())
    }
}

impl Buffers {
    /// Writes a block of samples: mixed, at the track's rate, spread.
    fn write<'a>(
        &'a mut self,
        track: &PcmTrack,
        mut pcm: &'a [i16],
        mut channels: u32,
        resampler: Option<&mut Resampler<i16>>,
    ) -> Result<(), ResamplerError> {
        if channels > track.format().channels {
            (pcm, channels) = (mix(pcm, channels, &mut self.mixed), 1);
        }
        if let Some(resampler) = resampler {
            make_room(&mut self.resampled, resampler.max_output(pcm.len()));
            let samples = resampler.push(pcm, &mut self.resampled)?;
            pcm = &self.resampled[..samples];
        }
        spread(track, pcm, channels, &mut self.spread);
        Ok(())
    }
}

/// The average of the channels, rounded to the nearest.
fn mix<'a>(pcm: &[i16], channels: u32, mixed: &'a mut Vec<i16>) -> &'a [i16] {
    let (count, half) = (channels as i32, channels as i32 / 2);
    let average = |group: &[i16]| {
        let sum: i32 = group.iter().map(|sample| i32::from(*sample)).sum();
        (sum + half).div_euclid(count) as i16
    };
    mixed.clear();
    mixed.extend(pcm.chunks_exact(channels as usize).map(average));
    mixed
}

/// Writes samples of the track's rate: as they are, or one channel to all of the track's.
fn spread(track: &PcmTrack, pcm: &[i16], channels: u32, buffer: &mut Vec<i16>) {
    let all = track.format().channels;
    if channels == all {
        return track.write(pcm);
    }
    for block in pcm.chunks(BLOCK) {
        buffer.clear();
        buffer.extend(block.iter().flat_map(|sample| std::iter::repeat_n(*sample, all as usize)));
        track.write(buffer);
    }
}

fn make_room(buffer: &mut Vec<i16>, samples: usize) {
    if buffer.len() < samples {
        buffer.resize(samples, 0);
    }
}
