//! `StreamWriter`: samples of any rate and channels into a stream, in equal pieces, and what an end and an interruption leave.
#![cfg(not(loom))]

use narrowcast_audio::{
    Format, Kind, Latency, PcmStream, Quality, Resampler, ResamplerSettings, StreamWriter, TrackWriteError,
};
use narrowcast_core::{Doorbell, Waiter, Wake};
use std::sync::Arc;

const RATES: [u32; 6] = [8_000, 16_000, 22_050, 24_000, 44_100, 48_000];

fn stream(sample_rate: u32, channels: u32, frame: u32) -> Arc<PcmStream> {
    struct NoWake;
    impl Wake for NoWake {
        fn wake(&self) {}
    }
    let waiter = Waiter::new(Arc::new(Doorbell::new(Box::new(NoWake))), 0);
    let format = Format { sample_rate, channels, frame_samples: (frame * channels) as usize };
    Arc::new(PcmStream::new(format, (sample_rate * channels) as usize * 4, waiter))
}

const fn mono(sample_rate: u32) -> Kind {
    Kind { sample_rate, channels: 1 }
}

fn read_all(stream: &PcmStream) -> Vec<i16> {
    let mut samples = vec![0; stream.buffered()];
    assert_eq!(stream.read(&mut samples).samples, samples.len());
    samples
}

fn tone(samples: u32, rate: u32) -> Vec<i16> {
    let at = |i: u32| (f64::from(i) * 440.0 * std::f64::consts::TAU / f64::from(rate)).sin() * 20_000.0;
    (0..samples).map(|i| at(i) as i16).collect()
}

/// What a resampler of its own makes of a whole stream.
fn resampled(pcm: &[i16], input_rate: u32, output_rate: u32) -> Vec<i16> {
    let (quality, latency) = (Quality::Medium, Latency::Low);
    let settings = ResamplerSettings { input_rate, output_rate, channels: 1, quality, latency, dither: false };
    let mut resampler = Resampler::<i16>::new(settings).unwrap();
    let mut output = vec![0; resampler.max_output(pcm.len())];
    let pushed = resampler.push(pcm, &mut output).unwrap();
    let mut rest = vec![0; resampler.remaining()];
    resampler.flush(&mut rest).unwrap();
    [&output[..pushed], &rest].concat()
}

#[test]
fn equal_pieces_in_make_equal_pieces_out_after_the_latency() {
    for input in RATES {
        for output in RATES.into_iter().filter(|output| *output != input) {
            // 20 ms are whole samples at all of these rates; 10 ms are 220.5 at 22.05 kHz.
            for ms in [20, 40] {
                let (piece, expected) = (input * ms / 1000, (output * ms / 1000) as usize);
                let stream = stream(output, 1, output / 100);
                let mut writer = StreamWriter::new(stream.clone());
                let pcm = tone(piece * 100, input);
                let pieces: Vec<usize> = pcm
                    .chunks(piece as usize)
                    .map(|pcm| {
                        writer.write(pcm, mono(input)).unwrap();
                        read_all(&stream).len()
                    })
                    .collect();
                let late: usize = pieces.iter().map(|piece| expected - piece).sum();
                let first = pieces.iter().position(|piece| *piece == expected).unwrap();
                assert!(
                    first <= 3 && pieces[first..].iter().all(|piece| *piece == expected),
                    "{input}-{output}: {pieces:?}"
                );
                assert!(late < output as usize / 40, "{input} Hz to {output} Hz holds back {late} samples");
            }
        }
    }
}

#[test]
fn what_comes_out_is_what_the_resampler_makes_however_it_was_cut() {
    let pcm = tone(8_000, 8_000);
    for piece in [1, 7, 160, 512, 8_000] {
        let stream = stream(16_000, 1, 512);
        let mut writer = StreamWriter::new(stream.clone());
        pcm.chunks(piece).for_each(|pcm| writer.write(pcm, mono(8_000)).unwrap());
        writer.finish().unwrap();
        assert_eq!(read_all(&stream), resampled(&pcm, 8_000, 16_000), "in pieces of {piece}");
    }
}

#[test]
fn a_flush_ends_a_turn_in_whole_frames_and_the_next_turn_is_as_the_first() {
    let stream = stream(16_000, 1, 512);
    let mut writer = StreamWriter::new(stream.clone());
    let mut turn = || {
        writer.write(&tone(1_000, 8_000), mono(8_000)).unwrap();
        writer.flush().unwrap();
        read_all(&stream)
    };
    let first = turn();
    let mut expected = resampled(&tone(1_000, 8_000), 8_000, 16_000);
    expected.resize(4 * 512, 0);
    assert_eq!(first, expected);
    assert_eq!(turn(), first);
}

#[test]
fn a_discard_leaves_nothing_to_the_next_turn() {
    let stream = stream(16_000, 1, 512);
    let mut writer = StreamWriter::new(stream.clone());
    writer.write(&[20_000; 1_001], mono(8_000)).unwrap();
    assert_eq!(writer.discard(), 2_002);
    writer.write(&[0; 1_024], mono(8_000)).unwrap();
    writer.flush().unwrap();
    assert_eq!(read_all(&stream), [0; 2_048]);
}

#[test]
fn channels_are_mixed_and_spread_and_a_new_kind_comes_behind_what_waits() {
    let stereo = stream(8_000, 2, 80);
    let mut writer = StreamWriter::new(stereo.clone());
    writer.write(&[1, 2], mono(8_000)).unwrap();
    writer.write(&[3, 4], Kind { sample_rate: 8_000, channels: 2 }).unwrap();
    assert_eq!(read_all(&stereo), [1, 1, 2, 2, 3, 4]);

    let mono_stream = stream(16_000, 1, 160);
    let mut writer = StreamWriter::new(mono_stream.clone());
    writer.write(&[100, 300, -100, -300], Kind { sample_rate: 16_000, channels: 2 }).unwrap();
    assert_eq!(read_all(&mono_stream), [200, -200]);
    writer.write(&[0; 80], mono(8_000)).unwrap();
    writer.write(&[7], mono(16_000)).unwrap();
    let all = read_all(&mono_stream);
    assert_eq!((all.len(), all.last()), (161, Some(&7)));
}

#[test]
fn samples_that_fit_nothing_are_refused_and_nothing_is_written() {
    let stream = stream(16_000, 2, 160);
    let mut writer = StreamWriter::new(stream.clone());
    let three = Kind { sample_rate: 16_000, channels: 3 };
    assert_eq!(writer.write(&[0; 6], three), Err(TrackWriteError::Channels { given: 3, track: 2 }));
    let two = Kind { sample_rate: 16_000, channels: 2 };
    assert_eq!(writer.write(&[0; 3], two), Err(TrackWriteError::Uneven { samples: 3, channels: 2 }));
    assert!(matches!(writer.write(&[0; 3], mono(1)), Err(TrackWriteError::Rate(_))));
    assert_eq!(stream.buffered(), 0);
}
