//! Samples of any rate and any number of channels become those of a stream or a track.

use crate::resampler::Resampler;
use crate::resampler_settings::{Latency, Quality, ResamplerError, ResamplerSettings};
use std::{error, fmt};

/// Samples of a channel that are converted at a time: more would make the memory between the steps grow for good.
pub(crate) const BLOCK: usize = 1024;

/// What samples are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Samples per second and channel, in Hz.
    pub sample_rate: u32,
    /// Channels, interleaved.
    pub channels: u32,
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
        /// Channels of the track or stream.
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

/// Refuses samples that can't become `wanted` channels.
pub(crate) fn check(samples: usize, given: u32, wanted: u32) -> Result<(), TrackWriteError> {
    if given == 0 || (given != wanted && given != 1 && wanted != 1) {
        return Err(TrackWriteError::Channels { given, track: wanted });
    }
    if !samples.is_multiple_of(given as usize) {
        return Err(TrackWriteError::Uneven { samples, channels: given });
    }
    Ok(())
}

/// What becomes of a resampler's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// It goes on as it comes: in blocks of libsoxr's, so equal pieces in don't make equal pieces out.
    AsItComes,
    /// It goes on by as much as came in, a constant time later, the longest that libsoxr holds anything back: once that has
    /// passed, equal pieces in make equal pieces out.
    Even,
}

/// Mixes, resamples and spreads, in memory of a fixed size: one channel goes to each of several, several become one by their
/// average, and rates are converted at medium quality and low latency.
pub struct Converter {
    from: Kind,
    to: Kind,
    resampler: Option<Evened>,
    mixed: Vec<i16>,
    spread: Vec<i16>,
}

impl Converter {
    /// Between two kinds, which [`check`] has seen.
    ///
    /// # Errors
    /// [`ResamplerError::Rates`], [`ResamplerError::Engine`].
    pub fn new(from: Kind, to: Kind, pace: Pace) -> Result<Self, ResamplerError> {
        let resampler = match from.sample_rate == to.sample_rate {
            true => None,
            false => Some(Evened::new(
                Resampler::new(ResamplerSettings {
                    input_rate: from.sample_rate,
                    output_rate: to.sample_rate,
                    // Mixed before, spread afterwards: as few as possible.
                    channels: from.channels.min(to.channels) as usize,
                    quality: Quality::Medium,
                    latency: Latency::Low,
                    dither: false,
                })?,
                pace,
            )),
        };
        Ok(Self { from, to, resampler, mixed: Vec::new(), spread: Vec::new() })
    }

    /// What it converts.
    pub fn input(&self) -> Kind {
        self.from
    }

    /// Converts interleaved samples, and hands what they become to `write`, in pieces.
    ///
    /// # Errors
    /// [`ResamplerError::Engine`].
    pub fn convert(&mut self, pcm: &[i16], mut write: impl FnMut(&[i16])) -> Result<(), ResamplerError> {
        let Self { from, to, resampler, mixed, spread } = self;
        let mut blocks = pcm.chunks(BLOCK * from.channels as usize).peekable();
        while let Some(mut block) = blocks.next() {
            if from.channels > to.channels {
                mix(block, from.channels, mixed);
                block = mixed;
            }
            if let Some(resampler) = resampler {
                block = resampler.push(block, blocks.peek().is_none())?;
            }
            spread_to(block, *from, *to, spread, &mut write);
            if let Some(resampler) = resampler {
                resampler.pushed();
            }
        }
        Ok(())
    }

    /// The end of what was converted: hands over what waits. What is converted next has nothing to do with it.
    ///
    /// # Errors
    /// [`ResamplerError::Engine`].
    pub fn finish(&mut self, mut write: impl FnMut(&[i16])) -> Result<(), ResamplerError> {
        let Self { from, to, resampler: Some(resampler), spread, .. } = self else { return Ok(()) };
        spread_to(resampler.finish()?, *from, *to, spread, &mut write);
        resampler.pushed();
        Ok(())
    }

