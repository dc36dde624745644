//! What a resampler promises: lengths, latency, accuracy, errors.

use narrowcast_audio::{Latency, Quality, Resampler, ResamplerError, ResamplerSettings, Sample};
use proptest::prelude::*;
use std::f64::consts::TAU;

const QUALITIES: [Quality; 5] = [Quality::Quick, Quality::Low, Quality::Medium, Quality::High, Quality::VeryHigh];

/// Pairs of rates that the benchmarks have, too.
const PAIRS: [(u32, u32); 4] = [(48_000, 16_000), (48_000, 24_000), (44_100, 16_000), (24_000, 48_000)];

fn settings(input_rate: u32, output_rate: u32) -> ResamplerSettings {
    ResamplerSettings {
        input_rate,
        output_rate,
        channels: 1,
        quality: Quality::Medium,
        latency: Latency::Default,
        dither: false,
    }
}

/// All that comes of `input`, cut into portions of so many samples, in turn.
fn convert<S: Sample>(resampler: &mut Resampler<S>, input: &[S], portions: &[usize]) -> Vec<S> {
    let mut result = Vec::new();
    let mut rest = input;
    let mut portions = portions.iter().cycle();
    while !rest.is_empty() {
        let (portion, later) = rest.split_at((*portions.next().unwrap()).min(rest.len()));
        let mut output = vec![S::default(); resampler.max_output(portion.len())];
        let written = resampler.push(portion, &mut output).unwrap();
        result.extend_from_slice(&output[..written]);
        rest = later;
    }
    let mut tail = vec![S::default(); resampler.remaining()];
    assert_eq!(resampler.flush(&mut tail).unwrap(), tail.len());
    result.extend_from_slice(&tail);
    result
}

fn converted<S: Sample>(settings: ResamplerSettings, input: &[S]) -> Vec<S> {
    convert(&mut Resampler::new(settings).unwrap(), input, &[usize::MAX])
}

fn tone(rate: u32, hz: f64, amplitude: f64, seconds: f64) -> Vec<f64> {
    let samples = (f64::from(rate) * seconds) as usize;
    (0..samples).map(|i| amplitude * (TAU * hz * i as f64 / f64::from(rate)).sin()).collect()
}

fn as_i16(samples: &[f64]) -> Vec<i16> {
    samples.iter().map(|sample| (sample * 32768.0).round() as i16).collect()
}

fn as_f32(samples: &[f64]) -> Vec<f32> {
    samples.iter().map(|sample| *sample as f32).collect()
}

/// The level of a tone of `hz` in the middle of `samples`, and of all else together, in dB below full scale.
fn levels(samples: &[f64], rate: u32, hz: f64) -> (f64, f64) {
    let middle = &samples[samples.len() / 4..samples.len() * 3 / 4];
    // Least squares for a·sin + b·cos + c, by the normal equations.
    let angle = |i: usize| TAU * hz * i as f64 / f64::from(rate);
    let base = |i: usize| [angle(i).sin(), angle(i).cos(), 1.0];
    let mut m = [[0.0; 4]; 3];
    for (i, sample) in middle.iter().enumerate() {
        for (row, x) in m.iter_mut().zip(base(i)) {
            for (cell, y) in row.iter_mut().zip(base(i)) {
                *cell += x * y;
            }
            row[3] += x * sample;
        }
    }
    for pivot in 0..3 {
        let scale = m[pivot][pivot];
        m[pivot].iter_mut().for_each(|cell| *cell /= scale);
        let pivot_row = m[pivot];
        for (_, row) in m.iter_mut().enumerate().filter(|(row, _)| *row != pivot) {
            let factor = row[pivot];
            row.iter_mut().zip(pivot_row).for_each(|(cell, above)| *cell -= factor * above);
        }
    }
    let fit = [m[0][3], m[1][3], m[2][3]];
    let power = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>() / middle.len() as f64;
    let signal = (fit[0] * fit[0] + fit[1] * fit[1]) / 2.0;
    let rest = power(
        &mut middle
            .iter()
            .enumerate()
            .map(|(i, sample)| sample - base(i).iter().zip(fit).map(|(x, factor)| x * factor).sum::<f64>()),
    );
    // A full-scale sine has a power of a half.
    (10.0 * (2.0 * signal).log10(), 10.0 * (2.0 * rest).max(1e-30).log10())
}

