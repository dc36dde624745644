//! Frames of another rate than their stream's.

use crate::fake_engine::*;
use narrowcast_audio::{Format, Latency, PcmStream, Quality, Resampler, ResamplerSettings};
use narrowcast_livekit::{AudioSink, Sink, Taken};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// What comes in at the rate of the fake engine's frames.
fn settings() -> ResamplerSettings {
    ResamplerSettings {
        input_rate: RATE,
        output_rate: 6_000,
        channels: 1,
        quality: Quality::Medium,
        latency: Latency::Low,
        dither: false,
    }
}

/// Registers a stream of 6 kHz that the engine feeds with its own rate.
fn open(fake: &Fake) -> (u64, Arc<PcmStream>) {
    let handle = fake.handle();
    let stream =
        Arc::new(PcmStream::new(Format { sample_rate: 6_000, channels: 1, frame_samples: 1 }, 60_000, polling()));
    fake.engine.open_stream(handle, AudioSink::converted(stream.clone(), settings()).unwrap());
    (handle, stream)
}

fn noise(samples: i32) -> Vec<i16> {
    (0..samples).map(|i| ((i * 7919) % 40_000 - 20_000) as i16).collect()
}

/// What one resampler makes of it in one piece.
fn converted(pcm: &[i16]) -> Vec<i16> {
    let mut resampler = Resampler::new(settings()).unwrap();
    let mut output = vec![0; resampler.max_output(pcm.len())];
    let written = resampler.push(pcm, &mut output).unwrap();
    output.truncate(written);
    let mut tail = vec![0; resampler.remaining()];
    resampler.flush(&mut tail).unwrap();
    [output, tail].concat()
}

#[test]
fn they_are_converted_to_the_last_sample_however_long_they_are() {
    let fake = Fake::new();
    let (stream, pcm) = open(&fake);
    let played = noise(16_000);
    // Shorter, as long, and much longer than what is converted at a time.
    let mut rest = &played[..];
    for length in [1, 159, 160, 161, 480, 9_000, 6_039] {
        let (frame, after) = rest.split_at(length);
        let handle = fake.send_frame(stream, frame);
        assert_eq!(fake.drops(handle), 1);
        rest = after;
    }
    assert!(rest.is_empty());
    fake.send_eos(stream);

    let read = drain(&pcm);
    assert_eq!(read.len(), 6_000);
    assert_eq!(read, converted(&played));
    assert!(pcm.has_ended());
    assert_eq!(fake.engine.stats().audio.frames, 7);
    fake.counts_add_up();
}

#[test]
fn those_that_are_not_what_was_asked_for_are_refused() {
    let fake = Fake::new();
    let handle = fake.handle();
    let stream = Arc::new(PcmStream::new(Format { sample_rate: RATE, channels: 1, frame_samples: 1 }, 100, polling()));
    let other = ResamplerSettings { input_rate: 48_000, output_rate: RATE, ..settings() };
    fake.engine.open_stream(handle, AudioSink::converted(stream.clone(), other).unwrap());
    // It has the stream's rate, but 48 kHz were asked for.
    let frame = fake.send_frame(handle, &[1; 160]);
    assert_eq!((drain(&stream).len(), fake.engine.stats().audio.malformed, fake.drops(frame)), (0, 1, 1));
    fake.counts_add_up();
}

#[test]
fn all_that_came_is_there_when_all_streams_are_ended() {
    let fake = Fake::new();
    let (stream, pcm) = open(&fake);
    let played = noise(1_600);
    fake.send_frame(stream, &played);
    fake.engine.end_streams();
    fake.send_eos(stream);
    assert_eq!(drain(&pcm), converted(&played));
    fake.counts_add_up();
}

#[test]
fn ending_all_streams_while_frames_come_ends_each_once_and_loses_no_handle() {
    for _ in 0..200 {
        let fake = Fake::new();
        let (stream, pcm) = open(&fake);
        let sent = AtomicU32::new(0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..8 {
                    fake.send_frame(stream, &noise(1_600));
                    sent.fetch_add(1, Ordering::Release);
                }
            });
            while sent.load(Ordering::Acquire) < 2 {
                std::hint::spin_loop();
            }
            fake.engine.end_streams();
        });
        let stats = fake.engine.stats().audio;
        assert_eq!((stats.frames + stats.released, pcm.has_ended()), (8, true));
        // What was taken is there, the tail included.
        assert_eq!(drain(&pcm).len() as u64, stats.frames * 600);
        fake.all_dropped_once_but(&[stream]);
    }
}

#[test]
fn samples_that_come_after_the_end_are_refused_and_not_taken_for_another_beginning() {
    let stream =
        Arc::new(PcmStream::new(Format { sample_rate: 6_000, channels: 1, frame_samples: 1 }, 6_000, polling()));
    let sink = AudioSink::converted(stream.clone(), settings()).unwrap();
    assert_eq!(sink.write(&noise(160)), Taken::Delivered);
    sink.end_from_outside();
    assert_eq!(sink.write(&noise(160)), Taken::Ended);
    sink.end();
    assert_eq!(drain(&stream), converted(&noise(160)));
}