    /// Samples of all channels by which what comes out is behind what goes in, as what they become, once it has begun to come.
    pub fn lag(&self) -> usize {
        let channels = self.from.channels.min(self.to.channels) as usize;
        self.resampler.as_ref().map_or(0, |each| each.lag / channels * self.to.channels as usize)
    }

    /// Samples of all channels that wait, as what they become.
    pub fn held_back(&self) -> usize {
        let channels = self.from.channels.min(self.to.channels) as usize;
        self.resampler.as_ref().map_or(0, |each| each.held_back() / channels * self.to.channels as usize)
    }
}

/// A resampler, and what it gave too early.
struct Evened {
    resampler: Resampler<i16>,
    pace: Pace,
    /// What came out of libsoxr and goes on later, and behind it room.
    waiting: Vec<i16>,
    filled: usize,
    /// How much of it goes on now.
    going: usize,
    /// Samples of all channels by which the output is behind the input.
    lag: usize,
}

impl Evened {
    fn new(resampler: Resampler<i16>, pace: Pace) -> Self {
        let ResamplerSettings { output_rate, channels, .. } = *resampler.settings();
        let lag = match pace {
            Pace::AsItComes => 0,
            // Measured for pushes of 10 ms; others may make it a little longer.
            Pace::Even => (resampler.latency_ms() * f64::from(output_rate) / 1000.0).ceil() as usize * channels,
        };
        Self { resampler, pace, waiting: Vec::new(), filled: 0, going: 0, lag }
    }

    /// What goes on now. To be followed by [`pushed`](Self::pushed). Only where a piece ends, with its `last` block, is there a
    /// lag to see.
    fn push(&mut self, pcm: &[i16], last: bool) -> Result<&[i16], ResamplerError> {
        make_room(&mut self.waiting, self.filled + self.resampler.max_output(pcm.len()));
        self.filled += self.resampler.push(pcm, &mut self.waiting[self.filled..])?;
        let held_back = self.resampler.remaining();
        if last && self.pace == Pace::Even {
            self.lag = self.lag.max(held_back);
        }
        self.going = (self.filled + held_back).saturating_sub(self.lag).min(self.filled);
        Ok(&self.waiting[..self.going])
    }

    fn pushed(&mut self) {
        self.waiting.copy_within(self.going..self.filled, 0);
        self.filled -= self.going;
        self.going = 0;
    }

    fn finish(&mut self) -> Result<&[i16], ResamplerError> {
        let rest = self.resampler.remaining();
        make_room(&mut self.waiting, self.filled + rest);
        self.filled += self.resampler.flush(&mut self.waiting[self.filled..self.filled + rest])?;
        self.going = self.filled;
        Ok(&self.waiting[..self.going])
    }

    fn held_back(&self) -> usize {
        self.filled + self.resampler.remaining()
    }
}

/// The average of the channels, rounded to the nearest.
fn mix(pcm: &[i16], channels: u32, mixed: &mut Vec<i16>) {
    let (count, half) = (channels as i32, channels as i32 / 2);
    let average = |group: &[i16]| {
        let sum: i32 = group.iter().map(|sample| i32::from(*sample)).sum();
        (sum + half).div_euclid(count) as i16
    };
    mixed.clear();
    mixed.extend(pcm.chunks_exact(channels as usize).map(average));
}

/// Hands over samples as they are, or one channel to all.
fn spread_to(pcm: &[i16], from: Kind, to: Kind, buffer: &mut Vec<i16>, write: &mut impl FnMut(&[i16])) {
    if from.channels >= to.channels {
        return write(pcm);
    }
    for block in pcm.chunks(BLOCK) {
        buffer.clear();
        buffer.extend(block.iter().flat_map(|sample| std::iter::repeat_n(*sample, to.channels as usize)));
        write(buffer);
    }
}

fn make_room(buffer: &mut Vec<i16>, samples: usize) {
    if buffer.len() < samples {
        buffer.resize(samples, 0);
    }
}