fn from_i16(samples: &[i16]) -> Vec<f64> {
    samples.iter().map(|sample| f64::from(*sample) / 32768.0).collect()
}

fn from_f32(samples: &[f32]) -> Vec<f64> {
    samples.iter().map(|sample| f64::from(*sample)).collect()
}

fn rounded(samples: usize, input_rate: u32, output_rate: u32) -> usize {
    (2 * samples * output_rate as usize + input_rate as usize) / (2 * input_rate as usize)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_cuts_make_no_difference_and_the_length_is_exact(
        rates in prop::sample::select(vec![
            (48_000, 16_000), (48_000, 24_000), (44_100, 16_000), (24_000, 48_000), (8_000, 48_000), (16_000, 24_000),
            (11_025, 48_000), (48_000, 44_100), (44_100, 44_101), (96_000, 1_000),
        ]),
        quality in prop::sample::select(QUALITIES.to_vec()),
        low in any::<bool>(),
        channels in 1..4usize,
        frames in 0..6000usize,
        cuts in prop::collection::vec(prop_oneof![Just(1), 1..20usize, 100..1000usize], 1..12),
        seed in any::<u32>(),
    ) {
        let (input_rate, output_rate) = rates;
        let latency = if low { Latency::Low } else { Latency::Default };
        let settings = ResamplerSettings { channels, quality, latency, ..settings(input_rate, output_rate) };
        let mut state = seed;
        let input: Vec<i16> = (0..frames * channels).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as i16
        }).collect();
        let cuts: Vec<usize> = cuts.iter().map(|frames| frames * channels).collect();
        let mut resampler = Resampler::new(settings).unwrap();
        let once = converted(settings, &input);
        prop_assert_eq!(once.len(), rounded(frames, input_rate, output_rate) * channels);
        prop_assert_eq!(&convert(&mut resampler, &input, &cuts), &once);
        // And a flush leaves nothing behind.
        prop_assert_eq!(&convert(&mut resampler, &input, &cuts), &once);

        let floats: Vec<f32> = input.iter().map(|sample| f32::from(*sample) / 32768.0).collect();
        let once = converted(settings, &floats);
        prop_assert_eq!(once.len(), rounded(frames, input_rate, output_rate) * channels);
        prop_assert_eq!(convert(&mut Resampler::new(settings).unwrap(), &floats, &cuts), once);
    }
}

#[test]
fn channels_are_kept_apart() {
    let settings = ResamplerSettings { channels: 5, ..settings(48_000, 16_000) };
    let tones: Vec<Vec<i16>> = (0..5).map(|i| as_i16(&tone(48_000, 500.0 * f64::from(i), 0.5, 0.2))).collect();
    let input: Vec<i16> = (0..tones[0].len()).flat_map(|i| tones.iter().map(move |tone| tone[i])).collect();
    let output = converted(settings, &input);
    for (channel, tone) in tones.iter().enumerate() {
        let alone = converted(ResamplerSettings { channels: 1, ..settings }, tone);
        let of_many: Vec<i16> = output.iter().copied().skip(channel).step_by(5).collect();
        assert_eq!(of_many, alone);
    }
}

#[test]
fn a_tone_comes_out_where_it_was() {
    // In phase with the input: the filter's own delay is taken out.
    let output = from_f32(&converted(settings(48_000, 16_000), &as_f32(&tone(48_000, 1_000.0, 0.5, 0.5))));
    for (sample, expected) in output.iter().zip(tone(16_000, 1_000.0, 0.5, 0.5)).skip(1000).take(6000) {
        assert!((sample - expected).abs() < 1e-4);
    }
}

