//! `TrackWriter`: what becomes of samples that are not the track's kind, and what that costs in memory.
#![cfg(not(loom))]

use narrowcast_audio::{
    Format, Latency, PcmTrack, Quality, Resampler, ResamplerError, ResamplerSettings, TrackSample, TrackWriteError,
    TrackWriter,
};
use narrowcast_core::{Doorbell, Waiter, Wake};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator as it came. Counting neither allocates nor needs a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as the caller promised.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations(run: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    run();
    ALLOCATIONS.get() - before
}

fn writer(sample_rate: u32, channels: u32) -> TrackWriter {
    struct NoWake;
    impl Wake for NoWake {
        fn wake(&self) {}
    }
    let frame_samples = (sample_rate / 50 * channels) as usize;
    let waiter = Waiter::new(Arc::new(Doorbell::new(Box::new(NoWake))), 0);
    let format = Format { sample_rate, channels, frame_samples };
    TrackWriter::new(Arc::new(PcmTrack::new(format, (sample_rate * channels) as usize * 2, waiter)))
}

/// All that waits to be played, without the padding of an end.
fn drain(writer: &TrackWriter) -> Vec<i16> {
    let mut samples = vec![0; writer.track().buffered()];
    let channels = writer.track().format().channels as usize;
    let mut at = 0;
    while at < samples.len() {
        at += writer.track().take(&mut samples[at..at + channels]);
    }
    samples
}

fn written<S: TrackSample>(writer: &mut TrackWriter, pcm: &[S], rate: u32, channels: u32) -> Vec<i16> {
    writer.write(pcm, rate, channels, true).unwrap();
    drain(writer)
}

fn settings(input_rate: u32, output_rate: u32, channels: usize) -> ResamplerSettings {
    let (quality, latency) = (Quality::Medium, Latency::Low);
    ResamplerSettings { input_rate, output_rate, channels, quality, latency, dither: false }
}

/// What a resampler of its own makes of a whole stream.
fn resampled(settings: ResamplerSettings, pcm: &[i16]) -> Vec<i16> {
    let mut resampler = Resampler::<i16>::new(settings).unwrap();
    let mut output = vec![0; resampler.max_output(pcm.len())];
    let length = resampler.push(pcm, &mut output).unwrap();
    output.truncate(length);
    let mut rest = vec![0; resampler.remaining()];
    resampler.flush(&mut rest).unwrap();
    output.extend(rest);
    output
}

fn noise(count: usize) -> Vec<i16> {
    (0..count as u64).map(|i| (i.wrapping_mul(2_654_435_761) >> 16) as i16).collect()
}

#[test]
fn integers_of_the_tracks_own_kind_are_written_as_they_are() {
    let every: Vec<i16> = (i16::MIN..=i16::MAX).collect();
    assert_eq!(written(&mut writer(48_000, 2), &every, 48_000, 2), every);
}

#[test]
fn floating_point_is_rounded_and_clipped_and_what_is_no_number_is_silence() {
    let full = 1.0 / 32768.0;
    let floats = [
        0.0,
        1.0,
        -1.0,
        0.5,
        0.99999,
        1.5,
        -1.5,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::MAX,
        f32::NAN,
        -f32::NAN,
        f32::from_bits(0x7fc0_1234),
        0.4 * full,
        0.6 * full,
        -0.6 * full,
        f32::MIN_POSITIVE,
    ];
    let expected = [0, 32_767, -32_768, 16_384, 32_767, 32_767, -32_768, 32_767, -32_768, 32_767, 0, 0, 0, 0, 1, -1, 0];
    assert_eq!(written(&mut writer(48_000, 1), &floats, 48_000, 1), expected);
    let every: Vec<i16> = (i16::MIN..=i16::MAX).collect();
    let floats: Vec<f32> = every.iter().map(|sample| f32::from(*sample) / 32768.0).collect();
    assert_eq!(written(&mut writer(48_000, 1), &floats, 48_000, 1), every);
}

#[test]
fn one_channel_goes_to_all_and_several_become_one_by_their_average() {
    assert_eq!(
        written(&mut writer(8_000, 3), &[1i16, -2, 30_000], 8_000, 1),
        [1, 1, 1, -2, -2, -2, 30_000, 30_000, 30_000]
    );
    let stereo = [100i16, 200, -100, -200, 32_767, 32_767, -32_768, -32_768, 32_767, -32_768, 1, 2, -1, -2];
    assert_eq!(written(&mut writer(8_000, 1), &stereo, 8_000, 2), [150, -150, 32_767, -32_768, 0, 2, -1]);
    assert_eq!(written(&mut writer(8_000, 1), &[1.0f32, 0.0, -1.0, 0.0, 0.5, 0.0], 8_000, 3), [0, 5461]);
    let four: Vec<i16> = noise(64 * 3000);
    assert_eq!(written(&mut writer(8_000, 1), &four, 8_000, 64).len(), 3000);
    // More than is converted at a time.
    let long = noise(10_000);
    let twice: Vec<i16> = long.iter().flat_map(|sample| [*sample; 2]).collect();
    assert_eq!(written(&mut writer(8_000, 2), &long, 8_000, 1), twice);
}

