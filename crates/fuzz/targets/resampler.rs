//! PCM cut at any frame, and flushed at any: the resampler gives what it gives for the whole, and as many samples as it says.
//!
//! `npm run fuzz -- resampler`

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use narrowcast_audio::{Latency, Quality, Resampler, ResamplerSettings};

#[derive(Arbitrary, Debug)]
struct Case {
    rates: (u8, u8),
    stereo: bool,
    low: bool,
    quick: bool,
    samples: Vec<i16>,
    cuts: Vec<u8>,
    /// Where the first of two streams ends.
    end: u16,
}

const RATES: [u32; 8] = [8_000, 11_025, 12_345, 16_000, 22_050, 24_000, 44_100, 48_000];

fuzz_target!(|case: Case| {
    let [input_rate, output_rate] = [case.rates.0, case.rates.1].map(|at| RATES[usize::from(at) % RATES.len()]);
    let channels = if case.stereo { 2 } else { 1 };
    let settings = ResamplerSettings {
        input_rate,
        output_rate,
        channels,
        quality: if case.quick { Quality::Quick } else { Quality::High },
        latency: if case.low { Latency::Low } else { Latency::Default },
        dither: false,
    };
    let (Ok(mut whole), Ok(mut cut)) = (Resampler::<i16>::new(settings), Resampler::<i16>::new(settings)) else {
        assert_eq!(input_rate, output_rate);
        return;
    };
    let samples = &case.samples[..case.samples.len() / channels * channels];
    let end = (usize::from(case.end) * channels).min(samples.len());
    // Two streams, one after the other: a flush leaves nothing behind.
    for stream in [&samples[..end], &samples[end..]] {
        let mut expected = push(&mut whole, stream);
        flush(&mut whole, &mut expected);

        let (mut rest, mut got, mut cuts) = (stream, Vec::new(), case.cuts.iter());
        while !rest.is_empty() {
            let frames = cuts.next().map_or(rest.len() / channels, |cut| usize::from(*cut));
            let piece;
            (piece, rest) = rest.split_at((frames * channels).min(rest.len()));
            got.extend(push(&mut cut, piece));
        }
        flush(&mut cut, &mut got);
        assert_eq!(got, expected);
        let frames = (stream.len() / channels) as u64 * u64::from(output_rate);
        let wanted = frames.div_ceil(input_rate.into()) as usize * channels;
        assert!(got.len().abs_diff(wanted) <= channels, "{} samples, and not {wanted}", got.len());
    }
});

fn push(resampler: &mut Resampler<i16>, input: &[i16]) -> Vec<i16> {
    let mut output = vec![0; resampler.max_output(input.len())];
    let count = resampler.push(input, &mut output).expect("whole frames, and room");
    output.truncate(count);
    output
}

fn flush(resampler: &mut Resampler<i16>, output: &mut Vec<i16>) {
    let at = output.len();
    output.resize(at + resampler.remaining(), 0);
    let count = resampler.flush(&mut output[at..]).expect("room for what remains");
    output.truncate(at + count);
}