#[test]
fn pushes_of_10_ms_hold_little_back_and_return_something_each() {
    for (input_rate, output_rate) in PAIRS {
        for quality in QUALITIES {
            for latency in [Latency::Default, Latency::Low] {
                let settings = ResamplerSettings { quality, latency, ..settings(input_rate, output_rate) };
                let mut resampler = Resampler::<i16>::new(settings).unwrap();
                let input = vec![0; input_rate as usize / 100];
                let mut output = vec![0; resampler.max_output(input.len())];
                let (mut worst, mut given, mut empty) = (0.0_f64, 0, 0);
                for push in 1..=2_000 {
                    let written = resampler.push(&input, &mut output).unwrap();
                    given += written;
                    worst = worst.max(f64::from(push) * 10.0 - given as f64 * 1000.0 / f64::from(output_rate));
                    empty += u32::from(written == 0 && push > 10);
                }
                let limit = match (latency, quality) {
                    (Latency::Low, _) => 10.0,
                    (Latency::Default, _) => 18.0,
                };
                let what = format!("{settings:?}, passband to {:?}: {worst} ms", resampler.passband_end());
                println!("{what}, {empty} empty");
                assert!(worst <= limit, "{what}");
                assert_eq!(empty, 0, "{what}");
                // What is told was measured over a shorter time.
                assert!((resampler.latency_ms() - worst).abs() < 0.5, "{} told, {what}", resampler.latency_ms());
            }
        }
    }
}

#[test]
fn telephone_rates_wait_longer_but_not_as_long_as_with_libsoxr_alone() {
    for (input_rate, output_rate, default, low) in [
        (8_000, 16_000, 25.0, 11.5),
        (16_000, 8_000, 25.0, 11.5),
        (8_000, 24_000, 15.5, 15.5),
        (24_000, 8_000, 15.5, 15.5),
        (8_000, 48_000, 20.0, 20.0),
        (48_000, 8_000, 16.0, 16.0),
    ] {
        for (latency, limit) in [(Latency::Default, default), (Latency::Low, low)] {
            let settings = ResamplerSettings { latency, ..settings(input_rate, output_rate) };
            let resampler = Resampler::<i16>::new(settings).unwrap();
            let (ms, end) = (resampler.latency_ms(), resampler.passband_end());
            println!("{settings:?}: {ms} ms, passband to {end:?}");
            assert!(ms <= limit, "{ms} ms, {settings:?}");
            assert!(latency == Latency::Low || end.is_none_or(|end| end >= 0.84), "{end:?}, {settings:?}");
        }
    }
}