#[test]
fn another_rate_is_resampled_however_it_is_cut() {
    let pcm = noise(24_000);
    let expected = resampled(settings(24_000, 48_000, 1), &pcm);
    assert_eq!(expected.len(), 48_000);
    for piece in [240, 1, 1000, 5_555, 24_000] {
        let mut writer = writer(48_000, 1);
        for piece in pcm.chunks(piece) {
            writer.write(piece, 24_000, 1, false).unwrap();
        }
        writer.write::<i16>(&[], 24_000, 1, true).unwrap();
        assert!(drain(&writer) == expected, "in pieces of {piece}");
    }
    let floats: Vec<f32> = pcm.iter().map(|sample| f32::from(*sample) / 32768.0).collect();
    assert!(written(&mut writer(48_000, 1), &floats, 24_000, 1) == expected, "as floating point");
}

#[test]
fn another_rate_with_other_channels_is_mixed_first_and_spread_last() {
    let pcm = noise(4_800);
    let mono = resampled(settings(16_000, 48_000, 1), &pcm);
    let stereo: Vec<i16> = pcm.iter().flat_map(|sample| [*sample; 2]).collect();
    assert!(written(&mut writer(48_000, 1), &stereo, 16_000, 2) == mono);
    let twice: Vec<i16> = mono.iter().flat_map(|sample| [*sample; 2]).collect();
    assert!(written(&mut writer(48_000, 2), &pcm, 16_000, 1) == twice);
    let both = resampled(settings(16_000, 48_000, 2), &pcm);
    assert!(written(&mut writer(48_000, 2), &pcm, 16_000, 2) == both);
}

#[test]
fn when_the_kind_changes_what_waited_goes_out_first() {
    let mut writer = writer(48_000, 1);
    let (a, b, c) = (noise(2_400), noise(4_800), noise(1_600));
    writer.write(&a, 24_000, 1, false).unwrap();
    writer.write(&b, 48_000, 1, false).unwrap();
    writer.write(&c, 16_000, 1, false).unwrap();
    let stereo: Vec<i16> = a.iter().flat_map(|sample| [*sample; 2]).collect();
    writer.write(&stereo, 24_000, 2, false).unwrap();
    writer.write::<i16>(&[], 24_000, 2, true).unwrap();
    let mut expected = resampled(settings(24_000, 48_000, 1), &a);
    expected.extend(&b);
    expected.extend(resampled(settings(16_000, 48_000, 1), &c));
    expected.extend(resampled(settings(24_000, 48_000, 1), &a));
    assert!(drain(&writer) == expected);
}

#[test]
fn another_type_in_the_middle_of_a_stream_changes_nothing() {
    let pcm = noise(24_000);
    let mut writer = writer(48_000, 1);
    for (number, piece) in pcm.chunks(240).enumerate() {
        let floats: Vec<f32> = piece.iter().map(|sample| f32::from(*sample) / 32768.0).collect();
        match number % 2 {
            0 => writer.write(piece, 24_000, 1, false).unwrap(),
            _ => writer.write(&floats, 24_000, 1, false).unwrap(),
        }
    }
    writer.write::<f32>(&[], 24_000, 1, true).unwrap();
    assert!(drain(&writer) == resampled(settings(24_000, 48_000, 1), &pcm));
}

#[test]
fn each_utterance_is_converted_for_itself() {
    let mut writer = writer(48_000, 1);
    let pcm = noise(2_401);
    let expected = resampled(settings(24_000, 48_000, 1), &pcm);
    for _ in 0..3 {
        assert!(written(&mut writer, &pcm, 24_000, 1) == expected);
    }
}

#[test]
fn discard_takes_back_what_waits_in_the_resampler_too() {
    let mut writer = writer(48_000, 1);
    let pcm = noise(2_400);
    writer.write(&[20_000i16; 2_400], 24_000, 1, false).unwrap();
    writer.interrupt();
    assert_eq!(writer.track().buffered(), 0);
    writer.write::<i16>(&[], 24_000, 1, true).unwrap();
    assert_eq!(writer.track().buffered(), 0, "the end of what was taken back");
    assert!(written(&mut writer, &pcm, 24_000, 1) == resampled(settings(24_000, 48_000, 1), &pcm));
}

#[test]
fn an_utterance_that_is_not_ended_is_ended_by_its_player_with_what_waits_in_the_resampler() {
    let writer = writer(48_000, 1).share();
    let track = writer.lock().unwrap().track().clone();
    let pcm = noise(4_800);
    let mut frame = [0; 480];
    for _ in 0..2 {
        writer.lock().unwrap().write(&pcm, 24_000, 1, false).unwrap();
        let end = writer.lock().unwrap().written();
        let mut heard: Vec<i16> = Vec::new();
        let mut silence = 0;
        while !track.has_played(end) {
            match track.take(&mut frame) {
                0 => silence += 1,
                samples => heard.extend(&frame[..samples]),
            }
        }
        assert!(heard == resampled(settings(24_000, 48_000, 1), &pcm), "{} samples of 9600", heard.len());
        assert_eq!(silence, 20, "for 200 ms more could come");
    }
    assert_eq!((track.take(&mut frame), track.heard(None)), (0, 19_200));
}

