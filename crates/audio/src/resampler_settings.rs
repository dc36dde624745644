//! What a resampler is to do, why it refuses that, and the filter that it has.

use std::{error, fmt};

/// How many times the lower of two rates the higher one may be. (libsoxr itself hangs somewhere above 8,000 times.)
pub const MAX_RATIO: u32 = 256;

/// How good the filter is, and how long: libsoxr's recipes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quality {
    /// Cubic interpolation (`QQ`). It has **no anti-alias filter**: when reducing the rate, what is above the new Nyquist
    /// frequency comes back at full level. Holds back next to nothing.
    Quick,
    /// 16 bits, passband to 68 % of Nyquist (`LQ`).
    Low,
    /// 16 bits (`MQ`).
    Medium,
    /// 20 bits (`HQ`).
    High,
    /// 28 bits (`VHQ`), calculated in double precision.
    VeryHigh,
}

/// What to give up for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Latency {
    /// libsoxr's passband, or the nearest one that lets each push of 10 ms return something.
    Default,
    /// The widest passband with which at most 10 ms are held back.
    Low,
}

/// What a [`Resampler`](crate::Resampler) is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResamplerSettings {
    /// Rate of what goes in, in Hz.
    pub input_rate: u32,
    /// Rate of what comes out, in Hz: another one, and within [`MAX_RATIO`].
    pub output_rate: u32,
    /// Channels, interleaved.
    pub channels: usize,
    /// Quality of the filter.
    pub quality: Quality,
    /// Length of the filter.
    pub latency: Latency,
    /// Whether 16-bit output is dithered. That costs 9 dB of noise, makes a little noise of silence, and is seeded by the
    /// time, so that no two runs give the same samples.
    pub dither: bool,
}

/// Why a [`Resampler`](crate::Resampler) could not be made, or refused a call. A refused call has consumed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResamplerError {
    /// One rate is 0, both are equal, or one is more than [`MAX_RATIO`] times the other.
    Rates {
        /// Hz.
        input: u32,
        /// Hz.
        output: u32,
    },
    /// The number of channels is 0, or not one that C can count.
    Channels(usize),
    /// The samples don't make the same number for each channel.
    Uneven {
        /// Samples of all channels that were given.
        samples: usize,
        /// Channels.
        channels: usize,
    },
    /// The output has less room than [`Resampler::max_output`](crate::Resampler::max_output) for this input.
    OutputTooSmall {
        /// Samples of all channels that it needs room for.
        needed: usize,
    },
    /// libsoxr's own complaint.
    Engine(String),
}

impl fmt::Display for ResamplerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rates { input, output } => write!(
                f,
                "{input} Hz to {output} Hz: use two different rates, neither more than {MAX_RATIO} times the other"
            ),
            Self::Channels(channels) => write!(f, "a resampler can't have {channels} channels; use at least 1"),
            Self::Uneven { samples, channels } => {
                write!(f, "{samples} samples are not whole frames of {channels} channels; pass a multiple")
            }
            Self::OutputTooSmall { needed } => {
                write!(f, "the output is too small; give it room for {needed} samples, as max_output says")
            }
            Self::Engine(complaint) => write!(f, "libsoxr: {complaint}"),
        }
    }
}

impl error::Error for ResamplerError {}

/// A filter, and what was measured with it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Filter {
    /// As a part of the lower Nyquist frequency; `None` as libsoxr's recipe has it.
    pub passband_end: Option<f64>,
    /// What is held back after a push of 10 ms, at worst.
    pub latency_ms: f64,
    /// More samples of a channel than are ever held back, at the output's rate.
    pub held_back: usize,
}