#[test]
fn a_push_returns_no_more_than_max_output() {
    for rates in [(8_000, 48_000), (44_100, 16_000), (16_000, 44_100), (768_000, 3_000), (3_000, 768_000)] {
        for quality in QUALITIES {
            for latency in [Latency::Default, Latency::Low] {
                let settings = ResamplerSettings { quality, latency, ..settings(rates.0, rates.1) };
                let mut resampler = Resampler::<i16>::new(settings).unwrap();
                // Room to spare shows what would have come.
                for portion in [1, 7, 80, 441, 1000] {
                    let input = vec![0; portion];
                    let bound = resampler.max_output(portion);
                    let mut output = vec![0; bound * 2 + 100_000];
                    for _ in 0..2_000_usize.div_ceil(portion) {
                        let written = resampler.push(&input, &mut output).unwrap();
                        assert!(written <= bound, "{written} of {bound} for {portion}, {settings:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn tones_in_the_passband_stay_clean() {
    for latency in [Latency::Default, Latency::Low] {
        for hz in [1_000.0, 6_000.0] {
            for quality in [Quality::Medium, Quality::High, Quality::VeryHigh] {
                let settings = ResamplerSettings { quality, latency, ..settings(48_000, 16_000) };
                let input = tone(48_000, hz, 0.99, 2.0);
                let (level, rest) = levels(&from_i16(&converted(settings, &as_i16(&input))), 16_000, hz);
                println!("{quality:?} {latency:?} {hz} Hz, i16: {level:.3} dB, SNR {:.1} dB", level - rest);
                assert!(level - rest >= 95.0 && (-0.3..0.0).contains(&level), "{quality:?} {latency:?} {hz}");
                let (level, rest) = levels(&from_f32(&converted(settings, &as_f32(&input))), 16_000, hz);
                println!("{quality:?} {latency:?} {hz} Hz, f32: {level:.3} dB, SNR {:.1} dB", level - rest);
                let needed = if quality == Quality::Medium { 100.0 } else { 120.0 };
                assert!(level - rest >= needed, "{quality:?} {latency:?} {hz}");
            }
        }
    }
}

#[test]
fn what_is_above_the_new_band_is_gone_and_with_the_quick_quality_is_not() {
    let input = tone(48_000, 20_000.0, 1.0, 2.0);
    for latency in [Latency::Default, Latency::Low] {
        for quality in QUALITIES {
            let settings = ResamplerSettings { quality, latency, ..settings(48_000, 16_000) };
            let output = from_f32(&converted(settings, &as_f32(&input)));
            // Beside the first and the last moments: a tone that begins and ends has other frequencies, too.
            let middle = &output[2_000..output.len() - 2_000];
            let power: f64 = middle.iter().map(|sample| sample * sample).sum::<f64>() / middle.len() as f64;
            let level = 10.0 * (2.0 * power).max(1e-30).log10();
            println!("{quality:?} {latency:?}: alias {level:.1} dB");
            match quality {
                Quality::Quick => assert!(level > -1.0, "the documentation says that it has no filter: {level}"),
                Quality::Low => assert!(level < -90.0, "{level}"),
                _ => assert!(level < -100.0, "{quality:?} {latency:?}: {level}"),
            }
        }
    }
}

#[test]
fn silence_stays_silent_unless_dithered() {
    let silence = vec![0_i16; 48_000];
    for quality in QUALITIES {
        let settings = ResamplerSettings { quality, ..settings(48_000, 16_000) };
        assert!(converted(settings, &silence).iter().all(|sample| *sample == 0), "{quality:?}");
    }
    let dithered = converted(ResamplerSettings { dither: true, ..settings(48_000, 16_000) }, &silence);
    assert!(dithered.iter().any(|sample| *sample != 0) && dithered.iter().all(|sample| sample.abs() <= 1));
}

#[test]
fn a_full_scale_square_wave_is_clipped_and_never_wraps() {
    for quality in QUALITIES {
        for (input_rate, output_rate) in PAIRS {
            let settings = ResamplerSettings { quality, ..settings(input_rate, output_rate) };
            let half = input_rate as usize / 100;
            let input: Vec<i16> = (0..input_rate as usize)
                .map(|i| if (i / half).is_multiple_of(2) { i16::MAX } else { i16::MIN })
                .collect();
            let output = converted(settings, &input);
            // Away from its edges, where the filter rings, each half has its own sign.
            let half = output_rate as usize / 100;
            for (i, sample) in output.iter().enumerate().filter(|(i, _)| (half / 4..half * 3 / 4).contains(&(i % half)))
            {
                let high = (i / half).is_multiple_of(2);
                assert!(if high { *sample > 25_000 } else { *sample < -25_000 }, "{sample} at {i}, {settings:?}");
            }
            assert!(output.contains(&i16::MAX) && output.contains(&i16::MIN), "{settings:?}");
        }
    }
}

#[test]
fn bad_settings_are_refused() {
    for (input, output) in [(0, 0), (0, 48_000), (48_000, 0), (48_000, 48_000), (100, 25_601), (25_601, 100)] {
        let error = Resampler::<i16>::new(settings(input, output)).err();
        assert_eq!(error, Some(ResamplerError::Rates { input, output }));
    }
    assert!(Resampler::<i16>::new(settings(100, 25_600)).is_ok());
    for channels in [0, 1 << 32] {
        let error = Resampler::<i16>::new(ResamplerSettings { channels, ..settings(48_000, 16_000) }).err();
        assert_eq!(error, Some(ResamplerError::Channels(channels)));
    }
}

#[test]
fn a_refused_push_or_flush_consumes_nothing() {
    let settings = ResamplerSettings { channels: 2, ..settings(48_000, 16_000) };
    let input: Vec<i16> = (0..9_600).map(|i| (i * 37 % 20_000) as i16).collect();
    let expected = converted(settings, &input);

    let mut resampler = Resampler::new(settings).unwrap();
    let needed = resampler.max_output(input.len());
    let mut output = vec![0; needed];
    let too_small = Err(ResamplerError::OutputTooSmall { needed });
    assert_eq!(resampler.push(&input, &mut output[..needed - 1]), too_small);
    assert_eq!(resampler.push(&input, &mut []), too_small);
    let uneven = Err(ResamplerError::Uneven { samples: 9_599, channels: 2 });
    assert_eq!(resampler.push(&input[..9_599], &mut output), uneven);
    assert_eq!(resampler.remaining(), 0);

    let written = resampler.push(&input, &mut output).unwrap();
    let needed = resampler.remaining();
    let mut tail = vec![0; needed];
    let too_small = Err(ResamplerError::OutputTooSmall { needed });
    assert_eq!(resampler.flush(&mut tail[..needed - 1]), too_small);
    assert_eq!(resampler.flush(&mut tail), Ok(needed));
    assert_eq!([&output[..written], &tail].concat(), expected);
    assert_eq!(resampler.flush(&mut tail), Ok(0));
}

#[test]
fn nothing_in_is_nothing_out_and_no_end() {
    let mut resampler = Resampler::new(settings(48_000, 16_000)).unwrap();
    let mut output = vec![0; 1_000];
    assert_eq!(resampler.push(&[], &mut []), Ok(0));
    assert_eq!(resampler.flush(&mut []), Ok(0));
    let first = resampler.push(&[1_000_i16; 480], &mut output).unwrap();
    assert_eq!(resampler.push(&[], &mut output[..0]), Ok(0));
    let second = resampler.push(&[1_000_i16; 480], &mut output).unwrap();
    assert_eq!(first + second + resampler.remaining(), 320);
}

#[test]
fn only_what_is_returned_is_written() {
    let mut resampler = Resampler::new(settings(44_100, 16_000)).unwrap();
    let mut output = vec![7_i16; 2_000];
    let written = resampler.push(&[0; 441], &mut output).unwrap();
    assert!(output[..written].iter().all(|sample| *sample == 0) && output[written..].iter().all(|sample| *sample == 7));
    let mut tail = vec![7_i16; 2_000];
    let written = resampler.flush(&mut tail).unwrap();
    assert!(tail[..written].iter().all(|sample| *sample == 0) && tail[written..].iter().all(|sample| *sample == 7));
}

#[test]
fn errors_say_what_to_do() {
    for (error, words) in [
        (ResamplerError::Rates { input: 1, output: 0 }, "1 Hz to 0 Hz: use two different rates"),
        (ResamplerError::Channels(0), "use at least 1"),
        (ResamplerError::Uneven { samples: 3, channels: 2 }, "3 samples are not whole frames of 2 channels"),
        (ResamplerError::OutputTooSmall { needed: 9 }, "room for 9 samples"),
        (ResamplerError::Engine("no memory".to_owned()), "libsoxr: no memory"),
    ] {
        assert!(error.to_string().contains(words), "{error}");
    }
}