#[test]
fn an_utterance_with_a_number_goes_on_after_a_pause_of_its_writer() {
    let writer = writer(48_000, 1).share();
    let track = writer.lock().unwrap().track().clone();
    let utterance = writer.lock().unwrap().begin_utterance().unwrap();
    let mut frame = [0; 480];
    for _ in 0..3 {
        writer.lock().unwrap().write(&noise(240), 24_000, 1, false).unwrap();
        let end = writer.lock().unwrap().written();
        let frames = (0..100).take_while(|_| !track.has_played(end)).map(|_| track.take(&mut frame)).count();
        assert!(frames < 100, "its tail is heard");
        (0..100).for_each(|_| assert_eq!(track.take(&mut frame), 0));
    }
    assert_eq!((track.heard(Some(utterance)), track.heard(None)), (3 * 480, 3 * 480));
}

#[test]
fn a_writer_that_is_at_work_is_not_waited_for() {
    let writer = writer(48_000, 1).share();
    let track = writer.lock().unwrap().track().clone();
    writer.lock().unwrap().write(&noise(100), 24_000, 1, false).unwrap();
    let at_work = writer.lock().unwrap();
    let mut frame = [0; 480];
    assert!((0..100).all(|_| track.take(&mut frame) == 0), "it writes more");
    drop(at_work);
    assert!((0..100).any(|_| track.take(&mut frame) == 200));
}

#[test]
fn what_is_refused_changes_nothing() {
    let mut writer = writer(48_000, 2);
    let pcm = noise(2_400);
    writer.write(&pcm, 24_000, 1, false).unwrap();
    let before = writer.track().buffered();
    let uneven = TrackWriteError::Uneven { samples: 3, channels: 2 };
    assert_eq!(writer.write(&[1i16; 3], 48_000, 2, true), Err(uneven));
    for given in [0, 3, 64] {
        let channels = TrackWriteError::Channels { given, track: 2 };
        assert_eq!(writer.write(&[1i16; 192], 48_000, given, true), Err(channels));
    }
    let rates = |input| Err(TrackWriteError::Rate(ResamplerError::Rates { input, output: 48_000 }));
    assert_eq!(writer.write(&[1i16; 4], 0, 1, true), rates(0));
    assert_eq!(writer.write(&[1i16; 4], 100, 1, true), rates(100));
    assert_eq!(writer.track().buffered(), before);
    writer.write::<i16>(&[], 24_000, 1, true).unwrap();
    assert_eq!(drain(&writer).len(), 2 * 4_800, "the stream went on");
}

#[test]
fn errors_say_what_to_do() {
    let text = |error: TrackWriteError| error.to_string();
    assert_eq!(
        text(TrackWriteError::Channels { given: 3, track: 2 }),
        "3 channels can't be played by a track of 2; pass 1 channel, or 2"
    );
    assert!(text(TrackWriteError::Uneven { samples: 3, channels: 2 }).contains("pass a multiple"));
    assert!(text(TrackWriteError::Rate(ResamplerError::Rates { input: 0, output: 1 })).contains("0 Hz to 1 Hz"));
}

#[test]
fn taking_and_dropping_the_oldest_move_no_memory_and_allocate_nothing() {
    let mut writer = writer(48_000, 1);
    let (pcm, mut frame) = (noise(480), [0; 960]);
    writer.write(&pcm, 48_000, 1, false).unwrap();
    let track = writer.track().clone();
    let cost = allocations(|| {
        // Four times as much as is taken and 50 times as much as fits.
        for _ in 0..10_000 {
            writer.write(&pcm, 48_000, 1, true).unwrap();
            writer.write(&pcm, 48_000, 1, false).unwrap();
            track.take(&mut frame[..240]);
        }
        writer.interrupt();
    });
    assert_eq!(cost, 0);
    assert_eq!(track.capacity(), 96_000);
    for _ in 0..300 {
        writer.write(&pcm, 48_000, 1, false).unwrap();
    }
    assert_eq!(track.buffered(), 96_000, "the buffer is as long as it was told to be");
}

#[test]
fn writing_other_samples_allocates_nothing_either_once_their_kind_was_seen() {
    let mut writer = writer(48_000, 2);
    let (pcm, floats) = (noise(240), vec![0.25f32; 240]);
    let all = |writer: &mut TrackWriter| {
        writer.write(&pcm, 24_000, 1, false).unwrap();
        writer.write(&floats, 24_000, 1, false).unwrap();
    };
    for _ in 0..100 {
        all(&mut writer);
    }
    assert_eq!(allocations(|| (0..1_000).for_each(|_| all(&mut writer))), 0);
}
