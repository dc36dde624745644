//! What a speech detector hears: mono at its own rate, made of any rate and channels.

use crate::resampler::Resampler;
use crate::resampler_settings::{Latency, Quality, ResamplerError, ResamplerSettings};

/// How much is mixed and resampled at a time, in parts of a second.
const PORTIONS_PER_SECOND: u32 = 100;

/// Makes mono at one rate of what comes in.
pub struct SpeechInput {
    /// Channels, interleaved.
    pub channels: usize,
    /// Samples of all channels that are converted at a time.
    pub portion: usize,
    mono: Box<[i16]>,
    /// `None`: the rate is right already.
    pub resampler: Option<(Resampler<i16>, Box<[i16]>)>,
    /// Samples of a channel that came in.
    pub taken: u64,
}

impl SpeechInput {
    /// For interleaved samples of `sample_rate` and so many channels, which become `output_rate`; both in Hz.
    pub fn new(sample_rate: u32, channels: usize, output_rate: u32) -> Result<Self, ResamplerError> {
        let frames = (sample_rate / PORTIONS_PER_SECOND).max(1) as usize;
        let resampler = if sample_rate == output_rate {
            None
        } else {
            let resampler = Resampler::new(ResamplerSettings {
                input_rate: sample_rate,
                output_rate,
                channels: 1,
                quality: Quality::Medium,
                latency: Latency::Low,
                dither: false,
            })?;
            // A flush returns no more than can be held back, which is part of this.
            let output = vec![0; resampler.max_output(frames)].into_boxed_slice();
            Some((resampler, output))
        };
        Ok(Self { channels, portion: frames * channels, mono: vec![0; frames].into_boxed_slice(), resampler, taken: 0 })
    }

    /// Takes one portion at most.
    pub fn convert<'a>(&'a mut self, portion: &'a [i16]) -> &'a [i16] {
        let Self { channels, mono, resampler, taken, .. } = self;
        let frames = portion.len() / *channels;
        *taken += frames as u64;
        let input = if *channels == 1 {
            portion
        } else {
            for (mixed, group) in mono.iter_mut().zip(portion.chunks_exact(*channels)) {
                // The mean of 16-bit numbers is one.
                *mixed = (group.iter().map(|&sample| i64::from(sample)).sum::<i64>() / *channels as i64) as i16;
            }
            &mono[..frames]
        };
        let Some((resampler, output)) = resampler else { return input };
        // The output has room for any portion; libsoxr then finds nothing to refuse.
        let written = resampler.push(input, output).unwrap_or(0);
        &output[..written]
    }

    /// The end of what is heard.
    pub fn start_anew(&mut self) {
        if let Some((resampler, output)) = &mut self.resampler {
            // What it held back is too short to be judged.
            let _ = resampler.flush(output);
        }
        self.taken = 0;
    }
}
